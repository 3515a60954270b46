//! Taught motions: from an episode to a path, a policy and a drive.
#![allow(non_snake_case)] // Franka's own symbols
mod cli;

use cli::{Folder, wait_for};
use franka_imit::demonstration::episode::{Episode, Gripper, Meta, Options as Kept, Tick};
use franka_imit::demonstration::expert::{self, Expert};
use franka_imit::demonstration::{demo, drawing, mean, store, taught};
use franka_imit::kinematics::{Point, Pose, forward, hand_tool, to_column_major, tool_down};
use franka_imit::policy::{Input, Policy};
use franka_imit::robot::gripper::Wish;
use franka_imit::sim::{self, Pace, Sim};
use nalgebra::{UnitQuaternion, Vector3};
use serde_json::Value;
use std::net::IpAddr;

/// How long the arm rests before the motion and after it, ticks.
const IDLE: usize = 400;

/// Half a turn about (0.45, 0, 0.4) m, the tool nodding on the way, from 0 to 1; an elbow that is not our expert's.
fn pose(u: f64) -> Pose {
    let angle = 3.0 * u;
    let at = Point::new(0.45 + 0.08 * angle.cos(), 0.08 * angle.sin(), 0.4 + 0.03 * u);
    let nod = UnitQuaternion::from_axis_angle(&Vector3::y_axis(), 0.2 * (angle).sin());
    Pose::from_parts(at.into(), nod * tool_down())
}

/// The motion in `moving` ticks between two rests, as a hand that trembles by `tremor_m` would have guided it.
fn episode(moving: usize, tremor_m: f64) -> Episode {
    beside(moving, tremor_m, [0.0; 3])
}

/// The same, all of it moved by `off_m`.
fn beside(moving: usize, tremor_m: f64, off_m: [f64; 3]) -> Episode {
    let expert = Expert::new(expert::Options::default(), hand_tool());
    let tick = |k: usize| {
        let t = (k.saturating_sub(IDLE) as f64 / moving as f64).min(1.0);
        let u = t * t * t * (t * (6.0 * t - 15.0) + 10.0);
        let wave = tremor_m * (std::f64::consts::TAU * 9.0 * k as f64 * 1e-3).sin();
        let [x, y, z] = off_m;
        let trembling = Pose::translation(x, y + 0.3 * wave, z + wave) * pose(u);
        let q = expert.label_pose(&trembling).expect("in reach");
        let O_T_EE = to_column_major(&forward(&q, &hand_tool()));
        Tick { robot_time_ms: 5000 + k as u64, monotonic_ns: 1_000_000 * k as u64, q, O_T_EE, ..Tick::ZERO }
    };
    Episode { meta: Meta::default(), ticks: (0..moving + 2 * IDLE).map(tick).collect(), end: None }
}

fn save(folder: &Folder, name: &str, episode: &Episode) {
    std::fs::create_dir_all(folder.path("demos")).unwrap();
    let file = store::file_for(&folder.path("demos"), name).unwrap();
    store::save(&file, episode, Kept::default()).unwrap();
}

fn number(report: &Value, place: &str) -> f64 {
    report.pointer(place).and_then(Value::as_f64).unwrap_or_else(|| panic!("{place} of {report}"))
}

const QUICK: &str = "[network]\nhidden = [64, 64]\n[training]\nsteps = 2500\ntargets = 3000\n[robot]\nsilence_timeout_s = 5.0\n";
const RUN: &str = "run --sim --pace lockstep --config quick.toml --report r.json --trajectory";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("quick.toml", QUICK);
    folder
}

