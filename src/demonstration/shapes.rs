//! The trajectories a person can name: three built-in shapes, a file, or a demonstration.
use super::csv;
use super::demo::{self, Demo};
use super::drawing;
use super::json;
use super::path::Path;
use super::svg;
use crate::kinematics::{Point, Pose};
use crate::spelling::distance;
use std::f64::consts::TAU;
use std::path::{Path as FilePath, PathBuf};
use std::str::FromStr;

/// The names of the built-in shapes.
pub const NAMES: [&str; 3] = ["circle", "square", "figure-eight"];

/// What `--trajectory` may name; positions are those of the end effector EE in the base frame O.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trajectory {
    /// Centre (0.5, 0, 0.4), radius 0.1 m, in the plane x = 0.5; starts at (0.5, 0.1, 0.4), then rises.
    Circle,
    /// Centre (0.3, 0, 0.5), side 0.1 m, horizontal; starts at the corner (0.35, 0.05, 0.5).
    Square,
    /// Centre (0.45, 0, 0.35), 0.2 m along x, 0.1 m along y, horizontal; starts at its centre.
    FigureEight,
    /// A `.csv`, `.svg` or `.json` file.
    File(PathBuf),
    /// An episode: its name in the folder of episodes, or its file.
    Demo(String),
}

/// A path and what its author should know about it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The path.
    pub path: Path,
    /// What was accepted but not used as written.
    pub warnings: Vec<Warning>,
    /// What a demonstration was taught with.
    pub taught: Option<About>,
}

/// What goes with the path of a demonstration.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    /// The end effector whose poses these are, in the flange frame.
    pub F_T_EE: Pose,
    /// What the gripper did, in order.
    pub grips: Vec<demo::Grip>,
}

/// What was accepted but not used as written.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Warning {
    Drawing(csv::Warning),
    Demo(demo::Note),
    Svg(svg::Placed),
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Drawing(warning) => warning.fmt(f),
            Self::Demo(note) => note.fmt(f),
            Self::Svg(placed) => placed.fmt(f),
        }
    }
}

/// Why a trajectory cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error(
        "trajectory {given:?} is unknown; did you mean {nearest:?}? allowed: circle, square, figure-eight, \
         a .csv, .svg or .json file, or demo:EPISODE"
    )]
    Unknown { given: String, nearest: &'static str },
    #[error(
        "{}: files of this kind are not read; allowed: .csv (t_s,x_m,y_m,z_m), .svg and .json{}", file.display(),
        if file.extension().is_some_and(|e| e == super::episode::EXTENSION) { "; an episode is named demo:FILE" } else { "" }
    )]
    Kind { file: PathBuf },
    #[error(transparent)]
    Csv(#[from] csv::Error),
    #[error(transparent)]
    Json(#[from] json::Error),
    #[error(transparent)]
    Svg(#[from] svg::Error),
    #[error(transparent)]
    Demo(#[from] demo::Error),
    #[error("{what}: {source}")]
    Path { what: String, source: drawing::Error },
}

impl FromStr for Trajectory {
    type Err = Error;

    fn from_str(given: &str) -> Result<Self, Error> {
        if let Some(name) = given.strip_prefix(demo::PREFIX) {
            return Ok(Self::Demo(name.to_owned()));
        }
        match given {
            "circle" => Ok(Self::Circle),
            "square" => Ok(Self::Square),
            "figure-eight" => Ok(Self::FigureEight),
            // A name without a dot or a slash is no file of ours, whether one of that name exists or not.
            _ if given.contains(['.', '/', '\\']) => Ok(Self::File(given.into())),
            _ => Err(Error::Unknown { given: given.to_owned(), nearest: nearest(given, &NAMES) }),
        }
    }
}

impl Trajectory {
    /// The path; `options` apply to files only, built-in shapes are exact.
    ///
    /// # Errors
    /// A file that cannot be read as a path, with line, column, value and what to change.
    pub fn load(&self, options: &drawing::Options) -> Result<Loaded, Error> {
        let exactly = drawing::Options::exact(Some(true));
        let exact = |points| (csv::Rows { points, ..Default::default() }, &exactly);
        let mut svg_placed = None;
        let (rows, options) = match self {
            Self::Circle => exact(circle()),
            Self::Square => exact(square()),
            Self::FigureEight => exact(figure_eight()),
            Self::File(file) if is(file, "svg") => {
                let (points, placed) = svg::read(file, &options.plane)?;
                svg_placed = Some(Warning::Svg(placed));
                (csv::Rows { points, ..Default::default() }, options)
            }
            Self::File(file) => (read(file)?, options),
            Self::Demo(name) => return Ok(demo::load(name, options)?.into()),
        };
        let path = drawing::drawn(&rows.drawn(), options)
            .map_err(|source| Error::Path { what: self.to_string(), source })?;
        let warnings = rows.warnings.into_iter().map(Warning::Drawing).chain(svg_placed).collect();
        Ok(Loaded { path, warnings, taught: None })
    }
}

impl From<Demo> for Loaded {
    fn from(demo: Demo) -> Self {
        let Demo { path, F_T_EE, grips, notes, .. } = demo;
        let warnings = notes.into_iter().map(Warning::Demo).collect();
        Self { path, warnings, taught: Some(About { F_T_EE, grips }) }
    }
}

impl std::fmt::Display for Trajectory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Circle => f.write_str("circle"),
            Self::Square => f.write_str("square"),
            Self::FigureEight => f.write_str("figure-eight"),
            Self::File(file) => file.display().fmt(f),
            Self::Demo(name) => write!(f, "{}{name}", demo::PREFIX),
        }
    }
}

