//! The law alone: finite, inside the limits, and it never jumps.
use super::impedance::{Impedance, Options, Torque};
use crate::dynamics::{Arm, HAND};
use crate::robot::{Command, Joints, State, limits};
use proptest::prelude::*;
use std::f64::consts::PI;

fn state() -> State {
    State { q: limits::Q_READY, q_d: limits::Q_READY, ..State::ZERO }
}

#[test]
fn an_arm_where_it_should_be_is_not_pulled() {
    let mut law = Impedance::new(&Options::default());
    law.see(&state());
    let torque = law.answer(&state(), &Command::Position(limits::Q_READY));
    assert_eq!(torque, Torque { tau: [0.0; 7], is_last: false });
}

#[test]
fn the_leash_bounds_the_pull_and_the_rate_bounds_its_growth() {
    let options = Options::default();
    let mut law = Impedance::new(&options);
    let mut held = state();
    held.q[3] += 0.4;
    for ms in 0..500 {
        held.time_ms = ms;
        law.see(&held);
        let before = held.tau_J_d[3];
        held.tau_J_d = law.answer(&held, &Command::Position(limits::Q_READY)).tau;
        assert!((held.tau_J_d[3] - before).abs() <= 0.9 + 1e-12);
    }
    let expected = -options.stiffness_nm_rad[3] * options.leash_rad;
    assert!((held.tau_J_d[3] - expected).abs() < 1e-9, "{}", held.tau_J_d[3]);
}

#[test]
fn an_arm_that_turns_with_what_is_desired_needs_no_deflected_spring_for_it() {
    let arm = Arm::panda_with(HAND);
    let mut law = Impedance::new(&Options::default());
    let (mut state, mut farthest_rad) = (state(), 0.0f64);
    for ms in 0..1000u32 {
        // The base and the elbow swing twice a second, from rest.
        let turn = 0.05 * (1.0 - (4e-3 * PI * f64::from(ms)).cos());
        let mut q_c = limits::Q_READY;
        (q_c[0], q_c[3]) = (q_c[0] + turn, q_c[3] + turn);
        state.time_ms = u64::from(ms);
        law.see(&state);
        state.tau_J_d = law.answer(&state, &Command::Position(q_c)).tau;
        let ddq = arm.forward_dynamics(&state.q, &state.dq, &state.tau_J_d, &[0.0; 3], &[0.0; 7]);
        for i in 0..7 {
            farthest_rad = farthest_rad.max((state.q[i] - q_c[i]).abs());
            state.dq[i] += 1e-3 * ddq[i];
            state.q[i] += 1e-3 * state.dq[i];
        }
    }
    // The springs alone would have to be deflected by 13 mrad.
    assert!(farthest_rad < 0.004, "{farthest_rad}");
}

#[test]
fn lost_milliseconds_carry_the_desired_motion_on_as_the_robot_would() {
    let mut law = Impedance::new(&Options::default());
    let mut q = limits::Q_READY;
    for ms in 0..10 {
        law.see(&State { time_ms: ms, ..state() });
        q[0] += 1e-4;
        law.answer(&state(), &Command::Position(q));
    }
    let seen = law.see(&State { time_ms: 14, ..state() });
    assert!((seen.q_d[0] - (q[0] + 4e-4)).abs() < 1e-12 && (seen.dq_d[0] - 0.1).abs() < 1e-9);
}

proptest! {
    #[test]
    fn torques_are_finite_inside_the_limits_and_never_jump(
        bits in prop::collection::vec(any::<u64>(), 35),
        before in prop::collection::vec(-20.0..20.0f64, 7),
    ) {
        let wild = |k: usize| std::array::from_fn(|i| f64::from_bits(bits[7 * k + i]));
        let mut law = Impedance::new(&Options::default());
        let tau_J_d: Joints = std::array::from_fn(|i| before[i].clamp(-limits::TAU_MAX[i], limits::TAU_MAX[i]));
        let state = State { q: wild(0), dq: wild(1), q_d: wild(2), tau_J_d, ..State::ZERO };
        law.see(&state);
        law.answer(&state, &Command::Position(wild(3)));
        let torque = law.answer(&state, &Command::Position(wild(4)));
        for i in 0..7 {
            prop_assert!(torque.tau[i].is_finite() && torque.tau[i].abs() <= limits::TAU_MAX[i]);
            prop_assert!((torque.tau[i] - tau_J_d[i]).abs() <= 1.0);
        }
    }
}
