//! The processes against their closed forms, and the targets they perturb.
//!
//! Sampled moments are held to five standard errors: for n draws of variance v, √(v / n) for the mean and
//! v √(2 / n) for the variance. The generator is seeded, so a test that passes, passes always.
#![allow(non_snake_case)]
use franka_imit::kinematics::Point;
use franka_imit::robot::limits::Q_READY;
use franka_imit::sde::{Kind, Options, Process, Targets};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;

const DRAWS: usize = 200_000;
const HORIZON: f64 = 1.5;

const BROWNIAN: Process<1> = Process::Brownian { mu: [0.3], sigma: 0.7 };
const ORNSTEIN_UHLENBECK: Process<1> = Process::OrnsteinUhlenbeck { theta: 2.0, sigma: 0.7 };
const VARIANCE_PRESERVING: Process<1> =
    Process::VariancePreserving { beta_min: 0.1, beta_max: 8.0, horizon: HORIZON, std: 1.3 };
const VARIANCE_EXPLODING: Process<1> =
    Process::VarianceExploding { std_min: 0.05, std_max: 1.2, horizon: HORIZON };
const ALL: [Process<1>; 4] = [BROWNIAN, ORNSTEIN_UHLENBECK, VARIANCE_PRESERVING, VARIANCE_EXPLODING];

fn normal(rng: &mut StdRng) -> f64 {
    rng.sample(StandardNormal)
}

fn moments(samples: &[f64]) -> (f64, f64) {
    let n = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / n;
    (mean, samples.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0))
}

fn assert_moments(samples: &[f64], mean: f64, variance: f64, what: &str) {
    let n = samples.len() as f64;
    let (m, v) = moments(samples);
    assert!((m - mean).abs() < 5.0 * (variance / n).sqrt(), "{what}: mean {m}, closed form {mean}");
    assert!(
        (v - variance).abs() < 5.0 * variance * (2.0 / n).sqrt(),
        "{what}: variance {v}, closed form {variance}"
    );
}

/// Mean and variance of z(HORIZON) from z(0) = z0, from the textbook and not from the code.
fn closed_form(process: &Process<1>, z0: f64) -> (f64, f64) {
    let t = HORIZON;
    match *process {
        Process::Brownian { mu, sigma } => (z0 + mu[0] * t, sigma * sigma * t),
        Process::OrnsteinUhlenbeck { theta, sigma } => {
            let variance = sigma * sigma / (2.0 * theta) * (1.0 - (-2.0 * theta * t).exp());
            (z0 * (-theta * t).exp(), variance)
        }
        Process::VariancePreserving { beta_min, beta_max, horizon, std } => {
            let integral = beta_min * t + (beta_max - beta_min) * t * t / (2.0 * horizon);
            (z0 * (-0.5 * integral).exp(), std * std * (1.0 - (-integral).exp()))
        }
        Process::VarianceExploding { std_min, std_max, horizon } => {
            let s = std_min * (std_max / std_min).powf(t / horizon);
            (z0, s * s - std_min * std_min)
        }
    }
}

#[test]
fn exact_steps_of_any_length_have_the_closed_moments() {
    for process in ALL {
        let (mean, variance) = closed_form(&process, 0.8);
        for steps in [1, 7] {
            let mut rng = StdRng::seed_from_u64(11);
            let dt = HORIZON / f64::from(steps);
            let samples: Vec<f64> = (0..DRAWS)
                .map(|_| {
                    (0..steps).fold([0.8], |z, step| {
                        process.exact_step(&z, f64::from(step) * dt, dt, &[normal(&mut rng)])
                    })[0]
                })
                .collect();
            assert_moments(&samples, mean, variance, &format!("{process:?} in {steps} steps"));
        }
    }
}

#[test]
fn euler_maruyama_reaches_the_closed_moments_in_small_steps() {
    for process in ALL {
        let (mean, variance) = closed_form(&process, 0.8);
        let (m, v) = euler_maruyama_law(&process, 0.8, 1 << 12);
        assert!(
            (m - mean).abs() < 2e-3 && (v - variance).abs() < 2e-3,
            "{process:?}: {m} {mean}, {v} {variance}"
        );
    }
}

#[test]
fn ornstein_uhlenbeck_keeps_its_stationary_law() {
    let std = 0.7 / (2.0 * 2.0_f64).sqrt();
    let mut rng = StdRng::seed_from_u64(12);
    let samples: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let z = [std * normal(&mut rng)];
            ORNSTEIN_UHLENBECK.exact_step(&z, 0.0, 0.37, &[normal(&mut rng)])[0]
        })
        .collect();
    assert_moments(&samples, 0.0, std * std, "stationary");
}

