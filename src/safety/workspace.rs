//! Where the arm may be: the end effector's box, the table, walls, and its own links.
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
use super::options::WALLS_MAX;
use super::stop::{Range, Stop};
use super::{Limit, Limiter, Margin, Motion, Options, Part};
use crate::kinematics::capsules::{ARM, Capsule, HAND, distance, may_meet};
use crate::kinematics::{Point, Pose, links};
use crate::robot::Joints;

/// Bodies of the arm: its own, the hand, and the line from the flange to the end effector.
const BODIES: usize = ARM.len() + HAND.len() + 1;
/// The hand's fingers and the tool: they touch things; their end, the end effector, is held instead.
const TOUCHING: [usize; 2] = [ARM.len() + 1, BODIES - 1];
/// Radius of whatever reaches from the flange to the end effector, m.
const SHAFT_M: f64 = 0.02;

/// Distance along the arm from the first point on a joint's axis to that on joint 7's, m: shoulder (joints 1 to 3),
/// elbow (4), wrist (5 and 6), joint 7. From the Denavit–Hartenberg parameters: |(0.0825, 0.316)| from shoulder to
/// elbow, |(0.0825, 0.384)| to the wrist, 0.088 to joint 7.
const ALONG_M: [f64; 7] = [0.0, 0.0, 0.0, 0.326_592_5, 0.719_354_6, 0.719_354_6, 0.807_354_6];
/// The same points in the frames of links 0 to 7 and of the flange, m.
const ANCHORS: [[f64; 3]; 9] = [
    [0.0, 0.0, 0.333],
    [0.0; 3],
    [0.0; 3],
    [0.0, 0.0, -0.316],
    [0.0; 3],
    [0.0; 3],
    [0.0; 3],
    [0.0; 3],
    [0.0, 0.0, -0.107],
];

/// A body with what it needs in every tick.
#[derive(Clone, Copy)]
struct Body {
    capsule: Capsule,
    ends: [Point; 2],
    part: Part,
    /// Half of its line's length, m.
    half_m: f64,
    /// How far a radian of each joint can move any point of it, m.
    levers: Joints,
    present: bool,
    before_walls: bool,
}

/// Bodies which the wrist and the hand can meet: the first ones.
const NEAR: usize = 4;

/// Two bodies that can meet.
#[derive(Clone, Copy)]
struct Pair {
    /// What is left between them at least, m; infinite where they cannot meet.
    least_m: f64,
    /// What their lines keep apart, m.
    kept_m: f64,
}

impl Pair {
    const NONE: Pair = Pair { least_m: f64::INFINITY, kept_m: 0.0 };
}

/// The free side of a plane: `normal · p ≥ offset`.
#[derive(Clone, Copy)]
struct Plane {
    normal: Point,
    offset_m: f64,
}

/// The arm and what is around it; see the module.
#[derive(Clone)]
pub struct Workspace {
    bodies: [Body; BODIES],
    /// End effector in the flange frame, and its levers.
    F_p_EE: Point,
    levers: Joints,
    box_min_m: Point,
    box_max_m: Point,
    /// The table, then walls.
    planes: [Option<Plane>; WALLS_MAX + 1],
    clearance_m: f64,
}

/// How far a radian of each joint can move a point of `link`, `from_anchor_m` away from its anchor, m.
fn levers(link: usize, from_anchor_m: f64) -> Joints {
    let here = ALONG_M.get(link.clamp(1, 7) - 1).copied().unwrap_or(0.0);
    let mut joint = 0;
    ALONG_M.map(|along| {
        joint += 1;
        if joint <= link { here - along + from_anchor_m } else { 0.0 }
    })
}

/// The sum of each joint's share, m.
fn reach(levers: &Joints, half: &Joints) -> f64 {
    levers.iter().zip(half).map(|(lever, half)| lever * half).sum()
}

