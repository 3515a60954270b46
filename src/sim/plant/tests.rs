use super::*;
use crate::dynamics::Body;
use crate::robot::limits::Q_READY;
use crate::sim::wire::commands::SetLoad;
use proptest::prelude::*;

/// The load of scripts/make_dynamics_fixtures.py, in the flange frame.
const LOAD: Body = Body {
    m: 1.2,
    x_C: [0.02, -0.01, 0.15],
    I: [[0.004, 0.0005, -0.0003], [0.0005, 0.003, 0.0002], [-0.0003, 0.0002, 0.002]],
};

/// The robot's own model, no friction, nothing random.
fn ideal() -> Options {
    Options { model_error: 0.0, friction: 0.0, ..Options::default() }
}

fn at_the_tool_point(force: [f64; 3], cycles_left: u64) -> Force {
    Force { force, point: [0.0; 3], moment: [0.0; 3], cycles_left }
}

fn impedance(stiffness: Joints) -> Settings {
    Settings { K_theta: stiffness, ..Settings::default() }
}

#[test]
fn a_joint_lags_a_steady_motion_by_a_few_milliseconds() {
    for i in 0..JOINTS {
        let mut desired = Desired::at(Q_READY);
        let mut plant = Plant::new(&ideal());
        desired.dq[i] = 0.3;
        for _ in 0..1000 {
            desired.q[i] += 0.3 * CYCLE_S;
            plant.step(Control::JointImpedance, &desired, &Settings::default());
        }
        let lag_s = (desired.q[i] - plant.q[i]) / 0.3;
        assert!((0.004..0.020).contains(&lag_s), "joint {i}: {lag_s} s");
    }
}

#[test]
fn a_step_ends_exactly_still_where_friction_holds_it() {
    let mut plant = Plant::new(&Options { model_error: 0.0, ..Options::default() });
    let goal = Q_READY.map(|q| q + 0.05);
    for _ in 0..2000 {
        plant.step(Control::JointImpedance, &Desired::at(goal), &Settings::default());
    }
    assert!(plant.at_rest(), "{:?}", plant.dq);
    for i in 0..JOINTS {
        assert!((goal[i] - plant.q[i]).abs() < 3e-4, "joint {i}: {}", goal[i] - plant.q[i]);
    }
    let still = plant.q;
    plant.step(Control::JointImpedance, &Desired::at(goal), &Settings::default());
    assert_eq!(plant.q, still);
}

#[test]
fn free_motion_keeps_its_energy() {
    let mut plant = Plant::new(&ideal());
    plant.dq = [0.4, -0.3, 0.5, 0.2, -0.6, 0.7, 0.9];
    // Gravity compensation does no work on balance here: the robot's model is the arm, so only motion counts.
    let energy = |plant: &Plant| {
        let rotors: f64 = (0..7).map(|i| 0.5 * ARMATURE[i] * plant.dq[i] * plant.dq[i]).sum();
        plant.body.kinetic_energy(&plant.q, &plant.dq) + rotors
    };
    let before = energy(&plant);
    for _ in 0..1000 {
        plant.step(Control::Torque([0.0; 7]), &Desired::at(Q_READY), &Settings::default());
    }
    let drift = (energy(&plant) / before - 1.0).abs();
    assert!(plant.q.iter().zip(Q_READY).any(|(q, start)| (q - start).abs() > 0.5));
    assert!(drift < 1e-9, "{drift:e} of the energy");
}

#[test]
fn a_fall_under_an_undeclared_load_keeps_its_energy() {
    let mut plant = Plant::new(&ideal());
    plant.body.tool = plant.body.tool.with(&LOAD);
    // What holds the arm the robot knows is the slope of that arm's potential energy.
    let known = Arm::panda_with(Settings::default().hand);
    let energy = |plant: &Plant| {
        let rotors: f64 = (0..7).map(|i| 0.5 * ARMATURE[i] * plant.dq[i] * plant.dq[i]).sum();
        let height = |arm: &Arm| arm.potential_energy(&plant.q, &G_EARTH);
        plant.body.kinetic_energy(&plant.q, &plant.dq) + rotors + height(&plant.body) - height(&known)
    };
    let before = energy(&plant);
    for _ in 0..500 {
        plant.step(Control::Torque([0.0; 7]), &Desired::at(Q_READY), &Settings::default());
    }
    let fallen = plant.body.kinetic_energy(&plant.q, &plant.dq);
    assert!(fallen > 0.5, "it falls: {fallen} J");
    assert!((energy(&plant) - before).abs() < 1e-9, "{:e} J", energy(&plant) - before);
}

