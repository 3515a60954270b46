//! Deflection: how far the joints stay behind what is asked of them, learnt as a function of the posture.
//!
//! At rest a joint of stiffness K that the rest of the arm pulls with the torque τ stands at q = q_d − τ/K. What is
//! missing, `δ = q_d − q`, is therefore gravity's torque on whatever the robot does not know of, through a spring:
//!
//! ```text
//! K_i δ_i = a_i τ_i(q) + s_i g_i(q) + b_i + f_i dir(dq_i) + K_i l_i dq_i
//! ```
//!
//! τ_i: of 1 kg at the end effector (so a_i is an undeclared mass, kg); g_i: of the arm itself (s_i is the share by
//! which its masses are wrong, or its gains soft); b_i: an offset, Nm; f_i: friction, Nm; l_i: the lag behind a steady
//! motion, s. Five numbers a joint are learnt by ridge regression in a second, and hold where nobody has driven.
//! Motion's two terms are not part of a correction: it would lead at one speed and one direction only.
use crate::dynamics::{Arm, Body, G_EARTH, HAND};
use crate::kinematics::Pose;
use crate::robot::{JOINTS, Joints};
use nalgebra::{SMatrix, SVector};

/// Numbers learnt of each joint: mass, share, offset, friction, lag.
const TERMS: usize = 5;
type Row = SVector<f64, TERMS>;

/// Standard deviations believed before anything is seen: 2 kg, 1.5 %, 0.3 Nm, 0.5 Nm, 30 ms. They decide how what one
/// path cannot tell apart is shared: mostly to a mass, the likeliest reason.
const PRIOR: [f64; TERMS] = [2.0, 0.015, 0.3, 0.5, 0.03];
/// Standard deviation of one sample, Nm: stiction of a few tenths that stays for many samples, so that they count as
/// few.
const NOISE_NM: f64 = 4.0;
/// Samples after which old ones have lost two thirds of their weight, when nothing surprises …
const MEMORY_SAMPLES: f64 = 5000.0;
/// … and the fewest, when something does: a load was picked up or put down, and what was learnt before is wrong.
const MEMORY_SAMPLES_MIN: f64 = 50.0;
/// Share of a new error of prediction in the surprise.
const SURPRISE_SHARE: f64 = 1.0 / 32.0;
/// A surprise that halves the memory, Nm: friction alone stays below.
const SURPRISE_NM: f64 = 0.3;
/// Longest lag believed of a robot's inner loop, s.
const LAG_MAX_S: f64 = 0.03;
/// Samples before anything is believed: the first of a motion say little.
const SAMPLES_MIN: u32 = 150;
/// Samples between two solutions.
const SOLVE_EVERY: u32 = 16;
/// Speed at which friction has turned round, rad/s.
const TURN_RAD_S: f64 = 0.01;
/// No correction is larger, rad: a real arm does not sag so far, and a wrong fit must not move it so far.
const CORRECTION_MAX_RAD: f64 = 0.1;

/// One joint's regression, in units of the prior.
#[derive(Clone, Debug)]
struct Fit {
    gram: SMatrix<f64, TERMS, TERMS>,
    moment: Row,
    weights: Row,
    /// Inverse of the regularised Gram matrix: what is not known of the weights.
    covariance: SMatrix<f64, TERMS, TERMS>,
    /// What was predicted wrongly of late, Nm.
    surprise_nm: f64,
}

impl Fit {
    fn new() -> Self {
        Fit {
            gram: SMatrix::zeros(),
            moment: Row::zeros(),
            weights: Row::zeros(),
            covariance: SMatrix::identity(),
            surprise_nm: 0.0,
        }
    }

    fn add(&mut self, row: &Row, missing_nm: f64) {
        self.surprise_nm += SURPRISE_SHARE * (missing_nm - self.weights.dot(row) - self.surprise_nm);
        let surprise = self.surprise_nm / SURPRISE_NM;
        let memory = (MEMORY_SAMPLES / (1.0 + surprise * surprise)).max(MEMORY_SAMPLES_MIN);
        let keep = 1.0 - 1.0 / memory;
        let weight = 1.0 / (NOISE_NM * NOISE_NM);
        self.gram = self.gram * keep + row * row.transpose() * weight;
        self.moment = self.moment * keep + row * (weight * missing_nm);
    }

    fn solve(&mut self) {
        // The prior adds one to each eigenvalue, so there always is an answer.
        if let Some(factor) = (self.gram + SMatrix::identity()).cholesky() {
            self.weights = factor.solve(&self.moment);
            self.covariance = factor.inverse();
        }
    }
}

