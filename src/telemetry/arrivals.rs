//! What arrived of our commands, as the robot's states tell it.
use crate::demonstration::sample::Sample;
use crate::robot::{JOINTS, Joints};

/// A desired position further from the last command than rounding means that the command was missed, rad.
const ROUNDING_RAD: f64 = 1e-9;
/// The robot's success rate looks back over this many commands.
const SUCCESS_WINDOW: u64 = 100;

/// What is known of a tick's link.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Arrived {
    /// Milliseconds before it in which the robot had no command of ours.
    pub(super) missed: u64,
    /// The robot's success rate, once it looks back on a whole window.
    pub(super) success_rate: Option<f64>,
}

/// Looks at a motion's samples, one by one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Arrivals {
    cycles: u64,
    /// The last command, rad.
    q_c: Option<Joints>,
}

impl Arrivals {
    pub(super) fn add(&mut self, sample: &Sample) -> Arrived {
        self.cycles += 1;
        let Some(q_c) = self.q_c.replace(sample.q_c) else { return Arrived::default() };
        let ignored =
            (0..JOINTS).any(|i| (sample.state.q_d[i] - q_c[i]).abs() > ROUNDING_RAD) && sample.lost == 0;
        let rate = sample.state.control_command_success_rate;
        Arrived {
            missed: u64::from(sample.lost) + u64::from(ignored),
            success_rate: (self.cycles > SUCCESS_WINDOW).then_some(rate),
        }
    }
}
