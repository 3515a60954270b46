//! `eval`: judge a policy: its own error, then its drives on simulated robots, beside those of baselines.
mod baselines;
mod table;

use super::common::{Common, bar, check_writable};
use super::exit::usage;
use super::{prepare, train};
use crate::config::Config;
use crate::control::Settings;
use crate::demonstration::expert::Expert;
use crate::demonstration::timed_path::TimedPath;
use crate::demonstration::{Example, shapes};
use crate::eval::{self, Contender, Plan, Scenario, ScenarioFigures, Task};
use crate::kinematics::from_column_major;
use crate::learn::judge::{Judgement, judge_by};
use crate::policy::{self, Policy};
use crate::range::check_count;
use crate::telemetry::{Ending, Report};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;

/// Points of a probe file.
const PROBES: usize = 32;

/// Judge a policy along a trajectory: its own error, then its drives on simulated robots, beside those of baselines.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The policy.
    #[arg(long, value_name = "FILE.safetensors")]
    policy: PathBuf,
    /// circle, square, figure-eight, a CSV file, the original's JSON, or demo:EPISODE.
    #[arg(long, value_name = "SHAPE|FILE|demo:EPISODE")]
    trajectory: String,
    /// Only the network's error: no robot is simulated.
    #[arg(long, visible_alias = "no-robot")]
    network_only: bool,
    /// Episodes of every scenario, each with a seed of its own. [default: eval.seeds]
    #[arg(long, value_name = "N", conflicts_with = "network_only")]
    seeds: Option<usize>,
    /// The first seed. [default: training.seed]
    #[arg(long, value_name = "SEED", conflicts_with = "network_only")]
    seed: Option<u64>,
    /// Kinds of episodes, with commas between. [default: all]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KIND", conflicts_with = "network_only")]
    episodes: Vec<Kind>,
    /// What the policy was trained on, for the baselines that learn: as in `train`; may be given several times.
    /// [default: the trajectory]
    #[arg(long, value_name = "SHAPE|FILE")]
    data: Vec<String>,
    /// The policy alone, without the baselines.
    #[arg(long)]
    no_baselines: bool,
    /// Speed along an untimed path, m/s. [default: motion.speed_m_s]
    #[arg(long, value_name = "M/S", allow_negative_numbers = true)]
    speed_m_s: Option<f64>,
    /// Episodes at a time. [default: one for each core]
    #[arg(long, value_name = "N", conflicts_with = "network_only")]
    jobs: Option<usize>,
    /// Write inputs along the trajectory and the policy's answers, for another program to compare with
    /// (scripts/check_policy.py).
    #[arg(long, value_name = "FILE.json")]
    probe: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

/// A kind of episode, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    Start,
    Push,
    Friction,
    Load,
    Noise,
}

#[derive(Serialize)]
struct Figures {
    policy: String,
    trajectory: String,
    /// The policy's own error; that of every contender is beside its drives.
    #[serde(flatten)]
    network: Judgement,
    closed_loop: Option<ClosedLoop>,
}

/// Everything that was driven.
#[derive(Serialize)]
struct ClosedLoop {
    seed: u64,
    options: eval::Options,
    success_means: String,
    baselines: Option<baselines::Data>,
    contenders: Vec<ContenderFigures>,
    eval_s: f64,
}

#[derive(Serialize)]
struct ContenderFigures {
    name: &'static str,
    network: Judgement,
    scenarios: Vec<ScenarioFigures>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let mut config = args.configuration()?;
    let mut policy = prepare::load_policy(&args.policy)?;
    // What the baselines that learn are asked with, too.
    config.network.input = policy.card().input;
    let F_T_EE = from_column_major(&policy.card().F_T_EE).map_err(usage)?;
    let shapes::Loaded { path, taught, .. } =
        shapes::load(&args.trajectory, &config.drawing).map_err(usage)?;
    prepare::check_tool(taught.as_ref(), &F_T_EE, &args.trajectory)?;
    let expert = prepare::taught(&config, F_T_EE, &path, &args.trajectory)?;
    prepare::check_input(&policy, &path, &args.trajectory).map_err(usage)?;
    let timed = prepare::plan(&config, &path, &expert, &args.trajectory)?;
    prepare::check_region(&config, &policy, &timed).map_err(usage)?;
    let network = prepare::judge_along(&mut policy, &timed, &expert);
    say!(
        "{} along {}: error mean {:.3} mm, p95 {:.3} mm, max {:.3} mm; tilt mean {:.2} mrad, max {:.2} mrad; \
         orientation mean {:.2} mrad, max {:.2} mrad",
        args.policy.display(),
        args.trajectory,
        network.error_mm.mean,
        network.error_mm.p95,
        network.error_mm.max,
        network.tilt_mrad.mean,
        network.tilt_mrad.max,
        network.orientation_mrad.mean,
        network.orientation_mrad.max
    );
    if let Some(file) = &args.probe {
        let input = policy.card().input;
        let points: Vec<Vec<f64>> = (0..PROBES)
            .map(|k| input.numbers(&path.pose(path.length_m() * k as f64 / PROBES as f64)))
            .map(|numbers| numbers[..input.width()].to_vec())
            .collect();
        let probe = policy::probe(&mut policy, &points);
        crate::atomic_file::write(file, serde_json::to_string_pretty(&probe)?.as_bytes())?;
        say!("probe    {}", file.display());
    }
    let closed_loop = match args.network_only {
        true => None,
        false => Some(args.drive(&config, &mut policy, timed, expert)?),
    };
    let figures = Figures {
        policy: args.policy.display().to_string(),
        trajectory: args.trajectory.clone(),
        network,
        closed_loop,
    };
    args.common.write(&Report::new("eval", Ending::Done, Vec::new(), figures))
}

