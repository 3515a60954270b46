//! Rigid-body dynamics against an independent library, and against physics.
#![allow(non_snake_case)]

use franka_imit::dynamics::{Arm, Body, G_EARTH, HAND};
use franka_imit::robot::Joints;
use franka_imit::robot::limits::{Q_MAX, Q_MIN, Q_READY};
use proptest::prelude::*;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The load of scripts/make_dynamics_fixtures.py, in the flange frame.
const LOAD: Body = Body {
    m: 1.2,
    x_C: [0.02, -0.01, 0.15],
    I: [[0.004, 0.0005, -0.0003], [0.0005, 0.003, 0.0002], [-0.0003, 0.0002, 0.002]],
};

/// What pinocchio computed.
#[derive(Deserialize)]
struct Pose {
    q: Joints,
    dq: Joints,
    M: [Joints; 7],
    gravity: Joints,
    coriolis: Joints,
    coriolis_transpose: Joints,
}

#[derive(Deserialize)]
struct Fixtures {
    poses: BTreeMap<String, Vec<Pose>>,
    motions: BTreeMap<String, Motion>,
}

#[derive(Deserialize)]
struct Motion {
    armature: Joints,
    scale: Joints,
    q_every_100_ms: Vec<Joints>,
}

fn fixtures() -> Fixtures {
    serde_json::from_str(include_str!("fixtures/dynamics.json")).expect("the fixture file")
}

fn tool(name: &str) -> Body {
    match name {
        "nothing" => Body::NOTHING,
        "hand" => HAND,
        _ => HAND.with(&LOAD),
    }
}

/// Largest difference, as a share of the largest of `expected`.
fn relative(got: &[f64], expected: &[f64]) -> f64 {
    let largest = expected.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
    got.iter().zip(expected).fold(0.0_f64, |worst, (a, b)| worst.max((a - b).abs())) / largest
}

#[test]
fn masses_coriolis_and_gravity_are_those_of_an_independent_library() {
    let mut worst = 0.0_f64;
    for (name, poses) in fixtures().poses {
        let arm = Arm::panda_with(tool(&name));
        for pose in poses {
            let terms = arm.dynamics(&pose.q, &pose.dq, &G_EARTH);
            for (got, expected) in [
                (terms.M.as_flattened(), pose.M.as_flattened()),
                (&terms.coriolis, &pose.coriolis),
                (&terms.coriolis_transpose, &pose.coriolis_transpose),
                (&terms.gravity, &pose.gravity),
                (&arm.gravity(&pose.q, &G_EARTH), &pose.gravity),
            ] {
                worst = worst.max(relative(got, expected));
            }
        }
    }
    println!("largest relative difference {worst:.1e}");
    assert!(worst < 1e-9, "{worst:e}");
}

#[test]
fn a_torque_motion_ends_where_an_independent_library_ends() {
    let mut worst = 0.0_f64;
    for (name, motion) in fixtures().motions {
        let (hand, loaded) = (Arm::panda_with(HAND), Arm::panda_with(HAND.with(&LOAD)));
        let truth = if name.ends_with("load") { loaded } else { hand };
        let known = if name == "declared_load" { loaded } else { hand };
        let (mut q, mut dq) = (Q_READY, [0.0; 7]);
        for k in 0..1000 {
            let t = f64::from(k) * 1e-3;
            let wish: Joints = std::array::from_fn(|i| {
                let (a, b) = (0.5 + 0.25 * i as f64, 1.5 - 0.1 * i as f64);
                let turn = std::f64::consts::TAU * t;
                motion.scale[i] * ((turn * a).sin() + 0.5 * (turn * b).cos())
            });
            let rate = |q: &Joints, dq: &Joints| {
                let hold = known.gravity(q, &G_EARTH);
                let tau: Joints = std::array::from_fn(|i| wish[i] + hold[i]);
                truth.forward_dynamics(q, dq, &tau, &G_EARTH, &motion.armature)
            };
            (q, dq) = runge_kutta(&q, &dq, 1e-3, rate);
            if k % 100 == 99 {
                let expected = motion.q_every_100_ms[k as usize / 100];
                worst = (0..7).fold(worst, |worst, i| worst.max((q[i] - expected[i]).abs()));
            }
        }
        let moved = (0..7).fold(0.0_f64, |far, i| far.max((q[i] - Q_READY[i]).abs()));
        assert!(moved > 0.1, "{name}: the motion moves the arm: {moved} rad");
    }
    println!("largest difference {worst:.1e} rad");
    assert!(worst < 1e-6, "{worst:e} rad");
}

