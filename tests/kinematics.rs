//! Kinematics against pinocchio and against itself.
#![allow(non_snake_case)]
use franka_imit::kinematics::differential::{self, Options};
use franka_imit::kinematics::*;
use franka_imit::robot::Joints;
use franka_imit::robot::limits::{Q_MAX, Q_MIN, Q_READY};
use nalgebra::{UnitQuaternion, Vector3};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

#[derive(serde::Deserialize)]
struct Fixtures {
    samples: Vec<Sample>,
}

#[derive(serde::Deserialize)]
struct Sample {
    q: Joints,
    O_T_F: [f64; 16],
    O_T_EE: [f64; 16],
    O_J_EE: Vec<f64>,
}

fn fixtures() -> Vec<Sample> {
    serde_json::from_str::<Fixtures>(include_str!("fixtures/kinematics.json")).unwrap().samples
}

fn random_q(rng: &mut StdRng) -> Joints {
    std::array::from_fn(|i| rng.random_range(Q_MIN[i]..Q_MAX[i]))
}

/// Position error, m, and rotation error, rad.
fn difference(a: &Pose, b: &Pose) -> (f64, f64) {
    ((a.translation.vector - b.translation.vector).norm(), a.rotation.angle_to(&b.rotation))
}

fn joint_difference(a: &Joints, b: &Joints) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn poses_and_jacobians_are_those_of_pinocchio() {
    for sample in fixtures() {
        for (ours, theirs) in [
            (to_column_major(&flange(&sample.q)), sample.O_T_F),
            (to_column_major(&forward(&sample.q, &hand_tool())), sample.O_T_EE),
        ] {
            for (a, b) in ours.iter().zip(theirs) {
                assert!((a - b).abs() < 1e-12, "{ours:?} {theirs:?}");
            }
        }
        for (a, b) in jacobian(&sample.q, &hand_tool()).as_slice().iter().zip(&sample.O_J_EE) {
            assert!((a - b).abs() < 1e-12);
        }
    }
}

/// Smallest singular value of the six columns that remain when joint 7 is given.
fn conditioning(q: &Joints, F_T_EE: &Pose) -> f64 {
    jacobian(q, F_T_EE).fixed_columns::<6>(0).svd(false, false).singular_values.min()
}

#[test]
fn every_posture_is_found_again_and_every_branch_reaches_the_pose() {
    let mut rng = StdRng::seed_from_u64(1);
    let F_T_EE = hand_tool();
    let (mut worst_m, mut worst_rad, mut worst_q, mut branches, mut near_double) = (0f64, 0f64, 0f64, 0, 0);
    for _ in 0..100_000 {
        let q = random_q(&mut rng);
        let O_T_EE = forward(&q, &F_T_EE);
        let found = inverse(&O_T_EE, &F_T_EE, q[6]);
        let itself = found.iter().map(|b| joint_difference(&b.q, &q)).fold(f64::INFINITY, f64::min);
        // Where two branches meet, the pose itself, rounded to 1e-16, does not say which joints made it.
        let rounding = 1e-14 / conditioning(&q, &F_T_EE);
        assert!(itself < rounding.max(1e-9), "{q:?} is not among {found:?}: {itself}, {rounding}");
        if rounding < 1e-9 {
            worst_q = worst_q.max(itself);
        } else {
            near_double += 1;
        }
        for branch in &found {
            let (m, rad) = difference(&forward(&branch.q, &F_T_EE), &O_T_EE);
            assert!(m < 1e-9 && rad < 1e-9, "{m} m, {rad} rad at {branch:?}");
            (worst_m, worst_rad) = (worst_m.max(m), worst_rad.max(rad));
            let inside = branch.q.iter().zip(Q_MIN.iter().zip(&Q_MAX)).all(|(q, (a, b))| a <= q && q <= b);
            assert_eq!(branch.within_limits, inside);
            assert_eq!(branch.within_limits, branch.margin_rad >= 0.0);
            branches += 1;
        }
    }
    println!("worst: {worst_m:.1e} m, {worst_rad:.1e} rad, itself {worst_q:.1e} rad; {branches} branches");
    println!("{near_double} of 100000 so near to a double root that rounding of the pose exceeds 1e-9 rad");
    assert!(near_double < 200);
}

#[test]
fn no_branch_is_returned_twice() {
    let mut rng = StdRng::seed_from_u64(2);
    for _ in 0..2000 {
        let q = random_q(&mut rng);
        let found = inverse(&flange(&q), &Pose::identity(), q[6]);
        for (i, a) in found.iter().enumerate() {
            for b in &found[..i] {
                assert!(joint_difference(&a.q, &b.q) > 1e-6, "{found:?}");
                assert_ne!(a.family, b.family);
            }
        }
    }
}

