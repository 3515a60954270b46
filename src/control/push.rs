//! Whether a person pushes the arm to where it should have been, and how it then gives way.
//!
//! A push is meant when its force is clear, lasts, and moves a compliant arm; a bump is over before, and what never
//! ends is a load. What is felt without a hand is learnt all the time, by where on the path it is: the robot's estimate is
//! never zero, and its model is wrong in every posture otherwise. The arm that is meant to go elsewhere goes there, as
//! through honey: the policy is asked for a place that moves with the hand's pull and creeps back, so that a hand need not
//! hold the arm's springs for a third of a lap, and an arm that is let go comes back.
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
use super::guidance::planes;
use crate::demonstration::sample::Hand;
use crate::kinematics::{Point, Pose};
use crate::range::{Violation, check_range, check_that};
use crate::safety;
use nalgebra::Vector3;
use serde::{Deserialize, Serialize};

/// How fast what is felt without a hand is learnt, s: a second follows the model's errors along a path …
const LEARN_S: f64 = 1.0;
/// … and this is for what may be a hand's touch.
const LEARN_SLOWLY_S: f64 = 5.0;

/// Places of a lap at which it is known what is felt there without a hand …
const PLACES: usize = 64;
/// … learnt in this time, s: about what a visit lasts.
const VISIT_S: f64 = 0.1;

/// Over this time the force is averaged, s: what a sensor's noise adds is no pull.
const NOISE_S: f64 = 0.03;

/// Time in which an arm that was let go comes back, s.
const BACK_S: f64 = 0.25;

/// A force, N, or a length, m, beyond this is no measurement: sums and products of those within stay finite.
const SENSELESS: f64 = 1e6;

/// When a push is meant, and how the arm gives way to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Force beyond what is usual that may be a hand's, N; above what a model's errors do within a second.
    pub touch_n: f64,
    /// Force that a meant push reaches, N; `touch_n` is enough where one was before …
    pub push_n: f64,
    /// … and for how long from then on it is a touch at least, s; longer than a bump.
    pub push_s: f64,
    /// The same where one was before, s, for a gentle one: below twice `push_n`, which a bump exceeds.
    pub again_s: f64,
    /// How far it moves the arm from where it is told to be, m; a stiff arm's springs give less.
    pub give_m: f64,
    /// Force with which a hand is content with where it has brought the arm, N; below it …
    pub hold_n: f64,
    /// … for so long, the hand has gone, s.
    pub release_s: f64,
    /// A push through more than this share of a lap is a load, not a hand.
    pub longest_laps: f64,
    /// How hard it is, beyond `hold_n`, to move the arm that gives way, N s/m.
    pub yield_drag_n_s_m: f64,
    /// Time in which it creeps back from a hand that no longer pulls, s.
    pub creep_s: f64,
    /// Highest speed at which it gives way, m/s.
    pub yield_m_s: f64,
    /// How far it goes at most, m.
    pub yield_m: f64,
    /// Distance from the box, the table and the walls of `[safety]` that it keeps in giving way, m.
    pub wall_margin_m: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            touch_n: 2.5,
            push_n: 5.0,
            push_s: 0.35,
            again_s: 0.25,
            give_m: 0.001,
            hold_n: 1.5,
            release_s: 0.4,
            longest_laps: 0.8,
            yield_drag_n_s_m: 100.0,
            creep_s: 1.5,
            yield_m_s: 0.1,
            yield_m: 0.06,
            wall_margin_m: 0.05,
        }
    }
}

impl Options {
    /// Every value outside its allowed range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_range(&mut out, "touch_n", self.touch_n, 0.5..=50.0, "N");
        check_range(&mut out, "push_n", self.push_n, 1.0..=60.0, "N");
        check_that(&mut out, "push_n", self.push_n, self.push_n >= self.touch_n, "touch_n or more");
        check_range(&mut out, "push_s", self.push_s, 0.05..=5.0, "s");
        check_range(&mut out, "again_s", self.again_s, 0.05..=5.0, "s");
        check_that(&mut out, "again_s", self.again_s, self.again_s <= self.push_s, "push_s or less");
        check_range(&mut out, "give_m", self.give_m, 0.0..=0.05, "m");
        check_range(&mut out, "release_s", self.release_s, 0.01..=2.0, "s");
        check_range(&mut out, "longest_laps", self.longest_laps, 0.05..=1.0, "");
        check_range(&mut out, "hold_n", self.hold_n, 0.1..=20.0, "N");
        check_that(&mut out, "hold_n", self.hold_n, self.hold_n <= self.touch_n, "touch_n or less");
        check_range(&mut out, "yield_drag_n_s_m", self.yield_drag_n_s_m, 20.0..=2000.0, "N s/m");
        check_range(&mut out, "creep_s", self.creep_s, 0.1..=60.0, "s");
        check_range(&mut out, "yield_m_s", self.yield_m_s, 0.005..=0.5, "m/s");
        check_range(&mut out, "yield_m", self.yield_m, 0.0..=0.1, "m");
        check_range(&mut out, "wall_margin_m", self.wall_margin_m, 0.0..=0.5, "m");
        out
    }
}

