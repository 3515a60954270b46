//! The gripper in a drive along a demonstration: opened and closed where the hand that taught it did.
use super::super::exit::usage;
use crate::demonstration::demo::Grip;
use crate::demonstration::sample::{Kind, Sample};
use crate::demonstration::timed_path::TimedPath;
use crate::robot::gripper::{self, Gripper, Wish};
use serde::Serialize;
use std::net::IpAddr;

/// The gripper and what is still to be done with it. Nothing here waits for it.
pub(super) struct Fingers {
    gripper: Gripper,
    /// Reference times within a round, s, in order.
    plan: Vec<(f64, Wish)>,
    /// After so long the plan begins again, s: the way back of an open path has none.
    round_s: f64,
    next: usize,
    asked: Vec<Asked>,
    trouble: Option<String>,
}

/// Something that was asked of the gripper.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Asked {
    wish: Wish,
    /// Reference time at which the demonstration did it, s.
    due_s: f64,
    /// Reference time at which it was asked, s.
    asked_s: f64,
}

impl Fingers {
    /// Connects to the gripper of the robot at `address`.
    pub(super) fn connect(
        address: IpAddr,
        options: &gripper::Options,
        grips: &[Grip],
        timed: &TimedPath,
    ) -> anyhow::Result<Fingers> {
        let gripper = Gripper::connect(address, options).map_err(usage)?;
        let rounds = if timed.path().is_closed() { 1.0 } else { 2.0 };
        let lap_s = timed.lap_s();
        let plan = grips.iter().map(|grip| (timed.reference_s(grip.at_s).min(lap_s), grip.wish)).collect();
        Ok(Fingers { gripper, plan, round_s: rounds * lap_s, next: 0, asked: Vec::new(), trouble: None })
    }

    /// Asks for what is due, and gives words for a trouble that is new.
    pub(super) fn look(&mut self, last: Option<&Sample>) -> Option<String> {
        while let (Some(sample), false) = (last, self.plan.is_empty()) {
            let (round, place) = (self.next / self.plan.len(), self.next % self.plan.len());
            let (at_s, wish) = self.plan[place];
            let due_s = round as f64 * self.round_s + at_s;
            if sample.kind != Kind::Driven || sample.tau_s < due_s {
                break;
            }
            self.gripper.ask(wish);
            self.asked.push(Asked { wish, due_s, asked_s: sample.tau_s });
            self.next += 1;
        }
        let trouble = self.gripper.trouble();
        let is_new = trouble.is_some() && trouble != self.trouble;
        self.trouble.clone_from(&trouble);
        trouble.filter(|_| is_new).map(|words| format!("note     {words}"))
    }

    /// What was asked, in order.
    pub(super) fn asked(self) -> Vec<Asked> {
        self.asked
    }
}

/// What was asked, in words.
pub(super) fn say(asked: &[Asked]) {
    let one = |asked: &Asked| {
        let word = if asked.wish == Wish::Open { "opened" } else { "closed" };
        format!("{word} at {:.2} s ({:+.0} ms)", asked.asked_s, 1e3 * (asked.asked_s - asked.due_s))
    };
    match asked {
        [] => say!("gripper  nothing was asked of it"),
        some => say!("gripper  {}", some.iter().map(one).collect::<Vec<_>>().join(", ")),
    }
}
