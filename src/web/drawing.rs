//! What a person has drawn on the page, or given it as a file.
use crate::demonstration::csv::Rows;
use crate::demonstration::drawing::{self, Options};
use crate::demonstration::path::Path;
use crate::demonstration::plane::Plane;
use crate::demonstration::shapes;
use crate::kinematics::Point;
use serde::{Deserialize, Serialize};

/// Points of a drawing, at most.
const POINTS_MAX: usize = 8000;
/// Strokes of a drawing, at most.
const STROKES_MAX: usize = 200;
/// Speed along a drawing, m/s.
const SPEED_M_S: std::ops::RangeInclusive<f64> = 0.005..=0.5;
/// Laps at most; 0 goes on until somebody stops the arm.
pub(super) const LAPS_MAX: u32 = 10_000;
/// Points of a path that a page is shown, at most.
const TRACE_POINTS: usize = 600;
/// Between two points of which neither is later than the other, s.
const TICK_S: f64 = 1e-3;

/// A motion of the end effector, pointing down unless a file says how it turns: points, strokes or a file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Drawing {
    /// Points of one stroke, base frame, m; or
    pub points_m: Vec<[f64; 3]>,
    /// strokes on the plane, m to the right of its centre and up, with the pen lifted from one to the next; or
    pub strokes_m: Vec<Vec<[f64; 2]>>,
    /// a file.
    pub file: Option<File>,
    /// When each point of each stroke was drawn, s, growing within a stroke; not given, the speed is constant but for bends
    /// and corners.
    pub times_s: Option<Vec<Vec<f64>>>,
    /// Where strokes and SVG files lie; not given, as configured (`[drawing.plane]`).
    pub plane: Option<Plane>,
    /// Standard deviation of the smoothing along the path, m; not given, as configured.
    pub smoothing_m: Option<f64>,
    /// Whether its end joins its start; not given, a loop whose ends nearly meet is closed.
    pub closed: Option<bool>,
    /// Speed along it, and of a lifted pen, m/s; not given, `motion.speed_m_s`.
    pub speed_m_s: Option<f64>,
    /// How often it is followed; 0 goes on until somebody stops the arm, and without it once.
    pub laps: Option<u32>,
}

/// A file that a person has chosen.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Its name; the end says what it is, `.csv` or `.svg`.
    pub name: String,
    /// What it holds.
    pub text: String,
}

/// A path as a page shows it.
#[derive(Debug, Serialize)]
pub(super) struct Trace {
    points_m: Vec<[f64; 3]>,
    length_m: f64,
    closed: bool,
    /// What its author should know.
    words: Vec<String>,
}

impl Drawing {
    /// What is outside its allowed range, in words.
    pub(super) fn wrong(&self) -> Option<String> {
        let kinds = [!self.points_m.is_empty(), !self.strokes_m.is_empty(), self.file.is_some()]
            .iter()
            .filter(|is| **is)
            .count();
        let points = self.points_m.len() + self.strokes_m.iter().map(Vec::len).sum::<usize>();
        let strokes = self.strokes_m.len();
        if kinds > 1 {
            return Some("a drawing is one of points_m, strokes_m and file: leave the others out".to_owned());
        }
        if self.file.is_none() && !(2..=POINTS_MAX).contains(&points) {
            let what = if strokes > 0 { "strokes_m" } else { "points_m" };
            return Some(format!("{what} has {points} points, allowed 2 to {POINTS_MAX}"));
        }
        if strokes > STROKES_MAX {
            return Some(format!("strokes_m has {strokes} strokes, allowed 1 to {STROKES_MAX}"));
        }
        if let Some(k) = self.strokes_m.iter().position(Vec::is_empty) {
            return Some(format!("strokes_m[{k}] has 0 points, allowed 1 to {POINTS_MAX}"));
        }
        if let Some(times) = &self.times_s
            && !times.iter().map(Vec::len).eq(self.strokes_m.iter().map(Vec::len))
        {
            return Some(
                "times_s: allowed: one time to each point of each stroke, or none at all".to_owned(),
            );
        }
        if let Some(violation) = self.options(&Options::default()).validate().first() {
            return Some(violation.to_string());
        }
        if let Some(speed) = self.speed_m_s.filter(|speed| !SPEED_M_S.contains(speed)) {
            let (low, high) = (SPEED_M_S.start(), SPEED_M_S.end());
            return Some(format!("speed_m_s = {speed}, allowed {low} to {high} m/s"));
        }
        let laps = self.laps.filter(|laps| *laps > LAPS_MAX)?;
        Some(format!("laps = {laps}, allowed 0 to {LAPS_MAX}"))
    }

    /// How it becomes a path, where it does not say so itself as `configured`.
    pub fn options(&self, configured: &Options) -> Options {
        Options {
            smoothing_m: self.smoothing_m.unwrap_or(configured.smoothing_m),
            plane: self.plane.clone().unwrap_or_else(|| configured.plane.clone()),
            closed: self.closed,
            // A hand is quicker than the arm now and then.
            may_be_slowed: true,
        }
    }

    /// Its points as drawn, and what there is to say of them; `speed_m_s` is that of a lifted pen.
    ///
    /// # Errors
    /// What is wrong with a file.
    pub fn rows(
        &self,
        options: &Options,
        speed_m_s: f64,
    ) -> Result<(Rows, Vec<shapes::Warning>), shapes::Error> {
        if let Some(File { name, text }) = &self.file {
            return shapes::rows(std::path::Path::new(name), text.as_bytes(), options);
        }
        let rows = if self.strokes_m.is_empty() {
            Rows { points: self.points_m.iter().copied().map(Point::from).collect(), ..Rows::default() }
        } else {
            let times_s = self.times_s.as_ref().map(|times| self.timed(times, &options.plane, speed_m_s));
            Rows { points: options.plane.line(&self.strokes_m).0, times_s, ..Rows::default() }
        };
        Ok((rows, Vec::new()))
    }

