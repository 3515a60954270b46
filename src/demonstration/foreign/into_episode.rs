//! A recording as an episode: a tick each millisecond, with the joints that bring the tool there.
use super::{Error, LENGTH_MAX_S, Recording};
use crate::demonstration::episode::{End, Episode, Meta, Tick};
use crate::demonstration::expert::Expert;
use crate::demonstration::sample::Kind;
use crate::demonstration::{drawing, time_law};
use crate::kinematics::{Point, Pose, forward, to_column_major, tool_down};
use crate::robot::{Joints, Mode};
use nalgebra::{SVector, UnitQuaternion};

/// What an import needs to know besides the file.
pub struct Conditions<'a> {
    /// Finds the joints for positions; its tool is the episode's.
    pub expert: &'a Expert,
    /// How a path without times is smoothed.
    pub drawing: &'a drawing::Options,
    /// How fast it is followed.
    pub motion: &'a time_law::Options,
}

/// The episode of a recording; `name` is for messages.
///
/// Times are kept where the file has them. A path without gets the time law of a drawing.
///
/// # Errors
/// [`Error`] with the place that cannot be reached and how to move it.
pub fn episode(name: &str, recording: &Recording, meta: &Meta, with: &Conditions) -> Result<Episode, Error> {
    let count = recording.points.len().max(recording.joints.len());
    if count < 2 {
        return Err(Error::TooFew { recording: name.to_string(), count });
    }
    let (q, poses) = match (&recording.times_s, recording.joints.is_empty()) {
        (None, false) => return Err(Error::NoTimes { recording: name.to_string() }),
        (Some(times), false) => {
            check_length(name, times)?;
            let q: Vec<Joints> =
                resampled(times, &recording.joints.iter().map(|q| SVector::from(*q)).collect::<Vec<_>>())
                    .map(Into::into)
                    .collect();
            let poses = q.iter().map(|q| forward(q, with.expert.F_T_EE())).collect();
            (q, poses)
        }
        (Some(times), true) => {
            check_length(name, times)?;
            let points: Vec<Point> = resampled(times, &recording.points).collect();
            let turns = match &recording.orientations {
                Some(turns) => turned(times, turns, points.len()),
                None => vec![tool_down(); points.len()],
            };
            let poses: Vec<Pose> =
                points.iter().zip(&turns).map(|(p, turn)| Pose::from_parts((*p).into(), *turn)).collect();
            (labels(name, &poses, recording.orientations.is_some(), with.expert)?, poses)
        }
        (None, true) => {
            let failed = |why: String| Error::Untimed { recording: name.to_string(), why };
            let path =
                drawing::path(&recording.points, None, with.drawing).map_err(|e| failed(e.to_string()))?;
            let mut label = |pose: &Pose| with.expert.label(&pose.translation.vector);
            let timed = time_law::plan(&path, &mut label, with.motion).map_err(|e| failed(e.to_string()))?;
            let ticks = (timed.lap_s() * 1e3).round() as usize + 1;
            let at = |k: usize| Pose::from_parts(timed.at(k as f64 * 1e-3).0.into(), tool_down());
            let poses: Vec<Pose> = (0..ticks).map(at).collect();
            (labels(name, &poses, false, with.expert)?, poses)
        }
    };
    let mut meta = meta.clone();
    meta.robot.F_T_EE = to_column_major(with.expert.F_T_EE());
    let ticks: Vec<Tick> = (0..q.len()).map(|k| tick(k, &q, &poses[k])).collect();
    let end = Some(End { ticks: ticks.len() as u64, dropped: 0, because: "imported".to_string() });
    Ok(Episode { meta, ticks, end })
}

fn check_length(name: &str, times: &[f64]) -> Result<(), Error> {
    match times.last().copied().unwrap_or(0.0) - times.first().copied().unwrap_or(0.0) {
        length_s if length_s > LENGTH_MAX_S => Err(Error::TooLong { recording: name.to_string(), length_s }),
        _ => Ok(()),
    }
}

fn labels(name: &str, poses: &[Pose], is_posed: bool, expert: &Expert) -> Result<Vec<Joints>, Error> {
    let label = |(k, pose): (usize, &Pose)| {
        let q = if is_posed { expert.label_pose(pose) } else { expert.label(&pose.translation.vector) };
        q.map_err(|why| Error::Reach {
            recording: name.to_string(),
            at_s: k as f64 * 1e-3,
            why: why.to_string(),
        })
    };
    poses.iter().enumerate().map(label).collect()
}

fn tick(k: usize, q: &[Joints], pose: &Pose) -> Tick {
    let (before, after) = (k.saturating_sub(1), (k + 1).min(q.len() - 1));
    let span_s = (after - before).max(1) as f64 * 1e-3;
    Tick {
        robot_time_ms: k as u64,
        monotonic_ns: 1_000_000 * k as u64,
        q: q[k],
        dq: std::array::from_fn(|j| (q[after][j] - q[before][j]) / span_s),
        q_d: q[k],
        q_c: q[k],
        O_T_EE: to_column_major(pose),
        mode: Mode::Guiding,
        kind: Kind::Demonstration,
        tau_s: k as f64 * 1e-3,
        x_ref: pose.translation.vector.into(),
        ..Tick::ZERO
    }
}

/// The row at or before each millisecond, and how far between it and the next, 0 to 1.
fn milliseconds(times: &[f64]) -> impl Iterator<Item = (usize, f64)> + '_ {
    let (first, last) = (times[0], times[times.len() - 1]);
    let count = ((last - first) * 1e3 + 1e-6) as usize + 1;
    let mut at = 0;
    (0..count).map(move |k| {
        let t = first + k as f64 * 1e-3;
        while at + 2 < times.len() && times[at + 1] <= t {
            at += 1;
        }
        (at, ((t - times[at]) / (times[at + 1] - times[at])).clamp(0.0, 1.0))
    })
}

/// Values each millisecond on cubic Hermite curves, whose slopes are those of the parabola through three neighbours.
fn resampled<'a, const N: usize>(
    times: &'a [f64],
    x: &'a [SVector<f64, N>],
) -> impl Iterator<Item = SVector<f64, N>> + 'a {
    let slope = move |i: usize| {
        let step = |i: usize| (x[i + 1] - x[i]) / (times[i + 1] - times[i]);
        if i == 0 {
            return step(0);
        }
        if i + 1 == x.len() {
            return step(i - 1);
        }
        let (before, after) = (times[i] - times[i - 1], times[i + 1] - times[i]);
        (step(i - 1) * after + step(i) * before) / (before + after)
    };
    milliseconds(times).map(move |(i, u)| {
        let h = times[i + 1] - times[i];
        let (m0, m1, chord) = (slope(i) * h, slope(i + 1) * h, x[i + 1] - x[i]);
        let (c, d) = (chord * 3.0 - m0 * 2.0 - m1, m0 + m1 - chord * 2.0);
        x[i] + (m0 + (c + d * u) * u) * u
    })
}

fn turned(times: &[f64], turns: &[UnitQuaternion<f64>], count: usize) -> Vec<UnitQuaternion<f64>> {
    let between = |(i, u): (usize, f64)| turns[i].try_slerp(&turns[i + 1], u, 1e-9).unwrap_or(turns[i]);
    milliseconds(times).map(between).take(count).collect()
}
