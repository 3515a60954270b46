//! A straight way in joint space from one rest to another, by smootherstep.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros
)]
use super::clock::smootherstep;
use crate::kinematics::{hand_tool, jacobian};
use crate::robot::{Joints, limits};
use crate::safety::{self, Motion};
use nalgebra::SVector;

/// Extrema of the first and second derivative of smootherstep.
const RATE_MAX: f64 = 1.875;
const CURVE_MAX: f64 = 5.7735;
/// Share of the end effector's speed limits that a way uses.
const TOOL_SHARE: f64 = 0.8;
/// A way ends this near to its end, rad.
const THERE_RAD: f64 = 1e-3;
/// Places at which the end effector's speed is looked at.
const PLACES: u32 = 32;

/// The way; see the module.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Approach {
    /// Where it begins, rad.
    pub from: Joints,
    /// Where it ends, rad.
    pub to: Joints,
    /// How long it takes, s; not finite when an end is not.
    pub duration_s: f64,
}

impl Approach {
    /// The quickest way with `share` of the joints' velocity and acceleration limits.
    ///
    /// It keeps the end effector's speed for a tool as long as the hand; with a longer one the safety layer may slow it.
    pub fn plan(from: &Joints, to: &Joints, share: f64, safety: &safety::Options) -> Approach {
        let bounds = limits::DQ_MAX.iter().zip(&limits::DDQ_MAX);
        let joints_s = from.iter().zip(to).zip(bounds).fold(0.05, |longest: f64, ((from, to), (v, a))| {
            let way = (to - from).abs();
            longest.max(RATE_MAX * way / (share * v)).max((CURVE_MAX * way / (share * a)).sqrt())
        });
        let way = Approach { from: *from, to: *to, duration_s: 1.0 };
        let duration_s = (0..=PLACES).fold(joints_s, |longest, k| {
            let along = f64::from(k) / f64::from(PLACES);
            let O_dP_EE = jacobian(&way.part(along), &hand_tool()) * SVector::<f64, 7>::from(way.whole(1.0));
            let (m, rad) = (O_dP_EE.fixed_rows::<3>(0).norm(), O_dP_EE.fixed_rows::<3>(3).norm());
            let shortest_s = (m / safety.tool_speed_m_s).max(rad / safety.tool_turn_rad_s);
            longest.max(RATE_MAX * shortest_s / TOOL_SHARE)
        });
        let is_finite = from.iter().chain(to).all(|q| q.is_finite());
        Approach { duration_s: if is_finite { duration_s } else { f64::NAN }, ..way }
    }

    /// The joints `elapsed_s` after it began, rad.
    pub fn at(&self, elapsed_s: f64) -> Joints {
        self.part(smootherstep(elapsed_s / self.duration_s))
    }

    /// Whether an arm at `q`, rad, has come to its end.
    pub fn is_done_at(&self, q: &Joints) -> bool {
        q.iter().zip(&self.to).all(|(q, to)| (q - to).abs() < THERE_RAD)
    }

    /// The motion on it, in even steps of time.
    pub fn motions(self, steps: u32) -> impl Iterator<Item = Motion> {
        (0..=steps).map(move |k| {
            let u = f64::from(k) / f64::from(steps);
            let rate = 30.0 * u * u * (u * (u - 2.0) + 1.0) / self.duration_s;
            let curve = 60.0 * u * (u * (2.0 * u - 3.0) + 1.0) / (self.duration_s * self.duration_s);
            Motion { q: self.part(smootherstep(u)), dq: self.whole(rate), ddq: self.whole(curve) }
        })
    }

    /// The joints after a share of the way, rad.
    fn part(&self, share: f64) -> Joints {
        let mut q = self.from;
        q.iter_mut().zip(&self.to).for_each(|(q, to)| *q += share * (to - *q));
        q
    }

    /// The whole way times `scale`.
    fn whole(&self, scale: f64) -> Joints {
        let mut way = self.to;
        way.iter_mut().zip(&self.from).for_each(|(way, from)| *way = scale * (*way - from));
        way
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::kinematics::forward;

    #[test]
    fn a_way_keeps_the_share_of_the_joints_and_the_speed_of_the_end_effector() {
        let to = [1.5, -0.2, 0.0, -1.2, 0.0, 1.0, 0.0];
        for (share, tool_speed_m_s) in [(0.3, 1.0), (0.8, 0.25)] {
            let safety = safety::Options { tool_speed_m_s, ..Default::default() };
            let way = Approach::plan(&limits::Q_READY, &to, share, &safety);
            assert_eq!(way.at(0.0), limits::Q_READY);
            let place = |t_s: f64| forward(&way.at(t_s), &hand_tool()).translation.vector;
            let mut motions = way.motions(1000).enumerate();
            assert!(motions.all(|(k, m)| {
                let t_s = way.duration_s * k as f64 / 1000.0;
                let m_s = (place(t_s + 1e-5) - place(t_s)).norm() / 1e-5;
                (0..7).all(|i| m.dq[i].abs() <= share * limits::DQ_MAX[i] + 1e-9) && m_s <= tool_speed_m_s
            }));
        }
    }

    #[test]
    fn a_way_to_nowhere_has_no_duration() {
        let to = [f64::NAN, 0.0, 0.0, -1.0, 0.0, 1.0, 0.0];
        let way = Approach::plan(&limits::Q_READY, &to, 0.3, &safety::Options::default());
        assert!(!way.duration_s.is_finite());
    }
}
