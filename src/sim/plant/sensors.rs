//! What the robot believes of itself: encoders and torque sensors, with their noise.
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_distr::{Distribution, StandardNormal};

use crate::robot::Joints;
use crate::robot::limits::CYCLE_S;
use crate::sim::Options;

/// A velocity estimate's noise for a position noise of 1, 1/s.
const DQ_NOISE: f64 = 100.0;

/// Stiffness between motor and link, Nm/rad: the order of the Panda's harmonic drives (our estimate).
const GEAR_STIFFNESS: f64 = 14_250.0;

/// The measured part of a state: joints, torques, and what is estimated from them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::sim) struct Measured {
    /// Joint positions, rad.
    pub(in crate::sim) q: Joints,
    /// Joint velocities, rad/s.
    pub(in crate::sim) dq: Joints,
    /// Motor positions, rad.
    pub(in crate::sim) theta: Joints,
    /// Motor velocities, rad/s.
    pub(in crate::sim) dtheta: Joints,
    /// Link-side torques, Nm.
    pub(in crate::sim) tau_J: Joints,
    /// Their change, Nm/s.
    pub(in crate::sim) dtau_J: Joints,
    /// External torques, estimated and filtered, Nm.
    pub(in crate::sim) tau_ext_hat_filtered: Joints,
    /// External wrench at K in the base frame, N and Nm.
    pub(in crate::sim) O_F_ext_hat_K: [f64; 6],
    /// The same in K.
    pub(in crate::sim) K_F_ext_hat_K: [f64; 6],
    /// Above the lower threshold now, per joint: the contact level, else 0.
    pub(in crate::sim) joint_contact: Joints,
    /// The same, per axis of K.
    pub(in crate::sim) cartesian_contact: [f64; 6],
    /// Above the upper threshold since the last recovery, per joint: the contact level, else 0.
    pub(in crate::sim) joint_collision: Joints,
    /// The same, per axis of K.
    pub(in crate::sim) cartesian_collision: [f64; 6],
}

/// The sensors and their noise.
#[derive(Debug)]
pub(super) struct Sensors {
    q_noise_rad: f64,
    tau_noise_nm: f64,
    offset: Joints,
    seed: u64,
    noise: StdRng,
    pub(super) measured: Measured,
}

impl Sensors {
    pub(super) fn new(options: &Options) -> Self {
        let q = options.q_start_rad;
        Self {
            q_noise_rad: options.q_noise_rad,
            tau_noise_nm: options.tau_noise_nm,
            offset: options.arm_error.joint_offset_rad,
            seed: options.seed,
            noise: StdRng::seed_from_u64(options.seed),
            measured: Measured { q, theta: q, ..Measured::default() },
        }
    }

    /// How many states pass before a client's first command is up to its machine: from it on they draw the same.
    pub(super) fn begin_motion(&mut self, motion: u64) {
        self.noise = StdRng::seed_from_u64(self.seed ^ motion << 32);
    }

    /// What the encoders read where the joints stand at `q`.
    pub(super) fn seen(&self, q: &Joints) -> Joints {
        std::array::from_fn(|i| q[i] + self.offset[i])
    }

    /// Where the joints stand when the encoders read `q`.
    pub(super) fn true_positions(&self, q: &Joints) -> Joints {
        std::array::from_fn(|i| q[i] - self.offset[i])
    }

    /// Looks at the arm once.
    pub(super) fn measure(&mut self, q: &Joints, dq: &Joints, tau_J: &Joints) {
        let q = self.noisy(&self.seen(q), self.q_noise_rad);
        let dq = self.noisy(dq, self.q_noise_rad * DQ_NOISE);
        let tau_J = self.noisy(tau_J, self.tau_noise_nm);
        let measured = &mut self.measured;
        measured.dtau_J = std::array::from_fn(|i| (tau_J[i] - measured.tau_J[i]) / CYCLE_S);
        // Joint torque winds the gear: the motor stands ahead of the link.
        measured.theta = std::array::from_fn(|i| q[i] + tau_J[i] / GEAR_STIFFNESS);
        (measured.q, measured.dq, measured.dtheta, measured.tau_J) = (q, dq, dq, tau_J);
    }

    fn noisy(&mut self, value: &Joints, sigma: f64) -> Joints {
        if sigma == 0.0 {
            return *value;
        }
        value.map(|value| {
            let z: f64 = StandardNormal.sample(&mut self.noise);
            value + sigma * z
        })
    }
}