impl Workspace {
    /// What `options` describe, for a tool `F_T_EE`.
    pub fn new(options: &Options, F_T_EE: &Pose) -> Workspace {
        let F_p_EE = F_T_EE.translation.vector;
        let shaft = Capsule { link: 8, ends: [[0.0; 3], F_p_EE.into()], radius_m: SHAFT_M };
        let mut index = 0;
        let mut capsules = ARM.iter().chain(&HAND).chain([&shaft]);
        let bodies = [(); BODIES].map(|()| {
            let capsule = capsules.next().copied().unwrap_or(shaft);
            let anchor = ANCHORS.get(capsule.link).map_or(Point::zeros(), |a| Point::from(*a));
            let ends = capsule.ends.map(Point::from);
            let far_m = ends.iter().fold(0.0, |far: f64, end| far.max((end - anchor).norm()));
            let is_hand = (ARM.len()..ARM.len() + HAND.len()).contains(&index);
            let part = if index == BODIES - 1 { Part::SHAFT } else { Part(capsule.link as u8) };
            let body = Body {
                capsule,
                ends,
                part,
                half_m: 0.5 * ends.iter().fold(Point::zeros(), |a, b| b - a).norm(),
                levers: levers(capsule.link, far_m),
                present: !is_hand || options.hand,
                // The base and link 1 stay where they are bolted.
                before_walls: capsule.link > 1 && !TOUCHING.contains(&index),
            };
            index += 1;
            body
        });
        let table = [0.0, 0.0, 1.0, options.table_z_m];
        let mut planes = [None; WALLS_MAX + 1];
        for (plane, [x, y, z, offset_m]) in planes.iter_mut().zip([&table].into_iter().chain(&options.walls))
        {
            let normal = Point::new(*x, *y, *z);
            *plane = Some(Plane { normal: normal / normal.norm(), offset_m: *offset_m });
        }
        let anchor = Point::new(0.0, 0.0, -0.107);
        Workspace {
            bodies,
            F_p_EE,
            levers: levers(8, (F_p_EE - anchor).norm()),
            box_min_m: Point::from(options.box_min_m),
            box_max_m: Point::from(options.box_max_m),
            planes,
            clearance_m: options.clearance_m,
        }
    }

    /// The tightest margin of the arm at `q`, rad.
    pub fn nearest(&self, q: &Joints) -> Margin {
        self.over(&Range { q: *q, half: [0.0; 7] }, Kinds::ALL).tightest()
    }

    /// How far a radian of each joint can move the end effector, m.
    pub(super) fn tool_levers(&self) -> &Joints {
        &self.levers
    }

    /// Lower bounds of the margins over a range of joint positions; exact for a range that is a point.
    ///
    /// No point of a body moves further than the sum of levers times half widths from where the centre has it.
    pub(super) fn over(&self, range: &Range, kinds: Kinds) -> Bounds {
        let frames = links(&range.q);
        let mut lines = [[Point::zeros(); 2]; BODIES];
        for (line, body) in lines.iter_mut().zip(&self.bodies) {
            let [a, b] = &body.ends;
            if let Some(at) = frames.get(body.capsule.link) {
                *line = [at.point(a), at.point(b)];
            }
        }
        let mut bounds = Bounds { around: FAR, own: FAR };
        if kinds.around {
            let O_p_EE = frames.last().map_or(Point::zeros(), |flange| flange.point(&self.F_p_EE));
            self.around(&O_p_EE, &lines, &range.half, &mut bounds.around);
        }
        if kinds.own {
            self.own(&lines, &range.half, &mut bounds.own);
        }
        bounds
    }

    /// The box, the table and walls.
    fn around(&self, O_p_EE: &Point, lines: &[[Point; 2]; BODIES], half: &Joints, worst: &mut Margin) {
        let moved_m = reach(&self.levers, half);
        let corners = self.box_min_m.iter().zip(self.box_max_m.iter());
        for (axis, (p, (min, max))) in (0..).zip(O_p_EE.iter().zip(corners)) {
            note(worst, Limit::Box(axis, false), p - min - moved_m);
            note(worst, Limit::Box(axis, true), max - p - moved_m);
        }
        for (number, plane) in (0..).zip(self.planes.iter().flatten()) {
            let left_m = plane.normal.dot(O_p_EE) - plane.offset_m - moved_m;
            note(worst, wall(number, Part::TOOL), left_m);
        }
        let bodies = self.bodies.iter().zip(lines);
        for (body, [a, b]) in bodies.filter(|(body, _)| body.present && body.before_walls) {
            let kept_m = body.capsule.radius_m + self.clearance_m + reach(&body.levers, half);
            for (number, plane) in (0..).zip(self.planes.iter().flatten()) {
                let nearest_m = plane.normal.dot(a).min(plane.normal.dot(b));
                note(worst, wall(number, body.part), nearest_m - plane.offset_m - kept_m);
            }
        }
    }

