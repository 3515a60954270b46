//! The arm alone, without a socket: for measuring what a millisecond of it costs.
use super::{Control, Plant};
use crate::robot::JOINTS;
use crate::robot::limits::CYCLE_S;
use crate::sim::Options;
use crate::sim::judge::Desired;
use crate::sim::settings::Settings;

/// An arm that swings all its joints to and fro under the robot's own controller.
pub struct Exercise {
    plant: Plant,
    settings: Settings,
    options: Options,
    cycle: u64,
}

impl Exercise {
    /// At rest at the start of `options`.
    pub fn new(options: &Options) -> Self {
        let (plant, settings) = (Plant::new(options), Settings::default());
        Self { plant, settings, options: options.clone(), cycle: 0 }
    }

    /// Moves it by one millisecond.
    pub fn step(&mut self) {
        let (amplitude_rad, rate_rad_s) = (0.05, 3.0);
        let (sin, cos) = (rate_rad_s * CYCLE_S * self.cycle as f64).sin_cos();
        let q = self.options.q_start_rad.map(|q| q + amplitude_rad * (1.0 - cos));
        let dq = [amplitude_rad * rate_rad_s * sin; JOINTS];
        self.plant.step(Control::JointImpedance, &Desired { q, dq, ddq: [0.0; JOINTS] }, &self.settings);
        self.cycle += 1;
    }
}
