//! The look back after a swap: is the arm really nearer to where it should be than under the policy before?
//!
//! Both are asked at the same places. What the arm does under the running policy is measured; under the one before
//! it would stand where it stands now, displaced by what the two ask for differently: the joints follow what is asked
//! of them, less what the loop loses, and that depends on the posture. So a second of driving is a fair comparison,
//! wherever on the path it falls, and also when the load changes in it.
use super::gate::Errors;
use crate::kinematics::{Pose, forward};
use crate::range::{Violation, check_range};
use crate::robot::Joints;
use serde::{Deserialize, Serialize};

/// What is not worth going back and forgetting for: 0.5 mm, 3 mrad. A joint about to turn round stands still for small
/// changes of what is asked of it, and a policy that is better all along the path may be a little worse in one place.
const SLACK: (f64, f64) = (5e-4, 3e-3);

/// How a policy just taken over is watched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Time over which it is compared with the one before, s.
    pub window_s: f64,
    /// Share by which its error may be larger before the one before comes back.
    pub margin_share: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options { window_s: 0.5, margin_share: 0.3 }
    }
}

impl Options {
    /// Every value outside its allowed range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_range(&mut out, "window_s", self.window_s, 0.05..=60.0, "s");
        check_range(&mut out, "margin_share", self.margin_share, 0.0..=10.0, "");
        out
    }
}

/// What watching has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Nothing is watched.
    Idle,
    /// Not yet known.
    Watching,
    /// The running policy is no worse than the one before.
    Good,
    /// It is worse.
    Worse,
}

/// One tick of the quasi-static arm.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// Robot time, ms.
    pub time_ms: u64,
    /// Measured joints, freed of their lag, rad.
    pub q: &'a Joints,
    /// Where the expert would stand for what was asked, rad.
    pub q_expert: &'a Joints,
    /// What the running policy answers, rad.
    pub running: &'a Joints,
    /// What the one before would have answered, rad.
    pub before: &'a Joints,
}

/// Watches one swap at a time; never allocates.
#[derive(Clone, Debug)]
pub struct Watch {
    options: Options,
    F_T_EE: Pose,
    /// From the swap until the fade is over and the arm has followed, ms.
    settle_ms: u64,
    since_ms: Option<u64>,
    now: Errors,
    then: Errors,
}

impl Watch {
    /// Nothing to watch; `fade_s` is how long a swap takes.
    pub fn new(options: &Options, F_T_EE: Pose, fade_s: f64) -> Watch {
        Watch {
            options: options.clone(),
            F_T_EE,
            settle_ms: (1e3 * fade_s) as u64 + 100,
            since_ms: None,
            now: Errors::default(),
            then: Errors::default(),
        }
    }

    /// A policy was taken over at `time_ms`.
    pub fn begin(&mut self, time_ms: u64) {
        (self.since_ms, self.now, self.then) = (Some(time_ms), Errors::default(), Errors::default());
    }

    /// Nothing is watched any more.
    pub fn end(&mut self) {
        self.since_ms = None;
    }

    /// Whether a swap is under watch.
    pub fn is_on(&self) -> bool {
        self.since_ms.is_some()
    }

    /// Whether [`Self::look`] has something to see at `time_ms`.
    pub fn sees(&self, time_ms: u64) -> bool {
        self.since_ms.is_some_and(|since| time_ms.saturating_sub(since) >= self.settle_ms)
    }

    /// One look; looks before the fade is over are passed over.
    pub fn look(&mut self, look: Look) -> Finding {
        let Some(since_ms) = self.since_ms else { return Finding::Idle };
        if !self.sees(look.time_ms) {
            return Finding::Watching;
        }
        let should = forward(look.q_expert, &self.F_T_EE);
        let else_where: Joints = std::array::from_fn(|i| look.q[i] + look.before[i] - look.running[i]);
        self.now.add(&should, &forward(look.q, &self.F_T_EE));
        self.then.add(&should, &forward(&else_where, &self.F_T_EE));
        let passed_ms = look.time_ms - since_ms - self.settle_ms;
        if (passed_ms as f64) < 1e3 * self.options.window_s || self.now.count() < 8 {
            return Finding::Watching;
        }
        self.since_ms = None;
        // NaN is worse, too.
        let fine =
            self.now.total().is_finite() && !self.now.loses_to(&self.then, self.options.margin_share, SLACK);
        if !fine {
            log::info!("worse than before: {:?} instead of {:?}", self.now, self.then);
        }
        if fine { Finding::Good } else { Finding::Worse }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinematics::hand_tool;
    use crate::robot::limits::Q_READY;

    /// Watches a second of an arm that loses `lost` rad, under policies that ask for so much more than the expert.
    fn verdict(lost: f64, before: f64, running: f64) -> Finding {
        let mut watch = Watch::new(&Options::default(), hand_tool(), 0.25);
        watch.begin(1000);
        for time_ms in 1000..3000 {
            let ask = |more: f64| Q_READY.map(|q| q + more);
            let q = ask(running - lost);
            let (running, before) = (ask(running), ask(before));
            let look = Look { time_ms, q: &q, q_expert: &Q_READY, running: &running, before: &before };
            match watch.look(look) {
                Finding::Watching => {}
                found => return found,
            }
        }
        Finding::Watching
    }

    #[test]
    fn a_policy_that_heals_stays_and_one_that_does_harm_goes() {
        assert_eq!(verdict(0.01, 0.0, 0.01), Finding::Good);
        assert_eq!(verdict(0.01, 0.0, 0.006), Finding::Good);
        assert_eq!(verdict(0.0, 0.0, 0.01), Finding::Worse);
        assert_eq!(verdict(0.01, 0.0, -0.01), Finding::Worse);
        assert_eq!(verdict(0.01, 0.01, f64::NAN), Finding::Worse);
    }

    #[test]
    fn a_load_put_down_after_the_swap_counts_against_the_policy_that_carries_it() {
        assert_eq!(verdict(0.0, 0.0, 0.012), Finding::Worse);
    }

    #[test]
    fn a_difference_that_nobody_sees_is_none() {
        assert_eq!(verdict(0.0, 0.0, 3e-5), Finding::Good);
    }
}
