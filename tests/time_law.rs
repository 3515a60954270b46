//! Time laws: as fast as asked, gently, inside the joints' limits, and always on the path.
use franka_imit::demonstration::drawing::{self, Options as Drawing};
use franka_imit::demonstration::expert::{Expert, Options as ExpertOptions};
use franka_imit::demonstration::path::Path;
use franka_imit::demonstration::shapes;
use franka_imit::demonstration::time_law::{self, Error, Options};
use franka_imit::demonstration::timed_path::{Limit, TimedPath};
use franka_imit::kinematics::{Point, hand_tool};
use franka_imit::robot::limits::{DDDQ_MAX, DDQ_MAX, DQ_MAX};
use franka_imit::robot::{JOINTS, Joints};
use nalgebra::Vector3;
use proptest::prelude::*;
use std::convert::Infallible;

/// The time law of a path on which labels depend on the position.
fn plan<E: std::fmt::Display>(
    path: &Path,
    label: &mut dyn FnMut(&Point) -> Result<Joints, E>,
    options: &Options,
) -> Result<TimedPath, Error> {
    time_law::plan(path, &mut |x| label(&x.translation.vector), options)
}

/// A label that is smooth everywhere: an arm without an end to its reach.
fn smooth_label(p: &Point) -> Result<Joints, Infallible> {
    Ok([
        (2.0 * p.y).sin(),
        -0.3 + 1.5 * p.x * p.x,
        0.8 * p.y * p.z,
        -1.9 + 2.0 * (p.z - 0.4),
        0.7 * (3.0 * p.x).cos(),
        1.8 - p.x,
        0.5 + 2.5 * p.y,
    ])
}

fn expert() -> impl FnMut(&Point) -> Result<Joints, franka_imit::demonstration::expert::Error> {
    let expert = Expert::new(ExpertOptions::default(), hand_tool());
    move |p| expert.label(p)
}

fn shape(name: &str) -> Path {
    shapes::load(name, &Drawing::default()).expect("built in").path
}

fn timed(name: &str, options: &Options) -> TimedPath {
    plan(&shape(name), &mut expert(), options).expect("every built-in shape can be followed")
}

/// Positions at 1 kHz over `laps` laps.
fn positions(timed: &TimedPath, laps: f64) -> Vec<Point> {
    let n = (timed.lap_s() * laps * 1e3).round() as usize;
    (0..=n).map(|k| timed.at(k as f64 * 1e-3).0).collect()
}

/// The largest difference of order 1, 2 or 3 between neighbours at 1 kHz, per second to that power.
fn largest(p: &[Point], order: usize) -> f64 {
    let mut d: Vec<Vector3<f64>> = p.to_vec();
    for _ in 0..order {
        d = d.windows(2).map(|w| (w[1] - w[0]) / 1e-3).collect();
    }
    d.iter().map(|v| v.norm()).fold(0.0, f64::max)
}

fn farthest_from_path(timed: &TimedPath) -> f64 {
    let steps = 20_000.min((timed.lap_s() * 3.7e3) as usize).max(10);
    let at = |k: usize| timed.lap_s() * k as f64 / steps as f64;
    let off = |k| timed.path().nearest_around(&timed.at(at(k)).0, timed.arc_m(at(k)), 0.005).distance_m;
    (0..=steps).map(off).fold(0.0, f64::max)
}

/// The worst share of velocity, acceleration and jerk limits that any joint uses.
fn shares<E: std::fmt::Debug>(
    timed: &TimedPath,
    label: &mut dyn FnMut(&Point) -> Result<Joints, E>,
) -> [f64; 3] {
    let q: Vec<Joints> = positions(timed, 2.0).iter().map(|p| label(p).expect("planned")).collect();
    let mut worst = [0.0_f64; 3];
    for j in 0..JOINTS {
        let mut d: Vec<f64> = q.iter().map(|q| q[j]).collect();
        for (order, limit) in [DQ_MAX[j], DDQ_MAX[j], DDDQ_MAX[j]].into_iter().enumerate() {
            d = d.windows(2).map(|w| (w[1] - w[0]) / 1e-3).collect();
            worst[order] = d.iter().fold(worst[order], |w, d| w.max(d.abs() / limit));
        }
    }
    worst
}