#[test]
fn the_autocovariance_of_a_stationary_path_decays_with_theta() {
    let (std, lag) = (0.7 / 2.0, 0.4);
    let mut rng = StdRng::seed_from_u64(13);
    let products: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let z = std * normal(&mut rng);
            z * ORNSTEIN_UHLENBECK.exact_step(&[z], 0.0, lag, &[normal(&mut rng)])[0]
        })
        .collect();
    let rho = (-2.0 * lag).exp();
    // The product of two normals of correlation rho has variance std⁴ (1 + rho²).
    let error = (std.powi(4) * (1.0 + rho * rho) / DRAWS as f64).sqrt();
    assert!((moments(&products).0 - std * std * rho).abs() < 5.0 * error);
}

/// Mean and variance of Euler–Maruyama after `steps` steps, exactly: the scheme is linear in z and in the
/// draws, so the variance is the sum of the squared answers to a unit draw in each step.
fn euler_maruyama_law(process: &Process<1>, z0: f64, steps: usize) -> (f64, f64) {
    let dt = HORIZON / steps as f64;
    let run = |z: f64, from: usize, first_draw: f64| {
        (from..steps).fold(z, |z, step| {
            let xi = if step == from { first_draw } else { 0.0 };
            process.euler_maruyama_step(&[z], step as f64 * dt, dt, &[xi])[0]
        })
    };
    // What the drift alone does is taken out of each answer.
    let variance = (0..steps).map(|step| (run(0.0, step, 1.0) - run(0.0, step, 0.0)).powi(2)).sum();
    (run(z0, 0, 0.0), variance)
}

fn order(errors: &[f64]) -> f64 {
    let halvings = (errors.len() - 1) as f64;
    (errors[0] / errors[errors.len() - 1]).log2() / halvings
}

#[test]
fn euler_maruyama_has_weak_order_one() {
    for process in [ORNSTEIN_UHLENBECK, VARIANCE_PRESERVING] {
        let (mean, variance) = closed_form(&process, 0.8);
        let laws: Vec<(f64, f64)> = (7..=10).map(|k| euler_maruyama_law(&process, 0.8, 1 << k)).collect();
        let of_mean = order(&laws.iter().map(|law| (law.0 - mean).abs()).collect::<Vec<_>>());
        let of_variance = order(&laws.iter().map(|law| (law.1 - variance).abs()).collect::<Vec<_>>());
        assert!((of_mean - 1.0).abs() < 0.1, "{process:?}: weak order {of_mean} of the mean");
        assert!((of_variance - 1.0).abs() < 0.1, "{process:?}: weak order {of_variance} of the variance");
    }
}

#[test]
fn euler_maruyama_has_strong_order_one_under_additive_noise() {
    const FINE: usize = 1 << 13;
    const PATHS: usize = 200;
    for process in [ORNSTEIN_UHLENBECK, VARIANCE_PRESERVING, VARIANCE_EXPLODING] {
        let mut rng = StdRng::seed_from_u64(14);
        let mut errors = [0.0; 4];
        for _ in 0..PATHS {
            let fine: Vec<f64> = (0..FINE).map(|_| normal(&mut rng)).collect();
            // The same Brownian path in coarser steps: draws add up, rescaled to variance 1.
            let end = |steps: usize| {
                let dt = HORIZON / steps as f64;
                let per_step = FINE / steps;
                fine.chunks_exact(per_step).enumerate().fold([0.8], |z, (step, draws)| {
                    let xi = draws.iter().sum::<f64>() / (per_step as f64).sqrt();
                    process.euler_maruyama_step(&z, step as f64 * dt, dt, &[xi])
                })[0]
            };
            let reference = end(FINE);
            for (error, k) in errors.iter_mut().zip(5..) {
                *error += (end(1 << k) - reference).abs() / PATHS as f64;
            }
        }
        let order = order(&errors);
        assert!((order - 1.0).abs() < 0.15, "{process:?}: strong order {order}, errors {errors:?}");
    }
}

proptest! {
    /// Chapman–Kolmogorov: exactness for any dt.
    #[test]
    fn two_steps_have_the_law_of_one(which in 0..4usize, t in 0.0..1.0f64, dt in 1e-6..2.0f64, split in 0.01..0.99f64) {
        let process = ALL[which];
        let whole = process.transition(t, dt);
        let first = process.transition(t, split * dt);
        let second = process.transition(t + split * dt, dt - split * dt);
        let variance = (second.decay * first.std).powi(2) + second.std.powi(2);
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-12 * b.abs().max(1e-12);
        prop_assert!(near(first.decay * second.decay, whole.decay));
        prop_assert!(near(second.decay * first.shift[0] + second.shift[0], whole.shift[0]));
        prop_assert!((variance / whole.std.powi(2) - 1.0).abs() < 1e-9, "{variance} {}", whole.std.powi(2));
    }

    #[test]
    fn a_small_exact_step_is_an_euler_maruyama_step(which in 0..4usize, z in -1.0..1.0f64, t in 0.0..1.0f64, xi in -3.0..3.0f64) {
        let dt = 1e-6;
        let exact = ALL[which].exact_step(&[z], t, dt, &[xi])[0];
        let euler = ALL[which].euler_maruyama_step(&[z], t, dt, &[xi])[0];
        prop_assert!((exact - euler).abs() < 1e-7, "{exact} {euler}");
    }
}

