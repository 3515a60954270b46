//! What cannot be done is refused before anything moves, with exit code 2 and the words that mend it.
mod cli;

use cli::{Folder, robot};
use franka_imit::kinematics::hand_tool;
use franka_imit::policy::{Activation, Card, Layout, Network, Normalisation, Policy, Region};
use std::f64::consts::TAU;
use std::fmt::Write as _;

/// Runs `run --sim` on a trajectory file of the given contents and asserts the refusal.
fn refused_file(contents: impl AsRef<[u8]>, words: &[&str]) {
    let folder = Folder::new();
    folder.write("mine.csv", contents);
    folder.run("run --sim --trajectory mine.csv").refused(2, &[&["mine.csv"], words].concat());
}

/// A policy of the given width that knows the box around the circle.
fn untrained(inputs: usize) -> Policy {
    let network = Network::random(Layout::new(inputs, &[16]), Activation::Silu, 1);
    let mut card = Card::new(&hand_tool());
    card.region = Some(Region { min: vec![-1.0; inputs], max: vec![1.0; inputs] });
    Policy::new(network, Normalisation::identity(inputs), card).unwrap()
}

/// Runs `run --sim` with a policy file of the given bytes and asserts the refusal.
fn refused_policy(bytes: &[u8], trajectory: &str, words: &[&str]) {
    let folder = Folder::new();
    folder.write("p.safetensors", bytes);
    let line = format!("run --sim --policy p.safetensors --trajectory {trajectory}");
    folder.run(&line).refused(2, words);
}

#[test]
fn every_mistake_of_a_configuration_is_told_at_once_by_file_and_line() {
    let folder = Folder::new();
    folder.write(
        "mine.toml",
        "[motion]\nspeed_mm_s = 100\nspeed_m_s = 9.0\n[safety]\nlost_comands = 3\nvelocity_share = 2.0\n\
         [nonsense]\na = 1\n",
    );
    folder.run("run --sim --config mine.toml").refused(
        2,
        &[
            "mine.toml:2:1: motion.speed_mm_s: wrong unit: mm/s given, m/s expected",
            "mine.toml:3: motion.speed_m_s = 9: allowed above 0 to 1.7 m/s",
            "mine.toml:5:1: safety.lost_comands: unknown key; did you mean `lost_commands`?",
            "mine.toml:6: safety.velocity_share = 2: allowed",
            "mine.toml:7:2: nonsense: unknown section",
        ],
    );
}

#[test]
fn options_that_contradict_each_other_are_told_at_the_line_written_last() {
    let folder = Folder::new();
    folder.write("mine.toml", "[sde]\ntube_m = 0.01\ntube_release_m = 0.02\n");
    folder
        .run("run --sim --config mine.toml")
        .refused(2, &["mine.toml:3: sde.tube_release_m", "below tube_m"]);
}

#[test]
fn a_configuration_that_does_not_exist_is_named_with_the_presets() {
    Folder::new().run("run --sim --config none.toml").refused(2, &["none.toml", "original"]);
}

#[test]
fn a_trajectory_out_of_reach_is_told_by_its_place_and_joint() {
    refused_file("x_m,y_m,z_m\n0.5,0,0.4\n0.6,0,0.4\n1.2,0,0.4\n", &["cannot be followed at", "joint 4"]);
}

#[test]
fn a_timed_drawing_that_is_too_fast_is_told_by_place_and_factor() {
    let mut csv = "t_s,x_m,y_m,z_m\n".to_owned();
    for k in 0..=200 {
        let a = TAU * k as f64 / 200.0;
        writeln!(csv, "{},0.5,{},{}", k as f64 * 0.003, 0.1 * a.cos(), 0.4 + 0.1 * a.sin()).unwrap();
    }
    refused_file(csv, &["(0.500, ", "joint 4 needs", "multiply t_s by"]);
}

#[test]
fn a_file_without_points_is_refused() {
    refused_file("", &["holds no points", "t_s,x_m,y_m,z_m"]);
    refused_file("x_m,y_m,z_m\n", &["holds no points"]);
}

