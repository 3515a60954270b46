//! Time of the equations of motion: the simulated arm solves them several times a millisecond.
//!
//! `cargo bench --bench dynamics`.
#![allow(non_snake_case)]
use criterion::{Criterion, criterion_group, criterion_main};
use franka_imit::dynamics::{Arm, G_EARTH, HAND, angles};
use franka_imit::robot::limits::Q_READY;
use std::hint::black_box;

fn dynamics(criterion: &mut Criterion) {
    let arm = Arm::panda_with(HAND);
    let (q, dq, tau) = (Q_READY, [0.3, -0.2, 0.4, 0.1, -0.5, 0.6, -0.7], [1.0; 7]);
    let angles_of_q = angles(&q);
    let mut group = criterion.benchmark_group("dynamics");
    group.bench_function("sines and cosines", |bench| bench.iter(|| angles(black_box(&q))));
    group.bench_function("all terms, sines known", |bench| {
        bench.iter(|| arm.terms(black_box(&angles_of_q), black_box(&dq), &G_EARTH));
    });
    group.bench_function("gravity", |bench| bench.iter(|| arm.gravity(black_box(&q), &G_EARTH)));
    group.bench_function("acceleration", |bench| {
        bench.iter(|| arm.forward_dynamics(black_box(&q), black_box(&dq), &tau, &G_EARTH, &[0.1; 7]));
    });
}

criterion_group!(benches, dynamics);
criterion_main!(benches);
