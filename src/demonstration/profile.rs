//! Arc length over time, one value a millisecond: planned from rest to rest, or as a drawing was timed.
use super::path::Path;
use super::time_law::{Error, LAP_MAX_S, Options};
use super::timed_path::Limit;
use crate::robot::limits::{CYCLE_S, DDQ_MAX, DQ_MAX};
use crate::robot::{JOINTS, Joints};

/// Share of an acceleration limit that the bend of the path may take; the rest is left for braking.
const BEND_SHARE: f64 = 0.8;

/// What limits the speed and its change at every point of a path.
pub(super) struct Caps {
    places: Vec<Place>,
}

struct Place {
    /// The highest squared speed, (m/s)².
    w_max: f64,
    limit: Limit,
    curvature: f64,
    dq_ds: Joints,
    ddq_ds2: Joints,
}

impl Caps {
    /// `q`: the joints at each point of `path`.
    pub(super) fn new(path: &Path, q: &[Joints], options: &Options) -> Self {
        let s = path.arc_lengths_m();
        let last = s.len() - 1;
        let places = (0..=last).map(|i| {
            let (dq_ds, ddq_ds2) = derivatives(path, q, i);
            let curvature = path.curvature(s[i]);
            let mut place =
                Place { w_max: options.speed_m_s.powi(2), limit: Limit::Speed, curvature, dq_ds, ddq_ds2 };
            place.cap(BEND_SHARE * options.acceleration_m_s2 / curvature, Limit::Curvature);
            place.cap((options.turn_speed_rad_s / path.turn_rad_m(s[i])).powi(2), Limit::Turn);
            for j in 0..JOINTS {
                let dq = options.joint_velocity_share * DQ_MAX[j];
                let ddq = options.joint_acceleration_share * DDQ_MAX[j];
                place.cap((dq / dq_ds[j]).powi(2), Limit::JointVelocity(j + 1));
                place.cap(BEND_SHARE * ddq / ddq_ds2[j].abs(), Limit::JointAcceleration(j + 1));
            }
            place
        });
        Self { places: places.collect() }
    }

    /// The point with the lowest cap, and what limits it; none where all may run at the speed asked for.
    pub(super) fn slowest(&self) -> Option<(usize, Limit)> {
        let limited = self.places.iter().enumerate().filter(|(_, place)| place.limit != Limit::Speed);
        let lowest = limited.min_by(|a, b| a.1.w_max.total_cmp(&b.1.w_max));
        lowest.map(|(i, place)| (i, place.limit))
    }

    /// Arc lengths of one lap, each millisecond from the start, both ends included.
    pub(super) fn law(&self, path: &Path, options: &Options) -> Result<Vec<f64>, Error> {
        let last = self.places.len() - 1;
        let s = path.arc_lengths_m();
        let window = (options.smoothing_s / CYCLE_S).round() as usize | 1;
        let w = self.widened(s, options.speed_m_s * options.smoothing_s / 2.0);
        if path.is_closed() && path.corners().is_empty() {
            return self.piece(s, &w, 0, last, true, options).map(|raw| box_filter_ring(&raw, window));
        }
        let mut stops: Vec<usize> = path.corners().iter().copied().filter(|&c| c > 0).collect();
        stops.insert(0, 0);
        stops.push(last);
        let mut lap = vec![0.0];
        for ends in stops.windows(2) {
            let raw = self.piece(s, &w, ends[0], ends[1], false, options)?;
            lap.pop();
            lap.extend(box_filter(&raw, window));
        }
        Ok(lap)
    }

    /// The caps, each lowered to the lowest within `reach_m`: the filter averages over that much path, and
    /// must not average a slow place with its fast neighbours.
    fn widened(&self, s: &[f64], reach_m: f64) -> Vec<f64> {
        let lowest = |i: usize| {
            let from = s.partition_point(|x| *x < s[i] - reach_m);
            let to = s.partition_point(|x| *x <= s[i] + reach_m);
            self.places[from..to].iter().map(|place| place.w_max).fold(f64::INFINITY, f64::min)
        };
        (0..s.len()).map(lowest).collect()
    }

    /// Arc lengths each millisecond from point `from` to point `to`, at rest at both or, on a ring, neither.
    fn piece(
        &self,
        s: &[f64],
        caps: &[f64],
        from: usize,
        to: usize,
        ring: bool,
        options: &Options,
    ) -> Result<Vec<f64>, Error> {
        let (s, places) = (&s[from..=to], &self.places[from..=to]);
        let mut w = caps[from..=to].to_vec();
        let last = w.len() - 1;
        if !ring {
            (w[0], w[last]) = (0.0, 0.0);
        }
        let reachable = |a: usize, b: usize, w: &[f64]| {
            let gain = places[a].brake(w[a], options).min(places[b].brake(w[a], options));
            w[b].min(w[a] + 2.0 * gain * (s[b] - s[a]).abs())
        };
        // On a ring the first turn finds the speed at the seam, the second starts with it.
        for _ in 0..=usize::from(ring) {
            for i in 0..last {
                w[i + 1] = reachable(i, i + 1, &w);
            }
            if ring {
                w[0] = w[0].min(w[last]);
            }
            for i in (0..last).rev() {
                w[i] = reachable(i + 1, i, &w);
            }
            if ring {
                w[last] = w[0];
            }
        }
        sample(s, &w)
    }
}

impl Place {
    fn cap(&mut self, w: f64, limit: Limit) {
        if w < self.w_max {
            (self.w_max, self.limit) = (w, limit);
        }
    }

