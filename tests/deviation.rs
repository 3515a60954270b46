//! The process at run time: pushed, let go, returning; and finite whatever comes in.
#![allow(non_snake_case)]
use franka_imit::kinematics::{Point, Pose, tool_down};
use franka_imit::sde::{self, Options};
use nalgebra::{Quaternion, Unit, UnitQuaternion};
use proptest::prelude::*;

const DT_S: f64 = 1e-3;

/// The follower of a policy of positions, spoken to in positions.
#[derive(Clone, Copy)]
struct Follower(sde::Follower);

fn down(p: &Point) -> Pose {
    Pose::from_parts((*p).into(), tool_down())
}

impl Follower {
    fn new(options: &Options, O_p_EE: &Point) -> Self {
        Self(sde::Follower::of_positions(options, &down(O_p_EE)))
    }

    fn step(&mut self, x_ref: &Point, O_p_EE: &Point, O_p_EE_d: &Point, dt_s: f64) -> Point {
        // However the arm is turned: such a policy is not told.
        let turned = UnitQuaternion::from_euler_angles(0.3, -0.2, 0.1) * tool_down();
        let X = self.0.step(&down(x_ref), &Pose::from_parts((*O_p_EE).into(), turned), &down(O_p_EE_d), dt_s);
        assert_eq!(X.rotation, tool_down());
        X.translation.vector
    }

    fn keep_to(&mut self, x_ref: &Point, known: impl Fn(&Point) -> bool) -> Option<Point> {
        self.0.keep_to(&down(x_ref), |X| known(&X.translation.vector)).map(|X| X.translation.vector)
    }

    fn anchor(&mut self, O_p_EE: &Point) {
        self.0.anchor(&down(O_p_EE));
    }

    fn deviation(&self) -> Point {
        self.0.deviation()
    }

    fn is_pushed(&self) -> bool {
        self.0.is_pushed()
    }
}

/// Options under which X is at a pushed arm at once, and nothing that lasts is ever the arm's own sag.
fn prompt() -> Options {
    Options { push_speed_m_s: 1e9, push_speed_rad_s: 1e9, sag_s: 1e12, ..Options::default() }
}

/// A follower of an arm that was undisturbed at `x_ref` for a tick: what comes after is a push.
fn settled(options: &Options, x_ref: &Point) -> Follower {
    let mut follower = Follower::new(options, x_ref);
    follower.step(x_ref, x_ref, x_ref, DT_S);
    follower
}

#[test]
fn an_undisturbed_arm_is_asked_for_the_reference_exactly() {
    let start = Point::new(0.5, 0.0, 0.4);
    let mut follower = Follower::new(&Options::default(), &start);
    for tick in 0..1000 {
        let x_ref = start + Point::new(0.0, 1e-4 * f64::from(tick), 0.0);
        // A tracking error inside the tube must not move the input.
        let O_p_EE = x_ref - Point::new(0.0, 0.015, 0.0);
        assert_eq!(follower.step(&x_ref, &O_p_EE, &x_ref, DT_S), x_ref);
    }
}

#[test]
fn a_push_anchors_the_input_to_the_arm_and_letting_go_returns_it_exponentially() {
    let options = prompt();
    let x_ref = Point::new(0.5, 0.0, 0.4);
    let pushed = x_ref + Point::new(0.03, 0.0, -0.02);
    let mut follower = settled(&options, &x_ref);
    assert_eq!(follower.step(&x_ref, &pushed, &x_ref, DT_S), pushed);
    assert!(follower.is_pushed());
    // The desired position comes to the arm: the tube closes round it, and the pull begins.
    let z0 = follower.deviation();
    for tick in 1..=3000 {
        let x = follower.step(&x_ref, &pushed, &pushed, DT_S);
        let expected = z0 * (-options.theta_1_s * DT_S * f64::from(tick)).exp();
        assert!((x - x_ref - expected).norm() < 1e-12);
        assert!(!follower.is_pushed());
    }
    assert!(follower.deviation().norm() < 1e-4);
}

#[test]
fn the_input_goes_to_a_pushed_arm_without_a_jump() {
    let options = Options::default();
    let x_ref = Point::new(0.5, 0.0, 0.4);
    let pushed = x_ref + Point::new(0.03, 0.0, -0.02);
    let mut follower = settled(&options, &x_ref);
    let mut last = x_ref;
    for _ in 0..500 {
        let x = follower.step(&x_ref, &pushed, &x_ref, DT_S);
        assert!((x - last).norm() <= options.push_speed_m_s * DT_S * (1.0 + 1e-9));
        last = x;
    }
    assert!((last - pushed).norm() < 1e-15);
}

