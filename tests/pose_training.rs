//! Labels for whole poses, and training from them through the binary.
#![allow(non_snake_case)]
mod cli;

use cli::Folder;
use franka_imit::demonstration::expert::{self, Expert};
use franka_imit::demonstration::shapes;
use franka_imit::kinematics::{Point, Pose, differential, forward, hand_tool};
use franka_imit::policy::{Input, Policy};
use franka_imit::robot::Joints;
use nalgebra::{UnitQuaternion, Vector3};
use proptest::prelude::*;
use std::f64::consts::PI;
use std::fmt::Write as _;

fn expert() -> Expert {
    Expert::new(expert::Options::default(), hand_tool())
}

fn pose(p: [f64; 3], turned: [f64; 3]) -> Pose {
    let down = UnitQuaternion::from_axis_angle(&Vector3::x_axis(), PI);
    Pose::from_parts(Point::from(p).into(), UnitQuaternion::from_scaled_axis(Vector3::from(turned)) * down)
}

proptest! {
    #[test]
    fn a_label_reaches_its_pose_and_is_a_continuous_function_of_it(
        x in 0.35..0.55f64, y in -0.25..0.25f64, z in 0.25..0.5f64,
        turned in prop::array::uniform3(-0.25..0.25f64),
    ) {
        let at = pose([x, y, z], turned);
        let q = expert().label_pose(&at).expect("a pose in the middle of the workspace has a label");
        let reached = forward(&q, &hand_tool());
        prop_assert!((reached.translation.vector - at.translation.vector).norm() < 1e-8);
        prop_assert!(reached.rotation.angle_to(&at.rotation) < 1e-7);
        let down = expert().label(&Point::new(x, y, z)).unwrap();
        prop_assert!(q.iter().zip(&down).all(|(q, down)| (q - down).abs() < 1.2), "{q:?} {down:?}");
        let near = pose([x + 1e-4, y, z], turned.map(|t| t + 1e-4));
        let next = expert().label_pose(&near).expect("neighbours have labels");
        prop_assert!(q.iter().zip(next).all(|(a, b)| (a - b).abs() < 5e-3), "{q:?} {next:?}");
    }

    #[test]
    fn with_the_tool_down_it_is_the_label_of_the_position(x in 0.3..0.6f64, y in -0.3..0.3f64, z in 0.2..0.6f64) {
        let of_position = expert().label(&Point::new(x, y, z));
        let of_pose = expert().label_pose(&pose([x, y, z], [0.0; 3]));
        match (of_position, of_pose) {
            (Ok(a), Ok(b)) => prop_assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6), "{a:?} {b:?}"),
            (a, b) => prop_assert!(a.is_err() && b.is_err(), "{a:?} {b:?}"),
        }
    }
}

/// A circle with the tool swinging as it goes.
fn taught(header: &str, row: impl Fn(&Pose) -> String) -> String {
    let mut csv = format!("{header}\n");
    for k in 0..600 {
        let t = 2.0 * PI * f64::from(k) / 600.0;
        let at =
            pose([0.45 + 0.08 * t.cos(), 0.08 * t.sin(), 0.4], [0.2 * t.sin(), 0.15 * (2.0 * t).cos(), 0.0]);
        writeln!(csv, "{}", row(&at)).unwrap();
    }
    csv
}

fn with_quaternion(at: &Pose) -> String {
    let (p, r) = (at.translation.vector, at.rotation.coords);
    format!("{},{},{},{},{},{},{}", p.x, p.y, p.z, r.x, r.y, r.z, r.w)
}

/// The numbers of a report, at a path of keys.
fn number(report: &serde_json::Value, path: &str) -> f64 {
    report.pointer(path).and_then(serde_json::Value::as_f64).unwrap_or_else(|| panic!("{path}: {report}"))
}

