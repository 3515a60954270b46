//! The network's arithmetic, held to PyTorch, to double precision, and each instruction set to its plain twin.
#![allow(non_snake_case)]
use franka_imit::policy::kernel::{Isa, Size, Start, Strided, product};
use franka_imit::policy::{Activation, Adam, Layout, Network, Scratch, Workspace};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    activation: Activation,
    hidden: Vec<usize>,
    inputs: Vec<f32>,
    targets: Vec<f32>,
    parameters: Vec<Vec<f32>>,
    outputs: Vec<f32>,
    gradient: Vec<Vec<f32>>,
    losses: Vec<f64>,
    parameters_after: Vec<Vec<f32>>,
}

const ACTIVATIONS: [Activation; 3] = [Activation::Relu, Activation::Silu, Activation::Tanh];

fn golden(activation: Activation) -> Golden {
    let path = format!("{}/tests/fixtures/golden_{}.json", env!("CARGO_MANIFEST_DIR"), activation.name());
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// PyTorch's (out, in) weights and biases, in the order of `Network`'s buffer.
fn to_buffer(layout: &Layout, tensors: &[Vec<f32>]) -> Vec<f32> {
    let mut buffer = vec![0.0; layout.len()];
    for (layer, pair) in layout.layers().iter().zip(tensors.chunks_exact(2)) {
        for (o, row) in pair[0].chunks_exact(layer.inputs).enumerate() {
            for (i, w) in row.iter().enumerate() {
                buffer[layer.weight()][i * layer.stride + o] = *w;
            }
        }
        buffer[layer.bias()][..layer.outputs].copy_from_slice(&pair[1]);
    }
    buffer
}

fn network(golden: &Golden, isa: Isa) -> Network {
    let layout = Layout::new(3, &golden.hidden);
    let parameters = to_buffer(&layout, &golden.parameters);
    let mut network = Network::zeros(layout, golden.activation).on(isa);
    network.parameters_mut().copy_from_slice(&parameters);
    network
}

/// Mean squared error over samples and joints, as PyTorch means it; its gradient is left in `workspace`.
fn mean_squared_error(workspace: &mut Workspace, network: &Network, inputs: &[f32], targets: &[f32]) -> f64 {
    let share = 1.0 / targets.len() as f32;
    let mut sum = 0.0;
    workspace.gradient_of(network, inputs, |sample, output| {
        std::array::from_fn(|j| {
            let error = output[j] - targets[sample * 7 + j];
            sum += f64::from(error * error);
            2.0 * share * error
        })
    });
    sum / targets.len() as f64
}

fn assert_near(ours: &[f32], theirs: &[f32], tolerance: f32, what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= tolerance, "{what}[{i}]: {a} is not {b}");
    }
}

#[test]
fn outputs_gradients_and_adam_are_those_of_pytorch() {
    for activation in ACTIVATIONS {
        for isa in Isa::available() {
            let golden = golden(activation);
            let mut network = network(&golden, isa);
            let layout = network.layout().clone();
            let (mut workspace, mut adam) = (Workspace::new(&layout, 4), Adam::new(layout.len()));
            let what = format!("{} on {}", activation.name(), isa.name());
            let mut outputs = Vec::new();
            workspace.outputs(&network, &golden.inputs, |_, output| outputs.extend(output));
            assert_near(&outputs, &golden.outputs, 5e-7, &what);
            for (step, &expected) in golden.losses.iter().enumerate() {
                let loss = mean_squared_error(&mut workspace, &network, &golden.inputs, &golden.targets);
                assert!(
                    (loss - expected).abs() <= 1e-6 * expected,
                    "{what}: step {step}: {loss} is not {expected}"
                );
                if step == 0 {
                    let gradient = to_buffer(&layout, &golden.gradient);
                    assert_near(workspace.gradient(), &gradient, 1e-7, &what);
                }
                adam.step(isa, network.parameters_mut(), workspace.gradient(), 1e-3);
            }
            let after = to_buffer(&layout, &golden.parameters_after);
            assert_near(network.parameters(), &after, 2e-6, &what);
        }
    }
}

/// The network in double precision, written as differently as can be.
fn reference_loss(network: &Network, parameters: &[f64], inputs: &[f32], targets: &[f32]) -> f64 {
    let layers = network.layout().layers();
    let mut sum = 0.0;
    for (x, y) in inputs.chunks_exact(3).zip(targets.chunks_exact(7)) {
        let mut a: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
        for (l, layer) in layers.iter().enumerate() {
            let weight = &parameters[layer.weight()];
            let bias = &parameters[layer.bias()];
            a = (0..layer.outputs)
                .map(|o| {
                    bias[o] + (0..layer.inputs).map(|i| a[i] * weight[i * layer.stride + o]).sum::<f64>()
                })
                .collect();
            if l + 1 < layers.len() {
                a.iter_mut().for_each(|z| {
                    *z = match network.activation() {
                        Activation::Relu => z.max(0.0),
                        Activation::Silu => *z / (1.0 + (-*z).exp()),
                        Activation::Tanh => z.tanh(),
                    }
                });
            }
        }
        sum += a.iter().zip(y).map(|(a, y)| (a - f64::from(*y)).powi(2)).sum::<f64>();
    }
    sum / targets.len() as f64
}

