//! What a hand has shown of where it wants the arm: gathered by where on the path it was, and made a displacement.
use crate::demonstration::displaced::Displacement;
use nalgebra::Vector3;
use std::collections::{BTreeMap, VecDeque};

/// A touch that is longer than this is forgotten from its beginning, ticks.
const TOUCH_MAX: usize = 20_000;
/// Steps by which a displacement may begin before the push was felt; a spline ends two steps after its last control point.
const BEFORE: isize = 3;
const SPLINE: isize = 2;

/// What a hand has shown since it came.
#[derive(Default)]
pub(super) struct Shown {
    /// Sum of where it wants the arm, across the path, m, and number, by place; places count on beyond the seam of a closed
    /// path.
    places: BTreeMap<isize, (Vector3<f64>, u32)>,
    /// Not yet known to be a push, or perhaps already of a hand that lets go.
    recent: VecDeque<(isize, Vector3<f64>)>,
    last: Option<isize>,
}

impl Shown {
    /// Whether it has shown nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The first place and the last.
    pub(super) fn ends(&self) -> [isize; 2] {
        [self.places.first_key_value(), self.places.last_key_value()]
            .map(|place| place.map_or(0, |(place, _)| *place))
    }

    /// The hand wants the arm `way` off the path at `place`; of `count` places if the path is closed.
    ///
    /// `is_push` tells whether all since the hand has come is a push; the last `let_go` ticks may still be of a hand that
    /// lets go, when the arm is no longer where it is wanted.
    pub(super) fn take(
        &mut self,
        place: isize,
        count: Option<isize>,
        way: Vector3<f64>,
        is_push: bool,
        let_go: usize,
    ) {
        let round = |last: isize, count: isize| {
            place + count * ((last - place) as f64 / count as f64).round() as isize
        };
        let place = self.last.zip(count).map_or(place, |(last, count)| round(last, count));
        self.last = Some(place);
        if self.recent.len() >= TOUCH_MAX {
            self.recent.clear();
        }
        self.recent.push_back((place, way));
        if is_push {
            for (place, way) in self.recent.drain(..self.recent.len().saturating_sub(let_go)) {
                let (sum, number) = self.places.entry(place).or_default();
                *sum += way;
                *number += 1;
            }
        }
    }

    /// The hand has gone: what came last was none of its wishes.
    pub(super) fn let_go(&mut self) {
        self.recent.clear();
    }

    /// The smoothest displacement near what was shown, and none beside: least squares with the sum of the squared second
    /// differences of the control points times `smooth_steps`⁴ (Eilers and Marx 1996, Statistical Science 11, 89). What
    /// repeats within 2π `smooth_steps` steps is damped by half.
    pub(super) fn displace(&self, by: &mut Displacement, smooth_steps: f64) {
        let [first, last] = self.ends();
        let from = first - BEFORE + SPLINE;
        let Ok(count) = usize::try_from(last - SPLINE - from + 1) else { return };
        let mut normal = Banded::new(count);
        let index = |k: isize| usize::try_from(k - from).ok();
        for (place, (sum, number)) in &self.places {
            let row = [(-1, 1.0 / 6.0), (0, 4.0 / 6.0), (1, 1.0 / 6.0)].map(|(k, w)| (index(place + k), w));
            normal.add(&row, 1.0, &(sum / f64::from(*number)));
        }
        for place in from - SPLINE + 1..=last - 1 {
            let row = [(-1, 1.0), (0, -2.0), (1, 1.0)].map(|(k, w)| (index(place + k), w));
            normal.add(&row, smooth_steps.powi(4), &Vector3::zeros());
        }
        for (k, way) in (from..).zip(normal.solve()) {
            if let Some(value) = by.value_mut(k) {
                *value = way;
            }
        }
    }
}

/// Normal equations of least squares whose rows have three neighbours: a matrix with two diagonals either side.
struct Banded {
    /// The diagonal and the two below it.
    rows: Vec<[f64; 3]>,
    right: Vec<Vector3<f64>>,
}

impl Banded {
    fn new(count: usize) -> Banded {
        Banded { rows: vec![[1e-9, 0.0, 0.0]; count], right: vec![Vector3::zeros(); count] }
    }

    /// One row of the least squares; unknowns that are not there are zero.
    fn add(&mut self, row: &[(Option<usize>, f64); 3], weight: f64, value: &Vector3<f64>) {
        let there = |(i, w): &(Option<usize>, f64)| i.filter(|i| *i < self.rows.len()).map(|i| (i, *w));
        let there: Vec<(usize, f64)> = row.iter().filter_map(there).collect();
        for (i, w) in &there {
            self.right[*i] += value * (weight * w);
            for (j, v) in there.iter().filter(|(j, _)| j <= i) {
                self.rows[*i][i - j] += weight * w * v;
            }
        }
    }

