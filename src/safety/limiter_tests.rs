#![allow(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::disallowed_macros
)]
use super::*;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// Judges a step as the robot does, and as it would if the next nineteen commands were lost.
fn judge(base: &Motion, command: &Joints) -> Option<String> {
    let next = base.after(command);
    let lost = |i: &usize| {
        let (v, a) = (next.dq[*i], next.ddq[*i]);
        v * a > 0.0 && v.abs() + 0.019 * a.abs() >= limits::DQ_MAX[*i]
    };
    broken_limit(base, command)
        .or((0..7).find(lost).map(|i| format!("joint {}: lost commands: {next:?}", i + 1)))
}

/// Judges a step as the robot does: backward differences, nominal limits. Names what is broken.
fn broken_limit(base: &Motion, command: &Joints) -> Option<String> {
    let next = base.after(command);
    for i in 0..7 {
        let jerk = (next.ddq[i] - base.ddq[i]) / T;
        let checks = [
            ("position", next.q[i] > limits::Q_MAX[i] || next.q[i] < limits::Q_MIN[i]),
            ("velocity", next.dq[i].abs() >= limits::DQ_MAX[i]),
            ("acceleration", next.ddq[i].abs() >= limits::DDQ_MAX[i]),
            ("jerk", jerk.abs() >= limits::DDDQ_MAX[i]),
            ("finiteness", !command[i].is_finite()),
        ];
        if let Some((what, _)) = checks.iter().find(|(_, broken)| *broken) {
            return Some(format!(
                "joint {}: {what}: q {} dq {} ddq {} jerk {jerk}",
                i + 1,
                next.q[i],
                next.dq[i],
                next.ddq[i]
            ));
        }
    }
    None
}

fn at(q: Joints) -> Motion {
    Motion { q, ..Motion::default() }
}

#[test]
fn a_million_wild_proposals_give_no_illegal_command() {
    let limiter = Limiter::new(&Options::default());
    let mut rng = StdRng::seed_from_u64(7);
    let mut base = at(limits::Q_READY);
    let mut mood = 0;
    let mut target = [0.0; 7];
    for tick in 0..1_000_000 {
        if tick % 400 == 0 {
            mood = rng.random_range(0..5);
            target = std::array::from_fn(|_| rng.random_range(-5.0..5.0));
        }
        let proposal: Joints = std::array::from_fn(|i| match mood {
            0 => target[i], // pulls against one limit or another
            1 => base.q[i] + rng.random_range(-1e-2..1e-2),
            2 => f64::from_bits(rng.random()),
            3 => base.q[i] + base.dq[i] * T + rng.random_range(-1e-4..1e-4),
            _ => [f64::NAN, f64::INFINITY, -1e300, 0.0][rng.random_range(0..4)],
        });
        let (command, _) = limiter.limit(&base, &proposal);
        if let Some(broken) = judge(&base, &command) {
            panic!("tick {tick}, mood {mood}: {broken}");
        }
        base = base.after(&command);
    }
}

#[test]
fn no_loss_of_up_to_nineteen_commands_breaks_a_limit_then_or_after() {
    let limiter = Limiter::new(&Options::default());
    let mut rng = StdRng::seed_from_u64(13);
    let mut base = at(limits::Q_READY);
    let mut target = [0.0; 7];
    let mut last_loss = 0;
    for tick in 0..400_000 {
        if tick % 300 == 0 {
            target = std::array::from_fn(|_| rng.random_range(-5.0..5.0));
        }
        if tick > last_loss + 50 && rng.random::<f64>() < 0.02 {
            last_loss = tick;
            for _ in 0..rng.random_range(1..=19) {
                // The robot goes on with constant acceleration.
                let q = std::array::from_fn(|i| base.q[i] + (base.dq[i] + base.ddq[i] * T) * T);
                assert_eq!(broken_limit(&base, &q), None, "tick {tick}, lost");
                base = base.after(&q);
            }
        }
        let (command, _) = limiter.limit(&base, &target);
        assert_eq!(broken_limit(&base, &command), None, "tick {tick}");
        base = base.after(&command);
    }
}

#[test]
fn a_brake_comes_to_rest_within_its_physical_time() {
    let limiter = Limiter::new(&Options::default());
    let mut rng = StdRng::seed_from_u64(11);
    for _ in 0..200 {
        let mut base = at(limits::Q_READY);
        let direction: Joints = std::array::from_fn(|_| if rng.random() { 9.0 } else { -9.0 });
        for _ in 0..rng.random_range(1..400) {
            base = base.after(&limiter.limit(&base, &direction).0);
        }
        let slowest = (0..7).map(|i| base.dq[i].abs() / (0.95 * limits::DDQ_MAX[i])).fold(0.0, f64::max);
        let allowed = ((slowest + 0.02) / T) as usize + 5;
        let ticks = (0..allowed).find(|_| {
            let command = limiter.brake(&base);
            assert_eq!(judge(&base, &command), None);
            base = base.after(&command);
            base.is_at_rest()
        });
        assert!(ticks.is_some(), "not at rest after {allowed} ms: {base:?}");
    }
}

#[test]
fn an_arm_outside_its_margin_may_rest_or_return_but_not_go_on() {
    let limiter = Limiter::new(&Options::default());
    let mut q = limits::Q_READY;
    q[3] = limits::Q_MAX[3] - 0.005;
    let base = at(q);
    assert_eq!(limiter.limit(&base, &q), (q, Verdict::default()));
    let mut outward = q;
    outward[3] += 1e-6;
    assert!(limiter.limit(&base, &outward).1.has(Verdict::POSITION));
    let mut inward = q;
    inward[3] -= 1e-6;
    assert_eq!(limiter.limit(&base, &inward), (inward, Verdict::default()));
}

proptest! {
    #[test]
    fn any_bits_give_a_finite_command(bits in proptest::array::uniform7(any::<u64>()), v in -2.0..2.0f64) {
        let limiter = Limiter::new(&Options::default());
        let base = Motion { dq: [v; 7], ..at(limits::Q_READY) };
        let (command, _) = limiter.limit(&base, &bits.map(f64::from_bits));
        prop_assert!(command.iter().all(|c| c.is_finite()));
    }

    #[test]
    fn a_legal_proposal_passes_bit_for_bit(jerk in proptest::array::uniform7(-3000.0..3000.0f64), v in -0.5..0.5f64) {
        let limiter = Limiter::new(&Options::default());
        let base = Motion { dq: [v; 7], ..at(limits::Q_READY) };
        let proposal: Joints = std::array::from_fn(|i| base.q[i] + (v + jerk[i] * T * T) * T);
        let (command, verdict) = limiter.limit(&base, &proposal);
        prop_assert_eq!(verdict, Verdict::default());
        prop_assert_eq!(command.map(f64::to_bits), proposal.map(f64::to_bits));
    }
}
