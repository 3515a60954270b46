//! What a replay is going to do, before anything moves: its pace, its margins, and whether it may.
use super::super::exit::usage;
use crate::config::Config;
use crate::demonstration::episode::Episode;
use crate::demonstration::playback::Playback;
use crate::demonstration::replay::{self, Demands};
use crate::kinematics::{Pose, forward};
use crate::robot::JOINTS;
use crate::robot::limits::CYCLE_S;
use crate::safety::{Guard, Margin, Motion};
use serde::Serialize;
use std::sync::Arc;

/// Every so many rows the safety layer is asked.
const STEP: usize = 4;
/// How much slower at a time, where the end effector would be too fast.
const SLOWER: f64 = 0.95;
/// How often that is tried.
const TRIES: u32 = 60;

/// What is going to be played.
pub(super) struct Plan {
    pub(super) playback: Arc<Playback>,
    pub(super) rate: f64,
    /// Its first and last tick in the episode.
    pub(super) ticks: [usize; 2],
    pub(super) figures: PlanFigures,
    /// What stands against it, if anything does.
    pub(super) allowed: anyhow::Result<()>,
}

/// What a report says of it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct PlanFigures {
    /// How long the motion lasts as it was taught, s.
    taught_s: f64,
    /// Idle time that is cut off at the start and at the end, s.
    idle_s: [f64; 2],
    /// The rate that was asked for, as a factor of the taught pace.
    speed: f64,
    /// The rate at which it is played.
    rate: f64,
    /// Why that is less, if it is.
    retimed_because: Option<String>,
    /// How far smoothing moves a joint, at most, rad.
    smoothing_moved_rad: f64,
    /// What each joint is asked at that rate.
    demands: [Demands; JOINTS],
    /// The limit of the safety layer of which least is left.
    nearest_limit: Option<String>,
}

impl Plan {
    /// Plays `episode` with the tool `F_T_EE` at `speed` times its pace, or slower.
    pub(super) fn new(
        name: &str,
        episode: &Episode,
        F_T_EE: &Pose,
        config: &Config,
        speed: f64,
    ) -> anyhow::Result<Plan> {
        let (playback, ticks) =
            replay::playback(&episode.ticks).map_err(|e| usage(format!("{name}: {e}")))?;
        let motion = &config.motion;
        let (mut rate, slowed) = replay::rate_within(
            &playback,
            speed,
            motion.joint_velocity_share,
            motion.joint_acceleration_share,
        );
        let mut because = slowed.map(|slowed| slowed.to_string());
        let guard = Guard::new(&config.safety, F_T_EE);
        let mut against = forbidden(&guard, &playback, rate);
        for _ in 0..TRIES {
            let Some((at_s, margin)) = against.filter(|(_, margin)| margin.limit.is_speed()) else { break };
            because.get_or_insert(format!("at {at_s:.2} s {margin} ({})", margin.limit.key()));
            rate *= SLOWER;
            against = forbidden(&guard, &playback, rate);
        }
        let nearest = playback.rows().iter().step_by(STEP).map(|q| guard.workspace().nearest(q));
        let nearest = nearest.reduce(Margin::tighter);
        let allowed = match against {
            None => Ok(()),
            Some((at_s, margin)) => {
                let k = (at_s * rate / CYCLE_S) as usize;
                let q = playback.rows()[k.min(playback.rows().len() - 1)];
                let p = forward(&q, F_T_EE).translation.vector;
                Err(usage(format!(
                    "{name}: {at_s:.2} s after its start, with the end effector at ({:.3}, {:.3}, {:.3}) m: {margin} ({}): teach it \
                     elsewhere, play it slower, or change that key",
                    p.x,
                    p.y,
                    p.z,
                    margin.limit.key()
                )))
            }
        };
        let [first, last] = ticks;
        let ms = |from: usize, to: usize| {
            episode.ticks[to].robot_time_ms.saturating_sub(episode.ticks[from].robot_time_ms) as f64 * 1e-3
        };
        let moved = |tick: &crate::demonstration::episode::Tick| {
            let t_s = tick.robot_time_ms.saturating_sub(episode.ticks[first].robot_time_ms) as f64 * 1e-3;
            let q = playback.at(t_s);
            (0..JOINTS).map(|j| (q[j] - tick.q[j]).abs()).fold(0.0, f64::max)
        };
        let figures = PlanFigures {
            taught_s: playback.duration_s(),
            idle_s: [ms(0, first), ms(last, episode.ticks.len() - 1)],
            speed,
            rate,
            retimed_because: because,
            smoothing_moved_rad: episode.ticks[first..=last].iter().map(moved).fold(0.0, f64::max),
            demands: replay::of(&playback, rate),
            nearest_limit: nearest.map(|margin| margin.to_string()),
        };
        let plan = Plan { playback: Arc::new(playback), rate, ticks, figures, allowed };
        plan.note(name);
        Ok(plan)
    }

    fn note(&self, name: &str) {
        let f = &self.figures;
        if let Some(because) = &f.retimed_because {
            say!(
                "note     {name} is retimed: played at {:.2} of the taught pace, not {:.2}: {because}",
                f.rate,
                f.speed
            );
        }
    }

    /// Says it in a line or two.
    pub(super) fn say(&self) {
        let f = &self.figures;
        say!(
            "motion   {:.2} s as taught, {:.2} s at {:.2} of that pace; {:.2} s and {:.2} s of rest cut off; smoothing moves a \
             joint by {:.1} mrad at most",
            f.taught_s,
            f.taught_s / f.rate,
            f.rate,
            f.idle_s[0],
            f.idle_s[1],
            1e3 * f.smoothing_moved_rad
        );
        if let Some(nearest) = &f.nearest_limit {
            say!("limits   the nearest: {nearest}");
        }
    }

    /// Says how near every joint comes to each of its limits.
    pub(super) fn say_margins(&self) {
        self.say();
        say!("joint    to the end, rad   velocity %        acceleration %    jerk %");
        for d in &self.figures.demands {
            let used = |used: replay::Used| format!("{:>5.1} at {:>6.2} s", 100.0 * used.share, used.at_s);
            say!(
                "{:>5}    {:>15.3}   {}  {}  {}",
                d.joint,
                d.position_left_rad,
                used(d.velocity),
                used(d.acceleration),
                used(d.jerk)
            );
        }
    }
}

/// The first time, s, at which the safety layer has something against the playback, and what.
fn forbidden(guard: &Guard, playback: &Playback, rate: f64) -> Option<(f64, Margin)> {
    (0..playback.rows().len()).step_by(STEP).find_map(|k| {
        let tau_s = k as f64 * CYCLE_S;
        let half_s = 0.5 * STEP as f64 * CYCLE_S;
        let (before, q, after) =
            (playback.at(tau_s - half_s), playback.at(tau_s), playback.at(tau_s + half_s));
        let dq = std::array::from_fn(|j| rate * (after[j] - before[j]) / (2.0 * half_s));
        let outside = guard.forbids(&Motion { q, dq, ddq: [0.0; JOINTS] })?;
        Some((tau_s / rate, outside))
    })
}
