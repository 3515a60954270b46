//! `doctor` from outside: what it says of this machine, whichever that is, and of a robot.
mod cli;

use cli::{Folder, wait_for};
use franka::{RealtimeConfig, Robot};
use franka_imit::robot::Mode;
use franka_imit::sim::{Options, Sim};
use serde_json::Value;
use std::net::{IpAddr, TcpListener};

fn robot(last: u8, options: Options) -> Sim {
    let bind = IpAddr::from([127, 33, 1, last]);
    Sim::start(Options { bind, ..options }).expect("the simulated robot starts")
}

/// Examines a robot; returns the report, whose verdicts on the machine itself are the machine's.
fn examined(ip: &str) -> Value {
    let folder = Folder::new();
    let ended = folder.run(&format!("doctor --robot-ip {ip} --report r.json"));
    let report = folder.json("r.json");
    let failed = report["faults"].as_array().expect("faults is a list");
    // The machine's own failures and the robot's decide alike.
    assert_eq!(ended.code, Some(i32::from(!failed.is_empty())), "{ended}");
    assert_eq!(report["fit"], failed.is_empty());
    report
}

fn line<'a>(report: &'a Value, check: &str) -> &'a Value {
    let checks = report["checks"].as_array().expect("checks is a list");
    checks.iter().find(|line| line["check"] == check).unwrap_or_else(|| panic!("{check}: {checks:#?}"))
}

fn says(report: &Value, check: &str, verdict: &str, found: &str) {
    let line = line(report, check);
    assert_eq!(line["verdict"], verdict, "{line}");
    assert!(line["found"].as_str().is_some_and(|text| text.contains(found)), "{found:?}: {line}");
    assert!(!["fail", "warn"].contains(&verdict) || line["mend"].is_string(), "{line}");
}

#[test]
fn a_robot_that_is_ready_is_said_to_be_so_and_its_states_are_counted() {
    let sim = robot(1, Options::default());
    let report = examined("127.33.1.1");
    says(&report, "way to the robot", "pass", "lo");
    says(&report, "control port", "pass", "open");
    says(&report, "hand's port", "pass", "open");
    says(&report, "protocol version", "pass", "5");
    says(&report, "mode", "pass", "Idle");
    // Two seconds of states; how punctual a busy machine is in them is not judged here.
    let states = line(&report, "states")["found"].as_str().expect("text");
    let count: u32 = states.split(',').next().and_then(|n| n.parse().ok()).expect("a count");
    assert!(count > 200, "{states}");
    assert!(states.contains("p50") && states.contains("p99") && states.contains("lost"), "{states}");
    let status = sim.status();
    assert_eq!((status.mode, status.commands_received), (Mode::Idle, 0), "the arm was moved");
}

#[test]
fn a_robot_that_loses_states_is_told_how_many() {
    let sim = robot(
        2,
        Options { faults: vec!["drop:state:p=30%".parse().expect("a fault")], ..Options::default() },
    );
    let report = examined("127.33.1.2");
    let states = line(&report, "states");
    assert_eq!(states["verdict"], "fail", "{states}");
    drop(sim);
}

#[test]
fn a_robot_that_somebody_else_drives_is_told_and_left_in_peace() {
    let sim = robot(3, Options::default());
    let _first = Robot::new("127.33.1.3", RealtimeConfig::Ignore, 1).expect("the robot listens");
    let served = wait_for(&sim, "the first client is served", |s| s.client.is_some()).client;
    let report = examined("127.33.1.3");
    says(&report, "control port", "fail", "another client or Desk holds the robot");
    assert_eq!(sim.status().client, served);
}

#[test]
fn a_robot_that_a_drive_of_ours_holds_is_told_with_its_process() {
    let sim = robot(7, Options::default());
    let folder = Folder::new();
    let drive =
        folder.start("run --robot-ip 127.33.1.7 --yes --speed 1 --laps 1000 --no-fine-tune --report d.json");
    wait_for(&sim, "driving", |s| s.commands_received > 100);
    let report = examined("127.33.1.7");
    says(&report, "control port", "fail", "of this machine holds the robot (franka-imit run)");
    assert!(line(&report, "control port")["mend"].as_str().is_some_and(|mend| mend.starts_with("kill ")));
    drive.signal("TERM");
    drive.wait().says(0, &["stopped as asked"]);
}

#[test]
fn a_robot_of_another_version_in_user_stop_or_silent_is_told() {
    let _other = robot(4, Options { protocol_version: 6, ..Options::default() });
    says(&examined("127.33.1.4"), "protocol version", "fail", "6");

    let stopped = robot(5, Options::default());
    stopped.press_user_stop(true);
    wait_for(&stopped, "user stop", |s| s.mode == Mode::UserStopped);
    says(&examined("127.33.1.5"), "mode", "warn", "UserStopped");

    let _silent = TcpListener::bind(("127.33.1.6", 1337)).expect("a free port");
    says(&examined("127.33.1.6"), "protocol version", "fail", "nothing answered within 2.0 s");
}

#[test]
fn an_address_without_a_robot_is_told_with_what_to_check() {
    let report = examined("127.33.1.250");
    says(&report, "control port", "fail", "refused");
    says(&report, "hand's port", "warn", "closed");
    assert!(report["checks"].as_array().is_some_and(|checks| checks.iter().all(|c| c["check"] != "states")));
}

#[test]
fn the_table_has_every_line_of_the_report_and_no_colours_off_a_terminal() {
    let folder = Folder::new();
    let ended = folder.run("doctor --report r.json");
    let report = folder.json("r.json");
    assert_eq!((&report["command"], &report["schema"]), (&"doctor".into(), &1.into()));
    for line in report["checks"].as_array().expect("checks is a list") {
        assert!(ended.out.contains(line["check"].as_str().expect("text")), "{line} is not in {ended}");
        assert!(ended.out.contains(line["found"].as_str().expect("text")), "{line} is not in {ended}");
    }
    assert!(!ended.out.contains('\x1b'), "{ended}");
}

#[test]
fn json_is_all_that_json_prints() {
    let ended = Folder::new().run("doctor --json");
    let report: Value = serde_json::from_str(&ended.out).expect("JSON and nothing else");
    for line in report["checks"].as_array().expect("checks is a list") {
        let verdict = line["verdict"].as_str().expect("text");
        assert!(["pass", "warn", "fail", "cannot_read"].contains(&verdict), "{line}");
        assert!(line["wanted"].is_string(), "{line}");
    }
}

#[test]
fn a_name_that_is_no_address_is_refused() {
    Folder::new().run("doctor --robot-ip no.such.name.invalid").refused(2, &["no.such.name.invalid"]);
}
