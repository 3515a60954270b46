//! The process at run time: what the policy is asked, so that a push reaches it and it answers by returning.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros
)]
use super::Options;
use super::track::{Bounds, Track};
use crate::kinematics::{Point, Pose};
use nalgebra::UnitQuaternion;

/// Halvings of a deviation that leaves what the policy knows: coarse steps would shake the arm along the edge.
const BISECTIONS: u32 = 30;

/// The policy's input X = x_ref + z, with dz = −θ z dt, and z taken anew from the arm while it is pushed.
///
/// Fed with the reference alone, the policy would never learn of a push. Fed with the measured pose, it
/// would chase its own tracking error. So X follows the reference by the drift of the process that training
/// perturbed with, and is anchored to the measurement only at the start and while the arm is out of the tube:
/// measured further than `tube_m` or `tube_rad` from desired, until it is nearer than `tube_release_m` and
/// `tube_release_rad`. It goes there at `push_speed_m_s` and `push_speed_rad_s` at most: a jump to a hand that keeps
/// its distance would be chased ever faster.
///
/// What lasts is no push. A soft arm under a load that nobody declared hangs below where it is told to be, and an X
/// that went after it would sink for ever, the arm always ahead. So all distances are counted from their own means
/// over `sag_s`, which begin with what there is at the start.
///
/// The orientation deviates in the tangent space of the reference's, X_R = exp(z_R) R_ref, by the same rules
/// (`sde::track`); for a policy that is asked with positions it is the reference's.
///
/// Total: whatever the bits of the arguments, the answer is finite. No allocation, no clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Follower {
    theta_1_s: f64,
    sag_s: f64,
    position: Track<Point>,
    /// None where the orientation is the reference's.
    rotation: Option<Track<UnitQuaternion<f64>>>,
    /// The last X's orientation.
    turn: UnitQuaternion<f64>,
    pushed: bool,
}

impl Follower {
    /// A follower of positions, whose X begins where the arm is; its orientation is the reference's.
    pub fn of_positions(options: &Options, O_T_EE: &Pose) -> Self {
        let bounds = Bounds {
            tube: options.tube_m,
            release: options.tube_release_m,
            limit: options.deviation_limit_m,
            push_speed: options.push_speed_m_s,
        };
        Self {
            theta_1_s: finite_or_zero(options.theta_1_s).max(0.0),
            sag_s: finite_or_zero(options.sag_s).max(1e-3),
            position: Track::new(bounds, O_T_EE.translation.vector.map(finite_or_zero)),
            rotation: None,
            turn: finite_or_identity(O_T_EE.rotation),
            pushed: false,
        }
    }

    /// A follower of whole poses, whose X begins where the arm is.
    pub fn of_poses(options: &Options, O_T_EE: &Pose) -> Self {
        let bounds = Bounds {
            tube: options.tube_rad,
            release: options.tube_release_rad,
            limit: options.deviation_limit_rad,
            push_speed: options.push_speed_rad_s,
        };
        let rotation = Some(Track::new(bounds, finite_or_identity(O_T_EE.rotation)));
        Self { rotation, ..Self::of_positions(options, O_T_EE) }
    }

    /// Begins anew at the arm, for a policy that takes over again after a pause; X does not jump.
    ///
    /// Further than `deviation_limit_m` and `deviation_limit_rad` from the reference X cannot be: move the arm near
    /// it first.
    pub fn anchor(&mut self, O_T_EE: &Pose) {
        self.position.begin_at(O_T_EE.translation.vector.map(finite_or_zero));
        if let Some(rotation) = &mut self.rotation {
            rotation.begin_at(finite_or_identity(O_T_EE.rotation));
        }
    }

