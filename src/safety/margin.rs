//! How much of which limit is left.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros
)]
use std::fmt::{Display, Formatter};

/// A part of the arm: 0 is the base, 1 to 7 the links, 8 the hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part(pub u8);

impl Part {
    /// The end effector's point.
    pub const TOOL: Part = Part(9);
    /// The line from the flange to the end effector.
    pub const SHAFT: Part = Part(10);
}

/// One limit of the safety layer, joints counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the words of `Display` say it
pub enum Limit {
    JointPosition(u8),
    JointVelocity(u8),
    ToolSpeed,
    ToolTurn,
    /// A face of the box: its axis, 0 to 2, and whether it is the upper one.
    Box(u8, bool),
    Table(Part),
    /// A wall by its place in the list, from 1.
    Wall(u8, Part),
    Own(Part, Part),
    Tracking(u8),
    ExternalTorque(u8),
}

/// What is left of a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Margin {
    /// Of which.
    pub limit: Limit,
    /// How much, in the limit's unit; negative by how much it is broken.
    pub left: f64,
    /// The whole of which it is left, same unit: makes limits of different kinds comparable.
    pub of: f64,
}

/// Distances are compared as shares of this, m.
const NEAR_M: f64 = 0.5;
/// Angles to a joint's end are compared as shares of this, rad.
const NEAR_RAD: f64 = 1.0;

impl Margin {
    /// `left` of a limit that is `of` in whole.
    pub fn new(limit: Limit, left: f64, of: f64) -> Margin {
        Margin { limit, left, of }
    }

    /// A distance, m.
    pub fn distance(limit: Limit, left_m: f64) -> Margin {
        Margin { limit, left: left_m, of: NEAR_M }
    }

    /// An angle to the end of a joint, rad.
    pub fn angle(limit: Limit, left_rad: f64) -> Margin {
        Margin { limit, left: left_rad, of: NEAR_RAD }
    }

    /// The share that is left: 1 is all of it, below 0 is broken. What is not a number is broken.
    pub fn share(&self) -> f64 {
        let share = self.left / self.of;
        if share.is_nan() { f64::NEG_INFINITY } else { share }
    }

    /// The one of which less is left.
    #[must_use]
    pub fn tighter(self, other: Margin) -> Margin {
        if other.share() < self.share() { other } else { self }
    }

    /// Whether something is left.
    pub fn holds(&self) -> bool {
        self.left >= 0.0
    }
}

impl Limit {
    /// The unit of what is left.
    pub fn unit(self) -> &'static str {
        match self {
            Limit::JointPosition(_) | Limit::Tracking(_) => "rad",
            Limit::JointVelocity(_) | Limit::ToolTurn => "rad/s",
            Limit::ToolSpeed => "m/s",
            Limit::Box(..) | Limit::Table(_) | Limit::Wall(..) | Limit::Own(..) => "m",
            Limit::ExternalTorque(_) => "Nm",
        }
    }

    /// Whether it bounds a speed, rather than a place or what the arm feels.
    pub fn is_speed(self) -> bool {
        matches!(self, Limit::JointVelocity(_) | Limit::ToolSpeed | Limit::ToolTurn)
    }

    /// The key that sets it, as the configuration calls it.
    pub fn key(self) -> &'static str {
        match self {
            Limit::JointPosition(_) => "safety.position_margin_rad",
            Limit::JointVelocity(_) => "safety.velocity_share",
            Limit::ToolSpeed => "safety.tool_speed_m_s",
            Limit::ToolTurn => "safety.tool_turn_rad_s",
            Limit::Box(_, true) => "safety.box_max_m",
            Limit::Box(_, false) => "safety.box_min_m",
            Limit::Table(_) => "safety.table_z_m",
            Limit::Wall(..) => "safety.walls",
            Limit::Own(..) => "safety.clearance_m",
            Limit::Tracking(_) => "safety.tracking_error_rad",
            Limit::ExternalTorque(_) => "safety.external_torque_nm",
        }
    }
}

impl Display for Part {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            0 => f.write_str("the base"),
            8 => f.write_str("the hand"),
            9 => f.write_str("the end effector"),
            10 => f.write_str("the tool"),
            link => write!(f, "link {link}"),
        }
    }
}

impl Display for Limit {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Limit::JointPosition(j) => write!(f, "joint {j} position"),
            Limit::JointVelocity(j) => write!(f, "joint {j} velocity"),
            Limit::ToolSpeed => f.write_str("speed of the end effector"),
            Limit::ToolTurn => f.write_str("turning of the end effector"),
            Limit::Box(axis, upper) => {
                let axis = match axis {
                    0 => 'x',
                    1 => 'y',
                    _ => 'z',
                };
                write!(f, "the box's {} {axis}", if *upper { "upper" } else { "lower" })
            }
            Limit::Table(part) => write!(f, "{part} above the table"),
            Limit::Wall(number, part) => write!(f, "{part} before wall {number}"),
            Limit::Own(near, far) => write!(f, "{far} from {near}"),
            Limit::Tracking(j) => write!(f, "joint {j} away from its command"),
            Limit::ExternalTorque(j) => write!(f, "joint {j} external torque"),
        }
    }
}

impl Display for Margin {
    /// `joint 4 position 0.120 rad`, or by how much it is broken.
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let (unit, left) = (self.limit.unit(), self.left);
        if self.holds() {
            write!(f, "{} {left:.3} {unit}", self.limit)
        } else {
            write!(f, "{} by {:.3} {unit} too much", self.limit, -left)
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;

    #[test]
    fn a_margin_reads_as_an_operator_says_it() {
        assert_eq!(Margin::angle(Limit::JointPosition(4), 0.12).to_string(), "joint 4 position 0.120 rad");
        let broken = Margin::distance(Limit::Table(Part(8)), -0.03);
        assert_eq!(broken.to_string(), "the hand above the table by 0.030 m too much");
    }

    #[test]
    fn the_tighter_of_two_is_the_one_with_less_of_its_whole_and_nan_is_the_tightest() {
        let (far, near) =
            (Margin::angle(Limit::JointPosition(1), 0.9), Margin::distance(Limit::Table(Part(4)), 0.1));
        assert_eq!(far.tighter(near), near);
        let nan = Margin::new(Limit::ToolSpeed, f64::NAN, 1.0);
        assert!(near.tighter(nan).left.is_nan() && !nan.holds());
    }
}
