//! Guiding by hand under torque control: the arm weighs nothing, and stays where the hand leaves it.
//!
//! The robot adds gravity; the law adds what a hand should feel. Free: τ = −D dq + C(q, dq) dq. Held: springs at the
//! place where the hand let go. Always: springs before the ends of the joints and the walls of the workspace, a drag
//! above the soft speed, and springs on locked axes.
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
use super::grip::Grip;
use super::impedance::Torque;
use crate::dynamics::Arm;
use crate::kinematics::{Pose, forward_and_jacobian, from_column_major, hand_tool};
use crate::robot::{Joints, State, limits};
use crate::safety;
use nalgebra::{SVector, Vector3, Vector6};

pub use super::guidance_options::Options;

/// Below this speed of every joint a released arm is held where it is, rad/s.
const CAUGHT_RAD_S: f64 = 0.02;
/// Longest time that a released arm is only damped, s.
const CATCH_S: f64 = 0.15;
/// Damping of a wall or a locked axis for its stiffness, s.
const DAMPING_S: f64 = 0.04;

/// The law, with what it has to remember.
#[derive(Clone, Debug)]
pub struct Guidance {
    options: Options,
    /// Planes before which the end effector stays: unit normal into the free side, offset along it, m.
    planes: Vec<(Vector3<f64>, f64)>,
    arm: Arm,
    grip: Grip,
    /// Where the arm is held; moves with it while it is free.
    anchor: Option<Joints>,
    /// Share of the holding springs, 0 (free) to 1 (held).
    hold: f64,
    /// Time left until a released arm is held where it is, s.
    catch_s: f64,
    /// Where locked axes are held.
    locked_at: Option<Pose>,
}

impl Guidance {
    /// A law that has not seen the arm yet: it holds it. The walls are those of the safety layer.
    pub fn new(options: &Options, safety: &safety::Options) -> Guidance {
        Guidance {
            options: options.clone(),
            planes: planes(safety),
            arm: Arm::panda(),
            grip: Grip::default(),
            anchor: None,
            hold: 1.0,
            catch_s: 0.0,
            locked_at: None,
        }
    }

    /// Whether a hand guides the arm.
    pub fn is_free(&self) -> bool {
        !self.grip.is_held()
    }

    /// Where the arm is held, or is, rad.
    pub fn anchor(&self) -> Option<Joints> {
        self.anchor
    }

    /// The torque beyond gravity that answers `state`, `dt_s` after the last, Nm. `hold` holds whatever a hand does.
    /// Finite whatever comes, and never further from the last torque than the robot allows.
    pub fn step(&mut self, state: &State, dt_s: f64, hold: bool) -> Torque {
        if hold && !self.grip.is_held() {
            self.grip.hold();
        }
        let was_held = self.grip.is_held();
        let held = hold || self.grip.look(state, &self.options, dt_s);
        self.remember(state, dt_s, held, was_held);
        let mut wanted = self.damp_and_hold(state);
        self.add_ends(state, &mut wanted);
        self.add_at_hand(state, &mut wanted);
        let o = &self.options;
        let step = o.torque_rate_share * limits::DTAU_MAX * limits::CYCLE_S;
        let mut tau = state.tau_J_d;
        for ((tau, wanted), max) in tau.iter_mut().zip(&wanted).zip(&limits::TAU_MAX) {
            let max = o.torque_share * max;
            let wanted = if wanted.is_finite() { wanted.max(-max).min(max) } else { 0.0 };
            let base = if tau.is_finite() { *tau } else { 0.0 };
            *tau = base + (wanted - base).max(-step).min(step);
        }
        Torque { tau, is_last: false }
    }

    /// Where the arm is to be held, and how firmly.
    fn remember(&mut self, state: &State, dt_s: f64, held: bool, was_held: bool) {
        let fastest = state.dq.iter().fold(0.0, |fastest: f64, dq| fastest.max(dq.abs()));
        if held && !was_held {
            self.catch_s = CATCH_S;
        }
        self.catch_s = if fastest < CAUGHT_RAD_S { 0.0 } else { (self.catch_s - dt_s).max(0.0) };
        let follows = !held || self.catch_s > 0.0 || self.anchor.is_none();
        if follows && state.q.iter().all(|q| q.is_finite()) {
            self.anchor = Some(state.q);
        }
        let fade = dt_s / self.options.let_go_s;
        self.hold = if held { 1.0 } else { (self.hold - fade).max(0.0) };
        if self.locked_at.is_none() && self.options.locked_axes.iter().any(|locked| *locked) {
            self.locked_at = from_column_major(&state.O_T_EE).ok();
        }
    }

