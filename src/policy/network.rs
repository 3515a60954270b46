//! Parameters and one forward pass.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable
)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::disallowed_macros)]
use super::activation::Activation;
use super::buffer::Buffer;
use super::kernel::{self, Isa, Size, Start, Strided};
use super::layout::Layout;
use crate::robot::JOINTS;
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// The multi-layer perceptron itself: dimensionless `f32` in, dimensionless `f32` out.
#[derive(Clone, Debug)]
pub struct Network {
    layout: Layout,
    activation: Activation,
    parameters: Buffer,
    isa: Isa,
}

impl Network {
    /// All parameters zero.
    pub fn zeros(layout: Layout, activation: Activation) -> Self {
        let parameters = Buffer::zeros(layout.len());
        Self { layout, activation, parameters, isa: Isa::detect() }
    }

    /// PyTorch's default for `Linear`: weights and biases uniform in ±1/√inputs. One seed, one network.
    pub fn random(layout: Layout, activation: Activation, seed: u64) -> Self {
        let mut network = Self::zeros(layout, activation);
        let mut random = StdRng::seed_from_u64(seed);
        for layer in network.layout.layers() {
            let bound = 1.0 / (layer.inputs as f32).sqrt();
            let tensors =
                network.parameters.get_mut(layer.weight().start..layer.bias().end).unwrap_or_default();
            for row in tensors.chunks_exact_mut(layer.stride) {
                row.iter_mut().take(layer.outputs).for_each(|w| *w = random.random_range(-bound..bound));
            }
        }
        network
    }

    /// The same network on another instruction set; for tests and measurements.
    pub fn on(mut self, isa: Isa) -> Self {
        self.isa = isa;
        self
    }

    /// Sizes and offsets.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The activation of the hidden layers.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// The instruction set its arithmetic runs on.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// All parameters, padded rows; see [`Layout`].
    pub fn parameters(&self) -> &[f32] {
        &self.parameters
    }

    /// All parameters, to be changed. Padding must stay zero.
    pub fn parameters_mut(&mut self) -> &mut [f32] {
        &mut self.parameters
    }

    /// Whether every parameter is a finite number.
    pub fn is_finite(&self) -> bool {
        self.parameters.iter().all(|p| p.is_finite())
    }

    /// One sample: `x` has [`Layout::inputs`] numbers; the answer lies in `scratch`. No allocation.
    pub fn forward<'s>(&self, x: &[f32], scratch: &'s mut Scratch) -> &'s [f32] {
        let Scratch { even, odd } = scratch;
        let (mut from, mut to): (&mut [f32], &mut [f32]) = (even, odd);
        from.iter_mut().zip(x).for_each(|(from, x)| *from = *x);
        let last = self.layout.layers().len().saturating_sub(1);
        for (l, layer) in self.layout.layers().iter().enumerate() {
            let size = Size { m: 1, n: layer.stride, k: layer.inputs };
            let weight = self.parameters.get(layer.weight()).unwrap_or_default();
            let bias = self.parameters.get(layer.bias()).unwrap_or_default();
            let row = Strided { data: from, row: layer.inputs, column: 1 };
            kernel::product(self.isa, size, row, weight, to, Start::Row(bias));
            if l < last {
                kernel::activate(self.isa, self.activation, to.get_mut(..layer.stride).unwrap_or_default());
            }
            (from, to) = (to, from);
        }
        from.get(..JOINTS).unwrap_or_default()
    }
}

/// Two rows of activations, taken once.
#[derive(Clone, Debug)]
pub struct Scratch {
    even: Buffer,
    odd: Buffer,
}

impl Scratch {
    /// Room for one sample through `layout`.
    pub fn new(layout: &Layout) -> Self {
        let widest = layout.widest().max(layout.inputs());
        Self { even: Buffer::zeros(widest), odd: Buffer::zeros(widest) }
    }
}
