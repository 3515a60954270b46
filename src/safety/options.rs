//! What the safety layer holds, as it is configured.
use crate::range::{Violation, check_count, check_each, check_range, check_that};
use crate::robot::Joints;
use serde::{Deserialize, Serialize};

/// Walls that may stand around the arm: each costs time in every tick.
pub(super) const WALLS_MAX: usize = 8;

/// How close to the robot's own limits a command may come, where the arm may be, and what may happen to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Distance kept from the joint position limits, rad.
    pub position_margin_rad: f64,
    /// Share of the robot's velocity limits in use.
    pub velocity_share: f64,
    /// Share of the robot's acceleration limits in use.
    pub acceleration_share: f64,
    /// Share of the robot's jerk limits in use.
    pub jerk_share: f64,
    /// Lost commands in a row, through which the robot extrapolates, that must not break the velocity limit.
    pub lost_commands: usize,
    /// Highest speed of the end effector, m/s.
    pub tool_speed_m_s: f64,
    /// Fastest turning of the end effector, rad/s.
    pub tool_turn_rad_s: f64,
    /// Lower corner of the box that the end effector may not leave, base frame, m.
    pub box_min_m: [f64; 3],
    /// Upper corner of the same.
    pub box_max_m: [f64; 3],
    /// Height of the table in the base frame, m; every part of the arm but its base stays above it.
    pub table_z_m: f64,
    /// Walls in the base frame: each a normal (any length) into the free side and its offset from the origin along the
    /// normal, m.
    pub walls: Vec<[f64; 4]>,
    /// Distance that the arm's links keep from each other, from the table and from walls, m.
    pub clearance_m: f64,
    /// Whether the Franka hand is on the flange.
    pub hand: bool,
    /// How far a measured joint may be from its command, rad.
    pub tracking_error_rad: f64,
    /// For how long it may be further, s.
    pub tracking_s: f64,
    /// External torque that each joint may feel, Nm.
    pub external_torque_nm: Joints,
    /// For how long it may feel more, s.
    pub external_torque_s: f64,
    /// How long measurements, or the policy's answers, may stand still while the arm should move, s.
    pub stale_s: f64,
    /// How far outside the policy's training region the network may be asked, m.
    pub region_margin_m: f64,
    /// How far from where it was asked the policy's joints may put the end effector, m.
    pub wish_error_m: f64,
    /// How far from where it was asked they may turn it, where the policy's input is a pose, rad.
    pub wish_error_rad: f64,
    /// Largest difference between desired and measured joint positions at the start of a motion, rad.
    pub start_error_rad: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            position_margin_rad: 0.01,
            velocity_share: 1.0,
            acceleration_share: 0.95,
            jerk_share: 0.95,
            lost_commands: 19,
            tool_speed_m_s: 1.0,
            tool_turn_rad_s: 2.0,
            // All that the arm can reach: what stands there only its owner knows.
            box_min_m: [-1.1, -1.1, -0.8],
            box_max_m: [1.1, 1.1, 1.4],
            // The arm's foot usually stands on a table, or on a plate of up to 20 mm on one; fingertips may touch it.
            table_z_m: -0.02,
            walls: Vec::new(),
            clearance_m: 0.01,
            hand: true,
            tracking_error_rad: 0.2,
            tracking_s: 0.1,
            // Three quarters of the default reflex: ours brakes along a ramp, the robot's stops hard.
            external_torque_nm: [30.0, 30.0, 30.0, 30.0, 15.0, 15.0, 15.0],
            external_torque_s: 0.2,
            stale_s: 0.05,
            region_margin_m: 0.002,
            wish_error_m: 0.05,
            wish_error_rad: 0.1,
            start_error_rad: 0.1,
        }
    }
}

impl Options {
    /// Every value outside its allowed range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_range(&mut out, "position_margin_rad", self.position_margin_rad, 0.001..=0.5, "rad");
        check_range(&mut out, "velocity_share", self.velocity_share, 0.05..=1.0, "");
        check_range(&mut out, "acceleration_share", self.acceleration_share, 0.05..=0.98, "");
        check_range(&mut out, "jerk_share", self.jerk_share, 0.05..=0.98, "");
        check_count(&mut out, "lost_commands", self.lost_commands, 3..=19, "commands");
        check_range(&mut out, "tool_speed_m_s", self.tool_speed_m_s, 0.02..=1.7, "m/s");
        check_range(&mut out, "tool_turn_rad_s", self.tool_turn_rad_s, 0.05..=2.5, "rad/s");
        check_each(&mut out, "box_min_m", &self.box_min_m, -2.0..=2.0, "m");
        check_each(&mut out, "box_max_m", &self.box_max_m, -2.0..=2.0, "m");
        let corners = self.box_min_m.iter().zip(&self.box_max_m).enumerate();
        for (axis, (min, max)) in corners.filter(|(_, (min, max))| min >= max) {
            let allowed = format!("below box_max_m = {max} (element {axis})");
            check_that(&mut out, "box_min_m", min, false, &allowed);
        }
        check_range(&mut out, "table_z_m", self.table_z_m, -2.0..=0.2, "m");
        check_count(&mut out, "walls", self.walls.len(), ..=WALLS_MAX, "walls");
        for wall in &self.walls {
            let [x, y, z, offset_m] = wall;
            let normal = x.hypot(*y).hypot(*z);
            let is_plane = normal > 1e-6 && normal.is_finite() && offset_m.abs() <= 2.0;
            check_that(
                &mut out,
                "walls",
                format!("{wall:?}"),
                is_plane,
                "a normal that is not zero, and an offset of -2 to 2 m",
            );
        }
        check_range(&mut out, "clearance_m", self.clearance_m, 0.0..=0.2, "m");
        check_range(&mut out, "tracking_error_rad", self.tracking_error_rad, 0.005..=0.5, "rad");
        check_range(&mut out, "tracking_s", self.tracking_s, 0.01..=1.0, "s");
        check_each(&mut out, "external_torque_nm", &self.external_torque_nm, 1.0..=100.0, "Nm");
        check_range(&mut out, "external_torque_s", self.external_torque_s, 0.01..=1.0, "s");
        check_range(&mut out, "stale_s", self.stale_s, 0.01..=1.0, "s");
        check_range(&mut out, "region_margin_m", self.region_margin_m, 0.0..=0.05, "m");
        check_range(&mut out, "wish_error_m", self.wish_error_m, 0.001..=0.2, "m");
        check_range(&mut out, "wish_error_rad", self.wish_error_rad, 0.001..=1.0, "rad");
        check_range(&mut out, "start_error_rad", self.start_error_rad, 0.001..=0.2, "rad");
        out
    }
}