#[test]
fn every_shape_is_followed_exactly_and_inside_the_joints_limits() {
    for name in shapes::NAMES {
        let timed = timed(name, &Options::default());
        let off = farthest_from_path(&timed);
        let used = shares(&timed, &mut expert());
        let p = positions(&timed, 2.0);
        println!(
            "{name}: length {:.4} m, lap {:.3} s, top {:.4} m/s, off {off:.2e} m, shares {used:.3?}, \
             acceleration {:.3} m/s², jerk {:.1} m/s³, slowest {:?}, stretch {}",
            timed.path().length_m(),
            timed.lap_s(),
            timed.top_speed_m_s(),
            largest(&p, 2),
            largest(&p, 3),
            timed.slowest(),
            timed.stretch()
        );
        assert!(off < 1e-6, "{name}: {off} m off the path");
        assert!(used[0] <= 0.5 && used[1] <= 0.4 && used[2] <= 0.4, "{name}: {used:?}");
        assert!(timed.top_speed_m_s() < 0.1 * (1.0 + 1e-3));
    }
}

#[test]
fn the_square_at_a_quarter_metre_a_second_stops_at_its_corners_only() {
    let options = Options { speed_m_s: 0.25, ..Options::default() };
    let timed = timed("square", &options);
    let speeds: Vec<f64> =
        (0..(timed.lap_s() * 1e3) as usize).map(|k| timed.at(k as f64 * 1e-3).1.norm()).collect();
    let stops = speeds.windows(2).filter(|v| v[0] < 1e-3 && v[1] >= 1e-3).count();
    println!("square at 0.25 m/s: lap {:.3} s, stretch {:.3}", timed.lap_s(), timed.stretch());
    assert_eq!(stops, 4, "one stop a corner");
}

#[test]
fn acceleration_builds_up_over_the_filter_and_never_steps() {
    for name in shapes::NAMES {
        let options = Options { speed_m_s: 0.25, ..Options::default() };
        let timed = plan(&shape(name), &mut smooth_label, &options).unwrap();
        let p = positions(&timed, 2.0);
        // From full braking to full acceleration within one filter's width.
        let jerk_max = 2.0 * options.acceleration_m_s2 / options.smoothing_s;
        assert!(largest(&p, 3) <= jerk_max * 1.05, "{name}: {} m/s³", largest(&p, 3));
        assert!(largest(&p, 2) <= options.acceleration_m_s2 * 1.02, "{name}: {} m/s²", largest(&p, 2));
    }
}

#[test]
fn a_bend_slows_the_arm_and_is_named() {
    let wave: Vec<Point> = (0..=600)
        .map(|k| Point::new(0.3 + 3e-4 * f64::from(k), 0.02 * (f64::from(k) * 0.05).sin(), 0.4))
        .collect();
    let path = drawing::path(&wave, None, &Drawing::default()).unwrap();
    let options = Options { speed_m_s: 0.3, ..Options::default() };
    let timed = plan(&path, &mut smooth_label, &options).unwrap();
    let slowest = timed.slowest().expect("0.3 m/s is too fast for bends of 4 mm");
    assert_eq!(slowest.limit, Limit::Curvature);
    assert!(slowest.speed_m_s < 0.2 && timed.top_speed_m_s() <= 0.3);
}

#[test]
fn an_open_path_runs_back_and_forth_and_any_time_has_an_answer() {
    let line = [Point::new(0.4, -0.1, 0.4), Point::new(0.4, 0.1, 0.4)];
    let path = drawing::path(&line, None, &Drawing::default()).unwrap();
    let timed = plan(&path, &mut smooth_label, &Options::default()).unwrap();
    let lap = timed.lap_s();
    assert_eq!(timed.at(0.0).1, Vector3::zeros());
    assert_eq!(timed.at(lap).0, line[1]);
    let ((p, dp), (back, dback)) = (timed.at(0.3 * lap), timed.at(1.7 * lap));
    assert!((p - back).norm() < 1e-9 && (dp + dback).norm() < 1e-6);
    for tau in [f64::NAN, f64::INFINITY, -f64::INFINITY, -1e300, 1e300, f64::MIN_POSITIVE, -0.0] {
        let (p, dp) = timed.at(tau);
        assert!(timed.path().distance(&p) < 1e-6 && dp.norm() <= 0.11, "{tau}");
    }
}

#[test]
fn a_place_out_of_reach_is_refused_with_its_reason() {
    let line = [Point::new(0.6, 0.0, 0.4), Point::new(1.1, 0.0, 0.4)];
    let path = drawing::path(&line, None, &Drawing::default()).unwrap();
    let error = plan(&path, &mut expert(), &Options::default()).unwrap_err();
    println!("{error}");
    assert!(matches!(&error, Error::Unreachable { point, .. } if point.x > 0.65), "{error}");
}

