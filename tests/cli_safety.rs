//! What the safety layer refuses before anything moves, and how it ends a drive: exit code, name, figure and key.
mod cli;

use cli::{Folder, robot_with};
use franka_imit::sim::{Options, Push};

/// Runs `run --sim` with a configuration and asserts the refusal.
fn refused(toml: &str, line: &str, words: &[&str]) {
    let folder = Folder::new();
    folder.write("mine.toml", toml);
    // From y = 0.30 to 0.34 m, beside the base.
    folder.write("beside.csv", "x_m,y_m,z_m\n0.05,0.30,0.487\n0.05,0.32,0.487\n0.05,0.34,0.487\n");
    folder.write("below.csv", "x_m,y_m,z_m\n0.45,0.0,0.05\n0.45,0.0,0.0\n0.45,0.0,-0.05\n");
    folder.run(&format!("run --sim --pace lockstep --config mine.toml {line}")).refused(2, words);
}

#[test]
fn a_path_that_leaves_the_box_is_refused_with_the_point_and_the_key() {
    refused(
        "[safety]\nbox_max_m = [1.0, 1.0, 0.49]\n",
        "--laps 1",
        &["trajectory circle", "at (0.500, ", "the box's upper z", "too much", "(safety.box_max_m)"],
    );
}

#[test]
fn a_path_into_the_table_is_refused_with_the_point_and_the_key() {
    refused(
        "",
        "--trajectory below.csv",
        &["trajectory below.csv", "at (0.450, 0.000, -0.0", "above the table", "(safety.table_z_m)"],
    );
}

#[test]
fn a_path_from_which_the_arm_could_not_stop_before_a_wall_is_refused_at_that_speed_alone() {
    let toml = "[safety]\nbox_max_m = [1.0, 1.0, 0.507]\n";
    refused(toml, "--speed-m-s 0.25", &["it could not stop in time at this speed", "(safety.box_max_m)"]);
    let folder = Folder::new();
    folder.write("mine.toml", toml);
    folder
        .run("run --sim --pace lockstep --config mine.toml --speed-m-s 0.25 --speed 0.1 --duration-s 1 --no-fine-tune")
        .says(0, &["done, at rest"]);
}

#[test]
fn a_way_to_the_start_through_a_wall_is_refused_before_the_arm_takes_it() {
    refused(
        "[safety]\nbox_max_m = [0.2, 1.0, 1.0]\n[sim]\nq_start_rad = [-1.4, -0.7854, 0.0, -2.3562, 0.0, 1.5708, 0.7854]\n",
        "--trajectory beside.csv",
        &[
            "to the start of the path the way is straight",
            "the box's upper x",
            "(safety.box_max_m)",
            "move the arm by hand",
        ],
    );
}

#[test]
fn an_arm_that_stands_where_it_may_not_be_is_not_moved() {
    refused(
        "[safety]\nbox_max_m = [0.3, 1.0, 1.0]\n",
        "--laps 1",
        &["the arm stands where it may not be", "the box's upper x", "0.007 m too much", "safety.box_max_m"],
    );
}

#[test]
fn a_box_turned_inside_out_and_a_wall_without_a_normal_are_refused_together() {
    refused(
        "[safety]\nbox_min_m = [0.5, -1.0, 0.0]\nbox_max_m = [0.4, 1.0, 1.0]\nwalls = [[0.0, 0.0, 0.0, 0.1]]\n",
        "--laps 1",
        &[
            "safety.box_min_m = 0.5: allowed below box_max_m = 0.4 (element 0)",
            "safety.walls = [0.0, 0.0, 0.0, 0.1]",
        ],
    );
}

#[test]
fn a_hand_on_the_arm_ends_the_drive_by_its_torque_and_the_report_keeps_the_limits() {
    let push = Push { after_s: 3.0, duration_s: 2.0, force_n: [0.0, 20.0, 0.0] };
    let sim = robot_with(60, Options { pushes: vec![push], ..Options::default() });
    let folder = Folder::new();
    folder.write("mine.toml", "[safety]\nexternal_torque_nm = [6.0, 6.0, 6.0, 6.0, 6.0, 6.0, 6.0]\n[robot]\nsilence_timeout_s = 2.0\n");
    let line = format!(
        "run --robot-ip {} --yes --speed 1 --laps 3 --no-fine-tune --config mine.toml --report r.json",
        sim.ip()
    );
    folder
        .run(&line)
        .says(4, &["external torque: joint 3 external torque by ", "(safety.external_torque_nm)"]);
    let report = folder.json("r.json");
    assert_eq!(report["safety"]["external_torque_nm"][0], 6.0);
    assert_eq!(report["nearest_limit"]["unit"], "Nm");
    assert!(report["nearest_limit"]["left"].as_f64().unwrap() < 0.0, "{}", report["nearest_limit"]);
}
