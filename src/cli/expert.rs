//! `franka-imit expert`: labels for a drawing, a box of workspace, or the positions of an older data set.
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ValueEnum;
use serde::Serialize;

use super::common::{Common, check_writable};
use super::exit::usage;
use super::train::tube;
use crate::config::Config;
use crate::demonstration::expert::{Expert, Redundancy};
use crate::demonstration::import::Dropped;
use crate::demonstration::{Audit, BOX_MAX_M, BOX_MIN_M, Dataset, LabelledBy, Survey, json, shapes};
use crate::kinematics::{Point, hand_tool};
use crate::policy::Input;
use crate::telemetry::{Ending, Report};

/// Makes expert data: joint angles from inverse kinematics for the positions of a trajectory.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// circle, square, figure-eight, a drawing (.csv, .svg), demo:EPISODE, box (random points of the workspace), or a data set
    /// (.json) to label anew
    #[arg(long, value_name = "SHAPE|FILE")]
    pub trajectory: String,
    /// Where the data set goes (JSON)
    #[arg(long, value_name = "DATA")]
    pub out: PathBuf,
    /// What fixes the elbow: the label must be a function of the position
    /// [default: expert.redundancy]
    #[arg(long, value_enum)]
    pub redundancy: Option<Rule>,
    /// Joint 7 with `--redundancy fixed-q7`, rad [default: expert.q7_rad]
    #[arg(long, allow_negative_numbers = true)]
    pub q7_rad: Option<f64>,
    /// Points added in the tube of the process around a trajectory (section `[sde]`)
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=10_000_000))]
    pub tube: u32,
    /// Label for the tool point that the file's own labels have, not for the hand's
    #[arg(long)]
    pub keep_tool: bool,
    /// Examples drawn from the box
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(2..=10_000_000))]
    pub samples: u32,
    /// Seed of the draw from the box
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Lower corner of the box, base frame, m
    #[arg(long, num_args = 3, value_names = ["X", "Y", "Z"], default_values_t = BOX_MIN_M,
          allow_negative_numbers = true)]
    pub box_min_m: Vec<f64>,
    /// Upper corner of the box, base frame, m
    #[arg(long, num_args = 3, value_names = ["X", "Y", "Z"], default_values_t = BOX_MAX_M,
          allow_negative_numbers = true)]
    pub box_max_m: Vec<f64>,
    #[command(flatten)]
    common: Common,
}

/// [`Redundancy`], as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Rule {
    /// The arm stays in the vertical plane through the base and the tool
    ElbowInPlane,
    /// Joint 7 stays at `--q7-rad`
    FixedQ7,
}

/// The report's own keys.
#[derive(Debug, Serialize)]
struct Figures {
    trajectory: String,
    out: PathBuf,
    samples: usize,
    labelled_by: LabelledBy,
    /// What the file held before.
    #[serde(skip_serializing_if = "Option::is_none")]
    audit: Option<Audit>,
    /// What of it has no label.
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped: Option<Dropped>,
    /// The labels along the trajectory; none for the box, whose points have no order.
    #[serde(skip_serializing_if = "Option::is_none")]
    survey: Option<Survey>,
}

/// Runs the subcommand.
///
/// # Errors
/// What is wrong with the arguments or the file, or that no position has a label.
pub(super) fn run(args: &Args) -> Result<()> {
    let mut config = args.common.load()?;
    config.expert.redundancy = match args.redundancy {
        Some(Rule::ElbowInPlane) => Redundancy::ElbowInPlane,
        Some(Rule::FixedQ7) => Redundancy::FixedQ7,
        None => config.expert.redundancy,
    };
    config.expert.q7_rad = args.q7_rad.unwrap_or(config.expert.q7_rad);
    if let Some(violation) = config.expert.validate().first() {
        return Err(usage(violation));
    }
    check_writable("--out", Some(&args.out))?;
    let file = Path::new(&args.trajectory);
    let (dataset, figures) = match args.trajectory.as_str() {
        "box" => from_box(args, &config)?,
        _ if file.extension().is_some_and(|e| e.eq_ignore_ascii_case("json")) => {
            from_file(args, &config, file)?
        }
        path => from_path(args, &config, path)?,
    };
    dataset.save(&args.out)?;
    say!("{}: {} examples", args.out.display(), dataset.examples.len());
    args.common.write(&Report::new("expert", Ending::Done, Vec::new(), figures))
}

/// Labels along a path that can be followed, and in its tube.
fn from_path(args: &Args, config: &Config, name: &str) -> Result<(Dataset, Figures)> {
    let shapes::Loaded { path, taught, .. } = shapes::load(name, &config.drawing).map_err(usage)?;
    let F_T_EE = taught.map_or_else(hand_tool, |about| about.F_T_EE);
    let expert = super::prepare::taught(config, F_T_EE, &path, name)?;
    super::prepare::plan(config, &path, &expert, name)?;
    let mut dataset = Dataset::from_path(&expert, &path, name).map_err(usage)?;
    let survey = expert.survey_poses(path.poses());
    if let Some(margin) = survey.limit_margin_min {
        say!("nearest joint limit: {:.3} rad, joint {}", margin.rad, margin.joint);
    }
    let mut config = config.clone();
    if path.is_posed() {
        config.network.input = Input::Pose;
    }
    let on_path = dataset.examples.clone();
    let mut draw = tube(&config, &expert, true, args.seed);
    let drawn = (0..args.tube as usize).filter_map(|k| draw(&on_path[k % on_path.len()]));
    dataset.examples.extend(drawn);
    let figures = Figures { survey: Some(survey), ..figures(args, &dataset) };
    Ok((dataset, figures))
}

