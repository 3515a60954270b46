//! The arm itself: a rigid-body Panda that differs a little from what the robot knows of it.
//!
//! ```text
//!  Control ─► controller ─► motor torque ─► arm (M + rotors) ddq = tau − C dq − g − friction + contact
//!                 ▲                            │ truth
//!                 └────────── measured ◄── sensors ─► observer ─► contact, collision
//! ```
//!
//! [`Plant::step`] moves it by one millisecond; what the robot sees of it is [`Plant::measured`], what is true
//! [`Plant::truth`].
mod arm;
mod contact;
mod controller;
mod exercise;
mod friction;
mod observer;
mod push;
mod sensors;

use super::Options;
use super::correcting_hand::{self, CorrectingHand};
use super::judge::Desired;
use super::settings::Settings;
use super::virtual_hand::{self, Plan, VirtualHand};
use crate::dynamics::rigid_body::jacobian;
use crate::dynamics::{Arm, G_EARTH, angles, solve};
use crate::kinematics::Pose;
use crate::robot::limits::{CYCLE_S, Q_MAX, Q_MIN, TAU_MAX};
use crate::robot::{Errors, JOINTS, Joints};
pub use arm::ArmError;
pub(super) use contact::Force;
pub(super) use controller::Control;
use controller::Controller;
pub use exercise::Exercise;
use friction::{Friction, Slip};
use nalgebra::{Matrix3, Rotation3, Vector3};
use observer::Observer;
pub use push::Push;
use push::Pushes;
pub(super) use sensors::Measured;
use sensors::Sensors;

/// Rotor inertia as the joint feels it (gear ratio 100), kg m²: our estimate; the identified link parameters do
/// not contain it.
const ARMATURE: Joints = [0.30, 0.30, 0.25, 0.25, 0.10, 0.10, 0.10];
/// How far beyond its range a joint meets its end stop, rad (undocumented: our choice) …
const STOP_MARGIN: f64 = 0.03;
/// … and how stiff and how damped that is, Nm/rad and Nm s/rad.
const STOP: (f64, f64) = (5000.0, 50.0);

/// What is true of the arm, whatever the robot believes.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Truth {
    /// Joint positions, rad.
    pub q: Joints,
    /// Joint velocities, rad/s.
    pub dq: Joints,
    /// End-effector pose in the base frame, column-major, bent links included.
    pub O_T_EE: [f64; 16],
    /// Force on the end effector from outside (hand, plane), N, base frame.
    pub O_F_ext: [f64; 3],
    /// What that force does to the joints, Nm.
    pub tau_ext: Joints,
}

/// What a hand does to the end effector: force, N, and moment, Nm, base frame.
pub(super) type Wrench = ([f64; 3], [f64; 3]);

/// The arm and its sensors.
#[derive(Debug)]
pub(super) struct Plant {
    /// Joint positions, rad.
    pub(super) q: Joints,
    /// Joint velocities, rad/s.
    pub(super) dq: Joints,
    /// Controller torque of the last cycle, Nm, without gravity.
    pub(super) tau: Joints,
    /// The arm as it is.
    body: Arm,
    /// The arm as the robot knows it, declared load included.
    known: Arm,
    friction: Friction,
    floor_z_m: f64,
    pushes: Pushes,
    hand: Option<VirtualHand>,
    /// The hand that the first motion begins with.
    planned: Option<Plan>,
    corrector: Option<CorrectingHand>,
    /// The one that every motion begins with.
    correcting: Option<correcting_hand::Plan>,
    force: [f64; 3],
    tau_ext: Joints,
    sensors: Sensors,
    observer: Observer,
}

impl Plant {
    /// At rest, its encoders reading the start of `options`.
    pub(super) fn new(options: &Options) -> Self {
        let sensors = Sensors::new(options);
        let q = sensors.true_positions(&options.q_start_rad);
        Self {
            q,
            dq: [0.0; JOINTS],
            tau: [0.0; JOINTS],
            body: arm::true_arm(options),
            known: Arm::panda(),
            friction: Friction::new(options.friction),
            floor_z_m: options.floor_z_m,
            pushes: Pushes::new(&options.pushes),
            hand: None,
            planned: options.virtual_hand.clone(),
            corrector: None,
            correcting: options.correcting_hand.clone(),
            force: [0.0; 3],
            tau_ext: [0.0; JOINTS],
            sensors,
            observer: Observer::new(&options.choices),
        }
    }

