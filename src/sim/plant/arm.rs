//! How the arm differs from what the robot knows of it.
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use crate::dynamics::{Arm, Body, Frame};
use crate::kinematics::Pose;
use crate::range::{Violation, check_range};
use crate::robot::Joints;
use crate::sim::Options;

/// Errors the robot cannot see: its state shows the nominal arm, the truth goes elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArmError {
    /// What each encoder reads when the joint stands at zero, rad.
    pub joint_offset_rad: Joints,
    /// Bend of each joint's frame (the eighth is the flange) about the axes of the frame before it, rad.
    pub link_bend_rad: [[f64; 3]; 8],
    /// Shift of the same frames, m.
    pub link_shift_m: [[f64; 3]; 8],
    /// Mass in the hand that nobody declares, kg …
    pub payload_kg: f64,
    /// … and its centre in the flange frame, m.
    pub payload_centre_m: [f64; 3],
}

impl ArmError {
    /// Every value outside its range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        for value in self.joint_offset_rad {
            check_range(&mut out, "arm_error.joint_offset_rad", value, -0.1..=0.1, "rad");
        }
        for value in self.link_bend_rad.as_flattened() {
            check_range(&mut out, "arm_error.link_bend_rad", *value, -0.1..=0.1, "rad");
        }
        for value in self.link_shift_m.as_flattened() {
            check_range(&mut out, "arm_error.link_shift_m", *value, -0.05..=0.05, "m");
        }
        check_range(&mut out, "arm_error.payload_kg", self.payload_kg, 0.0..=5.0, "kg");
        for value in self.payload_centre_m {
            check_range(&mut out, "arm_error.payload_centre_m", value, -0.5..=0.5, "m");
        }
        out
    }
}

/// A pose as the dynamics write it.
pub(super) fn frame(pose: &Pose) -> Frame {
    Frame::from_column_major(&crate::kinematics::to_column_major(pose))
}

/// The arm as it is: the nominal one, every mass and centre off by a draw, bent, and with what it carries.
pub(super) fn true_arm(options: &Options) -> Arm {
    let error = &options.arm_error;
    let mut draws = StdRng::seed_from_u64(options.seed ^ 0x6d61_7373);
    let mut draw = || -> f64 { StandardNormal.sample(&mut draws) };
    let share = options.model_error;
    let mut arm = Arm::panda();
    for link in &mut arm.links {
        let scale = (1.0 + share * draw()).clamp(0.5, 1.5);
        link.m *= scale;
        link.x_C = link.x_C.map(|x| x + 0.05 * share * draw());
        link.I = link.I.map(|row| row.map(|value| value * scale));
    }
    for (i, frame) in arm.frames.iter_mut().enumerate() {
        let bend = Pose::rotation(nalgebra::Vector3::from(error.link_bend_rad[i]));
        let bend = Frame { p: error.link_shift_m[i], ..self::frame(&bend) };
        *frame = bend.then(frame);
    }
    let tool = options.end_effector();
    arm.tool = tool.body().with(&Body { m: error.payload_kg, x_C: error.payload_centre_m, I: [[0.0; 3]; 3] });
    arm.tool = arm.tool.with(&Body {
        m: options.payload_kg,
        x_C: [tool.F_T_NE[12], tool.F_T_NE[13], tool.F_T_NE[14]],
        I: [[0.0; 3]; 3],
    });
    arm
}