    /// Dampers and holding springs of the joints, and what makes a moving arm's own inertia unfelt.
    fn damp_and_hold(&self, state: &State) -> Joints {
        let o = &self.options;
        let anchor = self.anchor.unwrap_or(state.q);
        let mut wanted = self.arm.coriolis(&state.q, &state.dq);
        let springs = o.hold_stiffness_nm_rad.iter().zip(&o.hold_damping_nm_s_rad).zip(&o.damping_nm_s_rad);
        let motion = anchor.iter().zip(&state.q).zip(&state.dq).zip(&limits::DQ_MAX);
        for ((tau, ((k, d_hold), d)), (((anchor, q), dq), fastest)) in
            wanted.iter_mut().zip(springs).zip(motion)
        {
            let away = (anchor - q).max(-o.leash_rad).min(o.leash_rad);
            *tau += self.hold * (k * away - d_hold * dq) - (1.0 - self.hold) * d * dq;
            let beyond = (dq.abs() - o.speed_share * fastest).max(0.0);
            *tau -= o.speed_damping * d * beyond * dq.signum();
        }
        wanted
    }

    /// Springs before the ends of the joints: none at the margin, stiffer towards the end.
    fn add_ends(&self, state: &State, wanted: &mut Joints) {
        let o = &self.options;
        let ends = limits::Q_MIN.iter().zip(&limits::Q_MAX).zip(&o.end_stiffness_nm_rad);
        for ((tau, (q, dq)), ((low, high), k)) in
            wanted.iter_mut().zip(state.q.iter().zip(&state.dq)).zip(ends)
        {
            let (below, above) = (low + o.end_margin_rad - q, q - (high - o.end_margin_rad));
            for (depth, way) in [(below, 1.0), (above, -1.0)] {
                if depth > 0.0 {
                    let inwards = dq * way;
                    let spring = k * depth * (1.0 + depth / o.end_margin_rad);
                    *tau += way * (spring - k * DAMPING_S * inwards.min(0.0));
                }
            }
        }
    }

    /// Walls of the workspace, the soft speed and locked axes, all at the end effector.
    fn add_at_hand(&self, state: &State, wanted: &mut Joints) {
        let o = &self.options;
        let F_T_EE = from_column_major(&state.F_T_EE).unwrap_or_else(|_| hand_tool());
        let (pose, J) = forward_and_jacobian(&state.q, &F_T_EE);
        let twist = J * SVector::<f64, 7>::from(state.dq);
        let mut wrench = Vector6::zeros();
        let v = twist.fixed_rows::<3>(0).into_owned();
        for (normal, offset) in &self.planes {
            let depth = offset + o.wall_margin_m - normal.dot(&pose.translation.vector);
            if depth > 0.0 {
                let push = o.wall_stiffness_n_m * (depth - DAMPING_S * normal.dot(&v).min(0.0));
                let push = push.min(o.wall_force_n) * normal;
                wrench.iter_mut().zip(&push).for_each(|(force, push)| *force += push);
            }
        }
        let beyond = v.norm() - o.speed_m_s;
        if beyond > 0.0 {
            let drag: Vector3<f64> = -o.speed_drag_n_s_m * beyond / v.norm() * v;
            wrench.iter_mut().zip(&drag).for_each(|(force, drag)| *force += drag);
        }
        if let Some(at) = &self.locked_at {
            let turn = (at.rotation * pose.rotation.inverse()).scaled_axis();
            let way = at.translation.vector - pose.translation.vector;
            let stiffness = [o.lock_stiffness_n_m, o.lock_stiffness_nm_rad].into_iter().flat_map(|k| [k; 3]);
            let reach = [0.05; 3].into_iter().chain([0.2; 3]);
            let axes = way.iter().chain(&turn).zip(&twist).zip(stiffness.zip(reach)).zip(&o.locked_axes);
            for (force, (((error, speed), (k, reach)), _)) in
                wrench.iter_mut().zip(axes).filter(|(_, (.., locked))| **locked)
            {
                *force += k * (error.max(-reach).min(reach) - DAMPING_S * speed);
            }
        }
        let torque = J.transpose() * wrench;
        wanted.iter_mut().zip(&torque).for_each(|(tau, more)| *tau += more);
    }
}

/// The faces of the box, the table and the walls of the safety layer, as planes.
pub(super) fn planes(safety: &safety::Options) -> Vec<(Vector3<f64>, f64)> {
    let axes = [Vector3::x(), Vector3::y(), Vector3::z()].into_iter();
    let low = axes.clone().zip(safety.box_min_m);
    let high = axes.zip(safety.box_max_m).map(|(axis, max)| (-axis, -max));
    let table = [(Vector3::z(), safety.table_z_m)];
    let walls = safety.walls.iter().filter_map(|[x, y, z, offset]| {
        Vector3::new(*x, *y, *z).try_normalize(1e-9).map(|normal| (normal, *offset))
    });
    low.chain(high).chain(table).chain(walls).collect()
}
