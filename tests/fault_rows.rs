//! What `run` does on the faults of a network, a robot and a machine: it keeps going or ends by name, and in time.
//!
//! Times are asserted in release builds alone (`cargo test --release --test fault_rows`), which nothing else keeps busy.
mod cli;

use cli::{Ended, Folder, robot_with, wait_for};
use franka_imit::demonstration::episode;
use franka_imit::robot::{ERROR_NAMES, Mode};
use franka_imit::sim::{Fault, Options, Sim, Status};
use serde_json::Value;
use std::sync::OnceLock;

/// Whether times count.
const IN_TIME: bool = cfg!(not(debug_assertions));

/// A policy for the circle, trained once by the program itself.
fn policy() -> &'static [u8] {
    static POLICY: OnceLock<Vec<u8>> = OnceLock::new();
    POLICY.get_or_init(|| {
        let folder = Folder::new();
        folder.run("run --sim --pace lockstep --duration-s 0.5 --no-fine-tune --save-policy p").says(0, &[]);
        folder.read("p")
    })
}

/// A drive of a second or so against a robot with `faults`.
struct Drove {
    ended: Ended,
    report: Value,
    status: Status,
}

fn drive(last: u8, faults: &[&str], more: &str) -> Drove {
    drive_on(&faulty(last, faults), more)
}

fn faulty(last: u8, faults: &[&str]) -> Sim {
    let faults = faults.iter().map(|spec| spec.parse::<Fault>().unwrap()).collect();
    robot_with(last, Options { faults, ..Options::default() })
}

/// Where times do not count, a busy machine may keep the simulated robot from running for a while.
fn drive_on(sim: &Sim, more: &str) -> Drove {
    drive_with(if IN_TIME { "" } else { "[robot]\nsilence_timeout_s = 3.0\n" }, sim, more)
}

fn drive_with(config: &str, sim: &Sim, more: &str) -> Drove {
    let folder = Folder::new();
    folder.write("c.toml", config);
    folder.write("p.safetensors", policy());
    let line = format!(
        "run --robot-ip {} --yes --speed 1 --config c.toml --policy p.safetensors --report r.json {more}",
        sim.ip()
    );
    let ended = folder.run(&line);
    let report = std::fs::read(folder.path("r.json")).ok();
    let report = report.map(|text| serde_json::from_slice(&text).unwrap()).unwrap_or_default();
    Drove { ended, report, status: sim.status() }
}

impl Drove {
    /// It went on to the end, and the robot, which judges every command, found nothing wrong.
    fn goes_on(self) -> Drove {
        self.ended.says(0, &["done, at rest"]);
        assert_eq!((self.status.mode, self.status.errors.is_empty()), (Mode::Idle, true));
        self
    }

    /// It ended by name; the operator had the program back within `back_ms`, and knew why within `named_ms`.
    fn ends(self, code: i32, words: &[&str], named_ms: f64, back_ms: f64) -> Drove {
        self.ended.says(code, words);
        let ms =
            |key: &str| self.report["black_box"][key].as_f64().unwrap_or_else(|| panic!("{}", self.ended));
        if IN_TIME {
            assert!(ms("named_after_ms") <= named_ms, "named after {} ms", ms("named_after_ms"));
            assert!(ms("back_after_ms") <= back_ms, "back after {} ms", ms("back_after_ms"));
        }
        self
    }
}

#[test]
fn lost_states_and_commands_are_driven_over_and_the_reported_success_rate_is_the_truth() {
    for (k, (target, share)) in
        [("state", 1), ("state", 5), ("state", 15), ("command", 1), ("command", 5), ("command", 15)]
            .into_iter()
            .enumerate()
    {
        let drove = drive(60 + k as u8, &[&format!("drop:{target}:p={share}%")], "--duration-s 4").goes_on();
        let (received, missed) = (drove.status.commands_received as f64, drove.status.commands_missed as f64);
        let truth = received / (received + missed);
        let reported = drove.report["success_rate_mean"].as_f64().unwrap();
        assert!((reported - truth).abs() < 0.01, "{share} % of {target}s: {reported} reported, {truth} true");
    }
}

#[test]
fn up_to_nineteen_in_a_row_are_driven_over_without_a_jump() {
    for (k, n) in [1, 2, 7, 19].into_iter().enumerate() {
        let spec = [format!("burst:command:n={n}@motion+0.7s"), format!("burst:state:n={n}@motion+1.5s")];
        let drove = drive(66 + k as u8, &[&spec[0], &spec[1]], "--duration-s 1").goes_on();
        assert_eq!(drove.status.commands_missed, 2 * n, "{:?}", drove.status);
        assert_eq!(drove.report["missed_commands"].as_u64(), Some(2 * n));
    }
}

#[test]
fn twenty_in_a_row_stop_the_arm_and_are_named_and_it_does_not_move_again_by_itself() {
    for (last, target) in [(70, "command"), (71, "state")] {
        let sim = faulty(last, &[&format!("burst:{target}:n=20@motion+0.7s")]);
        let drove = drive_on(&sim, "--duration-s 3");
        let drove = drove.ends(3, &["communication_constraints_violation"], 50.0, 200.0);
        assert_eq!(drove.report["black_box"]["culprit"], "network");
        drive_on(&sim, "--laps 1").ended.refused(3, &["Reflex", "recover"]);
    }
}

