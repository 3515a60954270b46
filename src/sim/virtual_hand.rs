//! A person's hand that guides the end effector along a path: a spring with a limit to its force, that trembles and
//! pauses.
//!
//! It takes hold where the arm is, goes to the start of the path, waits there, follows the path, waits at its end and
//! lets go; then again, as often as is asked. When it does what is a function of time alone ([`Plan::window_s`]), so that
//! a scripted operator can press keys in time.
use super::plant::Wrench;
use super::tremor::Tremor;
use nalgebra::{Rotation3, Vector3};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::f64::consts::FRAC_1_SQRT_2;

use crate::range::{Violation, check_count, check_range, check_that};
use crate::robot::limits::CYCLE_S;

/// Time in which the hand reaches its speed, and loses it, s.
const RAMP_S: f64 = 0.4;

/// What a virtual hand does.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The path of the end effector, base frame, m.
    pub path_m: Vec<[f64; 3]>,
    /// Speed along it, m/s.
    pub speed_m_s: f64,
    /// Spring between the hand and the end effector, N/m …
    pub stiffness_n_m: f64,
    /// … and how hard it pulls at most, N.
    pub force_max_n: f64,
    /// The same against turning: the hand keeps the orientation it has taken hold of, Nm/rad …
    pub stiffness_nm_rad: f64,
    /// … and Nm.
    pub moment_max_nm: f64,
    /// Amplitude of the tremor, m.
    pub tremor_m: f64,
    /// How often it pauses on the way.
    pub pauses: usize,
    /// How long a pause lasts, s.
    pub pause_s: f64,
    /// From the grip to the start of the path, s.
    pub reach_s: f64,
    /// Rest at the start, and at the end before it lets go, s.
    pub rest_s: f64,
    /// Before the first grip, and from letting go to the next one, s.
    pub gap_s: f64,
    /// How many times.
    pub times: usize,
    /// Of tremor and pauses.
    pub seed: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            path_m: Vec::new(),
            speed_m_s: 0.1,
            stiffness_n_m: 600.0,
            force_max_n: 25.0,
            stiffness_nm_rad: 60.0,
            moment_max_nm: 6.0,
            tremor_m: 1e-4,
            pauses: 0,
            pause_s: 0.5,
            reach_s: 3.0,
            rest_s: 1.0,
            gap_s: 2.0,
            times: 1,
            seed: 0,
        }
    }
}

impl Plan {
    /// Every value outside its range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        let points = self.path_m.len();
        let finite = self.path_m.as_flattened().iter().all(|x| x.is_finite() && x.abs() <= 2.0);
        check_that(
            &mut out,
            "path_m",
            points,
            points >= 2 && finite,
            "at least two points within 2 m of the base",
        );
        check_range(&mut out, "speed_m_s", self.speed_m_s, 0.005..=1.0, "m/s");
        check_range(&mut out, "stiffness_n_m", self.stiffness_n_m, 10.0..=3000.0, "N/m");
        check_range(&mut out, "force_max_n", self.force_max_n, 0.1..=100.0, "N");
        check_range(&mut out, "stiffness_nm_rad", self.stiffness_nm_rad, 0.0..=200.0, "Nm/rad");
        check_range(&mut out, "moment_max_nm", self.moment_max_nm, 0.0..=20.0, "Nm");
        check_range(&mut out, "tremor_m", self.tremor_m, 0.0..=0.02, "m");
        check_range(&mut out, "pause_s", self.pause_s, 0.0..=60.0, "s");
        check_range(&mut out, "reach_s", self.reach_s, 0.5..=60.0, "s");
        check_range(&mut out, "rest_s", self.rest_s, 0.0..=60.0, "s");
        check_range(&mut out, "gap_s", self.gap_s, 0.1..=600.0, "s");
        check_count(&mut out, "pauses", self.pauses, 0..=100, "");
        check_count(&mut out, "times", self.times, 1..=10_000, "");
        out
    }

    fn length_m(&self) -> f64 {
        self.path_m.windows(2).map(|pair| (Vector3::from(pair[1]) - Vector3::from(pair[0])).norm()).sum()
    }

    /// Time on the path, pauses included, s.
    fn trace_s(&self) -> f64 {
        self.length_m() / self.speed_m_s + RAMP_S + self.pauses as f64 * self.pause_s
    }

    fn cycle_s(&self) -> f64 {
        self.gap_s + self.reach_s + 2.0 * self.rest_s + self.trace_s()
    }

    /// When the hand is about to follow the path the `k`-th time, from 0, and when it has let go, s after its clock began.
    pub fn window_s(&self, k: usize) -> [f64; 2] {
        let begin = k as f64 * self.cycle_s();
        [begin + self.gap_s + self.reach_s + 0.5 * self.rest_s, begin + self.cycle_s()]
    }
}

