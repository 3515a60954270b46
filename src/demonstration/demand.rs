//! What a motion asks of the arm that is more than it may.
use crate::kinematics::Point;
use crate::robot::limits::{ROTATION_MAX, TRANSLATION_MAX};
use std::fmt::Display;

/// What a joint, or the end effector, would have to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Quantity {
    Velocity,
    Acceleration,
    Jerk,
}

impl Quantity {
    /// The factor in time that brings `ratio` times too much down to what is allowed.
    pub(super) fn factor(self, ratio: f64) -> f64 {
        match self {
            Self::Velocity => ratio,
            Self::Acceleration => ratio.sqrt(),
            Self::Jerk => ratio.cbrt(),
        }
    }
}

impl Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Velocity => "velocity",
            Self::Acceleration => "acceleration",
            Self::Jerk => "jerk",
        })
    }
}

/// The worst demand of a law on a joint.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Demand {
    pub quantity: Quantity,
    /// Counted from 1 at the base.
    pub joint: usize,
    pub tau_s: f64,
    pub point: Point,
    pub needed: f64,
    pub allowed: f64,
}

impl Demand {
    /// How many times slower the law must run for this demand to be met.
    pub fn factor(&self) -> f64 {
        self.quantity.factor(self.needed / self.allowed)
    }
}

impl Display for Demand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { quantity, joint, tau_s, point: p, needed, allowed } = self;
        let (article, unit) = match quantity {
            Quantity::Velocity => ("a", "rad/s"),
            Quantity::Acceleration => ("an", "rad/s²"),
            Quantity::Jerk => ("a", "rad/s³"),
        };
        write!(
            f,
            "at {tau_s:.3} s, ({:.3}, {:.3}, {:.3}) m, joint {joint} needs {article} {quantity} ({unit}) of ",
            p.x, p.y, p.z
        )?;
        write!(f, "{needed:.3}, allowed {allowed:.3}")
    }
}

/// The worst that a law asks for and must not.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Excess {
    Joint(Demand),
    /// The end effector moves too fast.
    Speed {
        speed_m_s: f64,
    },
    /// The tool turns too fast.
    Turn {
        speed_rad_s: f64,
    },
}

impl Excess {
    /// How many times slower the law must run.
    pub fn factor(&self) -> f64 {
        match self {
            Self::Joint(demand) => demand.factor(),
            Self::Speed { speed_m_s } => speed_m_s / TRANSLATION_MAX[0],
            Self::Turn { speed_rad_s } => speed_rad_s / ROTATION_MAX[0],
        }
    }
}

impl Display for Excess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Joint(demand) => demand.fmt(f),
            Self::Speed { speed_m_s } => {
                write!(f, "the end effector moves at {speed_m_s:.2} m/s, allowed {}", TRANSLATION_MAX[0])
            }
            Self::Turn { speed_rad_s } => {
                write!(f, "the tool turns at {speed_rad_s:.2} rad/s, allowed {}", ROTATION_MAX[0])
            }
        }
    }
}