    /// The acceleration along the path that is left at squared speed `w`, m/s².
    fn brake(&self, w: f64, options: &Options) -> f64 {
        let bend = self.curvature * w;
        let mut left = (options.acceleration_m_s2.powi(2) - bend * bend).max(0.0).sqrt();
        for j in 0..JOINTS {
            let ddq = options.joint_acceleration_share * DDQ_MAX[j] - self.ddq_ds2[j].abs() * w;
            left = left.min(ddq.max(0.0) / self.dq_ds[j].abs());
        }
        left
    }
}

/// dq/ds and d²q/ds² at point `i` by differences of three labels on the same side of every corner.
fn derivatives(path: &Path, q: &[Joints], i: usize) -> (Joints, Joints) {
    let (s, last) = (path.arc_lengths_m(), q.len() - 1);
    let ring = path.is_closed() && path.corners().is_empty();
    let (before, here, after, s_before, s_after) = match i {
        i if ring && (i == 0 || i == last) => (last - 1, 0, 1, s[last - 1] - s[last], s[1]),
        0 => return derivatives(path, q, 1),
        i if i == last => return derivatives(path, q, last - 1),
        i if path.corners().binary_search(&i).is_ok() => return derivatives(path, q, i + 1),
        i => (i - 1, i, i + 1, s[i - 1] - s[i], s[i + 1] - s[i]),
    };
    let (mut first, mut second) = ([0.0; JOINTS], [0.0; JOINTS]);
    for j in 0..JOINTS {
        let (a, b) = ((q[before][j] - q[here][j]) / s_before, (q[after][j] - q[here][j]) / s_after);
        first[j] = (a * s_after - b * s_before) / (s_after - s_before);
        second[j] = 2.0 * (b - a) / (s_after - s_before);
    }
    (first, second)
}

/// Arc lengths each millisecond from knots of arc length and squared speed, with constant acceleration
/// between them; the whole is slowed by less than a millisecond to end on one.
fn sample(s: &[f64], w: &[f64]) -> Result<Vec<f64>, Error> {
    let v: Vec<f64> = w.iter().map(|w| w.sqrt()).collect();
    let mut t = vec![0.0];
    for i in 1..s.len() {
        t.push(t[i - 1] + 2.0 * (s[i] - s[i - 1]) / (v[i - 1] + v[i]));
    }
    let end = t[t.len() - 1];
    if end.is_nan() || end > LAP_MAX_S {
        return Err(Error::TooLong { lap_s: end });
    }
    let n = (end / CYCLE_S).ceil().max(1.0);
    let mut i = 0;
    let at = |k: usize| {
        let time = k as f64 / n * end;
        while i + 2 < t.len() && t[i + 1] <= time {
            i += 1;
        }
        let (dt, span) = (time - t[i], t[i + 1] - t[i]);
        s[i] + dt * (v[i] + 0.5 * dt * (v[i + 1] - v[i]) / span)
    };
    let mut out: Vec<f64> = (0..=n as usize).map(at).collect();
    // Rounding must not move the ends: a stop is recognised by its arc length.
    (out[0], out[n as usize]) = (s[0], s[s.len() - 1]);
    Ok(out)
}

/// The mean over `window` (odd) samples around each, at rest before the start and after the end; longer
/// than `raw` by `window` - 1.
fn box_filter(raw: &[f64], window: usize) -> Vec<f64> {
    let (first, last) = (raw[0], raw[raw.len() - 1]);
    // Offsets from the end keep the mean of equal values equal to them.
    let at = |k: isize| raw[k.clamp(0, raw.len() as isize - 1) as usize];
    let mean = |k: usize| {
        let sum: f64 = (0..window).map(|back| at(k as isize - back as isize) - first).sum();
        (first + sum / window as f64).clamp(first, last)
    };
    let mut out: Vec<f64> = (0..raw.len() + window - 1).map(mean).collect();
    let end = out.len() - 1;
    (out[0], out[end]) = (first, last);
    out
}

/// The mean over `window` (odd) samples around each of a periodic law whose last sample is one lap on.
fn box_filter_ring(raw: &[f64], window: usize) -> Vec<f64> {
    let n = raw.len() as isize - 1;
    let lap = raw[raw.len() - 1] - raw[0];
    let at = |k: isize| raw[k.rem_euclid(n) as usize] + k.div_euclid(n) as f64 * lap;
    let half = window as isize / 2;
    (0..=n).map(|k| (-half..=half).map(|d| at(k + d)).sum::<f64>() / window as f64).collect()
}

/// Arc lengths each millisecond of a drawing with times: `timing` made even, then three box filters, which
/// leave velocity, acceleration and jerk continuous. `slower` times longer than drawn, and three windows.
pub(super) fn drawn(timing: &[(f64, f64)], slower: f64, smoothing_s: f64) -> Result<Vec<f64>, Error> {
    let (start, end) = (timing[0].0, timing[timing.len() - 1].0);
    let duration = (end - start) * slower;
    if duration > LAP_MAX_S {
        return Err(Error::TooLong { lap_s: duration });
    }
    let n = (duration / CYCLE_S).ceil().max(1.0);
    let mut i = 0;
    let at = |k: usize| {
        let time = start + k as f64 / n * (end - start);
        while i + 2 < timing.len() && timing[i + 1].0 <= time {
            i += 1;
        }
        let ((t0, s0), (t1, s1)) = (timing[i], timing[i + 1]);
        s0 + (s1 - s0) * ((time - t0) / (t1 - t0)).clamp(0.0, 1.0)
    };
    let mut arc_m: Vec<f64> = (0..=n as usize).map(at).collect();
    let window = (smoothing_s / CYCLE_S).round() as usize | 1;
    for _ in 0..3 {
        arc_m = box_filter(&arc_m, window);
    }
    Ok(arc_m)
}
