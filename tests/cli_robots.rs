//! Robots that are not there, not ready, or stop: the exit code, the name of the fault, and what to do.
mod cli;

use cli::{Folder, Running, robot, robot_by_the_clock, robot_with, wait_for};
use franka::{RealtimeConfig, Robot};
use franka_imit::robot::{ERROR_NAMES, Mode};
use franka_imit::sim::{Options, Sim, Status};
use serde_json::Value;
use std::net::TcpListener;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How much later than its own time limit a command may end: its start and its last words.
const SLACK: Duration = Duration::from_millis(1500);

fn error(name: &str) -> usize {
    ERROR_NAMES.iter().position(|n| *n == name).expect("an error's name")
}

/// A policy for the circle, trained once by the program itself.
fn policy() -> &'static [u8] {
    static POLICY: OnceLock<Vec<u8>> = OnceLock::new();
    POLICY.get_or_init(|| {
        let folder = Folder::new();
        folder.run("run --sim --pace lockstep --duration-s 0.5 --no-fine-tune --save-policy p").says(0, &[]);
        folder.read("p")
    })
}

/// A drive along the circle by a trained policy, for as long as nobody ends it.
struct Drive {
    folder: Folder,
    program: Running,
}

impl Drive {
    fn start(sim: &Sim) -> Drive {
        // A busy machine may keep the simulated robot from running for a while.
        Drive::start_with(sim, 3.0)
    }

    /// The same with a limit on the robot's silence, s.
    fn start_with(sim: &Sim, silence_s: f64) -> Drive {
        let folder = Folder::new();
        folder.write("p.safetensors", policy());
        folder.write("c.toml", format!("[robot]\nsilence_timeout_s = {silence_s}\n"));
        let line = format!(
            "run --robot-ip {} --config c.toml --yes --speed 1 --laps 10000 --policy p.safetensors --report r.json",
            sim.ip()
        );
        let program = folder.start(&line);
        Drive { folder, program }
    }

    /// A drive that follows the curve: the approach takes less than three seconds.
    fn in_motion(sim: &Sim) -> Drive {
        Drive::start(sim).reaches(sim, 4000)
    }

    /// Waits until the robot has taken so many commands.
    fn reaches(mut self, sim: &Sim, commands: u64) -> Drive {
        wait_for(sim, "driving", |s| {
            assert!(!self.program.has_ended(), "the drive has ended early: {s:?}\n{}", self.program.words());
            s.commands_received > commands
        });
        self
    }

    /// Waits for the end with `code`; returns the report.
    fn ends(self, code: i32, words: &[&str]) -> Value {
        self.ends_in(code, words).0
    }

    /// The same, with the folder in which it ran.
    fn ends_in(self, code: i32, words: &[&str]) -> (Value, Folder) {
        self.program.wait().says(code, words);
        (self.folder.json("r.json"), self.folder)
    }
}

/// Waits until the arm has left the motion, and asserts that it was left in peace.
fn rests(sim: &Sim) -> Status {
    let status = wait_for(sim, "the motion has ended", |s| s.mode != Mode::Move);
    assert_eq!((status.mode, status.errors.is_empty()), (Mode::Idle, true), "{status:?}");
    status
}

/// The one black box that was kept.
fn black_box(folder: &Folder) -> Value {
    let kept = std::fs::read_dir(folder.path("state/franka-imit")).expect("a folder of black boxes");
    let files: Vec<_> = kept.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    serde_json::from_slice(&std::fs::read(&files[0]).unwrap()).unwrap()
}

fn faults(report: &Value) -> String {
    assert_eq!(report["ending"], "failed");
    let faults = report["faults"].as_array().expect("faults is a list");
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults[0].as_str().expect("a fault is text").to_owned()
}

#[test]
fn an_address_where_nothing_listens_is_told_at_once() {
    let ended = Folder::new().run("run --robot-ip 127.0.7.250 --yes");
    ended.refused(5, &["no robot answers at 127.0.7.250, port 1337", "Connection refused", "FCI"]);
    assert!(ended.took < SLACK, "{ended}");
}

#[test]
fn a_port_that_accepts_and_never_answers_is_given_up() {
    let _silent = TcpListener::bind(("127.0.7.10", 1337)).unwrap();
    let ended = Folder::new().run("run --robot-ip 127.0.7.10 --yes");
    ended.refused(5, &["127.0.7.10", "nothing answered within 2.0 s"]);
    assert!(ended.took < Duration::from_secs(3) + SLACK, "{ended}");
}

