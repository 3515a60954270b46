//! What a client sets before it moves the arm: checked as the robot documents it, kept until the robot ends.
use nalgebra::Matrix4;

use super::tool::Tool;
use super::wire::Request;
use super::wire::commands::{SetCollisionBehavior, SetFilters, SetGuidingMode, SetLoad, SetterStatus};
use crate::dynamics::Body;
use crate::kinematics::{Pose, from_column_major};
use crate::robot::Joints;

/// No displacement, column-major.
pub(super) const IDENTITY: [f64; 16] =
    [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0];
/// How far a transform's last row and column norms may be off (libfranka 0.9.2's own check of its callers).
const TRANSFORM_TOLERANCE: f64 = 1e-5;
/// Heaviest load that can be declared, kg (undocumented: our choice; a Panda carries 3 kg) …
const LOAD_MAX_KG: f64 = 10.0;
/// … its largest moment of inertia, kg m² …
const LOAD_INERTIA_MAX: f64 = 10.0;
/// … and the farthest a load or an end effector can be, m.
const LENGTH_MAX_M: f64 = 10.0;

/// Parameters of the robot that outlive a motion and a connection.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// Stiffness of the joint impedance controller, Nm/rad.
    pub(super) K_theta: Joints,
    /// Stiffness of the Cartesian impedance controller, N/m and Nm/rad.
    pub(super) K_x: [f64; 6],
    /// Stiffness frame in the end effector.
    pub(super) EE_T_K: [f64; 16],
    /// Nominal end effector in the flange.
    pub(super) F_T_NE: [f64; 16],
    /// End effector in the nominal one.
    pub(super) NE_T_EE: [f64; 16],
    /// `F_T_NE · NE_T_EE` as it is published.
    pub(super) F_T_EE: [f64; 16],
    /// The same, for kinematics.
    pub(super) tool: Pose,
    /// Stiffness frame in the end effector, for kinematics.
    pub(super) stiffness_frame: Pose,
    /// The end effector's own mass, in the flange frame (set in Desk).
    pub(super) hand: Body,
    /// What the gripper holds.
    pub(super) load: SetLoad,
    /// Contact and collision thresholds.
    pub(super) collision: SetCollisionBehavior,
    /// Axes free when guided.
    pub(super) guiding: SetGuidingMode,
    /// Filters of the robot.
    pub(super) filters: SetFilters,
}

impl Default for Settings {
    /// A Panda with the Franka hand, nothing held.
    fn default() -> Self {
        Self::with_tool(&Tool::hand())
    }
}

impl Settings {
    /// A Panda with `tool`, nothing held. Stiffness and thresholds are those of libfranka's examples.
    pub(super) fn with_tool(tool: &Tool) -> Self {
        let (torque, force) =
            ([20.0, 20.0, 18.0, 18.0, 16.0, 14.0, 12.0], [20.0, 20.0, 20.0, 25.0, 25.0, 25.0]);
        Self {
            K_theta: [3000.0, 3000.0, 3000.0, 2500.0, 2500.0, 2000.0, 2000.0],
            K_x: [3000.0, 3000.0, 3000.0, 300.0, 300.0, 300.0],
            EE_T_K: IDENTITY,
            F_T_NE: tool.F_T_NE,
            NE_T_EE: IDENTITY,
            F_T_EE: tool.F_T_NE,
            tool: rigid(&tool.F_T_NE).unwrap_or_else(Pose::identity), // options are validated: it is a pose
            stiffness_frame: Pose::identity(),
            hand: tool.body(),
            load: SetLoad { m_load: 0.0, F_x_Cload: [0.0; 3], I_load: [0.0; 9] },
            collision: SetCollisionBehavior {
                lower_torque_acceleration: torque,
                upper_torque_acceleration: torque,
                lower_torque_nominal: torque,
                upper_torque_nominal: torque,
                lower_force_acceleration: force,
                upper_force_acceleration: force,
                lower_force_nominal: force,
                upper_force_nominal: force,
            },
            guiding: SetGuidingMode { axes: [1; 6], nullspace: 1 },
            filters: SetFilters { cutoff_hz: [1000.0; 5] },
        }
    }
}

impl Settings {
    /// The declared load in the flange frame.
    pub(super) fn load_body(&self) -> Body {
        let I = &self.load.I_load;
        Body {
            m: self.load.m_load,
            x_C: self.load.F_x_Cload,
            I: [[I[0], I[3], I[6]], [I[1], I[4], I[7]], [I[2], I[5], I[8]]],
        }
    }