    /// By L D Lᵀ.
    fn solve(mut self) -> Vec<Vector3<f64>> {
        let count = self.rows.len();
        for i in 0..count {
            let [mut d, mut l1, mut l2] = self.rows[i];
            if i >= 2 {
                l2 /= self.rows[i - 2][0];
                d -= l2 * l2 * self.rows[i - 2][0];
                l1 -= l2 * self.rows[i - 1][1] * self.rows[i - 2][0];
            }
            if i >= 1 {
                l1 /= self.rows[i - 1][0];
                d -= l1 * l1 * self.rows[i - 1][0];
            }
            self.rows[i] = [d, l1, l2];
            for (k, l) in [(1, l1), (2, l2)] {
                if i >= k {
                    let before = self.right[i - k];
                    self.right[i] -= before * l;
                }
            }
        }
        for i in (0..count).rev() {
            self.right[i] /= self.rows[i][0];
            for k in 1..=2 {
                if i + k < count {
                    let after = self.right[i + k] * self.rows[i + k][k];
                    self.right[i] -= after;
                }
            }
        }
        self.right
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demonstration::{drawing, shapes};
    use nalgebra::{DMatrix, DVector};

    /// A displacement of a circle from what is pushed at 0.1 m/s along it: off the path, m, by m along it from its beginning.
    fn displaced(shown: impl Fn(f64) -> f64, length_m: f64) -> (Displacement, f64) {
        let path = shapes::load("circle", &drawing::Options::default()).expect("a circle").path;
        let mut by = Displacement::none(&path, 0.004);
        let (count, step_m) = Displacement::grid(&path, 0.004);
        let mut hand = Shown::default();
        for ms in 0..(length_m / 1e-4) as usize {
            let at_m = 0.1 + 1e-4 * ms as f64;
            let way = Vector3::z() * shown(at_m - 0.1);
            hand.take((at_m / step_m).round() as isize, Some(count as isize), way, true, 50);
        }
        hand.let_go();
        hand.displace(&mut by, 1.5);
        (by, step_m)
    }

    #[test]
    fn a_displacement_goes_where_a_hand_has_shown_and_ends_with_the_push() {
        let bump =
            |s: f64| 0.02 * (0.5 - 0.5 * (std::f64::consts::PI * (s.min(0.2 - s) / 0.04).min(1.0)).cos());
        let (by, step_m) = displaced(bump, 0.2);
        let off_mm =
            (0..200).map(|k| 1e-3 * f64::from(k)).map(|s| 1e3 * (by.at(0.1 + s).0.z - bump(s)).abs());
        let mean_mm = off_mm.sum::<f64>() / 200.0;
        assert!(mean_mm < 0.4, "of 20 mm, {mean_mm} mm are missed");
        // A push is felt late, so it may begin a little before; it never goes on after it.
        assert!(by.at(0.1 - 3.5 * step_m).0.norm() < 1e-12 && by.at(0.3).0.norm() < 1e-12);
    }

    #[test]
    fn a_hand_that_lets_go_off_the_path_still_leaves_the_rest_as_it_was() {
        let (by, step_m) = displaced(|_| 0.01, 0.2);
        assert!((by.at(0.2).0.z - 0.01).abs() < 2e-4 && by.at(0.3).0.norm() < 1e-12);
        let steepest = (0..1000).map(|k| by.at(6e-4 * f64::from(k)).1.norm()).fold(0.0, f64::max);
        assert!(steepest < 0.01 / (2.0 * step_m), "{steepest}");
    }

    #[test]
    fn what_comes_last_shows_nothing_unless_the_hand_goes_on() {
        let mut hand = Shown::default();
        (0..100).for_each(|k| hand.take(k, None, Vector3::x(), true, 20));
        assert_eq!(hand.ends(), [0, 79]);
        // It hesitates, and pushes on.
        (100..150).for_each(|k| hand.take(k, None, Vector3::x(), false, 20));
        (150..200).for_each(|k| hand.take(k, None, Vector3::x(), true, 20));
        assert_eq!(hand.ends(), [0, 179]);
        hand.let_go();
        assert_eq!(hand.ends(), [0, 179]);
    }

    #[test]
    fn the_banded_system_is_solved_as_the_full_one() {
        let rows: Vec<[f64; 3]> = (0..12).map(|k| [1.0, -2.0 + 0.1 * f64::from(k), 0.7]).collect();
        let mut banded = Banded::new(9);
        let (mut full, mut right) = (DMatrix::identity(9, 9) * 1e-9, DVector::zeros(9));
        for (k, row) in rows.iter().enumerate() {
            let value = (k as f64).sin();
            let there = [0, 1, 2].map(|j| (k + j).checked_sub(2).filter(|i| *i < 9));
            let row = [(there[0], row[0]), (there[1], row[1]), (there[2], row[2])];
            banded.add(&row, 1.5, &(Vector3::y() * value));
            let mut dense = DVector::zeros(9);
            row.iter().filter_map(|(i, w)| Some((i.as_ref()?, w))).for_each(|(i, w)| dense[*i] = *w);
            full += &dense * dense.transpose() * 1.5;
            right += dense * (1.5 * value);
        }
        let wanted = full.lu().solve(&right).expect("a solution");
        for (got, wanted) in banded.solve().iter().zip(wanted.iter()) {
            assert!((got.y - wanted).abs() < 1e-9, "{} or {wanted}", got.y);
        }
    }
}
