//! The mean of several demonstrations of one motion.
//!
//! Which place of one belongs to which of another is found by dynamic time warping; each place of the mean is the mean
//! of all that belong to it, and that a few times over (Petitjean, Ketterlin and Gançarski 2011, Pattern Recognition 44,
//! 678). Neither hurry nor a detour of one hand shifts what the others did, as it would if equal shares of the way were
//! taken for equal places.
use super::drawing::{self, Drawn};
use super::path::Path;
use crate::kinematics::{Point, Pose};
use crate::robot::{JOINTS, Joints};
use nalgebra::{Quaternion, SVector, UnitQuaternion, Vector4};

/// Distance of the places that are compared, m; longer motions have [`PLACES_MAX`] of them.
const SPACING_M: f64 = 1e-3;
/// Places of a motion at most: the work grows with their square.
const PLACES_MAX: f64 = 1500.0;
/// How often the mean is taken anew.
const TURNS: usize = 4;
/// Motions farther than this from their mean, on average, are not one motion, m.
const SAME_M: f64 = 0.05;
/// Smoothing of the mean, of what the demonstrations have had already.
const SMOOTHING_SHARE: f64 = 0.5;

/// Why there is no mean.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error(
        "demonstration {number} is not the same motion as the others: it is {:.0} mm from their mean on average, allowed \
         {:.0} mm; leave it out", 1e3 * off_m, 1e3 * SAME_M
    )]
    OtherMotion { number: usize, off_m: f64 },
    #[error("demonstration {number} has no times or no joints: only taught motions have a mean")]
    NotTaught { number: usize },
    #[error(transparent)]
    Path(#[from] drawing::Error),
}

/// One place of a motion.
#[derive(Clone, Copy)]
struct Place {
    p: Point,
    turn: UnitQuaternion<f64>,
    q: Joints,
    /// Share of the whole time, 0 to 1.
    time: f64,
}

/// The mean of `paths`, at least one, which are taught.
///
/// # Errors
/// [`Error`] naming the demonstration, from 1.
pub fn mean(paths: &[Path], options: &drawing::Options) -> Result<Path, Error> {
    let motions: Vec<Vec<Place>> =
        (1..).zip(paths).map(|(number, path)| places(number, path)).collect::<Result<_, _>>()?;
    let Some(first) = motions.first() else { return Err(drawing::Error::Empty.into()) };
    // From the one that is nearest to all the others: a bad start may end at a bad mean.
    let far = |one: &Vec<Place>| motions.iter().map(|other| warped(one, other).1).sum::<f64>();
    let mut mean = motions.iter().min_by(|a, b| far(a).total_cmp(&far(b))).unwrap_or(first).clone();
    for _ in 0..TURNS {
        mean = averaged(&mean, &motions);
    }
    for (number, motion) in (1..).zip(&motions) {
        let off_m = warped(&mean, motion).1;
        if off_m > SAME_M {
            return Err(Error::OtherMotion { number, off_m });
        }
    }
    let duration_s = paths.iter().filter_map(duration_s).sum::<f64>() / paths.len() as f64;
    // Means of times that only grow only grow too, but not always strictly.
    let mut at_s = f64::NEG_INFINITY;
    mean.retain(|place| {
        let is_later = place.time * duration_s > at_s + 1e-4;
        at_s = if is_later { place.time * duration_s } else { at_s };
        is_later
    });
    let points: Vec<Point> = mean.iter().map(|place| place.p).collect();
    let turns: Vec<UnitQuaternion<f64>> = mean.iter().map(|place| place.turn).collect();
    let joints: Vec<Joints> = mean.iter().map(|place| place.q).collect();
    let times: Vec<f64> = mean.iter().map(|place| place.time * duration_s).collect();
    let drawn = Drawn { points: &points, turns: Some(&turns), joints: Some(&joints), times_s: Some(&times) };
    let smoothing_m = SMOOTHING_SHARE * options.smoothing_m;
    Ok(drawing::drawn(&drawn, &drawing::Options { smoothing_m, ..options.clone() })?)
}

/// How long a taught motion takes, s.
pub fn duration_s(path: &Path) -> Option<f64> {
    let timing = path.timing()?;
    Some(timing.last()?.0 - timing.first()?.0)
}

