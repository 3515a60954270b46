//! Whole runs on the simulated robot, judged from outside: by the report, and by what went over the wire.
#![allow(non_snake_case)] // Franka's own symbols

mod cli;

use cli::{Ended, Folder};
use serde_json::Value;
use std::f64::consts::TAU;
use std::fmt::Write as _;
use std::sync::OnceLock;

/// Limits of the Panda, joint by joint: velocity rad/s, acceleration rad/s², jerk rad/s³ (Franka FCI
/// documentation, robot and interface specifications).
const DQ_MAX: [f64; 7] = [2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61];
const DDQ_MAX: [f64; 7] = [15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0];
const DDDQ_MAX: [f64; 7] = [7500.0, 3750.0, 5000.0, 6250.0, 7500.0, 10000.0, 10000.0];
/// One control cycle, s.
const CYCLE_S: f64 = 1e-3;

/// A lockstep run with a report and a wire log; `options` are appended.
fn lockstep(folder: &Folder, options: &str) -> (Ended, Value) {
    let line = format!("run --sim --pace lockstep --report r.json --wire-log w.jsonl {options}");
    let ended = folder.run(&line);
    ended.says(0, &["done, at rest", "report   r.json"]);
    let report = folder.json("r.json");
    assert_eq!((&report["ending"], &report["faults"]), (&"done".into(), &Value::Array(vec![])));
    (ended, report)
}

fn number(report: &Value, path: &str) -> f64 {
    report.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} is no number"))
}

/// What these tests look at, of the many fields of a line.
const LOOKED_AT: [&str; 13] = [
    "message_id",
    "q",
    "dq",
    "q_d",
    "dq_d",
    "ddq_d",
    "tau_J",
    "O_T_EE",
    "robot_mode",
    "errors",
    "q_c",
    "motion_generation_finished",
    "receipt",
];

/// The states and commands that went over the wire: what is looked at of each.
fn wire(folder: &Folder) -> Vec<Value> {
    let text = String::from_utf8(folder.read("w.jsonl")).expect("the log is text");
    let mut lines = text.lines().map(|l| serde_json::from_str::<Value>(l).expect("a JSON line"));
    assert_eq!(lines.next().expect("a first line")["schema"], 2);
    let mut last = Value::Null;
    let mut messages = Vec::new();
    for mut line in lines {
        let message = line.get_mut("state").or(None).map(Value::take);
        let message = message.or_else(|| {
            let mut command = line.get_mut("command").map(Value::take)?;
            command["receipt"] = line["receipt"].take();
            Some(command)
        });
        if let Some(Value::Object(mut fields)) = message {
            fields.retain(|key, _| LOOKED_AT.contains(&key.as_str()));
            messages.push(Value::Object(fields));
        }
        last = line;
    }
    assert_eq!(last["dropped"], 0);
    messages
}

fn is_state(line: &Value) -> bool {
    line.get("robot_mode").is_some()
}

fn is_accepted(line: &Value) -> bool {
    line["receipt"] == "Accepted"
}

fn row<const N: usize>(line: &Value, key: &str) -> [f64; N] {
    let row = line[key].as_array().unwrap_or_else(|| panic!("{key} is no list"));
    let row: Vec<f64> = row.iter().map(|x| x.as_f64().expect("a number")).collect();
    row.try_into().expect("the length of a row")
}

/// The lines of the one motion, its times counted from the first command: before that, time is the clock's.
fn motion(lines: &[Value]) -> Vec<String> {
    let first = lines.iter().find(|line| !is_state(line)).and_then(|line| line["message_id"].as_u64());
    let first = first.expect("a command");
    let mut lines = lines.to_vec();
    lines.retain(|line| if is_state(line) { line["robot_mode"] == "Move" } else { is_accepted(line) });
    lines
        .iter_mut()
        .filter_map(|line| {
            let since = line["message_id"].as_u64()?.checked_sub(first)?;
            line["message_id"] = since.into();
            Some(line.to_string())
        })
        .collect()
}

/// What a report says that depends on nothing but the seed.
fn figures(mut report: Value) -> Value {
    for clocks in [
        "/tick_us",
        "/tick_histogram",
        "/first_motion_s",
        "/robot/address",
        "/robot/realtime",
        "/train/train_s",
        "/control_thread",
    ] {
        *report.pointer_mut(clocks).unwrap_or_else(|| panic!("{clocks} is missing")) = Value::Null;
    }
    report
}

/// The default run, done once for all tests: its folder also holds the policy of its end, `p.safetensors`.
fn lap() -> &'static (Folder, Ended, Value) {
    static LAP: OnceLock<(Folder, Ended, Value)> = OnceLock::new();
    LAP.get_or_init(|| {
        let folder = Folder::new();
        let (ended, report) = lockstep(&folder, "--save-policy p.safetensors");
        (folder, ended, report)
    })
}

/// A folder with the policy of [`lap`].
fn folder_with_policy() -> Folder {
    let folder = Folder::new();
    folder.write("p.safetensors", lap().0.read("p.safetensors"));
    folder
}

