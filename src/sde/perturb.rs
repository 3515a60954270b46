//! SDE-perturbed targets: where the arm will be when something pushes it off, and what the expert does there.
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::{Options, PoseProcess, pose};
use crate::kinematics::{Point, Pose, tool_down};
use crate::robot::Joints;

/// A perturbed position X_t and the joint angles a*(X_t) that the expert would take there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// X_t, the end effector in the base frame, m.
    pub O_p_EE: Point,
    /// a*(X_t), rad.
    pub q: Joints,
}

/// A perturbed pose X_t and the joint angles a*(X_t) that the expert would take there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoseTarget {
    /// X_t, the end effector in the base frame.
    pub O_T_EE: Pose,
    /// a*(X_t), rad.
    pub q: Joints,
}

impl From<Target> for PoseTarget {
    /// With the tool pointing down.
    fn from(Target { O_p_EE, q }: Target) -> Self {
        Self { O_T_EE: Pose::from_parts(O_p_EE.into(), tool_down()), q }
    }
}

/// How many perturbed positions the expert could label, and how many it could not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Labelled.
    pub accepted: u64,
    /// Out of reach, outside the joint limits, or not converged.
    pub rejected: u64,
}

/// Draws perturbed positions about demonstrated ones and has them labelled.
#[derive(Clone, Debug)]
pub struct Targets {
    process: PoseProcess,
    horizon_s: f64,
    counts: Counts,
}

impl Targets {
    /// The process and the horizon of `options`.
    pub fn new(options: &Options) -> Self {
        let process = PoseProcess::from_options(options);
        Self { process, horizon_s: options.horizon_s, counts: Counts::default() }
    }

    /// X_t with X_0 = `x0`, at a t uniform in 0 to T; base frame, m. No allocation.
    pub fn sample<R: Rng + ?Sized>(&self, rng: &mut R, x0: &Point) -> Point {
        let t = self.horizon_s * rng.random::<f64>();
        let xi: [f64; 3] = std::array::from_fn(|_| rng.sample(StandardNormal));
        x0 + Point::from(self.process.position.exact_step(&[0.0; 3], 0.0, t, &xi))
    }

    /// The same for a pose: X_t with X_0 = `O_T_EE`, position and orientation at one t. No allocation.
    pub fn sample_pose<R: Rng + ?Sized>(&self, rng: &mut R, O_T_EE: &Pose) -> Pose {
        let t = self.horizon_s * rng.random::<f64>();
        let xi = std::array::from_fn(|_| rng.sample(StandardNormal));
        pose::deviate(O_T_EE, &self.process.exact_step(&[0.0; 6], 0.0, t, &xi))
    }

    /// One target about the demonstrated (`x0`, `q0`); `None`, and counted, when the expert has no answer.
    ///
    /// `label` says what the expert would do there, from a demonstrated position and its joints to a new
    /// position (`docs/sde.md` says which labels are continued and which are made anew). A rejected position is not drawn again here: what
    /// cannot be labelled must thin the data, visibly, rather than bend the law of X_t.
    pub fn draw<R: Rng + ?Sized>(
        &mut self,
        rng: &mut R,
        (x0, q0): (&Point, &Joints),
        mut label: impl FnMut((&Point, &Joints), &Point) -> Option<Joints>,
    ) -> Option<Target> {
        let O_p_EE = self.sample(rng, x0);
        let q = self.count(label((x0, q0), &O_p_EE))?;
        Some(Target { O_p_EE, q })
    }

    /// [`Self::draw`] for poses: `label` goes from a demonstrated pose and its joints to a new pose.
    pub fn draw_pose<R: Rng + ?Sized>(
        &mut self,
        rng: &mut R,
        (O_T_EE, q0): (&Pose, &Joints),
        mut label: impl FnMut((&Pose, &Joints), &Pose) -> Option<Joints>,
    ) -> Option<PoseTarget> {
        let X = self.sample_pose(rng, O_T_EE);
        let q = self.count(label((O_T_EE, q0), &X))?;
        Some(PoseTarget { O_T_EE: X, q })
    }

    fn count(&mut self, label: Option<Joints>) -> Option<Joints> {
        *(if label.is_some() { &mut self.counts.accepted } else { &mut self.counts.rejected }) += 1;
        label
    }

    /// Accepted and rejected so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }
}
