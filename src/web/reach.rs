//! Whether the arm can follow a stroke, while it is drawn: asked of the expert that labels it afterwards.
use super::About;
use crate::demonstration::expert::Expert;
use crate::demonstration::plane::Plane;
use crate::robot::limits::DQ_MAX;
use crate::robot::{JOINTS, Joints};
use crate::safety::Guard;
use serde::{Deserialize, Serialize};

/// Points in one question, at most.
const POINTS_MAX: usize = 200;
/// Speed along a stroke, m/s.
const SPEED_M_S: std::ops::RangeInclusive<f64> = 0.005..=0.5;

/// What answers.
pub(super) struct Reach {
    expert: Expert,
    guard: Guard,
    /// Share of the joints' velocity limits that a path may use.
    velocity_share: f64,
}

/// A part of a stroke, as a page asks about it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stroke {
    plane: Plane,
    /// To the right of the plane's centre and up, m.
    points_m: Vec<[f64; 2]>,
    speed_m_s: f64,
}

/// How well the arm can follow it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Answer {
    /// For each point, the speed of the fastest joint from there to the next one as a share of what a path may use: above 1
    /// the arm is slowed there. None where the arm cannot be.
    shares: Vec<Option<f64>>,
    /// The joints at the last point where it can be, rad.
    q_rad: Option<Joints>,
}

impl Stroke {
    /// What is outside its allowed range, in words.
    pub(super) fn wrong(&self) -> Option<String> {
        let (points, speed) = (self.points_m.len(), self.speed_m_s);
        if !(1..=POINTS_MAX).contains(&points) {
            return Some(format!("points_m has {points} points, allowed 1 to {POINTS_MAX}"));
        }
        if !SPEED_M_S.contains(&speed) {
            let (low, high) = (SPEED_M_S.start(), SPEED_M_S.end());
            return Some(format!("speed_m_s = {speed}, allowed {low} to {high} m/s"));
        }
        self.plane.validate().first().map(ToString::to_string)
    }
}

impl Reach {
    pub(super) fn new(about: &About) -> Reach {
        Reach {
            expert: Expert::new(about.expert, about.F_T_EE),
            guard: Guard::new(&about.safety, &about.F_T_EE),
            velocity_share: about.velocity_share,
        }
    }

    pub(super) fn answer(&self, stroke: &Stroke) -> Answer {
        let points: Vec<_> = stroke.points_m.iter().map(|at| stroke.plane.at(*at)).collect();
        let labels: Vec<Option<Joints>> = points
            .iter()
            .map(|p| {
                let q = self.expert.label(p).ok()?;
                let may_be =
                    self.guard.limiter().outside(&q).is_none() && self.guard.workspace().nearest(&q).holds();
                may_be.then_some(q)
            })
            .collect();
        let share = |k: usize| {
            let here = labels.get(k).copied().flatten()?;
            let other = if k + 1 < points.len() { k + 1 } else { k.saturating_sub(1) };
            let Some(there) = labels.get(other).copied().flatten() else { return Some(0.0) };
            let way_m = (points[other] - points[k]).norm();
            let fastest = (0..JOINTS).map(|j| (there[j] - here[j]).abs() / DQ_MAX[j]).fold(0.0, f64::max);
            let share =
                if way_m > 0.0 { fastest * stroke.speed_m_s / way_m / self.velocity_share } else { 0.0 };
            Some((1e3 * share).round() / 1e3)
        };
        Answer {
            shares: (0..points.len()).map(share).collect(),
            q_rad: labels.iter().rev().find_map(|label| *label),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinematics::{forward, hand_tool};

    fn reach() -> Reach {
        Reach::new(&About {
            robot: "r".to_owned(),
            simulated: true,
            F_T_EE: hand_tool(),
            drawing: Default::default(),
            expert: Default::default(),
            safety: Default::default(),
            velocity_share: 0.5,
        })
    }

    fn stroke(points_m: Vec<[f64; 2]>, speed_m_s: f64) -> Stroke {
        Stroke { plane: Plane::default(), points_m, speed_m_s }
    }

    #[test]
    fn a_stroke_within_reach_is_faster_for_the_joints_when_it_is_faster_and_beyond_it_there_is_none() {
        let points = vec![[-0.05, 0.0], [0.0, 0.0], [0.05, 0.0], [0.0, 0.9]];
        let Answer { shares: slow, q_rad } = reach().answer(&stroke(points.clone(), 0.1));
        let Answer { shares: fast, .. } = reach().answer(&stroke(points, 0.2));
        let there = forward(&q_rad.unwrap(), &hand_tool()).translation.vector;
        assert!((there - Plane::default().at([0.05, 0.0])).norm() < 1e-4, "{there}");
        assert!(slow[..3].iter().all(Option::is_some) && slow[3].is_none(), "{slow:?}");
        let (slow, fast) = (slow[0].unwrap(), fast[0].unwrap());
        assert!(slow > 0.0 && (fast / slow - 2.0).abs() < 0.05, "{slow} {fast}");
    }

    #[test]
    fn a_question_is_bounded() {
        assert!(stroke(vec![[0.0; 2]; 201], 0.1).wrong().unwrap().contains("201 points, allowed 1 to 200"));
        assert!(stroke(vec![[0.0; 2]], 0.6).wrong().unwrap().contains("speed_m_s = 0.6, allowed"));
        assert_eq!(stroke(vec![[0.0; 2]], 0.1).wrong(), None);
    }
}