#[test]
fn without_pull_ornstein_uhlenbeck_is_brownian_motion() {
    let limit = Process::<1>::OrnsteinUhlenbeck { theta: 0.0, sigma: 0.7 };
    let small = Process::<1>::OrnsteinUhlenbeck { theta: 1e-12, sigma: 0.7 };
    let brownian = Process::<1>::Brownian { mu: [0.0], sigma: 0.7 };
    assert_eq!(limit.transition(0.0, 0.5), brownian.transition(0.0, 0.5));
    assert!((small.transition(0.0, 0.5).std - brownian.transition(0.0, 0.5).std).abs() < 1e-9);
}

#[test]
fn a_millisecond_loses_no_digits() {
    let Process::OrnsteinUhlenbeck { theta, sigma } = ORNSTEIN_UHLENBECK else { panic!() };
    let dt = 1e-9;
    // sigma² dt (1 − theta dt + …)
    let expected = sigma * (dt * (1.0 - theta * dt)).sqrt();
    assert!((ORNSTEIN_UHLENBECK.transition(0.0, dt).std / expected - 1.0).abs() < 1e-14);
}

#[test]
fn the_default_tube_is_fifteen_millimetres_wide() {
    let options = Options::default();
    assert!(options.validate().is_empty());
    let late = Process::from_options(&options).transition(0.0, 1e3);
    assert!((late.std - 0.015).abs() < 2e-5, "{}", late.std); // σ and θ are round numbers
}

#[test]
fn perturbed_positions_spread_about_the_demonstration_as_the_mixture_over_t() {
    for process in
        [Kind::OrnsteinUhlenbeck, Kind::Brownian, Kind::VariancePreserving, Kind::VarianceExploding]
    {
        let options = Options { process, ..Options::default() };
        let targets = Targets::new(&options);
        let mut rng = StdRng::seed_from_u64(15);
        let x0 = Point::new(0.5, 0.0, 0.4);
        let draws: Vec<Point> = (0..DRAWS).map(|_| targets.sample(&mut rng, &x0) - x0).collect();
        // E z_t² over uniform t, by the midpoint rule; fourth moments give the error of the sampled variance.
        let law = |t: f64| Process::from_options(&options).transition(0.0, t).std;
        let nodes = 10_000;
        let over_t = |power: i32| {
            (0..nodes)
                .map(|k| law((k as f64 + 0.5) / nodes as f64 * options.horizon_s).powi(power))
                .sum::<f64>()
                / nodes as f64
        };
        let (second, fourth) = (over_t(2), 3.0 * over_t(4));
        for axis in 0..3 {
            let along: Vec<f64> = draws.iter().map(|z| z[axis]).collect();
            let (mean, variance) = moments(&along);
            let n = DRAWS as f64;
            assert!(mean.abs() < 5.0 * (second / n).sqrt(), "{process:?}");
            assert!((variance - second).abs() < 5.0 * ((fourth - second * second) / n).sqrt(), "{process:?}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_targets_and_rejections_are_counted() {
    let run = || {
        let mut targets = Targets::new(&Options::default());
        let mut rng = StdRng::seed_from_u64(16);
        let x0 = Point::new(0.5, 0.0, 0.4);
        // An expert that reaches only what lies above the demonstration.
        let made: Vec<_> = (0..1000)
            .filter_map(|_| {
                targets.draw(&mut rng, (&x0, &Q_READY), |(from, q), to| (to.z > from.z).then_some(*q))
            })
            .collect();
        (made, targets.counts())
    };
    let (made, counts) = run();
    assert_eq!((made.clone(), counts), run());
    assert_eq!(counts.accepted as usize, made.len());
    assert_eq!(counts.accepted + counts.rejected, 1000);
    assert!(made.iter().all(|target| target.O_p_EE.z > 0.4));
    assert!((400..600).contains(&counts.rejected), "{counts:?}");
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

proptest! {
    #[test]
    fn options_of_any_bits_are_judged_and_never_panic(a in any_f64(), b in any_f64(), c in any_f64()) {
        let options = Options { lambda: a, theta_1_s: b, tube_m: c, drift_m_s: [a, b, c], ..Options::default() };
        let sound = (0.0..=1e3).contains(&a) && b > 0.0 && b <= 100.0 && c > 0.01 && c <= 0.1
            && [a, b, c].iter().all(|x| x.abs() <= 1.0);
        prop_assert_eq!(options.validate().is_empty(), sound);
    }
}
