//! From what a hand has guided to a path: idle ends cut, tremor smoothed, at its own pace, with its orientations and joints.
use super::drawing::{self, Drawn};
use super::episode::{Gap, Tick};
use super::path::Path;
use crate::kinematics::{Point, Pose, from_column_major};
use crate::robot::{JOINTS, Joints};
use nalgebra::{Quaternion, SVector, UnitQuaternion, Vector4};

/// Ticks are averaged over so long, ms: shorter than a hand's tremor, longer than a sensor's noise.
const AVERAGED_MS: u64 = 10;
/// An end at which the end effector goes no farther than this is idle, m and rad: a hand that rests trembles.
const REST: (f64, f64) = (0.002, 0.02);
/// The motion begins where it last was nearer than this share of it.
const AT_REST: f64 = 0.25;
/// Over a gap the end effector may move so far, m; what it did there nobody knows.
const GAP_MAX_M: f64 = 0.003;

/// Why a demonstration is no path.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error(
        "no motion: the end effector goes no farther than {:.1} mm from where it begins, and a path needs more than \
         {:.0} mm; 'franka-imit replay' plays the joints back", 1e3 * moved_m, 1e3 * REST.0
    )]
    Still { moved_m: f64 },
    #[error(
        "states are lost: at {at_s:.3} s {missing} ms are missing, in which the end effector moves by {:.1} mm, allowed \
         {:.0} mm; teach it again, and let 'franka-imit doctor' look at the connection", 1e3 * way_m, 1e3 * GAP_MAX_M
    )]
    Gap { at_s: f64, missing: u64, way_m: f64 },
    #[error("at {at_s:.3} s the end effector has no pose: {why}; teach it again")]
    NoPose { at_s: f64, why: String },
    #[error("no motion: no joint moves faster than {speed_rad_s} rad/s; there is nothing to play back")]
    NoMotion { speed_rad_s: f64 },
    #[error(transparent)]
    Path(#[from] drawing::Error),
}

/// Where in an episode its motion lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Motion {
    /// Its first moment after the first tick, s.
    pub start_s: f64,
    /// Its last, s.
    pub end_s: f64,
}

/// The path of the end effector through `ticks` (in order of time), with their orientations, joints and times.
///
/// # Errors
/// [`Error`] when nothing moves, when states are missing where something did, or as [`drawing::drawn`].
pub fn path(ticks: &[Tick], options: &drawing::Options) -> Result<Path, Error> {
    Ok(motion(ticks, options)?.0)
}

/// [`path`], and where in the ticks it lies.
///
/// # Errors
/// As [`path`].
pub fn motion(ticks: &[Tick], options: &drawing::Options) -> Result<(Path, Motion), Error> {
    check_gaps(ticks)?;
    let means = averages(ticks)?;
    let (from, to) = moving(&means)?;
    let means = &means[from..=to];
    let points: Vec<Point> = means.iter().map(|mean| mean.O_T_EE.translation.vector).collect();
    let turns: Vec<UnitQuaternion<f64>> = means.iter().map(|mean| mean.O_T_EE.rotation).collect();
    let joints: Vec<Joints> = means.iter().map(|mean| mean.q).collect();
    let start_s = means[0].t_s;
    let times: Vec<f64> = means.iter().map(|mean| mean.t_s - start_s).collect();
    let drawn = Drawn { points: &points, turns: Some(&turns), joints: Some(&joints), times_s: Some(&times) };
    let path = drawing::drawn(&drawn, options)?;
    Ok((path, Motion { start_s, end_s: means[means.len() - 1].t_s }))
}

/// What the arm did in a few milliseconds.
struct Mean {
    /// After the first tick, s.
    t_s: f64,
    O_T_EE: Pose,
    q: Joints,
}

/// Seconds after the first of `ticks`.
fn since(ticks: &[Tick], tick: &Tick) -> f64 {
    let first = ticks.first().map_or(0, |first| first.robot_time_ms);
    tick.robot_time_ms.saturating_sub(first) as f64 * 1e-3
}

/// Ticks that are missing where the end effector moved.
pub(super) fn check_gaps(ticks: &[Tick]) -> Result<(), Error> {
    for Gap { index, missing } in super::episode::gaps(ticks) {
        let (before, after) = (&ticks[index - 1], &ticks[index]);
        let way_m = (Point::from(after.O_p_EE()) - Point::from(before.O_p_EE())).norm();
        if way_m > GAP_MAX_M {
            return Err(Error::Gap { at_s: since(ticks, after), missing, way_m });
        }
    }
    Ok(())
}

fn averages(ticks: &[Tick]) -> Result<Vec<Mean>, Error> {
    let first_ms = ticks.first().map_or(0, |first| first.robot_time_ms);
    let slot = |tick: &Tick| tick.robot_time_ms.saturating_sub(first_ms) / AVERAGED_MS;
    let mut means = Vec::new();
    for ticks_of_slot in ticks.chunk_by(|a, b| slot(a) == slot(b)) {
        let (mut t_s, mut p, mut r) = (0.0, Point::zeros(), Vector4::zeros());
        let mut q = SVector::<f64, JOINTS>::zeros();
        for tick in ticks_of_slot {
            let at_s = since(ticks, tick);
            let O_T_EE =
                from_column_major(&tick.O_T_EE).map_err(|e| Error::NoPose { at_s, why: e.to_string() })?;
            let turn = O_T_EE.rotation.coords;
            t_s += at_s;
            p += O_T_EE.translation.vector;
            r += if r.dot(&turn) < 0.0 { -turn } else { turn };
            q += SVector::from(tick.q);
        }
        let n = ticks_of_slot.len() as f64;
        let rotation = UnitQuaternion::new_normalize(Quaternion::from(r));
        means.push(Mean {
            t_s: t_s / n,
            O_T_EE: Pose::from_parts((p / n).into(), rotation),
            q: (q / n).into(),
        });
    }
    Ok(means)
}

/// The first and the last of `means` that belong to the motion.
fn moving(means: &[Mean]) -> Result<(usize, usize), Error> {
    let away = |from: &Mean, mean: &Mean| {
        let way_m = (mean.O_T_EE.translation.vector - from.O_T_EE.translation.vector).norm();
        (way_m / REST.0).max(mean.O_T_EE.rotation.angle_to(&from.O_T_EE.rotation) / REST.1)
    };
    let still = |means: &[Mean]| {
        let ways = means.first().map(|from| {
            let way = |mean: &Mean| (mean.O_T_EE.translation.vector - from.O_T_EE.translation.vector).norm();
            means.iter().map(way).fold(0.0, f64::max)
        });
        Error::Still { moved_m: ways.unwrap_or(0.0) }
    };
    let (Some(begin), Some(end)) = (means.first(), means.last()) else { return Err(still(means)) };
    let leaves = means.iter().position(|mean| away(begin, mean) > 1.0);
    let comes = means.iter().rposition(|mean| away(end, mean) > 1.0);
    let (Some(leaves), Some(comes)) = (leaves, comes) else { return Err(still(means)) };
    let from = means[..leaves].iter().rposition(|mean| away(begin, mean) <= AT_REST).unwrap_or(0);
    let to = means[comes..].iter().position(|mean| away(end, mean) <= AT_REST);
    let (from, to) = (from, to.map_or(means.len() - 1, |k| comes + k));
    let moves =
        |mean: &Mean| (mean.O_T_EE.translation.vector - begin.O_T_EE.translation.vector).norm() > REST.0;
    if from >= to || !means[from..=to].iter().any(moves) { Err(still(means)) } else { Ok((from, to)) }
}