fn places(number: usize, path: &Path) -> Result<Vec<Place>, Error> {
    let not_taught = || Error::NotTaught { number };
    let timing = path.timing().ok_or_else(not_taught)?;
    let whole_s = duration_s(path).filter(|s| *s > 0.0).ok_or_else(not_taught)?;
    let count = (path.length_m() / SPACING_M).ceil().clamp(2.0, PLACES_MAX);
    let place = |k: usize| {
        let arc_m = path.length_m() * k as f64 / count;
        let after = timing.partition_point(|(_, s)| *s <= arc_m).clamp(1, timing.len() - 1);
        let ((t0, s0), (t1, s1)) = (timing[after - 1], timing[after]);
        let u = if s1 > s0 { ((arc_m - s0) / (s1 - s0)).clamp(0.0, 1.0) } else { 1.0 };
        let Pose { translation, rotation } = path.pose(arc_m);
        let time = (t0 + (t1 - t0) * u - timing[0].0) / whole_s;
        path.taught(arc_m).map(|q| Place { p: translation.vector, turn: rotation, q, time })
    };
    (0..=count as usize).map(place).collect::<Option<_>>().ok_or_else(not_taught)
}

/// Each place of `mean` moved to the mean of all that belong to it.
fn averaged(mean: &[Place], motions: &[Vec<Place>]) -> Vec<Place> {
    let mut sums = vec![Sum::default(); mean.len()];
    for motion in motions {
        let (first, last) = ((0, 0), (mean.len() - 1, motion.len() - 1));
        for (i, j) in warped(mean, motion).0 {
            // To an end belong the ends alone: what else is nearest to it would draw it in, turn by turn.
            if (i != first.0 && i != last.0) || (i, j) == first || (i, j) == last {
                sums[i].add(&motion[j], &mean[i].turn);
            }
        }
    }
    sums.iter().zip(mean).map(|(sum, before)| sum.place().unwrap_or(*before)).collect()
}

#[derive(Clone, Default)]
struct Sum {
    p: Point,
    turn: Vector4<f64>,
    q: SVector<f64, JOINTS>,
    time: f64,
    count: f64,
}

impl Sum {
    fn add(&mut self, place: &Place, near: &UnitQuaternion<f64>) {
        let turn = place.turn.coords;
        self.p += place.p;
        self.turn += if turn.dot(&near.coords) < 0.0 { -turn } else { turn };
        self.q += SVector::from(place.q);
        self.time += place.time;
        self.count += 1.0;
    }

    fn place(&self) -> Option<Place> {
        (self.count > 0.0).then(|| Place {
            p: self.p / self.count,
            turn: UnitQuaternion::new_normalize(Quaternion::from(self.turn)),
            q: (self.q / self.count).into(),
            time: self.time / self.count,
        })
    }
}

/// Which places of two motions belong together, in order, and how far apart they are on average, m.
fn warped(a: &[Place], b: &[Place]) -> (Vec<(usize, usize)>, f64) {
    let width = b.len();
    let apart = |i: usize, j: usize| (a[i].p - b[j].p).norm_squared();
    let mut cost = vec![f64::INFINITY; a.len() * width];
    for i in 0..a.len() {
        for j in 0..width {
            let before = [(1, 0), (0, 1), (1, 1)].into_iter().filter(|(di, dj)| i >= *di && j >= *dj);
            let least = before.map(|(di, dj)| cost[(i - di) * width + j - dj]).fold(f64::INFINITY, f64::min);
            cost[i * width + j] = apart(i, j) + if (i, j) == (0, 0) { 0.0 } else { least };
        }
    }
    let (mut i, mut j) = (a.len() - 1, width - 1);
    let mut pairs = vec![(i, j)];
    while (i, j) != (0, 0) {
        let steps = [(1, 1), (1, 0), (0, 1)].into_iter().filter(|(di, dj)| i >= *di && j >= *dj);
        let cost_of = |(di, dj): &(usize, usize)| cost[(i - di) * width + j - dj];
        let (di, dj) = steps.min_by(|x, y| cost_of(x).total_cmp(&cost_of(y))).unwrap_or((i, j));
        (i, j) = (i - di, j - dj);
        pairs.push((i, j));
    }
    pairs.reverse();
    let off_m = pairs.iter().map(|(i, j)| apart(*i, *j).sqrt()).sum::<f64>() / pairs.len() as f64;
    (pairs, off_m)
}