#[test]
fn a_ragged_file_is_told_by_its_line() {
    refused_file("x_m,y_m,z_m\n0.5,0,0.4\n0.5,0.1\n", &["line 3 has 2 columns, the header 3"]);
}

#[test]
fn millimetres_are_recognised() {
    refused_file("x_m,y_m,z_m\n500,0,400\n", &["line 2", "column x_m", "millimetres"]);
    refused_file("x_mm,y_mm,z_mm\n500,0,400\n", &["\"x_mm\" is in millimetres", "x_m"]);
}

#[test]
fn what_is_not_a_number_is_told_by_line_and_column() {
    refused_file("x_m,y_m,z_m\n0.5,NaN,0.4\n", &["line 2, column y_m", "\"NaN\"", "finite"]);
}

#[test]
fn an_unknown_shape_is_answered_with_the_nearest() {
    Folder::new().run("run --sim --trajectory cirlce").refused(2, &["cirlce", "did you mean \"circle\"?"]);
}

#[test]
fn a_trajectory_that_does_not_exist_is_named() {
    Folder::new().run("run --sim --trajectory none.csv").refused(2, &["none.csv", "No such file"]);
}

#[test]
fn numbers_out_of_range_are_refused_with_the_range_and_all_at_once() {
    let folder = Folder::new();
    folder.run("run --sim --speed-m-s 9").refused(2, &["--speed-m-s", "= 9", "0 to 1.7 m/s"]);
    folder.run("run --sim --speed -1").refused(2, &["--speed = -1: allowed 0.01 to 2"]);
    folder.run("run --sim --laps -1").refused(2, &["'-1' for '--laps"]);
    folder.run("run --sim --laps 0").refused(2, &["--laps = 0", "at least 1"]);
    folder
        .run("run --sim --speed 3 --duration-s nan --speed-m-s 0")
        .refused(2, &["--speed = 3: allowed 0.01 to 2", "--duration-s = NaN", "--speed-m-s"]);
}

#[test]
fn a_robot_cannot_wait_for_its_commands() {
    let line = "run --robot-ip 127.0.7.250 --pace lockstep --yes";
    Folder::new().run(line).refused(2, &["--pace lockstep", "only a simulated robot"]);
}

#[test]
fn an_arm_has_to_be_chosen_and_only_one() {
    Folder::new().run("run").refused(2, &["--sim", "--robot-ip"]);
    Folder::new().run("run --sim --robot-ip 127.0.7.250").refused(2, &["cannot be used with"]);
}

#[test]
fn files_that_could_not_be_written_are_refused_before_the_drive() {
    let folder = Folder::new();
    for option in ["--report", "--save-policy", "--wire-log"] {
        folder.run(&format!("run --sim {option} none/file")).refused(2, &[option, "none/file", "folder"]);
        folder.run(&format!("run --sim {option} .")).refused(2, &[option]);
    }
}

#[test]
fn a_policy_that_does_not_exist_is_named() {
    Folder::new()
        .run("run --sim --policy none.safetensors")
        .refused(2, &["none.safetensors", "No such file"]);
}

#[test]
fn a_damaged_policy_is_refused() {
    let whole = untrained(3).to_bytes();
    refused_policy(&whole[..whole.len() - 1], "circle", &["p.safetensors", "damaged", "train it again"]);
    let mut flipped = whole;
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    refused_policy(&flipped, "circle", &["p.safetensors", "damaged"]);
    refused_policy(b"no policy at all", "circle", &["damaged"]);
    refused_policy(b"", "circle", &["damaged"]);
}

#[test]
fn a_foreign_network_is_refused() {
    let header = br#"{"weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header);
    bytes.extend_from_slice(&1.0_f32.to_le_bytes());
    refused_policy(&bytes, "circle", &["not a file of franka-imit"]);
}