    /// Takes over what a setter asks for, or says why not. Other requests are not for here: `None`.
    ///
    /// Ranges: libfranka 0.9.2, `robot.h`. The robot's bounds on masses, lengths and thresholds are not documented:
    /// those above, and thresholds that are not negative.
    pub(super) fn apply(&mut self, request: &Request) -> Option<(u32, SetterStatus)> {
        let (command, valid) = match request {
            Request::SetCollisionBehavior(c) => {
                let torques = [
                    c.lower_torque_acceleration,
                    c.upper_torque_acceleration,
                    c.lower_torque_nominal,
                    c.upper_torque_nominal,
                ];
                let forces = [
                    c.lower_force_acceleration,
                    c.upper_force_acceleration,
                    c.lower_force_nominal,
                    c.upper_force_nominal,
                ];
                let valid = all_in(torques.as_flattened(), 0.0, f64::MAX)
                    && all_in(forces.as_flattened(), 0.0, f64::MAX);
                (4, set(valid, &mut self.collision, c))
            }
            Request::SetJointImpedance(s) => {
                (5, set(all_in(&s.K_theta, 0.0, 14250.0), &mut self.K_theta, &s.K_theta))
            }
            Request::SetCartesianImpedance(s) => {
                let valid = all_in(&s.K_x[..3], 10.0, 3000.0) && all_in(&s.K_x[3..], 1.0, 300.0);
                (6, set(valid, &mut self.K_x, &s.K_x))
            }
            Request::SetGuidingMode(g) => {
                let valid = g.axes.iter().chain([&g.nullspace]).all(|&flag| flag <= 1);
                (7, set(valid, &mut self.guiding, g))
            }
            Request::SetEEToK(s) => {
                let frame = rigid(&s.EE_T_K);
                self.stiffness_frame = frame.unwrap_or(self.stiffness_frame);
                (8, set(frame.is_some(), &mut self.EE_T_K, &s.EE_T_K))
            }
            Request::SetNEToEE(s) => (9, self.set_end_effector(&s.NE_T_EE)),
            Request::SetLoad(l) => {
                let diagonal = [l.I_load[0], l.I_load[4], l.I_load[8]];
                let valid = all_in(&[l.m_load], 0.0, LOAD_MAX_KG)
                    && all_in(&diagonal, 0.0, LOAD_INERTIA_MAX)
                    && all_in(&l.F_x_Cload, -LENGTH_MAX_M, LENGTH_MAX_M)
                    && all_in(&l.I_load, -LOAD_INERTIA_MAX, LOAD_INERTIA_MAX);
                (10, set(valid, &mut self.load, l))
            }
            Request::SetFilters(f) => (11, set(all_in(&f.cutoff_hz, 1.0, 1000.0), &mut self.filters, f)),
            _ => return None,
        };
        let status = if valid { SetterStatus::Success } else { SetterStatus::InvalidArgumentRejected };
        Some((command, status))
    }

    fn set_end_effector(&mut self, NE_T_EE: &[f64; 16]) -> bool {
        let product = Matrix4::from_column_slice(&self.F_T_NE) * Matrix4::from_column_slice(NE_T_EE);
        let mut F_T_EE = [0.0; 16];
        F_T_EE.copy_from_slice(product.as_slice());
        let tool = rigid(NE_T_EE).and_then(|_| from_column_major(&F_T_EE).ok());
        if let Some(tool) = tool {
            (self.NE_T_EE, self.F_T_EE, self.tool) = (*NE_T_EE, F_T_EE, tool);
        }
        tool.is_some()
    }
}

fn set<T: Copy>(valid: bool, place: &mut T, value: &T) -> bool {
    if valid {
        *place = *value;
    }
    valid
}

fn all_in(values: &[f64], low: f64, high: f64) -> bool {
    values.iter().all(|value| (low..=high).contains(value))
}

/// The pose in sixteen numbers, when its last row and column norms are those of one.
pub(super) fn rigid(elements: &[f64; 16]) -> Option<Pose> {
    let near = |value: f64, goal: f64| (value - goal).abs() <= TRANSFORM_TOLERANCE;
    let last_row =
        [(3, 0.0), (7, 0.0), (11, 0.0), (15, 1.0)].into_iter().all(|(i, goal)| near(elements[i], goal));
    let norms = elements.chunks_exact(4).take(3).all(|column| {
        let norm = column[..3].iter().map(|value| value * value).sum::<f64>().sqrt();
        near(norm, 1.0)
    });
    let near_enough = elements[12..15].iter().all(|x| x.abs() <= LENGTH_MAX_M);
    (last_row && norms && near_enough).then(|| from_column_major(elements).ok()).flatten()
}
