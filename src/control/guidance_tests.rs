//! The law of guidance alone: finite, inside the limits, never a jump; springs where there must be springs.
use super::guidance::{Guidance, Options};
use crate::kinematics::{forward, hand_tool, to_column_major};
use crate::robot::{Joints, State, limits};
use crate::safety;
use proptest::prelude::*;

fn at(q: Joints) -> State {
    let F_T_EE = to_column_major(&hand_tool());
    State { q, q_d: q, F_T_EE, O_T_EE: to_column_major(&forward(&q, &hand_tool())), ..State::ZERO }
}

/// The torque after the law has seen `state` for so long; its own torques come back as the robot's last.
fn after(law: &mut Guidance, mut state: State, ms: u64) -> Joints {
    for _ in 0..ms {
        state.time_ms += 1;
        state.tau_J_d = law.step(&state, 1e-3, false).tau;
    }
    state.tau_J_d
}

/// A law whose arm a hand pulls at.
fn free(options: &Options) -> Guidance {
    free_in(options, &safety::Options::default())
}

fn free_in(options: &Options, safety: &safety::Options) -> Guidance {
    let mut law = Guidance::new(options, safety);
    after(&mut law, at(limits::Q_READY), 500);
    let mut pulled = at(limits::Q_READY);
    pulled.O_F_ext_hat_K[0] = 10.0;
    after(&mut law, pulled, 200);
    assert!(law.is_free());
    law
}

fn pulled(q: Joints) -> State {
    let mut state = at(q);
    state.O_F_ext_hat_K[0] = 10.0;
    state
}

#[test]
fn a_held_arm_is_pulled_back_and_a_guided_one_is_not() {
    let options = Options::default();
    let mut away = limits::Q_READY;
    away[0] += 0.02;
    let mut law = Guidance::new(&options, &safety::Options::default());
    after(&mut law, at(limits::Q_READY), 100);
    let held = after(&mut law, at(away), 100);
    assert!((held[0] + 0.02 * options.hold_stiffness_nm_rad[0]).abs() < 1e-9, "{held:?}");
    let guided = after(&mut free(&options), pulled(away), 100);
    assert!(guided.iter().all(|tau| tau.abs() < 1e-9), "{guided:?}");
}

#[test]
fn a_guided_joint_is_damped_and_more_so_above_the_soft_speed() {
    let options = Options::default();
    let torque = |dq_rad_s: f64| {
        let mut state = pulled(limits::Q_READY);
        state.dq[6] = dq_rad_s;
        after(&mut free(&options), state, 200)[6]
    };
    assert!((torque(0.5) + 0.5 * options.damping_nm_s_rad[6]).abs() < 0.02, "{}", torque(0.5));
    let fast = 0.8 * limits::DQ_MAX[6];
    assert!(torque(fast) < -3.0 * fast * options.damping_nm_s_rad[6], "{}", torque(fast));
}

#[test]
fn an_end_of_a_joint_and_a_wall_push_back_before_they_are_reached() {
    let options = Options::default();
    let mut q = limits::Q_READY;
    q[0] = limits::Q_MAX[0] - 0.1;
    let torque = after(&mut free(&options), pulled(q), 100);
    assert!(torque[0] < -4.0 && torque[1..].iter().all(|tau| tau.abs() < 1e-9), "{torque:?}");
    let high_m = forward(&limits::Q_READY, &hand_tool()).translation.x + 0.01;
    let walled = safety::Options { box_max_m: [high_m, 1.0, 1.2], ..safety::Options::default() };
    let torque = after(&mut free_in(&options, &walled), pulled(limits::Q_READY), 100);
    let J = crate::kinematics::jacobian(&limits::Q_READY, &hand_tool());
    let along_x: f64 = torque.iter().zip(&J.row(0)).map(|(tau, x)| tau * x).sum();
    assert!(along_x < -1.0, "the wall pushes back along x: {torque:?}");
}

#[test]
fn a_locked_axis_is_held_and_the_others_are_free() {
    let locked = Options { locked_axes: [false, false, true, false, false, false], ..Options::default() };
    let mut law = free(&locked);
    let mut turned = limits::Q_READY;
    turned[0] += 0.1; // round the base: the height stays
    let torque = after(&mut law, pulled(turned), 100);
    assert!(torque.iter().all(|tau| tau.abs() < 1e-6), "{torque:?}");
    let mut lower = limits::Q_READY;
    lower[1] += 0.05;
    let torque = after(&mut law, pulled(lower), 100);
    assert!(torque[1] < -3.0, "it is lifted again: {torque:?}");
}

proptest! {
    #[test]
    fn torques_are_finite_inside_the_limits_and_never_jump(
        bits in prop::collection::vec(any::<u64>(), 73),
        before in prop::collection::vec(-20.0..20.0f64, 7),
        locked in prop::array::uniform6(any::<bool>()),
    ) {
        let wild = |k: usize| f64::from_bits(bits[k]);
        let joints = |k: usize| std::array::from_fn(|i| wild(k + i));
        let mut law = Guidance::new(&Options { locked_axes: locked, ..Options::default() }, &safety::Options::default());
        let max = |i: usize| limits::TAU_MAX[i];
        let mut state = State {
            q: joints(0), dq: joints(7), tau_ext_hat_filtered: joints(14),
            O_T_EE: std::array::from_fn(|i| wild(21 + i)), F_T_EE: std::array::from_fn(|i| wild(37 + i)),
            O_F_ext_hat_K: std::array::from_fn(|i| wild(53 + i)),
            tau_J_d: std::array::from_fn(|i| before[i].clamp(-max(i), max(i))), ..State::ZERO
        };
        for hold in [false, false, true] {
            let torque = law.step(&state, 1e-3, hold);
            for (i, (tau, before)) in torque.tau.iter().zip(&state.tau_J_d).enumerate() {
                prop_assert!(tau.is_finite() && tau.abs() <= max(i));
                prop_assert!((tau - before).abs() <= 1.0);
            }
            state.tau_J_d = torque.tau;
        }
        // And it has not been poisoned: at a state that makes sense again it holds.
        let held = after(&mut law, at(limits::Q_READY), 1000);
        prop_assert!(held.iter().all(|tau| tau.is_finite()));
    }
}