/// What is seen of the arm in a tick, base frame.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// The robot's estimate of the external force, N.
    pub force_n: Vector3<f64>,
    /// Measured end effector, m.
    pub p: Point,
    /// Where it is told to be, m.
    pub p_d: Point,
    /// Where the path is, m …
    pub p_ref: Point,
    /// … and which way it goes, any length.
    pub along: Vector3<f64>,
    /// Laps since the start.
    pub laps: f64,
    /// Where in what repeats, 0 to 1: a lap, or there and back.
    pub place: f64,
    /// Time since the last look, s.
    pub dt_s: f64,
}

/// Force, N, and deflection, m.
type Felt = (Vector3<f64>, Vector3<f64>);

/// Tells pushes from everything else; never allocates after `new`.
#[derive(Clone, Debug)]
pub struct Push {
    options: Options,
    planes: Vec<(Vector3<f64>, f64)>,
    /// The force without noise.
    force_n: Option<Vector3<f64>>,
    /// Force and deflection without a hand, by place.
    known: [Option<Felt>; PLACES],
    /// The place, what is known of it, or of the last one before of which anything is, and whether it is of it.
    place: Option<usize>,
    here: Felt,
    is_known: bool,
    /// What is felt beyond it without a hand.
    usual: Option<Felt>,
    hand: Hand,
    /// For how long it has been a touch, since it was as strong as a push.
    strong_s: f64,
    /// The hardest it has been by then, N.
    hardest_n: f64,
    /// For how long it has been none at all.
    weak_s: f64,
    since_laps: f64,
    /// Places at which a person has corrected, and since which lap: who takes hold there again corrects what is left, with
    /// less force, and is content where nothing is.
    corrected: [Option<f64>; PLACES],
    /// Where the hand took hold.
    held_at: usize,
    /// Whether the robot's estimate points to where a hand deflects the springs (above 0) or away, N m s. In one moment it
    /// cannot be told: the springs give more in some directions than in others, and later than the force comes.
    agreement: f64,
    /// How hard the hand pulls, N.
    pull_n: Vector3<f64>,
    /// How far the arm has given way.
    way: Vector3<f64>,
}

impl Push {
    /// One that has not seen the arm yet.
    pub fn new(options: &Options, safety: &safety::Options) -> Push {
        Push {
            options: options.clone(),
            planes: planes(safety),
            force_n: None,
            known: [None; PLACES],
            place: None,
            here: Felt::default(),
            is_known: false,
            usual: None,
            hand: Hand::Away,
            strong_s: 0.0,
            hardest_n: 0.0,
            weak_s: 0.0,
            since_laps: 0.0,
            corrected: [None; PLACES],
            held_at: 0,
            agreement: 0.0,
            pull_n: Vector3::zeros(),
            way: Vector3::zeros(),
        }
    }

    /// What the hand does; a push that has just become weak may be over, and what it shows is not yet one.
    pub fn hand(&self) -> Hand {
        match self.hand {
            Hand::Pushing if self.weak_s > 0.0 => Hand::Touching,
            hand => hand,
        }
    }

    /// How hard a hand pulls beyond what is felt without it, N, base frame: towards where it deflects the springs,
    /// whatever sign the robot's estimate has.
    pub fn pull_n(&self) -> Vector3<f64> {
        self.pull_n
    }

    /// How far the arm gives way, m, base frame.
    pub fn way(&self) -> Vector3<f64> {
        self.way
    }

    /// Keeps only a share of it, for a policy that knows no more.
    pub fn shorten(&mut self, share: f64) {
        self.way *= share;
    }

