//! A plane in the robot's world on which a drawing lies, and strokes on it as one line of the end effector.
use crate::kinematics::Point;
use crate::range::{Violation, check_each, check_range};
use nalgebra::{Rotation3, Vector3};
use serde::{Deserialize, Serialize};

/// Strokes whose ends are nearer than this are drawn in one go, m.
const JOINED_M: f64 = 1e-3;

/// How a plane stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stands {
    /// Like a table: seen from above, the top of the drawing away from the base.
    #[default]
    Horizontal,
    /// Like a wall in front of the base, as it is seen from the base.
    Vertical,
}

/// Where a drawing lies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plane {
    /// How it stands.
    pub stands: Stands,
    /// Its centre, base frame, m.
    pub centre_m: [f64; 3],
    /// By how much it is turned about the vertical through its centre, rad; a horizontal one turns on itself, a vertical
    /// one to the side.
    pub turn_rad: f64,
    /// Its width and height, m.
    pub size_m: [f64; 2],
    /// How far the pen is lifted off it from one stroke to the next, m.
    pub lift_m: f64,
}

impl Default for Plane {
    /// The original's.
    fn default() -> Self {
        Self {
            stands: Stands::Horizontal,
            centre_m: [0.3, 0.0, 0.5],
            turn_rad: 0.0,
            size_m: [0.2, 0.2],
            lift_m: 0.02,
        }
    }
}

impl Plane {
    /// Every value outside its range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_each(&mut out, "plane.centre_m", &self.centre_m, -1.0..=1.3, "m");
        check_range(&mut out, "plane.turn_rad", self.turn_rad, -6.3..=6.3, "rad");
        check_each(&mut out, "plane.size_m", &self.size_m, 0.01..=1.5, "m");
        check_range(&mut out, "plane.lift_m", self.lift_m, 0.0..=0.2, "m");
        out
    }

    /// Directions to the right and up on it, and off it towards whoever looks at it; unit vectors, base frame.
    pub fn axes(&self) -> [Vector3<f64>; 3] {
        let turn = Rotation3::from_axis_angle(&Vector3::z_axis(), self.turn_rad);
        let up = match self.stands {
            Stands::Horizontal => Vector3::x(),
            Stands::Vertical => Vector3::z(),
        };
        let (right, up) = (turn * -Vector3::y(), turn * up);
        [right, up, right.cross(&up)]
    }

    /// The point at `right_m` and `up_m` from its centre, base frame, m.
    pub fn at(&self, [right_m, up_m]: [f64; 2]) -> Point {
        let [right, up, _] = self.axes();
        Point::from(self.centre_m) + right_m * right + up_m * up
    }

    /// The way of the end effector through `strokes` (m from the centre, right and up): along each, and from one to the
    /// next with the pen lifted. And how often it is lifted.
    pub fn line(&self, strokes: &[Vec<[f64; 2]>]) -> (Vec<Point>, usize) {
        let lift = self.lift_m * self.axes()[2];
        let (mut line, mut lifts) = (Vec::<Point>::new(), 0);
        for stroke in strokes {
            let mut points = stroke.iter().map(|at| self.at(*at)).peekable();
            if let (Some(last), Some(next)) = (line.last().copied(), points.peek().copied())
                && (next - last).norm() > JOINED_M
                && self.lift_m > 0.0
            {
                line.extend([last + lift, next + lift]);
                lifts += 1;
            }
            line.extend(points);
        }
        (line, lifts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::FRAC_PI_2;

    #[test]
    fn a_drawing_lies_as_whoever_sits_at_the_base_sees_it() {
        let table = Plane::default();
        assert!((table.at([0.01, 0.02]) - Point::new(0.32, -0.01, 0.5)).norm() < 1e-12);
        assert!((table.axes()[2] - Vector3::z()).norm() < 1e-12, "the pen is lifted upwards");
        let wall = Plane { stands: Stands::Vertical, ..Plane::default() };
        assert!((wall.at([0.01, 0.02]) - Point::new(0.3, -0.01, 0.52)).norm() < 1e-12);
        assert!((wall.axes()[2] + Vector3::x()).norm() < 1e-12, "off the wall, towards the base");
        let aside = Plane { turn_rad: FRAC_PI_2, ..wall };
        assert!((aside.at([0.01, 0.0]) - Point::new(0.31, 0.0, 0.5)).norm() < 1e-12);
    }

    #[test]
    fn the_pen_is_lifted_between_strokes_but_not_where_one_goes_on_from_another() {
        let strokes = [
            vec![[0.0, 0.0], [0.05, 0.0]],
            vec![[0.05, 0.0], [0.05, 0.05]],
            vec![[-0.05, 0.0], [-0.05, 0.05]],
        ];
        let (line, lifts) = Plane::default().line(&strokes);
        assert_eq!((line.len(), lifts), (8, 1));
        let heights: Vec<f64> = line.iter().map(|p| ((p.z - 0.5) * 1e6).round() / 1e6).collect();
        assert_eq!(heights, [0.0, 0.0, 0.0, 0.0, 0.02, 0.02, 0.0, 0.0]);
    }
}
