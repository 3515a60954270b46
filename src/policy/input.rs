//! What a policy is asked with: where the end effector shall be, or also how it shall be turned.
use crate::kinematics::{Pose, tool_down};
use nalgebra::{Matrix3, Rotation3, UnitQuaternion, Vector3};
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

    /// What of a pose a policy is told: all of it, or the position, the tool then taken to point down.
    pub fn seen(self, O_T_EE: &Pose) -> Pose {
        match self {
            Self::Position => Pose::from_parts(O_T_EE.translation, tool_down()),
            Self::Pose => *O_T_EE,
        }
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

    /// The pose with these numbers, the rotation made of its two columns by turning the second square to the first;
    /// without an orientation, pointing down. `None` where the columns are no two directions. No allocation.
    pub fn pose(self, numbers: &[f64; Self::WIDTH_MAX]) -> Option<Pose> {
        let [x, y, z, a, b, c, d, e, f] = *numbers;
        let turn = match self {
            Self::Position => tool_down(),
            Self::Pose => {
                let first = Vector3::new(a, b, c).try_normalize(1e-6)?;
                let second = Vector3::new(d, e, f);
                let second = (second - first * first.dot(&second)).try_normalize(1e-6)?;
                let R = Matrix3::from_columns(&[first, second, first.cross(&second)]);
                UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(R))
            }
        };
        Some(Pose::from_parts(Vector3::new(x, y, z).into(), turn))
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

    #[test]
    fn six_numbers_give_the_orientation_back_and_never_jump() {
        // Through the half turn, where rotation vectors jump, and quaternions of one sign too.
        let mut last: Option<[f64; 9]> = None;
        for k in 0..=1000 {
            let turn = UnitQuaternion::from_scaled_axis(Vector3::new(0.2, 1.0, 0.1) * (0.01 * f64::from(k)));
            let numbers = Input::Pose.numbers(&Pose::from_parts(Vector3::zeros().into(), turn));
            let back = Input::Pose.pose(&numbers).unwrap();
            assert!(back.rotation.angle_to(&turn) < 1e-7);
            if let Some(last) = last {
                assert!(numbers.iter().zip(last).all(|(a, b)| (a - b).abs() < 0.02), "at {k}");
            }
            last = Some(numbers);
        }
    }
}
