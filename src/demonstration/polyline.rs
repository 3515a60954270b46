//! A drawing as straight lines: where it turns sharply, and how it becomes a smooth path.
use super::drawing::{CLOSING_GAP_M, CORNER_RAD, Drawn, Error, REPEATED_M, SPACING_M};
use super::filter::{arc_lengths, deviation, interpolate, smooth, spline, steps_m, uncrowded};
use super::path::Path;
use super::turning::{self, Along};
use crate::kinematics::Point;
use crate::robot::JOINTS;
use nalgebra::{SVector, Vector4};

/// The drawing as straight lines between distinct points: arc length at each, and orientations, joints and
/// times if it has any.
pub(super) struct Polyline {
    pub(super) p: Vec<Point>,
    pub(super) s: Vec<f64>,
    pub(super) r: Vec<Vector4<f64>>,
    pub(super) q: Vec<SVector<f64, JOINTS>>,
    pub(super) t: Vec<f64>,
}

impl Polyline {
    pub(super) fn new(drawn: &Drawn, smoothing_m: f64) -> Result<Self, Error> {
        let Drawn { points, turns, joints, times_s } = *drawn;
        // A recorded hand trembles on the spot while it pauses. Along the path that would be a tangle of
        // many millimetres, which no smoothing along the path removes, so it must not enter it.
        let dead_m = if times_s.is_some() { (smoothing_m / 4.0).max(REPEATED_M) } else { REPEATED_M };
        let mut line = Self { p: vec![], s: vec![], r: vec![], q: vec![], t: vec![] };
        for (i, p) in points.iter().enumerate() {
            let step = line.p.last().map(|last| (p - last).norm());
            let turn = turns.and_then(|turns| turns.get(i)).map(|turn| turning::beside(line.r.last(), turn));
            if let (Some(way_m), Some(turn), Some(last)) = (step, &turn, line.r.last()) {
                let turn_rad = turning::angle_rad(last, turn);
                if turn_rad > turning::allowed_rad(way_m) {
                    return Err(Error::TurnsOnTheSpot { index: i, turn_rad, way_m });
                }
            }
            // Where a hand has stopped is where the thing was to be put.
            let dead_m = if i + 1 == points.len() { REPEATED_M } else { dead_m };
            if step.is_none_or(|step| step > dead_m) {
                line.s.push(line.length() + step.unwrap_or(0.0));
                line.p.push(*p);
                line.r.extend(turn);
                line.q.extend(joints.and_then(|q| q.get(i)).map(|q| SVector::from(*q)));
                line.t.extend(times_s.and_then(|t| t.get(i)));
            }
        }
        Ok(line)
    }

    pub(super) fn length(&self) -> f64 {
        self.s.last().copied().unwrap_or(0.0)
    }

    /// Joins the end to the start when asked to, or when it is a loop; says whether it is closed now.
    pub(super) fn close(&mut self, wish: Option<bool>) -> bool {
        let (first, last) = (self.p[0], self.p[self.p.len() - 1]);
        let gap = (first - last).norm();
        // Two points cannot be a loop, and a short stroke that is all gap is not one either.
        let closed =
            self.p.len() > 2 && wish.unwrap_or(gap < CLOSING_GAP_M && self.length() > 8.0 * gap.max(1e-3));
        let closed = closed && turning::meets(&self.r) && turning::meets(&self.q);
        if closed && gap > REPEATED_M {
            let duration = self.t.last().zip(self.t.first()).map(|(b, a)| b - a);
            let time = self.t.last().zip(duration).map(|(t, d)| t + d * gap / self.length());
            self.t.extend(time);
            self.s.push(self.length() + gap);
            self.p.push(first);
            self.r.extend(self.r.first().copied());
            self.q.extend(self.q.first().copied());
        } else if closed {
            *self.p.last_mut().expect("not empty") = first;
            end_as_begun(&mut self.r);
            end_as_begun(&mut self.q);
        }
        closed
    }

    /// The place at arc length `s`, wrapped round if `closed`, else held at the ends.
    fn point(&self, s: f64, closed: bool) -> Point {
        let (i, u) = self.place(s, closed);
        self.p[i - 1].lerp(&self.p[i], u)
    }

