//! Where the arm is: poses and Jacobian from joint positions.
use nalgebra::{Matrix3, Rotation3, Translation3, UnitQuaternion, Vector3};

use super::dh::{D_FLANGE, LINKS, Link, Twist};
use super::{Jacobian, Point, Pose};
use crate::robot::Joints;

/// A frame of the chain in the base frame: cheaper to walk than a quaternion.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    R: Matrix3<f64>,
    p: Point,
}

impl Frame {
    const BASE: Self =
        Self { R: Matrix3::new(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0), p: Vector3::new(0.0, 0.0, 0.0) };

    /// The frame behind this one, across one link and its joint at `q` rad.
    fn next(&self, link: &Link, q: f64) -> Self {
        let (s, c) = q.sin_cos();
        let (x, y, z): (Point, Point, Point) =
            (self.R.column(0).into(), self.R.column(1).into(), self.R.column(2).into());
        // Rx(alpha) by a quarter turn only swaps axes.
        let (y, z) = match link.alpha {
            Twist::None => (y, z),
            Twist::Plus => (z, -y),
            Twist::Minus => (-z, y),
        };
        Self {
            R: Matrix3::from_columns(&[c * x + s * y, c * y - s * x, z]),
            p: self.p + link.a * x + link.d * z,
        }
    }

    /// The point `p` of this frame in the base frame, m.
    pub fn point(&self, p: &Point) -> Point {
        self.R * p + self.p
    }

    fn z(&self) -> Point {
        self.R.column(2).into()
    }

    fn flange(&self) -> Pose {
        let p = self.p + D_FLANGE * self.z();
        let R = UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(self.R));
        Pose::from_parts(Translation3::from(p), R)
    }
}

/// The flange in the base frame, `O_T_F`, for joint positions `q` in rad.
pub fn flange(q: &Joints) -> Pose {
    LINKS.iter().zip(q).fold(Frame::BASE, |frame, (link, &q)| frame.next(link, q)).flange()
}

/// The frames of the base, the seven links and the flange, in the base frame, for joint positions `q` in rad.
pub fn links(q: &Joints) -> [Frame; 9] {
    let mut frames = [Frame::BASE; 9];
    let mut frame = Frame::BASE;
    for ((at, link), &q) in frames.iter_mut().skip(1).zip(&LINKS).zip(q) {
        frame = frame.next(link, q);
        *at = frame;
    }
    if let Some(flange) = frames.last_mut() {
        *flange = Frame { R: frame.R, p: frame.p + D_FLANGE * frame.z() };
    }
    frames
}

/// The end effector in the base frame, `O_T_EE = O_T_F · F_T_EE`, for joint positions `q` in rad.
pub fn forward(q: &Joints, F_T_EE: &Pose) -> Pose {
    flange(q) * F_T_EE
}

/// The Jacobian of the end effector's point, 6×7 in the base frame: linear rows (m/rad), then angular rows.
///
/// `jacobian(q, F_T_EE) * dq` is `O_dP_EE`.
pub fn jacobian(q: &Joints, F_T_EE: &Pose) -> Jacobian {
    forward_and_jacobian(q, F_T_EE).1
}

/// [`forward`] and [`jacobian`] in one walk along the chain.
pub fn forward_and_jacobian(q: &Joints, F_T_EE: &Pose) -> (Pose, Jacobian) {
    let mut axes = [(Point::zeros(), Point::zeros()); 7];
    let mut frame = Frame::BASE;
    for ((link, &q), axis) in LINKS.iter().zip(q).zip(&mut axes) {
        frame = frame.next(link, q);
        *axis = (frame.z(), frame.p);
    }
    let O_T_EE = frame.flange() * F_T_EE;
    let O_p_EE = O_T_EE.translation.vector;
    let mut J = Jacobian::zeros();
    for (mut column, (z, p)) in J.column_iter_mut().zip(&axes) {
        column.fixed_rows_mut::<3>(0).copy_from(&z.cross(&(O_p_EE - p)));
        column.fixed_rows_mut::<3>(3).copy_from(z);
    }
    (O_T_EE, J)
}

/// The Franka hand's tool point in the flange frame: the default `F_T_EE`.
///
/// The hand is turned by −π/4 about z; its fingertips' midpoint lies 0.1034 m further along z. Source: Franka
/// Hand product manual and franka_description, `hand.xacro` (`hand_joint`, `hand_tcp_joint`).
pub fn hand_tool() -> Pose {
    let turn = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), -std::f64::consts::FRAC_PI_4);
    Pose::from_parts(Translation3::new(0.0, 0.0, 0.1034), turn)
}

/// The orientation of a tool that points straight down, `O_R_EE = diag(1, −1, −1)`.
pub fn tool_down() -> UnitQuaternion<f64> {
    UnitQuaternion::from_axis_angle(&Vector3::x_axis(), std::f64::consts::PI)
}
