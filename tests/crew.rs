//! Two threads give the bits of one, every instruction set the gradient of plain Rust, and both forms of the loss
//! the gradient that differences show.
#![allow(non_snake_case)]
use franka_imit::kinematics::{Pose, forward, hand_tool};
use franka_imit::learn::crew::{Crew, Objective};
use franka_imit::learn::objective::task_loss;
use franka_imit::policy::kernel::Isa;
use franka_imit::policy::{Activation, Adam, Layout, Network};
use franka_imit::robot::limits::{Q_MAX, Q_MIN};
use nalgebra::{UnitQuaternion, Vector3};
use proptest::prelude::*;

/// Half the squared distance of every output from a wave.
#[derive(Clone)]
struct Wave;

impl Objective for Wave {
    type Batch = Vec<f32>;

    fn inputs(batch: &Self::Batch) -> &[f32] {
        batch
    }

    fn slope(&mut self, _: &Self::Batch, sample: usize, output: &[f32; 7]) -> [f32; 7] {
        std::array::from_fn(|j| 0.01 * (output[j] - (sample as f32 + j as f32).sin()))
    }
}

fn inputs(samples: usize) -> Vec<f32> {
    (0..3 * samples).map(|i| (0.37 * i as f32).cos()).collect()
}

fn trained(isa: Isa, activation: Activation, samples: usize, threads: usize, steps: usize) -> Vec<f32> {
    let network = Network::random(Layout::new(3, &[40, 24]), activation, 5).on(isa);
    let mut adam = Adam::new(network.parameters().len());
    let mut crew = Crew::new(network, inputs(samples), samples, [Wave, Wave], threads);
    assert_eq!(crew.threads(), threads);
    (0..steps).for_each(|_| crew.step(&mut adam, 1e-3));
    crew.into_network().parameters().to_vec()
}

#[test]
fn two_threads_give_the_bits_of_one() {
    for isa in Isa::available() {
        for activation in [Activation::Relu, Activation::Silu, Activation::Tanh] {
            for samples in [1, 2, 3, 127, 345] {
                let [one, two] = [1, 2].map(|threads| trained(isa, activation, samples, threads, 30));
                assert!(one == two, "{} {} with {samples} samples", isa.name(), activation.name());
            }
        }
    }
}

#[test]
fn every_instruction_set_has_the_gradient_of_plain_rust() {
    for threads in [1, 2] {
        for samples in [1, 5, 300] {
            let gradient = |isa: Isa| {
                let network = Network::random(Layout::new(3, &[40, 24]), Activation::Silu, 5).on(isa);
                let mut crew = Crew::new(network, inputs(samples), samples, [Wave, Wave], threads);
                let mut taken = Vec::new();
                crew.gradient(|_, gradient| taken.extend_from_slice(gradient));
                taken
            };
            let portable = gradient(Isa::PORTABLE);
            let largest = portable.iter().fold(0.0_f32, |most, g| most.max(g.abs()));
            for isa in Isa::available() {
                for (i, (ours, plain)) in gradient(isa).iter().zip(&portable).enumerate() {
                    assert!((ours - plain).abs() <= 2e-5 * largest, "{} at {i}: {ours} {plain}", isa.name());
                }
            }
        }
    }
}

#[test]
fn a_crew_can_be_dropped_before_during_and_after_its_work() {
    for steps in [0, 1, 100] {
        trained(Isa::detect(), Activation::Relu, 64, 2, steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// The loss in the world, whatever the pose asked for: its gradient by each joint is that of differences.
    #[test]
    fn the_task_loss_has_the_gradient_of_central_differences(
        at in prop::array::uniform7(0.02..0.98f64),
        moved in prop::array::uniform3(-0.2..0.2f64),
        turned in prop::array::uniform3(-0.9..0.9f64),
    ) {
        let q: [f64; 7] = std::array::from_fn(|j| Q_MIN[j] + at[j] * (Q_MAX[j] - Q_MIN[j]));
        let there = forward(&q, &hand_tool());
        let goal = Pose::from_parts(
            (there.translation.vector + Vector3::from(moved)).into(),
            UnitQuaternion::from_scaled_axis(Vector3::from(turned)) * there.rotation,
        );
        let (loss, gradient) = task_loss(&q, &goal, &hand_tool());
        prop_assert!(loss >= 0.0);
        for j in 0..7 {
            let h = 1e-5;
            let side = |sign: f64| {
                let mut q = q;
                q[j] += sign * h;
                task_loss(&q, &goal, &hand_tool()).0
            };
            let difference = (side(1.0) - side(-1.0)) / (2.0 * h);
            prop_assert!((gradient[j] - difference).abs() < 1e-8, "joint {}: {} {}", j + 1, gradient[j], difference);
        }
        let (nothing, slope) = task_loss(&q, &there, &hand_tool());
        prop_assert!(nothing < 1e-20 && slope.iter().all(|g| g.abs() < 1e-9));
    }
}
