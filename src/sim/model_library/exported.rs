//! The shared library a client loads: thirty C functions over the mathematics of `dynamics`.
//!
//! `build.rs` compiles this file alone, as a `no_std` shared object; the crate never does. Arrays are read and
//! written where the client keeps them, matrices column-major, frames and units as in `dynamics`.
#![no_std]
#![allow(non_snake_case, dead_code)] // Franka's symbols; the shared files have more than is exported

#[path = "../../dynamics/panda.rs"]
mod panda;
#[path = "../../dynamics/rigid_body.rs"]
mod rigid_body;

use core::mem::MaybeUninit;
use rigid_body::{Arm, Body, Frame, Matrix7, PerJoint, SinCos, Terms, Vector, jacobian, rotate_back};

type Pose = [f64; 16];
type Jacobian = [[f64; 6]; 7];
/// Where the client wants an answer; it need not have written there before.
type Out<'a, T> = &'a mut MaybeUninit<T>;

#[link(name = "m")]
// SAFETY: C's own functions: they take any double and touch nothing but errno.
unsafe extern "C" {
    safe fn sin(x: f64) -> f64;
    safe fn cos(x: f64) -> f64;
}

#[link(name = "c")]
// SAFETY: C's own function: it takes nothing and does not return.
unsafe extern "C" {
    safe fn abort() -> !;
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    abort()
}

fn angles(q: &PerJoint) -> [SinCos; 7] {
    q.map(|q| (sin(q), cos(q)))
}

/// The frames of joints 1 to 7 and of the flange.
#[inline(never)] // thirty copies of the mathematics would not fit where a client looks
fn frames(q: &PerJoint) -> [Frame; 8] {
    Arm::panda().frames_at(&angles(q))
}

/// The same, and the frame of the end effector.
fn with_end_effector(q: &PerJoint, F_T_EE: &Pose) -> ([Frame; 8], Frame) {
    let frames = frames(q);
    let end_effector = frames[7].then(&Frame::from_column_major(F_T_EE));
    (frames, end_effector)
}

/// Jacobian of the origin of `at`, which the first `joints` joints carry, in the base frame.
#[inline(never)]
fn zero_jacobian(frames: &[Frame; 8], joints: usize, at: &Frame) -> Jacobian {
    jacobian(frames, joints, &at.p)
}

/// The same in the frame `at` itself.
#[inline(never)]
fn body_jacobian(frames: &[Frame; 8], joints: usize, at: &Frame) -> Jacobian {
    zero_jacobian(frames, joints, at).map(|[x, y, z, a, b, c]| {
        let (linear, angular) = (rotate_back(&at.R, &[x, y, z]), rotate_back(&at.R, &[a, b, c]));
        [linear[0], linear[1], linear[2], angular[0], angular[1], angular[2]]
    })
}

/// The Panda with everything behind its flange as one body, in the flange frame.
fn arm(m: f64, F_x_C: &Vector, I: &[f64; 9]) -> Arm {
    let I = [[I[0], I[1], I[2]], [I[3], I[4], I[5]], [I[6], I[7], I[8]]];
    Arm::panda_with(Body { m, x_C: *F_x_C, I })
}

#[inline(never)]
fn terms(q: &PerJoint, dq: &PerJoint, arm: &Arm) -> Terms {
    arm.terms(&angles(q), dq, &panda::G_EARTH)
}

// SAFETY of every `no_mangle` below: the names are those that libfranka looks up and no other object defines
// them. Reading and writing is the client's promise: its arrays have the stated lengths and do not overlap.

/// Pose, zero Jacobian and body Jacobian of frame `$k` (0 is joint 1, 7 the flange), carried by `$joints` joints.
macro_rules! frame {
    ($k:literal, $joints:literal, $pose:ident, $zero:ident, $body:ident) => {
        frame!($k, $pose);
        // SAFETY: as above.
        #[unsafe(no_mangle)]
        pub extern "C" fn $zero(q: &PerJoint, out: Out<'_, Jacobian>) {
            let frames = frames(q);
            out.write(zero_jacobian(&frames, $joints, &frames[$k]));
        }
        // SAFETY: as above.
        #[unsafe(no_mangle)]
        pub extern "C" fn $body(q: &PerJoint, out: Out<'_, Jacobian>) {
            let frames = frames(q);
            out.write(body_jacobian(&frames, $joints, &frames[$k]));
        }
    };
    ($k:literal, $pose:ident) => {
        // SAFETY: as above.
        #[unsafe(no_mangle)]
        pub extern "C" fn $pose(q: &PerJoint, out: Out<'_, Pose>) {
            out.write(frames(q)[$k].to_column_major());
        }
    };
}

