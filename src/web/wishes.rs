//! What the operator wants of a motion while it goes on.
use super::drawing::LAPS_MAX;
use serde::Deserialize;

/// The lowest rate of a whole motion; the highest is the one that it began with.
const SPEED_MIN: f64 = 0.01;

/// What a page asks for; what it does not name stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Change {
    pub(super) held: Option<bool>,
    pub(super) speed: Option<f64>,
    pub(super) laps: Option<u32>,
    pub(super) learning: Option<bool>,
    pub(super) rollback: bool,
}

/// All that was asked for since the motion began; `None` where nothing was.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Wishes {
    /// Whether the arm shall rest on the path, to go on later.
    pub held: Option<bool>,
    /// Rate of the whole motion, above 0, at most the one that it began with.
    pub speed: Option<f64>,
    /// Laps to drive, counted from the start; 0 goes on until somebody stops the arm.
    pub laps: Option<u32>,
    /// Whether policies that have been learnt on the way shall be taken over.
    pub learning: Option<bool>,
    /// How often the policy before was asked for.
    pub rollbacks: u32,
}

impl Change {
    /// What is outside its allowed range, in words; `speed_max` is the rate at which the motion was begun.
    pub(super) fn wrong(&self, speed_max: f64) -> Option<String> {
        if self.speed.is_some_and(|speed| !(SPEED_MIN..=speed_max).contains(&speed)) {
            let speed = self.speed.unwrap_or_default();
            return Some(format!(
                "speed = {speed}, allowed {SPEED_MIN} to {speed_max}, the rate that the motion was checked for (--speed)"
            ));
        }
        let laps = self.laps.filter(|laps| *laps > LAPS_MAX)?;
        Some(format!("laps = {laps}, allowed 0 to {LAPS_MAX}"))
    }
}

impl Wishes {
    /// Wishes as well what a page asks for.
    pub(super) fn add(&mut self, change: Change) {
        self.held = change.held.or(self.held);
        self.speed = change.speed.or(self.speed);
        self.laps = change.laps.or(self.laps);
        self.learning = change.learning.or(self.learning);
        self.rollbacks = self.rollbacks.wrapping_add(u32::from(change.rollback));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_range_is_named_with_its_value_and_its_range() {
        let wrong = |change: Change| change.wrong(0.1).unwrap_or_default();
        for speed in [0.2, 0.0, -1.0, f64::NAN, f64::INFINITY] {
            let words = wrong(Change { speed: Some(speed), ..Change::default() });
            assert!(words.starts_with(&format!("speed = {speed}, allowed 0.01 to 0.1")), "{words}");
        }
        assert_eq!(
            wrong(Change { laps: Some(10_001), ..Change::default() }),
            "laps = 10001, allowed 0 to 10000"
        );
        assert_eq!(wrong(Change { speed: Some(0.1), laps: Some(0), ..Change::default() }), "");
    }

    #[test]
    fn what_is_not_named_stays() {
        let mut wishes = Wishes::default();
        wishes.add(Change { held: Some(true), rollback: true, ..Change::default() });
        wishes.add(Change { speed: Some(0.5), rollback: true, ..Change::default() });
        wishes.add(Change::default());
        let expected = Wishes { held: Some(true), speed: Some(0.5), rollbacks: 2, ..Wishes::default() };
        assert_eq!(wishes, expected);
    }
}
