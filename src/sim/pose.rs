//! Forward kinematics until the module of that name is merged.
use crate::kinematics::{Jacobian, Point, Pose};
use crate::robot::Joints;
use nalgebra::{Translation3, UnitQuaternion, Vector3};
use std::f64::consts::FRAC_PI_2;

pub(super) fn forward_and_jacobian(q: &Joints, F_T_EE: &Pose) -> (Pose, Jacobian) {
    let dh = [
        (0.0, 0.333, 0.0),
        (0.0, 0.0, -FRAC_PI_2),
        (0.0, 0.316, FRAC_PI_2),
        (0.0825, 0.0, FRAC_PI_2),
        (-0.0825, 0.384, -FRAC_PI_2),
        (0.0, 0.0, FRAC_PI_2),
        (0.088, 0.0, FRAC_PI_2),
    ];
    let mut frame = Pose::identity();
    let mut axes = [(Point::zeros(), Point::zeros()); 7];
    for ((&(a, d, alpha), &q), axis) in dh.iter().zip(q).zip(&mut axes) {
        let tilt = UnitQuaternion::from_axis_angle(&Vector3::x_axis(), alpha);
        frame *= Pose::from_parts(Translation3::new(a, 0.0, 0.0), tilt);
        frame *= Pose::from_parts(
            Translation3::new(0.0, 0.0, d),
            UnitQuaternion::from_axis_angle(&Vector3::z_axis(), q),
        );
        *axis = (frame.rotation * Vector3::z(), frame.translation.vector);
    }
    let O_T_EE = frame * Pose::translation(0.0, 0.0, 0.107) * F_T_EE;
    let mut J = Jacobian::zeros();
    for (mut column, (z, p)) in J.column_iter_mut().zip(&axes) {
        column.fixed_rows_mut::<3>(0).copy_from(&z.cross(&(O_T_EE.translation.vector - p)));
        column.fixed_rows_mut::<3>(3).copy_from(z);
    }
    (O_T_EE, J)
}

pub(super) fn hand_tool() -> Pose {
    let turn = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), -std::f64::consts::FRAC_PI_4);
    Pose::from_parts(Translation3::new(0.0, 0.0, 0.1034), turn)
}

pub(super) fn to_column_major(pose: &Pose) -> [f64; 16] {
    let mut elements = [0.0; 16];
    elements.copy_from_slice(pose.to_homogeneous().as_slice());
    elements
}

pub(super) fn from_column_major(elements: &[f64; 16]) -> Result<Pose, ()> {
    let T = nalgebra::Matrix4::from_column_slice(elements);
    let R: nalgebra::Matrix3<f64> = T.fixed_view::<3, 3>(0, 0).into();
    if !((R.transpose() * R - nalgebra::Matrix3::identity()).amax() < 1e-3 && R.determinant() > 0.0) {
        return Err(());
    }
    let R = UnitQuaternion::from_matrix(&R);
    Ok(Pose::from_parts(Translation3::new(elements[12], elements[13], elements[14]), R))
}
