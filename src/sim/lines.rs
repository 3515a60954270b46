//! Lines of JSON to a file, or datagrams of one line each, written by a thread of its own.
//!
//! The simulator's thread only hands over what is to be written: a slow disk costs lines, which are counted, and
//! never time. In lockstep, where time waits anyway, it waits for the disk instead.
use std::fs::File;
use std::io::{BufWriter, Write};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use serde::Serialize;
use serde_json::json;

/// Lines that may wait for the disk: four seconds at 1 kHz, both ways.
const QUEUE: usize = 8192;

/// Where lines go.
pub(super) enum Sink {
    /// A file; its last line counts what a full queue has cost: `{"dropped":0}`.
    File(BufWriter<File>),
    /// Datagrams: each is a whole line and stands for itself, so there is no header and no end.
    Datagrams(UdpSocket),
}

impl Sink {
    /// A new file that begins with `header`.
    ///
    /// # Errors
    /// The file cannot be created or written.
    pub(super) fn file(path: &Path, header: &serde_json::Value) -> std::io::Result<Self> {
        let mut file = BufWriter::new(File::create(path)?);
        writeln!(file, "{header}")?;
        Ok(Self::File(file))
    }

    /// A socket at `from` that sends to `to`, whether anybody listens there or not.
    ///
    /// # Errors
    /// The system gives no socket there.
    pub(super) fn datagrams(from: IpAddr, to: SocketAddr) -> std::io::Result<Self> {
        let socket = UdpSocket::bind(SocketAddr::new(from, 0))?;
        socket.connect(to)?;
        Ok(Self::Datagrams(socket))
    }

    fn write(&mut self, line: &mut Vec<u8>) -> std::io::Result<()> {
        match self {
            Self::File(file) => {
                line.push(b'\n');
                file.write_all(line)
            }
            Self::Datagrams(socket) => {
                let _ = socket.send(line); // nobody listens now; somebody may later
                Ok(())
            }
        }
    }
}

enum Message<T> {
    Line(T),
    End { dropped: u64 },
}

/// The simulator's end. Dropping it writes what is left and closes the file.
pub(super) struct Lines<T> {
    queue: Option<SyncSender<Message<T>>>,
    writer: Option<JoinHandle<()>>,
    /// Wait for the disk rather than lose a line.
    lossless: bool,
    dropped: u64,
}

impl<T: Serialize + Send + 'static> Lines<T> {
    /// Starts the writer; `name` is its thread's and says what ends when it cannot write on.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn new(name: &str, mut sink: Sink, lossless: bool) -> std::io::Result<Self> {
        let (lines, queue) = sync_channel(QUEUE);
        let what = name.to_owned();
        let writer = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            if let Err(error) = write(&mut sink, &queue) {
                log::error!("{error}; the {what} ends here");
            }
        })?;
        Ok(Self { queue: Some(lines), writer: Some(writer), lossless, dropped: 0 })
    }

    /// Hands a line over.
    pub(super) fn push(&mut self, line: T) {
        let Some(queue) = &self.queue else { return };
        let line = Message::Line(line);
        let lost = if self.lossless { queue.send(line).is_err() } else { queue.try_send(line).is_err() };
        self.dropped += u64::from(lost);
    }
}

impl<T> Drop for Lines<T> {
    fn drop(&mut self) {
        if let Some(queue) = self.queue.take() {
            let _ = queue.send(Message::End { dropped: self.dropped }); // fails only when the writer has ended
        }
        if let Some(writer) = self.writer.take() {
            let _ = writer.join(); // a panic of the writer has been printed; there is nothing left to save
        }
    }
}

fn write<T: Serialize>(sink: &mut Sink, queue: &Receiver<Message<T>>) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    for message in queue {
        bytes.clear();
        match message {
            // JSON has no NaN: serde_json writes null for a number that is none.
            Message::Line(line) => serde_json::to_writer(&mut bytes, &line)?,
            Message::End { dropped } if matches!(sink, Sink::File(_)) => {
                serde_json::to_writer(&mut bytes, &json!({ "dropped": dropped }))?;
            }
            Message::End { .. } => break,
        }
        sink.write(&mut bytes)?;
    }
    match sink {
        Sink::File(file) => file.flush(),
        Sink::Datagrams(_) => Ok(()),
    }
}
