//! A path in space, seen from two sides.
use super::canvas::Pen;
use super::chart::{Axis, Chart, Mark};
use super::scale::Scale;
use super::theme::Ink;

const AXES: [&str; 3] = ["x", "y", "z"];

/// Reference and measured positions, m, base frame.
pub(super) struct Paths<'a> {
    pub(super) reference_m: &'a [[f64; 3]],
    pub(super) measured_m: &'a [[f64; 3]],
    pub(super) tube_m: Option<f64>,
    pub(super) note: String,
}

/// The least and the greatest of some numbers.
pub(super) fn extent(numbers: impl Iterator<Item = f64>) -> [f64; 2] {
    numbers
        .filter(|x| x.is_finite())
        .fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], x| [low.min(x), high.max(x)])
}

impl Paths<'_> {
    /// The path in the plane in which it is largest, and from the side; none without points.
    pub(super) fn charts(&self) -> Vec<Chart> {
        let all = || self.reference_m.iter().chain(self.measured_m);
        if all().next().is_none() {
            return Vec::new();
        }
        let ranges: [[f64; 2]; 3] = std::array::from_fn(|axis| extent(all().map(|p| p[axis])));
        // The way to the start is part of what was measured, and not what the picture is about.
        let shown = if self.reference_m.is_empty() { self.measured_m } else { self.reference_m };
        let sizes: [f64; 3] = std::array::from_fn(|axis| {
            let [low, high] = extent(shown.iter().map(|p| p[axis]));
            high - low
        });
        let mut order = [0, 1, 2];
        order.sort_by(|a, b| sizes[*b].total_cmp(&sizes[*a]));
        // Where z is among the two, it points up.
        let (across, up) = (order[0].min(order[1]), order[0].max(order[1]));
        let side = match order[2] {
            2 => (order[0], 2),
            flat => (flat, up),
        };
        vec![
            self.chart("path", "Path of the end effector", (across, up), &ranges),
            self.chart("side", "The same from the side", side, &ranges),
        ]
    }

    fn chart(
        &self,
        name: &'static str,
        title: &str,
        (across, up): (usize, usize),
        ranges: &[[f64; 2]; 3],
    ) -> Chart {
        let margin = self.tube_m.unwrap_or(0.0).max(0.004);
        let axis = |k: usize| {
            let [low, high] = ranges[k];
            let margin = margin + 0.04 * (high - low);
            Axis::new(format!("{}, m", AXES[k]), Scale::linear(low - margin, high + margin))
        };
        let flat = |points: &[[f64; 3]]| points.iter().map(|p| [p[across], p[up]]).collect::<Vec<_>>();
        let mut chart = Chart::new(name, title, &self.note, axis(across), axis(up));
        chart.is_true_to_scale = true;
        if let Some(radius) = self.tube_m.filter(|_| !self.reference_m.is_empty()) {
            let pen = Pen::new(Ink::MEASURED.thin(0.13), 1.0);
            chart.marks.push(Mark::Path { points: flat(self.reference_m), pen, radius: Some(radius) });
            chart.key(Ink::MEASURED.thin(0.2), format!("tube ±{:.0} mm", 1e3 * radius));
        }
        // The reference lies thin on what was measured: where they are one, both are seen.
        let measured = Pen::new(Ink::MEASURED, 3.0);
        let reference = Pen::new(Ink::REFERENCE, 0.9);
        for (points, pen, words) in
            [(self.measured_m, measured, "measured"), (self.reference_m, reference, "reference")]
        {
            if !points.is_empty() {
                chart.marks.push(Mark::Path { points: flat(points), pen, radius: None });
                chart.key(pen.paint, words);
            }
        }
        chart
    }
}
