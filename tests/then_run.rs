//! Learning while a person guides the arm, and driving what was learnt as soon as the hand lets go.
#![allow(non_snake_case)] // Franka's own symbols
mod cli;

use cli::{Folder, wait_for};
use franka_imit::demonstration::expert::{self, Expert};
use franka_imit::demonstration::sample::{Kind, Sample};
use franka_imit::kinematics::{Point, Pose, forward, hand_tool, tool_down};
use franka_imit::learn::apprentice::{Options, Plan, Work};
use franka_imit::policy::Policy;
use franka_imit::robot::{Joints, State};
use franka_imit::safety::{Limit, Margin, Verdict};
use franka_imit::sim::{self, Pace, Sim};
use franka_imit::{policy, sde};
use serde_json::Value;
use std::net::IpAddr;

fn expert() -> Expert {
    Expert::new(expert::Options::default(), hand_tool())
}

/// Where a hand has the arm after `k` of 4000 ticks: a wide swing that rises, the tool down.
fn pose(k: usize) -> Pose {
    let u = k as f64 / 4000.0;
    let at = Point::new(0.45 + 0.1 * (5.0 * u).sin(), -0.15 + 0.3 * u, 0.35 + 0.1 * u * u);
    Pose::from_parts(at.into(), tool_down())
}

fn sample(k: usize, kind: Kind, q: Joints) -> Sample {
    let here = pose(k);
    Sample {
        tick: k as u64,
        lost: 0,
        kind,
        tau_s: 0.0,
        state: State { q, time_ms: k as u64, ..State::ZERO },
        O_p_EE: here.translation.vector,
        x_ref: here,
        X: here,
        q_ref: q,
        q_c: q,
        verdict: Verdict::default(),
        margin: Margin::angle(Limit::JointPosition(1), 1.0),
        swaps: 0,
        rollbacks: 0,
        edition: 0,
        course: 0,
        hand: franka_imit::demonstration::sample::Hand::Away,
        pull_n: franka_imit::kinematics::Point::zeros(),
    }
}

fn work(options: Options) -> Work {
    let shape = policy::Options { hidden: vec![64, 64], ..policy::Options::default() };
    Work::without_thread(&Plan { options, shape, sde: sde::Options::default(), expert: expert(), seed: 1 })
}

/// The largest distance of FK(π(x)) from x over the swing, m.
fn worst_m(policy: &mut Policy) -> f64 {
    let off = |k: usize| {
        let q = policy.ask(&pose(k));
        (forward(&q, &hand_tool()).translation.vector - pose(k).translation.vector).norm()
    };
    (0..4000).step_by(40).map(off).fold(0.0, f64::max)
}

#[test]
fn the_whole_of_a_motion_is_learnt_by_the_moment_the_hand_lets_go_wherever_it_went() {
    let mut work = work(Options::default());
    for k in 0..4000 {
        work.take(&sample(k, Kind::Demonstration, expert().label_pose(&pose(k)).unwrap()));
        work.advance();
    }
    let (policy, report) = work.finish();
    let worst_m = worst_m(&mut policy.expect("a policy"));
    assert!(worst_m < 0.02, "where the hand was last there was least time: {worst_m}");
    let held_out = report.held_out.expect("a judgement");
    assert!((20..=128).contains(&held_out.judged) && held_out.error_mm.mean < 1.5, "{held_out:?}");
    assert!(report.guided_samples == 4000 && report.targets > 10 * report.steps.min(1), "{report:?}");
}

#[test]
fn an_arm_that_nobody_guides_or_that_tells_no_numbers_teaches_nothing() {
    let mut work = work(Options::default());
    let q = expert().label_pose(&pose(0)).unwrap();
    for k in 0..100 {
        work.take(&sample(k, [Kind::None, Kind::Driven, Kind::Correction][k % 3], q));
        work.take(&sample(k, Kind::Demonstration, [f64::NAN; 7]));
        assert!(!work.advance());
    }
    let (policy, report) = work.finish();
    assert!(policy.is_none() && report.held_out.is_none() && report.taken == 0, "{report:?}");
}

fn number(report: &Value, place: &str) -> f64 {
    report.pointer(place).and_then(Value::as_f64).unwrap_or_else(|| panic!("{place} of {report}"))
}

const LINE: &str = "teach --sim --hand circle --hand-speed-m-s 0.25 --pace lockstep --out demos --report r.json \
                    --config c.toml --then-run --save-policy p.safetensors";

#[test]
fn what_a_hand_has_taught_is_driven_when_it_has_let_go_by_what_was_learnt_meanwhile() {
    let folder = Folder::new();
    folder.write("c.toml", "[network]\nhidden = [64, 64]\n");
    let said = [
        "saved    1",
        "learnt   while guided",
        "error along the path",
        "s after the hand had let go",
        "at rest",
    ];
    folder.run(LINE).says(0, &said);
    let (session, drive) = (folder.json("r.json"), folder.json("r.run.json"));
    assert_eq!((session["command"].as_str(), drive["command"].as_str()), (Some("teach"), Some("run")));
    assert_eq!((session["ending"].as_str(), drive["ending"].as_str()), (Some("done"), Some("done")));
    assert!(
        number(&session, "/learnt/steps") > 1000.0
            && number(&session, "/learnt/held_out/error_mm/mean") < 1.0
    );
    // Polished, not learnt anew.
    assert_eq!(number(&drive, "/train/steps"), Options::default().polish_steps as f64);
    assert!(number(&drive, "/network_error_mm/max") < 1.0 && number(&drive, "/contour_error_mm/max") < 2.0);
    assert!(Policy::load(&folder.path("p.safetensors")).is_ok());
    // The same hand, the same lesson, the same drive.
    folder.run(LINE).says(0, &["saved    2"]);
    let again = folder.json("r.json");
    assert_eq!(session["learnt"], again["learnt"]);
    assert_eq!(drive["path"]["measured_m"], folder.json("r.run.json")["path"]["measured_m"]);
}

#[test]
fn an_arm_is_not_driven_after_a_session_that_was_broken_off() {
    let options = sim::Options {
        bind: IpAddr::from([127, 35, 4, 1]),
        pace: Pace::Lockstep,
        lockstep_timeout_s: 0.3,
        ..sim::Options::default()
    };
    let sim = Sim::start(options).expect("the simulated robot starts");
    let folder = Folder::new();
    folder.write("c.toml", "[robot]\nsilence_timeout_s = 5.0\n");
    let program = folder.start(&format!(
        "teach --robot-ip {} --config c.toml --hands-free --yes --then-run --out demos --report r.json",
        sim.ip()
    ));
    let before = wait_for(&sim, "let go", |s| s.commands_received > 500);
    sim.push([0.0, 8.0, 0.0], 0.5);
    wait_for(&sim, "moved", |s| s.commands_received > before.commands_received + 1500);
    program.signal("INT");
    let ended = program.wait();
    ended.says(0, &["saved    1", "1 episodes kept"]);
    assert!(!folder.path("r.run.json").exists());
    assert_eq!(sim.status().motions, 1);
}

#[test]
fn driving_afterwards_is_refused_where_nobody_learns_or_at_a_speed_that_is_none() {
    let folder = Folder::new();
    let line = "teach --sim --hand circle --out demos --then-run";
    folder.run(&format!("{line} --speed 9")).refused(2, &["--speed = 9", "0.01 to 2"]);
    folder.run("teach --sim --passive --hands-free --then-run").refused(2, &["--passive"]);
    folder.run("teach --sim --hand circle --laps 2").refused(2, &["--then-run"]);
    assert!(!folder.path("demos").exists());
}