/// One step of the classical fourth-order method.
fn runge_kutta(
    q: &Joints,
    dq: &Joints,
    h: f64,
    rate: impl Fn(&Joints, &Joints) -> Joints,
) -> (Joints, Joints) {
    let plus = |a: &Joints, b: &Joints, s: f64| -> Joints { std::array::from_fn(|i| a[i] + s * b[i]) };
    let a1 = rate(q, dq);
    let v2 = plus(dq, &a1, h / 2.0);
    let a2 = rate(&plus(q, dq, h / 2.0), &v2);
    let v3 = plus(dq, &a2, h / 2.0);
    let a3 = rate(&plus(q, &v2, h / 2.0), &v3);
    let v4 = plus(dq, &a3, h);
    let a4 = rate(&plus(q, &v3, h), &v4);
    (
        std::array::from_fn(|i| q[i] + h / 6.0 * (dq[i] + 2.0 * v2[i] + 2.0 * v3[i] + v4[i])),
        std::array::from_fn(|i| dq[i] + h / 6.0 * (a1[i] + 2.0 * a2[i] + 2.0 * a3[i] + a4[i])),
    )
}

fn any_q() -> impl Strategy<Value = Joints> {
    prop::array::uniform7(0.0..1.0_f64)
        .prop_map(|u| std::array::from_fn(|i| Q_MIN[i] + u[i] * (Q_MAX[i] - Q_MIN[i])))
}

fn any(scale: f64) -> impl Strategy<Value = Joints> {
    prop::array::uniform7(-scale..scale)
}

fn dot(a: &Joints, b: &Joints) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

proptest! {
    #[test]
    fn the_mass_matrix_is_symmetric_and_every_motion_has_energy(q in any_q(), dq in any(1.0)) {
        let arm = Arm::panda_with(HAND);
        let M = arm.mass_matrix(&q);
        for i in 0..7 {
            for j in 0..7 {
                prop_assert!((M[i][j] - M[j][i]).abs() < 1e-14);
            }
        }
        prop_assert!(arm.kinetic_energy(&q, &dq) > 1e-6 * dot(&dq, &dq));
    }

    #[test]
    fn accelerations_and_torques_are_each_others_inverse(q in any_q(), dq in any(2.0), ddq in any(10.0)) {
        let arm = Arm::panda_with(HAND.with(&LOAD));
        let tau = arm.inverse_dynamics(&q, &dq, &ddq, &G_EARTH);
        let back = arm.forward_dynamics(&q, &dq, &tau, &G_EARTH, &[0.0; 7]);
        for i in 0..7 {
            prop_assert!((back[i] - ddq[i]).abs() < 1e-7, "{} {}", back[i], ddq[i]);
        }
    }

    #[test]
    fn energy_changes_by_the_power_of_the_torque(q in any_q(), dq in any(1.0), tau in any(5.0)) {
        let arm = Arm::panda_with(HAND);
        let ddq = arm.forward_dynamics(&q, &dq, &tau, &G_EARTH, &[0.1; 7]);
        let energy = |s: f64| {
            let q: Joints = std::array::from_fn(|i| q[i] + s * dq[i] + 0.5 * s * s * ddq[i]);
            let dq: Joints = std::array::from_fn(|i| dq[i] + s * ddq[i]);
            arm.kinetic_energy(&q, &dq) + 0.05 * dot(&dq, &dq) + arm.potential_energy(&q, &G_EARTH)
        };
        let h = 1e-6;
        let rate = (energy(h) - energy(-h)) / (2.0 * h);
        let power = dot(&tau, &dq);
        prop_assert!((rate - power).abs() < 1e-4 * (1.0 + power.abs()), "{rate} W, not {power} W");
    }

    #[test]
    fn momentum_changes_by_torque_and_the_transposed_coriolis_term(q in any_q(), dq in any(1.0), tau in any(5.0)) {
        let arm = Arm::panda_with(HAND);
        let terms = arm.dynamics(&q, &dq, &G_EARTH);
        let ddq = arm.forward_dynamics(&q, &dq, &tau, &G_EARTH, &[0.0; 7]);
        let momentum = |s: f64| {
            let q: Joints = std::array::from_fn(|i| q[i] + s * dq[i]);
            let dq: Joints = std::array::from_fn(|i| dq[i] + s * ddq[i]);
            arm.mass_matrix(&q).map(|row| dot(&row, &dq))
        };
        let (after, before) = (momentum(1e-6), momentum(-1e-6));
        for i in 0..7 {
            let rate = (after[i] - before[i]) / 2e-6;
            let expected = tau[i] + terms.coriolis_transpose[i] - terms.gravity[i];
            prop_assert!((rate - expected).abs() < 1e-5, "joint {i}: {rate} {expected}");
        }
    }
}
