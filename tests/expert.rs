//! The expert: a function of the position, continuous, exact, inside the limits, without allocation.
#![allow(non_snake_case)]
use assert_no_alloc::{AllocDisabler, assert_no_alloc};
use franka_imit::demonstration::expert::{Error, Expert, Options, Redundancy};
use franka_imit::demonstration::{self, BOX_MAX_M, BOX_MIN_M, Dataset, LabelledBy};
use franka_imit::kinematics::{Point, Pose, forward, hand_tool, limit_margin_rad};
use franka_imit::robot::Joints;
use franka_imit::robot::limits::Q_READY;
use nalgebra::UnitQuaternion;
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

fn expert() -> Expert {
    Expert::new(Options::default(), hand_tool())
}

fn fixed_q7() -> Expert {
    Expert::new(Options { redundancy: Redundancy::FixedQ7, ..Options::default() }, hand_tool())
}

fn down() -> UnitQuaternion<f64> {
    UnitQuaternion::from_axis_angle(&Point::x_axis(), std::f64::consts::PI)
}

fn largest(a: &Joints, b: &Joints) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

fn random_point(rng: &mut StdRng) -> Point {
    Point::from_fn(|i, _| rng.random_range(BOX_MIN_M[i]..BOX_MAX_M[i]))
}

/// `n` points on a horizontal square, side 0.1 m, about (0.3, 0, 0.5) m.
fn square(n: usize) -> Vec<Point> {
    let corner = |k: usize| {
        let (x, y) = [(0.25, -0.05), (0.35, -0.05), (0.35, 0.05), (0.25, 0.05)][k % 4];
        Point::new(x, y, 0.5)
    };
    (0..n)
        .map(|i| {
            let s = 4.0 * i as f64 / n as f64;
            corner(s as usize).lerp(&corner(s as usize + 1), s.fract())
        })
        .collect()
}

#[test]
fn the_label_of_the_ready_position_is_the_ready_pose() {
    let ready = forward(&Q_READY, &hand_tool()).translation.vector;
    for expert in [expert(), fixed_q7()] {
        assert!(largest(&expert.label(&ready).unwrap(), &Q_READY) < 1e-9);
    }
}

#[test]
fn a_label_reaches_its_position_with_the_tool_pointing_down() {
    let mut rng = StdRng::seed_from_u64(1);
    for expert in [expert(), fixed_q7()] {
        let mut labelled = 0;
        for _ in 0..5000 {
            let point = random_point(&mut rng);
            let Ok(q) = expert.label(&point) else { continue };
            let pose = forward(&q, &hand_tool());
            assert!((pose.translation.vector - point).norm() < 1e-9, "{point} {q:?}");
            assert!(pose.rotation.angle_to(&down()) < 1e-9, "{point} {q:?}");
            assert!(limit_margin_rad(&q).1 >= expert.options().limit_margin_rad);
            labelled += 1;
        }
        assert!(labelled > 4500, "{labelled} of 5000");
    }
}

#[test]
fn in_its_plane_the_arm_needs_neither_the_third_nor_the_fifth_joint() {
    let mut rng = StdRng::seed_from_u64(2);
    for _ in 0..2000 {
        let Ok(q) = expert().label(&random_point(&mut rng)) else { continue };
        assert!(q[2].abs() < 1e-7 && q[4].abs() < 1e-7, "{q:?}");
    }
}

#[test]
fn neighbouring_positions_have_neighbouring_labels() {
    let mut rng = StdRng::seed_from_u64(3);
    let mut steepest = 0f64;
    for _ in 0..5000 {
        let a = random_point(&mut rng);
        let b = a + 1e-4 * Point::from_fn(|_, _| rng.random_range(-1.0..1.0));
        let (Ok(qa), Ok(qb)) = (expert().label(&a), expert().label(&b)) else { continue };
        steepest = steepest.max(largest(&qa, &qb) / (a - b).norm());
    }
    println!("steepest: {steepest:.1} rad/m");
    assert!(steepest < 30.0, "{steepest} rad/m");
}

#[test]
fn a_fixed_seventh_joint_makes_no_label_jump_to_another_branch() {
    let (expert, mut rng) = (fixed_q7(), StdRng::seed_from_u64(4));
    for _ in 0..5000 {
        let a = random_point(&mut rng);
        let b = a + 1e-6 * Point::from_fn(|_, _| rng.random_range(-1.0..1.0));
        let (Ok(qa), Ok(qb)) = (expert.label(&a), expert.label(&b)) else { continue };
        // Joint 1 may turn a radian in a millimetre here, but no branch is 0.01 rad from another.
        assert!(largest(&qa, &qb) < 0.01, "{qa:?} {qb:?}");
    }
}

#[test]
fn the_label_goes_smoothly_through_a_vertical_upper_arm() {
    // Along this line towards the base the second joint changes its sign.
    let labels: Vec<Joints> = (0..4000)
        .filter_map(|i| expert().label(&Point::new(0.62 - 1e-4 * f64::from(i), 0.1, 0.45)).ok())
        .collect();
    assert!(labels.iter().any(|q| q[1] > 0.01) && labels.iter().any(|q| q[1] < -0.01));
    for pair in labels.windows(2) {
        assert!(largest(&pair[0], &pair[1]) < 5e-3, "{pair:?}");
    }
}

