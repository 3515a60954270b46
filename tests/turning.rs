//! Paths that say how the tool turns: where it is turned to, how fast, and what is refused.
#![allow(non_snake_case)] // Franka's own symbols
use franka_imit::demonstration::drawing::{self, Drawn, Error};
use franka_imit::demonstration::expert::Expert;
use franka_imit::demonstration::path::Path;
use franka_imit::demonstration::time_law::{self, Options, plan};
use franka_imit::demonstration::timed_path::{Limit, TimedPath};
use franka_imit::kinematics::{Point, Pose, hand_tool, tool_down};
use franka_imit::robot::limits::{CYCLE_S, DDDQ_MAX, DDQ_MAX, DQ_MAX};
use nalgebra::{UnitQuaternion, Vector3};
use std::f64::consts::TAU;

type Turn = UnitQuaternion<f64>;

fn exact() -> drawing::Options {
    drawing::Options::exact(None)
}

fn turned(z: [f64; 3]) -> Turn {
    Turn::from_scaled_axis(Vector3::from(z)) * tool_down()
}

/// A straight line of 0.2 m along y in `n` points, turned as `turn` says at 0 to 1 of the way.
fn line(n: usize, turn: impl Fn(f64) -> Turn, options: &drawing::Options) -> Result<Path, Error> {
    let u = |k: usize| k as f64 / (n - 1) as f64;
    let points: Vec<Point> = (0..n).map(|k| Point::new(0.45, 0.2 * u(k) - 0.1, 0.4)).collect();
    let turns: Vec<Turn> = (0..n).map(|k| turn(u(k))).collect();
    drawing::drawn(&Drawn { points: &points, turns: Some(&turns), ..Drawn::default() }, options)
}

fn timed(path: &Path, options: &Options) -> Result<TimedPath, time_law::Error> {
    let expert = Expert::new(Default::default(), hand_tool());
    plan(path, &mut |x| expert.label_pose(x), options)
}

#[test]
fn between_its_points_the_tool_turns_evenly_and_the_shortest_way() {
    // Five points, two of them written with the other sign: the same orientations.
    let signed = |u: f64| {
        let turn = turned([0.0, 0.0, 0.8 * u]);
        if (0.2..0.6).contains(&u) { Turn::new_unchecked(-turn.into_inner()) } else { turn }
    };
    let path = line(5, signed, &exact()).unwrap();
    for k in 0..=100 {
        let u = f64::from(k) / 100.0;
        let off = path.orientation(u * path.length_m()).angle_to(&turned([0.0, 0.0, 0.8 * u]));
        assert!(off < 1e-3, "at {u}: {off} rad");
    }
    assert!((path.turn_rad_m(0.1) - 4.0).abs() < 0.02, "{}", path.turn_rad_m(0.1));
}

#[test]
fn smoothing_takes_the_tremor_out_of_a_turn_and_keeps_its_ends() {
    let trembling = |u: f64| turned([0.4 * u, 0.02 * (170.0 * u).sin(), 0.0]);
    let path = line(400, trembling, &drawing::Options::default()).unwrap();
    for u in [0.0, 1.0] {
        assert!(path.orientation(u * path.length_m()).angle_to(&trembling(u)) < 1e-6);
    }
    let off = |k: i32| {
        let u = f64::from(k) / 200.0;
        path.orientation(u * path.length_m()).angle_to(&turned([0.4 * u, 0.0, 0.0]))
    };
    assert!((20..180).all(|k| off(k) < 0.01), "{:?}", (20..180).map(off).fold(0.0, f64::max));
}

#[test]
fn a_path_without_orientations_points_down_exactly() {
    let points: Vec<Point> = (0..50).map(|k| Point::new(0.45, 0.004 * f64::from(k) - 0.1, 0.4)).collect();
    let path = drawing::path(&points, None, &exact()).unwrap();
    let timed = timed(&path, &Options::default()).unwrap();
    assert!(!path.is_posed() && timed.top_turn_rad_s() == 0.0);
    for k in 0..2000 {
        let tau_s = 1e-3 * f64::from(k);
        assert_eq!(timed.pose(tau_s), Pose::from_parts(timed.at(tau_s).0.into(), tool_down()));
    }
}

