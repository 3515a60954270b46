//! Whether a motion may begin where the arm is.
use super::{Margin, Options, Workspace};
use crate::robot::{JOINTS, Joints};

/// Why a motion may not begin.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refused {
    /// The first command would jump from where the arm is to where the robot believes it to be.
    #[error(
        "the arm is not where it was last told to be: {}; allowed {allowed_rad} rad (safety.start_error_rad). Is \
         something holding it, or is the load undeclared?",
        gaps.iter().map(|(joint, rad)| format!("joint {joint} by {rad:.3} rad")).collect::<Vec<_>>().join(", ")
    )]
    Away {
        /// Joints from 1, and measured less desired position, rad.
        gaps: Vec<(usize, f64)>,
        /// What was allowed, rad.
        allowed_rad: f64,
    },
    /// The arm is where it may not be.
    #[error(
        "the arm stands where it may not be: {0} ({key}). Move it by hand, or change that key",
        key = .0.limit.key()
    )]
    Place(Margin),
}

/// Whether a motion may begin with the measured joints at `q` and the desired ones at `q_d`, rad.
///
/// # Errors
/// The joints that are too far from where they should be, or what the arm is too near to.
pub fn check(q: &Joints, q_d: &Joints, options: &Options, workspace: &Workspace) -> Result<(), Refused> {
    // What is not a number is named too.
    let gaps: Vec<(usize, f64)> = (0..JOINTS)
        .map(|i| (i + 1, q[i] - q_d[i]))
        .filter(|(_, gap)| gap.is_nan() || gap.abs() > options.start_error_rad)
        .collect();
    if !gaps.is_empty() {
        return Err(Refused::Away { gaps, allowed_rad: options.start_error_rad });
    }
    let place = workspace.nearest(q_d);
    if place.holds() { Ok(()) } else { Err(Refused::Place(place)) }
}