#[test]
fn the_path_of_a_taught_motion_has_its_pace_its_turns_and_its_joints_and_no_idle_ends() {
    let episode = episode(2000, 2e-4);
    let (path, motion) = taught::motion(&episode.ticks, &drawing::Options::default()).unwrap();
    assert!(motion.start_s > 0.3 && motion.start_s < 0.75, "{motion:?}");
    assert!(motion.end_s > 2.1 && motion.end_s < 2.5, "{motion:?}");
    let timing = path.timing().unwrap();
    assert_eq!(timing[0].0, 0.0);
    assert!((timing[timing.len() - 1].0 - (motion.end_s - motion.start_s)).abs() < 1e-9);
    assert!(!path.is_closed() && path.is_posed() && path.deviation_m() < 1.5e-3);
    for k in (0..1000).step_by(50) {
        let u = k as f64 * 1e-3;
        let at = path.nearest(&pose(u).translation.vector);
        assert!(at.distance_m < 1e-3, "{} at {u}", at.distance_m);
        let off = path.orientation(at.arc_m).angle_to(&pose(u).rotation);
        assert!(off < 0.01, "{off} at {u}");
        let q = path.taught(at.arc_m).unwrap();
        let there = forward(&q, &hand_tool()).translation.vector;
        assert!((there - path.point(at.arc_m)).norm() < 1e-3);
    }
    assert_eq!(
        taught::path(&episode.ticks, &drawing::Options::default()).unwrap().length_m(),
        path.length_m()
    );
}

#[test]
fn a_policy_learnt_from_a_folder_drives_a_demonstration_once_at_its_own_pace() {
    let folder = folder();
    save(&folder, "nod", &episode(2000, 1e-4));
    save(&folder, "again", &episode(2500, 1e-4));
    let trained = folder.run("train --data demos --config quick.toml --out p.safetensors --report t.json");
    trained.says(0, &["asked with poses"]);
    let data = folder.json("t.json")["data"].as_array().unwrap().len();
    assert_eq!(data, 2, "each episode is a demonstration");
    assert_eq!(Policy::load(&folder.path("p.safetensors")).unwrap().card().input, Input::Pose);

    let ended = folder.run(&format!("{RUN} demo:nod --policy p.safetensors"));
    ended.says(0, &["demo:nod", "smoothing moved the drawing", "done, at rest"]);
    let report = folder.json("r.json");
    assert!((1.8..2.6).contains(&number(&report, "/trajectory/lap_s")), "{ended}");
    assert_eq!(number(&report, "/trajectory/stretch"), 1.0);
    let cycles = number(&report, "/cycles");
    assert!(
        number(&report, "/contour_error_mm/max") < 3.0 && number(&report, "/contour_error_mm/mean") < 1.0
    );
    assert!(number(&report, "/orientation_error_mrad/max") < 20.0, "{ended}");
    // Twice as slow, and by the file's own place.
    let ended = folder.run(&format!("{RUN} demo:demos/nod.mcap --policy p.safetensors --speed 0.5"));
    ended.says(0, &["done, at rest"]);
    let more = number(&folder.json("r.json"), "/cycles") - cycles;
    assert!(more > 1500.0, "{more} cycles more at half the pace");
    // Judged and labelled by the same name.
    let line = "eval --network-only --policy p.safetensors --trajectory demo:nod --config quick.toml";
    folder.run(line).says(0, &["along demo:nod: error mean"]);
    folder.run("expert --trajectory demo:nod --out labels.json").says(0, &["labels.json"]);
}

#[test]
fn a_motion_that_is_too_fast_for_the_arm_is_retimed_and_it_is_said_where_and_why() {
    let folder = folder();
    save(&folder, "hasty", &episode(220, 0.0));
    let ended = folder.run(&format!("{RUN} demo:hasty"));
    ended
        .says(0, &["demo:hasty is retimed", "times slower than taught", "joint", "allowed", "done, at rest"]);
    assert!(number(&folder.json("r.json"), "/trajectory/stretch") > 1.1);
}

