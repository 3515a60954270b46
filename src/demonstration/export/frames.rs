//! An episode at the rate of a camera or a learner.
use super::Error;
use crate::demonstration::episode::{Episode, Tick};
use crate::demonstration::sample::Kind;
use crate::kinematics::from_column_major;

/// One frame: everything in the numbers of a learner.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Joints, rad, and the gripper's width, m, if there is one.
    pub state: Vec<f32>,
    /// Joint velocities, rad/s.
    pub velocity: Vec<f32>,
    /// External joint torques, Nm.
    pub effort: Vec<f32>,
    /// The end effector: position, m, and quaternion xyzw, w ≥ 0.
    pub ee_pose: Vec<f32>,
    /// External wrench, N and Nm, base frame.
    pub wrench: Vec<f32>,
    /// Where the joints (and the gripper) should be at the next frame, as `state`.
    pub action: Vec<f32>,
}

/// The episode `name` at `fps` frames a second; each frame is the last tick at or before its time, so a gap repeats the
/// tick before it.
///
/// The action of a frame is the next frame's: what was commanded then where the robot drove, and where the joints
/// were where a person guided it, since a guided arm is sent no targets.
///
/// # Errors
/// [`Error::Pose`].
pub fn frames(name: &str, episode: &Episode, fps: u32) -> Result<Vec<Frame>, Error> {
    let ticks = &episode.ticks;
    let Some(first) = ticks.first() else { return Ok(Vec::new()) };
    let count = (episode.length_s() * f64::from(fps) + 1e-6) as usize + 1;
    let at = |k: usize| {
        let ms = (k as f64 * 1e3 / f64::from(fps)).round() as u64;
        let after = ticks.partition_point(|tick| tick.robot_time_ms <= first.robot_time_ms + ms);
        &ticks[after.max(1) - 1]
    };
    let has_gripper = ticks.iter().all(|tick| tick.gripper.is_some());
    let with_gripper = |joints: [f64; 7], tick: &Tick| {
        let width = tick.gripper.filter(|_| has_gripper).map(|g| g.width_m as f32);
        joints.into_iter().map(|x| x as f32).chain(width).collect::<Vec<f32>>()
    };
    let frame = |k: usize| {
        let (tick, next) = (at(k), at((k + 1).min(count - 1)));
        let pose = from_column_major(&tick.O_T_EE).map_err(|why| Error::Pose {
            episode: name.to_string(),
            at_s: (tick.robot_time_ms - first.robot_time_ms) as f64 * 1e-3,
            why: why.to_string(),
        })?;
        let (p, turn) = (pose.translation.vector, pose.rotation.quaternion());
        let sign = if turn.w < 0.0 { -1.0 } else { 1.0 };
        let turn = [turn.i, turn.j, turn.k, turn.w].map(|x| sign * x);
        let short = |numbers: &[f64]| numbers.iter().map(|x| *x as f32).collect::<Vec<f32>>();
        Ok(Frame {
            state: with_gripper(tick.q, tick),
            velocity: short(&tick.dq),
            effort: short(&tick.tau_ext_hat_filtered),
            ee_pose: short(&[p.x, p.y, p.z, turn[0], turn[1], turn[2], turn[3]]),
            wrench: short(&tick.O_F_ext_hat_K),
            action: with_gripper(if next.kind == Kind::Driven { next.q_c } else { next.q }, next),
        })
    };
    (0..count).map(frame).collect()
}
