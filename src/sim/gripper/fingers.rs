//! The fingers as a body: a width with a velocity, two stops, and what lies between.

/// The widest the fingers open, m (data sheet of the Franka Hand: travel 80 mm).
pub const STROKE_M: f64 = 0.08;
/// The fastest the width changes, m/s (data sheet of the Franka Hand: 50 mm/s a finger).
pub const SPEED_MAX_M_S: f64 = 0.1;
/// How fast the width's velocity changes, m/s²: an estimate, a twentieth of a second to full speed.
const ACCELERATION_M_S2: f64 = 2.0;
/// Share of it that a planned stop uses; the rest makes good for the steps in time.
const BRAKING_SHARE: f64 = 0.9;
/// Steps of the integration, s.
const STEP_S: f64 = 1e-3;
/// Longest time that passes at once, s: a machine that slept does not make the fingers jump.
const ADVANCE_MAX_S: f64 = 0.1;

/// What the drive is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Drive {
    /// Stand still.
    Hold,
    /// Go to a width, m, at most so fast, m/s.
    To { width_m: f64, speed_m_s: f64 },
    /// Close until something is in the way, at most so fast, m/s, and go on pressing.
    Press { speed_m_s: f64 },
}

/// Both fingers, which move as one.
#[derive(Clone, Debug)]
pub(super) struct Fingers {
    width_m: f64,
    velocity_m_s: f64,
    object_m: Option<f64>,
    pub(super) drive: Drive,
    /// Time that has passed and is less than a step, s.
    owed_s: f64,
}

impl Fingers {
    /// Open, at rest, with an object of this width between them.
    pub(super) fn open(object_m: Option<f64>) -> Self {
        Self { width_m: STROKE_M, velocity_m_s: 0.0, object_m, drive: Drive::Hold, owed_s: 0.0 }
    }

    /// Between the fingers, m.
    pub(super) fn width_m(&self) -> f64 {
        self.width_m
    }

    /// Whether they do not move.
    pub(super) fn at_rest(&self) -> bool {
        self.velocity_m_s == 0.0
    }

    /// Whether they rest on the object, or on each other.
    pub(super) fn in_contact(&self) -> bool {
        self.at_rest() && self.width_m <= self.floor_m()
    }

    /// Puts an object between the fingers, or takes it away. One that is wider than the gap pushes them apart.
    pub(super) fn put(&mut self, object_m: Option<f64>) {
        self.object_m = object_m;
        if self.width_m < self.floor_m() {
            self.width_m = self.floor_m();
            self.velocity_m_s = 0.0;
        }
    }

    /// The narrowest they can be.
    fn floor_m(&self) -> f64 {
        self.object_m.unwrap_or(0.0)
    }

    /// Lets time pass.
    pub(super) fn advance(&mut self, seconds: f64) {
        self.owed_s += seconds.clamp(0.0, ADVANCE_MAX_S);
        while self.owed_s >= STEP_S {
            self.owed_s -= STEP_S;
            self.step();
        }
    }

