//! What the baselines that learn are given: what the policy was trained on, made again.
use super::super::exit::usage;
use super::super::train;
use crate::config::Config;
use crate::demonstration::expert::Expert;
use crate::demonstration::{BOX_MAX_M, BOX_MIN_M, Dataset, Example, shapes};
use crate::kinematics::Point;
use crate::policy::Policy;
use serde::Serialize;
use std::path::Path;

/// Points of `--data box`, as in training.
const BOX_SAMPLES: usize = 2000;

/// What the baselines were given.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Data {
    source: Vec<String>,
    examples: usize,
    targets: usize,
    /// Whether the demonstrations are those of the policy's own card, bit for bit.
    same_as_the_policys: bool,
}

/// The demonstrations of `names`, and as many perturbed targets as training draws.
pub(super) fn examples(
    config: &Config,
    names: &[String],
    expert: &Expert,
    policy: &Policy,
) -> anyhow::Result<(Vec<Example>, Data)> {
    let mut examples = Vec::new();
    for name in names {
        examples.extend(load(config, name, expert)?);
    }
    let same = crate::learn::train::data_hash(&examples) == policy.card().data_hash;
    let count = examples.len();
    if config.sde.lambda > 0.0 {
        let by_rule = names.iter().all(|name| !is_examples(name));
        let mut draw = train::tube(config, expert, by_rule, config.training.seed);
        // Spread evenly over the demonstrations, as those of the training are at random.
        let targets: Vec<Example> = (0..config.training.targets)
            .filter_map(|k| draw(&examples[k * count / config.training.targets]))
            .collect();
        examples.extend(targets);
    }
    let targets = examples.len() - count;
    Ok((examples, Data { source: names.to_vec(), examples: count, targets, same_as_the_policys: same }))
}

fn is_examples(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|e| e.eq_ignore_ascii_case("json"))
}

fn load(config: &Config, name: &str, expert: &Expert) -> anyhow::Result<Vec<Example>> {
    let data = if name == "box" {
        let (min, max) = (Point::from(BOX_MIN_M), Point::from(BOX_MAX_M));
        Dataset::box_of_workspace(expert, &min, &max, BOX_SAMPLES, config.training.seed).map_err(usage)?
    } else if is_examples(name) {
        Dataset::load(Path::new(name), None).map_err(usage)?
    } else {
        let path = shapes::load(name, &config.drawing).map_err(usage)?.path;
        Dataset::from_path(expert, &path, name).map_err(usage)?
    };
    Ok(data.examples)
}
