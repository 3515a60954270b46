//! Examples to learn from: end-effector positions and the joints that go with them.
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

use super::expert::{self, Expert};
use super::path::Path;
use crate::kinematics::{Point, Pose};
use crate::robot::Joints;

/// One example (s, a*).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Example {
    /// Desired end-effector position, base frame, m.
    pub O_p_EE: Point,
    /// Joint positions, rad.
    pub q: Joints,
}

/// Who says that the joints are right.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelledBy {
    /// The inverse-kinematics expert, so set up: labels are a function of the position.
    Expert(expert::Options),
    /// A person who guided the arm.
    Demonstration,
    /// A file that does not say.
    File,
}

/// Examples, and what their positions and joints refer to.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// The examples, neighbours in time next to each other where they have a time.
    pub examples: Vec<Example>,
    /// The end effector whose positions these are, in the flange frame.
    pub F_T_EE: Pose,
    /// Where they come from, for people: a file, a shape, an episode.
    pub source: String,
    /// Who labelled them.
    pub labelled_by: LabelledBy,
}

/// Why a data set cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// Points of a motion without a label: a motion with holes is not what was drawn.
    #[error(
        "{source_name}: {unlabelled} of {points} points have no label; the first is point {index}: {why}. Move, \
         scale or turn the motion, or choose another tool or redundancy"
    )]
    Unlabelled {
        /// The data set's source.
        source_name: String,
        /// Points without a label.
        unlabelled: usize,
        /// Points given.
        points: usize,
        /// The first point without a label, from 0.
        index: usize,
        /// Why.
        why: expert::Error,
    },
    /// No example.
    #[error("{source_name}: no examples; give at least 2")]
    Empty {
        /// The data set's source.
        source_name: String,
    },
    /// A box that is none.
    #[error(
        "the box from ({}, {}, {}) to ({}, {}, {}) m is empty; every coordinate must be finite, and the first \
         corner the smaller in each", min.x, min.y, min.z, max.x, max.y, max.z
    )]
    NoBox {
        /// Lower corner, m.
        min: Point,
        /// Upper corner, m.
        max: Point,
    },
    /// A box that the arm hardly reaches.
    #[error(
        "only {labelled} of {tried} points drawn from the box have a label ({wanted} were asked for); the last \
         without one: {why}. Move the box into the arm's reach"
    )]
    BoxOutOfReach {
        /// Examples asked for.
        wanted: usize,
        /// Examples found.
        labelled: usize,
        /// Points drawn.
        tried: usize,
        /// Why the last of the others has no label.
        why: expert::Error,
    },
}

/// Lower corner of the box of workspace that is used when none is given, base frame, m.
pub const BOX_MIN_M: [f64; 3] = [0.3, -0.3, 0.2];
/// Its upper corner.
pub const BOX_MAX_M: [f64; 3] = [0.6, 0.3, 0.6];

/// Points drawn for one example before a box counts as out of reach.
const TRIES_PER_EXAMPLE: usize = 10;

impl Dataset {
    /// A motion through `points` (base frame, m), labelled by `expert`.
    ///
    /// # Errors
    /// [`Error::Unlabelled`] when the expert has no label for a point; [`Error::Empty`].
    pub fn from_points(expert: &Expert, points: &[Point], source: &str) -> Result<Self, Error> {
        Self::from_labels(expert, points, |index| expert.label(&points[index]), source)
    }

    fn from_labels(
        expert: &Expert,
        points: &[Point],
        label: impl Fn(usize) -> Result<Joints, expert::Error>,
        source: &str,
    ) -> Result<Self, Error> {
        let mut examples = Vec::with_capacity(points.len());
        let mut first = None;
        for (index, O_p_EE) in points.iter().enumerate() {
            match label(index) {
                Ok(q) => examples.push(Example { O_p_EE: *O_p_EE, q }),
                Err(why) => first = first.or(Some((index, why))),
            }
        }
        let source_name = source.to_owned();
        if let Some((index, why)) = first {
            let unlabelled = points.len() - examples.len();
            return Err(Error::Unlabelled { source_name, unlabelled, points: points.len(), index, why });
        }
        Self::labelled(expert, examples, source_name)
    }

    /// A motion through whole poses of the end effector, labelled by `expert`.
    ///
    /// # Errors
    /// As [`Dataset::from_points`].
    pub fn from_poses(expert: &Expert, poses: &[Pose], source: &str) -> Result<Self, Error> {
        let points: Vec<Point> = poses.iter().map(|pose| pose.translation.vector).collect();
        Self::from_labels(expert, &points, |index| expert.label_pose(&poses[index]), source)
    }

    /// The motion along `path`, its orientations included, labelled by `expert`.
    ///
    /// # Errors
    /// As [`Dataset::from_points`].
    pub fn from_path(expert: &Expert, path: &Path, source: &str) -> Result<Self, Error> {
        let data = Self::from_poses(expert, &path.poses().collect::<Vec<_>>(), source)?;
        let by = if expert.is_taught() { LabelledBy::Demonstration } else { data.labelled_by };
        Ok(Self { labelled_by: by, ..data })
    }

    /// `n` examples at positions uniform in the box from `min` to `max` (base frame, m), less the places that
    /// the arm does not reach; the same `seed` gives the same examples.
    ///
    /// # Errors
    /// [`Error::NoBox`], or [`Error::BoxOutOfReach`] when fewer than one point in ten has a label.
    pub fn box_of_workspace(
        expert: &Expert,
        min: &Point,
        max: &Point,
        n: usize,
        seed: u64,
    ) -> Result<Self, Error> {
        if !min.iter().zip(max.iter()).all(|(a, b)| a.is_finite() && b.is_finite() && a <= b) {
            return Err(Error::NoBox { min: *min, max: *max });
        }
        let mut rng = StdRng::seed_from_u64(seed);
        let mut examples = Vec::new();
        let tries = n.saturating_mul(TRIES_PER_EXAMPLE);
        let mut tried = 0;
        while examples.len() < n {
            let O_p_EE = Point::from_fn(|i, _| min[i] + (max[i] - min[i]) * rng.random::<f64>());
            tried += 1;
            match expert.label(&O_p_EE) {
                Ok(q) => examples.push(Example { O_p_EE, q }),
                Err(why) if tried >= tries => {
                    return Err(Error::BoxOutOfReach { wanted: n, labelled: examples.len(), tried, why });
                }
                Err(_) => {}
            }
        }
        Self::labelled(expert, examples, format!("box of workspace, seed {seed}"))
    }

    pub(super) fn labelled(
        expert: &Expert,
        examples: Vec<Example>,
        source_name: String,
    ) -> Result<Self, Error> {
        if examples.is_empty() {
            return Err(Error::Empty { source_name });
        }
        let labelled_by = LabelledBy::Expert(*expert.options());
        Ok(Self { examples, F_T_EE: *expert.F_T_EE(), source: source_name, labelled_by })
    }

    /// The smallest box that holds every position: lower and upper corner, m; zeros without examples.
    pub fn extent(&self) -> (Point, Point) {
        let points = self.examples.iter().map(|example| example.O_p_EE);
        points.map(|p| (p, p)).reduce(|(a, b), (p, _)| (a.inf(&p), b.sup(&p))).unwrap_or_default()
    }
}