#[test]
fn every_gradient_is_the_central_difference() {
    for activation in ACTIVATIONS {
        let golden = golden(activation);
        for isa in Isa::available() {
            let network = network(&golden, isa);
            let mut workspace = Workspace::new(network.layout(), 128);
            mean_squared_error(&mut workspace, &network, &golden.inputs, &golden.targets);
            let mut parameters: Vec<f64> = network.parameters().iter().map(|p| f64::from(*p)).collect();
            for layer in network.layout().layers() {
                for at in layer.weight().start..layer.bias().end {
                    if (at - layer.weight().start) % layer.stride >= layer.outputs {
                        assert_eq!(workspace.gradient()[at], 0.0, "padding has a gradient");
                        continue;
                    }
                    let (step, middle) = (1e-5, parameters[at]);
                    let mut loss_at = |p: f64| {
                        parameters[at] = p;
                        reference_loss(&network, &parameters, &golden.inputs, &golden.targets)
                    };
                    let difference = (loss_at(middle + step) - loss_at(middle - step)) / (2.0 * step);
                    parameters[at] = middle;
                    let ours = f64::from(workspace.gradient()[at]);
                    assert!(
                        (ours - difference).abs() < 1e-6,
                        "{activation:?} {at}: {ours} is not {difference}"
                    );
                }
            }
        }
    }
}

#[test]
fn one_sample_and_a_batch_agree_on_every_instruction_set() {
    let layout = Layout::new(3, &[128, 256, 128]);
    let mut random = StdRng::seed_from_u64(3);
    let inputs: Vec<f32> = (0..3 * 300).map(|_| random.random_range(-2.0..2.0)).collect();
    for activation in ACTIVATIONS {
        let portable = Network::random(layout.clone(), activation, 5).on(Isa::PORTABLE);
        let mut expected = Vec::new();
        Workspace::new(&layout, 64).outputs(&portable, &inputs, |_, output| expected.extend(output));
        for isa in Isa::available() {
            let network = portable.clone().on(isa);
            let (mut scratch, mut batch, mut single) = (Scratch::new(&layout), Vec::new(), Vec::new());
            Workspace::new(&layout, 1000).outputs(&network, &inputs, |_, output| batch.extend(output));
            for x in inputs.chunks_exact(3) {
                single.extend_from_slice(network.forward(x, &mut scratch));
            }
            assert_near(&batch, &expected, 1e-6, isa.name());
            assert_near(&single, &expected, 1e-6, isa.name());
        }
    }
}

#[test]
fn every_instruction_set_computes_the_product_of_the_plain_one() {
    let mut random = StdRng::seed_from_u64(11);
    let mut numbers =
        |count: usize| -> Vec<f32> { (0..count).map(|_| random.random_range(-1.0..1.0)).collect() };
    for isa in Isa::available() {
        for (m, n, k) in
            [(1, 16, 1), (1, 256, 128), (2, 144, 5), (7, 32, 3), (13, 48, 64), (9, 16, 0), (31, 96, 17)]
        {
            for transposed in [false, true] {
                let (a, b, c, row) = (numbers(m * k), numbers(k * n), numbers(m * n), numbers(n));
                let (stride, column) = if transposed { (1, m) } else { (k, 1) };
                for start in [Start::Zero, Start::Row(&row), Start::Accumulate] {
                    let mut ours = c.clone();
                    let left = Strided { data: &a, row: stride, column };
                    product(isa, Size { m, n, k }, left, &b, &mut ours, start);
                    for (at, ours) in ours.iter().enumerate() {
                        let (i, j) = (at / n, at % n);
                        let from = match start {
                            Start::Zero => 0.0,
                            Start::Row(row) => row[j],
                            Start::Accumulate => c[at],
                        };
                        let sum = |p: usize| f64::from(a[i * stride + p * column]) * f64::from(b[p * n + j]);
                        let expected = f64::from(from) + (0..k).map(sum).sum::<f64>();
                        let error = (f64::from(*ours) - expected).abs();
                        assert!(error < 1e-5, "{} {m}x{n}x{k} ({i},{j}): {error}", isa.name());
                    }
                }
            }
        }
    }
}

#[test]
#[should_panic(expected = "does not fit")]
fn a_product_that_would_write_outside_is_refused() {
    let (a, b) = ([1.0; 4], [1.0; 32]);
    let mut c = [0.0; 31];
    product(
        Isa::detect(),
        Size { m: 2, n: 16, k: 2 },
        Strided { data: &a, row: 2, column: 1 },
        &b,
        &mut c,
        Start::Zero,
    );
}

#[test]
fn one_seed_gives_one_network_within_the_bounds_of_pytorch() {
    let layout = Layout::new(3, &[128, 256, 128]);
    let network = Network::random(layout.clone(), Activation::Relu, 42);
    let again = Network::random(layout.clone(), Activation::Relu, 42);
    assert_eq!(network.parameters(), again.parameters());
    assert_ne!(network.parameters(), Network::random(layout.clone(), Activation::Relu, 43).parameters());
    for layer in layout.layers() {
        let bound = 1.0 / (layer.inputs as f32).sqrt();
        let weights = &network.parameters()[layer.weight()];
        let largest = weights.iter().fold(0.0_f32, |largest, w| largest.max(w.abs()));
        assert!(largest <= bound && largest > 0.95 * bound, "{largest} of {bound}");
        let squares: f32 = weights.iter().map(|w| w * w).sum::<f32>() / (layer.inputs * layer.outputs) as f32;
        assert!((squares * 3.0 / (bound * bound) - 1.0).abs() < 0.15, "not uniform: {squares}");
    }
}
