#![allow(clippy::indexing_slicing, clippy::disallowed_methods, clippy::unwrap_used)]
use super::*;
use crate::robot::limits;

fn state() -> State {
    State { q: limits::Q_READY, q_d: limits::Q_READY, ..State::ZERO }
}

/// Ticks until the watchdog says something, and what, with `change` applied to the state of each tick.
fn until_said(change: impl Fn(u64, &mut State)) -> Option<(u64, Verdict, Margin)> {
    let mut watchdog = Watchdog::new(&Options::default());
    (0..2000).find_map(|tick| {
        let mut state = state();
        change(tick, &mut state);
        let (verdict, margin) = watchdog.look(&state, 1e-3);
        (!verdict.is_clear()).then_some((tick + 1, verdict, margin))
    })
}

#[test]
fn an_arm_that_does_not_follow_is_named_with_its_joint_after_a_tenth_of_a_second() {
    let said = until_said(|_, s| s.q[3] = s.q_d[3] - 0.25);
    let (ticks, verdict, margin) = said.unwrap();
    assert!((100..=101).contains(&ticks), "{ticks}");
    assert_eq!((verdict, margin.limit), (Verdict::TRACKING, Limit::Tracking(4)));
    assert!((margin.left + 0.05).abs() < 1e-12);
    assert!(until_said(|_, s| s.q[3] = s.q_d[3] - 0.19).is_none());
    // A knock that is over before the time is up is none of its business.
    assert!(until_said(|tick, s| s.q[3] -= if tick % 100 < 90 { 0.25 } else { 0.0 }).is_none());
}

#[test]
fn a_push_that_lasts_is_named_with_its_joint_and_its_torque() {
    let (ticks, verdict, margin) = until_said(|_, s| s.tau_ext_hat_filtered[5] = -18.0).unwrap();
    assert!((200..=201).contains(&ticks), "{ticks}");
    assert_eq!((verdict, margin.limit), (Verdict::TORQUE, Limit::ExternalTorque(6)));
    assert_eq!(margin.to_string(), "joint 6 external torque by 3.000 Nm too much");
    assert!(until_said(|_, s| s.tau_ext_hat_filtered = [14.9; 7]).is_none());
}

#[test]
fn what_is_no_number_counts_as_broken() {
    assert!(until_said(|_, s| s.q[0] = f64::NAN).unwrap().1.has(Verdict::TRACKING));
    assert!(until_said(|_, s| s.tau_ext_hat_filtered[6] = f64::NAN).unwrap().1.has(Verdict::TORQUE));
}

#[test]
fn measurements_that_stand_still_while_the_arm_moves_are_named() {
    let (ticks, verdict, _) = until_said(|_, s| s.dq_d[2] = 0.3).unwrap();
    assert!(verdict == Verdict::STALE_STATE && (50..=52).contains(&ticks), "{ticks}");
    assert!(until_said(|_, _| {}).is_none(), "an arm at rest measures the same again and again");
    let alive = |tick: u64, s: &mut State| {
        s.dq_d[2] = 0.3;
        s.q[2] += 1e-5 * tick as f64;
    };
    assert!(until_said(alive).is_none());
}

#[test]
fn a_policy_that_says_the_same_to_another_question_is_named_and_one_that_waits_with_it_is_not() {
    let q = limits::Q_READY;
    let ask = |speed_m_s: f64, answer: &dyn Fn(u64) -> Joints| {
        let mut watchdog = Watchdog::new(&Options::default());
        (0..1000).find(|tick| {
            let X = Point::new(speed_m_s * *tick as f64 * 1e-3, 0.0, 0.5);
            !watchdog.answer(&X, &answer(*tick), 1e-3).is_clear()
        })
    };
    let stuck = ask(0.1, &|_| q).unwrap();
    assert!((95..=110).contains(&stuck), "{stuck}");
    assert_eq!(ask(0.0, &|_| q), None);
    assert_eq!(ask(0.1, &|tick| q.map(|q| q + 1e-9 * tick as f64)), None);
}
