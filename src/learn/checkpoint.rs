//! A training half done, on disk: going on from it gives the same bits as never having stopped.
//!
//! A safetensors file: `parameters`, `adam_m`, `adam_v` (F32, as [`crate::policy::Layout`] lays them out), the
//! orders of the batches (U32) and the milestones (F64); metadata: `format`, `format_version`, `sizes`, `step`,
//! `random` and what else the next step depends on, the options it was made with (`options`, JSON), fingerprints
//! of the data and of the whole (`checksum`).
use crate::atomic_file;
use crate::policy::checksum::of_tensors;
use rand::rngs::Xoshiro256PlusPlus;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

const FORMAT: &str = "franka-imit checkpoint";
const FORMAT_VERSION: &str = "1";
/// Largest file that is read, bytes: the largest network three times, and an order of ten million samples.
const MAX_BYTES: u64 = 256 << 20;

/// Why a training cannot go on from a file, or cannot be kept in one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file system says no.
    #[error("the checkpoint {} cannot be {what}: {why}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// `read` or `written`.
        what: &'static str,
        /// The system's words.
        why: String,
    },
    /// Not the bytes that were written, or not a checkpoint at all.
    #[error("the checkpoint {} is damaged or none: {reason}; resume from another, or train from the start", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// Of another training.
    #[error(
        "the checkpoint {} is of another training: {what} was {was}, now it is {is}; give what it was made with, \
         or train from the start", file.display()
    )]
    Other {
        /// The file.
        file: PathBuf,
        /// What differs.
        what: String,
        /// In the checkpoint.
        was: String,
        /// In this training.
        is: String,
    },
}

/// What a checkpoint must agree with to be gone on from.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    /// The sizes of the layers, such as 3-128-128-7.
    pub sizes: String,
    /// Fingerprint of everything trained on.
    pub data_hash: String,
    /// Every option that the result depends on.
    pub options: serde_json::Value,
}

/// Everything the next step depends on.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // the names say it
pub struct State {
    pub step: usize,
    pub adam_steps: u64,
    pub parameters: Vec<f32>,
    pub adam_m: Vec<f32>,
    pub adam_v: Vec<f32>,
    pub orders: [(Vec<u32>, usize); 2],
    pub random: Xoshiro256PlusPlus,
    pub milestones: Vec<(usize, f64)>,
}

/// Writes `state` so that `file` holds either the old checkpoint or the whole new one, whatever happens.
///
/// # Errors
/// [`Error::Io`].
pub fn write(file: &Path, state: &State, origin: &Origin) -> Result<(), Error> {
    let io = |why: String| Error::Io { file: file.to_owned(), what: "written", why };
    let milestones: Vec<f64> =
        state.milestones.iter().flat_map(|(step, loss)| [*step as f64, *loss]).collect();
    let f32s = |x: &[f32]| x.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let u32s = |x: &[u32]| x.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let tensors: BTreeMap<&str, (Dtype, usize, Vec<u8>)> = BTreeMap::from([
        ("adam_m", (Dtype::F32, state.adam_m.len(), f32s(&state.adam_m))),
        ("adam_v", (Dtype::F32, state.adam_v.len(), f32s(&state.adam_v))),
        (
            "milestones",
            (Dtype::F64, milestones.len(), milestones.iter().flat_map(|x| x.to_le_bytes()).collect()),
        ),
        ("order_demonstrations", (Dtype::U32, state.orders[0].0.len(), u32s(&state.orders[0].0))),
        ("order_targets", (Dtype::U32, state.orders[1].0.len(), u32s(&state.orders[1].0))),
        ("parameters", (Dtype::F32, state.parameters.len(), f32s(&state.parameters))),
    ]);
    let mut metadata: BTreeMap<String, String> = [
        ("format", FORMAT.to_owned()),
        ("format_version", FORMAT_VERSION.to_owned()),
        ("sizes", origin.sizes.clone()),
        ("data_hash", origin.data_hash.clone()),
        ("options", origin.options.to_string()),
        ("step", state.step.to_string()),
        ("adam_steps", state.adam_steps.to_string()),
        ("order_demonstrations_at", state.orders[0].1.to_string()),
        ("order_targets_at", state.orders[1].1.to_string()),
        ("random", serde_json::to_string(&state.random).map_err(|e| io(e.to_string()))?),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into();
    let named = |dtype: &Dtype| dtype.to_string();
    let parts: Vec<(&str, String, [usize; 1], &[u8])> =
        tensors.iter().map(|(name, (d, n, bytes))| (*name, named(d), [*n], bytes.as_slice())).collect();
    let views = parts.iter().map(|(name, d, shape, bytes)| (*name, (d.as_str(), shape.as_slice(), *bytes)));
    metadata.insert("checksum".to_owned(), of_tensors(&metadata, views));
    let views: Result<Vec<_>, _> = tensors
        .iter()
        .map(|(name, (dtype, len, bytes))| Ok((*name, TensorView::new(*dtype, vec![*len], bytes)?)))
        .collect();
    let views = views.map_err(|e: safetensors::SafeTensorError| io(e.to_string()))?;
    let metadata: HashMap<String, String> = metadata.into_iter().collect();
    let bytes = safetensors::serialize(views, Some(metadata)).map_err(|e| io(e.to_string()))?;
    atomic_file::write(file, &bytes).map_err(|e| io(e.to_string()))
}

/// The state in `file`, which must be of the training that `origin` says.
///
/// # Errors
/// [`Error`].
pub fn read(file: &Path, origin: &Origin) -> Result<State, Error> {
    let io = |why: std::io::Error| Error::Io { file: file.to_owned(), what: "read", why: why.to_string() };
    let bytes = std::fs::metadata(file).map_err(io)?.len();
    if bytes > MAX_BYTES {
        return Err(damaged(file, format!("{bytes} bytes, allowed {MAX_BYTES}")));
    }
    let bytes = std::fs::read(file).map_err(io)?;
    let parsed = |e: safetensors::SafeTensorError| damaged(file, e.to_string());
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(parsed)?;
    let metadata: BTreeMap<String, String> =
        header.metadata().iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
    let found = Found { file, metadata, tensors: SafeTensors::deserialize(&bytes).map_err(parsed)? };
    found.check_seal()?;
    found.check_origin(origin)?;
    found.state()
}

fn damaged(file: &Path, reason: String) -> Error {
    Error::Damaged { file: file.to_owned(), reason }
}

struct Found<'a> {
    file: &'a Path,
    metadata: BTreeMap<String, String>,
    tensors: SafeTensors<'a>,
}

