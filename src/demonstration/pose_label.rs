//! The expert's labels for whole poses: its posture for the position, turned until the tool is as asked.
use super::expert::{Error, Expert};
use crate::kinematics::{Pose, forward, tool_down};
use crate::robot::Joints;

/// The tool is turned by no more than this at once, rad, so that the posture stays on its branch.
const TURN_RAD: f64 = 0.3;

impl Expert {
    /// The joints, rad, that bring the end effector to the pose `O_T_EE`.
    ///
    /// A pure function of the pose: from the label of its position, tool pointing down, the tool is turned the
    /// shortest way in small steps, the null space held as near to that label as can be. With the tool down it is
    /// [`Expert::label`]. A position must be reached with the tool down to have labels at all.
    ///
    /// # Errors
    /// As [`Expert::label`] and [`Expert::pose_continuation`].
    pub fn label_pose(&self, O_T_EE: &Pose) -> Result<Joints, Error> {
        let at = O_T_EE.translation.vector;
        if !O_T_EE.rotation.coords.iter().all(|x| x.is_finite()) {
            return Err(Error::NotFinite { at });
        }
        let down = self.label(&at)?;
        if O_T_EE.rotation == tool_down() {
            return Ok(down);
        }
        let from = Pose::from_parts(O_T_EE.translation, forward(&down, self.F_T_EE()).rotation);
        let turn = (O_T_EE.rotation * from.rotation.inverse()).scaled_axis();
        let steps = (turn.norm() / TURN_RAD).ceil().max(1.0);
        let mut q = down;
        if turn.norm() == 0.0 {
            return Ok(q);
        }
        for k in 1..=steps as usize {
            let share = turn * (k as f64 / steps);
            let rotation = nalgebra::UnitQuaternion::from_scaled_axis(share) * from.rotation;
            q = self.reach(&q, &Pose::from_parts(O_T_EE.translation, rotation), &down, at)?;
        }
        Ok(q)
    }
}
