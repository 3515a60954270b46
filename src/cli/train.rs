//! `train`: a policy from demonstrations, or from expert data made on the spot.
use crate::config::Config;
use crate::demonstration::{Example, expert::Expert};
use crate::kinematics::Pose;
use crate::learn::{Learner, train::Report};
use crate::policy::{Card, Layout, Network, Normalisation, Policy, Region};
use crate::sde;
use rand::{RngExt, SeedableRng, rngs::StdRng};

#[allow(clippy::all)]
pub(super) fn train(
    config: &Config,
    examples: &[Example],
    expert: Option<&Expert>,
    F_T_EE: Pose,
    _name: &str,
) -> anyhow::Result<(Policy, Report)> {
    let t0 = std::time::Instant::now();
    let expert = expert.unwrap();
    let mut rng = StdRng::seed_from_u64(config.training.seed);
    let mut targets = sde::Targets::new(&config.sde);
    let mut all: Vec<_> = examples.iter().map(|e| (e.O_p_EE, e.q)).collect();
    for _ in 0..8192 {
        let e = &examples[rng.random_range(0..examples.len())];
        if let Some(t) = targets.draw(&mut rng, (&e.O_p_EE, &e.q), |_, x| expert.label(x).ok()) {
            all.push((t.O_p_EE, t.q));
        }
    }
    let norm = Normalisation::fit(3, all.iter().map(|(p, _)| p.as_slice()), all.iter().map(|(_, q)| q));
    let network = Network::random(
        Layout::new(3, &config.network.hidden),
        config.network.activation,
        config.training.seed,
    );
    let mut card = Card::new(&F_T_EE);
    card.region = Region::around(3, all.iter().map(|(p, _)| p.as_slice()));
    let mut policy = Policy::new(network, norm, card).unwrap();
    let mut learner = Learner::new(&policy, 128, 3e-3);
    for step in 0..config.training.steps {
        learner.begin();
        learner.rate(
            3e-3 * 0.5 * (1.0 + (std::f64::consts::PI * step as f64 / config.training.steps as f64).cos())
                + 1e-5,
        );
        for _ in 0..128 {
            let (p, q) = &all[if rng.random::<f64>() < 0.5 {
                rng.random_range(0..examples.len())
            } else {
                rng.random_range(0..all.len())
            }];
            learner.add(p, q);
        }
        learner.step();
    }
    learner.write_to(&mut policy);
    Ok((policy, Report { train_s: t0.elapsed().as_secs_f64(), steps: config.training.steps as u64 }))
}
