//! What guiding by hand feels like, and what it asks of the robot.
use crate::range::{Violation, check_each, check_range};
use crate::robot::{Joints, panda};
use serde::{Deserialize, Serialize};

/// How an arm is guided by hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Damping of the joints that a hand moves, Nm s/rad.
    pub damping_nm_s_rad: Joints,
    /// Springs that hold a released arm, Nm/rad …
    pub hold_stiffness_nm_rad: Joints,
    /// … and their dampers, Nm s/rad.
    pub hold_damping_nm_s_rad: Joints,
    /// Largest deflection of a holding spring that still pulls harder, rad.
    pub leash_rad: f64,
    /// Time over which the holding springs give way to a hand, s.
    pub let_go_s: f64,
    /// Force at the end effector that counts as a hand, N …
    pub grip_force_n: f64,
    /// … or torque at a joint, Nm …
    pub grip_torque_nm: Joints,
    /// … for so long, s.
    pub grip_s: f64,
    /// Below this share of either the hand has gone …
    pub release_share: f64,
    /// … when it lasts so long, s.
    pub release_s: f64,
    /// An arm that stands so long is held, whatever acts on it, s.
    pub stands_s: f64,
    /// Once held, an arm is held at least so long, s.
    pub settle_s: f64,
    /// Distance from the ends of the joints at which springs begin, rad …
    pub end_margin_rad: f64,
    /// … and how stiff they are, Nm/rad; twice as stiff at the end itself.
    pub end_stiffness_nm_rad: Joints,
    /// Distance of the end effector from a face of the safety layer's box, its table or a wall of its at which its spring begins, m …
    pub wall_margin_m: f64,
    /// … how stiff it is, N/m …
    pub wall_stiffness_n_m: f64,
    /// … and how hard a wall pushes at most, N.
    pub wall_force_n: f64,
    /// Speed of the end effector above which it is dragged, m/s …
    pub speed_m_s: f64,
    /// … and how much, N s/m.
    pub speed_drag_n_s_m: f64,
    /// Share of the joints' speed limits above which they are damped …
    pub speed_share: f64,
    /// … by this many times their damping.
    pub speed_damping: f64,
    /// Axes that a hand cannot move: x, y, z of the base, then turns about them.
    pub locked_axes: [bool; 6],
    /// How stiff a locked position is, N/m …
    pub lock_stiffness_n_m: f64,
    /// … or a locked turn, Nm/rad.
    pub lock_stiffness_nm_rad: f64,
    /// Share of the joints' torque limits in use.
    pub torque_share: f64,
    /// Share of the robot's limit on the rate of a torque in use.
    pub torque_rate_share: f64,
    /// External joint torque that stops a guided robot by a reflex, Nm: a hand may pull.
    pub collision_torque_nm: Joints,
    /// The same of the external force, N …
    pub collision_force_n: [f64; 3],
    /// … and moment, Nm.
    pub collision_moment_nm: [f64; 3],
    /// How long the standing arm is looked at before it is let go, s.
    pub rest_s: f64,
    /// Mass by which the declared load may seem wrong, kg.
    pub load_error_kg: f64,
    /// External torque of a standing arm that its model's errors explain, standard deviation, Nm.
    pub model_sigma_nm: Joints,
}

impl Default for Options {
    /// Holding springs and dampers of libfranka 0.9.2, `examples/joint_impedance_control.cpp`; the others are ours, found
    /// on the simulated arm.
    fn default() -> Self {
        Options {
            damping_nm_s_rad: [3.0, 3.0, 3.0, 3.0, 0.8, 0.8, 0.8],
            hold_stiffness_nm_rad: [600.0, 600.0, 600.0, 600.0, 250.0, 150.0, 50.0],
            hold_damping_nm_s_rad: [50.0, 50.0, 50.0, 50.0, 30.0, 25.0, 15.0],
            leash_rad: 0.1,
            let_go_s: 0.1,
            grip_force_n: 3.0,
            grip_torque_nm: [1.2, 1.2, 1.2, 1.2, 0.6, 0.6, 0.5],
            grip_s: 0.02,
            release_share: 0.35,
            release_s: 0.05,
            stands_s: 0.5,
            settle_s: 0.25,
            end_margin_rad: 0.15,
            end_stiffness_nm_rad: [120.0, 120.0, 120.0, 120.0, 30.0, 30.0, 30.0],
            wall_margin_m: 0.03,
            wall_stiffness_n_m: 1000.0,
            wall_force_n: 40.0,
            speed_m_s: 0.5,
            speed_drag_n_s_m: 100.0,
            speed_share: 0.4,
            speed_damping: 10.0,
            locked_axes: [false; 6],
            lock_stiffness_n_m: 800.0,
            lock_stiffness_nm_rad: 40.0,
            torque_share: 0.8,
            torque_rate_share: 0.9,
            collision_torque_nm: [60.0, 60.0, 60.0, 60.0, 25.0, 25.0, 25.0],
            collision_force_n: [80.0; 3],
            collision_moment_nm: [40.0; 3],
            rest_s: 1.0,
            load_error_kg: 0.15,
            model_sigma_nm: [0.1, 0.2, 0.1, 0.2, 0.05, 0.05, 0.05],
        }
    }
}

