//! The robot's own logic: what it does with requests and commands, one cycle after the other. No socket, no clock.
mod requests;
#[cfg(test)]
mod tests;

use super::Options;
use super::judge::{self, Desired, SuccessRate, error};
use super::plant::{Control, Plant};
use super::settings::Settings;
use super::wire::commands::{MoveStatus, RecoveryStatus};
use super::wire::state::{ControllerMode, MotionGeneratorMode, RobotMode};
use super::wire::{Response, RobotCommand};
use crate::robot::limits::{CYCLE_S, LOST_COMMANDS_MAX, Q_MAX, Q_MIN};
use crate::robot::{Errors, JOINTS, Joints};

/// How far a measured joint may leave its range before the robot stops, rad (undocumented: our choice). A
/// controller that holds a joint at its limit overshoots by less.
const MEASURED_MARGIN: f64 = 0.01;
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
    motion: Option<Motion>,
    waiting_move: Option<(u32, MotionGeneratorMode, ControllerMode)>,
    /// Who waits for it, if still there, and until when it takes.
    recovery: Option<(Option<u32>, u64)>,
    recovery_ms: u64,
    user_stop: bool,
    slot: Option<RobotCommand>,
}

impl Robot {
    /// At rest at the start of `options`.
    pub(super) fn new(options: &Options) -> Self {
        Self {
            settings: if options.hand { Settings::default() } else { Settings::without_hand() },
            plant: Plant::new(options),
            desired: Desired::at(options.q_start_rad),
            tau_J_d: [0.0; JOINTS],
            errors: Errors::default(),
            reflex_reason: Errors::default(),
            message_id: 1,
            replies: Vec::new(),
            motions: 0,
            missed: 0,
            motion: None,
            waiting_move: None,
            recovery: None,
            recovery_ms: (options.recovery_delay_s / CYCLE_S).round() as u64,
            user_stop: false,
            slot: None,
        }
    }

    pub(super) fn mode(&self) -> RobotMode {
        if self.user_stop {
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
        let still = self.desired.at_rest() && self.plant.at_rest();
        if self.waiting_move.is_none() || !still || !reply_possible {
            return;
        }
        if let Some((command_id, generator, controller)) = self.waiting_move.take() {
            self.reply(command_id, Response::Move(MoveStatus::MotionStarted));
            self.reflex_reason = Errors::default();
            self.desired.ddq = [0.0; JOINTS];
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
        let running = self.motion.take().map(|motion| motion.command_id);
        if let Some(command_id) = running {
            self.reply_later(command_id, Response::Move(status), after_ms);
        }
        if let Some(command_id) = waiting {
            self.reply_later(command_id, Response::Move(MoveStatus::CommandNotPossibleRejected), after_ms);
        }
        self.slot = None;
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
            None => self.desired = judge::brake(&self.desired),
        }
        if self.starting() {
            self.plant.begin_motion(self.motions);
        }
        self.plant.step(Control::JointImpedance, &self.desired, &self.settings);
        self.tau_J_d = self.plant.tau;
        self.message_id += 1;
        let contact = self.plant.reflex();
        if !contact.is_empty() && self.errors.is_empty() {
            self.reflex(contact);
        }
        let outside = (0..JOINTS)
            .any(|i| !(Q_MIN[i] - MEASURED_MARGIN..=Q_MAX[i] + MEASURED_MARGIN).contains(&self.plant.q[i]));
        if outside && self.errors.is_empty() {
            self.reflex(judge::only(error::JOINT_POSITION_LIMITS));
        }
        if self.recovery.is_some_and(|(_, until)| self.message_id >= until) && self.desired.at_rest() {
            self.errors = Errors::default();
            self.plant.clear_collisions();
            self.end_recovery(RecoveryStatus::Success);
        }
    }

    fn advance(&mut self, mut motion: Motion, command: Option<RobotCommand>) {
        if motion.phase == Phase::Starting && command.is_none() {
            return;
        }
        motion.rate.count(command.is_some());
        self.missed += u64::from(command.is_none());
        let (next, mut errors);
        match (motion.phase, command) {
            (Phase::Finishing { cycles }, _) => {
                errors = Errors::default();
                next = judge::joint_position(&self.desired, &self.desired.q).0;
                let settled = next.at_rest() && self.plant.speed() < SETTLED_SPEED;
                if settled || cycles >= SETTLE_CYCLES {
                    self.desired = next;
                    self.end_motion(MoveStatus::Success, 2);
                    return;
                }
                motion.phase = Phase::Finishing { cycles: cycles + 1 };
            }
            (_, None) => {
                motion.missed_in_a_row += 1;
                (next, errors) = judge::extrapolate(&self.desired);
                if motion.missed_in_a_row >= LOST_COMMANDS_MAX {
                    errors = judge::only(error::COMMUNICATION_CONSTRAINTS);
                }
            }
            (phase, Some(command)) => {
                motion.missed_in_a_row = 0;
                motion.phase = Phase::Running;
                (next, errors) = match motion.generator {
                    MotionGeneratorMode::JointVelocity => judge::joint_velocity(&self.desired, &command.dq_c),
                    _ => judge::joint_position(&self.desired, &command.q_c),
                };
                if phase == Phase::Starting && motion.generator == MotionGeneratorMode::JointPosition {
                    let start = judge::start_pose(&self.desired, &command.q_c);
                    errors = if start.is_empty() { errors } else { start };
                }
                if errors.is_empty() && command.motion_generation_finished {
                    // What follows the last command is standing still, and is judged like a command.
                    errors = judge::joint_position(&next, &next.q).1;
                    motion.phase = Phase::Finishing { cycles: 0 };
                }
            }
        }
        if errors.is_empty() {
            self.desired = next;
            self.motion = Some(motion);
        } else {
            self.reflex(errors);
        }
    }
}