#[test]
fn a_motion_with_a_turning_tool_is_learnt_driven_and_learnt_further() {
    let folder = Folder::new();
    folder.write("taught.csv", taught(HEADER, with_quaternion));
    let ended = folder.run(
        "run --sim --pace lockstep --trajectory taught.csv --laps 1 --report r.json --save-policy p.safetensors",
    );
    ended.says(0, &["asked with poses", "done, at rest", "orientation of the tool"]);
    let report = folder.json("r.json");
    assert!(number(&report, "/contour_error_mm/max") < 1.0, "{ended}");
    assert!(number(&report, "/orientation_error_mrad/max") < 10.0, "{ended}");
    assert!(number(&report, "/policies/steps") > 1000.0, "it went on learning: {ended}");
    assert_eq!(report["trajectory"]["posed"], true);

    // The same policy drives again, the tool down as well as turning, and is judged.
    let again = "--policy p.safetensors --pace lockstep --laps 1 --report again.json";
    folder.run(&format!("run --sim --trajectory taught.csv {again}")).says(0, &["done, at rest"]);
    assert!(number(&folder.json("again.json"), "/orientation_error_mrad/max") < 10.0);
    let eval =
        "eval --policy p.safetensors --trajectory taught.csv --episodes start,push --seeds 1 --report e.json";
    folder.run(eval).says(0, &["policy", "analytic", "nearest"]);
    let eval = folder.json("e.json");
    for driven in eval["closed_loop"]["contenders"].as_array().expect("contenders") {
        for scenario in driven["scenarios"].as_array().expect("scenarios") {
            let nearest = driven["name"] == "nearest";
            assert!(nearest || scenario["success"]["count"] == 1, "{driven}");
        }
    }

    // What turns otherwise than it was trained is refused, and so is a policy that is not told how the tool turns.
    folder.write(
        "other.csv",
        taught(HEADER, |at| {
            let turned = UnitQuaternion::from_scaled_axis(Vector3::new(0.0, 0.0, 0.5)) * at.rotation;
            with_quaternion(&Pose::from_parts(at.translation, turned))
        }),
    );
    folder
        .run("run --sim --policy p.safetensors --trajectory other.csv")
        .refused(2, &["turns the tool otherwise than the policy was trained"]);
    folder.run("train --data circle --out flat.safetensors --epochs 2").says(0, &[]);
    folder
        .run("run --sim --policy flat.safetensors --trajectory taught.csv")
        .refused(2, &["taught.csv", "asked with positions only", "network.input"]);
}

/// The joints that bring the tool to `at` with the elbow swung out by 0.4 rad of joint 3.
fn swung(at: &Pose) -> Joints {
    let label = expert().label_pose(at).expect("a label");
    let mut posture = label;
    posture[2] += 0.4;
    differential::solve(&label, at, &hand_tool(), &posture, &differential::Options::default())
        .expect("joints")
        .q
}

