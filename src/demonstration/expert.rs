//! The expert: joint angles for a position, from inverse kinematics.
//!
//! The tool points down, so a position leaves one freedom, the swing of the elbow. A rule fixes it by the
//! position alone. Labels that depend on the way a solver came are not a function, and a network trained on
//! them learns the average of postures of which none is right.
use std::f64::consts::FRAC_PI_4;
use std::sync::Arc;

use nalgebra::{UnitQuaternion, Vector3};
use serde::{Deserialize, Serialize};

use super::path::Path;
use crate::kinematics::{
    Branch, Point, Pose, differential, flange, forward, inverse, limit_margin_rad, stretched_q4_rad,
    tool_down, wrap_rad, wrist_reach_m,
};
use crate::range::{Violation, check_range};
use crate::robot::Joints;
use crate::robot::limits::{Q_MAX, Q_MIN, Q_READY};

/// The rule that makes seven joints a function of three coordinates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Redundancy {
    /// The arm stays in the vertical plane through the base and the flange: q3 = q5 = 0, and joint 7 turns
    /// against joint 1. Passes through the ready pose.
    #[default]
    #[serde(alias = "elbow-in-plane")]
    ElbowInPlane,
    /// Joint 7 stays at `q7_rad`. The elbow then swings out sideways, and joint 1 turns fast where the upper
    /// arm is nearly vertical: good for comparison with solvers that fix joint 7, poor to learn.
    #[serde(alias = "fixed-q7")]
    FixedQ7,
}

/// How the expert labels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// What fixes the elbow.
    pub redundancy: Redundancy,
    /// Joint 7 under [`Redundancy::FixedQ7`], rad.
    pub q7_rad: f64,
    /// Distance that every joint of a label keeps from Franka's limits, rad.
    pub limit_margin_rad: f64,
    /// Distance that joint 4 keeps from the stretched elbow, rad. There the joints change without bound for a
    /// millimetre of the tool; 0.2 rad bound joint 4 to about 30 rad/m and cost 4 mm of reach.
    pub stretch_margin_rad: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            redundancy: Redundancy::default(),
            q7_rad: FRAC_PI_4,
            limit_margin_rad: 0.02,
            stretch_margin_rad: 0.2,
        }
    }
}

impl Options {
    /// Every option outside its range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_range(&mut out, "limit_margin_rad", self.limit_margin_rad, 0.0..=0.5, "rad");
        check_range(&mut out, "stretch_margin_rad", self.stretch_margin_rad, 0.0..=1.0, "rad");
        if out.is_empty() {
            let margin = self.limit_margin_rad;
            check_range(&mut out, "q7_rad", self.q7_rad, Q_MIN[6] + margin..=Q_MAX[6] - margin, "rad");
        }
        out
    }
}

/// Why the expert has no label.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The arm is too short, or cannot fold so far.
    #[error(
        "({:.4}, {:.4}, {:.4}) m cannot be reached: the wrist would be {wrist_m:.3} m from the shoulder, allowed: \
         {min_m:.3} to {max_m:.3} m; {} by {:.3} m", at.x, at.y, at.z,
        if wrist_m > max_m { "move it towards the base" } else { "move it away from the base" },
        (wrist_m - max_m).max(min_m - wrist_m)
    )]
    Unreachable {
        /// The end effector asked for, base frame, m.
        at: Point,
        /// Distance from shoulder to wrist that it takes, m.
        wrist_m: f64,
        /// Shortest possible, m.
        min_m: f64,
        /// Longest possible, m.
        max_m: f64,
    },
    /// The forearm cannot line up with a wrist that the fixed q7 has turned away.
    #[error(
        "({:.4}, {:.4}, {:.4}) m cannot be reached with the tool pointing down and joint 7 at {q7_rad:.4} rad; \
         choose another q7_rad or redundancy = \"elbow_in_plane\"", at.x, at.y, at.z
    )]
    NoPosture {
        /// The end effector asked for, base frame, m.
        at: Point,
        /// Joint 7, rad.
        q7_rad: f64,
    },
    /// A joint of the label would be outside its limits.
    #[error(
        "({:.4}, {:.4}, {:.4}) m takes joint {} to {q_rad:.4} rad, allowed: {min_rad:.4} to {max_rad:.4} rad \
         (limit_margin_rad and stretch_margin_rad included)", at.x, at.y, at.z, joint + 1
    )]
    OutsideLimits {
        /// The end effector asked for, base frame, m.
        at: Point,
        /// The joint, from 0.
        joint: usize,
        /// Where it would stand, rad.
        q_rad: f64,
        /// Lowest position allowed, rad.
        min_rad: f64,
        /// Highest position allowed, rad.
        max_rad: f64,
    },
    /// A coordinate is NaN or infinite.
    #[error("({}, {}, {}) is no position: every coordinate must be a finite number of metres", at.x, at.y, at.z)]
    NotFinite {
        /// What was given.
        at: Point,
    },
    /// The demonstrated joints do not go on to the position.
    #[error("({:.4}, {:.4}, {:.4}) m does not follow from the demonstration: {why}", at.x, at.y, at.z)]
    Continuation {
        /// The end effector asked for, base frame, m.
        at: Point,
        /// What the differential solver says.
        why: differential::Error,
    },
}

