//! What can be wrong with a file of an episode.
use std::path::PathBuf;

/// Why a file is no episode of ours, or none that anything can be read of.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error("{}: cannot be read: {source}", file.display())]
    Read { file: PathBuf, source: std::io::Error },
    #[error("{}: {bytes} bytes, allowed {max}", file.display())]
    TooLarge { file: PathBuf, bytes: u64, max: u64 },
    #[error("{}: no MCAP file: it does not begin as one", file.display())]
    NotMcap { file: PathBuf },
    #[error("{}: an MCAP file of something else: it has {holds}, and no {} of {}", file.display(), super::wire::TOPIC, super::wire::SCHEMA)]
    Foreign { file: PathBuf, holds: String },
    #[error("{}: written in format {format}, this version reads up to {}: use a newer franka-imit", file.display(), super::FORMAT)]
    Newer { file: PathBuf, format: u32 },
    #[error("{}: an empty episode: no tick was recorded", file.display())]
    Empty { file: PathBuf },
    #[error("{}: no tick can be read: {}", file.display(), damage.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Nothing { file: PathBuf, damage: Vec<Damage> },
}

/// What is missing or wrong in a file of which the rest was read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs)]
pub enum Damage {
    #[error("cut off at byte {at}, in the middle of a record")]
    CutOff { at: u64 },
    #[error("not closed: the recording did not come to its end")]
    NotClosed,
    #[error("the part at byte {at} is damaged ({why}): its ticks are lost")]
    Chunk { at: u64, why: String },
    #[error("bytes {from} to {to} are no records: skipped")]
    Skipped { from: u64, to: u64 },
    #[error("the record at byte {at} is damaged ({why})")]
    Record { at: u64, why: String },
    #[error("tick {index} is damaged ({why}): left out")]
    Tick { index: u64, why: String },
    #[error("the checksum of the {part} does not fit")]
    Checksum { part: &'static str },
    #[error("the file says {said} ticks, {found} were read")]
    Count { said: u64, found: u64 },
}