#[test]
fn a_lap_ends_by_itself_with_every_key_of_a_report() {
    let (folder, ended, report) = lap();
    ended.says(
        0,
        &["robot    a simulated Panda", "path     circle", "learned", "policy", "first motion after"],
    );
    assert_eq!(report["schema"], 1);
    for error in ["network_error_mm", "tracking_error_mm", "contour_error_mm", "tilt_mrad"] {
        for figure in ["mean", "p95", "max"] {
            number(report, &format!("/{error}/{figure}"));
        }
    }
    for path in [
        "/cycles",
        "/missed_commands",
        "/success_rate_min",
        "/success_rate_mean",
        "/limiter_active_ticks",
        "/elbow_drift_rad",
        "/tick_us/p50",
        "/tick_us/p99",
        "/tick_us/p999",
        "/tick_us/max",
        "/policies/offered",
        "/policies/accepted",
        "/policies/rejected",
        "/policies/rejected_by_reason/not_better",
        "/policies/rolled_back_by_measurement",
        "/policies/rolled_back_by_operator",
        "/policies/undeclared_load_kg",
        "/error_curve/0/contour_error_mm",
        "/error_curve/0/tilt_mrad",
        "/rollbacks",
        "/sample_counts/sent",
        "/sample_counts/dropped",
        "/first_motion_s",
        "/train/train_s",
    ] {
        number(report, path);
    }
    assert_eq!(report["missed_commands"], 0);
    assert_eq!(report["sample_counts"]["dropped"], 0);
    assert_eq!(report["sample_counts"]["sent"], report["cycles"]);
    assert_eq!(report["success_rate_min"], 1.0);
    let count = |key: &str| number(report, &format!("/policies/{key}"));
    assert_eq!(count("offered"), count("accepted") + count("rejected"));
    assert!(count("offered") > 0.0);

    // One lap of 0.628 m at 0.1 m/s, and the way to its start.
    assert!((6300.0..12_000.0).contains(&number(report, "/cycles")), "{}", report["cycles"]);
    let last = wire(folder).into_iter().rfind(is_state).expect("a state");
    assert_eq!((&last["robot_mode"], &last["errors"]), (&"Idle".into(), &Value::Array(vec![])));
    assert_eq!((row(&last, "dq_d"), row(&last, "ddq_d")), ([0.0; 7], [0.0; 7]));
}

#[test]
fn a_lockstep_run_repeats_bit_for_bit_and_another_seed_does_not() {
    let (first, _, report) = lap();
    let folder = Folder::new();
    let (_, again) = lockstep(&folder, "");
    let (report, again) = (figures(report.clone()), figures(again));
    for (key, value) in report.as_object().expect("a report") {
        assert!(*value == again[key], "{key} differs");
    }
    let (lines, lines_again) = (motion(&wire(first)), motion(&wire(&folder)));
    assert!(lines.len() > 10_000, "{}", lines.len());
    let differs = lines.iter().zip(&lines_again).find(|(a, b)| a != b);
    assert!(differs.is_none() && lines.len() == lines_again.len(), "{differs:?}");

    lockstep(&folder, "--seed 8 --duration-s 1");
    assert!(motion(&wire(&folder)).iter().zip(&lines).any(|(a, b)| a != b));
}

#[test]
fn every_command_on_the_wire_is_inside_the_robots_limits() {
    let folder = Folder::new();
    let (_, report) = lockstep(&folder, "--speed-m-s 0.25 --trajectory figure-eight");
    let lines = wire(&folder);
    let mut commands: Vec<&Value> = lines.iter().filter(|line| is_accepted(line)).collect();
    // The driver repeats the last command until the robot has said that the motion has ended.
    let last = commands
        .iter()
        .position(|command| command["motion_generation_finished"] == true)
        .expect("a last command");
    commands.truncate(last + 1);
    assert_eq!(commands.len() as f64, number(&report, "/cycles"));
    let commands: Vec<[f64; 7]> = commands.iter().map(|command| row(command, "q_c")).collect();
    let start: [f64; 7] = row(lines.iter().find(|l| is_state(l)).expect("a state"), "q_d");
    for joint in 0..7 {
        let (mut q, mut dq, mut ddq) = (start[joint], 0.0, 0.0);
        for (k, command) in commands.iter().enumerate() {
            let (before, dq_before, ddq_before) = (q, dq, ddq);
            q = command[joint];
            dq = (q - before) / CYCLE_S;
            ddq = (dq - dq_before) / CYCLE_S;
            let dddq = (ddq - ddq_before) / CYCLE_S;
            let inside =
                dq.abs() <= DQ_MAX[joint] && ddq.abs() <= DDQ_MAX[joint] && dddq.abs() <= DDDQ_MAX[joint];
            assert!(inside, "command {k}, joint {}: {dq} rad/s, {ddq} rad/s², {dddq} rad/s³", joint + 1);
        }
        assert!(dq.abs() < 1e-9, "joint {}: the last command still moves by {dq} rad/s", joint + 1);
    }
}

