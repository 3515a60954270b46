//! What the simulated arm costs, for the figures of `benches/sim.rs` that only the inside can take.
use std::time::{Duration, Instant};

use super::judge::Desired;
use super::plant::{Control, Plant};
use super::settings::Settings;
use super::{Error, Options};
use crate::robot::limits::CYCLE_S;

/// How fast the joints swing, rad/s, and how far, rad: like a client's motion, below every limit.
const SWING: (f64, f64) = (2.0, 0.2);

/// The time of each of `cycles` steps of the plant (arm, sensors, observer) while all seven joints swing.
///
/// # Errors
/// Options out of range.
pub fn plant_steps(options: &Options, cycles: u32) -> Result<Vec<Duration>, Error> {
    let violations = options.validate();
    if !violations.is_empty() {
        return Err(Error::Options(violations));
    }
    let (mut plant, settings) = (Plant::new(options), Settings::default());
    let step = |cycle| {
        let turn = SWING.0 * f64::from(cycle) * CYCLE_S;
        let desired = Desired {
            q: options.q_start_rad.map(|q| q + SWING.1 * (1.0 - turn.cos())),
            dq: [SWING.1 * SWING.0 * turn.sin(); 7],
            ddq: [SWING.1 * SWING.0 * SWING.0 * turn.cos(); 7],
        };
        let start = Instant::now();
        plant.step(Control::JointImpedance, &desired, &settings);
        start.elapsed()
    };
    Ok((0..cycles).map(step).collect())
}