#[test]
fn the_input_begins_at_the_arm_and_not_at_the_reference() {
    let options = Options::default();
    let x_ref = Point::new(0.5, 0.0, 0.4);
    let arm = x_ref + Point::new(0.0, 0.06, 0.0);
    let mut follower = Follower::new(&options, &arm);
    // Until there is a reference, X stays at the arm.
    assert_eq!(follower.step(&Point::repeat(f64::NAN), &arm, &arm, DT_S), arm);
    assert!((follower.step(&x_ref, &arm, &arm, DT_S) - arm).norm() < 1e-15);
    for _ in 0..500 {
        follower.step(&x_ref, &arm, &arm, DT_S);
    }
    let expected = 0.06 * (-options.theta_1_s * 0.5).exp();
    assert!((follower.deviation().norm() - expected).abs() < 1e-12);
    follower.anchor(&arm);
    assert!((follower.step(&x_ref, &arm, &arm, DT_S) - arm).norm() < 1e-15);
}

#[test]
fn the_return_does_not_depend_on_the_length_of_the_cycle() {
    let x_ref = Point::zeros();
    let pushed = Point::new(0.03, 0.0, 0.0);
    let mut every = settled(&prompt(), &x_ref);
    every.step(&x_ref, &pushed, &x_ref, DT_S);
    let mut lossy = every;
    for _ in 0..20 {
        every.step(&x_ref, &x_ref, &x_ref, DT_S);
    }
    lossy.step(&x_ref, &x_ref, &x_ref, 20.0 * DT_S);
    assert!((every.deviation() - lossy.deviation()).norm() < 1e-15);
}

#[test]
fn between_the_two_radii_the_state_stays_what_it_was() {
    let x_ref = Point::zeros();
    let at = |x| Point::new(x, 0.0, 0.0);
    let mut follower = settled(&Options::default(), &x_ref);
    let mut pushed_at = |x| {
        follower.step(&x_ref, &at(x), &x_ref, DT_S);
        follower.is_pushed()
    };
    let states: Vec<bool> = [0.015, 0.019, 0.021, 0.015, 0.011, 0.009, 0.015].map(&mut pushed_at).into();
    assert_eq!(states, [false, false, true, true, true, false, false]);
}

#[test]
fn a_soft_arm_that_hangs_under_a_load_is_not_run_after() {
    let x_ref = Point::new(0.5, 0.0, 0.4);
    let sag = Point::new(0.0, 0.0, -0.03);
    let mut follower = Follower::new(&Options::default(), &x_ref);
    for _ in 0..10_000 {
        assert_eq!(follower.step(&x_ref, &(x_ref + sag), &x_ref, DT_S), x_ref, "it hung so from the start");
    }
    // A push on top of it still counts, and X goes as far as the arm has been pushed, not to where it hangs.
    let push = Point::new(0.025, 0.0, 0.0);
    for _ in 0..400 {
        follower.step(&x_ref, &(x_ref + sag + push), &x_ref, DT_S);
    }
    assert!(follower.is_pushed());
    assert!((follower.deviation() - push).norm() < 1e-3, "{}", follower.deviation());
}

#[test]
fn a_load_put_on_at_once_is_run_after_for_a_while_and_then_returned_from() {
    let options = Options::default();
    let x_ref = Point::new(0.5, 0.0, 0.4);
    let sag = Point::new(0.0, 0.0, -0.03);
    let mut follower = settled(&options, &x_ref);
    // The arm is always the same distance below where it is told to be.
    let mut X = x_ref;
    let mut lowest: f64 = 0.0;
    for _ in 0..8000 {
        X = follower.step(&x_ref, &(X + sag), &X, DT_S);
        lowest = lowest.min((X - x_ref).z);
    }
    assert!(lowest < -0.02 && lowest >= -options.deviation_limit_m * (1.0 + 1e-9), "{lowest}");
    assert!(!follower.is_pushed() && (X - x_ref).norm() < 1e-4, "{}", X - x_ref);
}

