//! What an arm at rest feels: a payload that the robot does not know of shows before anything moves.
use crate::robot::{Fault, Joints, State, limits, panda};

/// Share of a change that the mean takes over in one state: a twentieth of a second.
const SHARE: f64 = 0.02;
/// States after which the mean tells something.
const STATES: u32 = 200;

/// The mean external torque on the joints of a standing arm.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    mean_nm: Option<Joints>,
    states: u32,
}

impl Standing {
    /// Adds a state.
    pub(super) fn add(&mut self, state: &State) {
        self.states = self.states.saturating_add(1);
        let seen = state.tau_ext_hat_filtered;
        let mean = self.mean_nm.get_or_insert(seen);
        for (mean, seen) in mean.iter_mut().zip(seen) {
            *mean += SHARE * (seen - *mean);
        }
    }

    /// Whether it has looked for long enough; where the joints' own torques are allowed there is nothing to look for.
    pub(super) fn knows(&self, options: &panda::Options) -> bool {
        self.states >= STATES || options.rest_torque_nm.iter().zip(&limits::TAU_MAX).all(|(a, max)| a >= max)
    }

    /// Refuses an arm on which more acts than the options allow, joint by joint.
    pub(super) fn check(&self, options: &panda::Options) -> Result<(), Fault> {
        let mean = self.mean_nm.unwrap_or_default();
        let joints = mean.iter().zip(options.rest_torque_nm).enumerate();
        let over: Vec<String> = joints
            .filter(|(_, (seen, allowed))| !(0.0..=*allowed).contains(&seen.abs()))
            .map(|(k, (seen, allowed))| format!("joint {} {seen:+.1} Nm, allowed {allowed:.1}", k + 1))
            .collect();
        if over.is_empty() { Ok(()) } else { Err(Fault::Residual(over)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_that_was_not_declared_is_refused_with_its_joints_and_torques() {
        let mut standing = Standing::default();
        let mut state = State::ZERO;
        assert_eq!(standing.check(&panda::Options::default()), Ok(()));
        state.tau_ext_hat_filtered[1] = -9.0;
        standing.add(&state);
        let refused = standing.check(&panda::Options::default()).unwrap_err().to_string();
        assert!(refused.contains("joint 2 -9.0 Nm") && refused.contains("robot.load_mass_kg"), "{refused}");
        state.tau_ext_hat_filtered[1] = f64::NAN;
        standing.add(&state);
        assert!(standing.check(&panda::Options::default()).is_err());
    }
}
