//! An episode as it is played back: its joints, what they ask of the arm, and the pace at which it can be done.
use super::demand::Quantity;
use super::episode::Tick;
use super::playback::Playback;
use super::store;
use super::taught::{Error, check_gaps};
use crate::robot::limits::{CYCLE_S, DDDQ_MAX, DDQ_MAX, DQ_MAX, Q_MAX, Q_MIN};
use crate::robot::{JOINTS, Joints};
use serde::Serialize;

/// Rest kept before the motion and after it, ticks.
const KEPT: usize = 100;
/// Width of each of the three box filters over the joints, ticks: what is faster than some 10 Hz is no intent, and the
/// differences of a sensor's noise are no acceleration.
const SMOOTHED: usize = 31;

/// Of a limit: how much of it is used at most, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Used {
    /// Share of the robot's own limit; above 1 it is broken.
    pub share: f64,
    /// When, s after the start of the motion as it is played.
    pub at_s: f64,
}

/// The worst that is asked of a joint.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Demands {
    /// From 1 at the base.
    pub joint: usize,
    /// Smallest distance from a position limit, rad; negative beyond it.
    pub position_left_rad: f64,
    /// Of its velocity limit.
    pub velocity: Used,
    /// Of its acceleration limit.
    pub acceleration: Used,
    /// Of its jerk limit.
    pub jerk: Used,
}

/// The joints of `ticks` as they are played back, and the place in them of its first and last row: idle ends but for a
/// tenth of a second cut, noise and tremor smoothed.
///
/// # Errors
/// [`Error::NoMotion`], and [`Error::Gap`].
pub fn playback(ticks: &[Tick]) -> Result<(Playback, [usize; 2]), Error> {
    check_gaps(ticks)?;
    let (first, last) = store::moving(ticks).ok_or(Error::NoMotion { speed_rad_s: store::IDLE_RAD_S })?;
    let (first, last) = (first.saturating_sub(KEPT), (last + KEPT).min(ticks.len() - 1));
    let mut rows: Vec<Joints> = Vec::new();
    for pair in ticks[first..=last].windows(2) {
        let (a, b) = (&pair[0], &pair[1]);
        let ms = b.robot_time_ms.saturating_sub(a.robot_time_ms).max(1);
        let between = |k: u64| std::array::from_fn(|j| a.q[j] + (b.q[j] - a.q[j]) * k as f64 / ms as f64);
        rows.extend((0..ms).map(between));
    }
    rows.push(ticks[last].q);
    for _ in 0..3 {
        rows = smoothed(&rows);
    }
    Ok((Playback::new(rows), [first, last]))
}

/// The mean over the rows around each, as if the arm stood before the first and after the last.
fn smoothed(rows: &[Joints]) -> Vec<Joints> {
    let half = SMOOTHED as isize / 2;
    let row = |k: isize| &rows[k.clamp(0, rows.len() as isize - 1) as usize];
    let mean = |k: isize| {
        // Offsets from the row keep the mean of equal values equal to them.
        let sum = |j: usize| (k - half..=k + half).map(|i| row(i)[j] - row(k)[j]).sum::<f64>();
        std::array::from_fn(|j| row(k)[j] + sum(j) / SMOOTHED as f64)
    };
    (0..rows.len() as isize).map(mean).collect()
}

/// What each joint is asked when `playback` is played at `rate` times its own pace.
pub fn of(playback: &Playback, rate: f64) -> [Demands; JOINTS] {
    let rows = playback.rows();
    let at = |k: usize, j: usize| rows[k.min(rows.len() - 1)][j];
    std::array::from_fn(|j| {
        let mut demands = Demands {
            joint: j + 1,
            position_left_rad: f64::INFINITY,
            velocity: Used::default(),
            acceleration: Used::default(),
            jerk: Used::default(),
        };
        for k in 0..rows.len() {
            let [a, b, c, d] = [3, 2, 1, 0].map(|back| at(k.saturating_sub(back), j));
            demands.position_left_rad = demands.position_left_rad.min((d - Q_MIN[j]).min(Q_MAX[j] - d));
            let differences = [d - c, d - 2.0 * c + b, d - 3.0 * c + 3.0 * b - a];
            let limits = [DQ_MAX[j], DDQ_MAX[j], DDDQ_MAX[j]];
            let used = [&mut demands.velocity, &mut demands.acceleration, &mut demands.jerk];
            for (order, ((used, difference), limit)) in
                used.into_iter().zip(differences).zip(limits).enumerate()
            {
                // At its ends a playback is sped up and slowed down: only what lies inside counts.
                if k <= order {
                    continue;
                }
                let share = difference.abs() * (rate / CYCLE_S).powi(order as i32 + 1) / limit;
                if share > used.share {
                    *used = Used { share, at_s: k as f64 * CYCLE_S / rate };
                }
            }
        }
        demands
    })
}

/// What keeps a playback from its own pace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slowed {
    /// From 1 at the base.
    pub joint: usize,
    /// Of which of its limits.
    pub quantity: Quantity,
    /// What it would take at the pace that was asked for, and what is allowed, as shares of the robot's limit.
    pub needed: f64,
    /// See `needed`.
    pub allowed: f64,
    /// When, s.
    pub at_s: f64,
}

/// The rate, at most `rate`, at which no joint is asked more than the shares of its limits that are allowed, and what
/// stands against `rate`.
pub fn rate_within(
    playback: &Playback,
    rate: f64,
    velocity_share: f64,
    acceleration_share: f64,
) -> (f64, Option<Slowed>) {
    let mut slowest: (f64, Option<Slowed>) = (rate, None);
    for demands in of(playback, rate) {
        let asked = [
            (Quantity::Velocity, demands.velocity, velocity_share),
            (Quantity::Acceleration, demands.acceleration, acceleration_share),
            (Quantity::Jerk, demands.jerk, acceleration_share),
        ];
        for (quantity, used, allowed) in asked {
            let possible = rate / quantity.factor(used.share / allowed);
            if used.share > allowed && possible < slowest.0 {
                let why =
                    Slowed { joint: demands.joint, quantity, needed: used.share, allowed, at_s: used.at_s };
                slowest = (possible, Some(why));
            }
        }
    }
    slowest
}

impl std::fmt::Display for Slowed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { joint, quantity, needed, allowed, at_s } = self;
        write!(
            f,
            "at {at_s:.2} s joint {joint} needs {:.0} % of its {quantity} limit, allowed {:.0} %",
            100.0 * needed,
            100.0 * allowed
        )
    }
}
