//! What the robot concludes about forces from outside: estimate, contact, collision.
//!
//! A momentum observer (De Luca, Albu-Schäffer, Haddadin, Hirzinger 2006, IROS, "Collision detection and safe
//! reaction with the DLR-III lightweight manipulator arm") on the model the robot has, with the declared load: its
//! answer is the true external torque through a first-order filter, plus what the model gets wrong.
use nalgebra::{SMatrix, SVector, Vector6};

use super::Measured;
use crate::dynamics::{Arm, G_EARTH};
use crate::kinematics::forward_and_jacobian;
use crate::robot::limits::CYCLE_S;
use crate::robot::{Errors, JOINTS, Joints};
use crate::sim::Choices;
use crate::sim::judge::{self, Desired, error};
use crate::sim::settings::Settings;

/// Above this desired acceleration (rad/s²) the acceleration thresholds hold (undocumented: our choice).
const ACCELERATING: f64 = 0.1;
/// Below this determinant of J Jᵀ a wrench cannot be told from joint torques: it reads zero (our choice).
const SINGULAR: f64 = 1e-7;

/// The estimator's memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observer {
    /// Bandwidth of the estimate, 1/s.
    gain: f64,
    /// What a contact or collision flag reads where it is not 0.
    level: f64,
    /// Integral of what should change the momentum, once it has begun.
    sum: Option<Joints>,
    /// Torque from outside, Nm, as it acts on the arm.
    residual: Joints,
    /// The reflexes it asks for.
    pub(super) reflex: Errors,
}

impl Observer {
    /// With the bandwidth and the flags of `choices`.
    pub(super) fn new(choices: &Choices) -> Self {
        Self {
            gain: choices.tau_ext_bandwidth_1_s,
            level: choices.contact_level,
            sum: None,
            residual: [0.0; JOINTS],
            reflex: Errors::default(),
        }
    }

    /// Begins anew with the next look: settled at what the resting arm shows.
    pub(super) fn settle(&mut self) {
        self.sum = None;
    }

    /// One look at the arm: fills the estimated fields of `measured`.
    ///
    /// The sign is Franka's: what the robot does to its surroundings is positive.
    pub(super) fn look(
        &mut self,
        known: &Arm,
        measured: &mut Measured,
        desired: &Desired,
        settings: &Settings,
    ) {
        let terms = known.dynamics(&measured.q, &measured.dq, &G_EARTH);
        let drive: Joints =
            std::array::from_fn(|i| measured.tau_J[i] + terms.coriolis_transpose[i] - terms.gravity[i]);
        let momentum = terms.M.map(|row| row.iter().zip(&measured.dq).map(|(m, v)| m * v).sum::<f64>());
        let gain = self.gain;
        let sum = self.sum.get_or_insert_with(|| {
            self.residual = drive.map(|tau| -tau);
            std::array::from_fn(|i| momentum[i] + drive[i] / gain)
        });
        for i in 0..JOINTS {
            sum[i] += CYCLE_S * (drive[i] + self.residual[i]);
            self.residual[i] = gain * (momentum[i] - sum[i]);
        }
        measured.tau_ext_hat_filtered = self.residual.map(|tau| -tau);

        let stiffness_frame = settings.tool * settings.stiffness_frame;
        let (pose, J) = forward_and_jacobian(&measured.q, &stiffness_frame);
        let JJt: SMatrix<f64, 6, 6> = J * J.transpose();
        let tau = SVector::<f64, 7>::from(measured.tau_ext_hat_filtered);
        let wrench = match JJt.cholesky() {
            Some(factor) if factor.determinant() > SINGULAR => factor.solve(&(J * tau)),
            _ => Vector6::zeros(),
        };
        measured.O_F_ext_hat_K = wrench.into();
        let back = pose.rotation.inverse();
        let force = back * wrench.fixed_rows::<3>(0).into_owned();
        let moment = back * wrench.fixed_rows::<3>(3).into_owned();
        measured.K_F_ext_hat_K = [force.x, force.y, force.z, moment.x, moment.y, moment.z];
        self.judge(measured, desired, settings);
    }

    fn judge(&mut self, measured: &mut Measured, desired: &Desired, settings: &Settings) {
        let c = &settings.collision;
        let accelerating = desired.ddq.iter().any(|ddq| ddq.abs() > ACCELERATING);
        let (lower_tau, upper_tau, lower_f, upper_f) = if accelerating {
            (
                &c.lower_torque_acceleration,
                &c.upper_torque_acceleration,
                &c.lower_force_acceleration,
                &c.upper_force_acceleration,
            )
        } else {
            (&c.lower_torque_nominal, &c.upper_torque_nominal, &c.lower_force_nominal, &c.upper_force_nominal)
        };
        let mut errors = 0;
        for i in 0..JOINTS {
            let size = measured.tau_ext_hat_filtered[i].abs();
            measured.joint_contact[i] = if size > lower_tau[i] { self.level } else { 0.0 };
            if size > upper_tau[i] {
                measured.joint_collision[i] = self.level;
                errors |= judge::only(error::JOINT_REFLEX).0;
            }
        }
        for i in 0..6 {
            let size = measured.K_F_ext_hat_K[i].abs();
            measured.cartesian_contact[i] = if size > lower_f[i] { self.level } else { 0.0 };
            if size > upper_f[i] {
                measured.cartesian_collision[i] = self.level;
                errors |= judge::only(error::CARTESIAN_REFLEX).0;
            }
        }
        self.reflex = Errors(errors);
    }
}
