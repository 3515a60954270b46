//! The robot's own logic: what it does with requests and commands, one cycle after the other. No socket, no clock.
mod advance;
mod requests;
#[cfg(test)]
mod tests;
mod watch;

use super::judge::cartesian::Commanded;
use super::judge::self_collision::SelfCollision;
use super::judge::{self, Desired, SuccessRate, error};
use super::plant::{Control, Plant};
use super::settings::Settings;
use super::wire::commands::{MoveStatus, RecoveryStatus};
use super::wire::state::{ControllerMode, MotionGeneratorMode, RobotMode};
use super::wire::{Response, RobotCommand};
use super::{Choices, Options};
use crate::robot::limits::{CYCLE_S, DDQ_MAX, DQ_MAX, Q_MAX, Q_MIN};
use crate::robot::{Errors, JOINTS, Joints};

/// A motion that has been finished ends below this measured speed, rad/s (undocumented: our choice) …
const SETTLED_SPEED: f64 = 0.01;
/// … or after this many cycles.
const SETTLE_CYCLES: u32 = 500;

/// An answer on its way to the client; `after_ms` keeps it behind the state that shows its cause.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reply {
    pub(super) command_id: u32,
    pub(super) response: Response,
    pub(super) after_ms: u64,
}

/// What became of a command datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Receipt {
    /// It fills the slot of the last state.
    Accepted,
    /// The slot was filled already.
    Duplicate,
    /// It answers an older state, or one from before the motion.
    Late,
    /// It answers a state that was never sent.
    Future,
    /// No motion runs.
    Unasked,
}

/// Where a motion stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Started; the client has not answered yet. Losses do not count.
    Starting,
    /// Commands are followed.
    Running,
    /// The client has finished; the arm settles.
    Finishing { cycles: u32 },
}

#[derive(Clone, Copy, Debug)]
struct Motion {
    command_id: u32,
    generator: MotionGeneratorMode,
    controller: ControllerMode,
    phase: Phase,
    /// First state that shows this motion: a command that answers an older one belongs to the motion before.
    first_id: u64,
    missed_in_a_row: u32,
    rate: SuccessRate,
}

/// A Panda without its sockets.
#[derive(Debug)]
pub(super) struct Robot {
    pub(super) settings: Settings,
    pub(super) plant: Plant,
    pub(super) desired: Desired,
    /// Hand and elbow as they were last told to be.
    pub(super) commanded: Commanded,
    /// Torque the controller asks for, Nm, without gravity: the client's own in torque control.
    pub(super) tau_J_d: Joints,
    pub(super) errors: Errors,
    pub(super) reflex_reason: Errors,
    /// Id of the state that stands for now: robot time in ms.
    pub(super) message_id: u64,
    /// Answers not yet sent, in order.
    pub(super) replies: Vec<Reply>,
    /// Motions started so far.
    pub(super) motions: u64,
    /// Slots of running motions without a command.
    pub(super) missed: u64,
    choices: Choices,
    /// Where the arm may touch itself; `None` where nobody looks.
    self_collision: Option<SelfCollision>,
    motion: Option<Motion>,
    waiting_move: Option<(u32, MotionGeneratorMode, ControllerMode)>,
    /// Who waits for it, if still there, and until when it takes.
    recovery: Option<(Option<u32>, u64)>,
    recovery_ms: u64,
    user_stop: bool,
    guiding: bool,
    /// Cycles a motion has been waited with because the arm is not quite still.
    unsettled: u32,
    slot: Option<RobotCommand>,
}

impl Robot {
    /// At rest at the start of `options`.
    pub(super) fn new(options: &Options) -> Self {
        let settings = Settings::with_tool(&options.end_effector());
        let has_hand = options.hand && options.tool.is_none();
        Self {
            commanded: Commanded::at(&options.q_start_rad, &settings.tool),
            settings,
            plant: Plant::new(options),
            desired: Desired::at(options.q_start_rad),
            tau_J_d: [0.0; JOINTS],
            errors: Errors::default(),
            reflex_reason: Errors::default(),
            message_id: 1,
            replies: Vec::new(),
            motions: 0,
            missed: 0,
            choices: options.choices,
            self_collision: options.choices.self_collision.then(|| SelfCollision::new(has_hand)),
            motion: None,
            waiting_move: None,
            recovery: None,
            recovery_ms: (options.recovery_delay_s / CYCLE_S).round() as u64,
            user_stop: false,
            guiding: false,
            unsettled: 0,
            slot: None,
        }
    }

