//! What the robot does with a request over TCP.
use super::Robot;
use crate::sim::MoveInMotion;
use crate::sim::judge::cartesian::singular;
use crate::sim::model_library;
use crate::sim::settings::IDENTITY;
use crate::sim::wire::commands::{Move, MoveStatus, RecoveryStatus, SetterStatus, StopMoveStatus};
use crate::sim::wire::state::{ControllerMode, MotionGeneratorMode, RobotMode};
use crate::sim::wire::{Request, Response};

impl Robot {
    /// Takes a request; its answer, where there is one already, is added to `replies`.
    pub(in crate::sim) fn request(&mut self, command_id: u32, request: &Request) {
        match request {
            Request::Connect(_) => {} // the session answers it
            Request::Move(request) => self.start(command_id, request),
            Request::StopMove => self.stop(command_id),
            Request::AutomaticErrorRecovery => self.recover(Some(command_id)),
            Request::GetCartesianLimit(_) => self.reply(
                command_id,
                Response::CartesianLimit {
                    status: SetterStatus::Success,
                    object_world_size: [0.0; 3],
                    object_frame: IDENTITY,
                    active: false,
                },
            ),
            Request::LoadModelLibrary(request) => self.reply(command_id, model_library::answer(request)),
            setter => {
                let mut settings = self.settings.clone();
                if let Some((command, mut status)) = settings.apply(setter) {
                    let moving = self.motion.is_some() || self.waiting_move.is_some();
                    if moving && !self.choices.setters_in_motion {
                        status = SetterStatus::CommandNotPossibleRejected;
                    } else {
                        self.settings = settings;
                    }
                    self.reply(command_id, Response::Setter { command, status });
                }
            }
        }
    }

    fn start(&mut self, command_id: u32, request: &Move) {
        let deviations = request.maximum_path_deviation.iter().chain(&request.maximum_goal_deviation);
        let valid = request.controller_mode <= 2
            && request.motion_generator_mode <= 3
            && deviations.into_iter().all(|deviation| *deviation >= 0.0 && deviation.is_finite());
        let generator = match request.motion_generator_mode {
            0 => MotionGeneratorMode::JointPosition,
            1 => MotionGeneratorMode::JointVelocity,
            2 => MotionGeneratorMode::CartesianPosition,
            _ => MotionGeneratorMode::CartesianVelocity,
        };
        let controller = match request.controller_mode {
            0 => ControllerMode::JointImpedance,
            1 => ControllerMode::CartesianImpedance,
            _ => ControllerMode::ExternalController,
        };
        let preempts = self.choices.move_in_motion == MoveInMotion::Preempt;
        let idle = match self.mode() {
            RobotMode::Idle => self.waiting_move.is_none(),
            RobotMode::Move => preempts,
            _ => false,
        };
        let refused = if !valid {
            Some(MoveStatus::InvalidArgumentRejected)
        } else if !idle {
            Some(MoveStatus::CommandNotPossibleRejected)
        } else if request.motion_generator_mode >= 2 && singular(&self.desired.q, &self.settings.tool) {
            Some(MoveStatus::StartAtSingularPoseRejected)
        } else {
            None
        };
        match refused {
            Some(status) => self.reply(command_id, Response::Move(status)),
            None => {
                self.end_motion(MoveStatus::Preempted, 2);
                self.waiting_move = Some((command_id, generator, controller));
            }
        }
    }

    /// Success whatever runs: a client sends this after every failure and must not be refused.
    fn stop(&mut self, command_id: u32) {
        self.reply(command_id, Response::StopMove(StopMoveStatus::Success));
        self.end_motion(MoveStatus::Preempted, 5);
    }

    /// Recovers from a reflex; asked for by a client, who gets an answer, or by the operator.
    pub(in crate::sim) fn recover(&mut self, command_id: Option<u32>) {
        let refused = if self.user_stop {
            Some(RecoveryStatus::EmergencyAborted)
        } else if self.motion.is_some() || self.recovery.is_some() {
            Some(RecoveryStatus::CommandNotPossibleRejected)
        } else if self.needs_a_hand() {
            Some(RecoveryStatus::ManualErrorRecoveryRequiredRejected)
        } else if self.errors.is_empty() {
            Some(RecoveryStatus::Success)
        } else {
            None
        };
        match (refused, command_id) {
            (Some(status), Some(command_id)) => self.reply(command_id, Response::Recovery(status)),
            (Some(_), None) => {}
            (None, _) => self.recovery = Some((command_id, self.message_id + self.recovery_ms)),
        }
    }
}