#[test]
fn a_jump_of_the_labels_is_refused_with_joint_and_place() {
    let mut jumping = |p: &Point| {
        let mut q = smooth_label(p).unwrap();
        q[2] += if p.y > 0.03 { 0.8 } else { 0.0 };
        Ok::<_, Infallible>(q)
    };
    let error = plan(&shape("square"), &mut jumping, &Options::default()).unwrap_err();
    assert!(matches!(error, Error::Jump { joint: 3, point, .. } if (point.y - 0.03).abs() < 1e-3), "{error}");
}

/// A circle of 0.1 m radius, drawn in `lap_s` with the tremor of a hand and a pause half way.
fn drawn_circle(lap_s: f64) -> Path {
    let mut t = 0.0;
    let (mut points, mut times) = (Vec::new(), Vec::new());
    for k in 0..=400 {
        let angle = f64::from(k) * std::f64::consts::TAU / 400.0;
        let tremor = 1e-3 * (f64::from(k) * 2.1).sin();
        let r = 0.1 + tremor;
        points.push(Point::new(0.45 + r * angle.cos(), r * angle.sin(), 0.4));
        times.push(t);
        t += lap_s / 400.0 + if k == 200 { 1.0 } else { 0.0 };
    }
    drawing::path(&points, Some(&times), &Drawing::default()).unwrap()
}

#[test]
fn a_drawing_with_times_keeps_them() {
    let timed = plan(&drawn_circle(8.0), &mut expert(), &Options::default()).unwrap();
    assert!((timed.lap_s() - 9.3).abs() < 0.05, "{} s: 8 drawn, 1 paused, 0.3 of filters", timed.lap_s());
    assert!(timed.at(4.65).1.norm() < 0.01, "paused half way");
    let deviation = timed.path().deviation_m();
    assert!(farthest_from_path(&timed) < 1e-6 && deviation < 0.002, "deviation {deviation} m");
}

#[test]
fn a_drawing_too_fast_for_the_arm_says_by_what_factor_to_slow_down() {
    let error = plan(&drawn_circle(0.6), &mut expert(), &Options::default()).unwrap_err();
    println!("{error}");
    match error {
        Error::TooFast { factor, .. } => {
            assert!(plan(&drawn_circle(0.6 * factor), &mut expert(), &Options::default()).is_ok());
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_law_that_asks_too_much_of_a_joint_is_stretched() {
    // A ripple of the labels along the path, seen neither by curvature nor by coarse differences.
    let mut rippled = |p: &Point| {
        let mut q = smooth_label(p).unwrap();
        q[6] += 2e-4 * (p.y * 3000.0).sin();
        Ok::<_, Infallible>(q)
    };
    let options = Options { speed_m_s: 0.3, ..Options::default() };
    let timed = plan(&shape("square"), &mut rippled, &options).unwrap();
    let used = shares(&timed, &mut rippled);
    assert!(used[0] <= 0.5 && used[1] <= 0.4 && used[2] <= 0.4, "{used:?}, stretch {}", timed.stretch());
}

#[test]
fn every_option_is_checked() {
    let options = Options { speed_m_s: f64::NAN, smoothing_s: 0.0, ..Options::default() };
    let keys: Vec<_> = options.validate().into_iter().map(|v| v.key).collect();
    assert_eq!(keys, ["speed_m_s", "smoothing_s"]);
    assert!(Options::default().validate().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_drawn_path_is_followed_exactly_inside_the_limits_and_from_rest_to_rest(
        steps in proptest::collection::vec((-0.03..0.03_f64, -0.03..0.03_f64, -0.02..0.02_f64), 2..25),
        speed_m_s in 0.05..0.4_f64,
    ) {
        let mut p = Point::new(0.45, 0.0, 0.4);
        let drawn: Vec<Point> = steps.iter().map(|&(x, y, z)| { p += Vector3::new(x, y, z); p }).collect();
        prop_assume!((drawn[0] - drawn[1]).norm() > 1e-3);
        let path = drawing::path(&drawn, None, &Drawing::default()).unwrap();
        let options = Options { speed_m_s, ..Options::default() };
        let timed = plan(&path, &mut smooth_label, &options).unwrap();
        prop_assert!(farthest_from_path(&timed) < 1e-6);
        let used = shares(&timed, &mut smooth_label);
        prop_assert!(used[0] <= 0.5001 && used[1] <= 0.4001 && used[2] <= 0.4001, "{:?}", used);
        prop_assert!(timed.top_speed_m_s() <= speed_m_s * 1.001);
        if !path.is_closed() || !path.corners().is_empty() {
            // A whole number of milliseconds is rarely a whole multiple of 1e-3: rest, but for that rounding.
            prop_assert!(timed.at(0.0).1.norm() < 1e-12);
            prop_assert!(timed.at(timed.lap_s()).1.norm() < 1e-12);
        }
    }
}
