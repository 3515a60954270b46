//! From points as drawn, recorded or computed to a [`Path`]: checked, resampled, cornered, smoothed.
use super::path::Path;
use crate::kinematics::Point;
use crate::range::{Violation, check_range};
use nalgebra::Vector3;
use serde::{Deserialize, Serialize};

/// Distance between the points of a finished path, m.
pub const SPACING_M: f64 = 5e-4;
/// A turn sharper than this, rad, is a corner: the arm stops there.
pub const CORNER_RAD: f64 = 1.0;
/// Ends nearer than this, m, close a path that is long enough to be a loop.
pub const CLOSING_GAP_M: f64 = 5e-3;
/// No point of a path lies farther from the base than this, m; the Panda reaches 0.855 m.
pub const REACH_MAX_M: f64 = 2.0;
/// The longest path accepted, m.
pub const LENGTH_MAX_M: f64 = 100.0;

/// Points nearer to each other than this, m, are one point.
const REPEATED_M: f64 = 1e-6;

/// How a drawing becomes a path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Standard deviation of the Gaussian, along the path, that takes the tremor out of a drawing, m.
    /// Corners and ends stay where they are. 0 keeps every point.
    pub smoothing_m: f64,
    /// Whether the end joins the start; not given, a loop whose ends nearly meet is closed. Not for
    /// configuration files: a shape says it of itself.
    #[serde(skip)]
    pub closed: Option<bool>,
}

impl Default for Options {
    fn default() -> Self {
        Self { smoothing_m: 0.004, closed: None }
    }
}

impl Options {
    /// Every option outside its range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_range(&mut out, "smoothing_m", self.smoothing_m, 0.0..=0.05, "m");
        out
    }
}

/// Why points do not make a path.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error("{0}")]
    Option(Violation),
    #[error("no points; a path needs at least 2 distinct ones")]
    Empty,
    #[error("all {given} points lie at the same place; a path needs at least 2 distinct ones")]
    OnePlace { given: usize },
    #[error("point {index} is ({x}, {y}, {z}): every coordinate must be a finite number of metres")]
    NotFinite { index: usize, x: f64, y: f64, z: f64 },
    #[error(
        "point {index} lies {distance_m:.3} m from the base, allowed {REACH_MAX_M} m; \
         this looks like millimetres: divide by 1000"
    )]
    TooFar { index: usize, distance_m: f64 },
    #[error("the path is {length_m:.1} m long, allowed {LENGTH_MAX_M} m; draw less of it, or split it")]
    TooLong { length_m: f64 },
    #[error("{times} times for {points} points; give one time a point")]
    Times { times: usize, points: usize },
    #[error("time {index} is {value} s, after {before} s; times must be finite and grow from point to point")]
    TimeOrder { index: usize, value: f64, before: f64 },
}

/// A path through `points` (base frame, m) in their order; `times_s`, if given, says when each was drawn.
///
/// A drawing with times keeps them instead of stopping at corners, so its corners are rounded by the
/// smoothing; every other sharp turn stays exactly where it is, as a stop.
///
/// # Errors
/// Anything that is not a path of an arm, named by its index.
pub fn path(points: &[Point], times_s: Option<&[f64]>, options: &Options) -> Result<Path, Error> {
    if let Some(violation) = options.validate().into_iter().next() {
        return Err(Error::Option(violation));
    }
    check(points, times_s)?;
    let mut line = Polyline::new(points, times_s, options.smoothing_m);
    if line.p.len() < 2 {
        return Err(Error::OnePlace { given: points.len() });
    }
    if line.length() > LENGTH_MAX_M {
        return Err(Error::TooLong { length_m: line.length() });
    }
    let closed = line.close(options.closed);
    let window_m = options.smoothing_m.max(2.0 * SPACING_M).min(line.length() / 8.0);
    let mut corners = if times_s.is_some() { Vec::new() } else { line.corners(closed, window_m) };
    if closed && let Some(&first) = corners.first() {
        line.start_at(first);
        corners.iter_mut().for_each(|c| *c -= first);
    }
    Ok(line.into_path(closed, &corners, options.smoothing_m))
}

