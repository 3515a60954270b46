//! What is true of the arm, told to tests beside the protocol: the robot's own state shows its nominal view alone.
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;
use serde_json::json;

use super::lines::{Lines, Sink};
use super::plant::Truth;

/// Version of a line.
const SCHEMA: u32 = 1;

/// Where the truth goes, a line of JSON every cycle, client or not:
/// `{"message_id":…,"sent_us":…,"q":[7],"dq":[7],"O_T_EE":[16],"O_F_ext":[3],"tau_ext":[7]}`, the quantities of
/// [`Truth`] at the time of the state of this `message_id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TruthSink {
    /// A file: a header line, the lines, and a last one that counts what a full queue has cost.
    File(PathBuf),
    /// Datagrams of a line each, from the robot's address to a loopback address; nobody need listen.
    Datagrams(SocketAddr),
}

impl std::str::FromStr for TruthSink {
    type Err = std::convert::Infallible;

    /// `ADDRESS:PORT` is that, everything else a file.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.parse() {
            Ok(address) => Self::Datagrams(address),
            Err(_) => Self::File(Path::new(text).to_owned()),
        })
    }
}

impl std::fmt::Display for TruthSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Datagrams(address) => address.fmt(f),
        }
    }
}

#[derive(Serialize)]
struct Line {
    message_id: u64,
    sent_us: u64,
    #[serde(flatten)]
    truth: Truth,
}

/// The simulator's end of the channel.
pub(super) struct TruthLog {
    lines: Lines<Line>,
    start: Instant,
}

impl TruthLog {
    /// Opens the channel of the robot at `from`; `start` is zero of its times.
    ///
    /// # Errors
    /// The file cannot be created, or the system gives no socket.
    pub(super) fn open(
        sink: &TruthSink,
        from: IpAddr,
        lossless: bool,
        start: Instant,
    ) -> std::io::Result<Self> {
        let header = json!({
            "schema": SCHEMA,
            "kind": "franka-imit truth",
            "time": "us of the monotonic clock since the simulator's start",
            "units": "rad, rad/s, m (column-major), N in the base frame, Nm; forces as they act on the arm",
        });
        let sink = match sink {
            TruthSink::File(path) => Sink::file(path, &header)?,
            TruthSink::Datagrams(address) => Sink::datagrams(from, *address)?,
        };
        Ok(Self { lines: Lines::new("truth", sink, lossless)?, start })
    }

    /// What is true at the time of state `message_id`.
    pub(super) fn say(&mut self, message_id: u64, truth: Truth) {
        let sent_us = self.start.elapsed().as_micros() as u64;
        self.lines.push(Line { message_id, sent_us, truth });
    }
}
