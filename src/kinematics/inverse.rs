//! Analytic inverse kinematics, the last joint given: up to eight postures for one pose.
//!
//! Given q7, the Panda is a 6R arm whose wrist point W (origin of frames 5 and 6) and axis of joint 6 follow
//! from the pose. What is left is geometry (the idea of He & Liu 2021, "Analytical inverse kinematics for
//! Franka Emika Panda", here without its exclusions):
//!
//! 1. The distance from shoulder S to W fixes q4, up to a mirrored elbow.
//! 2. The forearm makes a known angle with S − W and is perpendicular to axis 6: two q6.
//! 3. The rest is a spherical shoulder: two (q1, q2, q3), the upper arm leaning forwards or backwards.
use std::f64::consts::{FRAC_PI_2, PI, TAU};

use nalgebra::Vector3;

use super::dh::{A4, A7, D_FLANGE, D1, D3, D5};
use super::{Point, Pose};
use crate::robot::Joints;
use crate::robot::limits::{Q_MAX, Q_MIN};

/// Rounding allowed in a cosine before a pose counts as out of reach, and the length (m) below which a
/// direction counts as undefined.
const EPSILON: f64 = 1e-12;

/// One posture that reaches the pose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Branch {
    /// Joint positions, rad: inside the limits where a full turn can bring them there, else in (−π, π].
    pub q: Joints,
    /// Whether every joint is inside Franka's limits.
    pub within_limits: bool,
    /// Distance of the joint nearest to a limit from that limit, rad; negative outside.
    pub margin_rad: f64,
    /// Which of the eight: bit 0 the mirrored elbow (q4), bit 1 the turned wrist (q6), bit 2 the upper arm
    /// leaning forwards (q2 > 0). Bits 0 and 1 stay the same along any motion that meets no singularity.
    pub family: u8,
}

/// The postures that reach one pose with one q7; dereferences to a slice of [`Branch`].
#[derive(Clone, Copy, Debug)]
pub struct Branches {
    branches: [Branch; 8],
    len: usize,
}

impl Branches {
    const EMPTY: Self = Self {
        branches: [Branch { q: [0.0; 7], within_limits: false, margin_rad: f64::NEG_INFINITY, family: 0 }; 8],
        len: 0,
    };

    fn insert(&mut self, q: Joints, family: u8) {
        if let Some(slot) = self.branches.get_mut(self.len)
            && q.iter().all(|q| q.is_finite())
        {
            let (_, margin_rad) = limit_margin_rad(&q);
            *slot = Branch { q, within_limits: margin_rad >= 0.0, margin_rad, family };
            self.len += 1;
        }
    }

    /// The branch inside the limits that is nearest to `posture`, by the sum of squared joint distances.
    pub fn nearest(&self, posture: &Joints) -> Option<&Branch> {
        let distance = |q: &Joints| q.iter().zip(posture).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        self.iter()
            .filter(|branch| branch.within_limits)
            .min_by(|a, b| distance(&a.q).total_cmp(&distance(&b.q)))
    }
}

impl std::ops::Deref for Branches {
    type Target = [Branch];

    fn deref(&self) -> &[Branch] {
        self.branches.get(..self.len).unwrap_or_default()
    }
}

impl<'a> IntoIterator for &'a Branches {
    type Item = &'a Branch;
    type IntoIter = std::slice::Iter<'a, Branch>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The joint (from 0) nearest to one of Franka's limits and its distance from it, rad; negative outside.
pub fn limit_margin_rad(q: &Joints) -> (usize, f64) {
    let margins = q.iter().zip(&Q_MIN).zip(&Q_MAX).map(|((q, min), max)| (q - min).min(max - q));
    margins.enumerate().fold((0, f64::INFINITY), |worst, this| if this.1 < worst.1 { this } else { worst })
}

/// The same angle in (−π, π].
pub fn wrap_rad(angle: f64) -> f64 {
    let turned = angle - TAU * (angle / TAU).round();
    if turned <= -PI { turned + TAU } else { turned }
}

/// Every posture that brings the end effector to `O_T_EE` with joint 7 at `q7` rad, inside the limits or not.
///
/// `q7` is returned as given. Empty when the pose is out of reach or an argument is not finite. Where a pose
/// leaves a joint free (the upper arm vertical: q1 and q3 turn about one line; joint 6's axis through the
/// shoulder), one representative stands for the family: q3 = 0, or q6 = π/2. The elbow stretched to q4 = 0,
/// 0.07 rad outside its limit, is left out.
pub fn inverse(O_T_EE: &Pose, F_T_EE: &Pose, q7: f64) -> Branches {
    let mut found = Branches::EMPTY;
    let wrist = Wrist::new(O_T_EE, F_T_EE, q7);

    // |S − W|² = |upper arm|² + |forearm|² + 2 (A cos q4 + B sin q4), both arms as in frame 3's x–z plane.
    let (A, B) = (D3 * D5 - A4 * A4, -A4 * (D3 + D5));
    let arms = D3 * D3 + D5 * D5 + 2.0 * A4 * A4;
    let reach = (wrist.W_p_S.norm_squared() - arms) / (2.0 * A.hypot(B));
    let Some(bend) = acos(reach) else { return found };
    let stretched = stretched_q4_rad();
    wrist.elbow(wrap_into(stretched - bend, 3), 0, &mut found);
    if bend > 0.0 {
        wrist.elbow(wrap_into(stretched + bend, 3), 1, &mut found);
    }
    found
}

/// How far the wrist (the crossing of axes 5 and 6) lies from the shoulder, m, with joint 7 at `q7` rad, and
/// the shortest and longest distance the elbow allows, joint limits left aside.
pub fn wrist_reach_m(O_T_EE: &Pose, F_T_EE: &Pose, q7: f64) -> (f64, std::ops::RangeInclusive<f64>) {
    let (upper, fore) = (D3.hypot(A4), D5.hypot(A4));
    (Wrist::new(O_T_EE, F_T_EE, q7).W_p_S.norm(), (fore - upper).abs()..=fore + upper)
}

/// Joint 4 with shoulder, elbow and wrist in one line, about −0.467 rad: inside its limits, and the arm singular.
pub fn stretched_q4_rad() -> f64 {
    // Where the distance from shoulder to wrist, A cos q4 + B sin q4, is largest.
    let (A, B) = (D3 * D5 - A4 * A4, -A4 * (D3 + D5));
    B.atan2(A)
}

/// What the pose and q7 alone say: the axes of frame 6 in the base frame and the line to the shoulder.
struct Wrist {
    x6: Point,
    y6: Point,
    z6: Point,
    /// From the wrist point W to the shoulder S, in the base frame, m.
    W_p_S: Point,
    q7: f64,
}

impl Wrist {
    fn new(O_T_EE: &Pose, F_T_EE: &Pose, q7: f64) -> Self {
        let O_T_F = O_T_EE * F_T_EE.inverse();
        let (s7, c7) = q7.sin_cos();
        let x6 = O_T_F.rotation * Vector3::new(c7, -s7, 0.0);
        let z6 = O_T_F.rotation * Vector3::new(s7, c7, 0.0);
        let z7 = O_T_F.rotation * Vector3::z();
        let O_p_W = O_T_F.translation.vector - D_FLANGE * z7 - A7 * x6;
        Self { x6, y6: -z7, z6, W_p_S: Point::new(0.0, 0.0, D1) - O_p_W, q7 }
    }

