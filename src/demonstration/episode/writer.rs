//! Writing an episode, so that a process killed at any moment leaves all but its last moments readable.
//!
//! Ticks are gathered in chunks, and a chunk goes to the file whole: what is cut off is only ever the last one.
use super::meta::{End, FORMAT, Meta, entries};
use super::tick::Tick;
use super::wire;
use mcap::records::MessageHeader;
use mcap::write::{Metadata, NoSeek};
use mcap::{Compression, McapError, WriteOptions};
use prost::Message;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// How much an episode keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Compress, and keep what sensors measured in the steps of [`step`]; desired and commanded joints are exact either
    /// way.
    pub is_packed: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { is_packed: true }
    }
}

/// An episode that is being written.
pub struct Writer<W: Write> {
    mcap: mcap::Writer<NoSeek<W>>,
    channel: u16,
    options: Options,
    realtime_ns: u64,
    ticks: u64,
    message: wire::State,
    bytes: Vec<u8>,
}

fn io_error(error: McapError) -> io::Error {
    match error {
        McapError::Io(error) => error,
        other => io::Error::other(other),
    }
}

impl<W: Write> Writer<W> {
    /// Begins a file with what is known so far.
    ///
    /// # Errors
    /// What the system says of the first bytes.
    pub fn begin(sink: W, meta: &Meta, options: Options) -> io::Result<Writer<W>> {
        let mut write = WriteOptions::new()
            .library(meta.software.as_str())
            .profile("franka-imit")
            .chunk_size(None)
            .disable_seeking(true)
            .compression_threads(0)
            .compression(None);
        if options.is_packed {
            // Of zstd's levels below 19 the first makes such files smallest, and is the fastest.
            write = write.compression(Some(Compression::Zstd)).compression_level(1);
        }
        let mut mcap = write.create(NoSeek::new(sink)).map_err(io_error)?;
        let schema = mcap.add_schema(wire::SCHEMA, "protobuf", wire::DESCRIPTOR).map_err(io_error)?;
        let channel =
            mcap.add_channel(schema, wire::TOPIC, "protobuf", &BTreeMap::new()).map_err(io_error)?;
        let mut writer = Writer {
            mcap,
            channel,
            options,
            realtime_ns: meta.realtime_ns,
            ticks: 0,
            message: wire::State::default(),
            bytes: Vec::with_capacity(1024),
        };
        writer.describe(meta)?;
        writer.flush()?;
        Ok(writer)
    }

    /// Adds a tick to the chunk in memory.
    ///
    /// # Errors
    /// What the system says.
    pub fn add(&mut self, tick: &Tick) -> io::Result<()> {
        match self.options.is_packed {
            true => self.message.set(&packed(tick)),
            false => self.message.set(tick),
        }
        self.bytes.clear();
        self.message.encode(&mut self.bytes).map_err(io::Error::other)?;
        let log_time = self.realtime_ns.saturating_add(tick.monotonic_ns);
        let header = MessageHeader {
            channel_id: self.channel,
            sequence: self.ticks as u32,
            log_time,
            publish_time: log_time,
        };
        self.mcap.write_to_known_channel(&header, &self.bytes).map_err(io_error)?;
        self.ticks += 1;
        Ok(())
    }

    /// Hands the chunk in memory to the system: from here on the end of this process does not cost it.
    ///
    /// # Errors
    /// What the system says; the file's end may then be half a chunk.
    pub fn flush(&mut self) -> io::Result<()> {
        self.mcap.flush().map_err(io_error)
    }

    /// Ticks added.
    pub fn ticks(&self) -> u64 {
        self.ticks
    }

    /// Writes what is now known of the episode, how it ended, and the index; gives the sink back.
    ///
    /// # Errors
    /// What the system says.
    pub fn finish(mut self, meta: &Meta, end: &End) -> io::Result<W> {
        self.flush()?;
        self.describe(meta)?;
        self.record("end", entries(end))?;
        self.mcap.finish().map_err(io_error)?;
        Ok(self.mcap.into_inner().into_inner())
    }

    fn describe(&mut self, meta: &Meta) -> io::Result<()> {
        let meta = Meta { format: FORMAT, ..meta.clone() };
        self.record("episode", entries(&meta))?;
        self.record("robot", entries(&meta.robot))
    }

    fn record(&mut self, name: &str, metadata: BTreeMap<String, String>) -> io::Result<()> {
        self.mcap.write_metadata(&Metadata { name: name.to_string(), metadata }).map_err(io_error)
    }
}

/// Finest steps that a packed file keeps of what was measured, each far below the sensor's noise: whole binary places,
/// since zeros at the end of a number compress and the digits of noise do not. Keeping them twice changes nothing.
pub mod step {
    /// Joint positions, rad: 7 nrad.
    pub const Q: f64 = 1.0 / (1u64 << 27) as f64;
    /// Joint velocities, rad/s: 8 µrad/s.
    pub const DQ: f64 = 1.0 / (1u64 << 17) as f64;
    /// Torques, forces and moments, Nm and N: 0.5 mNm.
    pub const TAU: f64 = 1.0 / (1u64 << 11) as f64;
    /// Entries of a pose, m and 1: 60 nm.
    pub const POSE: f64 = 1.0 / (1u64 << 24) as f64;
}

fn packed(tick: &Tick) -> Tick {
    fn to<const N: usize>(step: f64, numbers: [f64; N]) -> [f64; N] {
        numbers.map(|x| (x / step).round() * step)
    }
    Tick {
        q: to(step::Q, tick.q),
        dq: to(step::DQ, tick.dq),
        tau_J: to(step::TAU, tick.tau_J),
        tau_ext_hat_filtered: to(step::TAU, tick.tau_ext_hat_filtered),
        O_F_ext_hat_K: to(step::TAU, tick.O_F_ext_hat_K),
        O_T_EE: to(step::POSE, tick.O_T_EE),
        x_ref: to(step::POSE, tick.x_ref),
        ..*tick
    }
}