    /// A motion gets its first command in the next cycle: what is random begins anew, from its number.
    pub(super) fn begin_motion(&mut self, motion: u64) {
        self.sensors.begin_motion(motion);
        self.pushes.begin_motion();
        if let Some(plan) = self.planned.take() {
            self.hand = Some(VirtualHand::new(&plan));
        }
        self.corrector = self.correcting.as_ref().map(CorrectingHand::new);
        self.observer.settle();
    }

    /// What the robot's sensors and estimators say now.
    pub(super) fn measured(&self) -> &Measured {
        &self.sensors.measured
    }

    /// What is true.
    pub(super) fn truth(&self, tool: &Pose) -> Truth {
        let flange = self.body.frames_at(&angles(&self.q))[7];
        let O_T_EE = flange.then(&arm::frame(tool)).to_column_major();
        Truth { q: self.q, dq: self.dq, O_T_EE, O_F_ext: self.force, tau_ext: self.tau_ext }
    }

    /// The reflexes that contact asks for, if any.
    pub(super) fn reflex(&self) -> Errors {
        self.observer.reflex
    }

    /// Forgets past collisions: the robot has recovered.
    pub(super) fn clear_collisions(&mut self) {
        let measured = &mut self.sensors.measured;
        (measured.joint_collision, measured.cartesian_collision) = ([0.0; JOINTS], [0.0; 6]);
        self.observer.reflex = Errors::default();
    }

    /// Pushes the end effector from now on, in the place of an earlier push.
    pub(super) fn push(&mut self, force: Force) {
        self.pushes.push(force);
    }

    /// Has a virtual hand guide the end effector from now on, or none.
    pub(super) fn guide(&mut self, plan: Option<&Plan>) {
        self.hand = plan.map(VirtualHand::new);
    }

    /// What the virtual hand is doing.
    pub(super) fn virtual_hand(&self) -> virtual_hand::Phase {
        self.hand.as_ref().map(VirtualHand::phase).unwrap_or_default()
    }

    /// What the virtual hand does to the end effector in the next cycle; a correcting one only where no other guides.
    fn guided(&mut self, tool: &Pose) -> Option<Force> {
        if self.hand.is_none() && self.corrector.is_none() {
            return None;
        }
        let frames = self.body.frames_at(&angles(&self.q));
        let at = frames[7].then(&arm::frame(tool));
        let mut twist = [0.0; 6];
        for (column, dq) in jacobian(&frames, 7, &at.p).iter().zip(&self.dq) {
            twist.iter_mut().zip(column).for_each(|(twist, column)| *twist += column * dq);
        }
        let turn = Rotation3::from_matrix_unchecked(Matrix3::from_fn(|i, j| at.R[j][i]));
        let [v, w] = [0, 3].map(|k| Vector3::new(twist[k], twist[k + 1], twist[k + 2]));
        let p = Vector3::from(at.p);
        let (force, moment) = match (&mut self.hand, &mut self.corrector) {
            (Some(hand), _) => hand.next(&p, &turn, &v, &w)?,
            (None, corrector) => corrector.as_mut()?.next(&p, &v)?,
        };
        Some(Force { force, point: [0.0; 3], moment, cycles_left: 1 })
    }

    /// Whether friction holds every joint still.
    pub(super) fn at_rest(&self) -> bool {
        self.dq == [0.0; JOINTS]
    }

    /// The fastest joint, rad/s.
    pub(super) fn speed(&self) -> f64 {
        self.dq.iter().fold(0.0, |fastest, dq| dq.abs().max(fastest))
    }

