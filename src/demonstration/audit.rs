//! What is in a file of labels before anyone trusts it: whose tool, which jumps, which limits, which doubles.
use std::cmp::Ordering;
use std::fmt;

use serde::Serialize;

use super::dataset::Example;
use super::survey::{Extreme, largest_change_rad};
use crate::kinematics::{Point, Pose, flange, hand_tool};
use crate::robot::JOINTS;
use crate::robot::limits::{Q_MAX, Q_MIN};

/// A joint that changes by more than this between neighbours, rad, may have jumped …
pub const JUMP_RAD: f64 = 0.1;
/// … and has, if it also changes by more than this for the way between them, rad/m: the expert's own labels
/// change by at most 26 rad/m in the default box.
pub const STEEP_RAD_M: f64 = 40.0;
/// Labels that differ by more than this at one position, rad, contradict each other.
pub const CONFLICT_RAD: f64 = 1e-6;
/// A tool explains the labels when no tool point is further than this from its position, m.
pub const TOOL_MATCH_M: f64 = 1e-3;
/// Beyond this, m, no tool along the flange's axis explains the labels at all.
pub const TOOL_UNKNOWN_M: f64 = 5e-3;

/// Whose positions the file gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tool {
    /// The flange, which is also the origin of `panda_hand`.
    Flange,
    /// The hand's tool point, 0.1034 m beyond the flange.
    HandTool,
    /// A point `tool_z_m` beyond the flange.
    Offset,
    /// No point on the flange's axis.
    Unknown,
}

/// What a file of examples holds; SI units, joints 1 to 7 in order.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Audit {
    /// The file.
    pub source: String,
    /// Samples in it.
    pub samples: usize,
    /// Smallest coordinates, m.
    pub position_min_m: [f64; 3],
    /// Largest coordinates, m.
    pub position_max_m: [f64; 3],
    /// Smallest and largest distance from the base, m.
    pub distance_m: [f64; 2],
    /// Whose positions they are.
    pub tool: Tool,
    /// Tool length along the flange's axis that fits best (median), m.
    pub tool_z_m: f64,
    /// What that length leaves at worst, mm.
    pub tool_residual_mm: f64,
    /// Distance from the labels' flange at worst, mm.
    pub flange_residual_mm: f64,
    /// Distance from the labels' hand tool point at worst, mm.
    pub hand_tool_residual_mm: f64,
    /// Largest angle between the labels' flange axis and straight down, rad.
    pub tilt_max_rad: f64,
    /// The largest change of a joint between neighbours.
    pub step_max: Option<Extreme>,
    /// Neighbours of which a joint changes by more than `jump_rad` and `jump_rad_m`.
    pub jumps: usize,
    /// Least change that counts as a jump, rad.
    pub jump_rad: f64,
    /// Least change for the way between neighbours that counts as a jump, rad/m.
    pub jump_rad_m: f64,
    /// Samples outside Franka's limits, by joint.
    pub limit_violations: [usize; JOINTS],
    /// Samples at a position that an earlier sample has.
    pub duplicates: usize,
    /// Of these, the ones with another label.
    pub conflicts: usize,
    /// The largest difference between labels of one position, rad.
    pub conflict_max_rad: f64,
}

impl Audit {
    /// Looks through `examples`; `source` names them in the report.
    pub fn of(examples: &[Example], source: &str) -> Self {
        let flanges: Vec<(Pose, Point)> = examples.iter().map(|e| (flange(&e.q), e.O_p_EE)).collect();
        let axis = |O_T_F: &Pose| O_T_F.rotation * Point::z();
        let residual_mm = |z_m: f64| {
            let left = flanges.iter().map(|(F, p)| (F.translation.vector + z_m * axis(F) - p).norm());
            1e3 * left.fold(0.0, f64::max)
        };
        let mut lengths: Vec<f64> =
            flanges.iter().map(|(F, p)| (p - F.translation.vector).dot(&axis(F))).collect();
        lengths.sort_by(f64::total_cmp);
        let tool_z_m = lengths.get(lengths.len() / 2).copied().unwrap_or(0.0);
        let (flange_residual_mm, hand_tool_residual_mm) =
            (residual_mm(0.0), residual_mm(hand_tool().translation.z));
        let tool_residual_mm = residual_mm(tool_z_m);
        let candidates = [
            (Tool::Flange, flange_residual_mm, TOOL_MATCH_M),
            (Tool::HandTool, hand_tool_residual_mm, TOOL_MATCH_M),
            (Tool::Offset, tool_residual_mm, TOOL_UNKNOWN_M),
        ];
        let tool = candidates.iter().find(|(_, mm, max_m)| mm * 1e-3 <= *max_m);

        let mut position = (Point::repeat(f64::INFINITY), Point::repeat(f64::NEG_INFINITY));
        let (mut distance_m, mut limit_violations) = ([f64::INFINITY, 0.0], [0; JOINTS]);
        for Example { O_p_EE, q } in examples {
            position = (position.0.inf(O_p_EE), position.1.sup(O_p_EE));
            distance_m = [distance_m[0].min(O_p_EE.norm()), distance_m[1].max(O_p_EE.norm())];
            for (i, count) in limit_violations.iter_mut().enumerate() {
                *count += usize::from(!(Q_MIN[i]..=Q_MAX[i]).contains(&q[i]));
            }
        }
        let (step_max, jumps) = steps(examples);
        let (duplicates, conflicts, conflict_max_rad) = doubles(examples);
        Self {
            source: source.to_owned(),
            samples: examples.len(),
            position_min_m: position.0.into(),
            position_max_m: position.1.into(),
            distance_m,
            tool: tool.map_or(Tool::Unknown, |(tool, ..)| *tool),
            tool_z_m,
            tool_residual_mm,
            flange_residual_mm,
            hand_tool_residual_mm,
            tilt_max_rad: flanges.iter().map(|(F, _)| axis(F).angle(&-Point::z())).fold(0.0, f64::max),
            step_max,
            jumps,
            jump_rad: JUMP_RAD,
            jump_rad_m: STEEP_RAD_M,
            limit_violations,
            duplicates,
            conflicts,
            conflict_max_rad,
        }
    }