/// The path that `spec` names: a built-in shape or a file.
///
/// # Errors
/// An unknown name, with the nearest known one; a file that is no path.
pub fn load(spec: &str, options: &drawing::Options) -> Result<Loaded, Error> {
    Trajectory::from_str(spec)?.load(options)
}

/// The points in bytes that came from a file called `file`, `.csv` or `.svg`, and what its author should know.
///
/// # Errors
/// As of [`load`].
pub fn rows(
    file: &FilePath,
    bytes: &[u8],
    options: &drawing::Options,
) -> Result<(csv::Rows, Vec<Warning>), Error> {
    if is(file, "svg") {
        let (points, placed) = svg::place(file, bytes, &options.plane)?;
        return Ok((csv::Rows { points, ..Default::default() }, vec![Warning::Svg(placed)]));
    }
    if !is(file, "csv") {
        return Err(Error::Kind { file: file.to_owned() });
    }
    let mut rows = csv::parse_csv(bytes, file)?;
    let warnings = std::mem::take(&mut rows.warnings).into_iter().map(Warning::Drawing).collect();
    Ok((rows, warnings))
}

fn is(file: &FilePath, extension: &str) -> bool {
    file.extension().is_some_and(|e| e.eq_ignore_ascii_case(extension))
}

fn read(file: &FilePath) -> Result<csv::Rows, Error> {
    match file.extension().and_then(|e| e.to_str()) {
        Some("csv") => Ok(csv::read_csv(file)?),
        Some("json") => {
            let points = json::read(file)?.iter().map(|example| example.O_p_EE).collect();
            Ok(csv::finish(csv::Rows { points, ..Default::default() }, file)?)
        }
        _ => Err(Error::Kind { file: file.to_owned() }),
    }
}

fn circle() -> Vec<Point> {
    let length = TAU * 0.1;
    evenly(|u| Point::new(0.5, 0.1 * (TAU * u).cos(), 0.4 + 0.1 * (TAU * u).sin()), length)
}

fn square() -> Vec<Point> {
    [(1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0), (1.0, 1.0)]
        .map(|(x, y)| Point::new(0.3 + 0.05 * x, 0.05 * y, 0.5))
        .to_vec()
}

/// Gerono's lemniscate.
fn figure_eight() -> Vec<Point> {
    // 0.6097 m is its length, rounded up; the points are then a little nearer than asked.
    evenly(|u| Point::new(0.45 + 0.1 * (TAU * u).sin(), 0.05 * (2.0 * TAU * u).sin(), 0.35), 0.62)
}

/// Points of the closed curve over `u` in [0, 1], each exactly on it, evenly spaced in arc length.
fn evenly(curve: impl Fn(f64) -> Point, length_m: f64) -> Vec<Point> {
    const FINE: usize = 20_000;
    let fine: Vec<Point> = (0..=FINE).map(|k| curve(k as f64 / FINE as f64)).collect();
    let mut arc = vec![0.0];
    for pair in fine.windows(2) {
        arc.push(arc[arc.len() - 1] + (pair[1] - pair[0]).norm());
    }
    let n = (length_m / drawing::SPACING_M).ceil() as usize;
    let at = |k: usize| {
        let s = arc[FINE] * k as f64 / n as f64;
        let i = arc.partition_point(|x| *x <= s).clamp(1, FINE);
        let within = ((s - arc[i - 1]) / (arc[i] - arc[i - 1])).clamp(0.0, 1.0);
        curve((i as f64 - 1.0 + within) / FINE as f64)
    };
    (0..=n).map(at).collect()
}

/// The name in `names` that is nearest to the beginning of `given`, which may be a whole line of text.
pub(super) fn nearest(given: &str, names: &[&'static str]) -> &'static str {
    let given: String = given.chars().take(64).collect();
    names.iter().copied().min_by_key(|name| distance(&given, name)).unwrap_or("")
}
