//! Data sets as files: the JSON of the original system.
//!
//! A list of `{"desired_end_effector_position": [x, y, z], "joint_angles": [7]}`, m and rad; other keys are
//! passed over. It is read one sample at a time, so that an error can name the sample and a million of them
//! cost no more memory than their numbers.
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::Value;

use super::dataset::{Dataset, Example};
use super::drawing::REACH_MAX_M;
use crate::atomic_file;
use crate::kinematics::Point;
use crate::robot::JOINTS;

const POSITION: &str = "desired_end_effector_position";
const JOINT_ANGLES: &str = "joint_angles";

/// No joint goes beyond a full turn, rad: beyond, it is another unit.
const ANGLE_MAX_RAD: f64 = std::f64::consts::TAU;

/// The most samples read from one file.
pub const SAMPLES_MAX: usize = 4_000_000;

/// Why a file is no data set, or cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system says no.
    #[error("{file}: cannot be {what}: {source}")]
    Io {
        /// The file.
        file: String,
        /// `read` or `written`.
        what: &'static str,
        /// The system's words.
        source: std::io::Error,
    },
    /// Not JSON.
    #[error("{file}: not JSON: {message}; {mend}")]
    NotJson {
        /// The file.
        file: String,
        /// What is wrong, with line and column.
        message: String,
        /// What to do.
        mend: &'static str,
    },
    /// JSON, but no list of samples.
    #[error(
        "{file}: no list of samples: {message}; allowed: [{{\"{POSITION}\": [x, y, z], \"{JOINT_ANGLES}\": [7 \
         numbers]}}, …]"
    )]
    NotAList {
        /// The file.
        file: String,
        /// What stands there.
        message: String,
    },
    /// Too many samples.
    #[error("{file}: more than {SAMPLES_MAX} samples; keep every second one, or split it")]
    TooMany {
        /// The file.
        file: String,
    },
    /// Too few samples.
    #[error(
        "{file}: {samples} samples; allowed: at least 2. One position cannot show how the joints follow it"
    )]
    TooFew {
        /// The file.
        file: String,
        /// Samples in it.
        samples: usize,
    },
    /// One sample is wrong.
    #[error("{file}, sample {index}: {fault}")]
    Sample {
        /// The file.
        file: String,
        /// The sample's place in the list, from 0.
        index: usize,
        /// What is wrong with it.
        fault: Fault,
    },
    /// The labels belong to no tool that points along the flange's axis.
    #[error(
        "{file}: joints and positions do not belong together: the best tool length leaves {residual_m:.4} m; \
         allowed: {max_m} m. Give the tool (F_T_EE) that they were recorded with"
    )]
    ToolUnknown {
        /// The file.
        file: String,
        /// Largest distance left between the position and the tool point of the joints, m.
        residual_m: f64,
        /// Largest distance at which the tool counts as known, m.
        max_m: f64,
    },
}

/// What is wrong with a value of a sample.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{key} = {value}; allowed: {allowed}{mend}")]
pub struct Fault {
    /// The key.
    pub key: &'static str,
    /// What stands there, shortened.
    pub value: String,
    /// What may stand there.
    pub allowed: String,
    /// What to do; empty where the allowed says it all.
    pub mend: &'static str,
}

/// The examples of a file, every number finite and in a believable range.
///
/// # Errors
/// [`Error`], with file, sample, key, value, what is allowed, and the mend.
pub fn read(file: &Path) -> Result<Vec<Example>, Error> {
    read_telling(file, &mut |_| {})
}

/// [`read`], telling `progress` how many bytes have been read each time some have.
///
/// # Errors
/// As [`read`].
pub fn read_telling(file: &Path, progress: &mut dyn FnMut(u64)) -> Result<Vec<Example>, Error> {
    let name = file.display().to_string();
    let io = |source| Error::Io { file: name.clone(), what: "read", source };
    // Not the whole file at once: a million samples are a quarter of a gigabyte of text.
    let counted = Counted { file: File::open(file).map_err(io)?, bytes: 0, progress };
    let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(1 << 16, counted));
    match collect(&mut json, &name) {
        // What mends bad JSON stands in the text: look again, at the place.
        Err(Failure::Json(error)) if !error.is_io() => {
            Err(not_json(&std::fs::read(file).map_err(io)?, name, &error))
        }
        Err(Failure::Json(error)) => Err(io(error.into())),
        Err(Failure::Other(error)) => Err(error),
        Ok(examples) => Ok(examples),
    }
}

/// [`read`] of bytes already there; `file` only names them in errors.
///
/// # Errors
/// As [`read`].
pub fn parse(bytes: &[u8], file: &str) -> Result<Vec<Example>, Error> {
    collect(&mut serde_json::Deserializer::from_slice(bytes), file).map_err(|failure| match failure {
        Failure::Json(error) => not_json(bytes, file.to_owned(), &error),
        Failure::Other(error) => error,
    })
}

/// A file that says how far it was read.
struct Counted<'a> {
    file: File,
    bytes: u64,
    progress: &'a mut dyn FnMut(u64),
}

impl Read for Counted<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(into)?;
        self.bytes += count as u64;
        (self.progress)(self.bytes);
        Ok(count)
    }
}

enum Failure {
    Json(serde_json::Error),
    Other(Error),
}

