//! The arm under its internal joint impedance controller: seven second-order joints with friction.
//!
//! `I ddq = K (q_d − q) + (D − B)(dq_d − dq) − B dq − friction`, `D` critical. `B` is damping the controller
//! applies to the measured velocity: it makes the arm lag a steady motion by `B / K`, as a Panda does.
mod sensors;

use super::Options;
use super::judge::Desired;
use super::settings::Settings;
use crate::robot::limits::CYCLE_S;
use crate::robot::{Errors, JOINTS, Joints};
pub(super) use sensors::Measured;
use sensors::Sensors;

/// Which controller moves the arm this cycle.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(dead_code)] // torque control and guiding are on their way
pub(super) enum Control {
    /// The robot's own, with `K_theta`, towards the desired joints: also at rest, braking and in reflexes.
    JointImpedance,
    /// The robot's own, with `K_x` at the end effector, towards the pose of the desired joints.
    CartesianImpedance,
    /// The client's torque, Nm, without gravity, which the robot adds.
    Torque(Joints),
    /// Nothing but gravity compensation, on the axes that `guiding` leaves free.
    Guiding,
}

/// Inertia each joint feels, motor included, kg m²: our estimate for a middling pose.
const INERTIA: Joints = [1.4, 1.6, 1.2, 1.1, 0.4, 0.35, 0.3];
/// Coulomb friction left over by the robot's own compensation, Nm: our estimate.
const COULOMB: Joints = [0.3, 0.3, 0.3, 0.3, 0.15, 0.15, 0.15];
/// Below this speed a joint may stick, rad/s …
const STICK_SPEED: f64 = 1e-4;
/// … when what pushes it is less than this many times the Coulomb friction (Stribeck: it holds more than it drags).
const STICTION: f64 = 1.3;
/// Viscous friction left over, Nm s/rad: our estimate.
const VISCOUS: Joints = [0.5, 0.5, 0.5, 0.5, 0.2, 0.2, 0.2];
/// Lag behind a steady motion from damping of the measured velocity, s.
const LAG_S: f64 = 0.008;
/// Damping that stays when the stiffness is zero, Nm s/rad.
const DAMPING_MIN: f64 = 2.0;
const SUBSTEPS: usize = 4;

/// The arm: what moves, and the torque that moves it.
#[derive(Debug)]
pub(super) struct Plant {
    /// Joint positions, rad.
    pub(super) q: Joints,
    /// Joint velocities, rad/s.
    pub(super) dq: Joints,
    /// Controller torque of the last cycle, Nm, without gravity.
    pub(super) tau: Joints,
    /// Change of that torque, Nm/s.
    pub(super) dtau: Joints,
    sensors: Sensors,
}

impl Plant {
    /// At rest at the start of `options`.
    pub(super) fn new(options: &Options) -> Self {
        Self {
            q: options.q_start_rad,
            dq: [0.0; JOINTS],
            tau: [0.0; JOINTS],
            dtau: [0.0; JOINTS],
            sensors: Sensors::new(options),
        }
    }

    /// A motion gets its first command in the next cycle: what is random begins anew, from its number.
    pub(super) fn begin_motion(&mut self, motion: u64) {
        self.sensors.begin_motion(motion);
    }

    /// What the robot's sensors and estimators say now.
    pub(super) fn measured(&self) -> Measured {
        self.sensors.measured
    }

    /// The reflex that contact asks for, if any.
    pub(super) fn reflex(&self) -> Errors {
        Errors::default()
    }

    /// Whether friction holds every joint still.
    pub(super) fn at_rest(&self) -> bool {
        self.dq == [0.0; JOINTS]
    }

    /// The fastest joint, rad/s.
    pub(super) fn speed(&self) -> f64 {
        self.dq.iter().fold(0.0, |fastest, dq| dq.abs().max(fastest))
    }

    /// One cycle under `control`; `desired` is the joint trajectory the robot's own controllers follow.
    ///
    /// Backward Euler, friction included as the bound on what it can hold: stable for every stiffness, and a
    /// joint that friction holds is exactly still.
    pub(super) fn step(&mut self, _control: Control, desired: &Desired, settings: &Settings) {
        let K_theta = &settings.K_theta;
        let h = CYCLE_S / SUBSTEPS as f64;
        for i in 0..JOINTS {
            let damping = (2.0 * (K_theta[i] * INERTIA[i]).sqrt()).max(DAMPING_MIN);
            let on_measured = (LAG_S * K_theta[i]).min(damping);
            for _ in 0..SUBSTEPS {
                let push = K_theta[i] * (desired.q[i] - self.q[i]) + (damping - on_measured) * desired.dq[i];
                let resist = INERTIA[i] + h * (damping + VISCOUS[i]) + h * h * K_theta[i];
                let free = (INERTIA[i] * self.dq[i] + h * push) / resist;
                let held = h * COULOMB[i] / resist;
                let sticks = self.dq[i].abs() < STICK_SPEED && push.abs() < STICTION * COULOMB[i];
                self.dq[i] = if free.abs() > held && !sticks { free - held.copysign(free) } else { 0.0 };
                self.q[i] += h * self.dq[i];
            }
            let tau = K_theta[i] * (desired.q[i] - self.q[i]) + (damping - on_measured) * desired.dq[i]
                - damping * self.dq[i];
            self.dtau[i] = (tau - self.tau[i]) / CYCLE_S;
            self.tau[i] = tau;
        }
        self.sensors.measure(&self.q, &self.dq, &self.tau, &self.dtau);
    }
}

#[cfg(test)]
mod tests;