fn check(points: &[Point], times_s: Option<&[f64]>) -> Result<(), Error> {
    if points.is_empty() {
        return Err(Error::Empty);
    }
    for (index, p) in points.iter().enumerate() {
        if !p.iter().all(|c| c.is_finite()) {
            return Err(Error::NotFinite { index, x: p.x, y: p.y, z: p.z });
        }
        if p.norm() > REACH_MAX_M {
            return Err(Error::TooFar { index, distance_m: p.norm() });
        }
    }
    let Some(times) = times_s else { return Ok(()) };
    if times.len() != points.len() {
        return Err(Error::Times { times: times.len(), points: points.len() });
    }
    let mut before = f64::NEG_INFINITY;
    for (index, &value) in times.iter().enumerate() {
        if !(value.is_finite() && value > before) {
            return Err(Error::TimeOrder { index, value, before });
        }
        before = value;
    }
    Ok(())
}

/// The drawing as straight lines between distinct points: arc length at each, and times if it has any.
struct Polyline {
    p: Vec<Point>,
    s: Vec<f64>,
    t: Vec<f64>,
}

impl Polyline {
    fn new(points: &[Point], times_s: Option<&[f64]>, smoothing_m: f64) -> Self {
        // A recorded hand trembles on the spot while it pauses. Along the path that would be a tangle of
        // many millimetres, which no smoothing along the path removes, so it must not enter it.
        let dead_m = if times_s.is_some() { (smoothing_m / 4.0).max(REPEATED_M) } else { REPEATED_M };
        let mut line = Self { p: Vec::new(), s: Vec::new(), t: Vec::new() };
        for (i, p) in points.iter().enumerate() {
            let step = line.p.last().map(|last| (p - last).norm());
            if step.is_none_or(|step| step > dead_m) {
                line.s.push(line.length() + step.unwrap_or(0.0));
                line.p.push(*p);
                line.t.extend(times_s.and_then(|t| t.get(i)));
            }
        }
        line
    }

    fn length(&self) -> f64 {
        self.s.last().copied().unwrap_or(0.0)
    }

    /// Joins the end to the start when asked to, or when it is a loop; says whether it is closed now.
    fn close(&mut self, wish: Option<bool>) -> bool {
        let (first, last) = (self.p[0], self.p[self.p.len() - 1]);
        let gap = (first - last).norm();
        // Two points cannot be a loop, and a short stroke that is all gap is not one either.
        let closed =
            self.p.len() > 2 && wish.unwrap_or(gap < CLOSING_GAP_M && self.length() > 8.0 * gap.max(1e-3));
        if closed && gap > REPEATED_M {
            let duration = self.t.last().zip(self.t.first()).map(|(b, a)| b - a);
            let time = self.t.last().zip(duration).map(|(t, d)| t + d * gap / self.length());
            self.t.extend(time);
            self.s.push(self.length() + gap);
            self.p.push(first);
        } else if closed {
            *self.p.last_mut().expect("not empty") = first;
        }
        closed
    }

    /// The place at arc length `s`, wrapped round if `closed`, else held at the ends.
    fn point(&self, s: f64, closed: bool) -> Point {
        let s = if closed { s.rem_euclid(self.length()) } else { s.clamp(0.0, self.length()) };
        let i = self.s.partition_point(|x| *x <= s).clamp(1, self.s.len() - 1);
        let u = (s - self.s[i - 1]) / (self.s[i] - self.s[i - 1]);
        self.p[i - 1].lerp(&self.p[i], u)
    }

    /// Indices of the points where the line, seen over `window_m` before and after, turns by more than
    /// [`CORNER_RAD`]; of neighbours within the window the sharpest.
    fn corners(&self, closed: bool, window_m: f64) -> Vec<usize> {
        let last = self.p.len() - 1;
        let turn = |i: usize| {
            let reach =
                if closed { window_m } else { window_m.min(self.s[i]).min(self.length() - self.s[i]) };
            let before = self.p[i] - self.point(self.s[i] - reach, closed);
            let after = self.point(self.s[i] + reach, closed) - self.p[i];
            if reach < SPACING_M { 0.0 } else { before.angle(&after) }
        };
        let turns: Vec<f64> = (0..last).map(turn).collect();
        let mut sharpest: Vec<usize> =
            (usize::from(!closed)..last).filter(|&i| turns[i] > CORNER_RAD).collect();
        sharpest.sort_by(|&a, &b| turns[b].total_cmp(&turns[a]));
        let mut corners: Vec<usize> = Vec::new();
        for i in sharpest {
            let apart = |&j: &usize| {
                let d = (self.s[i] - self.s[j]).abs();
                if closed { d.min(self.length() - d) > window_m } else { d > window_m }
            };
            if corners.iter().all(apart) {
                corners.push(i);
            }
        }
        corners.sort_unstable();
        corners
    }