#[test]
fn a_deviation_is_shortened_to_what_is_known_and_an_unknown_reference_has_none() {
    let x_ref = Point::new(0.5, 0.0, 0.4);
    let mut follower = settled(&prompt(), &x_ref);
    let inside = |x: &Point| x.x <= 0.52 && x.x >= 0.4;
    assert_eq!(follower.keep_to(&x_ref, inside), Some(x_ref), "what is known stays as it is");
    follower.step(&x_ref, &(x_ref + Point::new(0.04, 0.01, 0.0)), &x_ref, DT_S);
    let kept = follower.keep_to(&x_ref, inside).expect("the reference is known");
    assert!((kept - x_ref - Point::new(0.02, 0.005, 0.0)).norm() < 1e-9 && inside(&kept), "{kept}");
    assert_eq!(follower.deviation(), kept - x_ref);
    assert_eq!(follower.keep_to(&x_ref, |_| false), None);
}

#[test]
fn the_deviation_is_never_longer_than_its_limit() {
    let options = prompt();
    let x_ref = Point::new(0.5, 0.0, 0.4);
    let mut follower = settled(&options, &x_ref);
    for far in [0.2, 5.0, 1e200, f64::MAX] {
        follower.step(&x_ref, &Point::new(far, -far, 0.0), &x_ref, DT_S);
        assert!((follower.deviation().norm() - options.deviation_limit_m).abs() < 1e-12, "{far}");
    }
}

/// The reference of the tests of poses, turned by `z` rad about the base's axes.
fn turned(z: [f64; 3]) -> Pose {
    let turn = UnitQuaternion::from_scaled_axis(Point::from(z)) * tool_down();
    Pose::from_parts(Point::new(0.5, 0.0, 0.4).into(), turn)
}

#[test]
fn a_tool_that_is_turned_away_is_followed_at_a_bounded_speed_and_returned_with_the_same_pull() {
    let options = Options::default();
    let (x_ref, pushed) = (turned([0.0; 3]), turned([0.06, -0.03, 0.04]));
    let mut follower = sde::Follower::of_poses(&options, &x_ref);
    follower.step(&x_ref, &x_ref, &x_ref, DT_S);
    let mut last = x_ref;
    for _ in 0..400 {
        // A hand that turns the tool and leaves it where it is.
        let X = follower.step(&x_ref, &pushed, &x_ref, DT_S);
        assert!(X.rotation.angle_to(&last.rotation) <= options.push_speed_rad_s * DT_S * (1.0 + 1e-6));
        assert!((X.translation.vector - x_ref.translation.vector).norm() < 1e-12);
        last = X;
    }
    assert!(follower.is_pushed() && last.rotation.angle_to(&pushed.rotation) < 1e-6);
    let z0 = follower.rotation_deviation();
    assert!((z0 - Point::new(0.06, -0.03, 0.04)).norm() < 1e-6, "{z0}");
    for tick in 1..=2000 {
        let X = follower.step(&x_ref, &last, &last, DT_S);
        last = X;
        let expected = z0 * (-options.theta_1_s * DT_S * f64::from(tick)).exp();
        assert!((follower.rotation_deviation() - expected).norm() < 1e-9);
    }
    assert!(!follower.is_pushed() && last.rotation.angle_to(&x_ref.rotation) < 1e-4);
}

#[test]
fn an_undisturbed_arm_is_asked_for_the_reference_pose_bit_for_bit() {
    let start = turned([0.0; 3]);
    let mut follower = sde::Follower::of_poses(&Options::default(), &start);
    for tick in 0..1000 {
        let t = 1e-3 * f64::from(tick);
        let x_ref = turned([0.2 * t, 0.1 * t * t, -0.3 * t]);
        // Errors inside the tube must not move the input, in whatever they are.
        let measured = turned([0.2 * t + 0.03, 0.1 * t * t, -0.3 * t - 0.02]);
        assert_eq!(follower.step(&x_ref, &measured, &x_ref, DT_S), x_ref);
    }
}

#[test]
fn a_tool_that_hangs_tilted_is_not_run_after() {
    let x_ref = turned([0.0; 3]);
    let sagged = turned([0.0, 0.09, 0.0]);
    let mut follower = sde::Follower::of_poses(&Options::default(), &x_ref);
    for _ in 0..5000 {
        assert_eq!(follower.step(&x_ref, &sagged, &x_ref, DT_S), x_ref, "it hung so from the start");
    }
    for _ in 0..400 {
        follower.step(&x_ref, &turned([0.0, 0.16, 0.0]), &x_ref, DT_S);
    }
    let z = follower.rotation_deviation();
    assert!(follower.is_pushed() && (z - Point::new(0.0, 0.07, 0.0)).norm() < 5e-3, "{z}");
}

