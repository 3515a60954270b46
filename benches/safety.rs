//! Time of the safety layer, one tick: quantiles over a million ticks of each kind of trouble.
//!
//! `cargo bench --bench safety`. Each tick is timed alone, the clock's own cost included.
use franka_imit::kinematics::hand_tool;
use franka_imit::robot::{Joints, limits};
use franka_imit::safety::{Guard, Motion, Options, Verdict};
use franka_imit::timing::Histogram;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::hint::black_box;
use std::time::Instant;

const TICKS: usize = 1_000_000;

fn main() {
    let options = Options::default();
    println!(
        "{:34} {:>8} {:>8} {:>8}   changed  stopped",
        "one tick of the safety layer, µs", "p50", "p99", "p99.9"
    );
    row("nothing but the clock", None, |_, _, _| [0.0; 7]);
    row("a smooth motion in the open", Some(&options), |base, rng, target| {
        let _ = rng;
        pull(base, target, 0.3)
    });
    row("pulls at every joint's limits", Some(&options), |base, _, target| pull(base, target, 40.0));
    row("any bits", Some(&options), |_, rng, _| std::array::from_fn(|_| f64::from_bits(rng.random())));
    let walls = Options {
        box_min_m: [0.2, -0.3, 0.15],
        box_max_m: [0.6, 0.3, 0.7],
        walls: (0..8).map(|i| [-1.0, 0.1 * f64::from(i), 0.0, -0.7]).collect(),
        table_z_m: 0.1,
        tool_speed_m_s: 0.25,
        ..options
    };
    row("a box, a table and 8 walls, near", Some(&walls), |base, _, target| pull(base, target, 4.0));
}

/// A step towards `target`, harder than a joint may.
fn pull(base: &Motion, target: &Joints, gain: f64) -> Joints {
    std::array::from_fn(|i| base.q[i] + 0.9 * base.dq[i] * 1e-3 + gain * 1e-5 * (target[i] - base.q[i]))
}

fn row(
    name: &str,
    options: Option<&Options>,
    mut propose: impl FnMut(&Motion, &mut StdRng, &Joints) -> Joints,
) {
    let mut rng = StdRng::seed_from_u64(1);
    let guard = options.map(|options| Guard::new(options, &hand_tool()));
    let mut base = Motion { q: limits::Q_READY, ..Motion::default() };
    let mut target = limits::Q_READY;
    let mut ns = Histogram::new();
    let (mut changed, mut stopped) = (0u64, 0u64);
    for tick in 0..TICKS {
        if tick % 700 == 0 {
            target = std::array::from_fn(|i| limits::Q_READY[i] + rng.random_range(-1.0..1.0));
        }
        let proposal = propose(&base, &mut rng, &target);
        let start = Instant::now();
        let judged = guard.as_ref().map(|guard| guard.judge(black_box(&base), black_box(&proposal)));
        ns.record(start.elapsed().as_nanos() as u64);
        if let Some(judged) = judged {
            changed += u64::from(!judged.verdict.is_clear());
            stopped += u64::from(judged.verdict.has(Verdict::BOX.and(Verdict::WALL).and(Verdict::OWN)));
            base = base.after(&judged.q_c);
        }
    }
    let q = ns.quantiles_us();
    let share = |n: u64| 100.0 * n as f64 / TICKS as f64;
    println!(
        "{name:34} {:8.2} {:8.2} {:8.2}   {:5.1} %  {:5.1} %",
        q.p50,
        q.p99,
        q.p999,
        share(changed),
        share(stopped)
    );
}