/// What the hand is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Not at the arm.
    #[default]
    Away,
    /// On the way to the start of the path.
    Reaching,
    /// At rest at an end of the path.
    Resting,
    /// On the path.
    Tracing,
}

/// A virtual hand at work.
#[derive(Clone, Debug)]
pub(super) struct VirtualHand {
    plan: Plan,
    arc_m: Vec<f64>,
    cycle: u64,
    /// Which time it is, and where it took hold: position and orientation.
    grip: Option<(Vector3<f64>, Rotation3<f64>)>,
    tremor: Tremor,
    /// Arc lengths at which it pauses this time, ascending, m.
    stops_m: Vec<f64>,
    phase: Phase,
}

impl VirtualHand {
    pub(super) fn new(plan: &Plan) -> Self {
        let mut draws = StdRng::seed_from_u64(plan.seed ^ 0x6861_6e64);
        let tremor = Tremor::new(&mut draws);
        let mut arc_m = vec![0.0];
        for pair in plan.path_m.windows(2) {
            let step = (Vector3::from(pair[1]) - Vector3::from(pair[0])).norm();
            arc_m.push(arc_m[arc_m.len() - 1] + step);
        }
        Self {
            plan: plan.clone(),
            arc_m,
            cycle: 0,
            grip: None,
            tremor,
            stops_m: Vec::new(),
            phase: Phase::Away,
        }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    /// What it does in the next millisecond to an end effector at `p` that moves with `v` and turns with `w` (base
    /// frame); nothing while it is away.
    pub(super) fn next(
        &mut self,
        p: &Vector3<f64>,
        turn: &Rotation3<f64>,
        v: &Vector3<f64>,
        w: &Vector3<f64>,
    ) -> Option<Wrench> {
        let t_s = self.cycle as f64 * CYCLE_S;
        self.cycle += 1;
        let plan = &self.plan;
        let time = (t_s / plan.cycle_s()).floor();
        let within_s = t_s - time * plan.cycle_s() - plan.gap_s;
        if within_s < 0.0 || time >= plan.times as f64 {
            (self.grip, self.phase) = (None, Phase::Away);
            return None;
        }
        if self.grip.is_none() {
            self.stops_m = stops(plan, time as u64, self.arc_m[self.arc_m.len() - 1]);
        }
        let (from, kept) = *self.grip.get_or_insert((*p, *turn));
        let traced_s = within_s - plan.reach_s - plan.rest_s;
        self.phase = match () {
            () if within_s < plan.reach_s => Phase::Reaching,
            () if (0.0..plan.trace_s()).contains(&traced_s) => Phase::Tracing,
            () => Phase::Resting,
        };
        let goal = if self.phase == Phase::Reaching {
            let u = within_s / plan.reach_s;
            from.lerp(&Vector3::from(plan.path_m[0]), u * u * u * (10.0 - 15.0 * u + 6.0 * u * u))
        } else {
            self.at(self.way_m(traced_s.clamp(0.0, plan.trace_s())))
        };
        // The hand takes hold and lets go softly.
        let firm = (within_s / 0.2).min((plan.cycle_s() - plan.gap_s - within_s) / 0.05).clamp(0.0, 1.0);
        let tremor = plan.tremor_m * FRAC_1_SQRT_2 * self.tremor.at(t_s); // of this amplitude
        let pull = plan.stiffness_n_m * (goal + tremor - p) - 0.05 * plan.stiffness_n_m * v;
        let twist = (kept * turn.inverse()).scaled_axis();
        let twist = plan.stiffness_nm_rad * twist - 0.05 * plan.stiffness_nm_rad * w;
        let force = firm * pull.cap_magnitude(plan.force_max_n);
        let moment = firm * twist.cap_magnitude(plan.moment_max_nm);
        Some((force.into(), moment.into()))
    }

    /// How far along the path the hand is, `traced_s` after it has set out, m: at its speed but for the ends and the
    /// pauses.
    fn way_m(&self, traced_s: f64) -> f64 {
        let plan = &self.plan;
        let moving_s = self.arc_m[self.arc_m.len() - 1] / plan.speed_m_s + RAMP_S;
        let way = |s: f64| {
            let rising = s.min(RAMP_S);
            let falling = (s - (moving_s - RAMP_S)).max(0.0);
            plan.speed_m_s
                * (0.5 * rising * rising / RAMP_S + (s - rising) - 0.5 * falling * falling / RAMP_S)
        };
        let (mut paused_s, mut left_s) = (0.0, traced_s);
        for stop in &self.stops_m {
            let reached_s = stop / plan.speed_m_s + 0.5 * RAMP_S;
            let waited = (traced_s - paused_s - reached_s).clamp(0.0, plan.pause_s);
            left_s -= waited;
            paused_s += plan.pause_s;
        }
        way(left_s.clamp(0.0, moving_s))
    }

    fn at(&self, way_m: f64) -> Vector3<f64> {
        let i = self.arc_m.partition_point(|s| *s <= way_m).clamp(1, self.arc_m.len() - 1);
        let (a, b) = (self.arc_m[i - 1], self.arc_m[i]);
        let u = if b > a { ((way_m - a) / (b - a)).clamp(0.0, 1.0) } else { 1.0 };
        Vector3::from(self.plan.path_m[i - 1]).lerp(&Vector3::from(self.plan.path_m[i]), u)
    }
}

/// Where the hand pauses the `time`-th time, m along the path.
fn stops(plan: &Plan, time: u64, length_m: f64) -> Vec<f64> {
    let mut draws = StdRng::seed_from_u64(plan.seed ^ (time + 1) << 20);
    let margin = (plan.speed_m_s * RAMP_S).min(0.25 * length_m);
    let mut stops: Vec<f64> =
        (0..plan.pauses).map(|_| draws.random_range(margin..=(length_m - margin).max(margin))).collect();
    stops.sort_by(f64::total_cmp);
    stops
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan { path_m: vec![[0.5, 0.0, 0.4], [0.5, 0.1, 0.4]], times: 2, pauses: 2, ..Plan::default() }
    }