#[test]
fn a_push_beside_the_tool_point_turns_the_hand_and_its_torque_is_the_truth() {
    let settings = Settings::default();
    let felt = |point: [f64; 3]| {
        let mut plant = Plant::new(&ideal());
        hold(&mut plant, &settings, 300);
        plant.push(Force { force: [0.0, 0.0, -10.0], point, moment: [0.0; 3], cycles_left: 1000 });
        let wrench = hold(&mut plant, &settings, 800).O_F_ext_hat_K;
        (wrench, plant.truth(&settings.tool), plant.measured().tau_ext_hat_filtered)
    };
    let (centre, ..) = felt([0.0; 3]);
    // 0.1 m along the hand's x, which is the base's: 10 N down make 1 Nm about y, and the robot holds against it.
    let (beside, truth, estimated) = felt([0.1, 0.0, 0.0]);
    assert!((centre[4]).abs() < 0.02 && (beside[4] + 1.0).abs() < 0.05, "{centre:?} {beside:?}");
    assert!((beside[2] - 10.0).abs() < 0.1, "{beside:?}");
    assert_eq!(truth.O_F_ext, [0.0, 0.0, -10.0]);
    for i in 0..JOINTS {
        assert!((truth.tau_ext[i] + estimated[i]).abs() < 0.02, "joint {i}: {truth:?} {estimated:?}");
    }
}

#[test]
fn a_locked_elbow_comes_to_rest_where_a_free_one_swings_on() {
    let swing = |nullspace: u8| {
        let mut plant = Plant::new(&ideal());
        let mut settings = Settings::default();
        settings.guiding.nullspace = nullspace;
        // The motion that leaves the hand where it is.
        let J = crate::kinematics::forward_and_jacobian(&plant.q, &settings.tool).1;
        let still = J.transpose() * (J * J.transpose()).try_inverse().expect("a regular pose") * J;
        let free = nalgebra::SMatrix::<f64, 7, 7>::identity() - still;
        plant.dq = (free.column(2) * 0.5).into();
        for _ in 0..100 {
            plant.step(Control::Guiding, &Desired::at(Q_READY), &settings);
        }
        (free * nalgebra::SVector::<f64, 7>::from(plant.dq)).norm()
    };
    assert!(swing(0) < 0.2 * swing(1), "{} rad/s locked, {} rad/s free", swing(0), swing(1));
}

/// What scripts/make_dynamics_fixtures.py asks for.
#[derive(serde::Deserialize)]
struct Motion {
    scale: Joints,
    q_every_100_ms: Vec<Joints>,
}

#[derive(serde::Deserialize)]
struct Fixtures {
    motions: std::collections::BTreeMap<String, Motion>,
}

#[test]
fn torque_motions_end_where_an_independent_library_ends() {
    let fixtures: Fixtures =
        serde_json::from_str(include_str!("../../../tests/fixtures/dynamics.json")).expect("fixtures");
    for name in ["hand_with_rotors", "undeclared_load", "declared_load"] {
        let motion = &fixtures.motions[name];
        let (mut plant, mut settings) = (Plant::new(&ideal()), Settings::default());
        if name.ends_with("load") {
            plant.body.tool = plant.body.tool.with(&LOAD);
        }
        if name == "declared_load" {
            let (m_load, F_x_Cload) = (LOAD.m, LOAD.x_C);
            settings.load =
                SetLoad { m_load, F_x_Cload, I_load: std::array::from_fn(|i| LOAD.I[i / 3][i % 3]) };
        }
        let mut worst = 0.0_f64;
        for k in 0..1000 {
            let turn = std::f64::consts::TAU * f64::from(k) * 1e-3;
            let tau = std::array::from_fn(|i| {
                let (a, b) = (0.5 + 0.25 * i as f64, 1.5 - 0.1 * i as f64);
                motion.scale[i] * ((turn * a).sin() + 0.5 * (turn * b).cos())
            });
            plant.step(Control::Torque(tau), &Desired::at(Q_READY), &settings);
            if k % 100 == 99 {
                let expected = motion.q_every_100_ms[k as usize / 100];
                worst = (0..7).fold(worst, |worst, i| worst.max((plant.q[i] - expected[i]).abs()));
            }
        }
        assert!(worst < 1e-6, "{name}: {worst:e} rad");
    }
}