#[test]
fn a_robot_of_another_protocol_version_is_told_with_both() {
    let _robot = robot_with(11, Options { protocol_version: 6, ..Options::default() });
    let ended = Folder::new().run("run --robot-ip 127.0.7.11 --yes");
    ended.refused(5, &["127.0.7.11 speaks version 6", "this program version 5", "Panda"]);
}

#[test]
fn a_robot_that_serves_another_client_is_left_in_peace() {
    let sim = robot(12);
    let _first = Robot::new(&sim.ip().to_string(), RealtimeConfig::Ignore, 1).unwrap();
    let served = wait_for(&sim, "the first client is served", |s| s.client.is_some()).client;
    Folder::new().run("run --robot-ip 127.0.7.12 --yes").refused(5, &["no other client is connected"]);
    assert_eq!(sim.status().client, served);
}

#[test]
fn a_robot_in_user_stop_is_told_with_what_to_do() {
    let sim = robot(13);
    sim.press_user_stop(true);
    wait_for(&sim, "user stop", |s| s.mode == Mode::UserStopped);
    let ended = Folder::new().run("run --robot-ip 127.0.7.13 --yes");
    ended.refused(3, &["UserStopped", "Release the user stop"]);
}

#[test]
fn a_robot_in_reflex_is_told_with_its_error_and_what_to_do() {
    let sim = robot(14);
    sim.trigger_reflex(error("joint_reflex"));
    wait_for(&sim, "reflex", |s| s.mode == Mode::Reflex);
    let ended = Folder::new().run("run --robot-ip 127.0.7.14 --yes");
    ended.refused(3, &["Reflex", "joint_reflex", "Clear the error"]);
}

#[test]
fn ctrl_c_sigterm_and_a_terminal_that_goes_bring_the_arm_to_rest_within_a_second() {
    let stops_by = |signal: &str, last: u8| {
        let sim = robot_by_the_clock(last);
        let drive = Drive::start(&sim).reaches(&sim, 3000);
        let sent_ms = sim.status().time_ms;
        drive.program.signal(signal);
        let took_ms = rests(&sim).time_ms - sent_ms;
        assert!(took_ms < 1000, "SIG{signal}: {took_ms} ms");
        let report = drive.ends(0, &["stopped as asked, at rest"]);
        assert_eq!((&report["ending"], &report["faults"]), (&"stopped".into(), &Value::Array(vec![])));
        assert!(report["contour_error_mm"]["max"].as_f64().is_some_and(|mm| mm > 0.0), "it had not begun");
    };
    std::thread::scope(|scope| {
        scope.spawn(|| stops_by("INT", 15));
        scope.spawn(|| stops_by("HUP", 29));
        stops_by("TERM", 16);
    });
}

#[test]
fn a_signal_on_the_way_to_the_start_brings_the_arm_to_rest() {
    let sim = robot(17);
    let drive = Drive::start(&sim).reaches(&sim, 300);
    drive.program.signal("INT");
    rests(&sim);
    assert_eq!(drive.ends(0, &["stopped as asked"])["ending"], "stopped");
}

#[test]
fn a_reflex_in_motion_is_named() {
    let sim = robot(18);
    let drive = Drive::in_motion(&sim);
    sim.trigger_reflex(error("cartesian_reflex"));
    let (report, folder) = drive.ends_in(3, &["the robot stopped the motion", "cartesian_reflex", "Robot: "]);
    assert!(faults(&report).contains("cartesian_reflex"));
    assert!(report["cycles"].as_u64().unwrap() > 3000);
    let kept = black_box(&folder);
    assert_eq!((&kept["culprit"], kept["robot"].as_str()), (&"robot".into(), Some("127.0.7.18")));
    assert!(kept["fault"].as_str().unwrap().contains("cartesian_reflex"));
    let rows = kept["rows"].as_array().unwrap();
    assert_eq!(
        (rows.len(), rows[0].as_array().unwrap().len()),
        (3000, kept["columns"].as_array().unwrap().len())
    );
}

#[test]
fn a_user_stop_in_motion_is_named() {
    let sim = robot(19);
    let drive = Drive::in_motion(&sim);
    sim.press_user_stop(true);
    let report = drive.ends(3, &["the robot stopped the motion", "User Stop pressed"]);
    assert!(faults(&report).contains("User Stop pressed"));
}

