//! Adam (Kingma and Ba 2015), in the arithmetic of PyTorch's `torch.optim.Adam`.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable
)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::disallowed_macros)]
use super::buffer::Buffer;
use super::kernel::{self, Isa};

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// The optimiser's two moments of the gradient and its step count.
#[derive(Clone, Debug)]
pub struct Adam {
    m: Buffer,
    v: Buffer,
    steps: u64,
}

/// The scalars of one step, rounded from double precision as PyTorch does.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    step: f32,
    root: f32,
}

impl Adam {
    /// Moments of zero for `len` parameters.
    pub fn new(len: usize) -> Self {
        Self { m: Buffer::zeros(len), v: Buffer::zeros(len), steps: 0 }
    }

    /// Forgets the moments: the state after `new`.
    pub fn reset(&mut self) {
        self.m.fill(0.0);
        self.v.fill(0.0);
        self.steps = 0;
    }

    /// Updates made so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The moments of the gradient and of its square, laid out like the parameters.
    pub fn moments(&self) -> (&[f32], &[f32]) {
        (&self.m, &self.v)
    }

    /// Goes on from moments of as many parameters and a step count; whether the lengths agree.
    pub fn restore(&mut self, m: &[f32], v: &[f32], steps: u64) -> bool {
        let agree = m.len() == self.m.len() && v.len() == self.v.len();
        if agree {
            self.m.copy_from_slice(m);
            self.v.copy_from_slice(v);
            self.steps = steps;
        }
        agree
    }

    /// One update of `parameters` against `gradient`; `learning_rate` is dimensionless, as the network is.
    pub fn step(&mut self, isa: Isa, parameters: &mut [f32], gradient: &[f32], learning_rate: f64) {
        self.steps += 1;
        let t = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let rates = Rates {
            step: (learning_rate / (1.0 - BETA_1.powi(t))) as f32,
            root: (1.0 / (1.0 - BETA_2.powi(t)).sqrt()) as f32,
        };
        kernel::adam_update(isa, &rates, parameters, gradient, &mut self.m, &mut self.v);
    }
}

/// The update of every parameter, one flat loop.
#[inline(always)]
pub(super) fn update<const FMA: bool>(
    rates: &Rates,
    parameters: &mut [f32],
    gradient: &[f32],
    m: &mut [f32],
    v: &mut [f32],
) {
    let Rates { step, root } = *rates;
    for (((p, &g), m), v) in parameters.iter_mut().zip(gradient).zip(m).zip(v) {
        *m += (1.0 - BETA_1) as f32 * (g - *m);
        *v = BETA_2 as f32 * *v + (1.0 - BETA_2) as f32 * (g * g);
        *p -= step * (*m / (v.sqrt() * root + EPSILON as f32));
    }
}

/// Adds `from` to `to`; the first constant says nothing here: sums are not fused.
#[inline(always)]
pub(super) fn add<const FMA: bool>(to: &mut [f32], from: &[f32]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
}