    /// The arm's own links.
    ///
    /// First what is left of each pair at least, by the spheres around them. Then the lines themselves: of the pair with
    /// least, and of those which can be nearer still.
    fn own(&self, lines: &[[Point; 2]; BODIES], half: &Joints, worst: &mut Margin) {
        let bodies = self.bodies.iter().zip(lines);
        let mut pairs = [[Pair::NONE; NEAR]; BODIES];
        let mut nearest = (Pair::NONE, 0, 0);
        for ((row, (far, far_line)), f) in pairs.iter_mut().zip(bodies.clone()).zip(0..) {
            if !far.present || far.capsule.link <= 4 {
                continue;
            }
            let far_centre = centre(far_line);
            for ((pair, (near, near_line)), n) in row.iter_mut().zip(bodies.clone()).zip(0..) {
                if !may_meet(near.capsule.link, far.capsule.link) {
                    continue;
                }
                // Joints up to the nearer link move both.
                let between = far.levers.iter().zip(half).skip(near.capsule.link);
                let kept_m = near.capsule.radius_m
                    + far.capsule.radius_m
                    + self.clearance_m
                    + between.map(|(lever, half)| lever * half).sum::<f64>();
                let apart_m = (far_centre - centre(near_line)).norm();
                *pair = Pair { least_m: apart_m - near.half_m - far.half_m - kept_m, kept_m };
                if pair.least_m < nearest.0.least_m {
                    nearest = (*pair, f, n);
                }
            }
        }
        let mut measure = |pair: &Pair, f: usize, n: usize| {
            let body = |k: usize| Some((self.bodies.get(k)?, lines.get(k)?));
            if let (false, Some((near, near_line)), Some((far, far_line))) =
                (pair.least_m >= worst.left, body(n), body(f))
            {
                let left_m = distance(near_line, far_line) - pair.kept_m;
                note(worst, Limit::Own(near.part, far.part), left_m);
            }
        };
        measure(&nearest.0, nearest.1, nearest.2);
        for (row, f) in pairs.iter().zip(0..) {
            row.iter().zip(0..).for_each(|(pair, n)| measure(pair, f, n));
        }
    }

    /// Lower bounds of the margins all through every stop that may follow `next`: coarse where all is far, finer
    /// where it is not.
    ///
    /// A stop that leads away from all that is nearest at `base` is let through: an arm that is too near to something,
    /// or just clear of it, may leave.
    pub(super) fn judge(&self, limiter: &Limiter, base: &Motion, next: &Motion) -> Margin {
        let coarse = self.over(&Stop::bound(limiter, next), Kinds::ALL);
        let near = Kinds { around: !coarse.around.holds(), own: !coarse.own.holds() };
        if !(near.around || near.own) {
            return coarse.tightest();
        }
        let stop = Stop::of(limiter, next);
        let mut worst = if near.around { coarse.own } else { coarse.around };
        if near.around && near.own {
            worst = FAR;
        }
        for (from, to) in STRETCHES {
            let margin = self.over(&stop.part(from, to), near).tightest();
            worst = worst.tighter(margin);
            if !margin.holds() {
                break;
            }
        }
        if !worst.holds() && self.retreats(&stop, &base.q, near) {
            return Margin { left: 0.0, ..worst };
        }
        worst
    }

    /// Whether the stop never comes nearer to anything than the nearest is at `q`.
    fn retreats(&self, stop: &Stop, q: &Joints, near: Kinds) -> bool {
        /// Rounding of the robot's own differences must not look like coming nearer, m.
        const ROUNDING_M: f64 = 1e-9;
        let left_m = |q: &Joints| self.over(&Range { q: *q, half: [0.0; 7] }, near).tightest().left;
        let least_m = left_m(q) - ROUNDING_M;
        RETREAT.iter().all(|(share, late)| left_m(&stop.at(*share, *late)) >= least_m)
    }
}

/// What is looked at.
#[derive(Clone, Copy)]
pub(super) struct Kinds {
    around: bool,
    own: bool,
}

impl Kinds {
    pub(super) const ALL: Kinds = Kinds { around: true, own: true };
}

/// The tightest margins: to what is around the arm, and between its links.
pub(super) struct Bounds {
    around: Margin,
    own: Margin,
}

impl Bounds {
    pub(super) fn tightest(&self) -> Margin {
        self.around.tighter(self.own)
    }
}

/// Nothing anywhere near.
const FAR: Margin = Margin { limit: Limit::Box(2, true), left: f64::INFINITY, of: 1.0 };

/// Stretches of a stop's duration in which it covers about the same way each; the last first, as it is there that a
/// stop usually meets something.
const STRETCHES: [(f64, f64); 3] = [(0.423, 1.0), (0.184, 0.423), (0.0, 0.184)];
/// Instants at which a retreat is looked at, as a share of the stop's duration, and whether it begins late.
const RETREAT: [(f64, bool); 3] = [(1.0, true), (0.2, true), (1.0, false)];

fn note(worst: &mut Margin, limit: Limit, left_m: f64) {
    // What is not a number is the worst there is.
    let left_m = if left_m.is_nan() { f64::NEG_INFINITY } else { left_m };
    if left_m < worst.left {
        *worst = Margin::distance(limit, left_m);
    }
}

fn wall(number: u8, part: Part) -> Limit {
    if number == 0 { Limit::Table(part) } else { Limit::Wall(number, part) }
}

fn centre([a, b]: &[Point; 2]) -> Point {
    0.5 * (a + b)
}
