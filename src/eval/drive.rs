//! One episode: a simulated robot of its own, the real driver, the real control thread, in lockstep.
use super::{Contender, Disturbance};
use crate::control::{Controller, Pulse, Purpose, Session, Settings, links};
use crate::demonstration::expert::Expert;
use crate::demonstration::sample::{Kind, Sample};
use crate::demonstration::timed_path::TimedPath;
use crate::kinematics::{Point, Pose};
use crate::policy::Policy;
use crate::robot::{Fault, Joints, limits, panda, realtime};
use crate::sim::{self, Pace, Sim};
use crate::telemetry::{Drive, DriveFigures};
use crate::timing::Cycle;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Last bytes tried of a robot's address.
const ADDRESSES: RangeInclusive<u8> = 1..=250;
/// Robots started by this process: each takes an address of its own, since one that serves a client leaves its port
/// to others and wants it back later.
static STARTED: AtomicU32 = AtomicU32::new(0);
/// In lockstep a busy machine may hold everybody up, which must change nothing: how long each waits, s.
const PATIENCE_S: f64 = 5.0;
/// An arm that has been loaded or started anew settles first; it is waited for so long.
const SETTLE: Duration = Duration::from_secs(5);
/// A drive whose samples were lost on their way to us is driven again, so often.
const TRIES: usize = 3;

/// What every episode has in common.
#[derive(Clone, Debug)]
pub struct Task {
    /// The reference.
    pub timed: Arc<TimedPath>,
    /// Whose labels are right.
    pub expert: Arc<Expert>,
    /// End effector in the flange frame.
    pub F_T_EE: Pose,
    /// Start, stop, generator, process, safety, speed and laps.
    pub settings: Settings,
    /// What is set in the robot.
    pub robot: panda::Options,
    /// The simulated robot, but for what a disturbance changes.
    pub sim: sim::Options,
}

/// One millisecond of an episode.
#[derive(Clone, Copy, Debug)]
pub struct Tick {
    /// Milliseconds since the first command.
    pub ms: u64,
    /// Whether the path was followed.
    pub follows: bool,
    /// Measured position of the end effector, base frame, m.
    pub O_p_EE: Point,
    /// Reference position, base frame, m.
    pub x_ref: Point,
    /// What the policy was asked, base frame, m.
    pub X: Point,
    /// Where on the path the reference is, arc length, m.
    pub arc_m: f64,
    /// The command, rad.
    pub q_c: Joints,
    /// Whether the safety layer changed the proposal.
    pub limited: bool,
}

/// What an episode came to.
#[derive(Clone, Debug)]
pub struct Drove {
    /// Every tick.
    pub ticks: Vec<Tick>,
    /// The figures of a drive, as `run` reports them.
    pub figures: DriveFigures,
    /// What ended it early: the robot's word (a reflex, say) or our safety layer's.
    pub fault: Option<String>,
}

/// Why there is no episode to judge.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No robot.
    #[error("the simulated robot cannot be started: {0}")]
    Sim(#[from] sim::Error),
    /// No connection to it.
    #[error("the simulated robot was not reached: {0}")]
    Connect(#[source] Fault),
    /// The machine is too busy to look on.
    #[error(
        "in {TRIES} drives samples were lost on their way to the judge: the machine is too busy; run with \
         fewer jobs beside"
    )]
    Busy,
}

/// The first three bytes of the next robot's address: 127.64 to 127.255, apart from those of `run --sim`, and apart
/// from those of other processes that evaluate at the same time.
fn network() -> [u8; 3] {
    let mine = std::process::id().wrapping_mul(331).wrapping_add(STARTED.fetch_add(1, Relaxed));
    [127, 64 + (mine >> 8) as u8 % 192, mine as u8]
}

impl Task {
    /// Drives one episode to its end.
    ///
    /// # Errors
    /// [`Error`]; what stops the arm is no error but [`Drove::fault`].
    pub fn drive(
        &self,
        policy: &Policy,
        contender: &Contender,
        disturbance: &Disturbance,
    ) -> Result<Drove, Error> {
        for _ in 0..TRIES {
            if let Some(drove) = self.try_drive(policy, contender, disturbance)? {
                return Ok(drove);
            }
        }
        Err(Error::Busy)
    }

    fn try_drive(
        &self,
        policy: &Policy,
        contender: &Contender,
        disturbance: &Disturbance,
    ) -> Result<Option<Drove>, Error> {
        let sim = self.start(disturbance)?;
        let pulse = Arc::new(Pulse::new(Instant::now()));
        let robot = panda::Options {
            silence_timeout_s: 2.0 * PATIENCE_S,
            // What acts on this arm is meant to.
            rest_torque_nm: limits::TAU_MAX,
            ..self.robot.clone()
        };
        // Nothing to ask of the kernel: only lockstep's order matters, and a core may serve two episodes.
        let plain = realtime::Options { priority: 0, core: -2, lock_memory: false };
        let (session, ..) =
            Session::connect(sim.ip(), &robot, &plain, pulse, Purpose::Move).map_err(Error::Connect)?;
        let policy = Box::new(policy.clone());
        let controller = Controller::new(Arc::clone(&self.timed), policy, self.F_T_EE, self.settings.clone());
        let controller = match contender.stand_in() {
            Some(stand_in) => controller.driven_by(stand_in),
            None => controller,
        };
        let (ends, _, operator) = links::link(false, true);
        let mut drive = Drive::new(Arc::clone(&self.timed), Arc::clone(&self.expert));
        let mut ticks = Vec::new();
        let mut ms = 0;
        let mut add = |(sample, _): (Sample, Cycle)| {
            ms += u64::from(sample.lost) + u64::from(!ticks.is_empty());
            drive.add(&sample);
            ticks.push(self.tick(&sample, ms));
        };
        let outcome =
            session.drive(Box::new(controller), ends, |_, _| operator.samples.try_iter().for_each(&mut add));
        operator.samples.try_iter().for_each(&mut add);
        let (fault, lost) = match outcome {
            Ok(outcome) => {
                let why = outcome.stopped_by;
                let stopped = (!why.is_clear())
                    .then(|| format!("our safety layer: {}", why.names().collect::<Vec<_>>().join(", ")));
                let robots = outcome.result.err().map(|fault| fault.to_string());
                (robots.or(stopped), outcome.samples.dropped_by_telemetry > 0)
            }
            Err(fault) => (Some(fault.to_string()), false),
        };
        Ok((!lost).then(|| Drove { ticks, figures: drive.figures(), fault }))
    }

    fn tick(&self, sample: &Sample, ms: u64) -> Tick {
        Tick {
            ms,
            follows: sample.kind == Kind::Driven,
            O_p_EE: sample.O_p_EE,
            x_ref: sample.x_ref.translation.vector,
            X: sample.X.translation.vector,
            arc_m: self.timed.arc_m(sample.tau_s),
            q_c: sample.q_c,
            limited: !sample.verdict.is_clear(),
        }
    }

    /// A robot on an address of its own, at rest.
    fn start(&self, disturbance: &Disturbance) -> Result<Sim, Error> {
        let options = sim::Options {
            pace: Pace::Lockstep,
            lockstep_timeout_s: PATIENCE_S,
            ..disturbance.sim(&self.sim)
        };
        let sim = Sim::start_on(network(), ADDRESSES, &options, || || {})?;
        // Started anew the arm sinks a little; friction then holds it exactly still.
        let begun = Instant::now();
        while begun.elapsed() < SETTLE {
            let status = sim.status();
            if status.time_ms > 50 && status.truth.dq == [0.0; 7] {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(sim)
    }
}