    /// One cycle under `control`; `desired` is the joint trajectory the robot's own controllers follow.
    ///
    /// A Runge-Kutta step of fourth order over the millisecond. Friction holds or drags each joint in a direction
    /// that is fixed within the step, so that a joint at rest is exactly still.
    pub(super) fn step(&mut self, control: Control, desired: &Desired, settings: &Settings) {
        self.known.tool = settings.hand.with(&settings.load_body());
        let controller = Controller::new(control, desired, settings);
        let hands = &[self.pushes.next(), self.guided(&settings.tool)];
        let h = CYCLE_S;
        let mut slip = self.friction.begin(&self.dq);
        let mut a1 = self.rate(&self.q, &self.dq, &controller, hands, &slip, settings);
        if self.friction.release(&mut slip, &mut self.dq, &a1.held) {
            a1 = self.rate(&self.q, &self.dq, &controller, hands, &slip, settings);
        }
        let plus = |a: &Joints, b: &Joints, s: f64| -> Joints { std::array::from_fn(|i| a[i] + s * b[i]) };
        let v2 = plus(&self.dq, &a1.ddq, h / 2.0);
        let a2 = self.rate(&plus(&self.q, &self.dq, h / 2.0), &v2, &controller, hands, &slip, settings);
        let v3 = plus(&self.dq, &a2.ddq, h / 2.0);
        let a3 = self.rate(&plus(&self.q, &v2, h / 2.0), &v3, &controller, hands, &slip, settings);
        let v4 = plus(&self.dq, &a3.ddq, h);
        let a4 = self.rate(&plus(&self.q, &v3, h), &v4, &controller, hands, &slip, settings);
        for i in 0..JOINTS {
            self.q[i] += h / 6.0 * (self.dq[i] + 2.0 * (v2[i] + v3[i]) + v4[i]);
            self.dq[i] += h / 6.0 * (a1.ddq[i] + 2.0 * (a2.ddq[i] + a3.ddq[i]) + a4.ddq[i]);
        }
        slip.stop(&mut self.dq);
        (self.tau, self.force, self.tau_ext) = (a1.tau, a1.force, a1.tau_ext);
        self.sensors.measure(&self.q, &self.dq, &a1.tau_J);
        self.observer.look(&self.known, &mut self.sensors.measured, desired, settings);
    }
}

/// What one look at the equations of motion gives.
struct Rate {
    ddq: Joints,
    /// What friction would have to do to hold each joint, Nm.
    held: Joints,
    /// Controller torque without gravity, Nm.
    tau: Joints,
    /// Link-side torque, Nm.
    tau_J: Joints,
    /// Force on the end effector from outside, N, base frame.
    force: [f64; 3],
    /// … and what it does to the joints, Nm.
    tau_ext: Joints,
}

impl Plant {
    fn rate(
        &self,
        q: &Joints,
        dq: &Joints,
        controller: &Controller,
        hands: &[Option<Force>; 2],
        slip: &Slip,
        settings: &Settings,
    ) -> Rate {
        let at = angles(q);
        let frames = self.body.frames_at(&at);
        let mut terms = self.body.terms_at(&frames, dq, &G_EARTH);
        let seen = self.sensors.seen(q);
        let hold = self.known.gravity(&seen, &G_EARTH);
        let tau = controller.torque(&seen, dq);
        let (from_outside, force) = contact::torque(&frames, dq, settings, self.floor_z_m, hands);
        let stop = controller.end_stops();
        let mut ddq = [0.0; JOINTS];
        let mut link = [0.0; JOINTS];
        for i in 0..JOINTS {
            let motor = (tau[i] + hold[i]).clamp(-TAU_MAX[i], TAU_MAX[i]);
            let beyond = q[i] - q[i].clamp(Q_MIN[i] - stop, Q_MAX[i] + stop);
            let wall = if beyond == 0.0 { 0.0 } else { -STOP.0 * beyond - STOP.1 * dq[i] };
            // What reaches the link from elsewhere than its motor.
            link[i] = terms.coriolis[i] + terms.gravity[i] - from_outside[i] - wall;
            ddq[i] = motor - link[i] - slip.drag(i, dq[i]);
        }
        let push = ddq;
        let M = terms.M;
        for i in 0..JOINTS {
            terms.M[i][i] += ARMATURE[i];
            if slip.holds(i) {
                for j in 0..JOINTS {
                    (terms.M[i][j], terms.M[j][i]) = (0.0, 0.0);
                }
                terms.M[i][i] = 1.0;
                ddq[i] = 0.0;
            }
        }
        solve(&mut terms.M, &mut ddq);
        let inertial = M.map(|row| row.iter().zip(&ddq).map(|(m, a)| m * a).sum::<f64>());
        Rate {
            ddq,
            held: std::array::from_fn(|i| push[i] - inertial[i]),
            tau,
            tau_J: std::array::from_fn(|i| inertial[i] + link[i]),
            force,
            tau_ext: from_outside,
        }
    }
}

#[cfg(test)]
mod guided_tests;
#[cfg(test)]
mod tests;