    /// X for this tick, base frame.
    ///
    /// `x_ref` is the demonstration's pose, `O_T_EE` the measured and `O_T_EE_d` the robot's last desired
    /// one, all in the base frame; `dt_s` the time since the last call, s. The decay e^(−θ dt) is exact,
    /// so a lost cycle costs no accuracy. A reference that is not finite holds the last X; a measurement
    /// that is not finite counts as no push.
    pub fn step(&mut self, x_ref: &Pose, O_T_EE: &Pose, O_T_EE_d: &Pose, dt_s: f64) -> Pose {
        let dt_s = if dt_s.is_finite() { dt_s.max(0.0) } else { 0.0 };
        let decay = (-self.theta_1_s * dt_s).exp();
        let (p, p_d) = (&O_T_EE.translation.vector, &O_T_EE_d.translation.vector);
        let turns = [&O_T_EE.rotation, &O_T_EE_d.rotation];
        self.pushed = self.position.is_out(p, p_d, self.pushed)
            || self.rotation.is_some_and(|track| track.is_out(turns[0], turns[1], self.pushed));
        self.position.step(&x_ref.translation.vector, p, p_d, self.pushed, decay, dt_s, self.sag_s);
        match &mut self.rotation {
            Some(track) => {
                track.step(&x_ref.rotation, turns[0], turns[1], self.pushed, decay, dt_s, self.sag_s);
                self.turn = track.last();
            }
            None if x_ref.rotation.coords.iter().all(|x| x.is_finite()) => self.turn = x_ref.rotation,
            None => {}
        }
        self.last()
    }

    /// The last X, its deviation from `x_ref` shortened until `known` has it; `None` where even `x_ref` is unknown.
    ///
    /// A push may carry the arm further than the policy has learnt to answer. There the place nearest to the arm of
    /// which it knows is asked, so that the arm yields as far as it can return from. On a region that is convex
    /// the place lies on its edge.
    pub fn keep_to(&mut self, x_ref: &Pose, known: impl Fn(&Pose) -> bool) -> Option<Pose> {
        if known(&self.last()) {
            return Some(self.last());
        }
        if !known(x_ref) || !x_ref.translation.vector.iter().all(|x| x.is_finite()) {
            return None;
        }
        let (mut inside, mut outside) = (0.0, 1.0);
        for _ in 0..BISECTIONS {
            let share = 0.5 * (inside + outside);
            if known(&self.at_share(x_ref, share)) {
                inside = share;
            } else {
                outside = share;
            }
        }
        self.position.shorten(&x_ref.translation.vector, inside);
        if let Some(track) = &mut self.rotation {
            track.shorten(&x_ref.rotation, inside);
            self.turn = track.last();
        }
        Some(self.last())
    }

    /// X with only a share of the deviation.
    fn at_share(&self, x_ref: &Pose, share: f64) -> Pose {
        let p = self.position.at_share(&x_ref.translation.vector, share);
        let turn = self.rotation.map_or(x_ref.rotation, |track| track.at_share(&x_ref.rotation, share));
        Pose::from_parts(p.into(), turn)
    }

    fn last(&self) -> Pose {
        Pose::from_parts(self.position.last().into(), self.turn)
    }

    /// The present deviation z_p, m; never longer than `deviation_limit_m`.
    pub fn deviation(&self) -> Point {
        self.position.z()
    }

    /// The present deviation z_R, a rotation vector in the base frame, rad; never longer than `deviation_limit_rad`.
    pub fn rotation_deviation(&self) -> Point {
        self.rotation.map_or_else(Point::zeros, |track| track.z())
    }

    /// Whether the arm is out of the tube, so that X is anchored to the measurement.
    pub fn is_pushed(&self) -> bool {
        self.pushed
    }
}

fn finite_or_zero(x: f64) -> f64 {
    if x.is_finite() { x } else { 0.0 }
}

fn finite_or_identity(turn: UnitQuaternion<f64>) -> UnitQuaternion<f64> {
    if turn.coords.iter().all(|x| x.is_finite()) { turn } else { UnitQuaternion::identity() }
}
