//! What a person wants to know of an episode before anything is learnt from it.
use crate::demonstration::episode::{Episode, Tick};
use crate::robot::JOINTS;
use crate::robot::limits::{DQ_MAX, Q_MAX, Q_MIN};
use serde::Serialize;

/// Joints slower than this are at rest, rad/s.
pub(in crate::demonstration) const IDLE_RAD_S: f64 = 0.01;
/// Speeds are taken over so many ticks, so that a sensor's noise is no motion.
const WINDOW: usize = 50;
/// Jerk is taken of positions averaged over so many ticks: 50 Hz, above what a hand does on purpose.
const AVERAGED: usize = 20;

/// Seconds at the ends of an episode in which the arm does not move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Idle {
    /// At the beginning, s.
    pub start_s: f64,
    /// At the end, s.
    pub end_s: f64,
}

/// The joint that comes nearest to a limit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Margin {
    /// From 1 at the base.
    pub joint: usize,
    /// Distance from the limit, rad; negative beyond it.
    pub rad: f64,
}

/// The figures of an episode.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Quality {
    /// From the first tick to the last, s.
    pub length_s: f64,
    /// Ticks in it.
    pub ticks: usize,
    /// Ticks a second.
    pub rate_hz: f64,
    /// Places where ticks are missing.
    pub gaps: usize,
    /// Ticks missing there.
    pub missing: u64,
    /// Root mean square of the end effector's jerk while the arm moves, m/s³; none for less than a tenth of a second.
    pub jerk_m_s3: Option<f64>,
    /// Rest at the ends; none when the arm never moves.
    pub idle: Option<Idle>,
    /// The joint nearest to a position limit.
    pub margin: Margin,
    /// The largest share of a joint's velocity limit.
    pub velocity_share: f64,
    /// The end effector's way, m.
    pub way_m: f64,
}

impl Quality {
    /// Looks at an episode.
    pub fn of(episode: &Episode) -> Quality {
        let ticks = &episode.ticks;
        let length_s = episode.length_s();
        let (gaps, missing) = episode.gaps().fold((0, 0), |(n, sum), gap| (n + 1, sum + gap.missing));
        let mut margin = Margin { joint: 1, rad: f64::INFINITY };
        let mut velocity_share: f64 = 0.0;
        for tick in ticks {
            for j in 0..JOINTS {
                let rad = (tick.q[j] - Q_MIN[j]).min(Q_MAX[j] - tick.q[j]);
                if rad < margin.rad {
                    margin = Margin { joint: j + 1, rad };
                }
                velocity_share = velocity_share.max(tick.dq[j].abs() / DQ_MAX[j]);
            }
        }
        let motion = moving(ticks);
        let idle = motion.map(|(first, last)| {
            let at = |i: usize| ticks[i].robot_time_ms as f64 * 1e-3;
            Idle { start_s: at(first) - at(0), end_s: at(ticks.len() - 1) - at(last) }
        });
        let averages = motion.map_or(Vec::new(), |(first, last)| averages(&ticks[first..=last]));
        let way_m = averages.windows(2).map(|p| distance(p[0], p[1])).sum();
        Quality {
            length_s,
            ticks: ticks.len(),
            rate_hz: if length_s > 0.0 { ticks.len().saturating_sub(1) as f64 / length_s } else { 0.0 },
            gaps,
            missing,
            jerk_m_s3: jerk(&averages),
            idle,
            margin,
            velocity_share,
            way_m,
        }
    }
}

/// The first and the last tick in which a joint moves; none when none ever does.
pub(in crate::demonstration) fn moving(ticks: &[Tick]) -> Option<(usize, usize)> {
    let window = WINDOW.min(ticks.len().saturating_sub(1)).max(1);
    let moves = |i: &usize| {
        let (now, then) = (&ticks[*i], &ticks[*i + window]);
        let s = then.robot_time_ms.saturating_sub(now.robot_time_ms).max(1) as f64 * 1e-3;
        (0..JOINTS).any(|j| (then.q[j] - now.q[j]).abs() > IDLE_RAD_S * s)
    };
    let mut all = 0..ticks.len().saturating_sub(window);
    let first = all.clone().find(moves)?;
    let last = all.rfind(moves)? + window;
    Some((first, last))
}

fn averages(ticks: &[Tick]) -> Vec<[f64; 3]> {
    let mean = |ticks: &[Tick]| {
        let sum = ticks.iter().fold([0.0; 3], |sum, t| {
            let p = t.O_p_EE();
            [sum[0] + p[0], sum[1] + p[1], sum[2] + p[2]]
        });
        sum.map(|s| s / ticks.len() as f64)
    };
    ticks.chunks_exact(AVERAGED).map(mean).collect()
}

fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|i| (b[i] - a[i]).powi(2)).sum::<f64>().sqrt()
}

fn jerk(p: &[[f64; 3]]) -> Option<f64> {
    let dt_s = AVERAGED as f64 * 1e-3;
    let third = |w: &[[f64; 3]]| {
        let j = |i: usize| (w[3][i] - 3.0 * w[2][i] + 3.0 * w[1][i] - w[0][i]) / dt_s.powi(3);
        (0..3).map(|i| j(i).powi(2)).sum::<f64>()
    };
    let squares: Vec<f64> = p.windows(4).map(third).collect();
    (!squares.is_empty()).then(|| (squares.iter().sum::<f64>() / squares.len() as f64).sqrt())
}