#[test]
fn what_is_no_motion_to_follow_is_refused_with_its_name_its_place_and_the_mend() {
    let folder = folder();
    let whole = episode(600, 0.0);
    let still = Episode { ticks: whole.ticks[..IDLE].to_vec(), ..whole.clone() };
    save(&folder, "still", &still);
    folder.run(&format!("{RUN} demo:still")).refused(2, &["still.mcap", "no motion", "replay"]);

    let mut lost = whole.clone();
    lost.ticks.drain(650..750);
    save(&folder, "lost", &lost);
    folder
        .run(&format!("{RUN} demo:lost"))
        .refused(2, &["lost.mcap", "at 0.750 s 100 ms are missing", "doctor"]);
    folder.run("train --data demos").refused(2, &["lost.mcap"]);
    std::fs::remove_file(folder.path("demos/lost.mcap")).unwrap();

    save(&folder, "cut", &whole);
    let bytes = folder.read("demos/cut.mcap");
    folder.write("demos/cut.mcap", &bytes[..bytes.len() / 2]);
    folder.run(&format!("{RUN} demo:cut")).refused(2, &["cut.mcap", "damaged", "demos repair"]);

    folder.write("demos/other.mcap", "t_s,x_m,y_m,z_m\n");
    folder.run(&format!("{RUN} demo:other")).refused(2, &["other.mcap", "no MCAP file"]);
    folder.run(&format!("{RUN} demo:oter")).refused(2, &["no episode \"oter\"", "did you mean \"other\""]);
    folder.run(&format!("{RUN} demos/cut.mcap")).refused(2, &["an episode is named demo:FILE"]);
    std::fs::create_dir(folder.path("none")).unwrap();
    folder.run("train --data none").refused(2, &["none: no episode", "teach --out none"]);

    let mut long = whole.clone();
    let tool = hand_tool() * Pose::translation(0.0, 0.0, 0.1);
    long.meta.robot.F_T_EE = to_column_major(&tool);
    long.ticks.iter_mut().for_each(|tick| tick.O_T_EE = to_column_major(&forward(&tick.q, &tool)));
    save(&folder, "long", &long);
    folder
        .run(&format!("{RUN} demo:long"))
        .refused(2, &["demo:long was taught with another tool", "100.0 mm", "Desk"]);
}

#[test]
fn several_demonstrations_are_followed_in_their_middle_and_at_their_mean_pace() {
    let folder = folder();
    save(&folder, "low", &beside(1500, 0.0, [0.0, 0.0, -0.006]));
    save(&folder, "high", &beside(2500, 0.0, [0.0, 0.0, 0.006]));
    save(&folder, "near", &beside(2000, 1e-4, [0.0, 0.0, 0.0]));
    let names =
        ["low", "high", "near"].map(|name| folder.path(&format!("demos/{name}.mcap")).display().to_string());
    let options = drawing::Options::default();
    let demo = demo::load(&names.join(","), &options).unwrap();
    for k in (50..950).step_by(50) {
        let off_m = demo.path.distance(&pose(k as f64 * 1e-3).translation.vector);
        assert!(off_m < 1e-3, "{off_m} at {k}");
    }
    let duration_s = mean::duration_s(&demo.path).unwrap();
    let each =
        names.each_ref().map(|name| mean::duration_s(&demo::load(name, &options).unwrap().path).unwrap());
    assert!((duration_s - each.iter().sum::<f64>() / 3.0).abs() < 0.02, "{duration_s} of {each:?}");
    // All of a folder, as one.
    let whole = demo::load(&folder.path("demos").display().to_string(), &options).unwrap();
    assert!((whole.path.length_m() - demo.path.length_m()).abs() < 1e-3);
    // Another motion has no place among them.
    save(&folder, "other", &beside(1500, 0.0, [0.0, 0.0, 0.15]));
    folder
        .run(&format!("{RUN} demo:low,high,other"))
        .refused(2, &["demonstration", "not the same motion", "leave it out"]);
}