    /// Where a hand pulls a point that follows it at once, and with what force a point that does not move.
    fn run(plan: &Plan, stuck: bool) -> Vec<(Phase, Vector3<f64>, f64)> {
        let mut hand = VirtualHand::new(plan);
        let mut p = Vector3::new(0.4, 0.0, 0.5);
        (0..(plan.window_s(plan.times - 1)[1] * 1e3) as usize + 500)
            .map(|_| {
                let (force, _) = hand
                    .next(&p, &Rotation3::identity(), &Vector3::zeros(), &Vector3::zeros())
                    .unwrap_or_default();
                let force = Vector3::from(force);
                if !stuck {
                    p += 0.5 * force / plan.stiffness_n_m;
                }
                (hand.phase(), p, force.norm())
            })
            .collect()
    }

    #[test]
    fn it_goes_to_the_start_follows_the_path_and_lets_go_in_its_window_each_time() {
        let plan = plan();
        let run = run(&plan, false);
        for k in 0..2 {
            let [begin, end] = plan.window_s(k).map(|s| (s * 1e3) as usize);
            let (phase, p, _) = run[begin];
            assert!(phase == Phase::Resting && (p - Vector3::from(plan.path_m[0])).norm() < 1e-3, "{p}");
            let (phase, p, _) = run[end - 60];
            assert!(phase == Phase::Resting && (p - Vector3::from(plan.path_m[1])).norm() < 1e-3, "{p}");
            assert_eq!(run[end + 10].0, Phase::Away);
            let traced = run[begin..end].iter().filter(|(phase, ..)| *phase == Phase::Tracing).count();
            assert!((traced as f64 * 1e-3 - plan.trace_s()).abs() < 0.01, "{traced}");
        }
    }

    #[test]
    fn it_never_pulls_harder_than_it_may_and_pulls_the_same_each_run() {
        let plan = plan();
        let first = run(&plan, true);
        assert!(first.iter().all(|(.., force)| *force <= plan.force_max_n + 1e-9));
        assert!(first.iter().any(|(.., force)| *force > plan.force_max_n - 1e-9));
        assert_eq!(first, run(&plan, true));
        let other = Plan { seed: 1, ..plan };
        assert_ne!(first, run(&other, true));
    }

    #[test]
    fn it_pauses_as_often_as_it_is_told() {
        let run = run(&Plan { tremor_m: 0.0, ..plan() }, false);
        let still = |pair: &[(Phase, Vector3<f64>, f64)]| {
            pair[0].0 == Phase::Tracing && (pair[1].1 - pair[0].1).norm() < 1e-9
        };
        let still = run.windows(2).filter(|pair| still(pair)).count();
        assert!((1500..2300).contains(&still), "2 x 2 pauses of 0.5 s: {still} ms");
    }
}
