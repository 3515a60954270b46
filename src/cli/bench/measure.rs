//! How long something takes, warm and with a cold cache.
use serde::Serialize;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Time spent on warming up, on a warm measurement and on a cold one; a slow machine makes fewer calls.
const WARM_UP_TIME: Duration = Duration::from_millis(100);
const WARM_TIME: Duration = Duration::from_millis(400);
const COLD_TIME: Duration = Duration::from_millis(1500);
/// The most calls in each, and the least, whatever they take.
const WARM_CALLS: usize = 20_000;
const COLD_CALLS: usize = 100;
const CALLS_MIN: usize = 3;
/// More than the second-level cache of any core and the third-level share of most, bytes.
const FLUSH_BYTES: usize = 64 << 20;

/// Median and 99th percentile of a quantity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Spread {
    pub median: f64,
    pub p99: f64,
}

/// The same warm and cold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Figures {
    pub warm: Spread,
    pub cold: Spread,
}

impl Figures {
    /// Each number, put through `f`.
    pub(super) fn map(self, f: impl Fn(f64) -> f64) -> Self {
        let of = |s: Spread| Spread { median: f(s.median), p99: f(s.p99) };
        Self { warm: of(self.warm), cold: of(self.cold) }
    }
}

/// Walks through more memory than the caches hold, so that what is measured next has to be fetched.
pub(super) struct Flush(Vec<u64>);

impl Flush {
    pub(super) fn new() -> Self {
        Self(vec![1; FLUSH_BYTES / size_of::<u64>()])
    }

    fn walk(&mut self) {
        const LINE: usize = 64 / size_of::<u64>();
        self.0.iter_mut().step_by(LINE).for_each(|x| *x = x.wrapping_mul(3));
        black_box(&self.0);
    }
}

/// The time of one call of `work`, µs.
pub(super) fn time_us(flush: &mut Flush, mut work: impl FnMut()) -> Figures {
    let mut once = || {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64() * 1e6
    };
    repeat(WARM_CALLS, WARM_UP_TIME, &mut once);
    let warm = repeat(WARM_CALLS, WARM_TIME, &mut once);
    let cold = repeat(COLD_CALLS, COLD_TIME, || {
        flush.walk();
        once()
    });
    Figures { cold: spread(cold), warm: spread(warm) }
}

/// What `once` gives, as often as there is time for.
fn repeat(most: usize, time: Duration, mut once: impl FnMut() -> f64) -> Vec<f64> {
    let start = Instant::now();
    let mut found = Vec::with_capacity(most);
    while found.len() < most && (found.len() < CALLS_MIN || start.elapsed() < time) {
        found.push(once());
    }
    found
}

fn spread(mut values: Vec<f64>) -> Spread {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values.get((share * values.len() as f64) as usize).or(values.last());
    Spread { median: at(0.5).copied().unwrap_or(0.0), p99: at(0.99).copied().unwrap_or(0.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_of_the_sorted_values() {
        let values: Vec<f64> = (0..1000).rev().map(f64::from).collect();
        assert_eq!(spread(values), Spread { median: 500.0, p99: 990.0 });
        assert_eq!(spread(Vec::new()), Spread::default());
    }
}
