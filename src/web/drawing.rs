//! What a person has drawn on the page.
use serde::Deserialize;

/// Points of a drawing, at most.
const POINTS_MAX: usize = 8000;
/// Speed along a drawing, m/s.
const SPEED_M_S: std::ops::RangeInclusive<f64> = 0.005..=0.5;
/// Laps at most; 0 goes on until somebody stops the arm.
pub(super) const LAPS_MAX: u32 = 10_000;

/// A stroke in the base frame, drawn with the end effector pointing down.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drawing {
    /// Its points, m.
    pub points_m: Vec<[f64; 3]>,
    /// Whether its end joins its start; not given, a loop whose ends nearly meet is closed.
    #[serde(default)]
    pub closed: Option<bool>,
    /// Speed along it, m/s; not given, `motion.speed_m_s`.
    #[serde(default)]
    pub speed_m_s: Option<f64>,
    /// How often it is followed; 0 goes on until somebody stops the arm.
    #[serde(default = "once")]
    pub laps: u32,
}

fn once() -> u32 {
    1
}

impl Drawing {
    /// What is outside its allowed range, in words.
    pub(super) fn wrong(&self) -> Option<String> {
        let points = self.points_m.len();
        if !(2..=POINTS_MAX).contains(&points) {
            return Some(format!("points_m has {points} points, allowed 2 to {POINTS_MAX}"));
        }
        if let Some(speed) = self.speed_m_s.filter(|speed| !SPEED_M_S.contains(speed)) {
            let (low, high) = (SPEED_M_S.start(), SPEED_M_S.end());
            return Some(format!("speed_m_s = {speed}, allowed {low} to {high} m/s"));
        }
        (self.laps > LAPS_MAX).then(|| format!("laps = {}, allowed 0 to {LAPS_MAX}", self.laps))
    }
}
