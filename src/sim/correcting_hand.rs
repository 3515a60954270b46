//! A person's hand that corrects an arm on its way: a spring of bounded force that trembles and hesitates.
//!
//! It knows where it wants the arm over a stretch, and where the arm is. When the arm comes to the stretch it takes hold,
//! pulls towards the nearest point of the path it wants, and lets go at its end.
use super::plant::Wrench;
use super::tremor::Tremor;
use crate::range::{Violation, check_count, check_range, check_that};
use crate::robot::limits::CYCLE_S;
use nalgebra::Vector3;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// The hand takes hold in this time, s …
const GRASP_S: f64 = 0.2;
/// … and lets go in this.
const LET_GO_S: f64 = 0.1;
/// How far ahead on its path the hand looks for the place nearest to the arm, m: it never goes back.
const AHEAD_M: f64 = 0.02;
/// An arm that has been farther away than so many times `catch_m` comes anew.
const GONE: f64 = 2.0;
/// How slack a hesitating hand is.
const SLACK: f64 = 0.3;

/// What a correcting hand does.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Where it wants the end effector, over the stretch it corrects, base frame, m.
    pub path_m: Vec<[f64; 3]>,
    /// How often the arm passes before it does anything …
    pub after: usize,
    /// … and how often it then corrects.
    pub passes: usize,
    /// Spring between the hand and the end effector, N/m …
    pub stiffness_n_m: f64,
    /// … and how hard it pulls at most, N.
    pub force_max_n: f64,
    /// Tremor, root mean square of its force, N.
    pub tremor_n: f64,
    /// How often it hesitates in a pass …
    pub hesitations: usize,
    /// … and for how long, s.
    pub hesitation_s: f64,
    /// How near the arm must come to the beginning of the stretch for the hand to take hold, m.
    pub catch_m: f64,
    /// Of tremor and hesitations.
    pub seed: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            path_m: Vec::new(),
            after: 1,
            passes: 1,
            stiffness_n_m: 1500.0,
            force_max_n: 30.0,
            tremor_n: 0.5,
            hesitations: 1,
            hesitation_s: 0.3,
            catch_m: 0.01,
            seed: 0,
        }
    }
}

impl Plan {
    /// Every value outside its range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        let points = self.path_m.len();
        let finite = self.path_m.as_flattened().iter().all(|x| x.is_finite() && x.abs() <= 2.0);
        let allowed = "at least two points within 2 m of the base";
        check_that(&mut out, "path_m", points, points >= 2 && finite, allowed);
        check_count(&mut out, "after", self.after, 0..=10_000, "passes");
        check_count(&mut out, "passes", self.passes, 1..=10_000, "passes");
        check_range(&mut out, "stiffness_n_m", self.stiffness_n_m, 10.0..=5000.0, "N/m");
        check_range(&mut out, "force_max_n", self.force_max_n, 0.1..=100.0, "N");
        check_range(&mut out, "tremor_n", self.tremor_n, 0.0..=10.0, "N");
        check_count(&mut out, "hesitations", self.hesitations, 0..=100, "");
        check_range(&mut out, "hesitation_s", self.hesitation_s, 0.0..=10.0, "s");
        check_range(&mut out, "catch_m", self.catch_m, 0.001..=0.2, "m");
        out
    }
}

/// A hand that holds the arm.
#[derive(Clone, Debug)]
struct Grasp {
    /// How far along its path it is, m.
    way_m: f64,
    since_s: f64,
    /// When it began to let go.
    left_s: Option<f64>,
    /// Where it is still to hesitate, the next one last, and until when it does.
    hesitates_m: Vec<f64>,
    slack_until_s: f64,
}

/// A correcting hand at work.
#[derive(Debug)]
pub(super) struct CorrectingHand {
    plan: Plan,
    path: Vec<Vector3<f64>>,
    arc_m: Vec<f64>,
    cycle: u64,
    /// Whether the arm has been away from the beginning of the stretch.
    gone: bool,
    passed: usize,
    grasp: Option<Grasp>,
    tremor: Tremor,
    draws: StdRng,
}

impl CorrectingHand {
    pub(super) fn new(plan: &Plan) -> Self {
        let mut draws = StdRng::seed_from_u64(plan.seed ^ 0x636f_7272);
        let tremor = Tremor::new(&mut draws);
        let path: Vec<Vector3<f64>> = plan.path_m.iter().map(|p| Vector3::from(*p)).collect();
        let mut arc_m = vec![0.0];
        for pair in path.windows(2) {
            arc_m.push(arc_m[arc_m.len() - 1] + (pair[1] - pair[0]).norm());
        }
        Self { plan: plan.clone(), path, arc_m, cycle: 0, gone: true, passed: 0, grasp: None, tremor, draws }
    }

    /// Its pull in the next millisecond on an end effector at `p` that moves with `v`; nothing while it is away.
    pub(super) fn next(&mut self, p: &Vector3<f64>, v: &Vector3<f64>) -> Option<Wrench> {
        let t_s = self.cycle as f64 * CYCLE_S;
        self.cycle += 1;
        self.watch(p, v, t_s);
        let plan = &self.plan;
        let grasp = self.grasp.as_mut()?;
        let ends = self.arc_m[self.arc_m.len() - 1];
        let (way_m, wanted) = nearest(&self.path, &self.arc_m, p, [grasp.way_m, grasp.way_m + AHEAD_M]);
        grasp.way_m = way_m;
        if way_m >= ends - 1e-6 && grasp.left_s.is_none() {
            grasp.left_s = Some(t_s);
        }
        if grasp.hesitates_m.pop_if(|at| *at <= way_m).is_some() {
            grasp.slack_until_s = t_s + plan.hesitation_s;
        }
        let leaving = grasp.left_s.map_or(1.0, |left| 1.0 - (t_s - left) / LET_GO_S);
        if leaving <= 0.0 {
            self.grasp = None;
            return None;
        }
        let slack = if t_s < grasp.slack_until_s { SLACK } else { 1.0 };
        let firm = ((t_s - grasp.since_s) / GRASP_S).min(leaving).min(1.0) * slack;
        let pull = plan.stiffness_n_m * (wanted - p) + plan.tremor_n * self.tremor.at(t_s);
        Some(((firm * pull.cap_magnitude(plan.force_max_n)).into(), [0.0; 3]))
    }

