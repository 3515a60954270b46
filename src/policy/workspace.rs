//! Batches through the network: outputs, and the gradient of a loss.
use super::buffer::Buffer;
use super::kernel::{self, Size, Start, Strided};
use super::layout::{LANES, Layer, Layout};
use super::network::Network;
use crate::robot::JOINTS;

/// Samples that pass the layers together: a larger batch is cut, so that activations stay in the L2 cache.
const CHUNK: usize = 128;

/// Everything a batch needs, taken at once in [`Workspace::new`]; no call allocates.
#[derive(Clone, Debug)]
pub struct Workspace {
    layout: Layout,
    chunk: usize,
    /// Of each layer: activations, and the slopes there.
    layers: Vec<(Buffer, Buffer)>,
    /// Gradient by the affine outputs of a layer, and of the layer below.
    above: Buffer,
    below: Buffer,
    /// One layer's weights as (out, in): the input gradient runs along the inputs.
    transposed: Buffer,
    gradient: Buffer,
}

impl Workspace {
    /// Room for `layout`, and for batches of any size; `max_batch` bounds what passes the layers together.
    pub fn new(layout: &Layout, max_batch: usize) -> Self {
        let chunk = max_batch.clamp(1, CHUNK);
        let transposed = layout.layers().iter().map(|l| l.outputs * l.inputs.next_multiple_of(LANES));
        Self {
            layout: layout.clone(),
            chunk,
            layers: layout
                .layers()
                .iter()
                .map(|layer| (Buffer::zeros(chunk * layer.stride), Buffer::zeros(chunk * layer.stride)))
                .collect(),
            above: Buffer::zeros(chunk * layout.widest()),
            below: Buffer::zeros(chunk * layout.widest()),
            transposed: Buffer::zeros(transposed.max().unwrap_or(0)),
            gradient: Buffer::zeros(layout.len()),
        }
    }

    /// The gradient by every parameter, laid out like them, of the last [`Self::gradient_of`].
    pub fn gradient(&self) -> &[f32] {
        &self.gradient
    }

    /// [`Self::gradient`], for another part of the same batch to be added.
    pub fn gradient_mut(&mut self) -> &mut [f32] {
        &mut self.gradient
    }

    /// Calls `take(sample, output)` for each row of `inputs`, in order; `output` dimensionless.
    ///
    /// # Panics
    /// When `network` has another layout than this workspace.
    pub fn outputs(
        &mut self,
        network: &Network,
        inputs: &[f32],
        mut take: impl FnMut(usize, &[f32; JOINTS]),
    ) {
        self.rows(network, inputs, self.layout.layers().len() - 1, |sample, row| {
            if let Some(output) = row.first_chunk() {
                take(sample, output);
            }
        });
    }

    /// Calls `take(sample, features)` for each row of `inputs`: what the last affine layer is given.
    ///
    /// # Panics
    /// When `network` has another layout than this workspace, or no hidden layer.
    pub fn features(&mut self, network: &Network, inputs: &[f32], take: impl FnMut(usize, &[f32])) {
        let hidden = self.layout.layers().len() - 2;
        self.rows(network, inputs, hidden, take);
    }

    fn rows(&mut self, network: &Network, inputs: &[f32], layer: usize, mut take: impl FnMut(usize, &[f32])) {
        let Layer { stride, outputs, .. } = self.layout.layers()[layer];
        for (c, chunk) in inputs.chunks(self.chunk * self.layout.inputs()).enumerate() {
            let count = self.forward(network, chunk, false);
            for (i, row) in self.layers[layer].0.chunks_exact(stride).take(count).enumerate() {
                take(c * self.chunk + i, &row[..outputs]);
            }
        }
    }

    /// The gradient, by every parameter, of a sum of losses over the rows of `inputs`.
    ///
    /// `slope(sample, output)` gives the gradient of one sample's loss by its seven outputs; weights and the
    /// division by the number of samples are its business. The result is in [`Self::gradient`].
    ///
    /// # Panics
    /// When `network` has another layout than this workspace.
    pub fn gradient_of(
        &mut self,
        network: &Network,
        inputs: &[f32],
        mut slope: impl FnMut(usize, &[f32; JOINTS]) -> [f32; JOINTS],
    ) {
        self.gradient.fill(0.0);
        for (c, chunk) in inputs.chunks(self.chunk * self.layout.inputs()).enumerate() {
            let count = self.forward(network, chunk, true);
            let Some((outputs, _)) = self.layers.last() else { return };
            let rows = outputs.chunks_exact(JOINTS.next_multiple_of(LANES)).take(count);
            let slopes = self.above.chunks_exact_mut(JOINTS.next_multiple_of(LANES));
            for (i, (output, to)) in rows.zip(slopes).enumerate() {
                to.fill(0.0);
                if let (Some(output), Some(to)) = (output.first_chunk(), to.first_chunk_mut()) {
                    *to = slope(c * self.chunk + i, output);
                }
            }
            self.backward(network, chunk, count);
        }
    }

