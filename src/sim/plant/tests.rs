use super::*;
use crate::robot::limits::Q_READY;

#[test]
fn a_joint_lags_a_steady_motion_by_a_few_milliseconds() {
    for i in 0..JOINTS {
        let mut desired = Desired::at(Q_READY);
        let mut plant = Plant::new(&Options::default());
        let mut before = plant.q[i];
        desired.dq[i] = 0.5;
        for _ in 0..1000 {
            before = plant.q[i];
            desired.q[i] += 0.5 * CYCLE_S;
            plant.step(Control::JointImpedance, &desired, &Settings::default());
        }
        let lag_s = (desired.q[i] - plant.q[i]) / 0.5;
        assert!((0.004..0.020).contains(&lag_s), "joint {i}: {lag_s} s");
        assert!(((plant.q[i] - before) / CYCLE_S - 0.5).abs() < 1e-6);
    }
}

#[test]
fn a_step_is_followed_without_overshoot_and_ends_exactly_still() {
    let mut plant = Plant::new(&Options::default());
    let goal = Q_READY.map(|q| q + 0.05);
    for _ in 0..1000 {
        plant.step(Control::JointImpedance, &Desired::at(goal), &Settings::default());
        for i in 0..JOINTS {
            assert!(plant.q[i] <= goal[i]);
        }
    }
    assert!(plant.at_rest());
    for i in 0..JOINTS {
        assert!(goal[i] - plant.q[i] <= STICTION * COULOMB[i] / Settings::default().K_theta[i]);
    }
}

#[test]
fn every_allowed_stiffness_is_stable() {
    for stiffness in [0.0, 1e-3, 1.0, 100.0, 14250.0] {
        let mut plant = Plant::new(&Options::default());
        for cycle in 0..3000 {
            let goal = Q_READY.map(|q| q + if cycle / 100 % 2 == 0 { 0.1 } else { -0.1 });
            let settings = Settings { K_theta: [stiffness; JOINTS], ..Settings::default() };
            plant.step(Control::JointImpedance, &Desired::at(goal), &settings);
            assert!(plant.speed() < 20.0, "stiffness {stiffness}, cycle {cycle}: {plant:?}");
        }
    }
}