/// What the joints lose, learnt from driven samples; never allocates after `new`.
#[derive(Clone, Debug)]
pub struct Deflection {
    stiffness_nm_rad: Joints,
    arm: Arm,
    kilogram: Arm,
    fits: [Fit; JOINTS],
    samples: u32,
}

impl Deflection {
    /// Nothing learnt; for a tool at `F_T_EE` and a robot whose joints are set to `stiffness_nm_rad`.
    pub fn new(F_T_EE: &Pose, stiffness_nm_rad: &Joints) -> Self {
        let x_C = F_T_EE.translation.vector.into();
        let kilogram = Body { m: 1.0, x_C, I: [[0.0; 3]; 3] };
        Deflection {
            stiffness_nm_rad: stiffness_nm_rad.map(|K| K.max(1.0)),
            arm: Arm::panda_with(HAND),
            kilogram: Arm { links: [Body::NOTHING; JOINTS], ..Arm::panda_with(kilogram) },
            fits: std::array::from_fn(|_| Fit::new()),
            samples: 0,
        }
    }

    /// Forgets everything: what was learnt holds no more.
    pub fn forget(&mut self) {
        self.fits = std::array::from_fn(|_| Fit::new());
        self.samples = 0;
    }

    /// Whether enough was seen to believe anything.
    pub fn is_known(&self) -> bool {
        self.samples >= SAMPLES_MIN
    }

    /// Takes one sample of the quasi-static arm: desired and measured joints, rad, and desired speeds, rad/s.
    pub fn add(&mut self, q_d: &Joints, q: &Joints, dq_d: &Joints) {
        let posture = self.posture(q);
        for i in 0..JOINTS {
            let K = self.stiffness_nm_rad[i];
            let missing_nm = K * (q_d[i] - q[i]);
            let row = self.row(&posture, i, dq_d[i]);
            if missing_nm.is_finite() && row.iter().all(|x| x.is_finite()) {
                self.fits[i].add(&row, missing_nm);
            }
        }
        self.samples += 1;
        if self.samples.is_multiple_of(SOLVE_EVERY) {
            self.fits.iter_mut().for_each(Fit::solve);
        }
    }

    /// What must be asked beyond `q` so that the arm stands at `q`, rad; zero before anything is known.
    ///
    /// Shrunk where little is known of it: by p²/(p² + v), p the prediction and v its variance.
    pub fn at(&self, q: &Joints) -> Joints {
        if !self.is_known() {
            return [0.0; JOINTS];
        }
        let posture = self.posture(q);
        std::array::from_fn(|i| {
            let mut row = self.row(&posture, i, 0.0);
            (row[3], row[4]) = (0.0, 0.0);
            let fit = &self.fits[i];
            let missing_nm = fit.weights.dot(&row);
            let variance = row.dot(&(fit.covariance * row));
            let square = missing_nm * missing_nm;
            let believed = if square > 0.0 { missing_nm * square / (square + variance) } else { 0.0 };
            let correction = believed / self.stiffness_nm_rad[i];
            // NaN becomes no correction.
            if correction.is_finite() {
                correction.clamp(-CORRECTION_MAX_RAD, CORRECTION_MAX_RAD)
            } else {
                0.0
            }
        })
    }

    /// How long each joint's measured position stays behind a steady motion, s.
    pub fn lag_s(&self) -> Joints {
        std::array::from_fn(|i| (self.fits[i].weights[4] * PRIOR[4]).clamp(-LAG_MAX_S, LAG_MAX_S))
    }

    /// The mass, kg, that joint `joint` (from 0) feels at the end effector beyond what the robot knows of.
    pub fn mass_kg(&self, joint: usize) -> f64 {
        self.fits[joint].weights[0] * PRIOR[0]
    }

    /// The mass that all joints together feel, each by how well it knows, kg.
    pub fn load_kg(&self) -> f64 {
        if !self.is_known() {
            return 0.0;
        }
        let known = |fit: &Fit| (1.0 / fit.covariance[(0, 0)] - 1.0).max(0.0);
        let sum: f64 = self.fits.iter().map(known).sum();
        let weighed: f64 = self.fits.iter().map(|fit| known(fit) * fit.weights[0] * PRIOR[0]).sum();
        if sum > 0.0 { weighed / sum } else { 0.0 }
    }

    /// Torques on the joints in the posture `q`, Nm: of 1 kg at the end effector, and of the arm.
    fn posture(&self, q: &Joints) -> [Joints; 2] {
        [self.kilogram.gravity(q, &G_EARTH), self.arm.gravity(q, &G_EARTH)]
    }

