//! What takes minutes, by hand: `cargo test --release --test soak -- --ignored --nocapture`.
mod cli;

use cli::{Folder, robot_by_the_clock, wait_for};
use franka_imit::robot::Mode;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::Value;
use std::time::Instant;

const SIGNALS: u32 = 100;
/// A joint slower than this stands still, rad/s.
const STILL_RAD_S: f64 = 2e-3;

#[test]
#[ignore = "five minutes; run by: cargo test --release --test soak -- --ignored --nocapture"]
fn a_hundred_sigterms_at_random_moments_end_at_rest_in_half_a_second_and_with_a_whole_report_in_one() {
    let sim = robot_by_the_clock(100);
    let folder = Folder::new();
    folder
        .run("run --sim --pace lockstep --duration-s 0.5 --no-fine-tune --save-policy p.safetensors")
        .says(0, &[]);
    let mut rng = StdRng::seed_from_u64(1);
    let (mut rest_ms, mut exit_ms) = (Vec::new(), Vec::new());
    for k in 0..SIGNALS {
        wait_for(&sim, "ready for a client", |s| s.mode == Mode::Idle && s.client.is_none());
        let before = sim.status().commands_received;
        let mut program = folder.start(&format!(
            "run --robot-ip {} --yes --speed 1 --laps 10000 --policy p.safetensors --report r.json",
            sim.ip()
        ));
        let commands = before + rng.random_range(1..6000);
        wait_for(&sim, "driving", |s| {
            assert!(!program.has_ended(), "the drive has ended early\n{}", program.words());
            s.commands_received > commands
        });
        program.signal("TERM");
        let sent = Instant::now();
        wait_for(&sim, "at rest", |s| s.truth.dq.iter().all(|v| v.abs() < STILL_RAD_S));
        rest_ms.push(sent.elapsed().as_secs_f64() * 1e3);
        program.wait().says(0, &["stopped as asked, at rest"]);
        exit_ms.push(sent.elapsed().as_secs_f64() * 1e3);
        let report: Value = folder.json("r.json");
        assert_eq!(
            (&report["ending"], report["faults"].as_array().map(Vec::len)),
            (&"stopped".into(), Some(0))
        );
        assert!(report["path"]["measured_m"].is_array(), "signal {k}: the report is not whole");
    }
    let max = |times: &[f64]| times.iter().copied().fold(0.0, f64::max);
    let median = |times: &mut Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    println!(
        "{SIGNALS} signals: at rest after {:.0} ms, at most {:.0}; exit 0 after {:.0} ms, at most {:.0}",
        median(&mut rest_ms),
        max(&rest_ms),
        median(&mut exit_ms),
        max(&exit_ms)
    );
    assert!(max(&rest_ms) <= 500.0 && max(&exit_ms) <= 1000.0);
}
