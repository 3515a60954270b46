//! Points from CSV files, whose header names every unit.
use super::drawing::{Drawn, REACH_MAX_M};
use super::shapes::nearest;
use super::timed_path::TimedPath;
use crate::kinematics::{Point, Pose};
use crate::robot::limits::{Q_MAX, Q_MIN};
use crate::robot::{JOINTS, Joints};
use nalgebra::{Quaternion, UnitQuaternion};
use std::fmt::Display;
use std::path::{Path, PathBuf};

/// The largest file read, bytes.
pub const BYTES_MAX: u64 = 64 << 20;
/// The most points read from one file.
pub const POINTS_MAX: usize = 200_000;

/// Every column a trajectory may have; `t_s`, the orientation (xyzw) and the joints may be left out.
const COLUMNS: [&str; 15] = [
    "t_s", "x_m", "y_m", "z_m", "qx", "qy", "qz", "qw", "q1_rad", "q2_rad", "q3_rad", "q4_rad", "q5_rad",
    "q6_rad", "q7_rad",
];

/// How far from 1 the length of a quaternion may be: four decimals a component.
const UNIT_TOLERANCE: f64 = 1e-3;

/// Points as written, in the base frame, m.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Positions in order.
    pub points: Vec<Point>,
    /// The end effector's orientation at each (w ≥ 0), if the file says so; else the tool points down.
    pub orientations: Option<Vec<UnitQuaternion<f64>>>,
    /// The joints of the arm that was guided through each, rad, if the file says so.
    pub joints: Option<Vec<Joints>>,
    /// When each was drawn, s, if the file says so.
    pub times_s: Option<Vec<f64>>,
    /// What was accepted but not used as written.
    pub warnings: Vec<Warning>,
}

impl Rows {
    /// The points and what goes with them.
    pub fn drawn(&self) -> Drawn<'_> {
        Drawn {
            points: &self.points,
            turns: self.orientations.as_deref(),
            joints: self.joints.as_deref(),
            times_s: self.times_s.as_deref(),
        }
    }

    /// Positions, with times and orientations if there are any, as [`read_csv`] reads them: to a micrometre and a microsecond.
    pub fn to_csv(&self) -> String {
        let mut header = vec!["x_m", "y_m", "z_m"];
        if self.times_s.is_some() {
            header.insert(0, "t_s");
        }
        if self.orientations.is_some() {
            header.extend(["qx", "qy", "qz", "qw"]);
        }
        let mut text = header.join(",");
        for (k, p) in self.points.iter().enumerate() {
            let time = self.times_s.as_ref().and_then(|times| times.get(k));
            let turn = self.orientations.as_ref().and_then(|turns| turns.get(k));
            let numbers =
                time.into_iter().chain(p.iter()).chain(turn.into_iter().flat_map(|q| q.coords.iter()));
            let cells: Vec<String> = numbers.map(|x| format!("{x:.6}")).collect();
            text += &format!("\n{}", cells.join(","));
        }
        text + "\n"
    }
}

/// What was accepted but not used as written.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Warning {
    /// Neighbouring points far apart for their file: the pen was lifted, or a row is missing.
    Gap { file: PathBuf, index: usize, gap_m: f64 },
}

impl Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Gap { file, index, gap_m } => write!(
                f,
                "{}: a gap of {gap_m:.3} m before point {index} is crossed in a straight line",
                file.display()
            ),
        }
    }
}

/// Why a file is no list of points.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error("{}: cannot be read: {source}", file.display())]
    Read { file: PathBuf, source: std::io::Error },
    #[error("{}: {bytes} bytes, allowed {BYTES_MAX}; keep one trajectory a file", file.display())]
    TooLarge { file: PathBuf, bytes: u64 },
    #[error("{}: more than {POINTS_MAX} points; keep every second one, or split it", file.display())]
    TooMany { file: PathBuf },
    #[error("{}: line {line} is not UTF-8 text; save it as plain CSV", file.display())]
    NotText { file: PathBuf, line: usize },
    #[error("{}: holds no points; write the header t_s,x_m,y_m,z_m (t_s may be left out), then one line a point",
        file.display())]
    Empty { file: PathBuf },
    #[error("{}: line {line}: column {column:?} {problem}", file.display())]
    Header { file: PathBuf, line: usize, column: String, problem: String },
    #[error("{}: line {line} has {found} columns, the header {expected}", file.display())]
    Ragged { file: PathBuf, line: usize, found: usize, expected: usize },
    #[error("{}: line {line}, column {column}: {value:?}, allowed {allowed}", file.display())]
    Value { file: PathBuf, line: usize, column: &'static str, value: String, allowed: String },
}