#[test]
fn the_joints_that_were_taught_fix_the_elbow() {
    let folder = Folder::new();
    let with_joints = |at: &Pose| {
        let q = swung(at).map(|q| q.to_string());
        format!("{},{}", with_quaternion(at), q.join(","))
    };
    let header = format!("{HEADER},q1_rad,q2_rad,q3_rad,q4_rad,q5_rad,q6_rad,q7_rad");
    folder.write("taught.csv", taught(&header, with_joints));
    let path = shapes::load(folder.path("taught.csv").to_str().unwrap(), &Default::default()).unwrap().path;
    let guided = expert().taught_by(&path).unwrap();
    for at in path.poses().step_by(7) {
        let (q, taught, rule) =
            (guided.label_pose(&at).unwrap(), swung(&at), expert().label_pose(&at).unwrap());
        assert!(q.iter().zip(taught).all(|(q, taught)| (q - taught).abs() < 0.02), "{q:?} {taught:?}");
        assert!((q[2] - rule[2]).abs() > 0.1, "{q:?} {rule:?}");
        let reached = forward(&q, &hand_tool());
        assert!((reached.translation.vector - at.translation.vector).norm() < 1e-9);
        assert!(reached.rotation.angle_to(&at.rotation) < 1e-7);
        // Off the motion it goes on smoothly.
        let near =
            Pose::from_parts((at.translation.vector + Vector3::new(0.0, 0.0, 0.01)).into(), at.rotation);
        let next = guided.label_pose(&near).unwrap();
        assert!(q.iter().zip(next).all(|(a, b)| (a - b).abs() < 0.1), "{q:?} {next:?}");
    }

    let ended = folder.run("run --sim --pace lockstep --trajectory taught.csv --laps 1 --report r.json");
    ended.says(0, &["done, at rest"]);
    let report = folder.json("r.json");
    assert!(number(&report, "/contour_error_mm/max") < 1.0, "{ended}");
    assert!(number(&report, "/orientation_error_mrad/max") < 10.0, "{ended}");
    assert!(number(&report, "/elbow_drift_rad") < 0.02, "{ended}");

    // Joints of another tool are not taken for these, and a half set for none.
    let other = |at: &Pose| with_joints(&(at * Pose::translation(0.0, 0.0, 0.1)));
    let mixed = |at: &Pose| {
        let joints = other(at).split(',').skip(7).collect::<Vec<_>>().join(",");
        format!("{},{joints}", with_quaternion(at))
    };
    folder.write("other.csv", taught(&header, mixed));
    folder.run("run --sim --trajectory other.csv").refused(2, &["other.csv", "another tool", "q1_rad"]);
    folder.write("half.csv", "x_m,y_m,z_m,qx,qy,qz,qw,q1_rad\n");
    folder.run("run --sim --trajectory half.csv").refused(2, &["half.csv", "q2_rad", "missing"]);
}

const HEADER: &str = "x_m,y_m,z_m,qx,qy,qz,qw";
const CONFIG: &str =
    "[network]\ninput = \"pose\"\nhidden = [64, 64]\n[training]\nsteps = 2500\ntargets = 3000\n";

#[test]
fn a_motion_of_poses_is_learnt_from_a_file() {
    let folder = Folder::new();
    folder.write("taught.csv", taught(HEADER, with_quaternion));
    folder.write("pose.toml", CONFIG);
    folder.run("train --data taught.csv --config pose.toml --out p.safetensors --report r.json").says(0, &[]);
    let report = folder.json("r.json");
    let mean = |key: &str| report[key]["mean"].as_f64().expect("a number");
    assert!(mean("error_mm") < 0.3 && mean("tilt_mrad") < 1.0, "{report}");
    let mut policy = Policy::load(&folder.path("p.safetensors")).unwrap();
    assert_eq!(policy.card().input, Input::Pose);
    // The orientation is learnt, not only carried along: the same place with the tool turned otherwise.
    let asked = pose([0.53, 0.0, 0.4], [0.03, 0.12, 0.0]);
    let reached = forward(&policy.evaluate(&Input::Pose.numbers(&asked)), &hand_tool());
    assert!(
        reached.rotation.angle_to(&asked.rotation) < 0.02,
        "{}",
        reached.rotation.angle_to(&asked.rotation)
    );
    assert!((reached.translation.vector - asked.translation.vector).norm() < 5e-3);
}

#[test]
fn poses_that_are_none_are_refused_at_their_line() {
    let folder = Folder::new();
    folder.write("pose.toml", CONFIG);
    let longer = |at: &Pose| with_quaternion(at).replace("0.4,", "0.4,0.9");
    folder.write("long.csv", taught(HEADER, longer));
    folder.run("train --data long.csv --config pose.toml").refused(2, &["long.csv", "line 2"]);
    let far = |at: &Pose| format!("{},{},0.4,1,0,0,0", at.translation.x + 0.5, at.translation.y);
    folder.write("far.csv", taught(HEADER, far));
    folder.run("train --data far.csv --config pose.toml").refused(2, &["far.csv", "points have no label"]);
    let on_the_spot = |at: &Pose| {
        let turn = at.rotation.coords;
        format!("0.45,0,0.4,{},{},{},{}", turn.x, turn.y, turn.z, turn.w)
    };
    folder.write("spot.csv", taught(HEADER, on_the_spot));
    folder
        .run("run --sim --trajectory spot.csv")
        .refused(2, &["spot.csv", "a turn on the spot is not followed"]);
}