#[test]
fn too_many_commands_lost_in_a_row_are_named() {
    let sim = robot(20);
    let drive = Drive::in_motion(&sim);
    sim.drop_commands(25);
    let report = drive.ends(3, &["communication_constraints_violation", "did not arrive"]);
    assert_eq!(report["black_box"]["culprit"], "network");
    assert!(faults(&report).contains("communication_constraints_violation"));
}

#[test]
fn a_few_commands_lost_in_a_row_are_survived_and_counted() {
    let sim = robot(21);
    let drive = Drive::in_motion(&sim);
    sim.drop_commands(15);
    let after = wait_for(&sim, "commands are lost", |s| s.commands_missed >= 15).commands_received;
    let drive = drive.reaches(&sim, after + 1000);
    drive.program.signal("INT");
    rests(&sim);
    let report = drive.ends(0, &[]);
    assert_eq!(report["missed_commands"], 15);
    let rate = report["success_rate_min"].as_f64().unwrap();
    assert!((rate - 0.85).abs() < 0.011, "{rate}");
}

#[test]
fn a_robot_that_vanishes_in_motion_is_lost_within_two_seconds() {
    let sim = robot(22);
    let drive = Drive::start_with(&sim, 0.5).reaches(&sim, 4000);
    let gone = Instant::now();
    drop(sim);
    let report = drive.ends(5, &["Check the cable"]);
    assert!(gone.elapsed() < Duration::from_secs(2), "{:?}", gone.elapsed());
    assert!(!faults(&report).is_empty());
    assert!(report["cycles"].as_u64().unwrap() > 3000);
}

#[test]
fn a_link_that_loses_one_command_in_twenty_is_driven_over_and_reported() {
    let sim = robot_with(23, Options { command_loss: 0.05, ..Options::default() });
    let folder = Folder::new();
    folder.write("p.safetensors", policy());
    folder
        .run("run --robot-ip 127.0.7.23 --yes --speed 1 --laps 1 --policy p.safetensors --report r.json")
        .says(0, &["done, at rest"]);
    let truth = rests(&sim);
    let report = folder.json("r.json");
    assert_eq!(truth.commands_missed, truth.commands_dropped);
    // At rest a command that is lost cannot be told from one that has arrived: it asks for what is there.
    let seen = report["missed_commands"].as_u64().unwrap();
    assert!((0.9..=1.0).contains(&(seen as f64 / truth.commands_missed as f64)), "{seen} of {truth:?}");
    // The worst hundred of some thousand commands: four standard deviations below the mean.
    let worst = report["success_rate_min"].as_f64().unwrap();
    assert!((0.85..0.93).contains(&worst), "{worst}");
    assert!(report["contour_error_mm"]["max"].as_f64().unwrap() < 1.0, "{}", report["contour_error_mm"]);
}

#[test]
fn a_robot_that_a_daemon_drives_is_refused_to_others_by_its_holders_name_and_its_status_can_be_asked() {
    let sim = robot(24);
    let drive = Drive::in_motion(&sim);
    let pid = drive.program.id();
    let holder = format!("held by process {pid} (franka-imit run)");
    Folder::new().run("run --robot-ip 127.0.7.24 --yes").refused(5, &[&holder]);
    Folder::new().run("home --robot-ip 127.0.7.24 --yes").refused(5, &[&holder]);
    let status = Folder::new().run("status --robot-ip 127.0.7.24 --json");
    let listed: Value = serde_json::from_str(&status.says(0, &[]).out).unwrap();
    assert_eq!(
        (&listed[0]["holder"]["pid"], &listed[0]["status"]["mode"]),
        (&pid.into(), &"following".into())
    );
    Folder::new().run("status").says(0, &["127.0.7.24", "franka-imit run", "following; circle"]);
    drive.program.signal("INT");
    drive.ends(0, &["stopped as asked"]);
    Folder::new().run("status --robot-ip 127.0.7.24").refused(1, &["no daemon holds 127.0.7.24"]);
}

#[test]
fn a_way_home_that_ends_early_leaves_its_last_seconds_and_a_report() {
    let q_start_rad = [0.4, 0.2, -0.3, -1.6, 0.2, 1.9, 0.1];
    let faults = vec!["reflex=joint_reflex@motion+0.5s".parse().unwrap()];
    let _sim = robot_with(34, Options { q_start_rad, faults, ..Options::default() });
    let folder = Folder::new();
    folder
        .run("home --robot-ip 127.0.7.34 --speed 0.3 --yes --report r.json")
        .says(3, &["joint_reflex", "why      Robot", "black-box-127.0.7.34-"]);
    let report = folder.json("r.json");
    assert_eq!(report["ending"], "failed");
    let file = report["black_box"]["file"].as_str().expect("a file");
    let kept: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(kept["rows"].as_array().unwrap().len() as u64, report["cycles"].as_u64().unwrap());
}