/// `timed` as a trajectory file: with times where the motion has times of its own, with orientations where it has any.
pub fn trajectory_csv(timed: &TimedPath) -> String {
    const MOMENT_S: f64 = 0.01;
    let path = timed.path();
    let row = |pose: &Pose| {
        let (p, r) = (&pose.translation.vector, &pose.rotation.coords);
        let turn = if r.w < 0.0 { -r } else { *r };
        let turn = if path.is_posed() {
            format!(",{:.9},{:.9},{:.9},{:.9}", turn.x, turn.y, turn.z, turn.w)
        } else {
            String::new()
        };
        format!("{:.6},{:.6},{:.6}{turn}\n", p.x, p.y, p.z)
    };
    let turn = if path.is_posed() { ",qx,qy,qz,qw" } else { "" };
    if path.timing().is_none() {
        let poses: Vec<Pose> = path.poses().collect();
        // The points are half a millimetre apart; the last is the end.
        let rows = poses.iter().enumerate().filter(|(k, _)| k % 2 == 0 || k + 1 == poses.len());
        let rows: String = rows.map(|(_, pose)| row(pose)).collect();
        return format!("x_m,y_m,z_m{turn}\n{rows}");
    }
    let moments = (timed.lap_s() / MOMENT_S).ceil() as u32;
    let at = |k: u32| (f64::from(k) * MOMENT_S).min(timed.lap_s() * (1.0 - f64::EPSILON));
    let rows: String = (0..=moments).map(|k| format!("{:.3},{}", at(k), row(&timed.pose(at(k))))).collect();
    format!("t_s,x_m,y_m,z_m{turn}\n{rows}")
}

/// Reads a CSV file with the header `t_s,x_m,y_m,z_m` (`t_s` optional, and `qx,qy,qz,qw`).
///
/// # Errors
/// File, line, column, value, what is allowed, and what to change.
pub fn read_csv(file: &Path) -> Result<Rows, Error> {
    parse_csv(&bytes(file)?, file)
}

fn bytes(file: &Path) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::Read { file: file.to_owned(), source };
    let bytes = std::fs::metadata(file).map_err(failed)?.len();
    if bytes > BYTES_MAX {
        return Err(Error::TooLarge { file: file.to_owned(), bytes });
    }
    std::fs::read(file).map_err(failed)
}