    /// One chunk forward; returns its number of samples.
    fn forward(&mut self, network: &Network, chunk: &[f32], slopes: bool) -> usize {
        assert!(network.layout() == &self.layout, "a workspace serves the layout it was made for");
        let isa = network.isa();
        let count = chunk.len() / self.layout.inputs();
        let last = self.layout.layers().len() - 1;
        for (l, layer) in self.layout.layers().iter().enumerate() {
            let (done, rest) = self.layers.split_at_mut(l);
            let (activations, slope) = &mut rest[0];
            let (data, row): (&[f32], usize) = match done.last() {
                Some((below, _)) => (below, layer.inputs.next_multiple_of(LANES)),
                None => (chunk, layer.inputs),
            };
            let size = Size { m: count, n: layer.stride, k: layer.inputs };
            let weight = &network.parameters()[layer.weight()];
            let bias = &network.parameters()[layer.bias()];
            kernel::product(
                isa,
                size,
                Strided { data, row, column: 1 },
                weight,
                activations,
                Start::Row(bias),
            );
            let used = count * layer.stride;
            if l < last && slopes {
                let slope = &mut slope[..used];
                kernel::activate_with_slope(isa, network.activation(), &mut activations[..used], slope);
            } else if l < last {
                kernel::activate(isa, network.activation(), &mut activations[..used]);
            }
        }
        count
    }

    /// Adds one chunk's gradient; `self.above` holds the slopes of the loss by the network's outputs.
    fn backward(&mut self, network: &Network, chunk: &[f32], count: usize) {
        let isa = network.isa();
        for (l, layer) in self.layout.layers().iter().enumerate().rev() {
            let above = &self.above[..count * layer.stride];
            let bias = &mut self.gradient[layer.bias()];
            for row in above.chunks_exact(layer.stride) {
                bias.iter_mut().zip(row).for_each(|(bias, slope)| *bias += slope);
            }
            let (data, column): (&[f32], usize) = match l.checked_sub(1) {
                Some(below) => (&self.layers[below].0, layer.inputs.next_multiple_of(LANES)),
                None => (chunk, layer.inputs),
            };
            let size = Size { m: layer.inputs, n: layer.stride, k: count };
            let weight = &mut self.gradient[layer.weight()];
            kernel::product(isa, size, Strided { data, row: 1, column }, above, weight, Start::Accumulate);
            let Some(below) = l.checked_sub(1) else { break };
            let stride = layer.inputs.next_multiple_of(LANES);
            transpose(&network.parameters()[layer.weight()], layer, &mut self.transposed);
            let size = Size { m: count, n: stride, k: layer.outputs };
            let above = Strided { data: above, row: layer.stride, column: 1 };
            kernel::product(isa, size, above, &self.transposed, &mut self.below, Start::Zero);
            let slopes = &self.layers[below].1[..count * stride];
            self.below.iter_mut().zip(slopes).for_each(|(below, slope)| *below *= slope);
            std::mem::swap(&mut self.above, &mut self.below);
        }
    }
}

/// (in, out) to (out, in), in blocks of one cache line, so that neither side is walked against its grain.
fn transpose(weight: &[f32], layer: &Layer, to: &mut [f32]) {
    let stride = layer.inputs.next_multiple_of(LANES);
    if stride > layer.inputs {
        to[..layer.outputs * stride].fill(0.0); // padding may hold another layer's weights
    }
    for (block, rows) in weight.chunks(LANES * layer.stride).enumerate() {
        for first in (0..layer.outputs).step_by(LANES) {
            let columns = first..(first + LANES).min(layer.outputs);
            for (r, row) in rows.chunks_exact(layer.stride).enumerate() {
                for j in columns.clone() {
                    to[j * stride + block * LANES + r] = row[j];
                }
            }
        }
    }
}
