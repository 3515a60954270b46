//! What the hand does with its fingers: one command at a time, each with one answer.
use super::fingers::{Drive, Fingers, SPEED_MAX_M_S, STROKE_M};
use super::wire::{Grasp, Move, Request, Status};

/// Speed of a homing, m/s.
const HOMING_SPEED_M_S: f64 = SPEED_MAX_M_S;
/// How long a move pushes against an object before it gives up, s. A real hand takes minutes (users' reports).
const STALL_S: f64 = 1.0;
/// Room for a client's rounding of the stroke, m.
const WIDTH_ROOM_M: f64 = 1e-6;

/// The answer to one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reply {
    pub(super) command: u16,
    pub(super) command_id: u32,
    pub(super) status: Status,
}

/// A command on its way.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Task {
    /// Closing, then opening to the outer stop.
    Homing {
        opening: bool,
    },
    Grasp {
        low_m: f64,
        high_m: f64,
    },
    Move {
        width_m: f64,
    },
    Stop,
}

/// The hand: fingers, what they know of themselves, and the command that runs.
#[derive(Debug)]
pub(super) struct Hand {
    pub(super) fingers: Fingers,
    max_width_m: f64,
    running: Option<(Task, Reply)>,
    /// Widths between which what is held counts as held.
    held: Option<(f64, f64)>,
    stalled_s: f64,
    pub(super) replies: Vec<Reply>,
}

impl Hand {
    /// Open; `homed` says whether it knows its stroke yet.
    pub(super) fn new(homed: bool, object_m: Option<f64>) -> Self {
        Self {
            fingers: Fingers::open(object_m),
            max_width_m: if homed { STROKE_M } else { 0.0 },
            running: None,
            held: None,
            stalled_s: 0.0,
            replies: Vec::new(),
        }
    }

    /// The widest it knows to open, m; 0 before the first homing.
    pub(super) fn max_width_m(&self) -> f64 {
        self.max_width_m
    }

    /// Whether a grasp has succeeded and what it holds is still there.
    pub(super) fn is_grasped(&self) -> bool {
        self.held.is_some()
    }

    /// Whether a command runs or the fingers are not at rest.
    pub(super) fn is_moving(&self) -> bool {
        self.running.is_some() || !self.fingers.at_rest()
    }

    /// Begins `request`. What runs is aborted by it, unless it is refused: that changes nothing.
    pub(super) fn request(&mut self, command_id: u32, request: &Request) {
        let mut reply = Reply { command: request.command(), command_id, status: Status::Success };
        let Some((task, drive)) = self.plan(request) else {
            reply.status = Status::Fail;
            return self.replies.push(reply);
        };
        if let Some((before, mut ended)) = self.running.take() {
            // A stop has what it wanted: the motion it was to end is over.
            ended.status = if before == Task::Stop { Status::Success } else { Status::Aborted };
            self.replies.push(ended);
        }
        self.fingers.drive = drive;
        self.held = None;
        self.stalled_s = 0.0;
        self.running = Some((task, reply));
    }

    /// What `request` asks for, or none if the hand cannot do that.
    fn plan(&self, request: &Request) -> Option<(Task, Drive)> {
        let possible = |width: f64, speed: f64| {
            let in_reach = (-WIDTH_ROOM_M..=self.max_width_m + WIDTH_ROOM_M).contains(&width);
            in_reach && speed.is_finite() && speed > 0.0
        };
        match *request {
            Request::Connect(_) => None, // the session keeps these to itself
            Request::Homing => {
                Some((Task::Homing { opening: false }, Drive::Press { speed_m_s: HOMING_SPEED_M_S }))
            }
            Request::Move(Move { width, speed }) => possible(width, speed).then(|| {
                let width_m = width.clamp(0.0, STROKE_M);
                (Task::Move { width_m }, Drive::To { width_m, speed_m_s: speed.min(SPEED_MAX_M_S) })
            }),
            Request::Grasp(Grasp { width, epsilon_inner, epsilon_outer, speed, force }) => {
                let sound = [epsilon_inner, epsilon_outer, force].iter().all(|x| x.is_finite() && *x >= 0.0);
                (sound && possible(width, speed)).then(|| {
                    let task = Task::Grasp { low_m: width - epsilon_inner, high_m: width + epsilon_outer };
                    (task, Drive::Press { speed_m_s: speed.min(SPEED_MAX_M_S) })
                })
            }
            Request::Stop => Some((Task::Stop, Drive::Hold)),
        }
    }

    /// The client has gone: nobody waits for an answer, and what moves stops. What is held stays held.
    pub(super) fn abandon(&mut self) {
        self.replies.clear();
        if self.running.take().is_some() {
            self.fingers.drive = Drive::Hold;
        }
    }

    /// Lets time pass.
    pub(super) fn advance(&mut self, seconds: f64) {
        self.fingers.advance(seconds);
        let width = self.fingers.width_m();
        if self.held.is_some_and(|(low, high)| !(low..=high).contains(&width)) {
            self.held = None; // taken away, or changed for another; the fingers press on
        }
        let Some((task, mut reply)) = self.running else { return };
        if let Some(status) = self.judge(task, seconds) {
            reply.status = status;
            self.running = None;
            self.replies.push(reply);
        }
    }

    /// How `task` has ended, if it has.
    fn judge(&mut self, task: Task, seconds: f64) -> Option<Status> {
        if !self.fingers.at_rest() {
            return None;
        }
        let (width, contact) = (self.fingers.width_m(), self.fingers.in_contact());
        match task {
            Task::Stop => Some(Status::Success),
            Task::Homing { opening: false } => {
                if contact {
                    self.fingers.drive = Drive::To { width_m: STROKE_M, speed_m_s: HOMING_SPEED_M_S };
                    self.running = self.running.map(|(_, reply)| (Task::Homing { opening: true }, reply));
                }
                None
            }
            Task::Homing { opening: true } => (width == STROKE_M).then(|| {
                self.max_width_m = STROKE_M;
                Status::Success
            }),
            Task::Move { width_m } if width == width_m => Some(Status::Success),
            Task::Move { .. } => {
                self.stalled_s += seconds;
                (contact && self.stalled_s >= STALL_S).then(|| {
                    self.fingers.drive = Drive::Hold;
                    Status::Unsuccessful
                })
            }
            Task::Grasp { low_m, high_m } if contact => {
                if (low_m..=high_m).contains(&width) {
                    self.held = Some((low_m, high_m));
                    return Some(Status::Success);
                }
                self.fingers.drive = Drive::Hold;
                Some(Status::Unsuccessful)
            }
            Task::Grasp { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