    /// Takes hold when the arm comes to the beginning of the stretch, along it.
    fn watch(&mut self, p: &Vector3<f64>, v: &Vector3<f64>, t_s: f64) {
        let plan = &self.plan;
        let away_m = (p - self.path[0]).norm();
        self.gone |= away_m > GONE * plan.catch_m;
        let along = v.dot(&(self.path[1] - self.path[0]).normalize());
        if self.grasp.is_some()
            || !self.gone
            || away_m > plan.catch_m
            || along < 0.7 * v.norm()
            || v.norm() < 1e-3
        {
            return;
        }
        (self.gone, self.passed) = (false, self.passed + 1);
        if self.passed <= plan.after || self.passed > plan.after + plan.passes {
            return;
        }
        let length_m = self.arc_m[self.arc_m.len() - 1];
        let mut hesitates_m: Vec<f64> =
            (0..plan.hesitations).map(|_| self.draws.random_range(0.2 * length_m..=0.8 * length_m)).collect();
        hesitates_m.sort_by(|a, b| b.total_cmp(a));
        self.grasp = Some(Grasp {
            way_m: 0.0,
            since_s: t_s,
            left_s: None,
            hesitates_m,
            slack_until_s: f64::NEG_INFINITY,
        });
    }
}

/// The place on `path` nearest to `p` between two arc lengths: how far along, and the point.
fn nearest(
    path: &[Vector3<f64>],
    arc_m: &[f64],
    p: &Vector3<f64>,
    within_m: [f64; 2],
) -> (f64, Vector3<f64>) {
    let first = arc_m.partition_point(|s| *s <= within_m[0]).clamp(1, arc_m.len() - 1);
    let mut best = (within_m[0], path[first - 1], f64::INFINITY);
    for i in first..arc_m.len() {
        if arc_m[i - 1] > within_m[1] {
            break;
        }
        let (a, chord, h) = (path[i - 1], path[i] - path[i - 1], arc_m[i] - arc_m[i - 1]);
        if h <= 0.0 {
            continue;
        }
        let u = ((p - a).dot(&chord) / (h * h)).clamp(0.0, 1.0);
        let way_m = (arc_m[i - 1] + u * h).clamp(within_m[0], within_m[1]);
        let point = a + chord * ((way_m - arc_m[i - 1]) / h);
        let off = (point - p).norm();
        if off < best.2 {
            best = (way_m, point, off);
        }
    }
    (best.0, best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hand's force on a point that runs along y at 0.1 m/s, three times, 20 mm beside the path the hand wants.
    fn passes(plan: &Plan) -> Vec<Vec<(f64, Vector3<f64>)>> {
        let mut hand = CorrectingHand::new(plan);
        (0..4)
            .map(|_| {
                (0..6000)
                    .filter_map(|ms| {
                        let p = Vector3::new(0.5, -0.1 + 1e-4 * f64::from(ms), 0.4);
                        let (force, _) = hand.next(&p, &Vector3::new(0.0, 0.1, 0.0))?;
                        Some((p.y, Vector3::from(force)))
                    })
                    .collect()
            })
            .collect()
    }

    fn plan() -> Plan {
        let beside =
            |k: i32| [0.5, 0.01 * f64::from(k), 0.4 + 0.02 * (1.0 - (f64::from(k) / 5.0 - 1.0).powi(2))];
        Plan { path_m: (0..=10).map(beside).collect(), after: 1, passes: 2, ..Plan::default() }
    }

    #[test]
    fn it_takes_hold_along_its_stretch_as_often_as_it_is_told_and_lets_go_after_it() {
        let plan = plan();
        let passes = passes(&plan);
        assert!(passes[0].is_empty() && passes[3].is_empty());
        for pass in &passes[1..3] {
            let (first, last) = (pass[0].0, pass[pass.len() - 1].0);
            assert!((-0.011..=0.01).contains(&first) && (0.09..=0.12).contains(&last), "{first} to {last}");
            assert!(pass.iter().all(|(_, force)| force.norm() <= plan.force_max_n + 1e-9));
            assert!(pass.iter().any(|(_, force)| force.z > 25.0));
        }
    }

    #[test]
    fn it_hesitates_and_does_the_same_again_from_the_same_seed() {
        let plan = Plan { tremor_n: 0.0, ..plan() };
        let firm = &passes(&Plan { hesitations: 0, ..plan.clone() })[1];
        let hesitant = &passes(&plan)[1];
        assert_eq!(hesitant.len(), firm.len());
        let slack = hesitant.iter().zip(firm).filter(|((_, a), (_, b))| a.norm() < 0.5 * b.norm()).count();
        assert!((295..=305).contains(&slack), "{slack} ms, of which 300 were asked for");
        assert_eq!(passes(&plan), passes(&plan));
    }
}
