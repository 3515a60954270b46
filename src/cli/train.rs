//! `train`: a policy from demonstrations, or from expert data made on the spot.
use super::exit::usage;
use crate::config::Config;
use crate::demonstration::{Dataset, Example, LabelledBy, expert::Expert};
use crate::kinematics::Pose;
use crate::learn::train::{Perturbed, Report, Trained};
use crate::policy::Policy;
use crate::sde::Targets;
use rand::{SeedableRng, rngs::StdRng};

/// Trains on `examples` and, when there is an expert, on the targets it labels about them.
pub(super) fn train(
    config: &Config,
    examples: &[Example],
    expert: Option<&Expert>,
    F_T_EE: Pose,
    name: &str,
) -> anyhow::Result<(Policy, Report)> {
    let labelled_by = expert.map_or(LabelledBy::File, |expert| LabelledBy::Expert(*expert.options()));
    let data = Dataset { examples: examples.to_vec(), F_T_EE, source: name.to_owned(), labelled_by };
    let (mut targets, mut random) = (Targets::new(&config.sde), StdRng::seed_from_u64(config.training.seed));
    let mut draw = |example: &Example| {
        let label = |_: (&_, &_), to: &_| expert.and_then(|expert| expert.label(to).ok());
        let target = targets.draw(&mut random, (&example.O_p_EE, &example.q), label)?;
        Some(Example { O_p_EE: target.O_p_EE, q: target.q })
    };
    let perturbed = expert.map(|_| Perturbed { lambda: config.sde.lambda, draw: &mut draw });
    let trained =
        crate::learn::train::train(&data, &config.network, perturbed, &config.training, &mut |_| {});
    let Trained { policy, report } = trained.map_err(usage)?;
    Ok((policy, report))
}