    fn step(&mut self) {
        let wish = match self.drive {
            Drive::Hold => 0.0,
            Drive::Press { speed_m_s } => -speed_m_s,
            Drive::To { width_m, speed_m_s } => {
                let way = width_m - self.width_m;
                let brakes_in_time = (2.0 * BRAKING_SHARE * ACCELERATION_M_S2 * way.abs()).sqrt();
                way.signum() * speed_m_s.min(brakes_in_time)
            }
        };
        let change = ACCELERATION_M_S2 * STEP_S;
        self.velocity_m_s += (wish - self.velocity_m_s).clamp(-change, change);
        if let Drive::To { width_m, .. } = self.drive {
            // The last step: slow enough to stop in it, and not further than it.
            let way = width_m - self.width_m;
            let slow = self.velocity_m_s.abs() <= 2.0 * change;
            if slow && way.abs() <= self.velocity_m_s.abs() * STEP_S {
                (self.width_m, self.velocity_m_s) = (width_m, 0.0);
            }
        }
        let width = self.width_m + self.velocity_m_s * STEP_S;
        self.width_m = width.max(self.floor_m()).min(STROKE_M);
        if self.width_m != width {
            self.velocity_m_s = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn to(width_m: f64) -> Drive {
        Drive::To { width_m, speed_m_s: 0.1 }
    }

    /// Seconds until the fingers stand, at most ten.
    fn settle(fingers: &mut Fingers) -> f64 {
        for step in 1..=10_000 {
            fingers.step();
            if fingers.at_rest() {
                return f64::from(step) * STEP_S;
            }
        }
        panic!("still moving: {fingers:?}");
    }

    #[test]
    fn a_move_takes_its_way_at_its_speed_and_two_ramps() {
        let mut fingers = Fingers::open(None);
        fingers.drive = to(0.02);
        let took = settle(&mut fingers);
        assert_eq!(fingers.width_m(), 0.02);
        assert!((0.64..0.68).contains(&took), "60 mm at 100 mm/s and 50 ms of ramps: {took} s");
    }

    #[test]
    fn fingers_told_to_hold_stop_within_their_braking_distance() {
        let mut fingers = Fingers::open(None);
        fingers.drive = to(0.0);
        fingers.advance(0.1);
        fingers.advance(0.1);
        let before = fingers.width_m();
        fingers.drive = Drive::Hold;
        assert!(settle(&mut fingers) <= 0.0515);
        let braking = before - fingers.width_m();
        assert!((0.002..0.003).contains(&braking), "v²/2a = 2.5 mm: {braking} m");
    }

    #[test]
    fn an_object_stops_the_fingers_and_one_that_is_put_in_parts_them() {
        let mut fingers = Fingers::open(Some(0.03));
        fingers.drive = Drive::Press { speed_m_s: 0.1 };
        settle(&mut fingers);
        assert!(fingers.in_contact() && fingers.width_m() == 0.03);
        fingers.put(None);
        fingers.step();
        assert!(!fingers.at_rest(), "they press on");
        settle(&mut fingers);
        assert!(fingers.in_contact() && fingers.width_m() == 0.0);
        fingers.put(Some(0.05));
        assert!(fingers.in_contact() && fingers.width_m() == 0.05);
    }

    proptest! {
        #[test]
        fn whatever_they_are_told_velocity_never_jumps_but_at_a_stop(
            orders in prop::collection::vec((0.0..=STROKE_M, 1e-3..=SPEED_MAX_M_S, 0_u8..3, 0.0..0.2), 1..20),
            object in prop::option::of(0.0..=STROKE_M),
        ) {
            let mut fingers = Fingers::open(object);
            for (width_m, speed_m_s, kind, seconds) in orders {
                fingers.drive = match kind {
                    0 => Drive::Hold,
                    1 => Drive::Press { speed_m_s },
                    _ => Drive::To { width_m, speed_m_s },
                };
                for _ in 0..(seconds / STEP_S) as usize {
                    let before = fingers.velocity_m_s;
                    fingers.step();
                    let stopped = fingers.width_m == fingers.floor_m() || fingers.width_m == STROKE_M;
                    let jump = (fingers.velocity_m_s - before).abs();
                    // The ramp of one step; in the last one of a move also the rest, of two.
                    prop_assert!(stopped || jump <= 3.0 * ACCELERATION_M_S2 * STEP_S + 1e-12, "{jump} m/s");
                    prop_assert!(fingers.velocity_m_s.abs() <= SPEED_MAX_M_S + 1e-12);
                    prop_assert!((fingers.floor_m()..=STROKE_M).contains(&fingers.width_m));
                }
            }
        }

        #[test]
        fn from_any_motion_a_width_within_reach_is_reached(
            first in 0.0..=STROKE_M, then in 0.0..=STROKE_M, speed_m_s in 1e-3..=SPEED_MAX_M_S, steps in 0_usize..1500,
        ) {
            let mut fingers = Fingers::open(None);
            fingers.drive = to(first);
            for _ in 0..steps {
                fingers.step();
            }
            fingers.drive = Drive::To { width_m: then, speed_m_s };
            let arrived = (0..100_000).any(|_| {
                fingers.step();
                fingers.at_rest() && fingers.width_m == then
            });
            prop_assert!(arrived, "{fingers:?}");
        }
    }
}