    /// Turns a closed, untimed line so that it starts at point `first`.
    fn start_at(&mut self, first: usize) {
        self.p.pop();
        self.p.rotate_left(first);
        self.p.push(self.p[0]);
        self.s = arc_lengths(&self.p);
    }

    fn into_path(self, closed: bool, corners: &[usize], smoothing_m: f64) -> Path {
        let mut stops = vec![0];
        stops.extend(corners.iter().filter(|&&c| c > 0));
        stops.push(self.p.len() - 1);
        let ring = closed && corners.is_empty();
        let mut path = Path {
            points: Vec::new(),
            arc_m: Vec::new(),
            tangents: Vec::new(),
            corners: if closed && !ring { vec![0] } else { Vec::new() },
            closed,
            timing: Vec::new(),
            deviation_m: 0.0,
        };
        let mut drawn_m = Vec::new();
        for ends in stops.windows(2) {
            let (mut places, mut points) = self.resample(ends[0], ends[1], smoothing_m > 0.0);
            let drawn = points.clone();
            let sigma = smoothing_m.min((self.s[ends[1]] - self.s[ends[0]]) / 12.0);
            smooth(&mut points, sigma, self.s[ends[1]] - self.s[ends[0]], ring);
            path.deviation_m = path.deviation_m.max(deviation(&drawn, &points, sigma));
            drop_crowded(&mut places, &mut points);
            let tangents = spline(&points, ring);
            path.tangents.extend(tangents.windows(2).map(|m| [m[0], m[1]]));
            if !path.points.is_empty() {
                path.corners.push(path.points.len() - 1);
                path.points.pop();
                drawn_m.pop();
            }
            path.points.extend(points);
            drawn_m.extend(places);
        }
        path.arc_m = arc_lengths(&path.points);
        path.timing =
            self.t.iter().zip(&self.s).map(|(t, s)| (*t, interpolate(&drawn_m, &path.arc_m, *s))).collect();
        path
    }

    /// Points along the line from vertex `from` to vertex `to`, and the arc length of each.
    ///
    /// `even`: evenly spaced, as a smoothing filter needs them; else every vertex and what lies between.
    /// At least four segments, since a motion from rest to rest needs room for its ramps.
    fn resample(&self, from: usize, to: usize, even: bool) -> (Vec<f64>, Vec<Point>) {
        let spacing = SPACING_M.min((self.s[to] - self.s[from]) / 4.0);
        let vertices = if even { vec![from, to] } else { (from..=to).collect() };
        let mut places = vec![self.s[from]];
        for pair in vertices.windows(2) {
            let (a, b) = (self.s[pair[0]], self.s[pair[1]]);
            let n = ((b - a) / spacing * (1.0 - 1e-9)).ceil().max(1.0) as usize;
            places.extend((1..=n).map(|k| a + (b - a) * k as f64 / n as f64));
        }
        let mut points: Vec<Point> = places.iter().map(|&s| self.point(s, false)).collect();
        // Interpolation may round; the ends are shared with the neighbours and must not.
        points[0] = self.p[from];
        *points.last_mut().expect("not empty") = self.p[to];
        (places, points)
    }
}

fn arc_lengths(points: &[Point]) -> Vec<f64> {
    let mut s = 0.0;
    let mut out = vec![0.0];
    out.extend(points.windows(2).map(|p| {
        s += (p[1] - p[0]).norm();
        s
    }));
    out
}

/// `y` at `x` between the knots `xs` (growing) and `ys`, held at the ends.
fn interpolate(xs: &[f64], ys: &[f64], x: f64) -> f64 {
    let i = xs.partition_point(|k| *k <= x).clamp(1, xs.len() - 1);
    let u = ((x - xs[i - 1]) / (xs[i] - xs[i - 1])).clamp(0.0, 1.0);
    ys[i - 1] + (ys[i] - ys[i - 1]) * u
}