fn from_box(args: &Args, config: &Config) -> Result<(Dataset, Figures)> {
    let expert = Expert::new(config.expert, hand_tool());
    let (min, max) = (Point::from_column_slice(&args.box_min_m), Point::from_column_slice(&args.box_max_m));
    let dataset =
        Dataset::box_of_workspace(&expert, &min, &max, args.samples as usize, args.seed).map_err(usage)?;
    let figures = figures(args, &dataset);
    Ok((dataset, figures))
}

fn from_file(args: &Args, config: &Config, file: &Path) -> Result<(Dataset, Figures)> {
    let examples = json::read(file).map_err(usage)?;
    let source = file.display().to_string();
    let audit = Audit::of(&examples, &source);
    say!("{audit}");
    let F_T_EE = match (args.keep_tool, audit.F_T_EE()) {
        (true, Some(F_T_EE)) => F_T_EE,
        (true, None) => {
            return Err(usage(format!(
                "--keep-tool: the labels of {source} belong to no tool; leave it away"
            )));
        }
        (false, _) => hand_tool(),
    };
    let before = Dataset { examples, F_T_EE, source, labelled_by: LabelledBy::File };
    let expert = Expert::new(config.expert, F_T_EE);
    let points: Vec<Point> = before.examples.iter().map(|example| example.O_p_EE).collect();
    let survey = expert.survey(&points);
    let relabelled = before.relabel(&expert);
    let dropped = relabelled.dropped;
    if let Some(first) = dropped.first.first() {
        say!(
            "{} of {} have no label; the first, sample {}: {}",
            dropped.count(),
            points.len(),
            first.index,
            first.why
        );
    }
    if relabelled.dataset.examples.len() < 2 {
        return Err(usage(format!(
            "{}: fewer than 2 positions have a label; is it the right tool and frame?",
            file.display()
        )));
    }
    if let Some(step) = survey.step_max {
        say!("largest step of a label: {:.4} rad, joint {}, to sample {}", step.rad, step.joint, step.index);
    }
    let figures = Figures {
        audit: Some(audit),
        dropped: Some(dropped),
        survey: Some(survey),
        ..figures(args, &relabelled.dataset)
    };
    Ok((relabelled.dataset, figures))
}

fn figures(args: &Args, dataset: &Dataset) -> Figures {
    Figures {
        trajectory: args.trajectory.clone(),
        out: args.out.clone(),
        samples: dataset.examples.len(),
        labelled_by: dataset.labelled_by,
        audit: None,
        dropped: None,
        survey: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn run_line(line: &str) -> Result<()> {
        run(&Line::try_parse_from(std::iter::once("expert").chain(line.split_whitespace()))?.args)
    }

    #[test]
    fn a_box_is_labelled_and_reported() {
        let folder = tempfile::tempdir().unwrap();
        let (out, report) = (folder.path().join("box.json"), folder.path().join("report.json"));
        run_line(&format!(
            "--trajectory box --samples 50 --box-min-m 0.4 -0.1 0.3 --box-max-m 0.5 0.1 0.4 --out {} --report {}",
            out.display(),
            report.display()
        ))
        .unwrap();
        let report: serde_json::Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
        assert_eq!(report["samples"], 50);
        assert_eq!(Dataset::load(&out, None).unwrap().examples.len(), 50);
    }

    #[test]
    fn an_older_data_set_is_labelled_anew() {
        let folder = tempfile::tempdir().unwrap();
        let [old, new] = ["old.json", "new.json"].map(|name| folder.path().join(name).display().to_string());
        run_line(&format!("--trajectory box --samples 30 --redundancy fixed-q7 --out {old}")).unwrap();
        run_line(&format!("--trajectory {old} --out {new} --keep-tool")).unwrap();
        let labels = json::read(Path::new(&new)).unwrap();
        assert!(labels.len() == 30 && labels.iter().all(|example| example.q[2].abs() < 1e-7));
    }

    #[test]
    fn what_is_not_understood_is_refused_with_the_mend() {
        for (line, says) in [
            ("--trajectory drawing.txt --out x.json", "files of this kind are not read"),
            ("--trajectory nowhere.json --out x.json", "nowhere.json: cannot be read"),
            ("--trajectory box --out x.json --redundancy fixed-q7 --q7-rad 9", "q7_rad = 9: allowed"),
            ("--trajectory box --out x.json --box-min-m 2 2 2 --box-max-m 3 3 3", "Move the box into"),
        ] {
            let error = run_line(line).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