#[test]
fn the_contour_error_is_the_measured_distance_from_the_circle() {
    let (folder, _, report) = lap();
    let lines = wire(folder);
    let states: Vec<&Value> = lines.iter().filter(|l| is_state(l) && l["robot_mode"] == "Move").collect();
    // The drive begins after the first rest of a moving arm: the end of the way to the start.
    let speeds = states.iter().map(|s| row::<7>(s, "dq_d").iter().fold(0.0, |m: f64, v| m.max(v.abs())));
    let moving: Vec<bool> = speeds.map(|speed| speed > 1e-4).collect();
    let set_out = moving.iter().position(|m| *m).expect("the arm sets out");
    let arrived = set_out + moving[set_out..].iter().position(|m| !m).expect("the arm arrives");
    let drive = arrived + moving[arrived..].iter().position(|m| *m).expect("the arm drives");
    let end = moving.iter().rposition(|m| *m).expect("the arm drives");
    let errors_mm: Vec<f64> = states[drive..=end]
        .iter()
        .map(|state| {
            let O_T_EE: [f64; 16] = row(state, "O_T_EE");
            let [x, y, z] = [O_T_EE[12] - 0.5, O_T_EE[13], O_T_EE[14] - 0.4];
            1e3 * x.hypot(y.hypot(z) - 0.1)
        })
        .collect();
    let mean = errors_mm.iter().sum::<f64>() / errors_mm.len() as f64;
    let max = errors_mm.iter().fold(0.0, |m: f64, e| m.max(*e));
    for (ours, key) in [(mean, "mean"), (max, "max")] {
        let reported = number(report, &format!("/contour_error_mm/{key}"));
        assert!((ours - reported).abs() < 0.02, "{key}: {ours} mm from the circle, {reported} mm reported");
    }
    assert!(max < 1.0, "{max} mm");
}

/// A closed curve as a hand draws it: an uneven pace, a bulge, and tremor. Lines of x, y, z in m.
fn drawn() -> Vec<(f64, [f64; 3])> {
    let n = 400;
    (0..n)
        .map(|k| {
            let u = k as f64 / n as f64;
            let a = TAU * u + 0.2 * (TAU * u).sin();
            let r = 0.08 + 0.01 * (3.0 * a).cos() + 0.0003 * (97.0 * a).sin();
            (9.0 * u, [0.45 + r * a.cos(), 1.2 * r * a.sin(), 0.45 + 0.0003 * (61.0 * a).cos()])
        })
        .collect()
}

#[test]
fn a_hand_drawn_file_is_followed() {
    let folder = Folder::new();
    let mut csv = "x_m,y_m,z_m\n".to_owned();
    drawn().iter().for_each(|(_, [x, y, z])| writeln!(csv, "{x:.5},{y:.5},{z:.5}").unwrap());
    folder.write("mine.csv", csv);
    let (ended, report) = lockstep(&folder, "--trajectory mine.csv");
    ended.says(0, &["smoothing moved the drawing by at most"]);
    assert!(number(&report, "/contour_error_mm/max") < 3.0, "{}", report["contour_error_mm"]);
    assert_eq!(report["trajectory"]["closed"], true);
}

#[test]
fn a_timed_drawing_keeps_its_time() {
    let folder = Folder::new();
    let mut csv = "t_s,x_m,y_m,z_m\n".to_owned();
    drawn().iter().for_each(|(t, [x, y, z])| writeln!(csv, "{t:.4},{x:.5},{y:.5},{z:.5}").unwrap());
    folder.write("mine.csv", csv);
    let (_, report) = lockstep(&folder, "--trajectory mine.csv");
    assert!(number(&report, "/contour_error_mm/max") < 3.0, "{}", report["contour_error_mm"]);
    assert!((number(&report, "/trajectory/lap_s") - 9.0).abs() < 0.5, "{}", report["trajectory"]["lap_s"]);
}

#[test]
fn a_saved_policy_drives_again_without_training() {
    lap().1.says(0, &["policy   p.safetensors"]);
    let folder = folder_with_policy();
    let (_, report) = lockstep(&folder, "--policy p.safetensors");
    assert_eq!(report["train"], Value::Null);
    assert!(number(&report, "/contour_error_mm/max") < 1.0, "{}", report["contour_error_mm"]);
    folder
        .run("eval --policy p.safetensors --trajectory circle --network-only --report e.json")
        .says(0, &["p.safetensors along circle: error mean"]);
    assert_eq!(folder.json("e.json")["error_mm"], report["network_error_mm"]);
}

#[test]
fn a_run_by_the_clock_ends_by_itself_too() {
    let folder = folder_with_policy();
    folder.run("run --sim --policy p.safetensors --duration-s 1 --report r.json").says(0, &["done, at rest"]);
    let report = folder.json("r.json");
    assert!(number(&report, "/contour_error_mm/max") < 1.0, "{}", report["contour_error_mm"]);
}

#[test]
fn without_fine_tuning_no_policy_is_offered() {
    let (_, report) = lockstep(&folder_with_policy(), "--policy p.safetensors --no-fine-tune");
    for key in ["/policies/offered", "/policies/accepted", "/policies/steps", "/sample_counts/sent", "/swaps"]
    {
        assert_eq!(number(&report, key), 0.0, "{key}");
    }
}