#[test]
fn lost_states_at_rest_are_bridged_and_said() {
    let mut episode = episode(600, 0.0);
    episode.ticks.drain(100..150);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.mcap");
    store::save(&file, &episode, Kept::default()).unwrap();
    let demo = demo::of_file(&file, &drawing::Options::default()).unwrap();
    let [note] = demo.notes.as_slice() else { panic!("{:?}", demo.notes) };
    assert!(note.to_string().contains("50 ms are missing at 1 places"), "{note}");
}

#[test]
fn the_gripper_closes_and_opens_where_it_was_closed_and_opened_when_it_was_taught() {
    let folder = folder();
    let mut taught = episode(2000, 0.0);
    for (k, tick) in taught.ticks.iter_mut().enumerate() {
        let (width_m, is_grasped) = match k {
            0..1000 => (0.08, false),
            1000..1040 => (0.08 - 0.05 * (k - 999) as f64 / 40.0, false),
            1040..2000 => (0.03, true),
            _ => (0.08, false),
        };
        tick.gripper = Some(Gripper { width_m, is_grasped });
    }
    save(&folder, "pick", &taught);
    let demo = demo::of_file(&folder.path("demos/pick.mcap"), &drawing::Options::default()).unwrap();
    let at = |k: usize| demo.grips[k].at_s + demo.motion.start_s;
    assert_eq!(demo.grips.iter().map(|grip| grip.wish).collect::<Vec<_>>(), [Wish::Close, Wish::Open]);
    assert!((at(0) - 1.0).abs() < 0.005 && (at(1) - 2.0).abs() < 0.005, "{:?}", demo.grips);

    let options = sim::Options {
        bind: IpAddr::from([127, 21, 0, 1]),
        pace: Pace::Lockstep,
        lockstep_timeout_s: 0.3,
        object_width_m: Some(0.03),
        ..sim::Options::default()
    };
    let sim = Sim::start(options).expect("the simulated robot starts");
    let line = "run --config quick.toml --report r.json --trajectory demo:pick --gripper --speed 1 --yes --no-fine-tune";
    let program = folder.start(&format!("{line} --robot-ip {}", sim.ip()));
    // The arm does not wait for the fingers, and without its clock it is done before they are.
    wait_for(&sim, "closing", |s| s.hand.is_some_and(|hand| hand.width_m < 0.079));
    program.wait().says(0, &["gripper  closed at", "opened at", "done, at rest"]);
    let report = folder.json("r.json");
    for (k, wish) in ["close", "open"].iter().enumerate() {
        let asked = &report["gripper"][k];
        assert_eq!(asked["wish"], *wish);
        assert!(number(asked, "/asked_s") >= number(asked, "/due_s"), "{asked}");
    }
    let apart = number(&report, "/gripper/1/due_s") - number(&report, "/gripper/0/due_s");
    assert!((apart - 1.0).abs() < 0.01, "{apart}");
}

const REPLAY: &str = "replay --sim --pace lockstep --report r.json --config quick.toml";

#[test]
fn an_episode_is_played_back_where_and_when_it_was_taught() {
    let folder = folder();
    save(&folder, "nod", &episode(2000, 1e-4));
    let ended = folder.run(&format!("{REPLAY} nod"));
    ended.says(0, &["1.00 of that pace", "done, at rest", "limiter active in 0", "from the taught path"]);
    let report = folder.json("r.json");
    assert_eq!((report["ending"].as_str(), number(&report, "/rate")), (Some("done"), 1.0));
    assert!(
        number(&report, "/contour_error_mm/mean") < 1.0 && number(&report, "/contour_error_mm/max") < 3.0
    );
    assert!(number(&report, "/tracking_error_mm/mean") < 2.0, "{ended}");
    assert!(number(&report, "/orientation_error_mrad/max") < 10.0, "{ended}");
    assert!((0..7).all(|j| number(&report, &format!("/joint_error_mrad/{j}/max")) < 10.0), "{ended}");
    let cycles = number(&report, "/cycles");
    folder.run(&format!("{REPLAY} demos/nod.mcap --speed 0.5")).says(0, &["0.50 of that pace"]);
    assert!(number(&folder.json("r.json"), "/cycles") > cycles + 1800.0);
}

