//! All that `train` is given, as one data set.
use super::super::common::bar;
use super::super::exit::usage;
#[cfg(doc)]
use super::Args;
use crate::config::Config;
use crate::demonstration::demo;
use crate::demonstration::expert::Expert;
use crate::demonstration::import::Dropped;
use crate::demonstration::shapes::{self, Loaded};
use crate::demonstration::{Audit, BOX_MAX_M, BOX_MIN_M, Dataset, LabelledBy, Survey, json};
use crate::kinematics::{Apart, Point, hand_tool};
use crate::policy::Input;
use anyhow::Context;
use serde::Serialize;
use std::path::Path;

/// The data that is made on the spot: a box of workspace.
pub(super) const BOX: &str = "box";
/// Points of `--data box`.
const BOX_SAMPLES: usize = 2000;

/// What was found in one `--data`.
#[derive(Serialize)]
pub(super) struct DataFigures {
    source: String,
    samples: usize,
    /// Of a file of examples: whose positions and labels they are, and what is wrong with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    audit: Option<Audit>,
    /// With `--relabel`: what the expert has no label for.
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped: Option<Dropped>,
    /// Of a path: how smooth its labels are.
    #[serde(skip_serializing_if = "Option::is_none")]
    survey: Option<Survey>,
}

/// All that was given to train on.
pub(super) struct Gathered {
    pub(super) data: Dataset,
    /// Examples of each `--data`, in order: each is a demonstration.
    pub(super) lengths: Vec<usize>,
    pub(super) found: Vec<DataFigures>,
}

/// The names with every folder among them replaced by the episodes in it.
pub(in super::super) fn expanded(names: &[String]) -> anyhow::Result<Vec<String>> {
    let mut all = Vec::new();
    for name in names {
        if !Path::new(name).is_dir() {
            all.push(name.clone());
            continue;
        }
        let files = demo::files(Path::new(name)).map_err(usage)?;
        all.extend(files.iter().map(|file| format!("{}{}", demo::PREFIX, file.display())));
    }
    Ok(all)
}

/// Taught motions are learnt by a policy of poses.
pub(super) fn choose_input(config: &mut Config, names: &[String]) {
    if config.network.input == Input::Position && names.iter().any(|name| name.starts_with(demo::PREFIX)) {
        say!(
            "note     taught motions say how the tool turns: the policy will be asked with poses (network.input)"
        );
        config.network.input = Input::Pose;
    }
}

/// All `names` as one data set of one tool; `relabel` as [`Args`] has it.
pub(super) fn gather(names: &[String], relabel: bool, config: &Config) -> anyhow::Result<Gathered> {
    let mut all: Option<Dataset> = None;
    let mut found = Vec::new();
    for name in names {
        let (data, figures) = one(relabel, config, name)?;
        found.push(figures);
        match &mut all {
            None => all = Some(data),
            Some(all) => {
                let apart = Apart::of(&all.F_T_EE, &data.F_T_EE);
                // Positions say nothing of how a tool is turned, and files of examples know it from positions.
                let turned =
                    config.network.input == Input::Pose && apart.turn_rad > Apart::SAME_TOOL.turn_rad;
                if apart.way_m > 1e-4 || turned {
                    return Err(usage(format!(
                        "{} and {} belong to tools that are {apart} apart; train them apart, or --relabel both",
                        all.source, data.source
                    )));
                }
                if all.labelled_by != data.labelled_by {
                    all.labelled_by = LabelledBy::File;
                }
                all.source = format!("{} + {}", all.source, data.source);
                all.examples.extend(data.examples);
            }
        }
    }
    let lengths = found.iter().map(|figures: &DataFigures| figures.samples).collect();
    all.map(|data| Gathered { data, lengths, found }).context("no --data was given")
}

fn one(relabel: bool, config: &Config, name: &str) -> anyhow::Result<(Dataset, DataFigures)> {
    let expert = Expert::new(config.expert, hand_tool());
    if name == BOX {
        let (min, max) = (Point::from(BOX_MIN_M), Point::from(BOX_MAX_M));
        let data = Dataset::box_of_workspace(&expert, &min, &max, BOX_SAMPLES, config.training.seed)
            .map_err(usage)?;
        return Ok(with_figures(data, None, None, None));
    }
    if Path::new(name).extension().is_some_and(|e| e.eq_ignore_ascii_case("json")) {
        return examples(relabel, &expert, name);
    }
    let Loaded { path, warnings, taught } = shapes::load(name, &config.drawing).map_err(usage)?;
    warnings.iter().for_each(|warning| say!("note     {warning}"));
    let expert = taught.map_or(expert, |about| Expert::new(config.expert, about.F_T_EE));
    if config.network.input == Input::Pose {
        let expert = expert.taught_by(&path).map_err(|e| usage(format!("{name}: {e}")))?;
        let survey = expert.survey_poses(path.poses());
        let data = Dataset::from_path(&expert, &path, name).map_err(usage)?;
        return Ok(with_figures(data, None, None, Some(survey)));
    }
    if path.is_posed() {
        say!(
            "note     {name}: qx,qy,qz,qw are not used, the tool points down; network.input = \"pose\" uses them"
        );
    }
    let survey = expert.survey(path.points());
    let data = Dataset::from_points(&expert, path.points(), name).map_err(usage)?;
    Ok(with_figures(data, None, None, Some(survey)))
}

/// A file of examples: audited, and labelled anew if asked.
fn examples(relabel: bool, expert: &Expert, name: &str) -> anyhow::Result<(Dataset, DataFigures)> {
    let file = Path::new(name);
    let bytes = std::fs::metadata(file).map_or(0, |metadata| metadata.len());
    let bar = bar(bytes, "reading  {bar:24.cyan/dim} {percent:>3} % of {total_bytes}");
    let examples = json::read_telling(file, &mut |bytes| bar.set_position(bytes));
    bar.finish_and_clear();
    let examples = examples.map_err(usage)?;
    let audit = Audit::of(&examples, name);
    say!("{audit}");
    if !relabel {
        let data = Dataset::of_examples(examples, &audit, None).map_err(usage)?;
        if !audit.is_sound() {
            say!("note     no network is accurate on labels like these; --relabel takes our expert's");
        }
        return Ok(with_figures(data, Some(audit), None, None));
    }
    let tool = Some(*expert.F_T_EE());
    let relabelled = Dataset::of_examples(examples, &audit, tool).map_err(usage)?.relabel(expert);
    let dropped = relabelled.dropped;
    say!(
        "relabel  {} positions kept with our expert's labels, {} dropped ({} out of reach, the rest too near a joint limit)",
        relabelled.dataset.examples.len(),
        dropped.count(),
        dropped.out_of_reach
    );
    if relabelled.dataset.examples.is_empty() {
        return Err(usage(format!("{name}: no position can be reached with the tool pointing down")));
    }
    Ok(with_figures(relabelled.dataset, Some(audit), Some(dropped), None))
}

fn with_figures(
    data: Dataset,
    audit: Option<Audit>,
    dropped: Option<Dropped>,
    survey: Option<Survey>,
) -> (Dataset, DataFigures) {
    let figures =
        DataFigures { source: data.source.clone(), samples: data.examples.len(), audit, dropped, survey };
    (data, figures)
}
