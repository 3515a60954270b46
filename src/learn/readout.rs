//! The last layer, solved: it is linear, so least squares gives its best weights at once.
use super::batches::Samples;
use crate::policy::{Network, Workspace};
use crate::robot::JOINTS;
use nalgebra::{DMatrix, DMatrixView};

/// Ridge, relative to the mean square of the features: the noise of `f32` features, seen from `f64`.
const RIDGE: f64 = 1e-9;
/// Features gathered before they are multiplied.
const BLOCK: usize = 256;

/// Replaces the last layer of `network` by the least-squares fit of its features to the labels.
///
/// Demonstrations and targets weigh as in the objective; joints do not compete, so their weights cancel. Does
/// nothing when the features are so degenerate that there is no answer. Allocates.
pub(super) fn solve(
    network: &mut Network,
    workspace: &mut Workspace,
    demonstrations: &Samples,
    targets: &Samples,
    lambda: f64,
) {
    let Some(&layer) = network.layout().layers().last() else { return };
    let n = layer.inputs + 1;
    let (mut gram, mut moment) = (DMatrix::<f64>::zeros(n, n), DMatrix::<f64>::zeros(n, JOINTS));
    for (samples, weight) in [(demonstrations, 1.0), (targets, lambda)] {
        if samples.len() == 0 || weight == 0.0 {
            continue;
        }
        let root = (weight / samples.len() as f64).sqrt();
        // Columns are samples: features, one, then the label.
        let (mut features, mut labels) = (Vec::with_capacity(n * BLOCK), Vec::with_capacity(JOINTS * BLOCK));
        let mut add = |features: &mut Vec<f64>, labels: &mut Vec<f64>| {
            let h = DMatrixView::from_slice(features, n, features.len() / n);
            let y = DMatrixView::from_slice(labels, JOINTS, labels.len() / JOINTS);
            gram.gemm(1.0, &h, &h.transpose(), 1.0);
            moment.gemm(1.0, &h, &y.transpose(), 1.0);
            features.clear();
            labels.clear();
        };
        workspace.features(network, samples.inputs(), |sample, row| {
            features.extend(row.iter().map(|x| root * f64::from(*x)));
            features.push(root);
            labels.extend(samples.output(sample).iter().map(|y| root * f64::from(*y)));
            if labels.len() == JOINTS * BLOCK {
                add(&mut features, &mut labels);
            }
        });
        add(&mut features, &mut labels);
    }
    let ridge = RIDGE * gram.trace() / n as f64;
    (0..n).for_each(|i| gram[(i, i)] += ridge);
    let Some(solution) = gram.cholesky().map(|factor| factor.solve(&moment)) else { return };
    if solution.iter().any(|w| !w.is_finite()) {
        return;
    }
    let tensors = &mut network.parameters_mut()[layer.weight().start..layer.bias().end];
    for (i, row) in tensors.chunks_exact_mut(layer.stride).enumerate() {
        (0..JOINTS).for_each(|j| row[j] = solution[(i, j)] as f32);
    }
}