#[test]
fn a_turn_is_shortened_to_what_is_known_with_the_displacement() {
    let x_ref = turned([0.0; 3]);
    let mut follower = sde::Follower::of_poses(&prompt(), &x_ref);
    follower.step(&x_ref, &x_ref, &x_ref, DT_S);
    let mut pushed = turned([0.1, 0.0, 0.0]);
    pushed.translation.vector.x += 0.04;
    follower.step(&x_ref, &pushed, &x_ref, DT_S);
    let known = |X: &Pose| X.rotation.angle_to(&tool_down()) <= 0.05;
    let kept = follower.keep_to(&x_ref, known).expect("the reference is known");
    assert!((kept.rotation.angle_to(&tool_down()) - 0.05).abs() < 1e-7);
    assert!((follower.deviation().x - 0.02).abs() < 1e-7, "half of both");
}

prop_compose! {
    fn any_bits()(bits in any::<u64>()) -> f64 { f64::from_bits(bits) }
}

prop_compose! {
    /// Any bits, and often the values that break arithmetic.
    fn any_f64()(x in prop_oneof![
        any_bits(),
        -1.0..1.0f64,
        prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, 0.0, -0.0, 5e-324]),
    ]) -> f64 { x }
}

prop_compose! {
    fn any_point()(x in any_f64(), y in any_f64(), z in any_f64()) -> Point { Point::new(x, y, z) }
}

prop_compose! {
    /// A pose with any bits, its quaternion of any length.
    fn any_pose()(p in any_point(), r in prop::array::uniform4(any_f64())) -> Pose {
        Pose::from_parts(p.into(), Unit::new_unchecked(Quaternion::new(r[0], r[1], r[2], r[3])))
    }
}

proptest! {
    #[test]
    fn the_follower_of_poses_is_finite_and_bounded_on_any_bits(
        start in any_pose(),
        ticks in prop::collection::vec((any_pose(), any_pose(), any_pose(), any_f64()), 1..20),
        (theta_1_s, tube_rad, tube_release_rad, deviation_limit_rad) in (any_f64(), any_f64(), any_f64(), any_f64()),
    ) {
        let wild = Options { theta_1_s, tube_rad, tube_release_rad, deviation_limit_rad, ..Options::default() };
        for options in [Options::default(), wild] {
            let mut follower = sde::Follower::of_poses(&options, &start);
            for (x_ref, O_T_EE, O_T_EE_d, dt_s) in &ticks {
                let X = follower.step(x_ref, O_T_EE, O_T_EE_d, *dt_s);
                prop_assert!(X.translation.vector.iter().chain(X.rotation.coords.iter()).all(|x| x.is_finite()));
                let z = follower.rotation_deviation();
                prop_assert!(z.iter().all(|z| z.is_finite()));
                if options.deviation_limit_rad == 0.25 {
                    prop_assert!(z.norm() <= 0.25 * (1.0 + 1e-12));
                }
            }
        }
    }

    #[test]
    fn the_follower_is_finite_and_bounded_on_any_bits(
        start in any_point(),
        ticks in prop::collection::vec((any_point(), any_point(), any_point(), any_f64()), 1..20),
        (theta_1_s, tube_m, tube_release_m, deviation_limit_m) in (any_f64(), any_f64(), any_f64(), any_f64()),
    ) {
        let wild = Options { theta_1_s, tube_m, tube_release_m, deviation_limit_m, ..Options::default() };
        for options in [Options::default(), wild] {
            let mut follower = Follower::new(&options, &start);
            for (x_ref, O_p_EE, O_p_EE_d, dt_s) in &ticks {
                let x = follower.step(x_ref, O_p_EE, O_p_EE_d, *dt_s);
                prop_assert!(x.iter().all(|x| x.is_finite()));
                prop_assert!(follower.deviation().iter().all(|z| z.is_finite()));
                if options.deviation_limit_m == 0.1 {
                    prop_assert!(follower.deviation().norm() <= 0.1 * (1.0 + 1e-12));
                }
            }
        }
    }
}