#[test]
fn home_brings_the_arm_to_its_ready_pose_within_the_limits() {
    let sim =
        robot_with(25, Options { q_start_rad: [0.4, 0.2, -0.3, -1.6, 0.2, 1.9, 0.1], ..Options::default() });
    let folder = Folder::new();
    folder
        .run("home --robot-ip 127.0.7.25 --speed 0.3 --yes --report r.json")
        .says(0, &["joint 2", "done, at rest"]);
    rests(&sim);
    let report = folder.json("r.json");
    assert!(report["off_rad"].as_f64().unwrap() < 2e-3, "{report}");
    assert_eq!(report["limiter_active_ticks"], 0);
    folder.run("home --robot-ip 127.0.7.25").refused(2, &["nobody is at the terminal", "--yes"]);
}

#[test]
fn recover_clears_a_collision_and_backs_off_the_way_the_arm_came() {
    let sim = robot(26);
    let drive = Drive::in_motion(&sim);
    sim.trigger_reflex(error("joint_reflex"));
    let (_, folder) = drive.ends_in(3, &["joint_reflex"]);
    wait_for(&sim, "reflex", |s| s.mode == Mode::Reflex);
    folder
        .run("recover --robot-ip 127.0.7.26 --back-off --yes")
        .says(0, &["Reflex (joint_reflex)", "recovered in", "the robot can move", "moved    done, at rest"]);
    rests(&sim);
    folder.run("recover --robot-ip 127.0.7.26").says(0, &["nothing to recover"]);
}

#[test]
fn recover_says_what_a_person_has_to_do_when_the_robot_cannot() {
    let sim = robot(27);
    sim.press_user_stop(true);
    wait_for(&sim, "user stop", |s| s.mode == Mode::UserStopped);
    Folder::new().run("recover --robot-ip 127.0.7.27").refused(3, &["UserStopped", "Release the user stop"]);
}

#[test]
fn a_payload_that_is_declared_is_carried() {
    let _sim = robot_with(32, Options { payload_kg: 1.5, ..Options::default() });
    let folder = Folder::new();
    folder.write("p.safetensors", policy());
    let load = "[robot]\nsilence_timeout_s = 3.0\nload_mass_kg = 1.5\nload_centre_m = [0.0, 0.0, 0.1034]\n";
    folder.write("c.toml", load);
    folder
        .run("run --robot-ip 127.0.7.32 --config c.toml --yes --speed 1 --duration-s 0.5 --policy p.safetensors")
        .says(0, &["done, at rest"]);
}

#[test]
fn a_tool_set_in_the_robot_is_the_one_that_is_planned_for() {
    let sim = robot(33);
    let folder = Folder::new();
    // 50 mm further out than the hand's own.
    let set = "NE_T_EE = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0.05, 1]";
    folder.write("c.toml", format!("[robot]\nsilence_timeout_s = 3.0\n{set}\n"));
    folder
        .run("run --robot-ip 127.0.7.33 --config c.toml --yes --speed 1 --duration-s 2 --report r.json")
        .says(0, &["done, at rest"]);
    rests(&sim);
    let report = folder.json("r.json");
    let tool: Vec<f64> = serde_json::from_value(report["robot"]["F_T_EE"].clone()).unwrap();
    assert!((tool[14] - 0.1534).abs() < 1e-9, "{tool:?}");
    assert!(report["contour_error_mm"]["max"].as_f64().unwrap() < 1.0, "{}", report["contour_error_mm"]);
}

#[test]
fn a_payload_that_is_not_declared_is_refused_before_anything_moves() {
    let sim = robot_with(28, Options { payload_kg: 1.5, ..Options::default() });
    let folder = Folder::new();
    folder.write("p.safetensors", policy());
    let line = "run --robot-ip 127.0.7.28 --yes --policy p.safetensors";
    let words = ["acts on the arm at rest", "joint 4", "allowed 5.0", "robot.load_mass_kg", "rest_torque_nm"];
    folder.run(line).refused(2, &words);
    assert_eq!(sim.status().commands_received, 0);
}
