//! Who drives: the policy, or one of the baselines it has to be better than.
use super::polynomial::Polynomial;
use crate::control::StandIn;
use crate::demonstration::Example;
use crate::demonstration::expert::Expert;
use crate::kinematics::{Pose, forward};
use crate::policy::{Input, Policy, Region};
use crate::robot::{JOINTS, Joints};

/// A radian of the tool counts as much as this displacement, m.
const ROTATION_ARM_M: f64 = 0.1;

/// The nearest example's joints: what looking up without learning comes to.
#[derive(Clone, Debug)]
pub struct Table {
    input: Input,
    /// What a policy would be asked there, and the joints.
    rows: Vec<([f64; Input::WIDTH_MAX], Joints)>,
}

impl Table {
    /// A table of these examples, looked up by `input`; `F_T_EE` says where their tool is.
    pub fn new(examples: &[Example], input: Input, F_T_EE: &Pose) -> Self {
        let row = |example: &Example| (input.numbers(&pose_of(example, F_T_EE)), example.q);
        Self { input, rows: examples.iter().map(row).collect() }
    }

    /// The joints of the example nearest to `X`, rad; NaN from an empty table. No allocation.
    pub fn evaluate(&self, X: &Pose) -> Joints {
        let asked = self.input.numbers(X);
        let mut best = (f64::INFINITY, [f64::NAN; JOINTS]);
        for (numbers, q) in &self.rows {
            let mut squared = 0.0;
            for (k, (a, b)) in asked.iter().zip(numbers).enumerate() {
                let arm = if k < 3 { 1.0 } else { ROTATION_ARM_M };
                squared += (arm * (a - b)).powi(2);
            }
            if squared < best.0 {
                best = (squared, *q);
            }
        }
        best.1
    }
}

/// The pose that an example shows.
fn pose_of(example: &Example, F_T_EE: &Pose) -> Pose {
    Pose::from_parts(example.O_p_EE.into(), forward(&example.q, F_T_EE).rotation)
}

/// Who drives an episode.
#[derive(Clone, Debug)]
pub enum Contender {
    /// The policy that is judged.
    Policy,
    /// The expert itself: the analytic inverse, asked every millisecond.
    Analytic(Expert),
    /// A polynomial of the position, and where it was fitted.
    Polynomial(Polynomial, Region),
    /// A table, and where its examples are.
    Nearest(Table, Region),
}

impl Contender {
    /// The baselines; those that learn are given `examples`. All are asked with `input`, so there is no polynomial
    /// where that is a pose.
    pub fn baselines(expert: &Expert, examples: &[Example], degree: usize, input: Input) -> Vec<Self> {
        let mut out = vec![Self::Analytic(expert.clone())];
        let table = Table::new(examples, input, expert.F_T_EE());
        let rows = table.rows.iter().map(|(numbers, _)| &numbers[..input.width()]);
        if let Some(region) = Region::around(input.width(), rows) {
            let polynomial = Polynomial::fit(examples, degree).filter(|_| input == Input::Position);
            out.extend(polynomial.map(|polynomial| Self::Polynomial(polynomial, region.clone())));
            out.push(Self::Nearest(table, region));
        }
        out
    }

    /// The name in tables and reports.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Analytic(_) => "analytic",
            Self::Polynomial(..) => "polynomial",
            Self::Nearest(..) => "nearest",
        }
    }

    /// The joints at `X`, rad; of `policy` where that is the contender.
    pub fn evaluate(&self, policy: &mut Policy, X: &Pose) -> Joints {
        self.answer(X).unwrap_or_else(|| policy.ask(X))
    }

    /// A baseline's joints at `X`, rad, NaN where it has none; `None` of the policy.
    fn answer(&self, X: &Pose) -> Option<Joints> {
        match self {
            Self::Policy => None,
            Self::Analytic(expert) => Some(expert.label_pose(X).unwrap_or([f64::NAN; JOINTS])),
            Self::Polynomial(polynomial, _) => Some(polynomial.evaluate(&X.translation.vector)),
            Self::Nearest(table, _) => Some(table.evaluate(X)),
        }
    }

    /// What stands in for the policy; none where that drives itself.
    pub(super) fn stand_in(&self) -> Option<Box<dyn StandIn>> {
        match self {
            Self::Policy => None,
            other => Some(Box::new(other.clone())),
        }
    }
}

impl StandIn for Contender {
    fn evaluate(&mut self, X: &Pose) -> Joints {
        self.answer(X).unwrap_or([f64::NAN; JOINTS])
    }

    fn knows(&self, X: &Pose, margin_m: f64) -> bool {
        match self {
            Self::Policy => false,
            Self::Analytic(expert) => expert.label_pose(X).is_ok(),
            Self::Polynomial(_, region) => region.contains_pose(Input::Position, X, margin_m),
            Self::Nearest(table, region) => region.contains_pose(table.input, X, margin_m),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinematics::{Point, hand_tool, tool_down};

    #[test]
    fn baselines_answer_what_they_were_given_and_know_where_that_was() {
        let expert = Expert::new(Default::default(), hand_tool());
        let examples: Vec<Example> = (0..400)
            .map(f64::from)
            .map(|k| {
                Point::new(
                    0.5 + 0.02 * (0.9 * k).sin(),
                    0.05 * (0.13 * k).sin(),
                    0.4 + 0.05 * (0.13 * k).cos(),
                )
            })
            .map(|O_p_EE| Example { O_p_EE, q: expert.label(&O_p_EE).unwrap() })
            .collect();
        let down = |p: Point| Pose::from_parts(p.into(), tool_down());
        for mut contender in Contender::baselines(&expert, &examples, 5, Input::Position) {
            for example in &examples {
                let q = StandIn::evaluate(&mut contender, &down(example.O_p_EE));
                let off_m = (forward(&q, &hand_tool()).translation.vector - example.O_p_EE).norm();
                assert!(off_m < 1e-5, "{}: {off_m} m", contender.name());
                assert!(contender.knows(&down(example.O_p_EE), 0.0));
            }
            assert!(!contender.knows(&down(Point::new(2.0, 0.0, 0.4)), 0.01), "{}", contender.name());
        }
        assert!(Table::new(&[], Input::Pose, &hand_tool()).evaluate(&Pose::identity())[0].is_nan());
    }
}
