//! Friction of the joints: what is left of it after the robot's own compensation.
//!
//! A joint that stands is held until something pushes it harder than it sticks (Stribeck: it holds more than it
//! drags); a joint whose speed comes to zero stands. So rest is exact, and a run that begins at rest repeats.
use crate::robot::{JOINTS, Joints};

/// Coulomb friction left over, Nm: our estimate.
const COULOMB: Joints = [0.3, 0.3, 0.3, 0.3, 0.15, 0.15, 0.15];
/// A standing joint holds this many times as much.
const STICTION: f64 = 1.3;
/// Below this speed a joint may stick, rad/s.
const STICK_SPEED: f64 = 1e-4;
/// Viscous friction left over, Nm s/rad: our estimate.
const VISCOUS: Joints = [0.5, 0.5, 0.5, 0.5, 0.2, 0.2, 0.2];

/// The seven joints' friction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Friction {
    share: f64,
}

/// Which way each joint slips in this step; 0 holds it. `None` without friction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slip {
    share: f64,
    way: Option<Joints>,
}

impl Friction {
    /// This share of the friction above; 0 is none.
    pub(super) fn new(share: f64) -> Self {
        Self { share }
    }

    /// As the joints move: the slow ones are held, to see what it takes.
    pub(super) fn begin(&self, dq: &Joints) -> Slip {
        let way = dq.map(|dq| if dq.abs() < STICK_SPEED { 0.0 } else { dq.signum() });
        Slip { share: self.share, way: (self.share > 0.0).then_some(way) }
    }

    /// Lets go of the joints that are pushed (`held`, Nm) harder than they stick; whether there were any. The
    /// others stand.
    pub(super) fn release(&self, slip: &mut Slip, dq: &mut Joints, held: &Joints) -> bool {
        let Some(way) = &mut slip.way else { return false };
        let mut released = false;
        for i in 0..JOINTS {
            if way[i] == 0.0 && held[i].abs() > STICTION * COULOMB[i] * self.share {
                way[i] = if dq[i] == 0.0 { held[i].signum() } else { dq[i].signum() };
                released = true;
            } else if way[i] == 0.0 {
                dq[i] = 0.0;
            }
        }
        released
    }
}

impl Slip {
    pub(super) fn holds(&self, i: usize) -> bool {
        self.way.is_some_and(|way| way[i] == 0.0)
    }

    /// Torque against the motion of joint `i`, Nm.
    pub(super) fn drag(&self, i: usize, dq: f64) -> f64 {
        self.way.map_or(0.0, |way| self.share * (way[i] * COULOMB[i] + VISCOUS[i] * dq))
    }

    /// Stops the joints that have turned back within the step: they passed through rest.
    pub(super) fn stop(&self, dq: &mut Joints) {
        let Some(way) = self.way else { return };
        for i in 0..JOINTS {
            if way[i] * dq[i] <= 0.0 {
                dq[i] = 0.0;
            }
        }
    }
}