#[test]
fn a_bent_tool_is_still_carried_to_the_position() {
    let F_T_EE = Pose::translation(0.02, -0.03, 0.15) * Pose::rotation(Point::new(0.2, 0.1, 0.3));
    let expert = Expert::new(Options::default(), F_T_EE);
    let point = Point::new(0.45, 0.1, 0.35);
    let pose = forward(&expert.label(&point).unwrap(), &F_T_EE);
    assert!((pose.translation.vector - point).norm() < 1e-9);
    assert!(pose.rotation.angle_to(&down()) < 1e-9);
}

#[test]
fn rounding_in_the_tool_a_robot_reports_does_not_swing_the_elbow() {
    for tool in [Pose::identity(), hand_tool()] {
        let exact = Expert::new(Options::default(), tool);
        for axis in [nalgebra::Vector3::x(), nalgebra::Vector3::y()] {
            let rounded = Expert::new(Options::default(), tool * Pose::rotation(axis * 1e-9));
            for p in square(40) {
                let (a, b) = (exact.label(&p).unwrap(), rounded.label(&p).unwrap());
                assert!(largest(&a, &b) < 1e-7, "{a:?} and {b:?}");
            }
        }
    }
}

#[test]
fn a_point_out_of_reach_is_named_with_the_distance() {
    let error = expert().label(&Point::new(1.2, 0.0, 0.4)).unwrap_err();
    let Error::Unreachable { wrist_m, max_m, .. } = error else { panic!("{error}") };
    assert!(wrist_m > max_m);
    let text = error.to_string();
    assert!(text.starts_with("(1.2000, 0.0000, 0.4000) m cannot be reached"), "{text}");
    assert!(text.contains("move it towards the base by 0.4"), "{text}");
}

#[test]
fn a_joint_at_its_limit_is_named_with_its_range() {
    let error = expert().label(&Point::new(-0.4, 0.2, 0.4)).unwrap_err();
    assert!(matches!(error, Error::OutsideLimits { joint: 6, .. }), "{error}");
    assert!(error.to_string().contains("joint 7 to "), "{error}");
}

#[test]
fn a_stretched_elbow_is_refused_before_it_is_singular() {
    let labels: Vec<_> =
        (0..2000).map(|i| expert().label(&Point::new(0.5 + 2e-4 * f64::from(i), 0.0, 0.4))).collect();
    let first = labels.iter().position(Result::is_err).unwrap();
    let error = labels[first].unwrap_err();
    assert!(matches!(error, Error::OutsideLimits { joint: 3, .. }), "{error}");
    assert!(error.to_string().contains("stretch_margin_rad"));
    assert!(labels[first..].iter().all(Result::is_err));
    assert!(matches!(labels.last(), Some(Err(Error::Unreachable { .. }))));
}

#[test]
fn a_position_that_is_no_number_is_refused() {
    assert!(matches!(expert().label(&Point::new(f64::NAN, 0.0, 0.4)), Err(Error::NotFinite { .. })));
    let p = Point::new(0.4, 0.0, 0.4);
    let far = Point::new(f64::INFINITY, 0.0, 0.4);
    assert!(matches!(expert().continuation((&p, &Q_READY), &far), Err(Error::NotFinite { .. })));
}

#[test]
fn no_label_allocates_nor_does_a_refusal() {
    let (expert, mut rng) = (expert(), StdRng::seed_from_u64(4));
    let points: Vec<Point> = (0..500).map(|_| Point::from_fn(|_, _| rng.random_range(-1.0..1.0))).collect();
    let ready = forward(&Q_READY, &hand_tool()).translation.vector;
    assert_no_alloc(|| {
        for point in &points {
            let _ = std::hint::black_box(expert.label(point));
            let _ = std::hint::black_box(expert.continuation((&ready, &Q_READY), point));
        }
    });
}

#[test]
fn a_continuation_moves_the_point_and_keeps_the_orientation() {
    let (expert, mut rng) = (expert(), StdRng::seed_from_u64(5));
    // Joints as a person leaves them: tilted tool, swung elbow, position a millimetre off.
    let q = [0.2, -0.5, 0.3, -2.1, 0.25, 1.7, 0.6];
    let demonstrated = forward(&q, &hand_tool());
    let from = demonstrated.translation.vector + Point::new(0.001, 0.0, 0.0);
    for _ in 0..500 {
        let to = from + 0.03 * Point::from_fn(|_, _| rng.random_range(-1.0..1.0));
        let there = forward(&expert.continuation((&from, &q), &to).unwrap(), &hand_tool());
        assert!((there.translation.vector - demonstrated.translation.vector - (to - from)).norm() < 1e-9);
        assert!(there.rotation.angle_to(&demonstrated.rotation) < 1e-9);
    }
    assert!(largest(&expert.continuation((&from, &q), &from).unwrap(), &q) < 1e-9);
}