#[test]
fn a_playback_that_ends_early_leaves_its_last_seconds() {
    let folder = folder();
    save(&folder, "nod", &episode(2000, 0.0));
    folder.write("stop.toml", "[sim]\nfaults = [\"reflex=joint_reflex@motion+2s\"]\n");
    folder
        .run(&format!("{REPLAY} --config stop.toml nod"))
        .says(3, &["joint_reflex", "why      Robot", "black-box-"]);
    let report = folder.json("r.json");
    assert_eq!((&report["ending"], &report["black_box"]["culprit"]), (&"failed".into(), &"robot".into()));
}

#[test]
fn a_dry_run_says_how_near_every_joint_comes_to_its_limits_and_moves_nothing() {
    let folder = folder();
    save(&folder, "nod", &episode(2000, 0.0));
    let ended = folder.run("replay nod --dry-run --report r.json");
    ended.says(0, &["motion   ", "velocity %", "jerk %", "limits   the nearest"]);
    let report = folder.json("r.json");
    assert_eq!((&report["robot"], number(&report, "/cycles")), (&Value::Null, 0.0));
    let share = |key: &str| {
        let worst = |k: usize| number(&report, &format!("/demands/{k}/{key}/share"));
        (0..7).map(worst).fold(0.0, f64::max)
    };
    assert!(share("velocity") > 0.05 && share("velocity") < 0.5 && share("acceleration") < 0.4);
    let before = share("velocity");
    folder.run("replay nod --dry-run --speed 0.5 --report r.json").says(0, &["0.50 of that pace"]);
    let slower = number(&folder.json("r.json"), "/demands/1/velocity/share");
    assert!(slower < 0.6 * before, "{slower} {before}");
}

#[test]
fn an_episode_that_is_too_fast_for_the_arm_is_played_slower_and_it_is_said_why() {
    let folder = folder();
    save(&folder, "hasty", &episode(600, 0.0));
    let ended = folder.run(&format!("{REPLAY} hasty"));
    ended.says(0, &["hasty is retimed", "joint", "limit, allowed", "limiter active in 0", "done, at rest"]);
    let report = folder.json("r.json");
    assert!((0.2..0.95).contains(&number(&report, "/rate")), "{ended}");
    assert!(number(&report, "/contour_error_mm/max") < 3.0, "{ended}");
}

#[test]
fn what_cannot_be_played_back_is_refused_before_anything_moves() {
    let folder = folder();
    let whole = episode(600, 0.0);
    save(&folder, "still", &Episode { ticks: whole.ticks[..IDLE].to_vec(), ..whole.clone() });
    folder.run(&format!("{REPLAY} still")).refused(2, &["still", "no joint moves"]);
    save(&folder, "nod", &whole);
    folder.run(&format!("{REPLAY} nodd")).refused(2, &["no episode \"nodd\"", "did you mean \"nod\""]);
    folder.run("replay nod").refused(2, &["--sim", "--robot-ip"]);
    folder.run(&format!("{REPLAY} nod --speed 5")).refused(2, &["--speed = 5", "0.01 to 2"]);
    folder.write("low.toml", "[safety]\nbox_max_m = [0.8, 0.8, 0.42]\n");
    let ended = folder.run("replay nod --dry-run --config low.toml");
    ended.refused(2, &["nod: ", "after its start", "safety.box_max_m"]);
    let bytes = folder.read("demos/nod.mcap");
    folder.write("demos/nod.mcap", &bytes[..bytes.len() / 2]);
    folder.run(&format!("{REPLAY} nod")).refused(2, &["damaged", "demos repair"]);
}