#[test]
fn the_tool_turns_no_faster_than_asked_and_the_joints_stay_in_their_limits() {
    let path = line(200, |u| turned([0.3 * (TAU * u).sin(), 0.2 * (2.0 * TAU * u).sin(), 0.8 * u]), &exact());
    let path = path.unwrap();
    let options = Options { speed_m_s: 0.3, ..Options::default() };
    let timed = timed(&path, &options).unwrap();
    assert!(timed.top_turn_rad_s() <= 0.5 * 1.001, "{} rad/s", timed.top_turn_rad_s());
    assert_eq!(timed.slowest().unwrap().limit, Limit::Turn);
    let expert = Expert::new(Default::default(), hand_tool());
    let ms = (timed.lap_s() * 1e3) as usize;
    let q: Vec<_> = (0..=ms).map(|k| expert.label_pose(&timed.pose(1e-3 * k as f64)).unwrap()).collect();
    for w in q.windows(4) {
        for j in 0..7 {
            let dq = (w[1][j] - w[0][j]) / CYCLE_S;
            let ddq = (w[2][j] - 2.0 * w[1][j] + w[0][j]) / CYCLE_S.powi(2);
            let dddq = (w[3][j] - 3.0 * w[2][j] + 3.0 * w[1][j] - w[0][j]) / CYCLE_S.powi(3);
            assert!(dq.abs() < 0.5 * DQ_MAX[j] && ddq.abs() < 0.4 * DDQ_MAX[j], "{dq} {ddq}");
            assert!(dddq.abs() < 0.401 * DDDQ_MAX[j], "joint {}: {dddq} rad/s³", j + 1);
        }
    }
    // At any time, not only at whole milliseconds: no jump of the orientation.
    let mut last = timed.pose(0.0).rotation;
    for k in 1..(10 * ms) {
        let turn = timed.pose(1e-4 * k as f64).rotation;
        assert!(turn.angle_to(&last) < 0.51e-4, "at {k}: {}", turn.angle_to(&last));
        last = turn;
    }
    assert!(timed.pose(timed.lap_s()).rotation.angle_to(&path.orientation(path.length_m())) < 1e-9);
    assert!(
        timed.pose(1.5 * timed.lap_s()).rotation.angle_to(&timed.pose(0.5 * timed.lap_s()).rotation) < 1e-6
    );
}

#[test]
fn a_drawing_whose_tool_turns_too_fast_is_refused_with_the_factor() {
    let n = 100;
    let points: Vec<Point> = (0..n).map(|k| Point::new(0.45, 0.002 * k as f64 - 0.1, 0.4)).collect();
    let turns: Vec<Turn> = (0..n).map(|k| turned([0.0, 0.0, 0.015 * k as f64])).collect();
    let at = |scale: f64| {
        let times: Vec<f64> = (0..n).map(|k| scale * 0.003 * k as f64).collect();
        let drawn = Drawn { points: &points, turns: Some(&turns), times_s: Some(&times), ..Drawn::default() };
        timed(&drawing::drawn(&drawn, &drawing::Options::default()).unwrap(), &Options::default())
    };
    let said = at(1.0).unwrap_err().to_string();
    assert!(said.contains("the tool turns at") && said.contains("multiply t_s by"), "{said}");
    assert!(at(10.0).is_ok(), "{:?}", at(10.0).map(|_| ()));
}

#[test]
fn a_turn_on_the_spot_is_refused_and_so_is_a_missing_orientation() {
    let step = |u: f64| turned([0.0, 0.0, if u < 0.5 { 0.0 } else { 0.4 }]);
    let said = line(200, step, &exact()).unwrap_err().to_string();
    assert!(said.contains("before point 100") && said.contains("0.40 rad"), "{said}");
    let points = [Point::new(0.4, 0.0, 0.4), Point::new(0.5, 0.0, 0.4)];
    let drawn = Drawn { points: &points, turns: Some(&[tool_down()]), ..Drawn::default() };
    let said = drawing::drawn(&drawn, &exact()).unwrap_err().to_string();
    assert!(said.contains("1 orientations for 2 points"), "{said}");
}

#[test]
fn a_loop_is_closed_only_where_the_tool_has_come_back_too() {
    let circle = |turn: &dyn Fn(f64) -> Turn| {
        let u = |k: usize| TAU * k as f64 / 200.0;
        let points: Vec<Point> =
            (0..=200).map(|k| Point::new(0.45 + 0.05 * u(k).cos(), 0.05 * u(k).sin(), 0.4)).collect();
        let turns: Vec<Turn> = (0..=200).map(|k| turn(u(k))).collect();
        drawing::drawn(&Drawn { points: &points, turns: Some(&turns), ..Drawn::default() }, &exact()).unwrap()
    };
    let swinging = circle(&|t| turned([0.2 * t.sin(), 0.0, 0.1 * t.cos()]));
    assert!(swinging.is_closed());
    // Over the seam as smoothly as anywhere.
    let rate = |arc_m: f64| swinging.turn_rad_m(arc_m);
    assert!((rate(1e-6) - rate(swinging.length_m() - 1e-6)).abs() < 0.05 * rate(1e-6));
    // Half a turn off, and a whole turn, which is the same orientation and not the same place to go on from.
    assert!(!circle(&|t| turned([0.0, 0.0, 0.5 * t])).is_closed());
    assert!(!circle(&|t| turned([0.0, 0.0, t])).is_closed());
}