/// Holds still for `cycles` and gives what the robot believes.
fn hold(plant: &mut Plant, settings: &Settings, cycles: usize) -> Measured {
    for _ in 0..cycles {
        plant.step(Control::JointImpedance, &Desired::at(Q_READY), settings);
    }
    *plant.measured()
}

#[test]
fn a_push_is_felt_with_its_size_and_direction() {
    let mut plant = Plant::new(&ideal());
    let settings = Settings::default();
    let before = hold(&mut plant, &settings, 500);
    assert!(before.tau_ext_hat_filtered.iter().all(|tau| tau.abs() < 1e-6), "{before:?}");
    // The environment pushes the robot by +15 N along x: the robot pushes back by -15 N.
    plant.push(at_the_tool_point([15.0, 0.0, 0.0], 1000));
    let felt = hold(&mut plant, &settings, 800).O_F_ext_hat_K;
    assert!((felt[0] + 15.0).abs() < 0.1 && felt[1].abs() < 0.1 && felt[2].abs() < 0.1, "{felt:?}");
    assert_eq!(plant.truth(&settings.tool).O_F_ext, [15.0, 0.0, 0.0]);
    let after = hold(&mut plant, &settings, 1500).O_F_ext_hat_K;
    assert!(after.iter().all(|force| force.abs() < 0.1), "{after:?}");
}

#[test]
fn an_undeclared_load_is_felt_and_a_declared_one_is_not() {
    let mut plant = Plant::new(&Options { payload_kg: 0.5, ..ideal() });
    let mut settings = Settings::default();
    let felt = hold(&mut plant, &settings, 2000).O_F_ext_hat_K;
    assert!((felt[2] - 0.5 * 9.81).abs() < 0.05, "the robot holds it up: {felt:?}");
    settings.load.m_load = 0.5;
    settings.load.F_x_Cload = [0.0, 0.0, 0.1034];
    let felt = hold(&mut plant, &settings, 2000).O_F_ext_hat_K;
    assert!(felt.iter().all(|force| force.abs() < 0.05), "{felt:?}");
}

#[test]
fn contact_is_flagged_and_collision_is_a_reflex_until_recovery() {
    let mut plant = Plant::new(&ideal());
    let mut settings = Settings::default();
    settings.collision.lower_force_nominal = [5.0; 6];
    settings.collision.upper_force_nominal = [30.0; 6];
    settings.collision.upper_torque_nominal = [10.0; 7];
    plant.push(at_the_tool_point([0.0, 12.0, 0.0], 600));
    let felt = hold(&mut plant, &settings, 500);
    // Seen in the hand's frame, whose y axis points to the robot's −y.
    assert_eq!(felt.cartesian_contact, [0.0, 1.0, 0.0, 0.0, 0.0, 0.0], "{:?}", felt.K_F_ext_hat_K);
    assert!(plant.reflex().is_empty());
    plant.push(at_the_tool_point([0.0, 45.0, 0.0], 300));
    let felt = hold(&mut plant, &settings, 400);
    assert_eq!(felt.cartesian_collision[1], 1.0);
    assert!(felt.joint_collision.contains(&1.0), "{:?}", felt.tau_ext_hat_filtered);
    let felt = hold(&mut plant, &settings, 2000);
    assert_eq!(felt.cartesian_collision[1], 1.0, "it stays until the robot recovers");
    plant.clear_collisions();
    assert_eq!(plant.measured().cartesian_collision, [0.0; 6]);
}

