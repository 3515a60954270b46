//! The process of poses: its law in the tangent space, its orders on the group, and its targets.
#![allow(non_snake_case)]
use franka_imit::demonstration::expert::{self, Expert};
use franka_imit::kinematics::{Point, Pose, forward, hand_tool};
use franka_imit::robot::limits::Q_READY;
use franka_imit::sde::{Deviation, Kind, Options, PoseProcess, Process, Targets, deviate, deviation};
use nalgebra::{UnitQuaternion, Vector3};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;

const DRAWS: usize = 100_000;
const KINDS: [Kind; 4] =
    [Kind::OrnsteinUhlenbeck, Kind::Brownian, Kind::VariancePreserving, Kind::VarianceExploding];

fn draws(rng: &mut StdRng) -> Deviation {
    std::array::from_fn(|_| rng.sample(StandardNormal))
}

fn pose() -> Pose {
    let turn = UnitQuaternion::from_scaled_axis(Vector3::new(2.9, 0.4, -0.3));
    Pose::from_parts(Point::new(0.5, 0.1, 0.4).into(), turn)
}

fn with(process: Kind) -> Options {
    Options { process, ..Options::default() }
}

fn variance(samples: impl Iterator<Item = f64>) -> (f64, f64) {
    let all: Vec<f64> = samples.collect();
    let n = all.len() as f64;
    let mean = all.iter().sum::<f64>() / n;
    (mean, all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0))
}

#[test]
fn a_pose_deviates_by_what_it_is_told_and_back() {
    let mut rng = StdRng::seed_from_u64(1);
    for _ in 0..1000 {
        let z: Deviation = draws(&mut rng).map(|xi| 0.3 * xi);
        let back = deviation(&pose(), &deviate(&pose(), &z));
        assert!(z.iter().zip(back).all(|(z, back)| (z - back).abs() < 1e-12), "{z:?} {back:?}");
    }
}

#[test]
fn every_process_of_poses_has_the_closed_moments_in_all_six_directions() {
    for kind in KINDS {
        let options = with(kind);
        let process = PoseProcess::from_options(&options);
        let (t, mut rng) = (0.7, StdRng::seed_from_u64(2));
        // In three exact steps, each through the group and back.
        let reached: Vec<Deviation> = (0..DRAWS)
            .map(|_| {
                (0..3).fold([0.0; 6], |z, k| {
                    let dt = t / 3.0;
                    let X =
                        deviate(&pose(), &process.exact_step(&z, f64::from(k) * dt, dt, &draws(&mut rng)));
                    deviation(&pose(), &X)
                })
            })
            .collect();
        for axis in 0..6 {
            let part = [process.position, process.rotation][axis / 3];
            let law = part.transition(0.0, t);
            let (mean, v) = variance(reached.iter().map(|z| z[axis]));
            let n = DRAWS as f64;
            assert!(
                (mean - law.shift[axis % 3]).abs() < 5.0 * law.std / n.sqrt(),
                "{kind:?} axis {axis}: {mean}"
            );
            let expected = law.std.powi(2);
            assert!((v - expected).abs() < 5.0 * expected * (2.0 / n).sqrt(), "{kind:?} axis {axis}: {v}");
            for other in 0..axis {
                let product = reached.iter().map(|z| z[axis] * z[other]).sum::<f64>() / n;
                let other_std = [process.position, process.rotation][other / 3].transition(0.0, t).std;
                assert!(product.abs() < 5.0 * law.std * other_std / n.sqrt(), "{kind:?}: {axis} and {other}");
            }
        }
    }
}

#[test]
fn orientations_keep_their_stationary_law() {
    let options = with(Kind::OrnsteinUhlenbeck);
    let process = PoseProcess::from_options(&options);
    let std = options.sigma_rad_sqrt_s / (2.0 * options.theta_1_s).sqrt();
    assert!((std - 0.03).abs() < 1e-4, "the default tube of orientations: {std} rad");
    let mut rng = StdRng::seed_from_u64(3);
    let angles_squared: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let start = draws(&mut rng).map(|xi| std * xi);
            let X = deviate(&pose(), &process.exact_step(&start, 0.0, 0.4, &draws(&mut rng)));
            X.rotation.angle_to(&pose().rotation).powi(2)
        })
        .collect();
    // The squared angle is std² times a chi square of three degrees: mean 3 std², variance 6 std⁴.
    let mean = angles_squared.iter().sum::<f64>() / DRAWS as f64;
    let error = (6.0 * std.powi(4) / DRAWS as f64).sqrt();
    assert!((mean - 3.0 * std * std).abs() < 5.0 * error, "{mean}, closed form {}", 3.0 * std * std);
}