impl Args {
    fn configuration(&self) -> anyhow::Result<Config> {
        let mut config = self.common.load()?;
        check_writable("--probe", self.probe.as_deref())?;
        if let Some(seed) = self.seed {
            config.training.seed = seed;
        }
        let mut wrong = Vec::new();
        if let Some(seeds) = self.seeds {
            config.eval.seeds = seeds;
            check_count(&mut wrong, "--seeds", seeds, 1..=100, "");
        }
        if let Some(jobs) = self.jobs {
            check_count(&mut wrong, "--jobs", jobs, 1..=64, "");
        }
        if let Some(speed_m_s) = self.speed_m_s {
            config.motion.speed_m_s = speed_m_s;
            wrong.extend(config.motion.validate());
        }
        match wrong.first() {
            Some(violation) => Err(usage(violation)),
            None => Ok(config),
        }
    }

    /// Drives everything, with a bar, and shows the table.
    fn drive(
        &self,
        config: &Config,
        policy: &mut Policy,
        timed: TimedPath,
        expert: Expert,
    ) -> anyhow::Result<ClosedLoop> {
        let begun = std::time::Instant::now();
        let (contenders, baselines) = if self.no_baselines {
            (vec![Contender::Policy], None)
        } else {
            let names =
                if self.data.is_empty() { std::slice::from_ref(&self.trajectory) } else { &self.data };
            let names = train::expanded(names)?;
            let (examples, data) = baselines::examples(config, &names, &expert, policy)?;
            let mut contenders = vec![Contender::Policy];
            contenders.extend(Contender::baselines(
                &expert,
                &examples,
                config.eval.polynomial_degree,
                policy.card().input,
            ));
            (contenders, Some(data))
        };
        let laps = (config.eval.episode_s / timed.lap_s()).min(1.0);
        let task = Task {
            F_T_EE: *expert.F_T_EE(),
            timed: Arc::new(timed),
            expert: Arc::new(expert),
            settings: Settings {
                options: config.control.clone(),
                generator: config.generator.clone(),
                push: config.push.clone(),
                sde: config.sde.clone(),
                safety: config.safety.clone(),
                speed: 1.0,
                laps: Some(laps),
            },
            robot: config.robot.clone(),
            sim: config.sim.clone(),
        };
        let scenarios = self.scenarios();
        let seed = config.training.seed;
        let plan = Plan {
            task: &task,
            policy,
            contenders: &contenders,
            scenarios: &scenarios,
            options: &config.eval,
            seed,
            jobs: self.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)),
        };
        let bar = bar(0, "driving  {bar:24.cyan/dim} {pos}/{len} episodes · {eta} left");
        let driven = eval::run(&plan, &|done, of| {
            bar.set_length(of as u64);
            bar.set_position(done as u64);
        })?;
        bar.finish_and_clear();
        let examples = prepare::along(&task.timed, &task.expert);
        let contenders: Vec<ContenderFigures> = contenders
            .iter()
            .zip(driven)
            .map(|(contender, scenarios)| ContenderFigures {
                name: contender.name(),
                network: network_of(contender, policy, &examples, &task),
                scenarios,
            })
            .collect();
        let success_means = table::success_means(&config.eval);
        table::say(&contenders, &scenarios, &config.eval, &success_means);
        let eval_s = begun.elapsed().as_secs_f64();
        Ok(ClosedLoop { seed, options: config.eval.clone(), success_means, baselines, contenders, eval_s })
    }

    fn scenarios(&self) -> Vec<Scenario> {
        let asked = |kind: &Scenario| {
            let kinds = self.episodes.iter().map(|kind| match kind {
                Kind::Start => Scenario::Start,
                Kind::Push => Scenario::Push,
                Kind::Friction => Scenario::Friction,
                Kind::Load => Scenario::Load,
                Kind::Noise => Scenario::Noise,
            });
            self.episodes.is_empty() || kinds.into_iter().any(|asked| asked == *kind)
        };
        Scenario::ALL.into_iter().filter(asked).collect()
    }
}

/// What a contender leaves in the world, at every millisecond of a lap.
fn network_of(contender: &Contender, policy: &mut Policy, examples: &[Example], task: &Task) -> Judgement {
    judge_by(|pose| contender.evaluate(policy, pose), examples, &task.F_T_EE)
}
