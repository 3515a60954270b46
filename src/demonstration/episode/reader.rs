//! Reading an episode: whatever is still there, and a name for everything that is not.
use super::meta::{End, FORMAT, Meta, RobotMeta, of_entries};
use super::{Damage, Episode, Error, Options, Tick, wire};
use mcap::MAGIC;
use mcap::records::{ChunkHeader, Record, op};
use prost::Message;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

/// The largest file read, bytes: two hours of exact ticks.
const BYTES_MAX: u64 = 8 << 30;
/// The largest chunk unpacked, bytes: a minute of ticks. What claims more is damaged.
const CHUNK_MAX: u64 = 64 << 20;
/// Opcode and length before each record.
const HEAD: usize = 9;
/// Damaged ticks that are named one by one.
const NAMED_MAX: usize = 20;

/// An episode and what is wrong with its file.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// What could be read.
    pub episode: Episode,
    /// Everything that is missing or wrong, in order; empty for a whole file.
    pub damage: Vec<Damage>,
    /// How the file was written.
    pub options: Options,
}

/// Reads an episode's file.
///
/// # Errors
/// [`Error`] when nothing of ours is in it; damage to a part is told in [`Reading::damage`].
pub fn read(file: &Path) -> Result<Reading, Error> {
    let failed = |source| Error::Read { file: file.to_owned(), source };
    let bytes = std::fs::metadata(file).map_err(failed)?.len();
    if bytes > BYTES_MAX {
        return Err(Error::TooLarge { file: file.to_owned(), bytes, max: BYTES_MAX });
    }
    parse(&std::fs::read(file).map_err(failed)?, file)
}

/// Reads an episode from bytes; `file` is only for messages.
///
/// # Errors
/// As [`read`].
pub fn parse(bytes: &[u8], file: &Path) -> Result<Reading, Error> {
    let file = || file.to_owned();
    if !bytes.starts_with(MAGIC) {
        return Err(Error::NotMcap { file: file() });
    }
    let mut walk = Walk::default();
    walk.through(bytes);
    if walk.meta.as_ref().is_some_and(|meta| meta.format > FORMAT) {
        return Err(Error::Newer { file: file(), format: walk.meta.map_or(0, |meta| meta.format) });
    }
    if !walk.damage.is_empty() {
        walk.search(bytes);
    }
    let foreign = walk.foreign();
    let Walk { ticks, meta, robot, end, mut damage, is_packed, .. } = walk;
    if ticks.is_empty() {
        return Err(match (foreign, damage.is_empty(), &meta) {
            (Some(holds), _, _) => Error::Foreign { file: file(), holds },
            (None, true, Some(_)) => Error::Empty { file: file() },
            _ => Error::Nothing { file: file(), damage },
        });
    }
    if let Some(end) = end.as_ref().filter(|end| end.ticks != ticks.len() as u64) {
        damage.push(Damage::Count { said: end.ticks, found: ticks.len() as u64 });
    }
    let meta = Meta { robot: robot.unwrap_or_default(), ..meta.unwrap_or_default() };
    Ok(Reading { episode: Episode { meta, ticks, end }, damage, options: Options { is_packed } })
}

/// What has been met on the way through a file.
#[derive(Default)]
struct Walk {
    ticks: Vec<Tick>,
    meta: Option<Meta>,
    robot: Option<RobotMeta>,
    end: Option<End>,
    damage: Vec<Damage>,
    schemas: BTreeMap<u16, String>,
    /// Topics, and whether their messages are ours.
    channels: BTreeMap<u16, (String, bool)>,
    is_closed: bool,
    is_packed: bool,
    /// Where the summary begins.
    summary_at: Option<usize>,
}

impl Walk {
    fn through(&mut self, bytes: &[u8]) {
        let mut at = MAGIC.len();
        while !self.is_closed && at < bytes.len() {
            at = match record_at(bytes, at) {
                Some((opcode, body)) => {
                    self.record(opcode, body, bytes, at);
                    at + HEAD + body.len()
                }
                None => match next_chunk(bytes, at + 1) {
                    Some(next) => {
                        self.damage.push(Damage::Skipped { from: at as u64, to: next as u64 });
                        next
                    }
                    None => {
                        self.damage.push(Damage::CutOff { at: at as u64 });
                        return;
                    }
                },
            };
        }
        if !self.is_closed {
            self.damage.push(Damage::NotClosed);
        } else if &bytes[at..] != MAGIC {
            self.damage
                .push(Damage::Record { at: at as u64, why: "the file does not end as it should".into() });
        }
    }

