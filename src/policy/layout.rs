//! Where each tensor lies in the one buffer of parameters.
use crate::robot::JOINTS;
use std::ops::Range;

/// Rows are padded to whole vectors of this many `f32`, the widest of the kernels (64 bytes).
///
/// Every instruction set sees the same layout, and no kernel needs a tail. Padding starts at zero and stays
/// there: its gradient is zero, and so is its update.
pub const LANES: usize = 16;

/// One affine layer `y = x·W + b`.
///
/// `W` is kept transposed to PyTorch, (in, out): the outputs are contiguous, so one sample needs no sum
/// across a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Number of inputs.
    pub inputs: usize,
    /// Number of outputs.
    pub outputs: usize,
    /// `outputs` rounded up to whole vectors: the row length of `W`, of `b` and of the layer's activations.
    pub stride: usize,
    weight: usize,
}

impl Layer {
    /// Where the weights lie: `inputs` rows of `stride`.
    pub fn weight(&self) -> Range<usize> {
        self.weight..self.weight + self.inputs * self.stride
    }

    /// Where the bias lies: `stride` numbers, right behind the weights.
    pub fn bias(&self) -> Range<usize> {
        let start = self.weight + self.inputs * self.stride;
        start..start + self.stride
    }
}

/// The layers of a network from any number of inputs to seven joints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    layers: Vec<Layer>,
    len: usize,
}

impl Layout {
    /// Layers of `inputs`, then the `hidden` widths, then seven outputs.
    pub fn new(inputs: usize, hidden: &[usize]) -> Self {
        let mut layers = Vec::with_capacity(hidden.len() + 1);
        let (mut from, mut len) = (inputs, 0);
        for &outputs in hidden.iter().chain([&JOINTS]) {
            let layer = Layer { inputs: from, outputs, stride: outputs.next_multiple_of(LANES), weight: len };
            len = layer.bias().end;
            from = outputs;
            layers.push(layer);
        }
        Self { layers, len }
    }

    /// The layers, input to output.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Number of inputs of the network.
    pub fn inputs(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.inputs)
    }

    /// Widths of the hidden layers.
    pub fn hidden(&self) -> impl Iterator<Item = usize> + '_ {
        self.layers.iter().skip(1).map(|layer| layer.inputs)
    }

    /// Length of the buffer of parameters, padding included.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no parameters (there always are).
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of weights and biases, without padding.
    pub fn parameters(&self) -> usize {
        self.layers.iter().map(|layer| (layer.inputs + 1) * layer.outputs).sum()
    }

    /// Longest row of any layer.
    pub fn widest(&self) -> usize {
        self.layers.iter().map(|layer| layer.stride).max().unwrap_or(LANES)
    }
}