    pub(super) fn mode(&self) -> RobotMode {
        if self.is_guided() {
            RobotMode::Guiding
        } else if self.user_stop {
            RobotMode::UserStopped
        } else if self.recovery.is_some() {
            RobotMode::AutomaticErrorRecovery
        } else if !self.errors.is_empty() {
            RobotMode::Reflex
        } else if self.motion.is_some() {
            RobotMode::Move
        } else {
            RobotMode::Idle
        }
    }

    /// Whether a hand at the wrist buttons moves the arm: in a motion or a recovery they do nothing.
    fn is_guided(&self) -> bool {
        self.guiding && self.motion.is_none() && self.recovery.is_none()
    }

    pub(super) fn generator_mode(&self) -> MotionGeneratorMode {
        self.motion.map_or(MotionGeneratorMode::Idle, |motion| motion.generator)
    }

    pub(super) fn controller_mode(&self) -> ControllerMode {
        self.motion.map_or(ControllerMode::Other, |motion| motion.controller)
    }

    pub(super) fn success_rate(&self) -> f64 {
        self.motion.map_or(0.0, |motion| motion.rate.rate())
    }

    /// Whether the client has to answer the current state: not before the second state of a motion, which is
    /// the first one a client's callback can see.
    pub(super) fn awaits_command(&self) -> bool {
        self.motion.is_some_and(|motion| self.message_id > motion.first_id)
    }

    /// Whether a motion has begun that the client has not answered yet.
    pub(super) fn starting(&self) -> bool {
        self.motion.is_some_and(|motion| motion.phase == Phase::Starting)
    }

    /// The number of the motion that has begun: its first command has come.
    pub(super) fn begun(&self) -> Option<u64> {
        self.motion
            .filter(|motion| motion.phase != Phase::Starting || self.slot.is_some())
            .map(|_| self.motions)
    }

    /// Whether the slot of the current state is filled.
    pub(super) fn has_command(&self) -> bool {
        self.slot.is_some()
    }

    fn reply(&mut self, command_id: u32, response: Response) {
        self.replies.push(Reply { command_id, response, after_ms: 0 });
    }

    fn reply_later(&mut self, command_id: u32, response: Response, after_ms: u64) {
        self.replies.push(Reply { command_id, response, after_ms });
    }

    /// Begins the motion that was asked for, once the arm is still and `reply_possible`: its first answer has to
    /// leave before a state shows it.
    pub(super) fn begin_waiting(&mut self, reply_possible: bool) {
        if self.waiting_move.is_none() {
            self.unsettled = 0;
            return;
        }
        // Exactly still, so that a motion repeats; where nothing brings the arm to rest, nearly still has to do.
        let creeping = self.plant.speed() < SETTLED_SPEED && self.unsettled >= SETTLE_CYCLES;
        if !self.desired.at_rest() || !(self.plant.at_rest() || creeping) || !reply_possible {
            self.unsettled += 1;
            return;
        }
        if let Some((command_id, generator, controller)) = self.waiting_move.take() {
            self.reply(command_id, Response::Move(MoveStatus::MotionStarted));
            self.reflex_reason = Errors::default();
            self.desired.ddq = [0.0; JOINTS];
            self.commanded = Commanded::at(&self.desired.q, &self.settings.tool);
            if controller == ControllerMode::ExternalController {
                self.tau_J_d = [0.0; JOINTS]; // what the client's first torque is compared with
            }
            self.slot = None;
            self.motions += 1;
            self.motion = Some(Motion {
                command_id,
                generator,
                controller,
                phase: Phase::Starting,
                first_id: self.message_id + 1,
                missed_in_a_row: 0,
                rate: SuccessRate::default(),
            });
        }
    }

    /// The motion, running or only asked for, ends with `status`; the arm brakes.
    fn end_motion(&mut self, status: MoveStatus, after_ms: u64) {
        let waiting = self.waiting_move.take().map(|(command_id, ..)| command_id);
        if let Some(Motion { command_id, phase, controller, .. }) = self.motion.take() {
            if phase != Phase::Starting && controller != ControllerMode::JointImpedance {
                self.take_over();
            }
            self.reply_later(command_id, Response::Move(status), after_ms);
        }
        if let Some(command_id) = waiting {
            self.reply_later(command_id, Response::Move(MoveStatus::CommandNotPossibleRejected), after_ms);
        }
        self.slot = None;
    }

