//! Poses as the robot writes them: sixteen numbers, column-major.
use nalgebra::{Matrix3, Matrix4, Rotation3, Translation3, UnitQuaternion};

use super::Pose;

/// How far `RᵀR` may be from the identity. Desk and the configuration files of many sites keep four
/// decimals (0.7071), which is 1e-5 off; a scaled or sheared matrix is further off than this.
const TOLERANCE: f64 = 1e-3;

/// Sixteen numbers that are no pose.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum NotRigid {
    /// A NaN or an infinity.
    #[error("element {index} (column-major, from 0) of the transform is {value}; it must be a finite number")]
    NotFinite {
        /// Place in the sixteen, from 0.
        index: usize,
        /// What stands there.
        value: f64,
    },
    /// The rotation is scaled, sheared or mirrored.
    #[error(
        "the rotation of the transform is {deviation:.3e} away from orthonormal and its determinant is \
         {determinant:.4}; allowed: 1e-3 and +1. Is the matrix written row by row? It must be column-major"
    )]
    NotOrthonormal {
        /// Largest element of |RᵀR − 1|.
        deviation: f64,
        /// Determinant of R.
        determinant: f64,
    },
    /// The last row is not 0 0 0 1.
    #[error(
        "the last row of the transform is {row:?}; it must be [0, 0, 0, 1]. Is the matrix written row by row? \
         It must be column-major"
    )]
    LastRow {
        /// The row.
        row: [f64; 4],
    },
}

/// The pose in sixteen column-major numbers (rotation dimensionless, translation m), its rotation put right.
///
/// # Errors
/// [`NotRigid`] when a number is not finite, the last row is not (0, 0, 0, 1), or the rotation is further than
/// 1e-3 from orthonormal or mirrors.
pub fn from_column_major(elements: &[f64; 16]) -> Result<Pose, NotRigid> {
    if let Some((index, &value)) = elements.iter().enumerate().find(|(_, value)| !value.is_finite()) {
        return Err(NotRigid::NotFinite { index, value });
    }
    let T = Matrix4::from_column_slice(elements);
    let row: [f64; 4] = [elements[3], elements[7], elements[11], elements[15]];
    if row.iter().zip([0.0, 0.0, 0.0, 1.0]).any(|(is, must)| (is - must).abs() > TOLERANCE) {
        return Err(NotRigid::LastRow { row });
    }
    let R: Matrix3<f64> = T.fixed_view::<3, 3>(0, 0).into();
    let deviation = (R.transpose() * R - Matrix3::identity()).amax();
    let determinant = R.determinant();
    // Negated, so that an overflow to NaN is refused too.
    if !(deviation <= TOLERANCE && determinant > 0.0) {
        return Err(NotRigid::NotOrthonormal { deviation, determinant });
    }
    let R = UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(nearest_rotation(R)));
    Ok(Pose::from_parts(Translation3::new(elements[12], elements[13], elements[14]), R))
}

/// The sixteen column-major numbers of a pose.
pub fn to_column_major(pose: &Pose) -> [f64; 16] {
    let T = pose.to_homogeneous();
    let mut elements = [0.0; 16];
    elements.copy_from_slice(T.as_slice());
    elements
}

/// The rotation nearest to a nearly orthonormal matrix: Newton's iteration for the polar factor.
///
/// It squares the error each time (Higham 1986, SIAM J. Sci. Stat. Comput. 7, 1160): three turns take 1e-3
/// below rounding.
fn nearest_rotation(mut R: Matrix3<f64>) -> Matrix3<f64> {
    for _ in 0..4 {
        if let Some(inverse) = R.try_inverse() {
            R = 0.5 * (R + inverse.transpose());
        }
    }
    R
}
