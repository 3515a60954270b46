//! `run --compliant`: our own control law gives way to a hand, keeps to the path without one, and stops like the other.
mod cli;

use cli::{Folder, robot, wait_for};
use franka_imit::robot::Mode;
use serde_json::Value;

fn number(report: &Value, path: &str) -> f64 {
    report.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} is no number"))
}

/// A drive along the circle, pushed sideways by 12 N for a second once it follows; its report.
fn pushed(last: u8, law: &str) -> Value {
    let sim = robot(last);
    let folder = Folder::new();
    folder.write("c.toml", "[robot]\nsilence_timeout_s = 3.0\n");
    let line = format!(
        "run --robot-ip {} --config c.toml --yes --speed 1 --duration-s 4 --no-fine-tune --report r.json {law}",
        sim.ip()
    );
    let program = folder.start(&line);
    wait_for(&sim, "following", |s| s.commands_received > 3500);
    sim.push([12.0, 0.0, 0.0], 1.0);
    program.wait().says(0, &["done, at rest"]);
    assert_eq!((sim.status().mode, sim.status().errors.is_empty()), (Mode::Idle, true));
    folder.json("r.json")
}

#[test]
fn a_compliant_arm_gives_way_to_a_hand_that_a_stiff_one_hardly_notices_and_comes_back() {
    let (soft, stiff) = std::thread::scope(|scope| {
        let soft = scope.spawn(|| pushed(30, "--compliant"));
        let stiff = pushed(31, "");
        (soft.join().unwrap(), stiff)
    });
    let (soft_mm, stiff_mm) =
        (number(&soft, "/contour_error_mm/max"), number(&stiff, "/contour_error_mm/max"));
    assert!(soft_mm > 3.0 && soft_mm > 3.0 * stiff_mm, "{soft_mm} and {stiff_mm} mm");
    assert_eq!(number(&soft, "/limiter_active_ticks"), 0.0);
    // Back on the path: the last points of a drive of some seconds.
    let last = |of: &str| soft["path"][of].as_array().unwrap().last().unwrap().clone();
    let (reference, measured) = (last("reference_m"), last("measured_m"));
    for axis in 0..3 {
        let off_m = reference[axis].as_f64().unwrap() - measured[axis].as_f64().unwrap();
        assert!(off_m.abs() < 3e-3, "{off_m} m off at the end");
    }
}

#[test]
fn without_a_hand_it_keeps_to_the_path_within_two_millimetres_and_repeats() {
    let folder = Folder::new();
    let line = "run --sim --compliant --pace lockstep --laps 1 --trajectory figure-eight --report";
    let mut errors = Vec::new();
    for report in ["a.json", "b.json"] {
        folder.run(&format!("{line} {report}")).says(0, &["done, at rest"]);
        let report = folder.json(report);
        assert!(number(&report, "/contour_error_mm/max") < 2.0);
        errors.push(report["contour_error_mm"].clone());
    }
    assert_eq!(errors[0], errors[1], "in lockstep a run repeats bit for bit");
}