    /// The point after `s`, and how far from the one before, 0 to 1.
    fn place(&self, s: f64, closed: bool) -> (usize, f64) {
        let s = if closed { s.rem_euclid(self.length()) } else { s.clamp(0.0, self.length()) };
        let i = self.s.partition_point(|x| *x <= s).clamp(1, self.s.len() - 1);
        (i, (s - self.s[i - 1]) / (self.s[i] - self.s[i - 1]))
    }

    /// Indices of the points where the line, seen over `window_m` before and after, turns by more than
    /// [`CORNER_RAD`]; of neighbours within the window the sharpest.
    pub(super) fn corners(&self, closed: bool, window_m: f64) -> Vec<usize> {
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
    pub(super) fn start_at(&mut self, first: usize) {
        self.p.pop();
        self.p.rotate_left(first);
        self.p.push(self.p[0]);
        start_at(&mut self.r, first);
        start_at(&mut self.q, first);
        self.s = arc_lengths(&self.p);
    }

    pub(super) fn into_path(self, closed: bool, corners: &[usize], smoothing_m: f64) -> Path {
        let mut stops = vec![0];
        stops.extend(corners.iter().filter(|&&c| c > 0));
        stops.push(self.p.len() - 1);
        let ring = closed && corners.is_empty();
        let mut path = Path {
            points: Vec::new(),
            arc_m: Vec::new(),
            tangents: Vec::new(),
            turning: (!self.r.is_empty()).then(Along::new),
            taught: (!self.q.is_empty()).then(Along::new),
            corners: if closed && !ring { vec![0] } else { Vec::new() },
            closed,
            timing: Vec::new(),
            deviation_m: 0.0,
        };
        let mut drawn_m = Vec::new();
        for ends in stops.windows(2) {
            let (places, mut points) = self.resample(ends[0], ends[1], smoothing_m > 0.0);
            let drawn = points.clone();
            let length_m = self.s[ends[1]] - self.s[ends[0]];
            let sigma = smoothing_m.min(length_m / 12.0);
            smooth(&mut points, sigma, length_m, ring);
            path.deviation_m = path.deviation_m.max(deviation(&drawn, &points, sigma));
            let kept = uncrowded(&points);
            let points: Vec<Point> = kept.iter().map(|&i| points[i]).collect();
            let steps = steps_m(&points);
            let tangents = spline(&points, &steps, ring);
            path.tangents.extend(tangents.windows(2).map(|m| [m[0], m[1]]));
            if let Some(turning) = &mut path.turning {
                let mut turns = self.along(&self.r, &places, ends);
                turns.iter_mut().for_each(|r| *r = r.normalize());
                smooth(&mut turns, sigma, length_m, ring);
                let turns: Vec<_> = kept.iter().map(|&i| turns[i].normalize()).collect();
                turning.extend(&turns, &steps, ring);
            }
            if let Some(taught) = &mut path.taught {
                let mut joints = self.along(&self.q, &places, ends);
                smooth(&mut joints, sigma, length_m, ring);
                let joints: Vec<_> = kept.iter().map(|&i| joints[i]).collect();
                taught.extend(&joints, &steps, ring);
            }
            if !path.points.is_empty() {
                path.corners.push(path.points.len() - 1);
                path.points.pop();
                drawn_m.pop();
            }
            path.points.extend(points);
            drawn_m.extend(kept.iter().map(|&i| places[i]));
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

    /// What goes with the vertices, at `places` between the two `ends`.
    fn along<const N: usize>(
        &self,
        values: &[SVector<f64, N>],
        places: &[f64],
        ends: &[usize],
    ) -> Vec<SVector<f64, N>> {
        let at = |&s: &f64| {
            let (i, u) = self.place(s, false);
            values[i - 1].lerp(&values[i], u)
        };
        let mut out: Vec<_> = places.iter().map(at).collect();
        out[0] = values[ends[0]];
        *out.last_mut().expect("not empty") = values[ends[1]];
        out
    }
}

/// The last becomes the first, if there are any.
fn end_as_begun<T: Copy>(values: &mut [T]) {
    if let [first, .., last] = values {
        *last = *first;
    }
}

/// Turns the values of a closed line so that they start at `first`, if there are any.
fn start_at<T: Copy>(values: &mut Vec<T>, first: usize) {
    if values.pop().is_some() {
        values.rotate_left(first);
        values.push(values[0]);
    }
}
