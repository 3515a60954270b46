//! Recordings of other programs, read as they are and turned into episodes.
mod into_episode;
mod table;

pub use into_episode::{Conditions, episode};

use super::{csv, json};
use crate::kinematics::Point;
use crate::robot::Joints;
use nalgebra::{Rotation3, UnitQuaternion, Vector3};
use std::path::{Path, PathBuf};
use table::{Table, group};

/// Why a recording cannot be imported; nothing has been written.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error(transparent)]
    Csv(#[from] csv::Error),
    #[error(transparent)]
    Json(#[from] json::Error),
    #[error("{}: cannot be read: {source}", file.display())]
    Read { file: PathBuf, source: std::io::Error },
    #[error("{}: line {line}: {problem}", file.display())]
    Table { file: PathBuf, line: usize, problem: String },
    #[error("{}: drawn in pixels: say with --metres-per-pixel how large one is, and with --centre-m where the middle goes", file.display())]
    Pixels { file: PathBuf },
    #[error("{recording}: joints without times: add a column t_s")]
    NoTimes { recording: String },
    #[error("{recording}: {count} points, at least 2 are needed")]
    TooFew { recording: String, count: usize },
    #[error(
        "{recording}: out of reach at {at_s:.3} s: {why}; move it with --centre-m, --turn-rad or --scale"
    )]
    Reach { recording: String, at_s: f64, why: String },
    #[error("{recording}: {why}")]
    Untimed { recording: String, why: String },
    #[error("{recording}: {length_s:.0} s long, allowed {LENGTH_MAX_S} s: is t_s in seconds?")]
    TooLong { recording: String, length_s: f64 },
}

/// Longest recording, s.
const LENGTH_MAX_S: f64 = 3600.0;

/// What kind of file a recording came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Positions or poses in metres: `t_s,x_m,y_m,z_m`, and what [`csv`] knows besides.
    Positions,
    /// Joints: `t_s,q1_rad` to `q7_rad`.
    Joints,
    /// The LAIR set's drawings, in pixels: `demo,k,x,y`.
    Lair,
    /// The Panda symbols, guided by hand: `recording,k,x,y,z,vx,vy,vz,...`.
    Symbols,
    /// The original's JSON; its positions only.
    Original,
}

/// One recording, as it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// Its number in the file, if the file holds several.
    pub number: Option<u64>,
    /// When, s from the first.
    pub times_s: Option<Vec<f64>>,
    /// Where, m (pixels in a drawing).
    pub points: Vec<Point>,
    /// The tool's orientation, if it is known.
    pub orientations: Option<Vec<UnitQuaternion<f64>>>,
    /// The joints, rad, if they are known; then `points` is empty.
    pub joints: Vec<Joints>,
}

/// How positions are brought into the robot's base frame: scaled and turned about their middle, which is then moved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Map {
    /// Metres for one unit of the file.
    pub scale: f64,
    /// About the base's z axis, rad.
    pub turn_rad: f64,
    /// Where the middle of all recordings of a file goes, base frame, m; none leaves it.
    pub centre_m: Option<[f64; 3]>,
}

impl Default for Map {
    fn default() -> Map {
        Map { scale: 1.0, turn_rad: 0.0, centre_m: None }
    }
}

impl Map {
    /// Maps all recordings of a file alike, so that they stay beside each other as they were.
    pub fn apply(&self, recordings: &mut [Recording]) {
        let points = recordings.iter().flat_map(|r| &r.points);
        let start = (Point::repeat(f64::INFINITY), Point::repeat(f64::NEG_INFINITY));
        let (low, high) = points.fold(start, |(low, high), p| (low.inf(p), high.sup(p)));
        let middle = 0.5 * (low + high);
        let turn = Rotation3::from_axis_angle(&Vector3::z_axis(), self.turn_rad);
        let to = self.centre_m.map_or(self.scale * middle, Point::from);
        for recording in recordings {
            recording.points.iter_mut().for_each(|p| *p = turn * (self.scale * (*p - middle)) + to);
            if let Some(orientations) = &mut recording.orientations {
                let turn = UnitQuaternion::from_rotation_matrix(&turn);
                orientations.iter_mut().for_each(|q| *q = turn * *q);
            }
        }
    }
}