/// Labels positions with joint angles; see the module's words. No label allocates.
#[derive(Clone, Debug)]
pub struct Expert {
    options: Options,
    F_T_EE: Pose,
    /// Tool pointing down: diag(1, −1, −1).
    O_R_EE: UnitQuaternion<f64>,
    /// The branch of the ready pose.
    family: u8,
    /// The motion through which the arm was guided, if it was.
    pub(super) taught: Option<Arc<Path>>,
}

/// A tool whose axis is nearer to the flange's than this is mounted along it, rad: the rest is rounding. Taken
/// seriously, the arm would leave its plane by the root of it, this way at one point and that way at the next.
const ROUNDING_RAD: f64 = 1e-6;

/// The bits of [`Branch::family`] but the shoulder's.
const ELBOW_AND_WRIST: u8 = 0b011;

impl Expert {
    /// An expert for a tool at `F_T_EE`; `options` as [`Options::validate`] allows.
    pub fn new(options: Options, F_T_EE: Pose) -> Self {
        let F_T_EE = without_rounding(F_T_EE);
        let ready = inverse(&flange(&Q_READY), &Pose::identity(), Q_READY[6]);
        let family = ready.nearest(&Q_READY).map_or(0, |branch| branch.family);
        Self { options, F_T_EE, O_R_EE: tool_down(), family, taught: None }
    }

    /// What the expert was made from.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The end effector in the flange frame.
    pub fn F_T_EE(&self) -> &Pose {
        &self.F_T_EE
    }

    /// The joints, rad, that bring the end effector to `O_p_EE` (base frame, m), the tool pointing down.
    ///
    /// A pure function of the position, and continuous along every way on which it has an answer, but for the
    /// axis of joint 1, where no rule can be: always the branch of the ready pose.
    ///
    /// # Errors
    /// [`Error`] naming the position, and the distance or the joint that stands against it.
    pub fn label(&self, O_p_EE: &Point) -> Result<Joints, Error> {
        let at = *O_p_EE;
        if !at.iter().all(|x| x.is_finite()) {
            return Err(Error::NotFinite { at });
        }
        let O_T_EE = Pose::from_parts(at.into(), self.O_R_EE);
        let q7 = self.q7(&O_T_EE);
        self.checked(&O_T_EE, q7, self.branch(&O_T_EE, q7).as_ref())
    }

    /// Joint 7 by the rule, rad; exact where the tool points down.
    fn q7(&self, O_T_EE: &Pose) -> f64 {
        if self.options.redundancy == Redundancy::FixedQ7 {
            return self.options.q7_rad;
        }
        let O_T_F = O_T_EE * self.F_T_EE.inverse();
        let azimuth = O_T_F.translation.y.atan2(O_T_F.translation.x);
        // Axis x of frame 6, (cos q7, −sin q7, 0) in the flange, points away from the base.
        let F_x6 = O_T_F.rotation.inverse() * Vector3::new(azimuth.cos(), azimuth.sin(), 0.0);
        // Without a jump by a whole turn anywhere that joint 1 has none.
        let ready = Q_READY[6] + azimuth;
        ready + wrap_rad((-F_x6.y).atan2(F_x6.x) - ready)
    }

    /// The branch of the ready pose, at joint 7 = `q7`.
    fn branch(&self, O_T_EE: &Pose, q7: f64) -> Option<Branch> {
        let O_T_F = O_T_EE * self.F_T_EE.inverse();
        let azimuth = O_T_F.translation.y.atan2(O_T_F.translation.x);
        // In its plane the arm passes through the vertical with joint 1 at rest, so the shoulder's bit changes
        // and joint 1 says which it is. Elsewhere the upper arm passes beside the vertical and the bit stays.
        let turned_away = |branch: &Branch| wrap_rad(branch.q[0] - azimuth).abs();
        let fixed_bits = match self.options.redundancy {
            Redundancy::ElbowInPlane => ELBOW_AND_WRIST,
            Redundancy::FixedQ7 => u8::MAX,
        };
        inverse(O_T_EE, &self.F_T_EE, q7)
            .iter()
            .filter(|branch| (branch.family ^ self.family) & fixed_bits == 0)
            .min_by(|a, b| turned_away(a).total_cmp(&turned_away(b)))
            .copied()
    }