    /// The tool that the labels belong to, in the flange frame; none when no tool explains them.
    ///
    /// Positions say nothing of a turn about the axis: it is the hand's.
    pub fn F_T_EE(&self) -> Option<Pose> {
        match self.tool {
            Tool::Flange => Some(Pose::identity()),
            Tool::HandTool => Some(hand_tool()),
            Tool::Offset => {
                Some(Pose::from_parts(Point::new(0.0, 0.0, self.tool_z_m).into(), hand_tool().rotation))
            }
            Tool::Unknown => None,
        }
    }

    /// Whether a network can learn these labels well: no jumps, no contradictions, no joint outside its limits.
    pub fn is_sound(&self) -> bool {
        self.jumps == 0 && self.conflicts == 0 && self.limit_violations == [0; JOINTS]
    }
}

/// The largest step between neighbours and the number of jumps.
fn steps(examples: &[Example]) -> (Option<Extreme>, usize) {
    let (mut most, mut jumps): (Option<Extreme>, usize) = (None, 0);
    for (i, (a, b)) in examples.iter().zip(examples.iter().skip(1)).enumerate() {
        let (joint, rad) = largest_change_rad(&a.q, &b.q);
        jumps += usize::from(rad > JUMP_RAD.max(STEEP_RAD_M * (b.O_p_EE - a.O_p_EE).norm()));
        if most.is_none_or(|most| rad > most.rad) {
            most = Some(Extreme { joint: joint + 1, index: i + 1, rad });
        }
    }
    (most, jumps)
}

/// Samples at a position seen before; those of them with another label; the largest difference, rad.
fn doubles(examples: &[Example]) -> (usize, usize, f64) {
    let order = |a: &Example, b: &Example| -> Ordering {
        let pairs = a.O_p_EE.iter().zip(b.O_p_EE.iter());
        pairs.map(|(a, b)| a.total_cmp(b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
    };
    let mut sorted: Vec<&Example> = examples.iter().collect();
    sorted.sort_by(|a, b| order(a, b)); // stable: the first of a group is the earliest in the file
    let (mut duplicates, mut conflicts, mut largest) = (0, 0, 0f64);
    for group in sorted.chunk_by(|a, b| order(a, b).is_eq()) {
        for later in &group[1..] {
            let (_, rad) = largest_change_rad(&group[0].q, &later.q);
            duplicates += 1;
            conflicts += usize::from(rad > CONFLICT_RAD);
            largest = largest.max(rad);
        }
    }
    (duplicates, conflicts, largest)
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([x0, y0, z0], [x1, y1, z1]) = (self.position_min_m, self.position_max_m);
        writeln!(f, "{}: {} samples", self.source, self.samples)?;
        write!(f, "  positions: x {x0:.3} to {x1:.3}, y {y0:.3} to {y1:.3}, z {z0:.3} to {z1:.3} m, ")?;
        writeln!(f, "{:.3} to {:.3} m from the base", self.distance_m[0], self.distance_m[1])?;
        write!(f, "  tool point: ")?;
        match self.tool {
            Tool::Flange => writeln!(f, "the flange (panda_hand), within {:.4} mm", self.flange_residual_mm)?,
            Tool::HandTool => {
                writeln!(
                    f,
                    "the hand's, 0.1034 m from the flange, within {:.4} mm",
                    self.hand_tool_residual_mm
                )?;
            }
            Tool::Offset => writeln!(
                f,
                "{:.4} m beyond the flange, within {:.4} mm (not the hand's 0.1034 m)",
                self.tool_z_m, self.tool_residual_mm
            )?,
            Tool::Unknown => writeln!(
                f,
                "unknown: the best length, {:.4} m, leaves {:.1} mm; positions and joints do not belong together",
                self.tool_z_m, self.tool_residual_mm
            )?,
        }
        writeln!(f, "  tool axis: within {:.4} rad of straight down", self.tilt_max_rad)?;
        if let Some(Extreme { joint, index, rad }) = self.step_max {
            write!(f, "  label jumps: {} neighbours differ by more than {} rad ", self.jumps, self.jump_rad)?;
            write!(f, "and {} rad/m; largest step {rad:.3} rad, ", self.jump_rad_m)?;
            writeln!(f, "joint {joint}, at sample {index}")?;
        }
        match self.limit_violations.iter().any(|n| *n > 0) {
            false => writeln!(f, "  joint limits: kept")?,
            true => {
                write!(f, "  joint limits: violated by")?;
                for (i, n) in self.limit_violations.iter().enumerate().filter(|(_, n)| **n > 0) {
                    write!(f, " joint {} in {n} of {} samples", i + 1, self.samples)?;
                }
                writeln!(f)?;
            }
        }
        write!(f, "  doubles: {} positions again, {} with another label", self.duplicates, self.conflicts)?;
        if self.conflicts > 0 {
            write!(f, " (up to {:.3} rad)", self.conflict_max_rad)?;
        }
        if self.is_sound() {
            return Ok(());
        }
        write!(f, "\n  These labels are no function of the position: relabel them with the expert.")
    }
}
