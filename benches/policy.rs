//! Speed of the network, as floating-point operations a second and microseconds an answer.
//!
//! `cargo bench --bench policy`; a multiply and an add are two operations. `scripts/bench_frameworks.py` prints
//! PyTorch's figures for the same work: compare within one session on one machine, as ratios.
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use franka_imit::policy::kernel::Isa;
use franka_imit::policy::{Activation, Adam, Card, Layout, Network, Normalisation, Policy, Workspace};
use std::hint::black_box;

const HIDDEN: [usize; 3] = [128, 256, 128];

fn one_answer(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("evaluate 3-128-256-128-7");
    for activation in [Activation::Relu, Activation::Silu] {
        for isa in Isa::available() {
            let network = Network::random(Layout::new(3, &HIDDEN), activation, 1).on(isa);
            let mut policy = Policy::new(network, Normalisation::identity(3), Card::default()).unwrap();
            group.bench_function(format!("{} {}", activation.name(), isa.name()), |bench| {
                bench.iter(|| policy.evaluate(black_box(&[0.3, 0.0, 0.5])));
            });
        }
    }
}

fn one_step(criterion: &mut Criterion) {
    for batch in [128, 1894] {
        let mut group = criterion.benchmark_group(format!("step 3-128-256-128-7 batch {batch}"));
        group.sample_size(20);
        for activation in [Activation::Relu, Activation::Silu] {
            for isa in Isa::available() {
                let mut network = Network::random(Layout::new(3, &HIDDEN), activation, 1).on(isa);
                let layout = network.layout().clone();
                let products = layout.layers().iter().map(|l| l.inputs * l.outputs);
                // Forward, weight gradient, and the input gradient of all layers but the first.
                let operations = 2 * batch * (3 * products.sum::<usize>() - 3 * HIDDEN[0]);
                let (mut workspace, mut adam) = (Workspace::new(&layout, batch), Adam::new(layout.len()));
                let inputs: Vec<f32> = (0..3 * batch).map(|i| (i as f32).sin()).collect();
                let share = 1.0 / (7 * batch) as f32;
                group.throughput(Throughput::Elements(operations as u64));
                group.bench_function(format!("{} {}", activation.name(), isa.name()), |bench| {
                    bench.iter(|| {
                        workspace
                            .gradient_of(&network, &inputs, |_, output| output.map(|y| share * (y - 1.0)));
                        adam.step(isa, network.parameters_mut(), workspace.gradient(), 1e-6);
                    });
                });
            }
        }
    }
}

criterion_group!(benches, one_answer, one_step);
criterion_main!(benches);
