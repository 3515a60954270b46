//! θ and σ fitted to records: within the interval they claim on synthetic ones, and told when there is nothing to fit.
mod cli;

use cli::Folder;
use franka_imit::robot::limits::Q_READY;
use franka_imit::sde::{Fit, FitError, Process, fit};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;
use std::fmt::Write as _;

const THETA: f64 = 3.0;
const SIGMA: f64 = 0.02;
const DT: f64 = 0.01;

fn record(seed: u64, steps: usize) -> Vec<[f64; 3]> {
    let process = Process::<3>::OrnsteinUhlenbeck { theta: THETA, sigma: SIGMA };
    let mut rng = StdRng::seed_from_u64(seed);
    let mut draws = || std::array::from_fn(|_| rng.sample(StandardNormal));
    let std = SIGMA / (2.0 * THETA).sqrt();
    let start: [f64; 3] = draws();
    let mut z = start.map(|xi| std * xi);
    (0..=steps)
        .map(|_| {
            let now = z;
            z = process.exact_step(&z, 0.0, DT, &draws());
            // Sag is no diffusion: each axis has an offset of its own.
            [now[0] + 0.004, now[1] - 0.001, now[2]]
        })
        .collect()
}

#[test]
fn the_intervals_hold_the_truth_as_often_as_they_say() {
    let fits: Vec<Fit> = (0..200).map(|seed| fit(&record(seed, 6000), DT).unwrap()).collect();
    let held = |of: fn(&Fit) -> franka_imit::sde::Estimate, truth: f64| {
        fits.iter().filter(|fit| (of(fit).low..=of(fit).high).contains(&truth)).count()
    };
    let (theta, sigma) = (held(|fit| fit.theta_1_s, THETA), held(|fit| fit.sigma, SIGMA));
    // Of 200 at 95 %: 190 in the mean, standard deviation 3; taking the mean out costs a little.
    assert!((175..=199).contains(&theta), "theta in {theta} of 200");
    assert!((178..=199).contains(&sigma), "sigma in {sigma} of 200");
    let mean = fits.iter().map(|fit| fit.theta_1_s.value).sum::<f64>() / 200.0;
    assert!((mean - THETA).abs() < 0.1, "{mean}");
    assert!(fits.iter().all(|fit| (fit.std - SIGMA / (2.0 * THETA).sqrt()).abs() < 0.002));
}

#[test]
fn a_longer_record_is_known_better() {
    let width = |steps| {
        let fit = fit(&record(1, steps), DT).unwrap();
        fit.theta_1_s.high - fit.theta_1_s.low
    };
    let (short, long) = (width(2000), width(32_000));
    assert!((short / long - 4.0).abs() < 1.0, "{short} {long}");
}

#[test]
fn what_cannot_be_fitted_is_told() {
    assert!(matches!(fit(&record(1, 20), DT), Err(FitError::TooShort { transitions: 60 })));
    let mut broken = record(1, 100);
    broken[50][1] = f64::NAN;
    assert!(matches!(fit(&broken, DT), Err(FitError::NotFinite { .. })));
    assert!(matches!(fit(&record(1, 100), 0.0), Err(FitError::NotFinite { .. })));
    let alternating: Vec<[f64; 3]> = (0..200).map(|k| [if k % 2 == 0 { 1.0 } else { -1.0 }; 3]).collect();
    assert!(matches!(fit(&alternating, DT), Err(FitError::NoPull { .. })));
    let still = vec![[0.0; 3]; 200];
    assert!(matches!(fit(&still, DT), Err(FitError::NoPull { .. })));
}

/// A wire log of an arm whose first joint is carried away from its desired place by a known process.
fn wire_log(steps: usize) -> String {
    use franka_imit::kinematics::{forward, hand_tool, to_column_major};
    let process = Process::<1>::OrnsteinUhlenbeck { theta: THETA, sigma: 0.04 };
    let mut rng = StdRng::seed_from_u64(9);
    let mut z = [0.0];
    let mut log = "{\"schema\":1,\"kind\":\"franka-imit wire log\"}\n".to_owned();
    for t_ms in 0..steps {
        z = process.exact_step(&z, 0.0, 1e-3, &[rng.sample(StandardNormal)]);
        let mut q = Q_READY;
        q[0] += z[0];
        let pose = to_column_major(&forward(&q, &hand_tool()));
        writeln!(
            log,
            "{{\"t_ms\":{t_ms},\"q\":{q:?},\"q_d\":{Q_READY:?},\"O_T_EE\":{pose:?},\"mode\":\"Move\"}}"
        )
        .unwrap();
        writeln!(log, "{{\"message_id\":{t_ms},\"accepted\":true}}").unwrap();
    }
    log
}

#[test]
fn train_takes_the_process_of_a_recorded_run() {
    let folder = Folder::new();
    folder.write("run.jsonl", wire_log(20_000));
    folder.write("short.toml", "[network]\nhidden = [16]\n[training]\nsteps = 20\ntargets = 50\n");
    let train = "train --data circle --config short.toml --report r.json --fit-sde";
    folder.run(&format!("{train} run.jsonl")).says(0, &["theta", "1/s", "a tube of"]);
    let fitted = &folder.json("r.json")["fitted"]["position"];
    let (low, high) = (&fitted["theta_1_s"]["low"], &fitted["theta_1_s"]["high"]);
    // One axis moves and two nearly stand still: their share of the squares is nothing, so theta is the joint's.
    assert!(low.as_f64() < Some(THETA * 1.5) && high.as_f64() > Some(THETA * 0.66), "{fitted}");
    folder.write("other.jsonl", "{\"a\":1}\n");
    folder.run(&format!("{train} other.jsonl")).refused(2, &["other.jsonl", "not a wire log", "--wire-log"]);
    folder.write("short.jsonl", wire_log(50));
    folder.run(&format!("{train} short.jsonl")).refused(2, &["short.jsonl", "too few"]);
    folder.run(&format!("{train} none.jsonl")).refused(2, &["none.jsonl"]);
}
