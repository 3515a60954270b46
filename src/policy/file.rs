//! Policies on disk: safetensors that a PyTorch user can load, and nothing that is damaged or foreign.
//!
//! `layers.N.weight` (out, in) and `layers.N.bias` in `f32`; `input_mean`, `input_scale`, `output_mean`,
//! `output_scale` in `f64`: x is normalised in `f64`, rounded once, and the answer scaled back in `f64`.
use super::{Input, Policy, tensors};
use crate::atomic_file;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Largest file that is read, bytes: the largest network allowed is half of it.
const MAX_BYTES: u64 = 64 << 20;

/// Why a policy cannot be loaded, saved or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the policy {path}: {source}; check the path and its permissions")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error(
        "cannot write the policy {path}: {source}; check that the folder exists, is writable and not full"
    )]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Not the bytes that were written.
    #[error("the policy is damaged: {reason}; copy it again or train it again")]
    Damaged {
        /// What does not fit.
        reason: String,
    },
    /// A metadata key is not there.
    #[error(
        "the policy has no metadata `{key}`: not a file of franka-imit, or saved again by another program; \
         `scripts/check_policy.py --seal` completes a file written by PyTorch"
    )]
    MissingMetadata {
        /// Which key.
        key: &'static str,
    },
    /// A metadata value that is not understood.
    #[error(
        "the policy's metadata `{key}` is `{found}`, allowed: {allowed}; load it with the version that wrote it"
    )]
    Metadata {
        /// Which key.
        key: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        allowed: &'static str,
    },
    /// A tensor is not there.
    #[error("the policy has no tensor `{name}`; save `layers.N.weight`, `layers.N.bias`, means and scales")]
    MissingTensor {
        /// Which tensor.
        name: String,
    },
    /// Tensors that do not belong to a policy.
    #[error("the policy should have {known} tensors and has {}: {}; remove those it does not need", .found.len(), .found.join(", "))]
    Foreign {
        /// How many its layers ask for.
        known: usize,
        /// Names of all tensors found.
        found: Vec<String>,
    },
    /// A tensor of another shape.
    #[error("the policy's tensor `{name}` has the shape {found:?}, allowed: {allowed}")]
    Shape {
        /// Which tensor.
        name: String,
        /// Its shape, or the sizes of all layers.
        found: Vec<usize>,
        /// What it may be.
        allowed: String,
    },
    /// A number of inputs that its kind of input does not have.
    #[error(
        "the policy takes {found} inputs, its metadata say `input = {}`, which are {}; train it again",
        input.name(), input.width()
    )]
    Inputs {
        /// Columns of its first layer.
        found: usize,
        /// What it says it is asked with.
        input: Input,
    },
    /// A tensor of another number type.
    #[error("the policy's tensor `{name}` holds {found}, allowed: {allowed}; convert it before saving")]
    NumberType {
        /// Which tensor.
        name: String,
        /// Its type.
        found: String,
        /// What it may be.
        allowed: &'static str,
    },
    /// A weight that is not a number.
    #[error(
        "the policy's tensor `{name}` is not finite at element {index}; its training diverged, train it again"
    )]
    NotFinite {
        /// Which tensor.
        name: String,
        /// Which element.
        index: usize,
    },
    /// Means or scales that cannot be used.
    #[error("the policy's means must be finite and its scales finite and above 0; train it again")]
    Units,
    /// The robot carries another tool.
    #[error(
        "the policy was trained for the tool F_T_EE = {policy:?}, the robot has {robot:?}: they differ by up to \
         {largest}, allowed 0.0001; set the robot's end effector to the policy's, or train with this tool"
    )]
    OtherTool {
        /// The policy's, column-major.
        policy: Box<[f64; 16]>,
        /// The robot's, column-major.
        robot: Box<[f64; 16]>,
        /// Largest difference of an element.
        largest: f64,
    },
}

impl Policy {
    /// The bytes of its file; the same policy always gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        tensors::encode(self)
    }

    /// The policy in a file's bytes.
    ///
    /// # Errors
    /// Everything in [`Error`] but reading, writing and the tool.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        tensors::decode(bytes)
    }

    /// Writes the policy so that `path` holds either the old file or the whole new one, whatever happens.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        atomic_file::write(path, &self.to_bytes())
            .map_err(|source| Error::Write { path: path.to_owned(), source })
    }

    /// Reads a policy.
    ///
    /// # Errors
    /// [`Error::Read`], and those of [`Self::from_bytes`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        let read = |source| Error::Read { path: path.to_owned(), source };
        let mut bytes = Vec::new();
        File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).map_err(read)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(Error::Damaged {
                reason: format!("longer than the {MAX_BYTES} bytes of any policy"),
            });
        }
        Self::from_bytes(&bytes)
    }
}
