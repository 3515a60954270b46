//! The end effector as Desk describes it to the robot: the part of the tool that no client can change.
use nalgebra::Vector3;
use serde::{Deserialize, Serialize};

use super::settings::rigid;
use crate::dynamics::{Body, HAND};
use crate::kinematics::{Pose, hand_tool, to_column_major};
use crate::range::{Violation, check_each, check_range, check_that};

/// Tilt of the nominal end effector about its x axis, rad. Exactly downwards would be exactly half a turn, which the
/// linear algebra of libfranka-rs 0.9.0 (nalgebra 0.23, `Rotation3::from_matrix`) takes for no turn at all, so that its
/// filter and limiter, and its users' own controllers, would go wrong where no real arm ever stands.
const TILT: f64 = 1e-10;

/// What hangs on the flange, and where its tool point is; nothing at all unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tool {
    /// Nominal end effector in the flange frame, column-major.
    pub F_T_NE: [f64; 16],
    /// Mass, kg.
    pub m_ee_kg: f64,
    /// Centre of mass in the flange frame, m.
    pub F_x_Cee_m: [f64; 3],
    /// Inertia about the centre of mass, along the flange's axes, column-major, kg m².
    pub I_ee_kg_m2: [f64; 9],
}

impl Default for Tool {
    /// The bare flange.
    fn default() -> Self {
        Self { F_T_NE: tilted(&Pose::identity()), m_ee_kg: 0.0, F_x_Cee_m: [0.0; 3], I_ee_kg_m2: [0.0; 9] }
    }
}

impl Tool {
    /// The Franka hand.
    pub fn hand() -> Self {
        Self {
            F_T_NE: tilted(&hand_tool()),
            m_ee_kg: HAND.m,
            F_x_Cee_m: HAND.x_C,
            I_ee_kg_m2: std::array::from_fn(|i| HAND.I[i % 3][i / 3]),
        }
    }

    /// Every value outside its range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        let I = &self.I_ee_kg_m2;
        let given = format!("{:?}", self.F_T_NE);
        let is_pose = rigid(&self.F_T_NE).is_some();
        check_that(&mut out, "tool.F_T_NE", given, is_pose, "a pose, sixteen numbers column by column");
        check_range(&mut out, "tool.m_ee_kg", self.m_ee_kg, 0.0..=10.0, "kg");
        check_each(&mut out, "tool.F_x_Cee_m", &self.F_x_Cee_m, -1.0..=1.0, "m");
        check_each(&mut out, "tool.I_ee_kg_m2", I, -1.0..=1.0, "kg m2");
        let symmetric = (0..9).all(|i| I[i] == I[3 * (i % 3) + i / 3]);
        // A body's moments are those of masses: none is negative, none exceeds the other two together.
        let [x, y, z] = [I[0], I[4], I[8]];
        let of_masses = [x, y, z].iter().all(|moment| *moment >= 0.0 && 2.0 * moment <= x + y + z);
        let given = format!("{I:?}");
        let allowed = "symmetric, the diagonal not negative, none larger than the other two together";
        check_that(&mut out, "tool.I_ee_kg_m2", given, symmetric && of_masses, allowed);
        out
    }

    /// As a rigid body in the flange frame.
    pub(super) fn body(&self) -> Body {
        let I = &self.I_ee_kg_m2;
        Body {
            m: self.m_ee_kg,
            x_C: self.F_x_Cee_m,
            I: [[I[0], I[3], I[6]], [I[1], I[4], I[7]], [I[2], I[5], I[8]]],
        }
    }
}

fn tilted(tool: &Pose) -> [f64; 16] {
    to_column_major(&(tool * Pose::rotation(Vector3::x() * TILT)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hand_and_nothing_are_valid_and_the_hand_is_the_dynamics_hand() {
        assert_eq!((Tool::hand().validate(), Tool::default().validate()), (Vec::new(), Vec::new()));
        assert_eq!(Tool::hand().body(), HAND);
        assert_eq!(Tool::default().body(), Body::NOTHING);
    }

    #[test]
    fn a_tool_that_cannot_be_is_named() {
        let mut tool = Tool::hand();
        (tool.F_T_NE[0], tool.I_ee_kg_m2[8], tool.m_ee_kg) = (2.0, 0.5, -1.0);
        let keys: Vec<&str> = tool.validate().iter().map(|violation| violation.key).collect();
        assert_eq!(keys, ["tool.F_T_NE", "tool.m_ee_kg", "tool.I_ee_kg_m2"]);
    }
}