#[test]
fn a_policy_of_other_inputs_is_refused() {
    refused_policy(&untrained(4).to_bytes(), "circle", &["4 inputs", "3"]);
}

#[test]
fn a_policy_for_another_tool_that_cannot_be_taught_the_robots_is_refused_with_the_difference() {
    let mut policy = untrained(3);
    policy.card_mut().F_T_EE[14] += 0.05;
    let words = ["F_T_EE", "0.1534", "train with this tool", "not adapted", "% of its region can be reached"];
    refused_policy(&policy.to_bytes(), "circle", &words);
}

#[test]
fn a_trajectory_outside_the_policys_region_is_refused() {
    let mut policy = untrained(3);
    policy.card_mut().region = Some(Region { min: vec![0.49, -0.12, 0.28], max: vec![0.51, 0.12, 0.52] });
    refused_policy(
        &policy.to_bytes(),
        "square",
        &["leaves the region", "(0.350, 0.050, 0.500) m", "Train one"],
    );
    policy.card_mut().region = None;
    refused_policy(&policy.to_bytes(), "circle", &["does not say where it was trained"]);
}

#[test]
fn a_policy_that_would_drive_elsewhere_is_refused_with_how_far() {
    refused_policy(&untrained(3).to_bytes(), "circle", &["leaves the trajectory by up to", "allowed 20"]);
}

#[test]
fn a_real_arm_is_not_moved_unless_somebody_confirms() {
    let (folder, arm) = (Folder::new(), robot(1));
    let limits = "[safety]\nposition_margin_rad = 0.07\nvelocity_share = 0.6\ntool_speed_m_s = 0.31\ntable_z_m = 0.03\n";
    folder.write("c.toml", format!("{limits}[robot]\ncollision_force_n = [11.0, 12.0, 13.0]\n"));
    let ended = folder.run("run --robot-ip 127.0.7.1 --config c.toml");
    ended.refused(2, &["nobody is at the terminal", "--yes"]);
    ended.says(2, &["start ", "extent ", "speed ", "limits ", "reflex ", "load ", "10 % of the plan"]);
    // Each limit that was set is said before the question.
    ended.says(
        2,
        &["within 0.07 rad", "velocity 60 %", "at most 0.31 m/s", "z = 0.03 m", "[11.0, 12.0, 13.0] N"],
    );
    assert_eq!(arm.status().motions, 0);
}

#[test]
fn the_simulators_own_mistakes_are_usage_too() {
    let folder = Folder::new();
    folder.run("sim --bind 8.8.8.8").refused(2, &["bind", "loopback"]);
    folder.run("sim --fault dorp:state").refused(2, &["dorp:state", "did you mean `drop`?"]);
    folder.run("sim --fault help").says(0, &["mute-udp", "reflex=cartesian_reflex@2s"]);
    folder.run("sim --bind 127.0.7.4 --wire-log none/file").refused(2, &["none/file"]);
    folder.run("sim --object-width-m 0.09").refused(2, &["object_width_m = 0.09", "0 to 0.08 m"]);
    folder.run("sim --no-hand --object-width-m 0.02").refused(2, &["object_width_m = 0.02", "with a hand"]);
    folder.run("sim --bind 127.0.7.4 --truth none/file").refused(2, &["the truth", "none/file"]);
    folder.run("sim --bind 127.0.7.4 --truth 8.8.8.8:53").refused(2, &["truth = 8.8.8.8:53", "loopback"]);
    folder.run("sim --bind 127.0.7.4 --tool hnad").refused(2, &["--tool hnad", "hand", "none", "file"]);
    folder.write("tool.toml", "m_ee_kg = -1.0");
    folder.run("sim --bind 127.0.7.4 --tool tool.toml").refused(2, &["tool.m_ee_kg = -1", "0 to 10 kg"]);
    folder.write("choices.toml", "contact_levl = 2.0");
    folder.run("sim --bind 127.0.7.4 --choices choices.toml").refused(2, &["contact_levl", "contact_level"]);
    let _taken = robot(3);
    folder.run("sim --bind 127.0.7.3").refused(2, &["127.0.7.3:1337", "another loopback address"]);
}