/// Reads CSV text; `file` is only for messages. Empty lines and lines that begin with `#` are skipped.
///
/// # Errors
/// As [`read_csv`].
pub fn parse_csv(bytes: &[u8], file: &Path) -> Result<Rows, Error> {
    let file = || file.to_owned();
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let line = bytes[..e.valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
        Error::NotText { file: file(), line }
    })?;
    let lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    let mut lines = lines
        .map(|(i, line)| (i + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let (line, header) = lines.next().ok_or_else(|| Error::Empty { file: file() })?;
    let columns =
        columns(header).map_err(|(column, problem)| Error::Header { file: file(), line, column, problem })?;
    let mut rows = Rows { times_s: columns.contains(&"t_s").then(Vec::new), ..Default::default() };
    if columns.contains(&"qx") {
        rows.orientations = Some(Vec::new());
    }
    if columns.contains(&"q1_rad") {
        rows.joints = Some(Vec::new());
    }
    for (line, text) in lines {
        let found = text.split(',').count();
        if found != columns.len() {
            return Err(Error::Ragged { file: file(), line, found, expected: columns.len() });
        }
        let (mut p, mut turn) = (Point::zeros(), Quaternion::new(0.0, 0.0, 0.0, 0.0));
        let mut q = [0.0; JOINTS];
        for (&column, text) in columns.iter().zip(text.split(',').map(str::trim)) {
            let before = rows.times_s.as_ref().and_then(|t| t.last()).copied();
            let wrong = |allowed| Error::Value { file: file(), line, column, value: shown(text), allowed };
            let value = value(column, text, before).map_err(wrong)?;
            match column {
                "t_s" => rows.times_s.iter_mut().for_each(|t| t.push(value)),
                "x_m" => p.x = value,
                "y_m" => p.y = value,
                "z_m" => p.z = value,
                "qx" => turn.i = value,
                "qy" => turn.j = value,
                "qz" => turn.k = value,
                "qw" => turn.w = value,
                _ => q
                    .iter_mut()
                    .zip(&COLUMNS[8..])
                    .filter(|(_, c)| **c == column)
                    .for_each(|(q, _)| *q = value),
            }
        }
        rows.points.push(p);
        rows.joints.iter_mut().for_each(|joints| joints.push(q));
        if let Some(orientations) = &mut rows.orientations {
            if (turn.norm() - 1.0).abs() > UNIT_TOLERANCE {
                let (value, allowed) = (format!("a quaternion of length {:.4}", turn.norm()), "1".to_owned());
                return Err(Error::Value { file: file(), line, column: "qx", value, allowed });
            }
            orientations.push(UnitQuaternion::new_normalize(if turn.w < 0.0 { -turn } else { turn }));
        }
        if rows.points.len() > POINTS_MAX {
            return Err(Error::TooMany { file: file() });
        }
    }
    finish(rows, &file())
}

/// The columns of a header, in their order; else the one at fault and what is wrong with it.
fn columns(header: &str) -> Result<Vec<&'static str>, (String, String)> {
    let mut columns = Vec::new();
    for given in header.split(',').map(str::trim) {
        let known = COLUMNS.iter().find(|c| **c == given);
        match known {
            Some(column) if columns.contains(column) => {
                return Err((shown(given), "stands twice in the header; keep one".to_owned()));
            }
            Some(column) => columns.push(*column),
            None => return Err((shown(given), unknown_column(given))),
        }
    }
    let missing = |names: &[&'static str]| names.iter().copied().find(|c| !columns.contains(c));
    let some = |names: &[&'static str]| names.iter().any(|c| columns.contains(c));
    let (orientation, joints) = (&COLUMNS[4..8], &COLUMNS[8..]);
    // Joints without an orientation would leave it to the tool that is mounted today.
    let turned = (some(orientation) || some(joints)).then(|| missing(orientation)).flatten();
    let guided = some(joints).then(|| missing(joints)).flatten();
    match missing(&COLUMNS[1..4]).or(turned).or(guided) {
        Some(column) => Err((column.to_owned(), "is missing from the header; add it".to_owned())),
        None => Ok(columns),
    }
}

fn unknown_column(given: &str) -> String {
    let ask =
        "the header must name columns of t_s,x_m,y_m,z_m,qx,qy,qz,qw,q1_rad to q7_rad, separated by commas";
    let axis = given.get(..1).filter(|axis| ["x", "y", "z"].contains(axis));
    match (axis, given.get(1..).unwrap_or("")) {
        _ if given.parse::<f64>().is_ok() => format!("is a number; add a header line: {ask}"),
        _ if given.contains([';', '\t', ' ']) => format!("is not one column: {ask}"),
        (Some(axis), "") => format!("names no unit; in metres it is {axis}_m"),
        (Some(axis), "_mm") => format!("is in millimetres; divide by 1000 and name it {axis}_m"),
        (Some(axis), "_cm") => format!("is in centimetres; divide by 100 and name it {axis}_m"),
        _ if given == "t" => "names no unit; in seconds it is t_s".to_owned(),
        _ if given == "t_ms" => "is in milliseconds; divide by 1000 and name it t_s".to_owned(),
        _ => format!("is unknown, the nearest is {}; {ask}", nearest(given, &COLUMNS)),
    }
}

/// The number in a cell, or what is allowed there.
fn value(column: &str, text: &str, time_before: Option<f64>) -> Result<f64, String> {
    let number = text.parse().unwrap_or(f64::NAN);
    match column {
        _ if !f64::is_finite(number) => Err("a finite number, with a point for the decimals".to_owned()),
        "t_s" => match time_before {
            Some(before) if number <= before => {
                Err(format!("more than {before}, the time before; sort the lines, or leave t_s out"))
            }
            _ => Ok(number),
        },
        "x_m" | "y_m" | "z_m" if number.abs() > REACH_MAX_M => {
            Err(format!("-{REACH_MAX_M} to {REACH_MAX_M} m; this looks like millimetres: divide by 1000"))
        }
        "qx" | "qy" | "qz" | "qw" if number.abs() > 1.0 + 1e-6 => {
            Err("-1 to 1, a unit quaternion".to_owned())
        }
        _ => match COLUMNS[8..].iter().position(|c| *c == column) {
            Some(joint) if !(Q_MIN[joint]..=Q_MAX[joint]).contains(&number) => {
                Err(format!("{} to {} rad, the joint's limits", Q_MIN[joint], Q_MAX[joint]))
            }
            _ => Ok(number),
        },
    }
}

/// Refuses a file without points, and notes gaps.
pub(super) fn finish(mut rows: Rows, file: &Path) -> Result<Rows, Error> {
    if rows.points.is_empty() {
        return Err(Error::Empty { file: file.to_owned() });
    }
    let gaps: Vec<f64> = rows.points.windows(2).map(|p| (p[1] - p[0]).norm()).collect();
    let mut sorted = gaps.clone();
    sorted.sort_by(f64::total_cmp);
    let usual_m = sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
    // A drawing has many short steps; few long ones, as in a polygon of five points, are its sides.
    let wide = |gap: f64| gap > 0.02 && gap > 10.0 * usual_m;
    let gap = gaps.iter().enumerate().filter(|(_, gap)| wide(**gap));
    let file = file.to_owned();
    if let Some((i, &gap_m)) = gap.max_by(|a, b| a.1.total_cmp(b.1)) {
        rows.warnings.push(Warning::Gap { file, index: i + 1, gap_m });
    }
    Ok(rows)
}

/// The beginning of what was written: a message must stay readable whatever a file holds.
fn shown(text: &str) -> String {
    let mut chars = text.chars();
    let start: String = chars.by_ref().take(40).collect();
    if chars.next().is_some() { start + "…" } else { start }
}