    /// The terms of joint `i` in units of the prior.
    fn row(&self, [kilogram, arm]: &[Joints; 2], i: usize, dq: f64) -> Row {
        let terms = [kilogram[i], arm[i], 1.0, (dq / TURN_RAD_S).tanh(), self.stiffness_nm_rad[i] * dq];
        Row::from_fn(|k, _| PRIOR[k] * terms[k])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinematics::hand_tool;
    use crate::robot::limits::Q_READY;

    const K: Joints = [750.0, 750.0, 750.0, 625.0, 625.0, 500.0, 500.0];

    /// A motion about the ready pose: joints and speeds at `t` s.
    fn motion(t: f64) -> (Joints, Joints) {
        let wave = |i: usize| (0.1 * ((1.0 + 0.2 * i as f64) * t).sin(), 0.1 * (1.0 + 0.2 * i as f64));
        let q = std::array::from_fn(|i| Q_READY[i] + wave(i).0);
        let dq = std::array::from_fn(|i| wave(i).1 * ((1.0 + 0.2 * i as f64) * t).cos());
        (q, dq)
    }

    /// What a load of `kg` at the tool, friction and lag do to the joints, rad.
    fn lost(q: &Joints, dq: &Joints, kg: f64) -> Joints {
        let mut load = Arm::panda_with(Body { m: kg, x_C: [0.0, 0.0, 0.1034], I: [[0.0; 3]; 3] });
        load.links = [Body::NOTHING; 7];
        let tau = load.gravity(q, &G_EARTH);
        std::array::from_fn(|i| (tau[i] + 0.3 * dq[i].signum()) / K[i] + 0.009 * dq[i])
    }

    fn taught(kg: f64, seconds: f64) -> Deflection {
        let mut deflection = Deflection::new(&hand_tool(), &K);
        for k in 0..(250.0 * seconds) as u32 {
            let (q, dq) = motion(0.004 * f64::from(k));
            let lost = lost(&q, &dq, kg);
            deflection.add(&std::array::from_fn(|i| q[i] + lost[i]), &q, &dq);
        }
        deflection
    }

    #[test]
    fn a_load_is_known_after_four_seconds_and_predicted_where_nobody_drove() {
        let deflection = taught(1.0, 4.0);
        let far = [0.8, 0.2, 0.0, -2.0, 0.0, 2.2, 0.5];
        for (known, lost) in deflection.at(&far).iter().zip(lost(&far, &[0.0; 7], 1.0)) {
            let friction = 0.0; // dq = 0 has a sign of +1 in Rust
            assert!((known - lost - friction).abs() < 1.2e-3, "{known} for {lost}");
        }
        for joint in [1, 3] {
            assert!((deflection.mass_kg(joint) - 1.0).abs() < 0.1, "{} kg", deflection.mass_kg(joint));
        }
        for lag in deflection.lag_s() {
            assert!((lag - 0.009).abs() < 0.003, "{lag} s");
        }
    }

    #[test]
    fn nothing_is_believed_before_enough_was_seen_or_after_forgetting() {
        let mut deflection = taught(1.0, 0.3);
        assert_eq!(deflection.at(&Q_READY), [0.0; 7]);
        deflection = taught(1.0, 4.0);
        deflection.forget();
        assert_eq!((deflection.at(&Q_READY), deflection.lag_s()), ([0.0; 7], [0.0; 7]));
    }

    #[test]
    fn a_load_put_down_is_forgotten_within_four_seconds() {
        let mut deflection = taught(1.0, 8.0);
        for k in 0..1000 {
            let (q, dq) = motion(0.004 * f64::from(k));
            deflection.add(&q, &q, &dq);
        }
        assert!(deflection.at(&Q_READY).iter().all(|d| d.abs() < 1e-3), "{:?}", deflection.at(&Q_READY));
    }

    #[test]
    fn nonsense_corrects_nothing_and_a_wild_fit_stays_in_its_bound() {
        let mut deflection = taught(1.0, 4.0);
        let before = deflection.at(&Q_READY);
        for _ in 0..100 {
            deflection.add(&[f64::NAN; 7], &[f64::INFINITY; 7], &[0.0; 7]);
        }
        assert!(deflection.at(&Q_READY).iter().zip(before).all(|(a, b)| (a - b).abs() < 1e-3));
        assert_eq!(deflection.at(&[f64::NAN; 7]), [0.0; 7]);
        for _ in 0..5000 {
            deflection.add(&Q_READY.map(|q| q + 1.0), &Q_READY, &[0.0; 7]);
        }
        assert!(deflection.at(&Q_READY).iter().all(|d| d.abs() <= 0.1));
    }
}
