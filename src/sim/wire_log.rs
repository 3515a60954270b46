//! Everything that goes over the wire of a session in a file: JSON lines, one a message, in the order of the wire.
//!
//! | line | what |
//! |---|---|
//! | `{"schema":2,"kind":"franka-imit wire log","time":…}` | the first |
//! | `{"sent_us":…,"state":{…}}` | a state: all 46 fields, by their names on the wire |
//! | `{"received_us":…,"receipt":"Accepted","command":{…}}` | a command: all fields, and what became of it |
//! | `{"received_us":…,"command_id":…,"request":{"Move":{…}}}` | a request over TCP, with its payload |
//! | `{"answered_us":…,"command_id":…,"response":{"Move":"MotionStarted"}}` | the robot's answer |
//! | `{"dropped":0}` | the last: how many lines a full queue has cost (none in lockstep, which waits) |
//!
//! Times are microseconds of the monotonic clock since the simulator's start. A command's is when the simulator
//! took it from its socket: in lockstep when it came, in real time at the end of its slot. An answer's is when it
//! was given; it leaves some milliseconds later when another has just left. Modes and errors are names; SI units,
//! poses column-major; a number that is none reads `null`.
//!
//! A command's receipt: `Accepted` (it filled its slot), `Duplicate`, `Late`, `Future` (it answers a state never
//! sent), `Unasked` (no motion runs), `Dropped` (lost on order).
use std::path::Path;
use std::time::Instant;

use serde::Serialize;
use serde_json::json;

use super::lines::{Lines, Sink};
use super::motion::Receipt;
use super::wire::{Request, Response, RobotCommand, RobotState};

/// Version of the layout above.
const SCHEMA: u32 = 2;

#[derive(Serialize)]
#[serde(untagged)]
enum Line {
    State { sent_us: u64, state: Box<RobotState> },
    Command { received_us: u64, receipt: &'static str, command: Box<RobotCommand> },
    Request { received_us: u64, command_id: u32, request: Request },
    Response { answered_us: u64, command_id: u32, response: Response },
}

/// The simulator's end of the log. Dropping it writes what is left and closes the file.
pub(super) struct WireLog {
    lines: Lines<Line>,
    start: Instant,
}

impl WireLog {
    /// Creates the file and its writer; `start` is zero of its times.
    ///
    /// # Errors
    /// The file cannot be created or its header not be written.
    pub(super) fn create(path: &Path, lossless: bool, start: Instant) -> std::io::Result<Self> {
        let header = json!({
            "schema": SCHEMA,
            "kind": "franka-imit wire log",
            "time": "us of the monotonic clock since the simulator's start",
            "units": "SI, as in research_interface/robot of libfranka-common; poses column-major",
        });
        let lines = Lines::new("wire log", Sink::file(path, &header)?, lossless)?;
        Ok(Self { lines, start })
    }

    /// A state that has been sent.
    pub(super) fn state(&mut self, state: &RobotState) {
        self.lines.push(Line::State { sent_us: self.now_us(), state: Box::new(*state) });
    }

    /// A command that came; without a receipt it was lost on order.
    pub(super) fn command(&mut self, command: &RobotCommand, receipt: Option<Receipt>) {
        let receipt = match receipt {
            Some(Receipt::Accepted) => "Accepted",
            Some(Receipt::Duplicate) => "Duplicate",
            Some(Receipt::Late) => "Late",
            Some(Receipt::Future) => "Future",
            Some(Receipt::Unasked) => "Unasked",
            None => "Dropped",
        };
        let command = Box::new(*command);
        self.lines.push(Line::Command { received_us: self.now_us(), receipt, command });
    }

    /// A request that came over TCP.
    pub(super) fn request(&mut self, command_id: u32, request: &Request) {
        self.lines.push(Line::Request { received_us: self.now_us(), command_id, request: request.clone() });
    }

    /// The robot's answer to one.
    pub(super) fn response(&mut self, command_id: u32, response: Response) {
        self.lines.push(Line::Response { answered_us: self.now_us(), command_id, response });
    }

    fn now_us(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }
}
