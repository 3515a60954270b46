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
    /// Whether time rests, to go on later.
    is_held: bool,
    /// Whether the last ramp has begun.
    is_ending: bool,
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
        Clock {
            ramp_s: ramp_s.max(1e-3),
            end_s: end_s.max(0.0),
            tau_s: 0.0,
            rate: 0.0,
            ramp: None,
            is_held: false,
            is_ending: false,
        }
    }

    /// Ramps to `rate`; while it is held, to a rest from which it goes on when it is let go. Too late once the last ramp has
    /// begun.
    pub fn run_at(&mut self, rate: f64) {
        let rate = if self.is_held { 0.0 } else { rate };
        if !self.is_ending && self.ramp.map_or(self.rate, |ramp| ramp.to) != rate {
            self.ramp_to(rate, self.ramp_s);
        }
    }

    /// From the next [`Clock::run_at`] on, time rests or goes on.
    pub fn hold(&mut self, is_held: bool) {
        self.is_held = is_held && !self.is_ending;
    }

    /// Time ends after the fewest whole laps, at least `laps`, after which a clock that runs at `rate` can still end.
    pub fn end_after(&mut self, laps: Option<f64>, lap_s: f64, rate: f64) {
        if !self.is_ending {
            let soonest_s = self.tau_s + self.ramp_s * rate.max(self.rate);
            let laps_s = |laps: f64| {
                if laps * lap_s < soonest_s { (soonest_s / lap_s).ceil() * lap_s } else { laps * lap_s }
            };
            self.end_s = laps.map_or(f64::INFINITY, laps_s);
        }
    }

    /// Ramps to a stop, for good.
    pub fn stop(&mut self) {
        (self.is_held, self.is_ending) = (false, true);
        if self.ramp.is_none_or(|ramp| ramp.to != 0.0) {
            self.ramp_to(0.0, self.ramp_s);
        }
    }

    /// Whether the clock stands still for good, and no ramp is under way.
    pub fn is_stopped(&self) -> bool {
        self.stands() && !self.is_held
    }

    /// Whether time stands still, be it only held.
    pub fn stands(&self) -> bool {
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
            self.is_ending = true;
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

    /// A clock of laps of 3 s under way in the first, and how it goes on until it stops, at most `ticks`.
    fn under_way(laps: f64) -> Clock {
        let mut clock = Clock::new(0.4, laps * 3.0);
        clock.run_at(1.0);
        (0..1000).for_each(|_| {
            clock.advance(1e-3);
        });
        clock
    }

    fn go_on(clock: &mut Clock, ticks: usize) {
        let (mut last, mut ticks) = (clock.tau_s(), ticks);
        while ticks > 0 && !clock.is_stopped() {
            let tau = clock.advance(1e-3);
            assert!(tau >= last - 1e-12, "{tau} after {last}");
            (last, ticks) = (tau, ticks - 1);
        }
    }

    #[test]
    fn a_clock_that_is_held_rests_and_goes_on_to_its_end() {
        let mut clock = under_way(1.0);
        clock.hold(true);
        clock.run_at(1.0);
        go_on(&mut clock, 400);
        let held = clock.tau_s();
        go_on(&mut clock, 5000);
        assert!(clock.stands() && !clock.is_stopped() && clock.tau_s() == held);
        clock.hold(false);
        clock.run_at(0.5);
        go_on(&mut clock, 20_000);
        assert!(clock.is_stopped() && (clock.tau_s() - 3.0).abs() < 1e-9, "{}", clock.tau_s());
        let mut stopped = under_way(1.0);
        stopped.hold(true);
        stopped.run_at(1.0);
        go_on(&mut stopped, 1000);
        stopped.stop();
        go_on(&mut stopped, 1000);
        assert!(stopped.is_stopped(), "held is not for ever");
    }

    #[test]
    fn laps_may_change_on_the_way_and_end_where_a_lap_does() {
        for (before, laps, rate, end) in
            [(1.0, 2.0, 1.0, 6.0), (5.0, 1.0, 1.0, 3.0), (9.0, 0.1, 0.2, 3.0), (1.0, 3.0, 2.0, 9.0)]
        {
            let mut clock = under_way(before);
            clock.end_after(Some(laps), 3.0, rate);
            clock.run_at(rate);
            go_on(&mut clock, 200_000);
            assert!(clock.is_stopped() && (clock.tau_s() - end).abs() < 1e-9, "{} of {end}", clock.tau_s());
        }
        let mut late = under_way(1.0);
        go_on(&mut late, 2100);
        late.end_after(Some(2.0), 3.0, 1.0);
        late.hold(true);
        late.run_at(1.0);
        go_on(&mut late, 2000);
        assert!((late.tau_s() - 3.0).abs() < 1e-9, "the last ramp had begun: {}", late.tau_s());
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
