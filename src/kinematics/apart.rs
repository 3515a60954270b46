//! How far apart two poses are.
use super::Pose;
use std::fmt::{Display, Formatter};

/// The way between two poses and the angle between them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Apart {
    /// m.
    pub way_m: f64,
    /// rad.
    pub turn_rad: f64,
}

impl Apart {
    /// Two tools of which nobody need be told that they differ.
    pub const SAME_TOOL: Apart = Apart { way_m: 5e-4, turn_rad: 2e-3 };

    /// From `a` to `b`.
    pub fn of(a: &Pose, b: &Pose) -> Apart {
        Apart {
            way_m: (a.translation.vector - b.translation.vector).norm(),
            turn_rad: a.rotation.angle_to(&b.rotation),
        }
    }

    /// Whether neither is more than in `most`; what is not a number is.
    pub fn is_within(&self, most: &Apart) -> bool {
        self.way_m <= most.way_m && self.turn_rad <= most.turn_rad
    }
}

impl Display for Apart {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1} mm and {:.0} mrad", 1e3 * self.way_m, 1e3 * self.turn_rad)
    }
}
