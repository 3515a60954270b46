//! What may be typed after `run`.
use super::super::arm::FIRST_SPEED;
use super::super::common::{Common, Pace, check_writable};
use super::super::exit::usage;
use super::super::prepare::Prepared;
use super::super::serve::Serve;
use crate::config::Config;
use crate::demonstration::{csv, demo};
use crate::range::Violation;
use crate::robot::realtime;
use crate::sim::{TruthSink, correcting_hand};
use crate::telemetry::black_box;
use std::io::IsTerminal;
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// Rates of a whole motion that are allowed.
pub(in super::super) const SPEED: RangeInclusive<f64> = 0.01..=2.0;

/// Learn a motion and drive the arm along it, learning on the way.
#[derive(Clone, Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("arm").required(true))]
pub(in super::super) struct Args {
    /// Drive a simulated Panda, started for this run.
    #[arg(long, group = "arm")]
    pub(super) sim: bool,
    /// Drive the robot at this address.
    #[arg(long, value_name = "ADDRESS", group = "arm")]
    pub(super) robot_ip: Option<String>,
    /// circle, square, figure-eight, a CSV file (t_s,x_m,y_m,z_m; t_s may be left out), an SVG drawing, the original's JSON, or
    /// demo:EPISODE, a taught motion at its own pace (an episode's file, or its name in ./demos). [default: circle]
    #[arg(long, value_name = "SHAPE|FILE|demo:EPISODE")]
    pub(super) trajectory: Option<String>,
    /// Speed along an untimed path, m/s; bends and corners are slowed. [default: motion.speed_m_s]
    #[arg(long, value_name = "M/S", allow_negative_numbers = true)]
    pub(super) speed_m_s: Option<f64>,
    /// Rate of the whole motion, 1 = as planned, or as taught. [default: 1 in simulation, 0.1 on a robot]
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    speed: Option<f64>,
    /// Laps to drive; every second one of an open path runs backwards. [default: 1 of an open demonstration; else
    /// without end on a terminal, and 1 without one]
    #[arg(long, conflicts_with = "duration_s", allow_negative_numbers = true)]
    laps: Option<u32>,
    /// Seconds to drive on the path, after the way to the start; not with --laps.
    #[arg(long, value_name = "S", allow_negative_numbers = true)]
    duration_s: Option<f64>,
    /// Drive with this policy instead of training one.
    #[arg(long, value_name = "FILE.safetensors")]
    pub(super) policy: Option<PathBuf>,
    /// Save the policy in use at the end.
    #[arg(long, value_name = "FILE.safetensors")]
    pub(super) save_policy: Option<PathBuf>,
    /// Record every tick to this file (.mcap), or to a new one in this folder; nothing is overwritten.
    #[arg(long, value_name = "FILE.mcap|FOLDER")]
    pub(super) record: Option<PathBuf>,
    /// A note that goes into the record.
    #[arg(long, value_name = "TEXT", requires = "record", default_value = "")]
    pub(super) note: String,
    /// Record measurements to the last bit, uncompressed: two to three times the size.
    #[arg(long, requires = "record")]
    pub(super) record_exact: bool,
    /// Let the arm give way to a hand: our own joint impedance law, section `[impedance]`, instead of the robot's stiff one.
    #[arg(long)]
    pub(super) compliant: bool,
    /// Have a virtual hand push the simulated arm to this path (CSV: x_m,y_m,z_m): the stretch that it corrects.
    #[arg(long, value_name = "FILE.csv", requires = "sim")]
    pub(super) hand: Option<PathBuf>,
    /// How often it does.
    #[arg(long, value_name = "N", requires = "hand", default_value_t = 1)]
    hand_passes: usize,
    /// How often the arm passes before it does.
    #[arg(long, value_name = "N", requires = "hand", default_value_t = 1)]
    hand_after: usize,
    /// Save the path at the end, with what was corrected (CSV with times).
    #[arg(long, value_name = "FILE.csv")]
    pub(super) save_trajectory: Option<PathBuf>,
    /// Open and close the gripper where the hand that taught the motion did (demo:EPISODE).
    #[arg(long)]
    pub(super) gripper: bool,
    /// Do not learn while driving.
    #[arg(long)]
    pub(super) no_fine_tune: bool,
    /// Seed of everything random. [default: training.seed]
    #[arg(long)]
    seed: Option<u64>,
    /// How the simulated robot keeps time.
    #[arg(long, value_enum, default_value = "realtime")]
    pub(super) pace: Pace,
    /// Write every state and command of the simulated robot to this file.
    #[arg(long, value_name = "FILE", requires = "sim")]
    pub(super) wire_log: Option<PathBuf>,
    /// Tell what is true of the simulated arm: JSON lines to a file, or datagrams to a loopback ADDRESS:PORT.
    #[arg(long, value_name = "FILE|ADDRESS", requires = "sim")]
    pub(super) truth: Option<TruthSink>,
    /// Core of the control thread; the trainer works on the others. [default: realtime.core]
    #[arg(long, value_name = "CORE")]
    pin: Option<usize>,
    /// Where the last seconds before an abort are kept. [default: ~/.local/state/franka-imit]
    #[arg(long, value_name = "FOLDER")]
    black_box: Option<PathBuf>,
    /// Do not ask before moving a real robot.
    #[arg(short, long)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) serve: Serve,
    #[command(flatten)]
    pub(super) common: Common,
}

/// What `teach` says of the drive that follows it.
pub(in super::super) struct AfterTeaching {
    pub(in super::super) sim: bool,
    pub(in super::super) robot_ip: Option<String>,
    pub(in super::super) pace: Pace,
    pub(in super::super) speed: Option<f64>,
    pub(in super::super) laps: Option<u32>,
    pub(in super::super) save_policy: Option<PathBuf>,
    pub(in super::super) gripper: bool,
    pub(in super::super) report: Option<PathBuf>,
}