    /// The path of its points.
    ///
    /// # Errors
    /// Anything that is not a path of an arm.
    pub fn path(rows: &Rows, options: &Options) -> Result<Path, drawing::Error> {
        drawing::drawn(&rows.drawn(), options)
    }

    /// What a page shows of it before it is followed.
    pub(super) fn trace(&self, configured: &Options) -> Result<Trace, String> {
        let options = self.options(configured);
        let (rows, warnings) =
            self.rows(&options, self.speed_m_s.unwrap_or(*SPEED_M_S.end())).map_err(|e| e.to_string())?;
        let path = Self::path(&rows, &options).map_err(|e| e.to_string())?;
        let every = path.points().len().div_ceil(TRACE_POINTS).max(1);
        let points = path.points().iter().step_by(every).chain(path.points().last());
        Ok(Trace {
            points_m: points.map(|p| (*p).into()).collect(),
            length_m: path.length_m(),
            closed: path.is_closed(),
            words: warnings.iter().map(ToString::to_string).collect(),
        })
    }

    /// When the end effector is at each point of the line through all strokes, s: as drawn along them, and lifted at
    /// `speed_m_s` from one to the next.
    fn timed(&self, times: &[Vec<f64>], plane: &Plane, speed_m_s: f64) -> Vec<f64> {
        let mut out: Vec<f64> = Vec::new();
        let mut before: Option<&[[f64; 2]]> = None;
        for (stroke, times) in self.strokes_m.iter().zip(times) {
            let (Some(first), Some(first_s)) = (stroke.first(), times.first()) else { continue };
            let mut now_s = out.last().copied().unwrap_or(0.0);
            if let Some(last) = before.and_then(<[_]>::last) {
                // Two points more than the two of the strokes themselves: the pen is lifted.
                let way = plane.line(&[vec![*last], vec![*first]]).0;
                for (k, leg) in way.windows(2).enumerate() {
                    now_s += ((leg[1] - leg[0]).norm() / speed_m_s).max(TICK_S);
                    if k + 2 < way.len() {
                        out.push(now_s);
                    }
                }
            }
            out.extend(times.iter().map(|t| now_s + t - first_s));
            before = Some(stroke);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demonstration::plane::Stands;

    fn two_strokes() -> Drawing {
        Drawing {
            strokes_m: vec![vec![[0.0, 0.0], [0.05, 0.0]], vec![[0.0, 0.05], [0.05, 0.05], [0.06, 0.05]]],
            times_s: Some(vec![vec![0.0, 1.0], vec![7.0, 7.5, 9.0]]),
            ..Drawing::default()
        }
    }

    #[test]
    fn strokes_keep_their_times_and_the_pen_is_lifted_at_the_speed() {
        let drawing = two_strokes();
        let options = drawing.options(&Options::default());
        let (rows, _) = drawing.rows(&options, 0.1).unwrap();
        let times = rows.times_s.clone().unwrap();
        assert_eq!((rows.points.len(), times.len()), (7, 7));
        let across_s = 0.05_f64.hypot(0.05) / 0.1;
        let expected = [0.0, 1.0, 1.2, 1.2 + across_s, 1.4 + across_s, 1.9 + across_s, 3.4 + across_s];
        assert!(times.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{times:?} {expected:?}");
        assert!((rows.points[2].z - 0.52).abs() < 1e-12 && (rows.points[4].z - 0.5).abs() < 1e-12);
        assert!(Drawing::path(&rows, &options).is_ok());
    }

    #[test]
    fn strokes_that_meet_are_one_and_their_times_still_grow() {
        let mut drawing = two_strokes();
        drawing.strokes_m[1][0] = [0.05, 0.0];
        let (rows, _) = drawing.rows(&drawing.options(&Options::default()), 0.1).unwrap();
        let times = rows.times_s.unwrap();
        assert!(times.len() == 5 && times.windows(2).all(|t| t[1] > t[0]), "{times:?}");
    }

    #[test]
    fn a_refusal_names_the_field_its_value_and_what_is_allowed() {
        let wall = Plane { stands: Stands::Vertical, size_m: [3.0, 0.2], ..Plane::default() };
        let cases = [
            (Drawing { plane: Some(wall), ..two_strokes() }, "plane.size_m"),
            (Drawing { smoothing_m: Some(1.0), ..two_strokes() }, "smoothing_m = 1: allowed 0 to 0.05 m"),
            (Drawing { times_s: Some(vec![vec![0.0]]), ..two_strokes() }, "times_s: allowed"),
            (Drawing { points_m: vec![[0.0; 3]; 2], ..two_strokes() }, "one of points_m, strokes_m and file"),
            (
                Drawing { strokes_m: vec![vec![[0.0; 2]; 2]; 201], times_s: None, ..two_strokes() },
                "has 201 strokes",
            ),
            (Drawing::default(), "points_m has 0 points, allowed 2 to 8000"),
        ];
        for (drawing, words) in cases {
            let said = drawing.wrong().unwrap_or_default();
            assert!(said.contains(words), "{said}");
        }
        assert_eq!(two_strokes().wrong(), None);
    }
}
