//! What the daemon is doing with the arm, as one table: whatever is not written here does not happen.
//!
//! ```text
//!              ┌───────────── Home ──► Homing ───┐
//!  Idle ───────┼───────────── Follow ► Following ┤  Stop ► Stopping ─ Rested ► Idle
//!    ▲         ├───────────── Guide ─► Guiding ──┤
//!    │         └───────────── Hold ──► Holding ──┘  Fail (from everywhere) ► Fault
//!    └── Rested, Recovered ◄── Recovering ◄── Recover ◄── Fault
//! ```
//!
//! Out of [`Mode::Fault`] leads one way, and only a person's order takes it.
use super::Phase;
use serde::Serialize;

/// What the daemon is doing with the arm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Connected, and nothing moves.
    #[default]
    Idle,
    /// On a straight way in joint space, to a start or to the ready pose.
    Homing,
    /// Held where it is.
    Holding,
    /// Following a path with the policy.
    Following,
    /// Let go, for a person to guide.
    Guiding,
    /// Coming to rest.
    Stopping,
    /// Something went wrong: nothing moves until a person says so.
    Fault,
    /// The robot is clearing its errors.
    Recovering,
}

/// What changes a mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A person orders the arm to a pose.
    Home,
    /// A person orders the arm to be held.
    Hold,
    /// A person orders a path to be followed; it begins with the way to its start.
    Follow,
    /// A person orders the arm to be let go.
    Guide,
    /// The way to the start is done.
    Arrived,
    /// A person, a signal, the end of the path or our own safety layer asks for rest.
    Stop,
    /// The arm is at rest and the motion has ended.
    Rested,
    /// The robot, its driver, the network or our own step has failed.
    Fail,
    /// A person orders recovery.
    Recover,
    /// The robot can move again.
    Recovered,
}

use Event as E;
use Mode as M;

/// Every edge there is.
pub const TABLE: [(Mode, Event, Mode); 24] = [
    (M::Idle, E::Home, M::Homing),
    (M::Idle, E::Hold, M::Holding),
    (M::Idle, E::Follow, M::Homing),
    (M::Idle, E::Guide, M::Guiding),
    (M::Idle, E::Stop, M::Idle),
    (M::Idle, E::Fail, M::Fault),
    (M::Homing, E::Arrived, M::Following),
    (M::Homing, E::Stop, M::Stopping),
    (M::Homing, E::Rested, M::Idle),
    (M::Homing, E::Fail, M::Fault),
    (M::Holding, E::Stop, M::Stopping),
    (M::Holding, E::Fail, M::Fault),
    (M::Following, E::Stop, M::Stopping),
    (M::Following, E::Fail, M::Fault),
    (M::Guiding, E::Hold, M::Holding),
    (M::Guiding, E::Stop, M::Stopping),
    (M::Guiding, E::Fail, M::Fault),
    (M::Stopping, E::Stop, M::Stopping),
    (M::Stopping, E::Rested, M::Idle),
    (M::Stopping, E::Fail, M::Fault),
    (M::Fault, E::Fail, M::Fault),
    (M::Fault, E::Recover, M::Recovering),
    (M::Recovering, E::Recovered, M::Idle),
    (M::Recovering, E::Fail, M::Fault),
];

/// An order that the table does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("refused: {event:?} while {mode:?}. {}", mend(*.mode))]
pub struct Refusal {
    /// What the daemon was doing.
    pub mode: Mode,
    /// What was ordered.
    pub event: Event,
}

/// What a person can do where an order was refused.
fn mend(mode: Mode) -> &'static str {
    match mode {
        Mode::Fault => "After a fault nothing moves until you order a recovery",
        Mode::Recovering => "Wait until the robot has recovered",
        Mode::Idle => "Nothing moves that this could be asked of",
        Mode::Homing | Mode::Holding | Mode::Following | Mode::Guiding => "Stop the motion first",
        Mode::Stopping => "Wait until the arm is at rest",
    }
}

impl Mode {
    /// The mode after `event`.
    ///
    /// # Errors
    /// [`Refusal`] where the table has no such edge: the mode stays.
    pub fn after(self, event: Event) -> Result<Mode, Refusal> {
        let edge = TABLE.iter().find(|(from, by, _)| (*from, *by) == (self, event));
        edge.map(|(.., to)| *to).ok_or(Refusal { mode: self, event })
    }

    /// The mode once a motion is in `phase`.
    #[must_use]
    pub fn during(self, phase: Phase) -> Mode {
        let event = match phase {
            Phase::Approach => return self,
            Phase::Follow => Event::Arrived,
            Phase::Rest | Phase::Brake => Event::Stop,
            Phase::Done => Event::Rested,
        };
        // Without an edge the event is old news.
        self.after(event).unwrap_or(self)
    }

    /// Whether the arm may be moving by our commands.
    pub fn moves(self) -> bool {
        !matches!(self, Mode::Idle | Mode::Fault | Mode::Recovering)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EVENTS: [Event; 10] = [
        E::Home,
        E::Hold,
        E::Follow,
        E::Guide,
        E::Arrived,
        E::Stop,
        E::Rested,
        E::Fail,
        E::Recover,
        E::Recovered,
    ];

    #[test]
    fn an_edge_is_written_once() {
        for (k, (from, by, _)) in TABLE.iter().enumerate() {
            assert!(!TABLE[..k].iter().any(|(f, b, _)| (f, b) == (from, by)), "{from:?} by {by:?}");
        }
    }

    #[test]
    fn whatever_moves_can_be_stopped_and_can_fail() {
        for mode in TABLE.map(|(from, ..)| from) {
            assert!(!mode.moves() || mode.after(E::Stop).is_ok(), "{mode:?}");
            assert!(mode.after(E::Fail) == Ok(M::Fault), "{mode:?}");
        }
    }

    #[test]
    fn a_refusal_says_what_was_asked_where_and_what_to_do() {
        let refusal = M::Fault.after(E::Follow).unwrap_err().to_string();
        assert_eq!(
            refusal,
            "refused: Follow while Fault. After a fault nothing moves until you order a recovery"
        );
    }

    proptest! {
        #[test]
        fn after_a_fault_nothing_moves_until_a_person_orders_a_recovery(
            events in prop::collection::vec(prop::sample::select(EVENTS.to_vec()), 0..60)
        ) {
            let (mut mode, mut failed) = (M::Idle, false);
            for event in events {
                match mode.after(event) {
                    Ok(next) => mode = next,
                    Err(_) => continue,
                }
                failed = match event {
                    E::Fail => true,
                    E::Recover => false,
                    _ => failed,
                };
                prop_assert!(!(failed && mode.moves()), "{mode:?} after {event:?}");
            }
        }
    }
}