#[test]
fn a_vertical_upper_arm_is_reached_with_the_third_joint_at_rest() {
    let q = [0.4, 0.0, 0.3, -1.5, 0.2, 1.9, 0.1];
    let found = inverse(&flange(&q), &Pose::identity(), q[6]);
    let like = [0.7, 0.0, 0.0, -1.5, 0.2, 1.9, 0.1];
    assert!(found.iter().any(|branch| joint_difference(&branch.q, &like) < 1e-6), "{found:?}");
    for branch in &found {
        let (m, rad) = difference(&flange(&branch.q), &flange(&q));
        assert!(m < 1e-9 && rad < 1e-9, "{branch:?}");
    }
}

#[test]
fn nearly_singular_postures_are_reached_too() {
    for tiny in [0.0, 1e-16, 1e-14, 1e-12, 1e-10, 1e-8, 1e-6] {
        for q in [
            [0.4, tiny, 0.3, -1.5, 0.2, 1.9, 0.1],
            [0.4, 0.5, 0.3, -0.467_021_284_618_602_4 + tiny, 0.2, 1.9, 0.1],
            [0.4, 0.5, 0.3, -1.5, 0.0, tiny, 0.1],
            [0.0, tiny, 0.0, -1.5, tiny, 1.5, 0.1],
        ] {
            let O_T_F = flange(&q);
            let found = inverse(&O_T_F, &Pose::identity(), q[6]);
            assert!(!found.is_empty(), "{q:?}");
            for branch in &found {
                let (m, rad) = difference(&flange(&branch.q), &O_T_F);
                assert!(m < 1e-9 && rad < 1e-9, "{m} m {rad} rad {q:?} {branch:?}");
            }
        }
    }
}

#[test]
fn a_pose_out_of_reach_has_no_branch() {
    let far = Pose::translation(2.0, 0.0, 0.5);
    assert!(inverse(&far, &hand_tool(), 0.0).is_empty());
    assert!(inverse(&forward(&Q_READY, &hand_tool()), &hand_tool(), f64::NAN).is_empty());
}

#[test]
fn joint_six_is_found_beyond_a_half_turn() {
    let q = [0.1, -0.4, 0.2, -1.2, 0.3, 3.6, 0.5];
    let found = inverse(&flange(&q), &Pose::identity(), q[6]);
    assert!(joint_difference(&found.nearest(&q).unwrap().q, &q) < 1e-9);
}

#[test]
fn the_tool_points_down_in_the_ready_pose() {
    let pose = forward(&Q_READY, &hand_tool());
    let down = UnitQuaternion::from_axis_angle(&Vector3::x_axis(), std::f64::consts::PI);
    assert!(pose.rotation.angle_to(&down) < 1e-12);
    assert!((pose.translation.vector - Vector3::new(0.306_891, 0.0, 0.486_882)).norm() < 1e-6, "{pose}");
}

#[test]
fn a_written_pose_is_read_back() {
    let pose = forward(&[0.3, 0.2, -0.4, -1.8, 0.7, 2.1, -0.9], &hand_tool());
    let (m, rad) = difference(&from_column_major(&to_column_major(&pose)).unwrap(), &pose);
    assert!(m < 1e-15 && rad < 1e-7);
}

#[test]
fn four_decimals_of_a_rotation_are_put_right() {
    let mut wire = to_column_major(&hand_tool());
    wire.iter_mut().for_each(|x| *x = (*x * 1e4).round() / 1e4);
    let (m, rad) = difference(&from_column_major(&wire).unwrap(), &hand_tool());
    assert!(m < 1e-12 && rad < 1e-7, "{rad}");
}

#[test]
fn a_matrix_that_is_no_pose_is_refused_with_the_reason() {
    let good = to_column_major(&hand_tool());
    let with = |i: usize, x: f64| {
        let mut wire = good;
        wire[i] = x;
        from_column_major(&wire)
    };
    assert!(matches!(with(3, f64::NAN), Err(NotRigid::NotFinite { index: 3, .. })));
    assert!(matches!(with(0, 2.0), Err(NotRigid::NotOrthonormal { .. })));
    assert!(matches!(with(10, -1.0), Err(NotRigid::NotOrthonormal { .. })));
    assert!(matches!(with(7, 0.5), Err(NotRigid::LastRow { .. })));
    assert!(from_column_major(&[0.0; 16]).is_err());
    assert!(from_column_major(&[1e308; 16]).is_err());
}