    fn record(&mut self, opcode: u8, body: &[u8], bytes: &[u8], at: usize) {
        let bad = |why: String| Damage::Record { at: at as u64, why };
        // Behind the data there are only indexes, which a checksum guards, and copies: of use where the first is damaged.
        if self.summary_at.is_some() && ![op::FOOTER, op::SCHEMA, op::CHANNEL].contains(&opcode) {
            return;
        }
        match mcap::parse_record(opcode, body) {
            Ok(Record::Chunk { header, data }) => self.chunk(header, &data, at),
            Ok(Record::DataEnd(end)) => {
                if end.data_section_crc != crc32fast::hash(&bytes[..at]) {
                    self.damage.push(Damage::Checksum { part: "data" });
                }
                self.summary_at = Some(at + HEAD + body.len());
            }
            Ok(Record::Footer(footer)) => {
                self.is_closed = true;
                // The checksum covers the footer up to itself.
                let covered = self.summary_at.unwrap_or(at)..at + HEAD + body.len().saturating_sub(4);
                let sum = bytes.get(covered).map(crc32fast::hash);
                if sum != Some(footer.summary_crc) || self.summary_at.is_none() {
                    self.damage.push(Damage::Checksum { part: "index" });
                }
            }
            Ok(record) => {
                let mut ticks = std::mem::take(&mut self.ticks);
                if let Err(why) = self.inner(record, &mut ticks) {
                    self.damage.push(bad(why));
                }
                self.ticks = ticks;
            }
            Err(error) => self.damage.push(bad(error.to_string())),
        }
    }

    /// A damaged length may have taken whole chunks for its own: those that are found wherever they are count, too.
    fn search(&mut self, bytes: &[u8]) {
        let mut found =
            Walk { schemas: self.schemas.clone(), channels: self.channels.clone(), ..Walk::default() };
        let mut at = MAGIC.len();
        while let Some(next) = next_chunk(bytes, at) {
            let before = found.damage.len();
            let length = record_at(bytes, next).map_or(0, |(opcode, body)| {
                found.record(opcode, body, bytes, next);
                HEAD + body.len()
            });
            at = if found.damage.len() == before { next + length } else { next + 1 };
        }
        if found.ticks.len() > self.ticks.len() {
            self.ticks = found.ticks;
        }
    }

    /// All of a chunk or nothing.
    fn chunk(&mut self, header: ChunkHeader, data: &[u8], at: usize) {
        let mut ticks = Vec::new();
        let before = (self.schemas.clone(), self.channels.clone());
        let whole = (|| -> Result<(), String> {
            let unpacked = unpack(&header, data)?;
            let mut inside = 0;
            while inside < unpacked.len() {
                let (opcode, body) =
                    record_at(&unpacked, inside).ok_or("it ends in the middle of a record")?;
                self.inner(mcap::parse_record(opcode, body).map_err(|e| e.to_string())?, &mut ticks)?;
                inside += HEAD + body.len();
            }
            Ok(())
        })();
        self.is_packed |= !header.compression.is_empty();
        match whole {
            Ok(()) => self.ticks.extend(ticks),
            Err(why) => {
                (self.schemas, self.channels) = before;
                self.damage.push(Damage::Chunk { at: at as u64, why });
            }
        }
    }

    fn inner(&mut self, record: Record, ticks: &mut Vec<Tick>) -> Result<(), String> {
        match record {
            Record::Schema { header, .. } => {
                self.schemas.insert(header.id, header.name);
            }
            Record::Channel(channel) => {
                let is_ours = channel.message_encoding == "protobuf"
                    && self.schemas.get(&channel.schema_id).is_some_and(|name| name == wire::SCHEMA);
                self.channels.insert(channel.id, (channel.topic, is_ours));
            }
            Record::Message { header, data }
                if self.channels.get(&header.channel_id).is_some_and(|(_, is_ours)| *is_ours) =>
            {
                self.tick(&data, ticks);
            }
            Record::Metadata(metadata) => match metadata.name.as_str() {
                "episode" => {
                    let mut meta: Meta = of_entries(&metadata.metadata);
                    // It stands twice in a whole file: one damaged digit must not cost the rest.
                    meta.format =
                        self.meta.as_ref().map_or(meta.format, |before| before.format.min(meta.format));
                    self.meta = Some(meta);
                }
                "robot" => self.robot = Some(of_entries(&metadata.metadata)),
                "end" => self.end = Some(of_entries(&metadata.metadata)),
                _ => {}
            },
            Record::Unknown { opcode, .. } if opcode < 0x80 => {
                return Err(format!("unknown kind {opcode:#04x}"));
            }
            _ => {}
        }
        Ok(())
    }

