//! The robot's own controllers, and the place of the client's: torque from what is wanted and what is seen.
use nalgebra::{SMatrix, SVector, Vector6};

use super::ARMATURE;
use crate::kinematics::{Pose, forward_and_jacobian};
use crate::robot::{JOINTS, Joints};
use crate::sim::judge::Desired;
use crate::sim::settings::Settings;

/// Inertia each joint feels, rotor included, kg m²: the mass matrix's diagonal in a middling pose. Damping is
/// critical for it.
const INERTIA: Joints = [1.4, 1.6, 1.2, 1.1, 0.4, 0.35, 0.3];
/// Lag behind a steady motion from damping of the measured velocity, s.
const LAG_S: f64 = 0.008;
/// Damping that stays when the stiffness is zero, Nm s/rad.
const DAMPING_MIN: f64 = 2.0;
/// Mass and inertia the end effector is damped for, kg and kg m².
const APPARENT: [f64; 6] = [4.0, 4.0, 4.0, 0.2, 0.2, 0.2];
/// Stiffness (Nm/rad) and damping (Nm s/rad) of the posture beside the Cartesian task.
const POSTURE: (f64, f64) = (10.0, 4.0);
/// What a guided joint resists with, Nm s/rad …
const GUIDING_DAMPING: Joints = [2.0, 2.0, 2.0, 2.0, 0.5, 0.5, 0.5];
/// … and how hard an axis that guiding mode locks is held, N s/m and Nm s/rad.
const LOCKED: [f64; 6] = [400.0, 400.0, 400.0, 20.0, 20.0, 20.0];
/// … or the elbow, Nm s/rad.
const LOCKED_ELBOW: f64 = 60.0;

/// Which controller moves the arm this cycle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::sim) enum Control {
    /// The robot's own, with `K_theta`, towards the desired joints: also at rest, braking and in reflexes.
    JointImpedance,
    /// The robot's own, with `K_x` at the end effector, towards the pose of the desired joints.
    CartesianImpedance,
    /// The client's torque, Nm, without gravity, which the robot adds.
    Torque(Joints),
    /// Gravity compensation and a little damping, on the axes that `SetGuidingMode` leaves free.
    Guiding,
}

/// A controller for one cycle.
pub(super) struct Controller<'a> {
    control: Control,
    desired: &'a Desired,
    settings: &'a Settings,
    goal: Option<Pose>,
}

impl<'a> Controller<'a> {
    pub(super) fn new(control: Control, desired: &'a Desired, settings: &'a Settings) -> Self {
        let goal = (control == Control::CartesianImpedance)
            .then(|| forward_and_jacobian(&desired.q, &settings.tool).0);
        Self { control, desired, settings, goal }
    }

    /// How far beyond its range a joint meets a wall, rad: a guiding hand feels it at the limit itself.
    pub(super) fn end_stops(&self) -> f64 {
        if self.control == Control::Guiding { 0.0 } else { super::STOP_MARGIN }
    }

    /// Torque without gravity, Nm, for an arm seen at `q`, `dq`.
    pub(super) fn torque(&self, q: &Joints, dq: &Joints) -> Joints {
        match self.control {
            Control::JointImpedance => self.joint_impedance(q, dq),
            Control::CartesianImpedance => self.cartesian_impedance(q, dq),
            Control::Torque(tau) => tau,
            Control::Guiding => self.guiding(q, dq),
        }
    }

    /// `K (q_d − q) + (D − B) (dq_d − dq) − B dq`, `D` critical, `B` what makes a Panda lag a steady motion.
    fn joint_impedance(&self, q: &Joints, dq: &Joints) -> Joints {
        let (desired, K) = (self.desired, &self.settings.K_theta);
        std::array::from_fn(|i| {
            let damping = (2.0 * (K[i] * (INERTIA[i] + ARMATURE[i])).sqrt()).max(DAMPING_MIN);
            let on_measured = (LAG_S * K[i]).min(damping);
            K[i] * (desired.q[i] - q[i]) + (damping - on_measured) * desired.dq[i] - damping * dq[i]
        })
    }

    /// `Jᵀ (K_x e + D (dx_d − dx))` and, beside it, a weak pull to the desired posture.
    fn cartesian_impedance(&self, q: &Joints, dq: &Joints) -> Joints {
        let Some(goal) = self.goal else { return [0.0; JOINTS] };
        let (pose, J) = forward_and_jacobian(q, &self.settings.tool);
        let position = goal.translation.vector - pose.translation.vector;
        let rotation = (goal.rotation * pose.rotation.inverse()).scaled_axis();
        let error = Vector6::new(position.x, position.y, position.z, rotation.x, rotation.y, rotation.z);
        let slower = SVector::<f64, 7>::from(self.desired.dq) - SVector::<f64, 7>::from(*dq);
        let speed = J * slower;
        let K = &self.settings.K_x;
        let wrench = Vector6::from_fn(|i, _| K[i] * error[i] + 2.0 * (K[i] * APPARENT[i]).sqrt() * speed[i]);
        let away = SVector::<f64, 7>::from(self.desired.q) - SVector::<f64, 7>::from(*q);
        let posture = POSTURE.0 * away + POSTURE.1 * slower;
        let JJt = J * J.transpose() + SMatrix::<f64, 6, 6>::from_diagonal_element(1e-4);
        let in_task = JJt.cholesky().map_or_else(Vector6::zeros, |factor| factor.solve(&(J * posture)));
        (J.transpose() * (wrench - in_task) + posture).into()
    }

    fn guiding(&self, q: &Joints, dq: &Joints) -> Joints {
        let mut tau: Joints = std::array::from_fn(|i| -GUIDING_DAMPING[i] * dq[i]);
        let guiding = &self.settings.guiding;
        if guiding.axes == [1; 6] && guiding.nullspace == 1 {
            return tau;
        }
        let J = forward_and_jacobian(q, &self.settings.tool).1;
        let speed = J * SVector::<f64, 7>::from(*dq);
        let hold = Vector6::from_fn(|i, _| if guiding.axes[i] == 0 { -LOCKED[i] * speed[i] } else { 0.0 });
        let mut held = J.transpose() * hold;
        if guiding.nullspace == 0 {
            // The elbow is what moves while the hand does not.
            let JJt = J * J.transpose() + SMatrix::<f64, 6, 6>::from_diagonal_element(1e-4);
            let with_hand = JJt.cholesky().map_or_else(Vector6::zeros, |factor| factor.solve(&speed));
            held -= LOCKED_ELBOW * (SVector::<f64, 7>::from(*dq) - J.transpose() * with_hand);
        }
        for i in 0..JOINTS {
            tau[i] += held[i];
        }
        tau
    }
}
