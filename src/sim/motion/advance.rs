//! A motion's cycle: the command, or what stands for it, judged and followed.
use super::{Motion, Phase, Robot, SETTLE_CYCLES, SETTLED_SPEED};
use crate::robot::Errors;
use crate::robot::limits::LOST_COMMANDS_MAX;
use crate::sim::judge::cartesian::{Commanded, Wish};
use crate::sim::judge::{self, error};
use crate::sim::wire::commands::MoveStatus;
use crate::sim::wire::state::{ControllerMode, MotionGeneratorMode};
use crate::sim::wire::{Response, RobotCommand};

impl Robot {
    /// One cycle of `motion` with the command that filled its slot, if any.
    pub(super) fn advance(&mut self, mut motion: Motion, command: Option<RobotCommand>) {
        if motion.phase == Phase::Starting && command.is_none() {
            return;
        }
        motion.rate.count(command.is_some());
        self.missed += u64::from(command.is_none());
        if let Phase::Finishing { cycles } = motion.phase {
            return self.finish(motion, cycles);
        }
        let errors = match command {
            None => {
                motion.missed_in_a_row += 1;
                let errors = self.follow(&motion, None);
                if motion.missed_in_a_row >= LOST_COMMANDS_MAX {
                    judge::only(error::COMMUNICATION_CONSTRAINTS)
                } else {
                    errors
                }
            }
            Some(command) => {
                motion.missed_in_a_row = 0;
                let first = motion.phase == Phase::Starting;
                motion.phase = Phase::Running;
                let start = if first { self.start_errors(&motion, &command) } else { Errors::default() };
                let mut errors = if start.is_empty() { self.follow(&motion, Some(&command)) } else { start };
                if errors.is_empty() && command.motion_generation_finished {
                    // What follows the last command is standing still, and is judged like a command.
                    errors = self.stand(&motion);
                    motion.phase = Phase::Finishing { cycles: 0 };
                }
                errors
            }
        };
        self.motion = Some(motion);
        if !errors.is_empty() {
            self.reflex(judge::named(errors, motion.generator, self.choices.error_names));
        } else if motion.phase != Phase::Running && motion.controller == ControllerMode::ExternalController {
            self.take_over();
        }
    }

    /// Whether a motion's first command begins where the robot is.
    fn start_errors(&self, motion: &Motion, command: &RobotCommand) -> Errors {
        let elbow = command.valid_elbow.then_some(&command.elbow_c);
        let choices = &self.choices;
        match motion.generator {
            MotionGeneratorMode::JointPosition => {
                judge::start_pose(&self.desired, &command.q_c, choices.start_joint_tolerance_rad)
            }
            MotionGeneratorMode::CartesianPosition => {
                self.commanded.start(Some(&command.O_T_EE_c), elbow, choices)
            }
            MotionGeneratorMode::CartesianVelocity => self.commanded.start(None, elbow, choices),
            MotionGeneratorMode::JointVelocity | MotionGeneratorMode::Idle => Errors::default(),
        }
    }

    /// Goes to where a command leads, or on without one; the limits that breaks. Broken ones leave the desired
    /// point where it was.
    fn follow(&mut self, motion: &Motion, command: Option<&RobotCommand>) -> Errors {
        let cartesian = |wish| {
            let elbow = command.filter(|command| command.valid_elbow).map(|command| &command.elbow_c);
            self.commanded.follow(&self.desired, &self.settings.tool, wish, elbow, &self.choices)
        };
        let (mut commanded, next, mut errors);
        match (motion.generator, command) {
            (MotionGeneratorMode::CartesianPosition, Some(command)) => {
                (commanded, next, errors) = cartesian(Wish::Pose(&command.O_T_EE_c));
            }
            (MotionGeneratorMode::CartesianVelocity, Some(command)) => {
                (commanded, next, errors) = cartesian(Wish::Twist(&command.O_dP_EE_c));
            }
            (MotionGeneratorMode::CartesianPosition | MotionGeneratorMode::CartesianVelocity, None) => {
                (commanded, next, errors) = cartesian(Wish::Nothing);
            }
            (generator, command) => {
                (next, errors) = match (generator, command) {
                    (_, None) => judge::extrapolate(&self.desired),
                    (MotionGeneratorMode::JointVelocity, Some(command)) => {
                        judge::joint_velocity(&self.desired, &command.dq_c)
                    }
                    (_, Some(command)) => judge::joint_position(&self.desired, &command.q_c),
                };
                commanded = self.commanded;
                if errors.is_empty() {
                    commanded = Commanded::at(&next.q, &self.settings.tool);
                }
            }
        }
        if let (ControllerMode::ExternalController, Some(command)) = (motion.controller, command) {
            errors = Errors(errors.0 | judge::torque(&self.tau_J_d, &command.tau_J_d).0);
            if errors.is_empty() {
                self.tau_J_d = command.tau_J_d;
            }
        }
        if errors.is_empty() {
            (self.desired, self.commanded) = (next, commanded);
        }
        errors
    }

    /// What standing still from now on would break.
    fn stand(&self, motion: &Motion) -> Errors {
        match motion.generator {
            MotionGeneratorMode::CartesianPosition | MotionGeneratorMode::CartesianVelocity => {
                let here = Wish::Twist(&[0.0; 6]);
                let elbow = self.commanded.elbow;
                let next = self.commanded.follow(
                    &self.desired,
                    &self.settings.tool,
                    here,
                    Some(&elbow),
                    &self.choices,
                );
                next.2
            }
            _ => judge::joint_position(&self.desired, &self.desired.q).1,
        }
    }

    /// A finished motion ends when the arm has settled; a torque controller's arm is brought to rest first.
    fn finish(&mut self, mut motion: Motion, cycles: u32) {
        let external = motion.controller == ControllerMode::ExternalController;
        let next = if external {
            judge::brake(&self.desired)
        } else {
            judge::joint_position(&self.desired, &self.desired.q).0
        };
        self.desired = next;
        self.commanded = Commanded::at(&next.q, &self.settings.tool);
        motion.phase = Phase::Finishing { cycles: cycles + 1 };
        self.motion = Some(motion);
        let settled = next.at_rest() && self.plant.speed() < SETTLED_SPEED;
        if settled || cycles >= SETTLE_CYCLES {
            if external {
                self.motion = None; // the robot's own controller has it already
                self.reply_later(motion.command_id, Response::Move(MoveStatus::Success), 2);
                self.slot = None;
            } else {
                self.end_motion(MoveStatus::Success, 2);
            }
        }
    }
}