fn collect<'de, R: serde_json::de::Read<'de>>(
    json: &mut serde_json::Deserializer<R>,
    file: &str,
) -> Result<Vec<Example>, Failure> {
    let (mut examples, mut fault) = (Vec::new(), None);
    let end = Samples { examples: &mut examples, fault: &mut fault }
        .deserialize(&mut *json)
        .and_then(|()| json.end());
    let file = file.to_owned();
    if let Some(fault) = fault {
        return Err(Failure::Other(Error::Sample { file, index: examples.len(), fault }));
    }
    match end {
        Err(_) if examples.len() >= SAMPLES_MAX => Err(Failure::Other(Error::TooMany { file })),
        Err(error) if error.is_data() => {
            Err(Failure::Other(Error::NotAList { file, message: error.to_string() }))
        }
        Err(error) => Err(Failure::Json(error)),
        Ok(()) if examples.len() < 2 => Err(Failure::Other(Error::TooFew { file, samples: examples.len() })),
        Ok(()) => Ok(examples),
    }
}

fn not_json(bytes: &[u8], file: String, error: &serde_json::Error) -> Error {
    Error::NotJson { file, message: error.to_string(), mend: mend(bytes, error) }
}

/// Writes the data set where [`read`] finds it, whole or not at all.
///
/// # Errors
/// [`Error::Io`].
pub fn write(dataset: &Dataset, file: &Path) -> Result<(), Error> {
    let pieces = |out: &mut BufWriter<File>| {
        for (i, Example { O_p_EE: p, q }) in dataset.examples.iter().enumerate() {
            let open = if i == 0 { "[\n" } else { ",\n" };
            // Debug prints the shortest decimal that reads back to the same bits.
            write!(
                out,
                "{open}{{\"{POSITION}\": [{:?}, {:?}, {:?}], \"{JOINT_ANGLES}\": {q:?}}}",
                p.x, p.y, p.z
            )?;
        }
        let close: &[u8] = if dataset.examples.is_empty() { b"[]\n" } else { b"\n]\n" };
        out.write_all(close)
    };
    atomic_file::write_with(file, pieces).map_err(|source| Error::Io {
        file: file.display().to_string(),
        what: "written",
        source,
    })
}

/// Collects samples until the first fault.
struct Samples<'a> {
    examples: &'a mut Vec<Example>,
    fault: &'a mut Option<Fault>,
}

impl<'de> DeserializeSeed<'de> for Samples<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Samples<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(value) = list.next_element::<Value>()? {
            match sample(&value) {
                Ok(_) if self.examples.len() == SAMPLES_MAX => {
                    return Err(serde::de::Error::custom("too many samples"));
                }
                Ok(example) => self.examples.push(example),
                Err(fault) => {
                    *self.fault = Some(fault);
                    return Err(serde::de::Error::custom("a sample is wrong"));
                }
            }
        }
        Ok(())
    }
}

fn sample(value: &Value) -> Result<Example, Fault> {
    let position: [f64; 3] = numbers(value, POSITION, "3 finite numbers, m")?;
    let q: [f64; JOINTS] = numbers(value, JOINT_ANGLES, "7 finite numbers, rad")?;
    let O_p_EE = Point::from(position);
    if O_p_EE.norm() > REACH_MAX_M {
        return Err(Fault {
            key: POSITION,
            value: format!("{position:?}"),
            allowed: format!("at most {REACH_MAX_M} m from the base"),
            mend: ". These look like millimetres: divide by 1000",
        });
    }
    if !q.iter().all(|q| q.abs() <= ANGLE_MAX_RAD) {
        return Err(Fault {
            key: JOINT_ANGLES,
            value: format!("{q:?}"),
            allowed: format!("{:.4} to {ANGLE_MAX_RAD:.4} rad", -ANGLE_MAX_RAD),
            mend: ". Joint angles are in rad: if these are in degrees, multiply by π/180",
        });
    }
    Ok(Example { O_p_EE, q })
}

fn numbers<const N: usize>(sample: &Value, key: &'static str, allowed: &str) -> Result<[f64; N], Fault> {
    let value = sample.get(key);
    let fault = |mend| Fault { key, value: shown(value), allowed: allowed.to_owned(), mend };
    let Some(list) = value.and_then(Value::as_array) else {
        return Err(fault(if sample.is_object() { "" } else { ". A sample is an object with both keys" }));
    };
    if list.len() != N {
        return Err(fault(". Every sample must have the same length"));
    }
    let mut out = [0.0; N];
    for (out, value) in out.iter_mut().zip(list) {
        match value.as_f64() {
            Some(x) if x.is_finite() => *out = x,
            _ => return Err(fault(". A null is often a NaN: drop the sample, or find what made it")),
        }
    }
    Ok(out)
}

/// The value as it stands, cut to what fits a line.
fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else { return "nothing".to_owned() };
    let text = value.to_string();
    match text.char_indices().nth(120) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

fn mend(bytes: &[u8], error: &serde_json::Error) -> &'static str {
    let line = bytes.split(|&b| b == b'\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let near = line.get(error.column().saturating_sub(2)..).unwrap_or_default();
    let near = near.get(..near.len().min(12)).unwrap_or_default();
    let says = |word: &[u8]| near.windows(word.len()).any(|window| window == word);
    if says(b"NaN") || says(b"Inf") || says(b"nan") || says(b"inf") {
        "JSON has no NaN or Infinity: drop these samples, or find what made them"
    } else if error.is_eof() {
        "the file ends too early: was its writing interrupted?"
    } else {
        "mend it there, or write the file again"
    }
}
