//! What the robot watches of itself, whoever moves it: sensors, estimators, and how near it comes to itself.
use super::Robot;
use crate::robot::limits::{DQ_MAX, Q_MAX, Q_MIN, TAU_MAX};
use crate::robot::{Errors, JOINTS, Joints};
use crate::sim::judge::cartesian::too_fast;
use crate::sim::judge::error;
use crate::sim::wire::state::MotionGeneratorMode;

/// How far a measured joint may leave its range before the robot stops, rad (undocumented: our choice). A
/// controller that holds a joint at its limit overshoots by less.
const MEASURED_MARGIN: f64 = 0.01;

impl Robot {
    /// Whether a joint is measured beyond its range: a person has to guide it back.
    fn is_outside(&self) -> bool {
        let q = &self.plant.measured().q;
        (0..JOINTS).any(|i| !(Q_MIN[i] - MEASURED_MARGIN..=Q_MAX[i] + MEASURED_MARGIN).contains(&q[i]))
    }

    /// Whether the arm is measured to touch itself.
    fn is_folded(&self) -> bool {
        let q = &self.plant.measured().q;
        self.self_collision.as_ref().is_some_and(|links| links.touches(q))
    }

    /// Whether nothing but a guiding hand can help.
    pub(super) fn needs_a_hand(&self) -> bool {
        self.is_outside() || self.is_folded()
    }

    /// What sensors and estimators find wrong.
    pub(super) fn measured_limits(&self) -> Errors {
        let (measured, choices) = (self.plant.measured(), &self.choices);
        let (dq, tau_J) = (&measured.dq, &measured.tau_J);
        let beyond = |values: &Joints, limits: &Joints, share: f64| {
            values.iter().zip(limits).any(|(value, limit)| value.abs() > share * limit)
        };
        let power_w: f64 = tau_J.iter().zip(dq).map(|(tau, dq)| (tau * dq).abs()).sum();
        let cartesian = matches!(
            self.generator_mode(),
            MotionGeneratorMode::CartesianPosition | MotionGeneratorMode::CartesianVelocity
        );
        let hand_too_fast = || too_fast(&measured.q, dq, &self.settings.tool, choices);
        let found = [
            (error::JOINT_POSITION_LIMITS, self.is_outside()),
            (error::SELF_COLLISION, self.motion.is_some() && self.is_folded()),
            (error::JOINT_VELOCITY, beyond(dq, &DQ_MAX, choices.measured_speed_share)),
            (error::CARTESIAN_VELOCITY, cartesian && hand_too_fast()),
            (error::POWER_LIMIT, power_w > choices.power_max_w),
            (error::TAU_J_RANGE, beyond(tau_J, &TAU_MAX, choices.measured_torque_share)),
        ];
        let errors: u64 = found.into_iter().map(|(index, is_so)| u64::from(is_so) << index).sum();
        Errors(errors | self.plant.reflex().0)
    }
}