#[test]
fn the_law_does_not_depend_on_the_demonstrated_orientation() {
    let process = PoseProcess::from_options(&Options::default());
    let mut rng = StdRng::seed_from_u64(4);
    for _ in 0..100 {
        let z = process.exact_step(&[0.0; 6], 0.0, 0.5, &draws(&mut rng));
        let other = Pose::from_parts(pose().translation, UnitQuaternion::identity());
        let angle = |from: &Pose| deviate(from, &z).rotation.angle_to(&from.rotation);
        assert!((angle(&pose()) - angle(&other)).abs() < 1e-9);
    }
}

fn order(errors: &[f64]) -> f64 {
    (errors[0] / errors[errors.len() - 1]).log2() / (errors.len() - 1) as f64
}

#[test]
fn euler_maruyama_has_strong_order_one_in_the_angle() {
    const FINE: usize = 1 << 12;
    let process = PoseProcess::from_options(&Options { sigma_rad_sqrt_s: 0.7, ..Options::default() });
    let mut rng = StdRng::seed_from_u64(5);
    let mut errors = [0.0; 4];
    for _ in 0..200 {
        let fine: Vec<Deviation> = (0..FINE).map(|_| draws(&mut rng)).collect();
        let end = |steps: usize| {
            let (dt, per_step) = (1.5 / steps as f64, FINE / steps);
            let z = fine.chunks_exact(per_step).enumerate().fold([0.0; 6], |z, (k, draws)| {
                let xi = std::array::from_fn(|i| {
                    draws.iter().map(|xi| xi[i]).sum::<f64>() / (per_step as f64).sqrt()
                });
                process.euler_maruyama_step(&z, k as f64 * dt, dt, &xi)
            });
            deviate(&pose(), &z)
        };
        let reference = end(FINE);
        for (error, k) in errors.iter_mut().zip(4..) {
            *error += end(1 << k).rotation.angle_to(&reference.rotation) / 200.0;
        }
    }
    let order = order(&errors);
    assert!((order - 1.0).abs() < 0.15, "strong order {order}, errors {errors:?}");
}

#[test]
fn euler_maruyama_has_weak_order_one_in_the_cosine_of_the_angle() {
    // For z normal in R³ with variance v in each direction, E cos‖z‖ = (1 − v) e^(−v/2).
    let cosine = |v: f64| (1.0 - v) * (-0.5 * v).exp();
    let (theta, sigma, end) = (2.0, 0.7, 1.5);
    let process = Process::<3>::OrnsteinUhlenbeck { theta, sigma };
    let exact = cosine(process.transition(0.0, end).std.powi(2));
    let errors: Vec<f64> = (6..=9)
        .map(|k| {
            let steps = 1 << k;
            let dt = end / f64::from(steps);
            // The scheme is linear, so its variance follows exactly from one step with and without a draw.
            let decay = process.euler_maruyama_step(&[1.0; 3], 0.0, dt, &[0.0; 3])[0];
            let noise = process.euler_maruyama_step(&[0.0; 3], 0.0, dt, &[1.0; 3])[0];
            let v = (0..steps).fold(0.0, |v, _| decay * decay * v + noise * noise);
            (cosine(v) - exact).abs()
        })
        .collect();
    let order = order(&errors);
    assert!((order - 1.0).abs() < 0.1, "weak order {order}, errors {errors:?}");
}

#[test]
fn targets_of_poses_are_reached_by_their_joints_and_repeat_with_the_seed() {
    let expert = Expert::new(expert::Options::default(), hand_tool());
    let at = forward(&Q_READY, &hand_tool());
    let run = || {
        let (mut targets, mut rng) = (Targets::new(&Options::default()), StdRng::seed_from_u64(6));
        let made: Vec<_> = (0..200)
            .filter_map(|_| {
                targets
                    .draw_pose(&mut rng, (&at, &Q_READY), |from, to| expert.pose_continuation(from, to).ok())
            })
            .collect();
        (made, targets.counts())
    };
    let (made, counts) = run();
    assert_eq!((made.clone(), counts), run());
    assert_eq!((counts.accepted as usize, counts.accepted + counts.rejected), (made.len(), 200));
    assert!(made.len() > 190, "{counts:?}");
    let mut turned = 0.0_f64;
    for target in &made {
        let reached = forward(&target.q, &hand_tool());
        assert!((reached.translation.vector - target.O_T_EE.translation.vector).norm() < 1e-8);
        assert!(reached.rotation.angle_to(&target.O_T_EE.rotation) < 1e-7);
        turned = turned.max(target.O_T_EE.rotation.angle_to(&at.rotation));
        assert!(target.q.iter().zip(&Q_READY).all(|(q, from)| (q - from).abs() < 0.5), "{:?}", target.q);
    }
    assert!(turned > 0.03, "orientations are perturbed: at most {turned} rad");
}
