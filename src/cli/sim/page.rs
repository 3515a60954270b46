//! `sim --serve`: the simulated arm as it truly is, on the page; STOP presses its user stop.
use super::super::serve::Serve;
use crate::config::Config;
use crate::control::links::Request;
use crate::kinematics::{Pose, forward};
use crate::robot::realtime;
use crate::sim::Sim;
use crate::web::{About, Now, Page, Since, Stage};
use std::time::Duration;

/// Between two updates.
pub(super) const TURN: Duration = Duration::from_millis(15);

/// The page of a simulated arm.
pub(super) struct Shown {
    page: Page,
    F_T_EE: Pose,
    since: Since,
}

impl Shown {
    /// Opens it, if one is wanted.
    pub(super) fn open(serve: &Serve, sim: &Sim, F_T_EE: Pose) -> anyhow::Result<Option<Shown>> {
        let config = Config::default();
        let about = About {
            robot: sim.ip().to_string(),
            simulated: true,
            F_T_EE,
            drawing: config.drawing.clone(),
            expert: config.expert,
            safety: config.safety.clone(),
            velocity_share: config.motion.joint_velocity_share,
        };
        let page = serve.open(&config, &about, realtime::cores())?;
        Ok(page.map(|page| Shown { since: page.since(), page, F_T_EE }))
    }

    /// Shows the arm, and does what was asked for.
    pub(super) fn look(&mut self, sim: &Sim) {
        let status = sim.status();
        let q = status.truth.q;
        let p = forward(&q, &self.F_T_EE).translation.vector;
        self.page.show(&Now {
            stage: Stage::Simulated,
            errors: status.errors,
            q_rad: q,
            q_c_rad: q,
            O_p_EE_m: p.into(),
            ..Now::default()
        });
        // Taken before it is asked: a STOP that comes meanwhile counts again with the next look.
        let since = self.page.since();
        // Nobody operates a robot from here: only a STOP is meant, not that a page was closed.
        if self.page.rest(self.since) == Some(Request::Halt) {
            sim.press_user_stop(true);
            self.page.say(
                false,
                "the user stop of the simulated robot is pressed; its order `user-stop off` releases it",
            );
        }
        self.since = since;
    }
}
