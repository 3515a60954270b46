//! The simulated arm and what decides whether it may be guided: noise, masses that are a little wrong, loads that are
//! wrong.
use super::*;
use crate::control::guidance;
use crate::control::residual::Residual;
use crate::kinematics::{forward, hand_tool, to_column_major};
use crate::robot::State;
use crate::robot::limits::Q_READY;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// An arm of its own at a place of its own, in front of the base, at rest under the robot's controller.
fn arm(seed: u64, model_error: f64, carried_kg: f64, declared_kg: f64) -> (Plant, Settings, Joints) {
    let mut draws = StdRng::seed_from_u64(seed);
    let q = loop {
        let q: Joints = Q_READY.map(|q| q + draws.random_range(-0.7..0.7));
        let p = forward(&q, &hand_tool()).translation.vector;
        let inside = q.iter().zip(Q_MIN.iter().zip(&Q_MAX)).all(|(q, (low, high))| q > low && q < high);
        if inside && p.x > 0.25 && p.z > 0.05 {
            break q;
        }
    };
    let options = Options {
        q_start_rad: q,
        seed,
        q_noise_rad: 5e-6,
        tau_noise_nm: 0.02,
        model_error,
        payload_kg: carried_kg,
        ..Options::default()
    };
    let mut settings = Settings::with_tool(&options.end_effector());
    settings.load.m_load = declared_kg;
    settings.load.F_x_Cload = [0.0, 0.0, 0.1034];
    (Plant::new(&options), settings, q)
}

fn seen(plant: &Plant) -> State {
    let measured = plant.measured();
    State {
        q: measured.q,
        dq: measured.dq,
        tau_ext_hat_filtered: measured.tau_ext_hat_filtered,
        O_F_ext_hat_K: measured.O_F_ext_hat_K,
        F_T_EE: to_column_major(&hand_tool()),
        ..State::ZERO
    }
}

/// What an arm that stands for a second seems to carry beyond what is declared, and whether it is let go.
fn judged(seed: u64, model_error: f64, carried_kg: f64, declared_kg: f64) -> (f64, bool) {
    let (mut plant, settings, q) = arm(seed, model_error, carried_kg, declared_kg);
    let mut residual = Residual::default();
    for ms in 0..1300 {
        plant.step(Control::JointImpedance, &Desired::at(q), &settings);
        if ms >= 300 {
            residual.add(&seen(&plant));
        }
    }
    let options = guidance::Options::default();
    (residual.load(&options).mass_kg, residual.check(&options).is_ok())
}

/// A load that is right, and two that are wrong by 0.3 kg: (carried, declared), kg.
const LOADS: [(f64, f64); 3] = [(0.2, 0.2), (0.3, 0.0), (0.0, 0.3)];

#[test]
fn a_load_wrong_by_three_hundred_grams_is_refused_and_a_right_one_is_not() {
    let let_go = LOADS
        .map(|(carried, declared)| (0..100).filter(|seed| judged(*seed, 0.01, carried, declared).1).count());
    assert!(let_go[0] >= 99 && let_go[1] <= 1 && let_go[2] <= 1, "let go, of 100 each: {let_go:?}");
}

#[test]
#[ignore = "a mass test of two minutes: cargo test --lib thousands_of_loads -- --ignored --nocapture"]
fn thousands_of_loads_are_judged_as_a_hundred_are() {
    const ARMS: u64 = 1000;
    const THRESHOLDS_KG: [f64; 5] = [0.05, 0.10, 0.15, 0.20, 0.25];
    println!(
        "of {ARMS} arms each, with a right load held / with one wrong by 0.3 kg let go, by the threshold:"
    );
    println!(
        "| masses wrong by | error of the mass, rms and largest | {} |",
        THRESHOLDS_KG.map(|t| format!("{t:.2} kg")).join(" | ")
    );
    for model_error in [0.01, 0.02, 0.03] {
        let masses = LOADS.map(|(carried, declared)| {
            (0..ARMS).map(|seed| judged(seed, model_error, carried, declared).0.abs()).collect::<Vec<f64>>()
        });
        let rms = (masses[0].iter().map(|m| m * m).sum::<f64>() / ARMS as f64).sqrt();
        let largest = masses[0].iter().fold(0.0, |most: f64, m| most.max(*m));
        let rates = THRESHOLDS_KG.map(|t| {
            let held = masses[0].iter().filter(|m| **m > t).count();
            let let_go = masses[1].iter().chain(&masses[2]).filter(|m| **m <= t).count();
            (held, let_go)
        });
        let said = rates.map(|(held, let_go)| format!("{held} / {let_go}")).join(" | ");
        println!("| {:.0} % | {rms:.3} kg, {largest:.3} kg | {said} |", 100.0 * model_error);
        let (held, let_go) = rates[2];
        assert!(model_error > 0.011 || (held <= 10 && let_go <= 20), "{held} held, {let_go} let go");
    }
}
