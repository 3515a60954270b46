//! What is done to the arm in an episode: drawn from its seed, the same for every contender.
use super::Options;
use crate::control::Settings;
use crate::demonstration::timed_path::TimedPath;
use crate::robot::Joints;
use crate::robot::limits::{Q_MAX, Q_MIN};
use crate::sim::{self, Push};
use nalgebra::Vector3;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

/// Least time from the first tick on the path to a push, s: the ramp in is over.
const FIRST_PUSH_S: f64 = 1.0;
/// Time kept free after a push, s: for the way back, which is measured so long.
pub(super) const AFTER_PUSH_S: f64 = 2.5;
/// A start stays this far inside the joint limits, rad.
const MARGIN_RAD: f64 = 0.05;

/// A kind of episode. Every one begins at joints of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// Nothing but that start.
    Start,
    /// Pushed sideways.
    Push,
    /// Joints that rub more than usual.
    Friction,
    /// A load that nobody declared.
    Load,
    /// Noisy sensors, and lost commands.
    Noise,
}

impl Scenario {
    /// All, in the order of reports.
    pub const ALL: [Self; 5] = [Self::Start, Self::Push, Self::Friction, Self::Load, Self::Noise];

    /// The name in tables and options.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Push => "push",
            Self::Friction => "friction",
            Self::Load => "load",
            Self::Noise => "noise",
        }
    }

    /// What it is, in numbers.
    pub fn words(self, options: &Options) -> String {
        match self {
            Self::Start => format!("each joint up to {} rad off at the start", options.start_rad),
            Self::Push => format!("{} N sideways for {} s", options.push_n, options.push_s),
            Self::Friction => format!("{} times the usual friction", options.friction),
            Self::Load => format!("{} kg that nobody declared", options.payload_kg),
            Self::Noise => format!(
                "noise of {:.0e} rad and {} Nm, {} % of the commands lost",
                options.q_noise_rad,
                options.tau_noise_nm,
                100.0 * options.command_loss
            ),
        }
    }
}

/// What one episode does to the arm.
#[derive(Clone, Debug, PartialEq)]
pub struct Disturbance {
    /// Of everything random in the simulated robot.
    pub seed: u64,
    /// Where the joints stand at the start, rad.
    pub q_start_rad: Joints,
    /// Pushes, at times from the first command.
    pub pushes: Vec<Push>,
    /// Share of the usual friction; none leaves the robot's own.
    pub friction: Option<f64>,
    /// Undeclared load, kg; none leaves the robot's own.
    pub payload_kg: Option<f64>,
    /// Noise of positions (rad) and torques (Nm), and share of lost commands; none leaves the robot's own.
    pub noise: Option<(f64, f64, f64)>,
}

impl Disturbance {
    /// That of `scenario` and `seed` on `timed`, whose start the expert labels `q_first`.
    pub fn draw(
        scenario: Scenario,
        seed: u64,
        options: &Options,
        timed: &TimedPath,
        q_first: &Joints,
        settings: &Settings,
    ) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let start: Joints = std::array::from_fn(|i| {
            let off = options.start_rad * (2.0 * rng.random::<f64>() - 1.0);
            (q_first[i] + off).max(Q_MIN[i] + MARGIN_RAD).min(Q_MAX[i] - MARGIN_RAD)
        });
        let mut disturbance = Self {
            seed,
            q_start_rad: start,
            pushes: Vec::new(),
            friction: None,
            payload_kg: None,
            noise: None,
        };
        match scenario {
            Scenario::Start => {}
            Scenario::Push => {
                let begin_s = settings.until_start_s(&start, q_first);
                disturbance.pushes = pushes(&mut rng, options, timed, begin_s, settings);
            }
            Scenario::Friction => disturbance.friction = Some(options.friction),
            Scenario::Load => disturbance.payload_kg = Some(options.payload_kg),
            Scenario::Noise => {
                disturbance.noise = Some((options.q_noise_rad, options.tau_noise_nm, options.command_loss));
            }
        }
        disturbance
    }

    /// The simulated robot that does it; everything else as in `base`.
    pub(super) fn sim(&self, base: &sim::Options) -> sim::Options {
        let (q_noise_rad, tau_noise_nm, command_loss) =
            self.noise.unwrap_or((base.q_noise_rad, base.tau_noise_nm, base.command_loss));
        sim::Options {
            seed: self.seed,
            q_start_rad: self.q_start_rad,
            pushes: self.pushes.clone(),
            friction: self.friction.unwrap_or(base.friction),
            payload_kg: self.payload_kg.unwrap_or(base.payload_kg),
            q_noise_rad,
            tau_noise_nm,
            command_loss,
            ..base.clone()
        }
    }
}

