//! The expert's labels for whole poses: a posture for the position, turned until the tool is as asked.
use super::expert::{Error, Expert};
use super::path::Path;
use crate::kinematics::{Pose, forward, tool_down};
use crate::robot::Joints;
use std::sync::Arc;

/// The tool is turned by no more than this at once, rad, so that the posture stays on its branch.
const TURN_RAD: f64 = 0.3;

/// Joints that were taught may put the tool this far from where the motion says, m and rad: smoothing and sag.
const TAUGHT_OFF: (f64, f64) = (0.02, 0.1);

/// Joints that do not belong to the motion.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "the taught joints put the robot's tool {:.1} mm and {:.0} mrad from where the motion says at {arc_m:.3} m, allowed \
     {:.0} mm and {:.0} mrad: taught with another tool? Leave the columns q1_rad to q7_rad out, and our expert's \
     postures are taken", 1e3 * off_m, 1e3 * off_rad, 1e3 * TAUGHT_OFF.0, 1e3 * TAUGHT_OFF.1
)]
pub struct OtherTool {
    /// Where on the motion, m.
    pub arc_m: f64,
    /// The distance, m.
    pub off_m: f64,
    /// The angle, rad.
    pub off_rad: f64,
}

impl Expert {
    /// An expert that takes the postures through which the arm was guided along `path`; the same where it was not.
    ///
    /// # Errors
    /// [`OtherTool`] when they do not put this expert's tool on the path.
    pub fn taught_by(mut self, path: &Path) -> Result<Self, OtherTool> {
        for (&arc_m, should) in path.arc_lengths_m().iter().zip(path.poses()) {
            let Some(q) = path.taught(arc_m) else { return Ok(self) };
            let is = forward(&q, self.F_T_EE());
            let off_m = (is.translation.vector - should.translation.vector).norm();
            let off_rad = is.rotation.angle_to(&should.rotation);
            if off_m > TAUGHT_OFF.0 || off_rad > TAUGHT_OFF.1 {
                return Err(OtherTool { arc_m, off_m, off_rad });
            }
        }
        self.taught = Some(Arc::new(path.clone()));
        Ok(self)
    }

    /// Whether its postures were taught.
    pub fn is_taught(&self) -> bool {
        self.taught.is_some()
    }

    /// The joints, rad, that bring the end effector to the pose `O_T_EE`.
    ///
    /// A pure function of the pose: from a posture for its position the tool is turned the shortest way in small
    /// steps, the null space held as near to that posture as can be. The posture is the label of the position, tool
    /// pointing down, so that with the tool down this is [`Expert::label`], and a position must be reached so to have
    /// labels at all; or that of the nearest place of the motion that was taught.
    ///
    /// Up to half a radian from pointing down it changes smoothly with the pose. An analytic rule for joint 7 would
    /// not: where the upper arm passes the vertical beside it, joint 1 turns by half a turn at once.
    ///
    /// # Errors
    /// As [`Expert::label`] and [`Expert::pose_continuation`].
    pub fn label_pose(&self, O_T_EE: &Pose) -> Result<Joints, Error> {
        let at = O_T_EE.translation.vector;
        if !O_T_EE.rotation.coords.iter().chain(at.iter()).all(|x| x.is_finite()) {
            return Err(Error::NotFinite { at });
        }
        let taught = self.taught.as_ref().and_then(|path| path.taught(path.nearest(&at).arc_m));
        let posture = match taught {
            Some(taught) => taught,
            None => self.label(&at)?,
        };
        if taught.is_none() && O_T_EE.rotation == tool_down() {
            return Ok(posture);
        }
        let from = forward(&posture, self.F_T_EE()).rotation;
        let turn = (O_T_EE.rotation * from.inverse()).scaled_axis();
        let steps = (turn.norm() / TURN_RAD).ceil().max(1.0);
        let mut q = posture;
        for k in 1..=steps as usize {
            let share = turn * (k as f64 / steps);
            let rotation = nalgebra::UnitQuaternion::from_scaled_axis(share) * from;
            q = self.reach(&q, &Pose::from_parts(O_T_EE.translation, rotation), &posture, at)?;
        }
        Ok(q)
    }
}