#[test]
fn small_steps_reach_near_poses_exactly() {
    let mut rng = StdRng::seed_from_u64(3);
    let (F_T_EE, options) = (hand_tool(), Options::default());
    let (mut solved, mut iterations, mut missed, mut left, mut worst) = (0, 0, 0, 0, 0);
    for _ in 0..5000 {
        let q = random_q(&mut rng);
        let goal = forward(&q.map(|q| q + rng.random_range(-0.1..0.1)), &F_T_EE);
        match differential::solve(&q, &goal, &F_T_EE, &q, &options) {
            Ok(solution) => {
                let (m, rad) = difference(&forward(&solution.q, &F_T_EE), &goal);
                assert!(m < 1.01e-10 && rad < 1.01e-10, "{m} {rad}");
                solved += 1;
                iterations += solution.iterations;
                worst = worst.max(solution.iterations);
            }
            Err(error @ differential::Error::NotConverged { .. }) => {
                // The elbow stretched, at q4 = -0.467 rad, is the one singularity that stops it.
                assert!((q[3] + 0.467).abs() < 0.25, "{error} from {q:?}");
                missed += 1;
            }
            Err(differential::Error::LeftLimits { joint, q_rad, .. }) => {
                assert!(q_rad < Q_MIN[joint] || q_rad > Q_MAX[joint]);
                left += 1;
            }
        }
    }
    println!(
        "{solved} solved in {iterations} iterations (most: {worst}), {missed} missed, {left} left the limits"
    );
    assert!(missed < 20, "{missed} of 5000 did not converge");
}

#[test]
fn the_null_space_comes_to_rest_at_the_posture() {
    let F_T_EE = hand_tool();
    let bent = [0.3, -0.6, -0.3, -2.2, 0.2, 1.7, 0.9];
    let goal = forward(&Q_READY, &F_T_EE);
    let start = inverse(&goal, &F_T_EE, 0.4).nearest(&bent).unwrap().q;
    let solution = differential::solve(&start, &goal, &F_T_EE, &Q_READY, &Options::default()).unwrap();
    assert!(joint_difference(&solution.q, &Q_READY) < 1e-6, "{solution:?}");
}

#[test]
fn a_pose_out_of_reach_says_how_far_it_is_left() {
    let F_T_EE = hand_tool();
    let goal =
        Pose::translation(0.0, 0.0, 0.5) * forward(&Q_READY, &F_T_EE) * Pose::translation(0.0, 0.0, -1.0);
    let error = differential::solve(&Q_READY, &goal, &F_T_EE, &Q_READY, &Options::default()).unwrap_err();
    let differential::Error::NotConverged { position_m, .. } = error else { panic!("{error}") };
    assert!(position_m > 0.3, "{error}");
}

#[test]
fn a_joint_driven_over_its_limit_is_named() {
    let (F_T_EE, q) = (hand_tool(), [2.85, 0.0, 0.0, -1.5, 0.0, 1.5, 0.0]);
    let goal = Pose::rotation(Vector3::z() * 0.2) * forward(&q, &F_T_EE);
    let error = differential::solve(&q, &goal, &F_T_EE, &q, &Options::default()).unwrap_err();
    assert!(matches!(error, differential::Error::LeftLimits { joint: 0, .. }), "{error}");
    assert!(error.to_string().starts_with("joint 1 would stand at "), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_bits_bring_a_nan_out(bits in prop::array::uniform14(any::<u64>()), flip in any::<[bool; 14]>()) {
        // Half the numbers near a real posture, half arbitrary bits.
        let x: [f64; 14] = std::array::from_fn(|i| {
            if flip[i] { f64::from_bits(bits[i]) } else { Q_READY[i % 7] }
        });
        let q: Joints = x[..7].try_into().unwrap();
        let pose = Pose::translation(x[7], x[8], x[9]) * forward(&Q_READY, &hand_tool());
        for branch in &inverse(&pose, &hand_tool(), x[10]) {
            prop_assert!(branch.q.iter().all(|q| q.is_finite()));
        }
        if let Ok(solution) = differential::solve(&q, &pose, &hand_tool(), &Q_READY, &Options::default()) {
            prop_assert!(solution.q.iter().all(|q| q.is_finite()));
        }
        let _ = from_column_major(&std::array::from_fn(|i| x[i % 14]));
    }
}
