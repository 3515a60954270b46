//! `eval` through the binary: what it drives, that it repeats, and that its baselines are what they say.
#![allow(non_snake_case)]

mod cli;

use cli::Folder;
use serde_json::Value;
use std::sync::OnceLock;

/// A folder with a policy for the circle, trained once for all tests.
fn folder() -> Folder {
    static POLICY: OnceLock<Vec<u8>> = OnceLock::new();
    let policy = POLICY.get_or_init(|| {
        let folder = Folder::new();
        folder.run("train --data circle --out p.safetensors").says(0, &["policy   p.safetensors"]);
        folder.read("p.safetensors")
    });
    let folder = Folder::new();
    folder.write("p.safetensors", policy);
    folder
}

fn evaluated(options: &str) -> Value {
    let folder = folder();
    let line = format!("eval --policy p.safetensors --trajectory circle --report e.json {options}");
    folder.run(&line).says(0, &["p.safetensors along circle: error mean", "report   e.json"]);
    folder.json("e.json")
}

fn number(report: &Value, path: &str) -> f64 {
    report.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} is no number: {report}"))
}

/// The figures of a contender in a scenario.
fn figures<'a>(report: &'a Value, contender: &str, scenario: &str) -> &'a Value {
    let among = |list: &'a Value, key: &str, name: &str| {
        let found = list.as_array().and_then(|list| list.iter().find(|entry| entry[key] == name));
        found.unwrap_or_else(|| panic!("no {name} in {list}"))
    };
    let contender = among(&report["closed_loop"]["contenders"], "name", contender);
    among(&contender["scenarios"], "scenario", scenario)
}

#[test]
fn every_contender_goes_through_every_scenario_and_the_analytic_inverse_has_no_error() {
    let report = evaluated("--seeds 2");
    assert_eq!(report["schema"], 1);
    assert_eq!(report["closed_loop"]["baselines"]["same_as_the_policys"], true);
    for contender in ["policy", "analytic", "polynomial", "nearest"] {
        for scenario in ["start", "push", "friction", "load", "noise"] {
            let figures = figures(&report, contender, scenario);
            assert_eq!(figures["success"]["count"], 2, "{contender}, {scenario}: {figures}");
            assert_eq!(figures["faults"], Value::Array(vec![]), "{contender}, {scenario}");
            for key in ["contour_mean_mm", "tracking_mean_mm", "tilt_mean_mrad", "elbow_drift_rad"] {
                assert!(number(figures, &format!("/{key}/mean")) >= 0.0);
                assert!(number(figures, &format!("/{key}/ci95")) >= 0.0);
                assert_eq!(figures[key]["per_seed"].as_array().map(Vec::len), Some(2));
            }
            assert!(number(figures, "/spectral_arc_length/mean") < -1.0);
            assert_eq!(figures["push_peak_mm"].is_null(), scenario != "push");
        }
    }
    let network = |contender: usize| {
        number(&report, &format!("/closed_loop/contenders/{contender}/network/error_mm/max"))
    };
    assert!(network(1) < 1e-6, "the analytic inverse: {}", network(1));
    // Neighbours on the path are half a millimetre apart.
    assert!((0.2..0.4).contains(&network(3)), "the table: {}", network(3));
    assert!(network(0) < 0.1 && network(2) < 0.1, "{}, {}", network(0), network(2));
    // A table's answers jump, and a jerk limit is what stands between them and the arm.
    let jerk = |contender| number(figures(&report, contender, "start"), "/jerk_rms_rad_s3/mean");
    assert!(jerk("nearest") > 10.0 * jerk("policy"), "{} and {}", jerk("nearest"), jerk("policy"));
}

#[test]
fn a_push_of_thirty_newtons_is_back_within_two_millimetres_in_a_second_without_a_reflex() {
    let report = evaluated("--seeds 3 --episodes push --no-baselines");
    let figures = figures(&report, "policy", "push");
    assert_eq!((&figures["success"]["count"], &figures["faults"]), (&3.into(), &Value::Array(vec![])));
    for seed in 0..3 {
        let peak_mm = number(figures, &format!("/push_peak_mm/per_seed/{seed}"));
        let return_s = number(figures, &format!("/push_return_s/per_seed/{seed}"));
        assert!(peak_mm > 2.0 && return_s <= 1.0, "seed {seed}: {peak_mm} mm, back after {return_s} s");
    }
    assert_eq!(number(figures, "/limiter_active_ticks/mean"), 0.0);
}

#[test]
fn a_soft_arm_that_is_pushed_out_of_its_tube_comes_back_too() {
    let folder = folder();
    folder.write("soft.toml", "[robot]\njoint_stiffness_nm_rad = [400, 400, 400, 400, 400, 400, 400]\n");
    folder
        .run("eval --policy p.safetensors --trajectory circle --config soft.toml --seeds 3 --episodes push --no-baselines --report e.json")
        .says(0, &["report"]);
    let report = folder.json("e.json");
    let figures = figures(&report, "policy", "push");
    assert!(number(figures, "/push_peak_mm/mean") > 20.0, "{figures}");
    assert_eq!((&figures["success"]["count"], &figures["faults"]), (&3.into(), &Value::Array(vec![])));
}

#[test]
fn an_evaluation_repeats_bit_for_bit_and_another_seed_does_not() {
    let options = "--seeds 2 --episodes push,noise --no-baselines";
    let contenders = |options: &str| evaluated(options)["closed_loop"]["contenders"].clone();
    let first = contenders(options);
    assert_eq!(first, contenders(&format!("{options} --jobs 1")));
    assert_ne!(first, contenders(&format!("{options} --seed 5")));
}

#[test]
fn the_network_alone_needs_no_robot() {
    let report = evaluated("--network-only");
    assert_eq!(report["closed_loop"], Value::Null);
    assert!(number(&report, "/error_mm/max") < 0.1);
}
