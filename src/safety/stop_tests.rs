#![allow(clippy::indexing_slicing, clippy::disallowed_methods)]
use super::super::Options;
use super::*;
use crate::robot::limits;
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// What the release at the end and the robot's backward differences may add to a stop, rad.
const ROUNDING_RAD: f64 = 1e-3;

#[test]
fn every_brake_however_many_commands_are_lost_before_it_stays_in_the_range_of_its_time() {
    let limiter = Limiter::new(&Options::default());
    let mut rng = StdRng::seed_from_u64(5);
    let mut base = Motion { q: limits::Q_READY, ..Motion::default() };
    let mut target = limits::Q_READY;
    let mut worst = 0.0_f64;
    for tick in 0..40_000 {
        if tick % 150 == 0 {
            target = std::array::from_fn(|i| limits::Q_READY[i] + rng.random_range(-2.0..2.0));
        }
        base = base.after(&limiter.limit(&base, &target).0);
        if tick % 40 != 0 {
            continue;
        }
        let stop = Stop::of(&limiter, &base);
        let lost = rng.random_range(0..=19);
        let bound = Stop::bound(&limiter, &base);
        let mut motion = base;
        for step in 0.. {
            let seconds = f64::from(step) * 1e-3;
            let range = stop.part((seconds / stop.duration_s).min(1.0), (seconds / stop.duration_s).min(1.0));
            for i in 0..7 {
                worst = worst.max((motion.q[i] - range.q[i]).abs() - range.half[i]);
                worst = worst.max((motion.q[i] - bound.q[i]).abs() - bound.half[i]);
            }
            if motion.is_at_rest() {
                break;
            }
            let q = if step < lost {
                std::array::from_fn(|i| motion.q[i] + (motion.dq[i] + motion.ddq[i] * CYCLE_S) * CYCLE_S)
            } else {
                limiter.brake(&motion)
            };
            motion = motion.after(&q);
        }
    }
    assert!(worst < ROUNDING_RAD, "a stop leaves its range by {worst} rad");
}

#[test]
fn the_stretches_of_a_stop_cover_it_whole() {
    let limiter = Limiter::new(&Options::default());
    let motion = Motion { q: limits::Q_READY, dq: [1.0, -0.5, 0.2, 0.0, 2.0, -2.0, 0.7], ddq: [3.0; 7] };
    let stop = Stop::of(&limiter, &motion);
    let (whole, halves) = (stop.part(0.0, 1.0), [stop.part(0.0, 0.5), stop.part(0.5, 1.0)]);
    for i in 0..7 {
        let ends = |r: &Range| (r.q[i] - r.half[i], r.q[i] + r.half[i]);
        let least = ends(&halves[0]).0.min(ends(&halves[1]).0);
        let greatest = ends(&halves[0]).1.max(ends(&halves[1]).1);
        assert!((least - ends(&whole).0).abs() < 1e-12 && (greatest - ends(&whole).1).abs() < 1e-12);
        assert!(greatest - least > 0.0);
    }
}