/// Gaussian of standard deviation `sigma` (m) over evenly spaced points; `ring`: the last is the first.
fn smooth(points: &mut [Point], sigma: f64, length: f64, ring: bool) {
    let n = points.len() - 1;
    let step = length / n as f64;
    let reach = (3.0 * sigma / step).floor() as usize;
    if reach == 0 {
        return;
    }
    let weights: Vec<f64> = (0..=reach).map(|k| (-0.5 * (k as f64 * step / sigma).powi(2)).exp()).collect();
    let total = 2.0 * weights.iter().sum::<f64>() - weights[0];
    let old = points.to_vec();
    // Reflecting through an end point, not just repeating it, keeps both the end and its direction.
    let at = |i: isize| match (ring, i) {
        (true, i) => old[i.rem_euclid(n as isize) as usize],
        (false, i) if i < 0 => old[0] * 2.0 - old[(i.unsigned_abs()).min(n)],
        (false, i) if i > n as isize => old[n] * 2.0 - old[(2 * n).saturating_sub(i as usize)],
        (false, i) => old[i as usize],
    };
    for (i, p) in points.iter_mut().enumerate() {
        let i = i as isize;
        let mut sum = old[i as usize] * weights[0];
        for (k, w) in weights.iter().enumerate().skip(1) {
            sum += (at(i - k as isize) + at(i + k as isize)) * *w;
        }
        *p = sum / total;
    }
    if !ring {
        (points[0], points[n]) = (old[0], old[n]);
    }
}

/// The farthest any smoothed point lies from what was drawn near it, m.
fn deviation(drawn: &[Point], smoothed: &[Point], sigma: f64) -> f64 {
    let near = (3.0 * sigma / SPACING_M) as usize + 1;
    let distance = |i: usize, p: &Point| {
        let window = &drawn[i.saturating_sub(near)..(i + near + 1).min(drawn.len())];
        window.iter().map(|d| (d - p).norm_squared()).fold(f64::INFINITY, f64::min).sqrt()
    };
    smoothed.iter().enumerate().map(|(i, p)| distance(i, p)).fold(0.0, f64::max)
}

/// Drops points that smoothing has pushed together, as where a line was drawn there and back.
fn drop_crowded(places: &mut Vec<f64>, points: &mut Vec<Point>) {
    let last = points.len() - 1;
    let span: f64 = points.windows(2).map(|p| (p[1] - p[0]).norm()).sum();
    let apart = (span / last as f64 / 4.0).clamp(REPEATED_M / 4.0, SPACING_M / 4.0);
    let mut kept = vec![0];
    for i in 1..last {
        let to_previous = (points[i] - points[kept[kept.len() - 1]]).norm();
        if to_previous >= apart && (points[last] - points[i]).norm() >= REPEATED_M / 4.0 {
            kept.push(i);
        }
    }
    kept.push(last);
    *places = kept.iter().map(|&i| places[i]).collect();
    *points = kept.iter().map(|&i| points[i]).collect();
}

/// dp/ds at each point of the twice continuously differentiable cubic through them.
///
/// Open: no curvature at the ends. `ring`: one turn more at each end stands in for the cyclic system; an
/// end's influence falls by 0.27 a point, so that 40 points make it exact.
fn spline(points: &[Point], ring: bool) -> Vec<Vector3<f64>> {
    let n = points.len() - 1;
    let extra: isize = if ring { 40 } else { 0 };
    let p: Vec<Point> = (-extra..=n as isize + extra)
        .map(|i| if ring { points[i.rem_euclid(n as isize) as usize] } else { points[i as usize] })
        .collect();
    let last = p.len() - 1;
    let h: Vec<f64> = p.windows(2).map(|p| (p[1] - p[0]).norm()).collect();
    let slope: Vec<Vector3<f64>> = p.windows(2).zip(&h).map(|(p, h)| (p[1] - p[0]) / *h).collect();
    // Thomas' algorithm; row i is a m[i-1] + b m[i] + c m[i+1] = d.
    let row = |i: usize| match i {
        0 => (0.0, 2.0, 1.0, slope[0] * 3.0),
        i if i == last => (1.0, 2.0, 0.0, slope[last - 1] * 3.0),
        i => {
            let (a, c) = (1.0 / h[i - 1], 1.0 / h[i]);
            (a, 2.0 * (a + c), c, (slope[i - 1] * a + slope[i] * c) * 3.0)
        }
    };
    let mut upper = vec![0.0; last + 1];
    let mut m = vec![Vector3::zeros(); last + 1];
    for i in 0..=last {
        let (a, b, c, d) = row(i);
        let (before, m_before) = if i == 0 { (0.0, Vector3::zeros()) } else { (upper[i - 1], m[i - 1]) };
        let pivot = b - a * before;
        upper[i] = c / pivot;
        m[i] = (d - m_before * a) / pivot;
    }
    for i in (0..last).rev() {
        let after = m[i + 1];
        m[i] -= after * upper[i];
    }
    m[extra as usize..=extra as usize + n].to_vec()
}
