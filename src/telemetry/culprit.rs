//! "Network", "us" or "robot": what the timing of the last ticks says about an abort.
use crate::demonstration::sample::Sample;
use crate::robot::Fault;
use crate::timing::Cycle;
use serde::Serialize;
use std::collections::VecDeque;

/// Whose fault an abort was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Culprit {
    /// The robot, or what it ran into, or a person at it.
    Robot,
    /// The cable, the switch, the network card: datagrams were lost or late.
    Network,
    /// This program or this machine.
    Us,
}

/// How far back an abort has its cause, ns.
const WINDOW_NS: u64 = 200_000_000;
/// A command later than this after its state is lost, ns: the robot's cycle.
const CYCLE_NS: u64 = 1_000_000;
/// Two states further apart than this left commands without an answer, ns.
const GAP_NS: u64 = 3_000_000;
/// A supervisor so late was kept from running by the machine, ns.
const STALL_NS: u64 = 12_000_000;
/// libfranka's name for "too many of your commands did not come".
const COMMUNICATION: &str = "communication_constraints_violation";

/// The culprit, and the figures that say so.
pub(super) fn find(
    fault: &Fault,
    ticks: &VecDeque<(Sample, Cycle)>,
    looks: &VecDeque<(u64, u64)>,
) -> (Culprit, String) {
    match fault {
        Fault::Control(_) | Fault::Stuck(_) | Fault::GivenUp(_) => {
            return (Culprit::Us, "our own step failed".to_string());
        }
        Fault::Stopped { errors, .. } if !errors.contains(&COMMUNICATION) => {
            return (Culprit::Robot, "the robot stopped for a reason of its own".to_string());
        }
        Fault::Rejected { .. } | Fault::NotReady { .. } => {
            return (Culprit::Robot, "the robot refused".to_string());
        }
        _ => {}
    }
    let is_silence = matches!(fault, Fault::Lost(_));
    let Some(end_ns) = ticks.back().map(|(_, cycle)| cycle.answered_ns) else {
        return (Culprit::Network, "no state came at all".to_string());
    };
    let from_ns = end_ns.saturating_sub(WINDOW_NS);
    let recent = || ticks.iter().filter(|(_, cycle)| cycle.received_ns >= from_ns);
    let compute_ns = recent().map(|(_, c)| c.answered_ns.saturating_sub(c.received_ns)).max().unwrap_or(0);
    let cycles: Vec<Cycle> = recent().map(|(_, cycle)| *cycle).collect();
    let waits = cycles.windows(2).map(|pair| pair[1].received_ns.saturating_sub(pair[0].answered_ns));
    let wait_ns = waits.max().unwrap_or(0);
    let lost: u32 = recent().map(|(sample, _)| sample.lost).sum();
    let stall_ns = looks.iter().filter(|(at, _)| *at >= from_ns).map(|(_, gap)| *gap).max().unwrap_or(0);
    let ms = |ns: u64| ns as f64 * 1e-6;
    let split = format!(
        "in the last {:.0} ms we took at most {:.2} ms to answer and waited at most {:.2} ms for a state; {lost} states \
         were missed; the machine stood still for at most {:.0} ms",
        ms(WINDOW_NS),
        ms(compute_ns),
        ms(wait_ns),
        if stall_ns > STALL_NS { ms(stall_ns) } else { 0.0 }
    );
    if compute_ns > CYCLE_NS {
        (Culprit::Us, format!("our answer was late: {split}"))
    } else if wait_ns > GAP_NS && stall_ns > STALL_NS.max(wait_ns / 2) {
        (Culprit::Us, format!("this machine was busy with something else: {split}"))
    } else if wait_ns > GAP_NS || lost > 0 {
        (Culprit::Network, format!("states did not come: {split}"))
    } else if is_silence {
        (Culprit::Network, format!("states stopped coming: {split}"))
    } else {
        (Culprit::Network, format!("states came in time and our answers did not arrive: {split}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demonstration::sample::Kind;
    use crate::kinematics::{Point, Pose};
    use crate::robot::State;
    use crate::safety::{Limit, Margin, Verdict};

    fn sample(tick: u64, lost: u32) -> Sample {
        let (none, o) = ([0.0; 7], Point::zeros());
        Sample {
            tick,
            lost,
            kind: Kind::None,
            tau_s: 0.0,
            state: State::ZERO,
            O_p_EE: o,
            x_ref: Pose::identity(),
            X: Pose::identity(),
            q_ref: none,
            q_c: none,
            verdict: Verdict::default(),
            margin: Margin::new(Limit::ToolSpeed, 1.0, 1.0),
            swaps: 0,
            rollbacks: 0,
            edition: 0,
            course: 0,
            hand: crate::demonstration::sample::Hand::Away,
            pull_n: crate::kinematics::Point::zeros(),
        }
    }

    /// Ticks of (wait before, compute) in µs.
    fn ticks(of: &[(u64, u64)]) -> VecDeque<(Sample, Cycle)> {
        let mut now_ns = 0;
        of.iter()
            .enumerate()
            .map(|(k, (wait_us, compute_us))| {
                let received_ns = now_ns + 1000 * wait_us;
                now_ns = received_ns + 1000 * compute_us;
                (sample(k as u64, (wait_us / 1500) as u32), Cycle { received_ns, answered_ns: now_ns })
            })
            .collect()
    }

    fn communication() -> Fault {
        Fault::Stopped { errors: vec![COMMUNICATION], reason: String::new() }
    }

    #[test]
    fn the_robots_own_reasons_are_the_robots() {
        let fault = Fault::Stopped { errors: vec!["cartesian_reflex"], reason: String::new() };
        assert_eq!(find(&fault, &ticks(&[(990, 10); 50]), &VecDeque::new()).0, Culprit::Robot);
    }

    #[test]
    fn late_answers_are_ours() {
        let mut of = [(990, 10); 50];
        of[40] = (990, 21_000);
        let (culprit, because) = find(&communication(), &ticks(&of), &VecDeque::new());
        assert_eq!(culprit, Culprit::Us);
        assert!(because.contains("21.00 ms to answer"), "{because}");
    }

    #[test]
    fn a_gap_is_the_networks_unless_the_whole_machine_stood_still() {
        let mut of = [(990, 10); 50];
        of[40] = (25_000, 10);
        let ticks = ticks(&of);
        assert_eq!(find(&communication(), &ticks, &VecDeque::new()).0, Culprit::Network);
        let end_ns = ticks[49].1.answered_ns;
        let stood_still = VecDeque::from([(end_ns, 25_000_000)]);
        assert_eq!(find(&communication(), &ticks, &stood_still).0, Culprit::Us);
    }

    #[test]
    fn answers_in_time_that_did_not_count_were_lost_on_the_way() {
        let (culprit, because) = find(&communication(), &ticks(&[(990, 10); 50]), &VecDeque::new());
        assert_eq!(culprit, Culprit::Network);
        assert!(because.contains("did not arrive"), "{because}");
    }
}