impl Args {
    /// The configuration with what was typed on top; every mistake in it at once.
    pub(super) fn configuration(&self) -> anyhow::Result<Config> {
        let mut config = self.common.load()?;
        check_writable("--save-policy", self.save_policy.as_deref())?;
        check_writable("--save-trajectory", self.save_trajectory.as_deref())?;
        check_writable("--wire-log", self.wire_log.as_deref())?;
        if let Some(TruthSink::File(path)) = &self.truth {
            check_writable("--truth", Some(path))?;
        }
        if let Some(place) = &self.record {
            super::record::check(place)?;
        }
        if let Some(speed_m_s) = self.speed_m_s {
            config.motion.speed_m_s = speed_m_s;
        }
        if let Some(seed) = self.seed {
            config.training.seed = seed;
            config.sim.seed = seed;
        }
        if let Some(file) = &self.hand {
            let rows = csv::read_csv(file).map_err(usage)?;
            config.sim.correcting_hand = Some(correcting_hand::Plan {
                path_m: rows.points.iter().map(|p| (*p).into()).collect(),
                after: self.hand_after,
                passes: self.hand_passes,
                seed: config.sim.seed,
                ..Default::default()
            });
        }
        if let Some(core) = self.pin {
            config.realtime.core = i32::try_from(core).unwrap_or(i32::MAX);
        }
        let mut wrong: Vec<String> = config.motion.validate().iter().map(said("--speed-m-s: ")).collect();
        let hand = config.sim.correcting_hand.iter().flat_map(correcting_hand::Plan::validate);
        wrong.extend(hand.map(|violation| format!("--hand: {violation}")));
        let mut range = Vec::new();
        if let Some(speed) = self.speed {
            crate::range::check_range(&mut range, "--speed", speed, SPEED, "");
        }
        if let Some(duration_s) = self.duration_s {
            crate::range::check_range(&mut range, "--duration-s", duration_s, 0.5..=86_400.0, "s");
        }
        if let Some(laps) = self.laps {
            crate::range::check_count(&mut range, "--laps", laps as usize, 1.., "");
        }
        wrong.extend(range.iter().map(said("")));
        if let Some(core) = self.pin
            && !realtime::may_use(core)
        {
            wrong.push(format!(
                "--pin {core}: allowed {:?}, the cores this process may use",
                realtime::cores()
            ));
        }
        if self.wire_log.is_some() && !self.sim {
            wrong.push(
                "--wire-log: only a simulated robot writes it; give it to 'franka-imit sim'".to_string(),
            );
        }
        wrong.extend(self.pace.suit(&mut config, self.sim).err());
        if wrong.is_empty() { Ok(config) } else { Err(usage(wrong.join("\n       "))) }
    }

    /// What drives `trajectory`, a motion that was just taught, on the arm that it was taught with; whoever guided it has
    /// been asked.
    pub(in super::super) fn after_teaching(trajectory: String, then: AfterTeaching) -> Args {
        let AfterTeaching { sim, robot_ip, pace, speed, laps, save_policy, gripper, report } = then;
        Args {
            sim,
            robot_ip,
            trajectory: Some(trajectory),
            speed_m_s: None,
            speed,
            laps,
            duration_s: None,
            policy: None,
            save_policy,
            record: None,
            note: String::new(),
            record_exact: false,
            compliant: false,
            hand: None,
            hand_passes: 1,
            hand_after: 1,
            save_trajectory: None,
            gripper,
            no_fine_tune: false,
            seed: None,
            pace,
            wire_log: None,
            truth: None,
            pin: None,
            black_box: None,
            yes: true,
            serve: Serve::default(),
            common: Common { config: Vec::new(), report },
        }
    }

    /// Whether the robot waits for us.
    pub(super) fn is_lockstep(&self) -> bool {
        self.pace.is_lockstep()
    }

    /// What is to be followed.
    pub(in super::super) fn trajectory(&self) -> &str {
        self.trajectory.as_deref().unwrap_or("circle")
    }

    /// The same for another motion, on the same arm; 0 laps go on without end.
    pub(super) fn follows(&self, trajectory: &str, laps: u32) -> Args {
        Args {
            trajectory: Some(trajectory.to_owned()),
            laps: Some(laps),
            duration_s: None,
            speed_m_s: None,
            policy: None,
            gripper: false,
            ..self.clone()
        }
    }

    /// Rate of reference time.
    pub(super) fn speed_or_default(&self) -> f64 {
        self.speed.unwrap_or(if self.sim { 1.0 } else { FIRST_SPEED })
    }

    /// Where the last seconds before an abort are kept.
    pub(super) fn black_box_folder(&self) -> PathBuf {
        self.black_box.clone().unwrap_or_else(black_box::default_folder)
    }

    /// Laps to drive; `None` goes on until asked to stop.
    pub(super) fn laps_to_drive(&self, prepared: &Prepared, speed: f64) -> Option<f64> {
        match (self.laps, self.duration_s) {
            (Some(laps), _) => (laps > 0).then_some(f64::from(laps)),
            (None, Some(duration_s)) => Some(duration_s * speed / prepared.timed.lap_s()),
            (None, None) => {
                let is_once = self.trajectory().starts_with(demo::PREFIX) && !prepared.figures.closed;
                (is_once || !std::io::stdout().is_terminal()).then_some(1.0)
            }
        }
    }
}

fn said(prefix: &str) -> impl Fn(&Violation) -> String + '_ {
    move |violation| format!("{prefix}{violation}")
}
