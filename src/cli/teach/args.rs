//! What may be typed after `teach`.
use super::super::arm::FIRST_SPEED;
use super::super::common::{Common, Pace, check_writable};
use super::super::exit::usage;
use super::super::run::{self, AfterTeaching, SPEED};
use super::super::serve::Serve;
use crate::config::Config;
use crate::demonstration::shapes;
use crate::range::check_range;
use crate::sim::virtual_hand::Plan;
use std::path::PathBuf;

/// Teach by hand: guide the arm, and keep what it did as episodes.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("arm").required(true))]
pub(in super::super) struct Args {
    /// Guide a simulated Panda, started for this.
    #[arg(long, group = "arm")]
    pub(super) sim: bool,
    /// Guide the robot at this address.
    #[arg(long, value_name = "ADDRESS", group = "arm")]
    pub(super) robot_ip: Option<String>,
    /// Let a virtual hand guide the simulated arm along circle, square, figure-eight or a CSV file (x_m,y_m,z_m).
    #[arg(long, value_name = "SHAPE|FILE", requires = "sim", conflicts_with = "passive")]
    hand: Option<String>,
    /// Speed of the virtual hand, m/s.
    #[arg(long, value_name = "M/S", requires = "hand", default_value_t = Plan::default().speed_m_s, allow_negative_numbers = true)]
    hand_speed_m_s: f64,
    /// Tremor of the virtual hand, m.
    #[arg(long, value_name = "M", requires = "hand", default_value_t = Plan::default().tremor_m, allow_negative_numbers = true)]
    hand_tremor_m: f64,
    /// How often the virtual hand pauses on its path.
    #[arg(long, value_name = "N", requires = "hand", default_value_t = 0)]
    hand_pauses: usize,
    /// Seed of the virtual hand and of the simulated robot.
    #[arg(long, default_value_t = 0, requires = "sim")]
    pub(super) seed: u64,
    /// Episodes to keep; then the session ends. [default: without end, with --hand or --then-run 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    episodes: Option<u64>,
    /// What is taught, in a sentence: kept with every episode.
    #[arg(long, value_name = "NAME", default_value = "")]
    pub(super) task: String,
    /// Where the episodes are kept.
    #[arg(long, value_name = "DIR", default_value = "demos")]
    pub(super) out: PathBuf,
    /// Motion begins an episode, rest ends it; without it keys do.
    #[arg(long, conflicts_with = "hand")]
    pub(super) hands_free: bool,
    /// Only read states: a person moves the user-stopped robot by the buttons at its wrist.
    #[arg(long)]
    pub(super) passive: bool,
    /// Axes that the hand cannot move: x, y, z, rx, ry, rz of the base frame, `position` or `rotation`.
    #[arg(long, value_name = "AXES", value_delimiter = ',', conflicts_with = "passive")]
    lock: Vec<String>,
    /// Damping of the guided joints, as a factor of guidance.damping_nm_s_rad.
    #[arg(
        long,
        value_name = "FACTOR",
        default_value_t = 1.0,
        allow_negative_numbers = true,
        conflicts_with = "passive"
    )]
    damping: f64,
    /// Open (o) and close (g) the gripper by key.
    #[arg(long)]
    pub(super) gripper: bool,
    /// Drive what was taught as soon as the session ends, by the policy learnt while the arm was guided; of several
    /// episodes their mean. Its report goes beside the session's: FILE.run.json.
    #[arg(long, conflicts_with = "passive")]
    pub(super) then_run: bool,
    /// Rate of the motion that is then driven, 1 = as taught. [default: 1 in simulation, 0.1 on a robot]
    #[arg(long, value_name = "SHARE", requires = "then_run", allow_negative_numbers = true)]
    speed: Option<f64>,
    /// Laps that are then driven. [default: 1]
    #[arg(long, value_name = "N", requires = "then_run", value_parser = clap::value_parser!(u32).range(1..))]
    laps: Option<u32>,
    /// Save the policy that then drove.
    #[arg(long, value_name = "FILE.safetensors", requires = "then_run")]
    save_policy: Option<PathBuf>,
    /// Write every state and command of the simulated robot to this file.
    #[arg(long, value_name = "FILE", requires = "sim")]
    pub(super) wire_log: Option<PathBuf>,
    /// How the simulated robot keeps time.
    #[arg(long, value_enum, default_value = "realtime")]
    pub(super) pace: Pace,
    #[command(flatten)]
    pub(super) serve: Serve,
    /// Do not ask before a real robot is let go.
    #[arg(short, long)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) common: Common,
}