impl Found<'_> {
    fn text(&self, key: &str) -> Result<&str, Error> {
        let text = self.metadata.get(key).map(String::as_str);
        text.ok_or_else(|| damaged(self.file, format!("it has no metadata `{key}`")))
    }

    fn number<T: std::str::FromStr>(&self, key: &str) -> Result<T, Error> {
        let text = self.text(key)?;
        text.parse().map_err(|_| damaged(self.file, format!("its metadata `{key}` is `{text}`")))
    }

    fn check_seal(&self) -> Result<(), Error> {
        for (key, allowed) in [("format", FORMAT), ("format_version", FORMAT_VERSION)] {
            let found = self.text(key)?;
            if found != allowed {
                return Err(damaged(self.file, format!("its `{key}` is `{found}`, allowed `{allowed}`")));
            }
        }
        let views: BTreeMap<&str, (String, TensorView)> =
            self.tensors.iter().map(|(name, view)| (name, (view.dtype().to_string(), view))).collect();
        let views =
            views.iter().map(|(name, (dtype, view))| (*name, (dtype.as_str(), view.shape(), view.data())));
        let (written, computed) = (self.text("checksum")?, of_tensors(&self.metadata, views));
        if written != computed {
            return Err(damaged(self.file, format!("its checksum is {computed}, the file says {written}")));
        }
        Ok(())
    }

    fn check_origin(&self, origin: &Origin) -> Result<(), Error> {
        let other = |what: &str, was: String, is: String| {
            Err(Error::Other { file: self.file.to_owned(), what: what.to_owned(), was, is })
        };
        let sizes = self.text("sizes")?;
        if sizes != origin.sizes {
            return other("the network", sizes.to_owned(), origin.sizes.clone());
        }
        let options: serde_json::Value = serde_json::from_str(self.text("options")?)
            .map_err(|e| damaged(self.file, format!("its options: {e}")))?;
        if let Some((key, was, is)) = difference("", &options, &origin.options) {
            return other(&key, was, is);
        }
        let data = self.text("data_hash")?;
        match data == origin.data_hash {
            true => Ok(()),
            false => other("the data's fingerprint", data.to_owned(), origin.data_hash.clone()),
        }
    }

    fn state(&self) -> Result<State, Error> {
        let milestones: Vec<f64> = self.tensor("milestones", Dtype::F64, f64::from_le_bytes)?;
        let order = |name: &str| -> Result<(Vec<u32>, usize), Error> {
            Ok((self.tensor(name, Dtype::U32, u32::from_le_bytes)?, self.number(&format!("{name}_at"))?))
        };
        Ok(State {
            step: self.number("step")?,
            adam_steps: self.number("adam_steps")?,
            parameters: self.tensor("parameters", Dtype::F32, f32::from_le_bytes)?,
            adam_m: self.tensor("adam_m", Dtype::F32, f32::from_le_bytes)?,
            adam_v: self.tensor("adam_v", Dtype::F32, f32::from_le_bytes)?,
            orders: [order("order_demonstrations")?, order("order_targets")?],
            random: serde_json::from_str(self.text("random")?)
                .map_err(|e| damaged(self.file, format!("its random state: {e}")))?,
            milestones: milestones.chunks_exact(2).map(|pair| (pair[0] as usize, pair[1])).collect(),
        })
    }

    fn tensor<T, const N: usize>(
        &self,
        name: &str,
        dtype: Dtype,
        of: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<T>, Error> {
        let tensor = self.tensors.tensor(name).map_err(|e| damaged(self.file, e.to_string()))?;
        if tensor.dtype() != dtype {
            return Err(damaged(self.file, format!("its tensor `{name}` holds {}", tensor.dtype())));
        }
        Ok(tensor.data().as_chunks().0.iter().map(|bytes| of(*bytes)).collect())
    }
}

/// The first key in which two sets of options differ, and both values.
fn difference(
    key: &str,
    was: &serde_json::Value,
    is: &serde_json::Value,
) -> Option<(String, String, String)> {
    let (Some(a), Some(b)) = (was.as_object(), is.as_object()) else {
        return (was != is).then(|| (key.to_owned(), was.to_string(), is.to_string()));
    };
    let dotted = |inner: &str| if key.is_empty() { inner.to_owned() } else { format!("{key}.{inner}") };
    let null = serde_json::Value::Null;
    a.keys().chain(b.keys()).find_map(|inner| {
        difference(&dotted(inner), a.get(inner).unwrap_or(&null), b.get(inner).unwrap_or(&null))
    })
}