/// Every recording in a file, whose kind is seen by its header.
///
/// # Errors
/// [`Error`] with file, line, column and what is allowed.
pub fn read(file: &Path) -> Result<(Source, Vec<Recording>), Error> {
    if file.extension().is_some_and(|e| e == "json") {
        let points = json::read(file)?.into_iter().map(|example| example.O_p_EE).collect();
        return Ok((Source::Original, vec![Recording::of(points)]));
    }
    let text = std::fs::read(file).map_err(|source| Error::Read { file: file.to_owned(), source })?;
    let header = String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned();
    let has = |name: &str| header.split(',').any(|column| column.trim() == name);
    match (has("demo"), has("recording"), has("q1_rad") && !has("x_m")) {
        (true, ..) => Ok((Source::Lair, lair(file, &text)?)),
        (_, true, _) => Ok((Source::Symbols, symbols(file, &text)?)),
        (_, _, true) => Ok((Source::Joints, vec![joints(file, &text)?])),
        _ => Ok((Source::Positions, vec![csv::parse_csv(&text, file)?.into()])),
    }
}

impl Recording {
    fn of(points: Vec<Point>) -> Recording {
        Recording { number: None, times_s: None, points, orientations: None, joints: Vec::new() }
    }
}

impl From<csv::Rows> for Recording {
    fn from(rows: csv::Rows) -> Recording {
        let joints = rows.joints.filter(|_| rows.times_s.is_some()).unwrap_or_default();
        let points = if joints.is_empty() { rows.points } else { Vec::new() };
        Recording { number: None, times_s: rows.times_s, points, orientations: rows.orientations, joints }
    }
}

/// A drawing's rows point down a screen; here they lie on a table, x to the right and y up.
fn lair(file: &Path, text: &[u8]) -> Result<Vec<Recording>, Error> {
    let table = Table::parse(file, text, &["demo", "k", "x", "y"])?;
    let of = |(number, rows): (u64, &[[f64; 4]])| Recording {
        number: Some(number),
        ..Recording::of(rows.iter().map(|[_, _, x, y]| Point::new(*x, -y, 0.0)).collect())
    };
    Ok(group(&table.rows).into_iter().map(of).collect())
}

/// The file counts samples and gives velocities: how long a sample took follows from both.
fn symbols(file: &Path, text: &[u8]) -> Result<Vec<Recording>, Error> {
    let table = Table::parse(file, text, &["recording", "k", "x", "y", "z", "vx", "vy", "vz"])?;
    let groups = group(&table.rows);
    let (mut way, mut square) = (0.0, 0.0);
    for (_, rows) in &groups {
        for (a, b) in rows.iter().zip(rows.iter().skip(1)) {
            let vector = |row: &[f64; 8], at: usize| Vector3::new(row[at], row[at + 1], row[at + 2]);
            let (moved, v) = (vector(b, 2) - vector(a, 2), 0.5 * (vector(a, 5) + vector(b, 5)));
            let samples = b[1] - a[1];
            way += samples * v.dot(&moved);
            square += samples * samples * v.norm_squared();
        }
    }
    let sample_s = way / square;
    if !(sample_s.is_finite() && (1e-4..0.1).contains(&sample_s)) {
        let problem = format!(
            "a sample would take {sample_s} s, allowed 0.0001 to 0.1: are x,y,z in m and vx,vy,vz in m/s?"
        );
        return Err(Error::Table { file: file.to_owned(), line: 1, problem });
    }
    let of = |(number, rows): (u64, &[[f64; 8]])| Recording {
        number: Some(number),
        times_s: Some(rows.iter().map(|row| (row[1] - rows[0][1]) * sample_s).collect()),
        ..Recording::of(rows.iter().map(|row| Point::new(row[2], row[3], row[4])).collect())
    };
    Ok(groups.into_iter().map(of).collect())
}

fn joints(file: &Path, text: &[u8]) -> Result<Recording, Error> {
    const NAMES: [&str; 8] = ["t_s", "q1_rad", "q2_rad", "q3_rad", "q4_rad", "q5_rad", "q6_rad", "q7_rad"];
    let table = Table::parse(file, text, &NAMES)?;
    let first = table.rows.first().map_or(0.0, |row| row[0]);
    table.check_joints(file)?;
    Ok(Recording {
        times_s: Some(table.rows.iter().map(|row| row[0] - first).collect()),
        joints: table.rows.iter().map(|row| std::array::from_fn(|j| row[j + 1])).collect(),
        ..Recording::of(Vec::new())
    })
}