#[test]
fn a_plane_carries_the_hand_and_does_not_hold_it() {
    let tool = Settings::default().tool;
    let height = Plant::new(&ideal()).truth(&tool).O_T_EE[14];
    let mut plant = Plant::new(&Options { floor_z_m: height - 0.01, ..ideal() });
    let settings = impedance([200.0; 7]);
    let mut down = Desired::at(Q_READY);
    down.q[1] += 0.2;
    for _ in 0..2000 {
        plant.step(Control::JointImpedance, &down, &settings);
    }
    let truth = plant.truth(&tool);
    assert!(truth.O_T_EE[14] > height - 0.012, "it stands on the plane: {}", truth.O_T_EE[14] - height);
    assert!(truth.O_F_ext[2] > 5.0);
    hold(&mut plant, &settings, 2000);
    assert_eq!(plant.truth(&tool).O_F_ext, [0.0; 3]);
}

#[test]
fn bent_links_and_encoder_offsets_show_in_the_truth_alone() {
    let mut error = ArmError { joint_offset_rad: [0.0, 0.01, 0.0, 0.0, 0.0, 0.0, 0.0], ..Default::default() };
    error.link_bend_rad[2] = [0.005, 0.0, 0.0];
    let settings = Settings::default();
    let mut plant = Plant::new(&Options { arm_error: error, ..ideal() });
    let seen = hold(&mut plant, &settings, 100);
    assert!(seen.q.iter().zip(Q_READY).all(|(q, start)| (q - start).abs() < 1e-3), "{:?}", seen.q);
    let truth = plant.truth(&settings.tool).O_T_EE;
    let ideal = Plant::new(&ideal()).truth(&settings.tool).O_T_EE;
    let off = (12..15).map(|i| (truth[i] - ideal[i]).powi(2)).sum::<f64>().sqrt();
    assert!((0.002..0.02).contains(&off), "{off} m");
    assert!((plant.q[1] - seen.q[1] + 0.01).abs() < 1e-12);
}

#[test]
fn a_guided_arm_moves_with_the_hand_and_stays_where_it_is_left() {
    let mut plant = Plant::new(&Options { model_error: 0.0, ..Options::default() });
    let settings = Settings::default();
    let start = plant.truth(&settings.tool).O_T_EE;
    plant.push(at_the_tool_point([0.0, 15.0, 0.0], 500));
    for _ in 0..3000 {
        plant.step(Control::Guiding, &Desired::at(Q_READY), &settings);
    }
    let end = plant.truth(&settings.tool).O_T_EE;
    assert!(end[13] - start[13] > 0.05, "{} m", end[13] - start[13]);
    assert!(plant.at_rest());
}

#[test]
fn cartesian_impedance_gives_way_by_force_over_stiffness() {
    let mut plant = Plant::new(&ideal());
    let settings = Settings { K_x: [500.0, 500.0, 500.0, 50.0, 50.0, 50.0], ..Settings::default() };
    let start = plant.truth(&settings.tool).O_T_EE;
    plant.push(at_the_tool_point([0.0, 0.0, 10.0], 3000));
    for _ in 0..2500 {
        plant.step(Control::CartesianImpedance, &Desired::at(Q_READY), &settings);
    }
    let up = plant.truth(&settings.tool).O_T_EE[14] - start[14];
    assert!((up - 10.0 / 500.0).abs() < 0.001, "{up} m");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_stiffness_is_stable(
        stiffness in prop::array::uniform7(0.0..14250.0_f64),
        step in prop::array::uniform7(-0.1..0.1_f64),
        friction in 0.0..1.0_f64,
    ) {
        let mut plant = Plant::new(&Options { friction, ..Options::default() });
        let goal = std::array::from_fn(|i| Q_READY[i] + step[i]);
        let settings = impedance(stiffness);
        for _ in 0..2000 {
            plant.step(Control::JointImpedance, &Desired::at(goal), &settings);
            prop_assert!(plant.speed() < 20.0, "{:?}", plant.dq);
        }
        prop_assert!(plant.speed() < 0.3, "it calms down: {:?}", plant.dq);
    }
}