    /// The branch's joints, if there is one and it keeps its distance from the limits.
    fn checked(&self, O_T_EE: &Pose, q7: f64, branch: Option<&Branch>) -> Result<Joints, Error> {
        let at = O_T_EE.translation.vector;
        let Some(branch) = branch else {
            let (wrist_m, reach) = wrist_reach_m(O_T_EE, &self.F_T_EE, q7);
            let (min_m, max_m) = (*reach.start(), *reach.end());
            return Err(match reach.contains(&wrist_m) {
                true => Error::NoPosture { at, q7_rad: q7 },
                false => Error::Unreachable { at, wrist_m, min_m, max_m },
            });
        };
        match self.outside(&branch.q) {
            Some((joint, min_rad, max_rad)) => {
                Err(Error::OutsideLimits { at, joint, q_rad: branch.q[joint], min_rad, max_rad })
            }
            None => Ok(branch.q),
        }
    }

    /// The joint (from 0) furthest outside the range that the margins leave it, and that range, rad.
    fn outside(&self, q: &Joints) -> Option<(usize, f64, f64)> {
        let margin = self.options.limit_margin_rad;
        let (min, mut max) = (Q_MIN.map(|q| q + margin), Q_MAX.map(|q| q - margin));
        max[3] = max[3].min(stretched_q4_rad() - self.options.stretch_margin_rad);
        let excess = |i: &usize| (min[*i] - q[*i]).max(q[*i] - max[*i]);
        let worst = (0..q.len()).max_by(|a, b| excess(a).total_cmp(&excess(b)))?;
        (excess(&worst) > 0.0).then(|| (worst, min[worst], max[worst]))
    }

    /// The SDE-perturbed target at `to`: how the demonstrated joints go on there (base frame, m; rad).
    ///
    /// The end effector moves by `to − from.0`, keeps the orientation demonstrated, and the null space stays as
    /// near to the demonstrated joints as it can. A displacement and not a place, because measured joints need
    /// not meet the demonstrated position exactly. The joints keep the margin to the limits that the options
    /// ask for, or the demonstration's own where that is smaller.
    ///
    /// # Errors
    /// [`Error::Continuation`] when the solver does not converge or a joint leaves its limits;
    /// [`Error::NotFinite`].
    pub fn continuation(&self, from: (&Point, &Joints), to: &Point) -> Result<Joints, Error> {
        let (O_p_EE, q) = from;
        let at = *to;
        if !at.iter().chain(O_p_EE.iter()).chain(q).all(|x| x.is_finite()) {
            return Err(Error::NotFinite { at });
        }
        let demonstrated = forward(q, &self.F_T_EE);
        let moved = demonstrated.translation.vector + (at - O_p_EE);
        let goal = Pose::from_parts(moved.into(), demonstrated.rotation);
        self.reach(q, &goal, q, at)
    }

    /// [`Self::continuation`] to a pose: the end effector moves and turns (in the base frame) as `to` does
    /// against `from.0`.
    ///
    /// # Errors
    /// As [`Self::continuation`].
    pub fn pose_continuation(&self, from: (&Pose, &Joints), to: &Pose) -> Result<Joints, Error> {
        let (O_T_EE, q) = from;
        let at = to.translation.vector;
        let mut numbers = at.iter().chain(O_T_EE.translation.vector.iter()).chain(q);
        let mut turns = to.rotation.coords.iter().chain(O_T_EE.rotation.coords.iter());
        if !numbers.all(|x| x.is_finite()) || !turns.all(|x| x.is_finite()) {
            return Err(Error::NotFinite { at });
        }
        let demonstrated = forward(q, &self.F_T_EE);
        let moved = demonstrated.translation.vector + (at - O_T_EE.translation.vector);
        let turned = to.rotation * O_T_EE.rotation.inverse() * demonstrated.rotation;
        self.reach(q, &Pose::from_parts(moved.into(), turned), q, at)
    }

    /// From joints `q` to `goal`, as near as can be to `posture`; `at` is for messages.
    pub(super) fn reach(
        &self,
        q: &Joints,
        goal: &Pose,
        posture: &Joints,
        at: Point,
    ) -> Result<Joints, Error> {
        let (_, own_margin) = limit_margin_rad(q);
        let options = differential::Options {
            limit_margin_rad: self.options.limit_margin_rad.min(own_margin.max(0.0)),
            ..differential::Options::default()
        };
        let solution = differential::solve(q, goal, &self.F_T_EE, posture, &options);
        solution.map(|solution| solution.q).map_err(|why| Error::Continuation { at, why })
    }
}

/// A tool along the flange's axis, exactly so.
fn without_rounding(F_T_EE: Pose) -> Pose {
    let axis = F_T_EE.rotation * Vector3::z();
    let tilt = Vector3::z_axis().cross(&axis);
    if axis.z <= 0.0 || tilt.norm() == 0.0 || tilt.norm() > ROUNDING_RAD {
        return F_T_EE;
    }
    Pose::from_parts(F_T_EE.translation, UnitQuaternion::from_scaled_axis(-tilt) * F_T_EE.rotation)
}