impl Options {
    /// Every value outside its allowed range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_each(&mut out, "damping_nm_s_rad", &self.damping_nm_s_rad, 0.1..=30.0, "Nm s/rad");
        check_each(&mut out, "hold_stiffness_nm_rad", &self.hold_stiffness_nm_rad, 10.0..=2000.0, "Nm/rad");
        check_each(&mut out, "hold_damping_nm_s_rad", &self.hold_damping_nm_s_rad, 1.0..=100.0, "Nm s/rad");
        check_range(&mut out, "leash_rad", self.leash_rad, 0.005..=0.5, "rad");
        check_range(&mut out, "let_go_s", self.let_go_s, 0.02..=2.0, "s");
        check_range(&mut out, "grip_force_n", self.grip_force_n, 0.5..=30.0, "N");
        check_each(&mut out, "grip_torque_nm", &self.grip_torque_nm, 0.1..=20.0, "Nm");
        check_range(&mut out, "grip_s", self.grip_s, 0.0..=0.5, "s");
        check_range(&mut out, "release_share", self.release_share, 0.05..=0.9, "");
        check_range(&mut out, "release_s", self.release_s, 0.005..=0.5, "s");
        check_range(&mut out, "stands_s", self.stands_s, 0.1..=60.0, "s");
        check_range(&mut out, "settle_s", self.settle_s, 0.0..=2.0, "s");
        check_range(&mut out, "end_margin_rad", self.end_margin_rad, 0.02..=0.5, "rad");
        check_each(&mut out, "end_stiffness_nm_rad", &self.end_stiffness_nm_rad, 0.0..=500.0, "Nm/rad");
        check_range(&mut out, "wall_margin_m", self.wall_margin_m, 0.0..=0.2, "m");
        check_range(&mut out, "wall_stiffness_n_m", self.wall_stiffness_n_m, 0.0..=5000.0, "N/m");
        check_range(&mut out, "wall_force_n", self.wall_force_n, 1.0..=100.0, "N");
        check_range(&mut out, "speed_m_s", self.speed_m_s, 0.05..=1.5, "m/s");
        check_range(&mut out, "speed_drag_n_s_m", self.speed_drag_n_s_m, 0.0..=500.0, "N s/m");
        check_range(&mut out, "speed_share", self.speed_share, 0.05..=0.9, "");
        check_range(&mut out, "speed_damping", self.speed_damping, 0.0..=20.0, "");
        check_range(&mut out, "lock_stiffness_n_m", self.lock_stiffness_n_m, 10.0..=2000.0, "N/m");
        check_range(&mut out, "lock_stiffness_nm_rad", self.lock_stiffness_nm_rad, 1.0..=100.0, "Nm/rad");
        check_range(&mut out, "torque_share", self.torque_share, 0.05..=1.0, "");
        check_range(&mut out, "torque_rate_share", self.torque_rate_share, 0.05..=0.98, "");
        check_each(&mut out, "collision_torque_nm", &self.collision_torque_nm, 1.0..=100.0, "Nm");
        check_each(&mut out, "collision_force_n", &self.collision_force_n, 1.0..=200.0, "N");
        check_each(&mut out, "collision_moment_nm", &self.collision_moment_nm, 1.0..=100.0, "Nm");
        check_range(&mut out, "rest_s", self.rest_s, 0.2..=10.0, "s");
        check_range(&mut out, "load_error_kg", self.load_error_kg, 0.02..=5.0, "kg");
        check_each(&mut out, "model_sigma_nm", &self.model_sigma_nm, 0.001..=20.0, "Nm");
        out
    }

    /// What is set in a robot that is to be guided: `usual`, but for the thresholds at which it stops.
    pub fn robot(&self, usual: &panda::Options) -> panda::Options {
        panda::Options {
            collision_torque_nm: self.collision_torque_nm,
            collision_force_n: self.collision_force_n,
            collision_moment_nm: self.collision_moment_nm,
            ..usual.clone()
        }
    }
}
