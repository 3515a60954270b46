//! Who drives: the policy, or one of the baselines it has to be better than.
use super::polynomial::Polynomial;
use crate::control::StandIn;
use crate::demonstration::Example;
use crate::demonstration::expert::Expert;
use crate::kinematics::Point;
use crate::policy::{Policy, Region};
use crate::robot::{JOINTS, Joints};

/// The nearest example's joints: what looking up without learning comes to.
#[derive(Clone, Debug)]
pub struct Table {
    examples: Vec<Example>,
}

impl Table {
    /// A table of these examples.
    pub fn new(examples: Vec<Example>) -> Self {
        Self { examples }
    }

    /// The joints of the example nearest to `X`, rad; NaN from an empty table. No allocation.
    pub fn evaluate(&self, X: &Point) -> Joints {
        let mut best = (f64::INFINITY, [f64::NAN; JOINTS]);
        for example in &self.examples {
            let squared = (example.O_p_EE - X).norm_squared();
            if squared < best.0 {
                best = (squared, example.q);
            }
        }
        best.1
    }
}

/// Who drives an episode.
#[derive(Clone, Debug)]
pub enum Contender {
    /// The policy that is judged.
    Policy,
    /// The expert itself: the analytic inverse, asked every millisecond.
    Analytic(Expert),
    /// A polynomial, and where it was fitted.
    Polynomial(Polynomial, Region),
    /// A table, and where its examples are.
    Nearest(Table, Region),
}

impl Contender {
    /// The baselines; those that learn are given `examples`.
    pub fn baselines(expert: &Expert, examples: &[Example], degree: usize) -> Vec<Self> {
        let mut out = vec![Self::Analytic(expert.clone())];
        if let Some(region) = Region::around(3, examples.iter().map(|e| e.O_p_EE.as_slice())) {
            let polynomial = Polynomial::fit(examples, degree);
            out.extend(polynomial.map(|polynomial| Self::Polynomial(polynomial, region.clone())));
            out.push(Self::Nearest(Table::new(examples.to_vec()), region));
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
    pub fn evaluate(&self, policy: &mut Policy, X: &Point) -> Joints {
        self.answer(X).unwrap_or_else(|| policy.evaluate(X.as_slice()))
    }

    /// A baseline's joints at `X`, rad, NaN where it has none; `None` of the policy.
    fn answer(&self, X: &Point) -> Option<Joints> {
        match self {
            Self::Policy => None,
            Self::Analytic(expert) => Some(expert.label(X).unwrap_or([f64::NAN; JOINTS])),
            Self::Polynomial(polynomial, _) => Some(polynomial.evaluate(X)),
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
    fn evaluate(&mut self, X: &Point) -> Joints {
        self.answer(X).unwrap_or([f64::NAN; JOINTS])
    }

    fn knows(&self, X: &Point, margin_m: f64) -> bool {
        match self {
            Self::Policy => false,
            Self::Analytic(expert) => expert.label(X).is_ok(),
            Self::Polynomial(_, region) | Self::Nearest(_, region) => region.contains(X.as_slice(), margin_m),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinematics::{forward, hand_tool};

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
        for mut contender in Contender::baselines(&expert, &examples, 5) {
            for example in &examples {
                let q = StandIn::evaluate(&mut contender, &example.O_p_EE);
                let off_m = (forward(&q, &hand_tool()).translation.vector - example.O_p_EE).norm();
                assert!(off_m < 1e-5, "{}: {off_m} m", contender.name());
                assert!(contender.knows(&example.O_p_EE, 0.0));
            }
            assert!(!contender.knows(&Point::new(2.0, 0.0, 0.4), 0.01), "{}", contender.name());
        }
        assert!(Table::new(Vec::new()).evaluate(&Point::zeros())[0].is_nan());
    }
}
