#![allow(
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::disallowed_types
)]
use super::*;
use crate::kinematics::{capsules, forward, hand_tool};
use crate::robot::limits;
use crate::safety::Part;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::StdRng};

fn at_rest(q: Joints) -> Motion {
    Motion { q, ..Motion::default() }
}

/// A corner of a room about the ready pose.
fn room() -> Options {
    Options {
        box_min_m: [0.1, -0.35, 0.1],
        box_max_m: [0.65, 0.35, 0.8],
        table_z_m: 0.05,
        walls: vec![[-1.0, -1.0, 0.0, -0.6], [0.0, 0.0, -2.0, -1.0]],
        tool_speed_m_s: 0.6,
        ..Options::default()
    }
}

/// Drives `ticks` of wild proposals from the ready pose; returns the least margin of the workspace ever seen at a
/// place where the arm was, the highest speed of the end effector, and how often the layer stopped it.
fn wild(options: &Options, seed: u64, ticks: usize, lose: bool) -> (Margin, f64, usize) {
    let guard = Guard::new(options, &hand_tool());
    let exact = Workspace::new(&Options { clearance_m: 0.0, ..options.clone() }, &hand_tool());
    let mut rng = StdRng::seed_from_u64(seed);
    let mut base = at_rest(limits::Q_READY);
    let mut least = exact.nearest(&base.q);
    let (mut stops, mut fastest, mut mood, mut target) = (0, 0.0_f64, 0, [0.0; 7]);
    let mut last = forward(&base.q, &hand_tool()).translation.vector;
    for tick in 0..ticks {
        if tick % 300 == 0 {
            mood = rng.random_range(0..4);
            target = std::array::from_fn(|i| limits::Q_READY[i] + rng.random_range(-2.5..2.5));
        }
        let lost = lose && rng.random::<f64>() < 0.005;
        for _ in 0..if lost { rng.random_range(1..=19) } else { 0 } {
            let q = std::array::from_fn(|i| base.q[i] + (base.dq[i] + base.ddq[i] * 1e-3) * 1e-3);
            base = base.after(&q);
            least = least.tighter(exact.nearest(&base.q));
            last = forward(&base.q, &hand_tool()).translation.vector;
        }
        let proposal = match mood {
            0 | 1 => target,
            2 => std::array::from_fn(|i| base.q[i] + base.dq[i] * 1e-3 + rng.random_range(-1e-4..1e-4)),
            _ => std::array::from_fn(|_| f64::from_bits(rng.random())),
        };
        let judged = guard.judge(&base, &proposal);
        stops += usize::from(judged.verdict.has(Verdict::BOX.and(Verdict::WALL).and(Verdict::OWN)));
        base = base.after(&judged.q_c);
        least = least.tighter(exact.nearest(&base.q));
        let now = forward(&base.q, &hand_tool()).translation.vector;
        fastest = fastest.max((now - last).norm() / 1e-3);
        last = now;
    }
    (least, fastest, stops)
}

#[test]
fn no_proposal_brings_the_arm_to_a_wall_the_table_its_box_or_itself() {
    for seed in 0..4 {
        let (least, fastest, stops) = wild(&room(), seed, 30_000, false);
        assert!(least.holds(), "seed {seed}: {least}");
        assert!(stops > 100, "seed {seed}: the walls were never near: {stops}");
        assert!(fastest < 0.6 * 1.25, "seed {seed}: {fastest} m/s");
    }
}

#[test]
fn nor_does_it_when_up_to_nineteen_commands_are_lost() {
    for seed in 10..14 {
        let (least, _, stops) = wild(&room(), seed, 20_000, true);
        assert!(least.holds() && stops > 100, "seed {seed}: {least}, {stops} stops");
    }
}

#[test]
fn folding_onto_itself_is_stopped_and_named() {
    let guard = Guard::new(&Options::default(), &hand_tool());
    let folded = [0.0, 0.0, 0.0, -3.0, 0.0, 0.6, 0.8];
    let mut base = at_rest(limits::Q_READY);
    let mut seen = Verdict::default();
    for _ in 0..4000 {
        let gentle = std::array::from_fn(|i| base.q[i] + (folded[i] - base.q[i]).clamp(-5e-4, 5e-4));
        let judged = guard.judge(&base, &gentle);
        if judged.verdict.has(Verdict::OWN) {
            assert!(matches!(judged.margin.limit, Limit::Own(_, Part(7..=10))), "{}", judged.margin);
        }
        seen = seen.and(judged.verdict);
        base = base.after(&judged.q_c);
    }
    assert!(seen.has(Verdict::OWN), "{:?}", seen.names().collect::<Vec<_>>());
    assert!(guard.workspace().nearest(&base.q).holds());
    assert!(!guard.workspace().nearest(&folded).holds());
}

#[test]
fn an_arm_stopped_before_a_wall_may_go_back_but_not_on() {
    let options = Options { box_min_m: [-1.0, -1.0, 0.3], ..Options::default() };
    let guard = Guard::new(&options, &hand_tool());
    let mut base = at_rest(limits::Q_READY);
    // Leans forward, and back.
    let leaning = |base: &Motion, step: f64| -> Joints {
        std::array::from_fn(|i| base.q[i] + if i == 1 { step } else { 0.0 })
    };
    let height = |base: &Motion| forward(&base.q, &hand_tool()).translation.z;
    for _ in 0..3000 {
        base = base.after(&guard.judge(&base, &leaning(&base, 3e-4)).q_c);
    }
    let stopped = height(&base);
    assert!((0.30..=0.33).contains(&stopped), "{stopped}");
    for _ in 0..1000 {
        base = base.after(&guard.judge(&base, &leaning(&base, -3e-4)).q_c);
    }
    assert!(height(&base) > stopped + 0.05, "{} after {stopped}", height(&base));
}

