//! A policy as named tensors and metadata, and back: the safetensors format, checked in full.
//!
//! The bytes are written here, sorted, rather than by the `safetensors` crate, whose metadata come out in
//! random order: one policy is one file, bit for bit. They are read by the crate.
use super::checksum::of_tensors;
use super::file::Error;
use super::{Activation, Card, Input, Layout, Network, Normalisation, Policy, Region};
use super::{MAX_HIDDEN, MAX_WIDTH};
use crate::robot::{JOINTS, Joints};
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;

const FORMAT: &str = "franka-imit policy";
const FORMAT_VERSION: &str = "1";
const UNITS: &str = "input m, output rad";
const MAX_INPUTS: usize = 64;

struct Tensor {
    dtype: &'static str,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// The file's bytes.
pub(super) fn encode(policy: &Policy) -> Vec<u8> {
    let tensors = named_tensors(policy);
    let mut metadata = metadata(policy);
    let views =
        tensors.iter().map(|(name, t)| (name.as_str(), (t.dtype, t.shape.as_slice(), t.bytes.as_slice())));
    metadata.insert("checksum".into(), of_tensors(&metadata, views));
    let mut header = serde_json::Map::new();
    header.insert("__metadata__".into(), serde_json::json!(metadata));
    let mut offset = 0;
    for (name, tensor) in &tensors {
        let end = offset + tensor.bytes.len();
        let entry =
            serde_json::json!({"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [offset, end]});
        header.insert(name.clone(), entry);
        offset = end;
    }
    let mut header = serde_json::Value::Object(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    tensors.values().for_each(|tensor| bytes.extend(&tensor.bytes));
    bytes
}

fn named_tensors(policy: &Policy) -> BTreeMap<String, Tensor> {
    let mut tensors = BTreeMap::new();
    let parameters = policy.network.parameters();
    for (l, layer) in policy.network.layout().layers().iter().enumerate() {
        let (weight, bias) = (&parameters[layer.weight()], &parameters[layer.bias()]);
        let transposed =
            (0..layer.outputs).flat_map(|o| (0..layer.inputs).map(move |i| i * layer.stride + o));
        let bytes = transposed.flat_map(|at| weight[at].to_le_bytes()).collect();
        let shape = vec![layer.outputs, layer.inputs];
        tensors.insert(format!("layers.{l}.weight"), Tensor { dtype: "F32", shape, bytes });
        let bytes = bias[..layer.outputs].iter().flat_map(|b| b.to_le_bytes()).collect();
        tensors
            .insert(format!("layers.{l}.bias"), Tensor { dtype: "F32", shape: vec![layer.outputs], bytes });
    }
    let units = &policy.normalisation;
    for (name, numbers) in [
        ("input_mean", units.input_mean()),
        ("input_scale", units.input_scale()),
        ("output_mean", units.output_mean()),
        ("output_scale", units.output_scale()),
    ] {
        let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        tensors.insert(name.into(), Tensor { dtype: "F64", shape: vec![numbers.len()], bytes });
    }
    tensors
}

fn metadata(policy: &Policy) -> BTreeMap<String, String> {
    let card = &policy.card;
    let mut metadata: BTreeMap<String, String> = [
        ("format", FORMAT),
        ("format_version", FORMAT_VERSION),
        ("activation", policy.network.activation().name()),
        ("units", UNITS),
        ("input", card.input.name()),
        ("frame", card.input.frame()),
        ("data_hash", &card.data_hash),
        ("software_version", &card.software_version),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    metadata.insert("tool_F_T_EE".into(), numbers_to_text(&card.F_T_EE));
    if let Some(region) = &card.region {
        metadata.insert("region_min_m".into(), numbers_to_text(&region.min));
        metadata.insert("region_max_m".into(), numbers_to_text(&region.max));
    }
    metadata
}

/// The policy in a file's bytes.
pub(super) fn decode(bytes: &[u8]) -> Result<Policy, Error> {
    let damaged = |error: safetensors::SafeTensorError| Error::Damaged { reason: error.to_string() };
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    let file = Reader {
        tensors: SafeTensors::deserialize(bytes).map_err(damaged)?,
        metadata: header.metadata().iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect(),
    };
    file.check_seal()?;
    let layout = file.layout()?;
    let activation = file.text("activation")?;
    let activation = Activation::from_name(activation).ok_or_else(|| Error::Metadata {
        key: "activation",
        found: activation.to_owned(),
        allowed: "relu, silu, tanh",
    })?;
    let normalisation = file.normalisation(layout.inputs())?;
    let card = file.card(layout.inputs())?;
    if card.input.width() != layout.inputs() {
        return Err(Error::Inputs { found: layout.inputs(), input: card.input });
    }
    let mut network = Network::zeros(layout.clone(), activation);
    for (l, layer) in layout.layers().iter().enumerate() {
        let weight = file.f32s(&format!("layers.{l}.weight"), &[layer.outputs, layer.inputs])?;
        let bias = file.f32s(&format!("layers.{l}.bias"), &[layer.outputs])?;
        let to = &mut network.parameters_mut()[layer.weight()];
        for (o, row) in weight.chunks_exact(layer.inputs).enumerate() {
            row.iter().enumerate().for_each(|(i, w)| to[i * layer.stride + o] = *w);
        }
        network.parameters_mut()[layer.bias()][..layer.outputs].copy_from_slice(&bias);
    }
    let known = 2 * layout.layers().len() + 4;
    if file.tensors.len() != known {
        let names: Vec<_> = file.tensors.names().into_iter().map(str::to_owned).collect();
        return Err(Error::Foreign { known, found: names });
    }
    Policy::new(network, normalisation, card)
        .ok_or_else(|| Error::Damaged { reason: "input counts differ".into() })
}

struct Reader<'a> {
    tensors: SafeTensors<'a>,
    metadata: BTreeMap<String, String>,
}

impl Reader<'_> {
    fn text(&self, key: &'static str) -> Result<&str, Error> {
        self.metadata.get(key).map(String::as_str).ok_or(Error::MissingMetadata { key })
    }

    /// Format, version and checksum: whose file it is, and whether it is whole.
    fn check_seal(&self) -> Result<(), Error> {
        let frame = self.input()?.frame();
        for (key, allowed) in
            [("format", FORMAT), ("format_version", FORMAT_VERSION), ("units", UNITS), ("frame", frame)]
        {
            let found = self.text(key)?;
            if found != allowed {
                return Err(Error::Metadata { key, found: found.to_owned(), allowed });
            }
        }
        let views: BTreeMap<_, _> =
            self.tensors.iter().map(|(name, view)| (name, (view.dtype().to_string(), view))).collect();
        let views =
            views.iter().map(|(name, (dtype, view))| (*name, (dtype.as_str(), view.shape(), view.data())));
        let (written, computed) = (self.text("checksum")?, of_tensors(&self.metadata, views));
        if written != computed {
            let reason = format!("its checksum is {computed}, the file says {written}");
            return Err(Error::Damaged { reason });
        }
        Ok(())
    }

    /// What it is asked with; files from before there was a choice do not say.
    fn input(&self) -> Result<Input, Error> {
        let name = self.metadata.get("input").map_or(Input::Position.name(), String::as_str);
        Input::from_name(name).ok_or_else(|| Error::Metadata {
            key: "input",
            found: name.to_owned(),
            allowed: "position, pose",
        })
    }

    fn layout(&self) -> Result<Layout, Error> {
        let mut sizes = Vec::new();
        let mut l = 0;
        while let Ok(weight) = self.tensors.tensor(&format!("layers.{l}.weight")) {
            let name = format!("layers.{l}.weight");
            let &[outputs, inputs] = weight.shape() else {
                return Err(Error::Shape {
                    name,
                    found: weight.shape().to_vec(),
                    allowed: "(out, in)".into(),
                });
            };
            let expected = sizes.last().copied();
            if expected.is_some_and(|expected| expected != inputs) {
                let allowed = format!("(any, {}) after the layer below", expected.unwrap_or(0));
                return Err(Error::Shape { name, found: vec![outputs, inputs], allowed });
            }
            let most = if l == 0 { MAX_INPUTS } else { MAX_WIDTH };
            if !(1..=most).contains(&inputs) || !(1..=MAX_WIDTH).contains(&outputs) || l > MAX_HIDDEN {
                let allowed =
                    format!("1 to {MAX_INPUTS} inputs, 1 to {MAX_HIDDEN} layers of 1 to {MAX_WIDTH}");
                return Err(Error::Shape { name, found: vec![outputs, inputs], allowed });
            }
            if l == 0 {
                sizes.push(inputs);
            }
            sizes.push(outputs);
            l += 1;
        }
        match sizes.as_slice() {
            [] => Err(Error::MissingTensor { name: "layers.0.weight".into() }),
            [inputs, hidden @ .., JOINTS] if !hidden.is_empty() => Ok(Layout::new(*inputs, hidden)),
            _ => {
                let allowed = format!("at least one hidden layer, and {JOINTS} outputs at the end");
                Err(Error::Shape { name: format!("layers.{}.weight", l - 1), found: sizes, allowed })
            }
        }
    }

    fn bytes(&self, name: &str, shape: &[usize]) -> Result<(Dtype, &[u8]), Error> {
        let tensor = self.tensors.tensor(name).map_err(|_| Error::MissingTensor { name: name.into() })?;
        if tensor.shape() != shape {
            let (found, allowed) = (tensor.shape().to_vec(), format!("{shape:?}"));
            return Err(Error::Shape { name: name.into(), found, allowed });
        }
        Ok((tensor.dtype(), tensor.data()))
    }

    fn f32s(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, Error> {
        let (dtype, bytes) = self.bytes(name, shape)?;
        if dtype != Dtype::F32 {
            return Err(Error::NumberType { name: name.into(), found: dtype.to_string(), allowed: "F32" });
        }
        let numbers: Vec<f32> = bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        match numbers.iter().position(|number| !number.is_finite()) {
            Some(index) => Err(Error::NotFinite { name: name.into(), index }),
            None => Ok(numbers),
        }
    }

    /// Means and scales, as `f64` or, as a PyTorch user may save them, `f32`.
    fn f64s(&self, name: &str, len: usize) -> Result<Vec<f64>, Error> {
        let (dtype, bytes) = self.bytes(name, &[len])?;
        match dtype {
            Dtype::F64 => Ok(bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect()),
            Dtype::F32 => Ok(bytes.as_chunks().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect()),
            _ => {
                Err(Error::NumberType { name: name.into(), found: dtype.to_string(), allowed: "F64 or F32" })
            }
        }
    }

    fn normalisation(&self, inputs: usize) -> Result<Normalisation, Error> {
        let joints = |name: &str| -> Result<Joints, Error> {
            let numbers = self.f64s(name, JOINTS)?;
            Ok(std::array::from_fn(|j| numbers[j]))
        };
        Normalisation::new(
            &self.f64s("input_mean", inputs)?,
            &self.f64s("input_scale", inputs)?,
            joints("output_mean")?,
            joints("output_scale")?,
        )
        .ok_or(Error::Units)
    }

    fn card(&self, inputs: usize) -> Result<Card, Error> {
        let tool = self.numbers("tool_F_T_EE", 16)?;
        let region = match self.metadata.contains_key("region_min_m") {
            true => Some(Region {
                min: self.numbers("region_min_m", inputs)?,
                max: self.numbers("region_max_m", inputs)?,
            }),
            false => None,
        };
        Ok(Card {
            input: self.input()?,
            F_T_EE: std::array::from_fn(|i| tool[i]),
            region,
            data_hash: self.text("data_hash")?.to_owned(),
            software_version: self.text("software_version")?.to_owned(),
        })
    }

    fn numbers(&self, key: &'static str, len: usize) -> Result<Vec<f64>, Error> {
        let text = self.text(key)?;
        let numbers: Option<Vec<f64>> =
            text.split(',').map(|n| n.trim().parse().ok().filter(|n: &f64| n.is_finite())).collect();
        numbers.filter(|numbers| numbers.len() == len).ok_or_else(|| Error::Metadata {
            key,
            found: text.to_owned(),
            allowed: "comma-separated finite numbers: 16 of a tool, one for each input of a region",
        })
    }
}

/// Shortest decimal text that reads back to the same numbers.
fn numbers_to_text(numbers: &[f64]) -> String {
    numbers.iter().map(f64::to_string).collect::<Vec<_>>().join(",")
}
