//! `train`: a policy from demonstrations, or from expert data made on the spot.
mod gather;

pub(super) use gather::expanded;

use super::common::{Common, bar};
use super::exit::usage;
use super::fit_sde::{Fitted, fit_sde};
use crate::config::Config;
use crate::demonstration::expert::Expert;
use crate::demonstration::{Dataset, Example, LabelledBy};
use crate::kinematics::{Pose, forward};
use crate::learn::train::{self, Keep, Perturbed, Progress, Trained};
use crate::policy::{Input, Policy};
use crate::sde;
use crate::telemetry::{Ending, Report};
use gather::{BOX, DataFigures, Gathered};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;

/// Keeps the draws of the perturbed targets apart from those of the weights.
const TARGET_STREAM: u64 = 0x7364_6531;

/// Train a policy from demonstrations, or from expert data made on the spot.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// box, circle, square, figure-eight, a drawing (.svg, .csv; with qx,qy,qz,qw and network.input = "pose", a motion
    /// of whole poses), examples (.json: a list of desired_end_effector_position and joint_angles), demo:EPISODE, a
    /// taught motion, or a folder of episodes; may be given several times.
    #[arg(long, required = true, value_name = "SHAPE|FILE|demo:EPISODE|FOLDER")]
    data: Vec<String>,
    /// Where the policy goes; without it, the training is only reported.
    #[arg(long, value_name = "FILE.safetensors")]
    out: Option<PathBuf>,
    /// Keep the positions of examples and take our expert's labels, for the hand's tool point.
    #[arg(long)]
    relabel: bool,
    /// Passes over the data; with the full batch, updates. [default: training.steps]
    #[arg(long)]
    epochs: Option<usize>,
    /// Weight of the loss on perturbed targets; 0 trains on the demonstrations alone. [default: sde.lambda]
    #[arg(long, allow_negative_numbers = true)]
    lambda: Option<f64>,
    /// Seed of everything random. [default: training.seed]
    #[arg(long)]
    seed: Option<u64>,
    /// Take theta and sigma of the process from the deviations in a recorded run: a wire log of the simulated robot.
    #[arg(long, value_name = "WIRELOG")]
    fit_sde: Option<PathBuf>,
    /// Threads, 1 or 2; the policy is the same, bit for bit. [default: training.threads]
    #[arg(long)]
    threads: Option<usize>,
    /// Keep the training here while it runs, and when a signal stops it.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Updates between two checkpoints.
    #[arg(long, value_name = "STEPS", default_value_t = 1000, requires = "checkpoint",
          value_parser = clap::value_parser!(u32).range(1..))]
    checkpoint_steps: u32,
    /// Go on from a checkpoint, with the same data and options: the policy is the one that would have come of it
    /// without the pause, bit for bit.
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

/// What `train` reports.
#[derive(Serialize)]
struct Figures {
    data: Vec<DataFigures>,
    lambda: f64,
    form: sde::Form,
    /// With `--fit-sde`: what the recorded run says of the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    fitted: Option<Fitted>,
    out: Option<PathBuf>,
    /// The most memory that the program had, where the system says so.
    peak_memory_bytes: Option<u64>,
    #[serde(flatten)]
    train: train::Report,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let mut config = args.common.load()?;
    if let Some(seed) = args.seed {
        config.training.seed = seed;
    }
    if let Some(lambda) = args.lambda {
        config.sde.lambda = lambda;
        if let Some(violation) = config.sde.validate().first() {
            return Err(usage(format!("--lambda: {violation}")));
        }
    }
    let fitted = args.fit_sde.as_deref().map(|file| fit_sde(&mut config, file)).transpose()?;
    if let Some(threads) = args.threads {
        config.training.threads = threads;
        if let Some(violation) = config.training.validate().first() {
            return Err(usage(format!("--threads: {violation}")));
        }
    }
    super::common::check_writable("--out", args.out.as_deref())?;
    super::common::check_writable("--checkpoint", args.checkpoint.as_deref())?;
    let names = gather::expanded(&args.data)?;
    gather::choose_input(&mut config, &names);
    let Gathered { data, lengths, found } = gather::gather(&names, args.relabel, &config)?;
    config.training.steps = steps_of(args, &config, &data);
    if let Some(violation) = config.training.validate().first() {
        return Err(usage(format!("--epochs {}: {violation}", args.epochs.unwrap_or(0))));
    }
    let stop = super::common::stop_flag()?;
    // Only with a checkpoint is there something to bring to rest.
    stop.store(args.checkpoint.is_none(), Relaxed);
    let keep = Keep {
        start: None,
        resume: args.resume.as_deref(),
        checkpoint: args.checkpoint.as_deref(),
        every_steps: args.checkpoint_steps as usize,
        stop: args.checkpoint.as_ref().map(|_| &*stop),
    };
    let expert = Expert::new(config.expert, data.F_T_EE);
    let Trained { policy, report } = match learn_kept(&config, &data, &expert, lengths, &keep, &mut |_| {}) {
        Ok(trained) => trained,
        Err(error @ train::Error::Stopped { .. }) => {
            let file = args.checkpoint.as_deref().unwrap_or(Path::new("")).display();
            anyhow::bail!("{error}; go on with the same command and --resume {file}");
        }
        Err(error) => return Err(usage(error)),
    };
    say(&report);
    if let Some(out) = &args.out {
        policy.save(out)?;
        say!("policy   {}", out.display());
    } else {
        say!("policy   not kept; give --out FILE.safetensors to keep it");
    }
    let figures = Figures {
        data: found,
        lambda: config.sde.lambda,
        form: config.sde.form,
        fitted,
        out: args.out.clone(),
        peak_memory_bytes: super::common::peak_memory_bytes(),
        train: report,
    };
    args.common.write(&Report::new("train", Ending::Done, Vec::new(), figures))
}