#[test]
fn an_arm_beyond_a_wall_may_leave_and_not_go_deeper() {
    // The end effector stands 5 cm outside its box.
    let x = forward(&limits::Q_READY, &hand_tool()).translation.x;
    let options = Options { box_max_m: [x - 0.05, 1.0, 1.0], ..Options::default() };
    let guard = Guard::new(&options, &hand_tool());
    for (step, expected) in [(1e-6, Verdict::BOX), (-1e-6, Verdict::default())] {
        let mut q = limits::Q_READY;
        q[1] += step;
        assert_eq!(guard.judge(&at_rest(limits::Q_READY), &q).verdict, expected, "{step}");
    }
}

#[test]
fn every_part_that_a_wall_stops_is_named() {
    // The elbow leans back over a wall behind the arm.
    let options = Options { walls: vec![[1.0, 0.0, 0.0, -0.15]], ..Options::default() };
    let margin = Workspace::new(&options, &hand_tool()).nearest(&limits::Q_READY);
    assert!(matches!(margin.limit, Limit::Wall(1, Part(3..=5))), "{margin}");
    assert!(!margin.holds());
    assert_eq!(margin.limit.key(), "safety.walls");
}

#[test]
fn no_point_of_the_arm_moves_further_than_its_levers_say() {
    // The bound of a range holds at every corner of it.
    let workspace = Workspace::new(&room(), &hand_tool());
    let mut rng = StdRng::seed_from_u64(2);
    for _ in 0..20_000 {
        let q: Joints = std::array::from_fn(|i| rng.random_range(limits::Q_MIN[i]..limits::Q_MAX[i]));
        let half: Joints = std::array::from_fn(|_| rng.random_range(0.0..0.3));
        let bound = workspace
            .over(&super::super::stop::Range { q, half }, super::super::workspace::Kinds::ALL)
            .tightest();
        let corner = std::array::from_fn(|i| q[i] + half[i] * rng.random_range(-1.0..=1.0));
        let there = workspace.nearest(&corner);
        assert!(there.left >= bound.left - 1e-12, "{there} against {bound}");
    }
}

#[test]
fn the_arm_at_rest_is_as_far_from_itself_as_its_capsules_say() {
    let lines = |q: &Joints| {
        let frames = crate::kinematics::links(q);
        capsules::ARM.iter().chain(&capsules::HAND).map(move |c| {
            let line = c.ends.map(|end| frames[c.link].point(&crate::kinematics::Point::from(end)));
            (c.link, line, c.radius_m)
        })
    };
    let options = Options { clearance_m: 0.0, ..Options::default() };
    let workspace = Workspace::new(&options, &hand_tool());
    let mut rng = StdRng::seed_from_u64(9);
    let mut own = 0;
    for _ in 0..5000 {
        let q: Joints = std::array::from_fn(|i| rng.random_range(limits::Q_MIN[i]..limits::Q_MAX[i]));
        let mut nearest = f64::INFINITY;
        for (near, a, r) in lines(&q) {
            for (far, b, s) in lines(&q).filter(|(far, ..)| capsules::may_meet(near, *far)) {
                let _ = far;
                nearest = nearest.min(capsules::distance(&a, &b) - r - s);
            }
        }
        let margin = workspace.nearest(&q);
        assert!(margin.left <= nearest + 1e-12);
        if matches!(margin.limit, Limit::Own(_, Part(5..=8))) {
            assert!((margin.left - nearest).abs() < 1e-12, "{margin} {nearest}");
            own += 1;
        }
    }
    assert!(own > 20, "{own}");
}

#[test]
fn everyday_poses_and_the_built_in_places_are_allowed_by_default() {
    let workspace = Workspace::new(&Options::default(), &hand_tool());
    let poses = [
        limits::Q_READY,
        [0.0, 1.2, 0.0, -0.1, 0.0, 1.5, 0.8],
        [0.0, 0.0, 0.0, -0.07, 0.0, 0.1, 0.8],
        [0.0, 0.3, 0.0, -2.0, 0.0, 2.4, 0.8],
        [1.5, -0.3, 0.0, -2.2, 0.0, 1.9, 0.8],
        [0.0, -0.5, 0.3, -2.6, 0.0, 2.1, 0.8],
    ];
    for q in poses {
        let margin = workspace.nearest(&q);
        assert!(margin.holds(), "{q:?}: {margin}");
    }
}

proptest! {
    #[test]
    fn any_bits_anywhere_give_a_finite_command(bits in proptest::array::uniform28(any::<u64>())) {
        let guard = Guard::new(&room(), &hand_tool());
        let take = |from: usize| -> Joints { std::array::from_fn(|i| f64::from_bits(bits[from + i])) };
        let base = Motion { q: take(0), dq: take(7), ddq: take(14) };
        let judged = guard.judge(&base, &take(21));
        prop_assert!(judged.q_c.iter().all(|q| q.is_finite()), "{judged:?}");
    }

    #[test]
    fn a_legal_proposal_passes_bit_for_bit(jerk in proptest::array::uniform7(-3000.0..3000.0f64), v in -0.2..0.2f64) {
        let guard = Guard::new(&Options::default(), &hand_tool());
        let base = Motion { dq: [v; 7], ..at_rest(limits::Q_READY) };
        let proposal: Joints = std::array::from_fn(|i| base.q[i] + (v + jerk[i] * 1e-6) * 1e-3);
        let judged = guard.judge(&base, &proposal);
        prop_assert_eq!(judged.verdict, Verdict::default());
        prop_assert_eq!(judged.q_c.map(f64::to_bits), proposal.map(f64::to_bits));
    }
}