#[test]
fn what_comes_late_twice_or_out_of_order_is_driven_over() {
    let faults = [
        "delay:state:ms=2:p=5%",
        "delay:command:ms=2:p=5%",
        "jitter:state:ms=2:p=5%",
        "jitter:command:ms=2:p=5%",
        "reorder:state:p=5%",
        "reorder:command:p=5%",
        "duplicate:state:p=5%",
        "duplicate:command:p=5%",
    ];
    for (k, fault) in faults.into_iter().enumerate() {
        let drove = drive(72 + k as u8, &[fault], "--duration-s 2").goes_on();
        let (seen, truth) = (drove.report["missed_commands"].as_u64().unwrap(), drove.status.commands_missed);
        // At rest a command that is lost cannot be told from one that has arrived: it asks for what is there.
        assert!(seen <= truth && seen as f64 >= 0.85 * truth as f64, "{fault}: {seen} of {truth}");
    }
}

#[test]
fn a_datagram_of_another_length_or_with_wrong_bytes_never_kills_the_daemon() {
    drive(80, &["wrong-length:state:length=3000@motion+0.7s"], "--duration-s 1").goes_on();
    drive(81, &["wrong-length:state:length=100@motion+0.7s"], "--duration-s 1").ends(
        5,
        &["the robot was lost"],
        50.0,
        200.0,
    );
    drive(82, &["corrupt:state:offset=2364@motion+0.7s"], "--duration-s 1").ends(
        5,
        &["the driver failed"],
        50.0,
        200.0,
    );
    drive(83, &["corrupt:command:offset=312@motion+0.7s"], "--duration-s 1").goes_on();
}

#[test]
fn a_desired_position_that_cannot_be_the_robots_is_not_built_upon() {
    let drove = drive(91, &["corrupt:state:offset=1240:bytes=8@motion+0.7s"], "--duration-s 30");
    drove.ended.says(4, &["our own safety layer stopped the arm", "robot state makes no sense"]);
    assert_eq!((drove.status.mode, drove.status.errors.is_empty()), (Mode::Idle, true), "{:?}", drove.status);
    assert_eq!(drove.report["black_box"]["culprit"], "us");
}

#[test]
fn silence_is_detected_in_25_ms_and_the_operator_has_the_program_back_in_200() {
    let faults = ["mute-udp", "mute-all", "tcp-reset", "tcp-close", "huge-message-id"];
    for (k, fault) in faults.into_iter().enumerate() {
        let sim = faulty(84 + k as u8, &[&format!("{fault}@motion+0.7s")]);
        let drove = drive_with("", &sim, "--duration-s 30");
        // A look of the supervisor, 4 ms, comes on top of the limit of 20.
        drove.ends(5, &["the robot was lost"], 26.0, 200.0);
    }
}

#[test]
fn each_of_the_robots_errors_is_named_with_the_last_seconds_kept() {
    let sim = faulty(89, &[]);
    for name in ERROR_NAMES {
        sim.recover();
        wait_for(&sim, "ready for a client", |s| s.mode == Mode::Idle && s.client.is_none());
        sim.inject(format!("reflex={name}@motion+0.1s").parse().unwrap());
        let drove = drive_on(&sim, "--duration-s 30").ends(3, &[name], 50.0, 200.0);
        assert_eq!(
            drove.report["black_box"]["culprit"],
            if name == "communication_constraints_violation" { "network" } else { "robot" }
        );
        let file = drove.report["black_box"]["file"].as_str().map(str::to_owned);
        assert!(file.is_some_and(|file| file.contains("black-box-127.0.7.89-")), "{name}");
    }
}

#[test]
fn a_user_stop_in_motion_ends_it_with_its_record_whole_and_it_resumes_only_on_order() {
    let sim = faulty(90, &["user-stop@motion+0.7s:for=0.5s"]);
    let folder = Folder::new();
    let file = folder.path("stopped.mcap");
    // The trainer learns meanwhile, as always.
    let drove = drive_on(&sim, &format!("--duration-s 30 --record {}", file.display()));
    let drove = drove.ends(3, &["User Stop pressed"], 100.0, 200.0);
    let reading = episode::read(&file).unwrap();
    assert_eq!((reading.damage.len(), reading.episode.gaps().count()), (0, 0), "{:?}", reading.damage);
    assert_eq!(reading.episode.ticks.len() as u64, drove.report["cycles"].as_u64().unwrap());
    let end = reading.episode.end.expect("a closed record");
    assert!(end.because.contains("User Stop pressed") && end.dropped == 0, "{end:?}");
    let after = wait_for(&sim, "the stop is released", |s| s.mode == Mode::Idle);
    drive_on(&sim, "--duration-s 0.5").goes_on();
    assert_eq!(after.motions, 1, "nothing had moved by itself");
}
