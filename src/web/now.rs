//! What a page shows at once.
use super::lesson::Lesson;
use crate::control::modes::Mode;
use crate::learn::gate::Refusal;
use crate::robot::Errors;
use serde::{Serialize, Serializer};

/// Places of [`Now::step_us`]: the first counts up to 1 µs, each next up to √2 times more, the last all the rest.
pub const STEP_PLACES: usize = 24;

/// What the program is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Nothing moves; a drawing is waited for, or another task.
    #[default]
    Waiting,
    /// A motion is labelled and learnt.
    Learning,
    /// The arm follows.
    Driving,
    /// The arm goes to its ready pose.
    Homing,
    /// The robot clears its errors.
    Recovering,
    /// A hand guides the arm.
    Teaching,
    /// It is a simulated robot, which others drive.
    Simulated,
    /// The robot is not connected.
    Lost,
}

/// What a page shows at once: numbers alone, so that it is copied in no time.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Now {
    /// What the program is doing.
    pub stage: Stage,
    /// Whether the robot says that it can move; without, it has errors to clear, or a person has to do something.
    pub ready: bool,
    /// What the robot says is wrong, by name: why it has stopped.
    #[serde(serialize_with = "by_name")]
    pub errors: Errors,
    /// What the daemon is doing with the arm.
    pub mode: Mode,
    /// Measured joints.
    pub q_rad: [f64; 7],
    /// Commanded joints.
    pub q_c_rad: [f64; 7],
    /// Measured position of the end effector, base frame.
    pub O_p_EE_m: [f64; 3],
    /// Where the reference is.
    pub x_ref_m: [f64; 3],
    /// Reference time.
    pub tau_s: f64,
    /// Whether the arm rests on the path, to go on later, as the control thread has been told.
    pub held: bool,
    /// Rate of the whole motion, as it has been told.
    pub speed: f64,
    /// Whether policies that are learnt on the way are taken over; none where nothing is learnt.
    pub learning: Option<bool>,
    /// Number of the policy in use; 0 is the one the drive began with.
    pub edition: u32,
    /// Laps driven, and how many there will be; 0 of a motion without end.
    pub laps: [f64; 2],
    /// From the moving reference, the worst since the update before; none off the path.
    pub tracking_mm: Option<f64>,
    /// From the curve, the worst since the update before.
    pub contour_mm: Option<f64>,
    /// From the curve, since the drive began: mean and largest.
    pub contour_so_far_mm: Option<[f64; 2]>,
    /// States answered, and milliseconds without a command of ours.
    pub cycles: [u64; 2],
    /// Share of the last 100 commands that the robot received.
    pub success_rate: f64,
    /// Ticks since the update before in which the safety layer changed the wish, and their number in the drive.
    pub limited: [u64; 2],
    /// Candidates judged, taken over, refused and given up.
    pub policies: [u64; 4],
    /// Refused, by the reasons of [`Refusal::ALL`].
    pub refused: [u64; Refusal::ALL.len()],
    /// Updates of the network, in training or while driving.
    pub steps: u64,
    /// Updates that a training will make, while it is under way; else 0.
    pub steps_all: u64,
    /// Mean squared error of training, over samples and joints.
    pub loss_mse_rad2: Option<f64>,
    /// While a motion is learnt: mean distance of FK(π(x)) from x on demonstrations that were held out, mm.
    pub training_error_mm: Option<f64>,
    /// How long our own step has taken, since the drive began.
    pub step_us: [u32; STEP_PLACES],
    /// Of a session of teaching.
    pub lesson: Option<Lesson>,
}

fn by_name<S: Serializer>(errors: &Errors, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(errors.names())
}

impl Now {
    /// Counts a step of our own.
    pub fn count_step(&mut self, ns: u64) {
        let place = (2.0 * (ns as f64 * 1e-3).max(1.0).log2()).ceil() as usize;
        if let Some(count) = self.step_us.get_mut(place.min(STEP_PLACES - 1)) {
            *count = count.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_counted_where_they_belong() {
        let mut now = Now::default();
        for ns in [0, 900, 1_000, 1_400, 2_000, 10_000_000_000] {
            now.count_step(ns);
        }
        assert_eq!(now.step_us[..4], [3, 1, 1, 0]);
        assert_eq!(now.step_us[STEP_PLACES - 1], 1);
    }

    #[test]
    fn what_is_wrong_with_the_robot_goes_to_the_page_by_name() {
        let now = Now { errors: Errors(1 << 6 | 1 << 7), ..Now::default() };
        let sent = serde_json::to_value(now).expect("numbers");
        assert_eq!(sent["errors"], serde_json::json!(["joint_reflex", "cartesian_reflex"]));
    }
}