/// How often a virtual hand guides the arm while somebody at the page says what is recorded.
const AGAIN: usize = 10_000;
const AXES: [&str; 6] = ["x", "y", "z", "rx", "ry", "rz"];

impl Args {
    /// The configuration with what was typed on top.
    pub(super) fn configuration(&self) -> anyhow::Result<Config> {
        let mut config = self.common.load()?;
        check_writable("--save-policy", self.save_policy.as_deref())?;
        check_writable("--wire-log", self.wire_log.as_deref())?;
        let mut wrong = Vec::new();
        check_range(&mut wrong, "--damping", self.damping, 0.1..=10.0, "");
        if let Some(speed) = self.speed {
            check_range(&mut wrong, "--speed", speed, SPEED, "");
        }
        let mut wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        config.guidance.damping_nm_s_rad = config.guidance.damping_nm_s_rad.map(|d| self.damping * d);
        for axis in &self.lock {
            match axis.as_str() {
                "position" => config.guidance.locked_axes[..3].fill(true),
                "rotation" => config.guidance.locked_axes[3..].fill(true),
                name => match AXES.iter().position(|known| *known == name) {
                    Some(k) => config.guidance.locked_axes[k] = true,
                    None => wrong.push(format!(
                        "--lock {name}: allowed: {}, position, rotation, with commas between them",
                        AXES.join(", ")
                    )),
                },
            }
        }
        wrong.extend(self.pace.suit(&mut config, self.sim).err());
        config.sim.seed = self.seed;
        if wrong.is_empty() { Ok(config) } else { Err(usage(wrong.join("\n       "))) }
    }

    /// What the virtual hand does, if there is one.
    pub(super) fn plan(&self, config: &Config) -> anyhow::Result<Option<Plan>> {
        let Some(name) = &self.hand else { return Ok(None) };
        let loaded = shapes::load(name, &config.drawing).map_err(usage)?;
        loaded.warnings.iter().for_each(|warning| say!("note     {warning}"));
        let plan = Plan {
            path_m: loaded.path.points().iter().map(|p| [p.x, p.y, p.z]).collect(),
            speed_m_s: self.hand_speed_m_s,
            tremor_m: self.hand_tremor_m,
            pauses: self.hand_pauses,
            times: if self.serve.serve.is_some() { AGAIN } else { self.wanted().map_or(1, |n| n as usize) },
            seed: self.seed,
            ..Plan::default()
        };
        let wrong = plan.validate();
        let names =
            [("speed_m_s", "--hand-speed-m-s"), ("tremor_m", "--hand-tremor-m"), ("pauses", "--hand-pauses")];
        let said =
            |key: &str| names.iter().find(|(name, _)| *name == key).map_or("--hand", |(_, option)| *option);
        match wrong.first() {
            Some(wrong) => {
                Err(usage(format!("{} {}: allowed {}", said(wrong.key), wrong.value, wrong.allowed)))
            }
            None => Ok(Some(plan)),
        }
    }

    /// Episodes after which the session ends.
    pub(super) fn wanted(&self) -> Option<u64> {
        self.episodes.or((self.hand.is_some() || self.then_run).then_some(1))
    }

    /// Rate of the motion that is driven after the session.
    pub(super) fn speed(&self) -> f64 {
        self.speed.unwrap_or(if self.sim { 1.0 } else { FIRST_SPEED })
    }

    /// The drive of what was taught, named as a trajectory.
    pub(super) fn drive_of(&self, trajectory: String) -> run::Args {
        let then = AfterTeaching {
            sim: self.sim,
            robot_ip: self.robot_ip.clone(),
            pace: self.pace,
            speed: Some(self.speed()),
            laps: Some(self.laps.unwrap_or(1)),
            save_policy: self.save_policy.clone(),
            gripper: self.gripper,
            report: self.common.report.as_ref().map(|report| report.with_extension("run.json")),
        };
        run::Args::after_teaching(trajectory, then)
    }
}
