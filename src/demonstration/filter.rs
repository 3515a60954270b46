//! Filters and curves over points in a row: what makes a smooth path of a drawing.
use super::drawing::{REPEATED_M, SPACING_M};
use crate::kinematics::Point;
use nalgebra::SVector;

pub(super) fn arc_lengths(points: &[Point]) -> Vec<f64> {
    let mut s = 0.0;
    let mut out = vec![0.0];
    out.extend(points.windows(2).map(|p| {
        s += (p[1] - p[0]).norm();
        s
    }));
    out
}

/// `y` at `x` between the knots `xs` (growing) and `ys`, held at the ends.
pub(super) fn interpolate(xs: &[f64], ys: &[f64], x: f64) -> f64 {
    let i = xs.partition_point(|k| *k <= x).clamp(1, xs.len() - 1);
    let u = ((x - xs[i - 1]) / (xs[i] - xs[i - 1])).clamp(0.0, 1.0);
    ys[i - 1] + (ys[i] - ys[i - 1]) * u
}

/// Gaussian of standard deviation `sigma` (m) over evenly spaced points; `ring`: the last is the first.
pub(super) fn smooth<const N: usize>(points: &mut [SVector<f64, N>], sigma: f64, length: f64, ring: bool) {
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
pub(super) fn deviation(drawn: &[Point], smoothed: &[Point], sigma: f64) -> f64 {
    let near = (3.0 * sigma / SPACING_M) as usize + 1;
    let distance = |i: usize, p: &Point| {
        let window = &drawn[i.saturating_sub(near)..(i + near + 1).min(drawn.len())];
        window.iter().map(|d| (d - p).norm_squared()).fold(f64::INFINITY, f64::min).sqrt()
    };
    smoothed.iter().enumerate().map(|(i, p)| distance(i, p)).fold(0.0, f64::max)
}

/// Indices of the points that smoothing has not pushed together, as it does where a line was drawn there and back.
pub(super) fn uncrowded(points: &[Point]) -> Vec<usize> {
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
    kept
}

/// The distance of each point from the next, m.
pub(super) fn steps_m(points: &[Point]) -> Vec<f64> {
    points.windows(2).map(|p| (p[1] - p[0]).norm()).collect()
}

/// dv/ds at each of the `values`, `steps_m` apart, of the twice continuously differentiable cubic through them.
///
/// Open: no curvature at the ends. `ring`: one turn more at each end stands in for the cyclic system; an
/// end's influence falls by 0.27 a point, so that 40 points make it exact.
pub(super) fn spline<const N: usize>(
    values: &[SVector<f64, N>],
    steps_m: &[f64],
    ring: bool,
) -> Vec<SVector<f64, N>> {
    let n = values.len() - 1;
    let extra: isize = if ring { 40 } else { 0 };
    let around = |i: isize| if ring { i.rem_euclid(n as isize) as usize } else { i as usize };
    let p: Vec<SVector<f64, N>> = (-extra..=n as isize + extra).map(|i| values[around(i)]).collect();
    let last = p.len() - 1;
    let h: Vec<f64> = (-extra..n as isize + extra).map(|i| steps_m[around(i)]).collect();
    let slope: Vec<SVector<f64, N>> = p.windows(2).zip(&h).map(|(p, h)| (p[1] - p[0]) / *h).collect();
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
    let mut m = vec![SVector::zeros(); last + 1];
    for i in 0..=last {
        let (a, b, c, d) = row(i);
        let (before, m_before) = if i == 0 { (0.0, SVector::zeros()) } else { (upper[i - 1], m[i - 1]) };
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
