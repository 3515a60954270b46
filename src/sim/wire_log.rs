//! Every state and command of a session in a file: JSON lines, written by a thread of its own.
//!
//! The first line is the header: `{"schema":1,"kind":"franka-imit wire log",...}` with the units. Then, in the
//! order of the wire, either
//! `{"t_ms":…,"q":[7],"dq":[7],"q_d":[7],"dq_d":[7],"ddq_d":[7],"O_T_EE":[16],"mode":"Move","errors":[names],"success_rate":…}`
//! or `{"message_id":…,"q_c":[7],"dq_c":[7],"finished":false,"accepted":true}`. The last line counts what a full
//! queue has cost: `{"dropped":0}`.
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use serde_json::json;

use super::wire::{RobotCommand, RobotState};

/// Lines that may wait for the disk: four seconds at 1 kHz, both ways.
const QUEUE: usize = 8192;

enum Line {
    State(Box<RobotState>),
    Command { command: Box<RobotCommand>, accepted: bool },
    Dropped(u64),
}

/// The simulator's end of the log. Dropping it writes what is left and closes the file.
pub(super) struct WireLog {
    lines: Option<SyncSender<Line>>,
    writer: Option<JoinHandle<()>>,
    /// Wait for the disk rather than lose a line: right in lockstep, where time waits too.
    lossless: bool,
    dropped: u64,
}

impl WireLog {
    /// Creates the file and its writer.
    ///
    /// # Errors
    /// The file cannot be created or its header not be written.
    pub(super) fn create(path: &Path, lossless: bool) -> std::io::Result<Self> {
        let mut file = BufWriter::new(File::create(path)?);
        let header = json!({
            "schema": 1,
            "kind": "franka-imit wire log",
            "units": {"t_ms": "ms", "q": "rad", "dq": "rad/s", "ddq_d": "rad/s2", "O_T_EE": "m, column-major"},
        });
        writeln!(file, "{header}")?;
        let (lines, queue) = sync_channel(QUEUE);
        let path = path.to_owned();
        let writer = std::thread::Builder::new().name("wire-log".to_owned()).spawn(move || {
            if let Err(error) = write(&mut file, &queue) {
                log::error!("{}: {error}; the wire log ends here", path.display());
            }
        })?;
        Ok(Self { lines: Some(lines), writer: Some(writer), lossless, dropped: 0 })
    }

    pub(super) fn state(&mut self, state: &RobotState) {
        self.push(Line::State(Box::new(*state)));
    }

    pub(super) fn command(&mut self, command: &RobotCommand, accepted: bool) {
        self.push(Line::Command { command: Box::new(*command), accepted });
    }

    fn push(&mut self, line: Line) {
        let Some(lines) = &self.lines else { return };
        let lost = if self.lossless { lines.send(line).is_err() } else { lines.try_send(line).is_err() };
        self.dropped += u64::from(lost);
    }
}

impl Drop for WireLog {
    fn drop(&mut self) {
        if let Some(lines) = self.lines.take() {
            let _ = lines.send(Line::Dropped(self.dropped)); // fails only when the writer has ended
        }
        if let Some(writer) = self.writer.take() {
            let _ = writer.join(); // a panic of the writer has been printed; there is nothing left to save
        }
    }
}

fn write(file: &mut BufWriter<File>, queue: &Receiver<Line>) -> std::io::Result<()> {
    for line in queue {
        let line = match line {
            Line::State(state) => json!({
                "t_ms": state.message_id,
                "q": state.q,
                "dq": state.dq,
                "q_d": state.q_d,
                "dq_d": state.dq_d,
                "ddq_d": state.ddq_d,
                "O_T_EE": state.O_T_EE,
                "mode": format!("{:?}", state.robot_mode),
                "errors": state.errors.names().collect::<Vec<_>>(),
                "success_rate": state.control_command_success_rate,
            }),
            // JSON has no NaN: serde_json writes null for a number that is none.
            Line::Command { command, accepted } => json!({
                "message_id": command.message_id,
                "q_c": command.q_c,
                "dq_c": command.dq_c,
                "finished": command.motion_generation_finished,
                "accepted": accepted,
            }),
            Line::Dropped(count) => json!({ "dropped": count }),
        };
        writeln!(file, "{line}")?;
    }
    file.flush()
}