#[test]
fn a_continuation_is_a_continuous_function_of_the_place() {
    let (expert, mut rng) = (expert(), StdRng::seed_from_u64(6));
    let q = [0.2, -0.5, 0.3, -2.1, 0.25, 1.7, 0.6];
    let from = forward(&q, &hand_tool()).translation.vector;
    for _ in 0..500 {
        let to = from + 0.05 * Point::from_fn(|_, _| rng.random_range(-1.0..1.0));
        let near = to + 1e-6 * Point::from_fn(|_, _| rng.random_range(-1.0..1.0));
        let [a, b] = [to, near].map(|to| expert.continuation((&from, &q), &to).unwrap());
        assert!(largest(&a, &b) < 2e-5, "{a:?} {b:?}");
    }
}

#[test]
fn a_continuation_out_of_reach_says_so() {
    let from = forward(&Q_READY, &hand_tool()).translation.vector;
    let error = expert().continuation((&from, &Q_READY), &Point::new(1.5, 0.0, 0.3)).unwrap_err();
    assert!(matches!(error, Error::Continuation { .. }), "{error}");
}

#[test]
fn a_survey_finds_gaps_margins_and_steps() {
    let mut points = square(400);
    let smooth = expert().survey(&points);
    assert_eq!((smooth.points, smooth.unlabelled), (400, 0));
    assert!(smooth.step_max.unwrap().rad < 0.01, "{smooth:?}");
    assert!(smooth.limit_margin_min.unwrap().rad > 0.02, "{smooth:?}");
    points[7] = Point::new(0.0, 0.0, 3.0);
    let gap = expert().survey(&points);
    assert_eq!((gap.unlabelled, gap.unlabelled_first[0].index), (1, 7));
    assert!(serde_json::to_string(&gap).unwrap().contains("cannot be reached"));
}

#[test]
fn a_motion_with_a_hole_is_no_data_set() {
    let mut points = square(40);
    let whole = Dataset::from_points(&expert(), &points, "square").unwrap();
    assert_eq!(whole.examples.len(), 40);
    assert_eq!(whole.labelled_by, LabelledBy::Expert(Options::default()));
    points[3].x = 2.0;
    let error = Dataset::from_points(&expert(), &points, "square").unwrap_err();
    assert!(error.to_string().starts_with("square: 1 of 40 points have no label; the first is point 3:"));
    assert!(matches!(
        Dataset::from_points(&expert(), &[], "nothing"),
        Err(demonstration::Error::Empty { .. })
    ));
}

#[test]
fn a_box_is_filled_the_same_way_by_the_same_seed() {
    let (min, max) = (Point::from(BOX_MIN_M), Point::from(BOX_MAX_M));
    let draw = |seed| Dataset::box_of_workspace(&expert(), &min, &max, 500, seed).unwrap().examples;
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    assert_eq!(draw(1).len(), 500);
}

#[test]
fn a_box_that_the_arm_cannot_reach_ends_in_an_error() {
    let far = [2.0, 2.0, 0.0].into();
    let error = Dataset::box_of_workspace(&expert(), &far, &far, 10, 0).unwrap_err();
    assert!(matches!(error, demonstration::Error::BoxOutOfReach { labelled: 0, tried: 100, .. }), "{error}");
    let error = Dataset::box_of_workspace(&expert(), &far, &Point::zeros(), 10, 0).unwrap_err();
    assert!(matches!(error, demonstration::Error::NoBox { .. }), "{error}");
}

#[test]
fn options_outside_their_range_are_named() {
    assert_eq!(Options::default().validate(), []);
    let wrong = Options { q7_rad: 3.0, ..Options::default() }.validate();
    assert_eq!(wrong[0].key, "q7_rad");
    let wrong = Options { limit_margin_rad: f64::NAN, ..Options::default() }.validate();
    assert_eq!(wrong[0].key, "limit_margin_rad");
}

#[test]
fn options_are_written_as_a_person_would() {
    let text = toml::to_string(&Options::default()).unwrap();
    assert!(text.starts_with("redundancy = \"elbow_in_plane\""), "{text}");
    assert_eq!(toml::from_str::<Options>(&text).unwrap(), Options::default());
    let fixed: Options = toml::from_str("redundancy = \"fixed-q7\"\nq7_rad = 0.5").unwrap();
    assert_eq!((fixed.redundancy, fixed.q7_rad), (Redundancy::FixedQ7, 0.5));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_bits_get_finite_joints_or_an_error(bits in prop::array::uniform3(any::<u64>()), scale in 0.0..2.0) {
        let wild = Point::from(bits.map(f64::from_bits));
        let mild = Point::from(bits.map(|b| scale * (b as f64 / u64::MAX as f64 - 0.5)));
        for point in [wild, mild] {
            for expert in [expert(), fixed_q7()] {
                if let Ok(q) = expert.label(&point) {
                    prop_assert!(limit_margin_rad(&q).1 >= 0.02);
                    prop_assert!((forward(&q, &hand_tool()).translation.vector - point).norm() < 1e-9);
                }
            }
        }
    }
}