/// Trains on `data` and the perturbed targets around it, with a bar; `tell` is told where it stands.
///
/// `expert` labels what is drawn, where the examples are its own.
pub(super) fn learn(
    config: &Config,
    data: &Dataset,
    expert: &Expert,
    tell: &mut dyn FnMut(Progress),
) -> anyhow::Result<Trained> {
    learn_kept(config, data, expert, Vec::new(), &Keep::default(), tell).map_err(usage)
}

/// [`learn`] that begins with what `policy` knows.
pub(super) fn polish(
    config: &Config,
    data: &Dataset,
    expert: &Expert,
    policy: &Policy,
    tell: &mut dyn FnMut(Progress),
) -> anyhow::Result<Trained> {
    let mut config = config.clone();
    let apprentice = &config.apprentice;
    config.training.steps = apprentice.polish_steps;
    config.training.learning_rate = apprentice.polish_learning_rate;
    config.training.targets = apprentice.polish_targets;
    let keep = Keep { start: Some(policy), ..Keep::default() };
    learn_kept(&config, data, expert, Vec::new(), &keep, tell).map_err(usage)
}

/// [`learn`] with checkpoints; `demonstrations` says how many examples each demonstration has.
fn learn_kept(
    config: &Config,
    data: &Dataset,
    expert: &Expert,
    demonstrations: Vec<usize>,
    keep: &Keep,
    also: &mut dyn FnMut(Progress),
) -> Result<Trained, train::Error> {
    // Labels that are the expert's function of the position stay that function; a person's are continued.
    let by_expert = matches!(data.labelled_by, LabelledBy::Expert(_)) || expert.is_taught();
    let mut draw = tube(config, expert, by_expert, config.training.seed);
    let bar = bar(config.training.steps as u64, "training {bar:24.cyan/dim} {percent:>3} % {msg}");
    let perturbed =
        Perturbed { lambda: config.sde.lambda, form: config.sde.form, demonstrations, draw: &mut draw };
    let mut tell = |p: Progress| {
        bar.set_position(p.step as u64);
        bar.set_message(format!("loss {:.2e} rad², error {:.2} mm", p.loss_mse_rad2, p.error_mm));
        also(p);
    };
    let trained =
        train::train_kept(data, &config.network, Some(perturbed), &config.training, keep, &mut tell);
    bar.finish_and_clear();
    trained
}

/// Draws perturbed targets about examples: positions of the process, labelled by the expert's own rule or, for
/// examples of another hand, by continuation from the example's joints.
pub(super) fn tube<'a>(
    config: &Config,
    expert: &'a Expert,
    by_rule: bool,
    seed: u64,
) -> impl FnMut(&Example) -> Option<Example> + use<'a> {
    let mut targets = sde::Targets::new(&config.sde);
    let mut rng = StdRng::seed_from_u64(seed ^ TARGET_STREAM);
    let input = config.network.input;
    move |example| {
        if input == Input::Pose {
            let turned = forward(&example.q, expert.F_T_EE()).rotation;
            let from = Pose::from_parts(example.O_p_EE.into(), turned);
            let target = targets.draw_pose(&mut rng, (&from, &example.q), |from, to| {
                if by_rule { expert.label_pose(to).ok() } else { expert.pose_continuation(from, to).ok() }
            })?;
            return Some(Example { O_p_EE: target.O_T_EE.translation.vector, q: target.q });
        }
        let target = targets.draw(&mut rng, (&example.O_p_EE, &example.q), |from, to| {
            if by_rule { expert.label(to).ok() } else { expert.continuation(from, to).ok() }
        })?;
        Some(Example { O_p_EE: target.O_p_EE, q: target.q })
    }
}

/// Says what training came to, on points it was not trained on.
pub(super) fn say(report: &train::Report) {
    say!(
        "learned  {} examples and {} perturbed targets in {:.2} s, {} steps; mean squared error {:.3e} rad² \
         (over samples and joints)",
        report.samples,
        report.targets,
        report.train_s,
        report.steps,
        report.loss_mse_rad2
    );
    let judged = &report.held_out;
    say!(
        "judged   on {} {} examples: error mean {:.3} mm, p95 {:.3} mm, max {:.3} mm; tilt mean {:.2} mrad, \
         max {:.2} mrad",
        judged.judged,
        if judged.judged == report.samples { "of the training's own" } else { "held-out" },
        judged.error_mm.mean,
        judged.error_mm.p95,
        judged.error_mm.max,
        judged.tilt_mrad.mean,
        judged.tilt_mrad.max
    );
}

/// Updates: so many passes over the data, or what the configuration says for it.
fn steps_of(args: &Args, config: &Config, data: &Dataset) -> usize {
    let training = &config.training;
    let Some(epochs) = args.epochs else {
        return if args.data.iter().any(|name| name == BOX) { training.box_steps } else { training.steps };
    };
    let batches = if training.batch == 0 { 1 } else { data.examples.len().div_ceil(training.batch).max(1) };
    epochs.saturating_mul(batches)
}