/// As many pushes as the episode has room for, each at a random time of its share and square to the path there.
fn pushes(
    rng: &mut StdRng,
    options: &Options,
    timed: &TimedPath,
    begin_s: f64,
    settings: &Settings,
) -> Vec<Push> {
    let on_path_s = episode_s(options, timed, settings);
    let each_s = options.push_s + AFTER_PUSH_S;
    let room_s = on_path_s - FIRST_PUSH_S;
    // A path shorter than one push and its way back is pushed once all the same.
    let count = ((room_s / each_s) as usize).max(1);
    let spare_s = (room_s / count as f64 - each_s).max(0.0);
    (0..count)
        .map(|k| {
            let share_s = (room_s / count as f64) * k as f64 + spare_s * rng.random::<f64>();
            let on_path_s = FIRST_PUSH_S + share_s;
            // In its ramp of so long the reference covers half of what it does later.
            let tau_s = settings.speed * (on_path_s - 0.5 * settings.options.ramp_s);
            let force_n = sideways(rng, &timed.at(tau_s).1) * options.push_n;
            Push { after_s: begin_s + on_path_s, force_n: force_n.into(), duration_s: options.push_s }
        })
        .collect()
}

/// How long an episode is on the path, s.
fn episode_s(options: &Options, timed: &TimedPath, settings: &Settings) -> f64 {
    settings.laps.map_or(options.episode_s, |laps| laps * timed.lap_s() / settings.speed)
}

/// A random direction square to `along`; any where that is none.
fn sideways(rng: &mut StdRng, along: &Vector3<f64>) -> Vector3<f64> {
    let along = along.try_normalize(1e-9).unwrap_or_else(Vector3::zeros);
    loop {
        let draw = Vector3::from_fn(|_, _| 2.0 * rng.random::<f64>() - 1.0);
        let square = draw - along * draw.dot(&along);
        if (0.1..1.0).contains(&square.norm()) {
            return square.normalize();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demonstration::expert::Expert;
    use crate::demonstration::{shapes, time_law};
    use crate::kinematics::hand_tool;

    #[test]
    fn a_push_is_square_to_the_path_fits_the_episode_and_comes_again_with_its_seed() {
        let expert = Expert::new(Default::default(), hand_tool());
        let path = shapes::load("circle", &Default::default()).unwrap().path;
        let timed = time_law::plan(&path, &mut |x| expert.label_pose(x), &Default::default()).unwrap();
        let q_first = expert.label(&timed.at(0.0).0).unwrap();
        let settings = Settings {
            options: Default::default(),
            generator: Default::default(),
            push: Default::default(),
            sde: Default::default(),
            safety: Default::default(),
            speed: 1.0,
            laps: Some(1.0),
        };
        let options = Options::default();
        let draw = |seed| Disturbance::draw(Scenario::Push, seed, &options, &timed, &q_first, &settings);
        for seed in 0..20 {
            let disturbance = draw(seed);
            assert_eq!(disturbance, draw(seed));
            assert_ne!(disturbance, draw(seed + 1));
            assert!(!disturbance.pushes.is_empty());
            let begin_s = settings.until_start_s(&disturbance.q_start_rad, &q_first);
            for push in &disturbance.pushes {
                let on_path_s = push.after_s - begin_s;
                let (_, along) = timed.at(on_path_s - 0.5 * settings.options.ramp_s);
                let force = Vector3::from(push.force_n);
                assert!((force.norm() - 30.0).abs() < 1e-9 && force.dot(&along).abs() < 1e-6);
                assert!(on_path_s >= FIRST_PUSH_S && on_path_s + 2.8 <= timed.lap_s() + 1e-9, "{on_path_s}");
            }
        }
    }
}
