//! Whether the safety layer will let a motion pass, before anything moves.
use crate::control::Approach;
use crate::demonstration::expert::Expert;
use crate::demonstration::timed_path::TimedPath;
use crate::kinematics::{Pose, forward};
use crate::safety::{Guard, Margin, Motion};

/// Time between two places of a path that are looked at, s.
const STEP_S: f64 = 0.004;
/// Half the time over which the joints' speed is measured, s.
const HALF_S: f64 = 0.002;
/// Places of the way to the start that are looked at.
const WAY_STEPS: u32 = 250;

/// Refuses a path on which the safety layer would stop the arm, at `speed` of its plan.
///
/// # Errors
/// The first such point, with what is in the way and the key that sets it.
pub fn check_path(guard: &Guard, timed: &TimedPath, expert: &Expert, speed: f64) -> Result<(), String> {
    let label = |t_s: f64| expert.label_pose(&timed.pose(t_s.max(0.0))).ok();
    for step in 0..=(timed.lap_s() / STEP_S) as u32 {
        let t_s = f64::from(step) * STEP_S;
        let (Some(before), Some(q), Some(after)) = (label(t_s - HALF_S), label(t_s), label(t_s + HALF_S))
        else {
            continue; // the labels themselves are judged elsewhere
        };
        let dq = std::array::from_fn(|i| speed * (after[i] - before[i]) / (2.0 * HALF_S));
        if let Some(why) = forbidden(guard, &Motion { q, dq, ddq: [0.0; 7] }) {
            let p = timed.at(t_s).0;
            return Err(format!(
                "at ({:.3}, {:.3}, {:.3}) m {why}: move the path, drive it slower, or change that key",
                p.x, p.y, p.z
            ));
        }
    }
    Ok(())
}

/// Refuses a way to the start, straight in joint space, on which the safety layer would stop the arm.
///
/// # Errors
/// Where the end effector would then be, with what is in the way and the key that sets it.
pub fn check_way(guard: &Guard, way: Approach, F_T_EE: &Pose) -> Result<(), String> {
    for motion in way.motions(WAY_STEPS) {
        // The layer slows what is too fast.
        let slow = guard.forbids(&motion).filter(|margin| !margin.limit.is_speed());
        if slow.is_some()
            && let Some(why) = forbidden(guard, &motion)
        {
            let p = forward(&motion.q, F_T_EE).translation.vector;
            return Err(format!(
                "the way is straight in joint space, and with the end effector at ({:.3}, {:.3}, {:.3}) \
                 m on it {why}: move the arm by hand nearer to its end, or change that key",
                p.x, p.y, p.z
            ));
        }
    }
    Ok(())
}

/// What the safety layer has against a motion, in words.
fn forbidden(guard: &Guard, motion: &Motion) -> Option<String> {
    let words = |margin: Margin| format!("{margin} ({})", margin.limit.key());
    let here = guard.workspace().nearest(&motion.q);
    if !here.holds() {
        return Some(format!("the arm would be where it may not be: {}", words(here)));
    }
    let margin = guard.forbids(motion)?;
    Some(if margin.limit.is_speed() {
        format!("it would be too fast: {}", words(margin))
    } else {
        format!("it could not stop in time at this speed: {}", words(margin))
    })
}
