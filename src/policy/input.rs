//! What a policy is asked with: where the end effector shall be, or also how it shall be turned.
use crate::kinematics::Pose;
use serde::{Deserialize, Serialize};

/// What a network's inputs say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Input {
    /// The position of the end effector in the base frame, m: the original's, for drawings.
    #[default]
    Position,
    /// The position, then the first two columns of the rotation matrix: for taught motions.
    ///
    /// Six numbers for an orientation, because no map from rotations to three or four is continuous, and a
    /// network cannot learn a jump (Zhou et al. 2019, CVPR, "On the continuity of rotation representations").
    Pose,
}

impl Input {
    /// The most numbers that an input has.
    pub const WIDTH_MAX: usize = 9;

    /// How many numbers an input is.
    pub fn width(self) -> usize {
        match self {
            Self::Position => 3,
            Self::Pose => Self::WIDTH_MAX,
        }
    }

    /// The name in files and configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Position => "position",
            Self::Pose => "pose",
        }
    }

    /// The input of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Position, Self::Pose].into_iter().find(|input| input.name() == name)
    }

    /// The numbers of a pose of the end effector in the base frame; the first [`Self::width`] count. No allocation.
    pub fn numbers(self, O_T_EE: &Pose) -> [f64; Self::WIDTH_MAX] {
        let p = O_T_EE.translation.vector;
        let mut numbers = [p.x, p.y, p.z, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        if self == Self::Pose {
            let R = O_T_EE.rotation.to_rotation_matrix();
            let columns = R.matrix().iter().take(6);
            numbers.iter_mut().skip(3).zip(columns).for_each(|(number, element)| *number = *element);
        }
        numbers
    }

    /// What the numbers are, for files: frame and order.
    pub(super) fn frame(self) -> &'static str {
        match self {
            Self::Position => "O_p_EE in the base frame O",
            Self::Pose => "O_T_EE in the base frame O: O_p_EE, then the first two columns of O_R_EE",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{Matrix3, UnitQuaternion, Vector3};

    #[test]
    fn six_numbers_give_the_orientation_back_and_never_jump() {
        // Through the half turn, where rotation vectors jump, and quaternions of one sign too.
        let mut last: Option<[f64; 9]> = None;
        for k in 0..=1000 {
            let turn = UnitQuaternion::from_scaled_axis(Vector3::new(0.2, 1.0, 0.1) * (0.01 * f64::from(k)));
            let numbers = Input::Pose.numbers(&Pose::from_parts(Vector3::zeros().into(), turn));
            let x = Vector3::from_column_slice(&numbers[3..6]);
            let y = Vector3::from_column_slice(&numbers[6..9]);
            let R = Matrix3::from_columns(&[x, y, x.cross(&y)]);
            assert!((R - turn.to_rotation_matrix().matrix()).amax() < 1e-12);
            if let Some(last) = last {
                assert!(numbers.iter().zip(last).all(|(a, b)| (a - b).abs() < 0.02), "at {k}");
            }
            last = Some(numbers);
        }
    }
}