    fn tick(&mut self, data: &[u8], ticks: &mut Vec<Tick>) {
        let index = (self.ticks.len() + ticks.len()) as u64;
        let tick = wire::State::decode(data)
            .map_err(|e| e.to_string())
            .and_then(|message| message.tick().map_err(|name| format!("{name} has not all its numbers")))
            .and_then(|tick| if tick.is_finite() { Ok(tick) } else { Err("not finite".to_string()) });
        match tick {
            Ok(tick) => ticks.push(tick),
            Err(why) if self.damage.len() < NAMED_MAX => self.damage.push(Damage::Tick { index, why }),
            Err(_) => {}
        }
    }

    /// What a file holds that is not ours, in words; none for ours.
    fn foreign(&self) -> Option<String> {
        let is_ours = self.meta.is_some() || self.channels.values().any(|(_, is_ours)| *is_ours);
        if is_ours || self.channels.is_empty() {
            return (!is_ours && self.is_closed).then(|| "no topics".to_string());
        }
        let topics: Vec<&str> = self.channels.values().take(5).map(|(topic, _)| topic.as_str()).collect();
        Some(topics.join(", "))
    }
}

/// What is in a chunk, known to be what was written: damaged lengths inside would claim any amount of memory.
fn unpack<'a>(header: &ChunkHeader, data: &'a [u8]) -> Result<Cow<'a, [u8]>, String> {
    let size = header.uncompressed_size;
    if size > CHUNK_MAX {
        return Err(format!("it claims {size} bytes, allowed {CHUNK_MAX}"));
    }
    let unpacked = match header.compression.as_str() {
        "" => Cow::Borrowed(data),
        "zstd" => Cow::Owned(zstd::bulk::decompress(data, size as usize).map_err(|e| e.to_string())?),
        other => return Err(format!("its compression {other:?} is not ours")),
    };
    match header.uncompressed_crc {
        _ if unpacked.len() as u64 != size => Err(format!("{} of {size} bytes", unpacked.len())),
        sum if sum != 0 && sum != crc32fast::hash(&unpacked) => Err("its checksum does not fit".to_string()),
        _ => Ok(unpacked),
    }
}

/// The record at `at`, if it lies in the file with its whole length.
fn record_at(bytes: &[u8], at: usize) -> Option<(u8, &[u8])> {
    let head = bytes.get(at..at + HEAD)?;
    let length = u64::from_le_bytes(head[1..].try_into().ok()?);
    let end = usize::try_from(length).ok()?.checked_add(at + HEAD)?;
    let body = bytes.get(at + HEAD..end)?;
    let is_sound = head[0] != 0 && (head[0] != op::CHUNK || chunk_length(body) == Some(length));
    is_sound.then_some((head[0], body))
}

/// How long a chunk's record is by what stands in it: a second witness to its length.
fn chunk_length(body: &[u8]) -> Option<u64> {
    let name_length = u32::from_le_bytes(body.get(28..32)?.try_into().ok()?) as usize;
    let size_at = name_length.checked_add(32)?;
    let size = u64::from_le_bytes(body.get(size_at..size_at.checked_add(8)?)?.try_into().ok()?);
    size.checked_add(size_at as u64 + 8)
}

/// Where the next chunk begins at `from` or later: after a damaged length only the look of things helps.
fn next_chunk(bytes: &[u8], from: usize) -> Option<usize> {
    // Opcode, length, two times, size and checksum before the name of the compression.
    const NAME_AT: usize = HEAD + 8 + 8 + 8 + 4;
    (from..bytes.len().saturating_sub(NAME_AT)).find(|&at| {
        bytes[at] == op::CHUNK
            && matches!(&bytes[at + NAME_AT..], [4, 0, 0, 0, b'z', b's', b't', b'd', ..] | [0, 0, 0, 0, ..])
            && record_at(bytes, at).is_some_and(|(_, body)| {
                let size = body.get(16..24).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes);
                size.is_some_and(|size| size > 0 && size <= CHUNK_MAX)
            })
    })
}