frame!(0, O_T_J1);
frame!(1, 2, O_T_J2, O_J_J2, Ji_J_J2);
frame!(2, 3, O_T_J3, O_J_J3, Ji_J_J3);
frame!(3, 4, O_T_J4, O_J_J4, Ji_J_J4);
frame!(4, 5, O_T_J5, O_J_J5, Ji_J_J5);
frame!(5, 6, O_T_J6, O_J_J6, Ji_J_J6);
frame!(6, 7, O_T_J7, O_J_J7, Ji_J_J7);
frame!(7, 7, O_T_J8, O_J_J8, Ji_J_J8);

/// Zero Jacobian of joint 1: the same wherever the arm stands.
// SAFETY: as above.
#[unsafe(no_mangle)]
pub extern "C" fn O_J_J1(out: Out<'_, Jacobian>) {
    let frames = frames(&[0.0; 7]);
    out.write(zero_jacobian(&frames, 1, &frames[0]));
}

/// Body Jacobian of joint 1: the same wherever the arm stands.
// SAFETY: as above.
#[unsafe(no_mangle)]
pub extern "C" fn Ji_J_J1(out: Out<'_, Jacobian>) {
    let frames = frames(&[0.0; 7]);
    out.write(body_jacobian(&frames, 1, &frames[0]));
}

/// Pose of the end effector.
// SAFETY: as above.
#[unsafe(no_mangle)]
pub extern "C" fn O_T_J9(q: &PerJoint, F_T_EE: &Pose, out: Out<'_, Pose>) {
    out.write(with_end_effector(q, F_T_EE).1.to_column_major());
}

/// Zero Jacobian of the end effector.
// SAFETY: as above.
#[unsafe(no_mangle)]
pub extern "C" fn O_J_J9(q: &PerJoint, F_T_EE: &Pose, out: Out<'_, Jacobian>) {
    let (frames, end_effector) = with_end_effector(q, F_T_EE);
    out.write(zero_jacobian(&frames, 7, &end_effector));
}

/// Body Jacobian of the end effector.
// SAFETY: as above.
#[unsafe(no_mangle)]
pub extern "C" fn Ji_J_J9(q: &PerJoint, F_T_EE: &Pose, out: Out<'_, Jacobian>) {
    let (frames, end_effector) = with_end_effector(q, F_T_EE);
    out.write(body_jacobian(&frames, 7, &end_effector));
}

/// Mass matrix, kg m²; the load is everything behind the flange.
// SAFETY: as above.
#[unsafe(no_mangle)]
pub extern "C" fn M_NE(q: &PerJoint, I: &[f64; 9], m: f64, F_x_C: &Vector, out: Out<'_, Matrix7>) {
    out.write(terms(q, &[0.0; 7], &arm(m, F_x_C, I)).M);
}

/// Coriolis torques, Nm; the load is everything behind the flange.
// SAFETY: as above.
#[unsafe(no_mangle)]
pub extern "C" fn c_NE(
    q: &PerJoint,
    dq: &PerJoint,
    I: &[f64; 9],
    m: f64,
    F_x_C: &Vector,
    out: Out<'_, PerJoint>,
) {
    out.write(terms(q, dq, &arm(m, F_x_C, I)).coriolis);
}

/// The torque that holds the arm, Nm; the load is everything behind the flange.
// SAFETY: as above.
#[unsafe(no_mangle)]
pub extern "C" fn g_NE(q: &PerJoint, g_earth: &Vector, m: f64, F_x_C: &Vector, out: Out<'_, PerJoint>) {
    out.write(arm(m, F_x_C, &[0.0; 9]).gravity_at(&angles(q), g_earth));
}
