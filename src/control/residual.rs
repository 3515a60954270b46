//! Whether a standing arm carries what it believes to carry.
//!
//! A load that is not declared shows as an external torque in the shape of a weight at the end effector: τ = J_zᵀ m g.
//! Of all torques, those that the model's own errors explain least count most (weighted least squares), so a mass is
//! told from a wrong link far away. Where the end effector has no lever on any joint a mass cannot be told, and that is
//! said.
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
use super::guidance::Options;
use crate::dynamics::G_EARTH;
use crate::kinematics::{from_column_major, hand_tool, jacobian};
use crate::robot::{Fault, Joints, State, panda};

/// A mass that deviates so often as this many standard deviations is told from the model's errors.
const TOLD_BY: f64 = 2.3;

/// What acts on a standing arm: the mean of many states.
#[derive(Clone, Copy, Debug)]
pub struct Residual {
    sum_nm: Joints,
    states: u32,
    last: State,
}

/// What a standing arm seems to carry beyond what is declared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Mass at the end effector, kg; below 0 where more is declared than is there.
    pub mass_kg: f64,
    /// Its standard deviation by the model's errors, kg.
    pub sigma_kg: f64,
    /// Mean external torque, Nm.
    pub torque_nm: Joints,
}

/// Why an arm is not let go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Refusal {
    /// It carries another load than is declared, or something pushes it.
    Load(Load),
    /// A wrong load would not show here.
    Blind(Load),
}

impl Default for Residual {
    fn default() -> Self {
        Residual { sum_nm: [0.0; 7], states: 0, last: State::ZERO }
    }
}

impl Residual {
    /// Adds a state of the standing arm.
    pub fn add(&mut self, state: &State) {
        self.states = self.states.saturating_add(1);
        self.sum_nm.iter_mut().zip(&state.tau_ext_hat_filtered).for_each(|(sum, tau)| *sum += tau);
        self.last = *state;
    }

    /// States so far.
    pub fn states(&self) -> u32 {
        self.states
    }

    /// What the arm seems to carry.
    pub fn load(&self, options: &Options) -> Load {
        let mut torque_nm = self.sum_nm;
        torque_nm.iter_mut().for_each(|tau| *tau /= f64::from(self.states.max(1)));
        let F_T_EE = from_column_major(&self.last.F_T_EE).unwrap_or_else(|_| hand_tool());
        let J = jacobian(&self.last.q, &F_T_EE);
        let [.., g] = G_EARTH.map(f64::abs);
        let (mut seen, mut lever) = (0.0, 0.0);
        let up = J.row(2);
        let joints = up.iter().zip(&torque_nm).zip(&options.model_sigma_nm);
        joints.for_each(|((z, tau), sigma)| {
            seen += z * tau / (sigma * sigma);
            lever += z * z / (sigma * sigma);
        });
        let lever = lever.max(1e-12);
        Load { mass_kg: seen / lever / g, sigma_kg: 1.0 / (g * lever.sqrt()), torque_nm }
    }

    /// What the arm seems to carry, where that lets it be let go.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn check(&self, options: &Options) -> Result<Load, Refusal> {
        let load = self.load(options);
        let is_right = load.mass_kg.abs() <= options.load_error_kg;
        let is_told = TOLD_BY * load.sigma_kg <= options.load_error_kg;
        match (is_right, is_told) {
            (false, _) => Err(Refusal::Load(load)),
            (true, false) => Err(Refusal::Blind(load)),
            (true, true) => Ok(load),
        }
    }
}

/// Why an arm is not let go, for the operator.
pub(super) fn not_let_go(refusal: Refusal, options: &Options, robot: &panda::Options) -> Fault {
    let allowed_kg = options.load_error_kg;
    match refusal {
        Refusal::Load(Load { mass_kg, torque_nm, .. }) => {
            Fault::Load { mass_kg, allowed_kg, declared_kg: robot.load_mass_kg, torque_nm }
        }
        Refusal::Blind(Load { sigma_kg, .. }) => Fault::LoadUnseen { allowed_kg, sigma_kg },
    }
}
