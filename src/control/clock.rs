//! The reference's own time: starts and stops smoothly, and steps by the milliseconds that really passed.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros
)]

/// Reference time `tau` runs at `rate` seconds per second; a change of rate is a smooth ramp.
///
/// The geometry of a path never depends on the rate, so slowing, stopping and lost milliseconds keep the arm
/// on the path.
#[derive(Clone, Debug)]
pub struct Clock {
    ramp_s: f64,
    /// Where reference time ends, s; infinite for a motion without end.
    end_s: f64,
    tau_s: f64,
    rate: f64,
    ramp: Option<Ramp>,
}

#[derive(Clone, Copy, Debug)]
struct Ramp {
    from: f64,
    to: f64,
    start_tau_s: f64,
    duration_s: f64,
    elapsed_s: f64,
}

impl Clock {
    /// A clock at rest at 0 that runs to `end_s` once started; changes of rate take `ramp_s`.
    pub fn new(ramp_s: f64, end_s: f64) -> Clock {
        Clock { ramp_s: ramp_s.max(1e-3), end_s: end_s.max(0.0), tau_s: 0.0, rate: 0.0, ramp: None }
    }

    /// Ramps to `rate`.
    pub fn run_at(&mut self, rate: f64) {
        self.ramp_to(rate, self.ramp_s);
    }

    /// Ramps to a stop.
    pub fn stop(&mut self) {
        if self.ramp.is_none_or(|ramp| ramp.to != 0.0) {
            self.ramp_to(0.0, self.ramp_s);
        }
    }

    /// Whether the clock stands still and no ramp is under way.
    pub fn is_stopped(&self) -> bool {
        self.rate == 0.0 && self.ramp.is_none()
    }

    /// Reference time, s.
    pub fn tau_s(&self) -> f64 {
        self.tau_s
    }

    /// Advances by `dt_s` of real time and returns reference time.
    pub fn advance(&mut self, dt_s: f64) -> f64 {
        if let Some(mut ramp) = self.ramp {
            ramp.elapsed_s += dt_s;
            let u = (ramp.elapsed_s / ramp.duration_s).min(1.0);
            self.rate = ramp.from + (ramp.to - ramp.from) * smootherstep(u);
            self.tau_s = ramp.start_tau_s
                + ramp.duration_s * (ramp.from * u + (ramp.to - ramp.from) * smootherstep_integral(u));
            self.ramp = Some(ramp);
            if u >= 1.0 {
                self.tau_s += ramp.to * (ramp.elapsed_s - ramp.duration_s);
                self.rate = ramp.to;
                self.ramp = None;
            }
        } else {
            self.tau_s += self.rate * dt_s;
        }
        self.stop_at_the_end(dt_s);
        self.tau_s
    }

    /// A ramp from rate r to 0 in T covers r·T/2: starts the last one so that it ends exactly at the end.
    fn stop_at_the_end(&mut self, dt_s: f64) {
        let left_s = self.end_s - self.tau_s;
        let stopping = self.ramp.is_some_and(|ramp| ramp.to == 0.0);
        if !stopping && self.rate > 0.0 && left_s - self.rate * dt_s <= 0.5 * self.rate * self.ramp_s {
            self.ramp_to(0.0, (2.0 * left_s / self.rate).max(1e-3));
        }
    }

    fn ramp_to(&mut self, rate: f64, duration_s: f64) {
        self.ramp =
            Some(Ramp { from: self.rate, to: rate, start_tau_s: self.tau_s, duration_s, elapsed_s: 0.0 });
    }
}

/// 6u⁵ − 15u⁴ + 10u³: from 0 to 1 with zero first and second derivatives at both ends.
pub fn smootherstep(u: f64) -> f64 {
    let u = u.clamp(0.0, 1.0); // constant bounds: cannot panic
    u * u * u * (u * (6.0 * u - 15.0) + 10.0)
}

/// Integral of [`smootherstep`] from 0 to u.
fn smootherstep_integral(u: f64) -> f64 {
    u * u * u * u * (u * (u - 3.0) + 2.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_exactly_at_its_end() {
        for (end, rate) in [(3.0, 1.0), (0.7, 1.0), (12.0, 0.1), (5.0, 0.73)] {
            let mut clock = Clock::new(0.4, end);
            clock.run_at(rate);
            let ticks = (0..200_000).find(|_| {
                clock.advance(1e-3);
                clock.is_stopped()
            });
            assert!(ticks.is_some());
            assert!((clock.tau_s() - end).abs() < 1e-9, "{} of {end}", clock.tau_s());
        }
    }

    #[test]
    fn time_never_runs_backwards_and_its_rate_never_jumps() {
        let mut clock = Clock::new(0.4, f64::INFINITY);
        clock.run_at(1.0);
        let (mut last, mut last_rate) = (0.0, 0.0);
        for tick in 0..2000 {
            if tick == 900 {
                clock.stop();
            }
            let tau = clock.advance(1e-3);
            let rate = (tau - last) / 1e-3;
            assert!(rate >= -1e-12 && (rate - last_rate).abs() < 1.875 / 0.4 * 1e-3 * 1.01);
            (last, last_rate) = (tau, rate);
        }
        assert!(clock.is_stopped());
    }

    #[test]
    fn lost_milliseconds_do_not_change_where_time_goes() {
        let run = |steps: &[f64]| {
            let mut clock = Clock::new(0.4, f64::INFINITY);
            clock.run_at(1.0);
            steps.iter().for_each(|dt| {
                clock.advance(*dt);
            });
            clock.tau_s()
        };
        let (fine, lossy) = (run(&[1e-3; 700]), run(&[7e-3; 100]));
        assert!((fine - lossy).abs() < 1e-12);
    }
}