    /// The robot's joint controller goes on from where the arm is, and as it moves; towards the end of a joint's range
    /// no faster than it can brake before it.
    fn take_over(&mut self) {
        let measured = self.plant.measured();
        let q: Joints = std::array::from_fn(|i| measured.q[i].clamp(Q_MIN[i], Q_MAX[i]));
        let dq = std::array::from_fn(|i| {
            let fastest = |way: f64| (2.0 * DDQ_MAX[i] * way).sqrt().min(DQ_MAX[i]);
            measured.dq[i].clamp(-fastest(q[i] - Q_MIN[i]), fastest(Q_MAX[i] - q[i]))
        });
        self.desired = Desired { q, dq, ddq: [0.0; JOINTS] };
    }

    fn end_recovery(&mut self, status: RecoveryStatus) {
        if let Some((Some(command_id), _)) = self.recovery.take() {
            self.reply(command_id, Response::Recovery(status));
        }
    }

    /// Stops the arm because of `errors`; they stay until recovery.
    pub(super) fn reflex(&mut self, errors: Errors) {
        self.errors = Errors(self.errors.0 | errors.0);
        self.reflex_reason = errors;
        self.end_motion(MoveStatus::ReflexAborted, 2);
        self.end_recovery(RecoveryStatus::ReflexAborted);
    }

    /// Presses or releases the user stop.
    pub(super) fn press_user_stop(&mut self, pressed: bool) {
        self.user_stop = pressed;
        if pressed {
            self.end_motion(MoveStatus::EmergencyAborted, 2);
            self.end_recovery(RecoveryStatus::EmergencyAborted);
        }
    }

    /// Presses or lets go of the two buttons at the wrist.
    pub(super) fn press_guiding(&mut self, pressed: bool) {
        if self.is_guided() && !pressed {
            self.take_over();
        }
        self.guiding = pressed;
        if self.is_guided() {
            self.end_motion(MoveStatus::CommandNotPossibleRejected, 2);
        }
    }

    /// The client has gone; a motion it leaves behind is a loss of communication.
    pub(super) fn disconnected(&mut self) {
        if self.motion.is_some() {
            self.reflex(judge::only(error::COMMUNICATION_CONSTRAINTS));
        }
        self.waiting_move = None;
        if let Some((command_id, _)) = &mut self.recovery {
            *command_id = None; // it goes on, but the next client must not get its answer
        }
        self.replies.clear();
    }

    /// Takes a command datagram for the slot of the current state.
    pub(super) fn command(&mut self, command: &RobotCommand) -> Receipt {
        match self.motion {
            None => Receipt::Unasked,
            Some(_) if command.message_id > self.message_id => Receipt::Future,
            Some(motion) if command.message_id < self.message_id.max(motion.first_id) => Receipt::Late,
            Some(_) if self.slot.is_some() => Receipt::Duplicate,
            Some(_) => {
                self.slot = Some(*command);
                Receipt::Accepted
            }
        }
    }

    /// Ends the current slot: follows its command or does without, moves the arm by one cycle, names the next state.
    pub(super) fn tick(&mut self) {
        let command = self.slot.take();
        match self.motion {
            Some(motion) => self.advance(motion, command),
            None if self.is_guided() => {
                self.take_over();
                (self.desired.dq, self.desired.ddq) = ([0.0; JOINTS], [0.0; JOINTS]);
            }
            None => self.desired = judge::brake(&self.desired),
        }
        if self.motion.is_none() {
            self.commanded = Commanded::at(&self.desired.q, &self.settings.tool);
        }
        if self.starting() {
            self.plant.begin_motion(self.motions);
        }
        let control = self.control();
        self.plant.step(control, &self.desired, &self.settings);
        if self.controller_mode() != ControllerMode::ExternalController {
            self.tau_J_d = self.plant.tau;
        }
        self.message_id += 1;
        let broken = self.measured_limits();
        if !broken.is_empty() && self.errors.is_empty() && !self.is_guided() {
            self.reflex(broken);
        }
        if self.recovery.is_some_and(|(_, until)| self.message_id >= until) && self.desired.at_rest() {
            self.errors = Errors::default();
            self.plant.clear_collisions();
            self.end_recovery(RecoveryStatus::Success);
        }
    }

    /// Who moves the arm in this cycle: the motion's controller once the client has answered, else the robot's own.
    fn control(&self) -> Control {
        match self.motion {
            Some(Motion { phase: Phase::Starting, .. }) => Control::JointImpedance,
            Some(Motion {
                controller: ControllerMode::ExternalController, phase: Phase::Running, ..
            }) => Control::Torque(self.tau_J_d),
            Some(Motion { controller: ControllerMode::CartesianImpedance, .. }) => {
                Control::CartesianImpedance
            }
            None if self.is_guided() => Control::Guiding,
            _ => Control::JointImpedance,
        }
    }
}