    /// Adds the postures with the elbow at `q4`: the two angles of joint 6.
    fn elbow(&self, q4: f64, family: u8, found: &mut Branches) {
        let (s4, c4) = q4.sin_cos();
        // The line W → S along the forearm (z5, which is y4) and across it (x4).
        let along = -(D3 * c4 - A4 * s4 + D5);
        let across = A4 - (A4 * c4 + D3 * s4);
        if across.abs() < EPSILON {
            return;
        }
        // z5 = sin q6 · x6 + cos q6 · y6, and z5 · (S − W) = along.
        let (x, y) = (self.W_p_S.dot(&self.x6), self.W_p_S.dot(&self.y6));
        let radius = x.hypot(y);
        if radius < EPSILON {
            if along.abs() < EPSILON {
                self.shoulder(q4, FRAC_PI_2, across, along, family, found);
            }
            return;
        }
        let Some(turn) = acos(along / radius) else { return };
        let middle = x.atan2(y);
        self.shoulder(q4, wrap_into(middle - turn, 5), across, along, family, found);
        if turn > 0.0 {
            self.shoulder(q4, wrap_into(middle + turn, 5), across, along, family | 2, found);
        }
    }

    /// Adds the postures with `q4` and `q6`: q5, and the two ways of the spherical shoulder.
    fn shoulder(&self, q4: f64, q6: f64, across: f64, along: f64, family: u8, found: &mut Branches) {
        let ((s4, c4), (s6, c6)) = (q4.sin_cos(), q6.sin_cos());
        let (x5, y5, z5) = (c6 * self.x6 - s6 * self.y6, -self.z6, s6 * self.x6 + c6 * self.y6);
        let Some(x4) = ((self.W_p_S - along * z5) / across).try_normalize(EPSILON) else { return };
        let q5 = (-x4.dot(&y5)).atan2(x4.dot(&x5));

        let (x3, z3) = (c4 * x4 - s4 * z5, s4 * x4 + c4 * z5);
        let y3 = z3.cross(&x3);
        // R3 = Rz(q1) Ry(q2) Rz(q3).
        let lean = z3.x.hypot(z3.y);
        if lean < EPSILON {
            let q2 = lean.atan2(z3.z);
            let q1 = if z3.z > 0.0 { x3.y.atan2(x3.x) } else { (-x3.y).atan2(-x3.x) };
            found.insert([q1, q2, 0.0, q4, q5, q6, self.q7], family);
            return;
        }
        for (side, family) in [(-1.0, family), (1.0, family | 4)] {
            let q1 = (side * z3.y).atan2(side * z3.x);
            let q2 = (side * lean).atan2(z3.z);
            // The y axis of frame 2 turned upright lies in the x–y plane of frame 3, at q3 from y3: defined
            // well even where q1 is not.
            let (s1, c1) = q1.sin_cos();
            let y2 = Vector3::new(-s1, c1, 0.0);
            let q3 = y2.dot(&x3).atan2(y2.dot(&y3));
            found.insert([q1, q2, q3, q4, q5, q6, self.q7], family);
        }
    }
}

/// The angle of a cosine, rounding beyond ±1 forgiven; none for a cosine that no angle has, or NaN.
fn acos(cosine: f64) -> Option<f64> {
    (cosine.abs() <= 1.0 + EPSILON).then(|| cosine.clamp(-1.0, 1.0).acos())
}

/// The same angle in (−π, π], or a turn away from it where only that lies inside the limits of `joint`.
fn wrap_into(angle: f64, joint: usize) -> f64 {
    let angle = wrap_rad(angle);
    let (Some(&min), Some(&max)) = (Q_MIN.get(joint), Q_MAX.get(joint)) else { return angle };
    let inside = |q: &f64| (min..=max).contains(q);
    [angle, angle + TAU, angle - TAU].into_iter().find(inside).unwrap_or(angle)
}