    /// One look. Whatever the bits, what the arm gives way stays finite and within `yield_m`.
    pub fn look(&mut self, seen: &Seen) {
        let deflection = seen.p - seen.p_d;
        let vectors = [seen.force_n, deflection, seen.p_ref, seen.along];
        if !vectors.iter().flatten().chain([&seen.dt_s]).all(|x| x.abs() < SENSELESS) {
            return;
        }
        let force = self.force_n.get_or_insert(seen.force_n);
        *force += (seen.force_n - *force) * (seen.dt_s / NOISE_S).min(1.0);
        let force_n = *force;
        let place = (seen.place.max(0.0) * PLACES as f64) as usize % PLACES;
        self.enter(place);
        let now = (force_n - self.here.0, deflection - self.here.1);
        let usual = *self.usual.get_or_insert(now);
        let o = &self.options;
        let again = self.corrected.get(place).copied().flatten().is_some_and(|since| seen.laps - since > 0.5);
        let push_n = if again { o.touch_n } else { o.push_n };
        let moved = now.1 - usual.1;
        let pull_n = now.0 - usual.0;
        let (felt_n, moved_m) = (pull_n.norm(), moved.norm());
        let weak_n = if self.hand == Hand::Pushing { o.hold_n } else { o.touch_n };
        // Where it has corrected before, a hand that is content has not gone.
        let is_content = again && self.hand == Hand::Pushing;
        self.weak_s = if felt_n < weak_n && !is_content { self.weak_s + seen.dt_s } else { 0.0 };
        self.hand = match self.hand {
            Hand::Away | Hand::Load if felt_n < o.touch_n => Hand::Away,
            Hand::Away | Hand::Load => {
                (self.strong_s, self.hardest_n, self.held_at) = (0.0, 0.0, place);
                Hand::Touching
            }
            Hand::Touching | Hand::Pushing if self.weak_s > o.release_s => Hand::Away,
            Hand::Touching => {
                let goes_on = felt_n > push_n || (self.strong_s > 0.0 && felt_n > o.touch_n);
                self.strong_s = if goes_on { self.strong_s + seen.dt_s } else { 0.0 };
                self.hardest_n = self.hardest_n.max(felt_n);
                let is_gentle = again && self.hardest_n < 2.0 * o.push_n;
                let push_s = if is_gentle { o.again_s } else { o.push_s };
                let is_meant = self.strong_s >= push_s && moved_m >= o.give_m;
                self.since_laps = seen.laps;
                if is_meant { Hand::Pushing } else { Hand::Touching }
            }
            // A load is felt; of a hand that is not, nothing is known to be one.
            Hand::Pushing if seen.laps - self.since_laps > o.longest_laps && felt_n < weak_n => Hand::Away,
            Hand::Pushing if seen.laps - self.since_laps > o.longest_laps => {
                (self.usual, self.corrected) = (Some(now), [None; PLACES]);
                Hand::Load
            }
            Hand::Pushing => Hand::Pushing,
        };
        let learn_s = match self.hand {
            Hand::Away => LEARN_S,
            Hand::Touching if self.strong_s == 0.0 => LEARN_SLOWLY_S,
            // What may be a push must not become usual: its end would be taken for one the other way.
            Hand::Touching | Hand::Pushing | Hand::Load => f64::INFINITY,
        };
        if let Some((force, way)) = &mut self.usual {
            let share = (seen.dt_s / learn_s).min(1.0);
            *force += (now.0 - *force) * share;
            *way += (now.1 - *way) * share;
        }
        if self.hand == Hand::Pushing && self.weak_s == 0.0 {
            let since = |k: usize| (k + PLACES - self.held_at) % PLACES;
            for (k, corrected) in self.corrected.iter_mut().enumerate() {
                if since(k) <= since(place) {
                    corrected.get_or_insert(seen.laps);
                }
            }
            self.held_at = place;
        }
        if self.hand == Hand::Away {
            self.learn(place, (force_n, deflection), seen.dt_s);
        }
        if self.hand != Hand::Away {
            self.agreement += pull_n.dot(&moved) * seen.dt_s;
        }
        self.pull_n = if self.agreement == 0.0 { Vector3::zeros() } else { pull_n * self.agreement.signum() };
        self.give_way(seen);
    }

    /// Takes up what is known of a place from earlier laps. Where knowledge begins or ends, what is felt does not jump.
    fn enter(&mut self, place: usize) {
        if self.place == Some(place) {
            return;
        }
        self.place = Some(place);
        let known = self.known.get(place).copied().flatten();
        let next = known.unwrap_or(self.here);
        if let Some((force, way)) = self.usual.as_mut().filter(|_| known.is_some() != self.is_known) {
            *force += self.here.0 - next.0;
            *way += self.here.1 - next.1;
        }
        (self.here, self.is_known) = (next, known.is_some());
    }

    /// What is felt at a place without a hand; what is beyond is not learnt twice.
    fn learn(&mut self, place: usize, felt: Felt, dt_s: f64) {
        let Some(known) = self.known.get_mut(place) else { return };
        let (force, way) = known.get_or_insert(felt);
        let share = (dt_s / VISIT_S).min(1.0);
        *force += (felt.0 - *force) * share;
        *way += (felt.1 - *way) * share;
    }

    fn give_way(&mut self, seen: &Seen) {
        let o = &self.options;
        let (pull, back_s) = match self.hand {
            Hand::Pushing => {
                // What the arm lags behind along the path is no wish to be elsewhere.
                let along = seen.along.try_normalize(1e-6).unwrap_or_default();
                let across = self.pull_n - along * along.dot(&self.pull_n);
                let excess_n = (across.norm() - o.hold_n).max(0.0);
                (across.try_normalize(1e-5).unwrap_or_default() * (excess_n / o.yield_drag_n_s_m), o.creep_s)
            }
            Hand::Away | Hand::Touching | Hand::Load => (Vector3::zeros(), BACK_S),
        };
        let speed = (pull - self.way / back_s).cap_magnitude(o.yield_m_s);
        self.way = (self.way + speed * seen.dt_s.min(BACK_S)).cap_magnitude(o.yield_m);
        for (normal, offset) in &self.planes {
            let depth = offset + o.wall_margin_m - normal.dot(&(seen.p_ref + self.way));
            let into = -normal.dot(&self.way);
            if depth > 0.0 && into > 0.0 {
                self.way += normal * depth.min(into);
            }
        }
    }
}

/// A pose moved in the base frame, m.
pub(super) fn displaced(pose: &Pose, by: &Point) -> Pose {
    Pose::from_parts((pose.translation.vector + by).into(), pose.rotation)
}