#[test]
fn the_expert_and_the_judge_refuse_in_the_same_way() {
    let folder = Folder::new();
    folder.run("expert --trajectory drawing.txt --out x.json").refused(2, &["drawing.txt", ".json"]);
    folder.run("expert --trajectory none.json --out x.json").refused(2, &["none.json"]);
    folder.run("expert --trajectory box --out none/x.json --samples 20").refused(2, &["none/x.json"]);
    folder.write("p.safetensors", untrained(3).to_bytes());
    folder.run("eval --policy none.safetensors --trajectory circle").refused(2, &["none.safetensors"]);
    folder.run("eval --policy p.safetensors --trajectory cirlce").refused(2, &["circle"]);
    folder
        .run("eval --policy p.safetensors --trajectory circle --probe none/x.json")
        .refused(2, &["--probe none/x.json"]);
    folder
        .run("eval --policy p.safetensors --trajectory circle --seeds 0")
        .refused(2, &["--seeds", "1 to 100"]);
    folder
        .run("eval --policy p.safetensors --trajectory circle --episodes shove")
        .refused(2, &["shove", "push"]);
}

#[test]
fn training_is_refused_before_it_begins() {
    let folder = Folder::new();
    folder.run("train --data cirlce").refused(2, &["did you mean \"circle\"?"]);
    folder.run("train --data none.json").refused(2, &["none.json"]);
    folder.run("train --data circle --out none/p").refused(2, &["--out none/p"]);
    folder.run("train --data circle --lambda 1e9").refused(2, &["--lambda"]);
    folder.run("train --data circle --epochs 0").refused(2, &["--epochs 0"]);
    folder.write("labels.json", "[{\"joint_angles\": [0, 0, 0, 0, 0, 0, 0]}]");
    folder.run("train --data labels.json").refused(2, &["labels.json", "desired_end_effector_position"]);
}

#[test]
fn help_names_every_option_and_the_exit_codes() {
    let folder = Folder::new();
    folder.run("--help").says(0, &["run", "train", "expert", "eval", "sim", "Exit codes:", "run --sim"]);
    for (command, options) in [
        (
            "run",
            &[
                "--sim",
                "--robot-ip",
                "--trajectory",
                "--speed-m-s",
                "--speed",
                "--laps",
                "--duration-s",
                "--policy",
                "--save-policy",
                "--no-fine-tune",
                "--seed",
                "--pace",
                "--wire-log",
                "--truth",
                "--yes",
                "--config",
                "--report",
            ][..],
        ),
        (
            "train",
            &["--data", "--out", "--relabel", "--epochs", "--lambda", "--seed", "--config", "--report"],
        ),
        ("expert", &["--trajectory", "--out", "--redundancy", "--report"]),
        (
            "eval",
            &[
                "--policy",
                "--trajectory",
                "--network-only",
                "--seeds",
                "--episodes",
                "--data",
                "--no-baselines",
                "--jobs",
                "--probe",
                "--config",
                "--report",
            ],
        ),
        (
            "sim",
            &[
                "--bind",
                "--pace",
                "--seed",
                "--pose",
                "--payload-kg",
                "--arm-error",
                "--command-loss",
                "--tool",
                "--choices",
                "--wire-log",
                "--truth",
                "--duration-s",
            ],
        ),
    ] {
        let help = folder.run(&format!("{command} --help"));
        help.says(0, options).says(0, &["Exit codes:", "0 done", "5 the robot"]);
    }
}

#[test]
fn the_version_is_the_packages() {
    Folder::new().run("--version").says(0, &[concat!("franka-imit ", env!("CARGO_PKG_VERSION"))]);
}

#[test]
fn an_unknown_command_or_option_is_usage() {
    Folder::new().run("rum").refused(2, &["run"]);
    Folder::new().run("run --sim --lap 1").refused(2, &["--laps"]);
}
