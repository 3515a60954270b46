//! Rates of training, and of the matrix product that bounds it.
use super::measure::{Figures, Flush, time_us};
use crate::learn::crew::{Crew, Objective};
use crate::policy::{Adam, Layout, Network, Options};
use crate::robot::JOINTS;

/// Samples of the original's larger data set.
const SAMPLES: usize = 1894;
/// Rows of the square matrices.
const ROWS: usize = 512;

/// Half the squared distance from nothing in particular.
struct Plain;

impl Objective for Plain {
    type Batch = Vec<f32>;

    fn inputs(batch: &Self::Batch) -> &[f32] {
        batch
    }

    fn slope(&mut self, _: &Self::Batch, _: usize, output: &[f32; JOINTS]) -> [f32; JOINTS] {
        output.map(|y| (y - 1.0) * 1e-4)
    }
}

/// One full-batch update of the original's network: forward, backward, Adam.
pub(super) fn train_gflops(threads: usize, flush: &mut Flush) -> Figures {
    let shape = Options::original();
    let network = Network::random(Layout::new(3, &shape.hidden), shape.activation, 1);
    let products: usize = network.layout().layers().iter().map(|l| l.inputs * l.outputs).sum();
    // Forward, gradient by the weights, and by the inputs of all layers but the first.
    let operations = 2 * SAMPLES * (3 * products - 3 * shape.hidden[0]);
    let inputs: Vec<f32> = (0..3 * SAMPLES).map(|i| (i as f32).sin()).collect();
    let mut adam = Adam::new(network.layout().len());
    let mut crew = Crew::new(network, inputs, SAMPLES, [Plain, Plain], threads);
    time_us(flush, || crew.step(&mut adam, 1e-6)).map(|us| operations as f64 / us * 1e-3)
}

/// A product of two matrices, its rows shared among the threads.
pub(super) fn sgemm_gflops(threads: usize, flush: &mut Flush) -> Figures {
    let n = ROWS;
    let (a, b) = (vec![0.5_f32; n * n], vec![0.25_f32; n * n]);
    let mut c = vec![0.0_f32; n * n];
    let operations = 2 * n * n * n;
    // Several in a row: starting a thread must not count.
    let repeats = 8;
    let product = |a: &[f32], c: &mut [f32]| {
        let (b, rows) = (&b, a.len() / n);
        for _ in 0..repeats {
            multiply(rows, n, a, b, c);
        }
    };
    let share = n.div_ceil(threads) * n;
    let figures = time_us(flush, || {
        std::thread::scope(|scope| {
            let mut parts = a.chunks(share).zip(c.chunks_mut(share));
            let first = parts.next();
            for (a, c) in parts {
                scope.spawn(|| product(a, c));
            }
            if let Some((a, c)) = first {
                product(a, c);
            }
        });
    });
    figures.map(|us| (repeats * operations) as f64 / us * 1e-3)
}

/// C = A·B for `rows`×n, n×n and `rows`×n.
fn multiply(rows: usize, n: usize, a: &[f32], b: &[f32], c: &mut [f32]) {
    let a = nalgebra::DMatrixView::from_slice(a, n, rows);
    let b = nalgebra::DMatrixView::from_slice(b, n, n);
    let mut c = nalgebra::DMatrixViewMut::from_slice(c, n, rows);
    // Column by column, nalgebra's order, the same numbers are the transposed product Cᵀ = Bᵀ·Aᵀ.
    c.gemm(1.0, &b, &a, 0.0);
}
