//! What λ buys: policies trained with and without perturbed targets, asked off the demonstration, and pushed.
//!
//!     cargo run --release --example lambda_experiment [-- REPORT.json]
//!
//! Prints the tables of `docs/lambda.md`: errors on and off the demonstration, and the recovery of the simulated arm
//! from sideways pushes, for λ = 0, for plain uniform noise of the same reach, and for the default process; five
//! seeds, means with 95 % confidence intervals.
#![allow(non_snake_case)] // Franka's own symbols

use franka_imit::config::Config;
use franka_imit::control::Settings;
use franka_imit::demonstration::expert::Expert;
use franka_imit::demonstration::timed_path::TimedPath;
use franka_imit::demonstration::{Dataset, Example, shapes, time_law};
use franka_imit::eval::{Contender, Disturbance, Interval, Recovery, Scenario, Task, recoveries};
use franka_imit::kinematics::{Point, forward, hand_tool};
use franka_imit::learn::train::{Perturbed, train};
use franka_imit::policy::{Policy, Region};
use franka_imit::sde::Targets;
use nalgebra::Vector3;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const TRAJECTORY: &str = "circle";
const SEEDS: u64 = 5;
const DISTANCES_MM: [f64; 5] = [0.0, 5.0, 10.0, 20.0, 50.0];
/// Points asked at each distance.
const POINTS: usize = 1000;
/// Joints so soft that a push of 30 N carries the arm out of its tube, Nm/rad.
const SOFT_NM_RAD: f64 = 400.0;
/// How far round the path a policy is asked where its own word does not count, m.
const ASKED_M: f64 = 0.1;

/// How the demonstrations are perturbed in training.
#[derive(Clone, Copy, PartialEq)]
enum Noise {
    /// Not at all: λ = 0.
    None,
    /// Uniform in a cube of the same root mean square as the process; each point labelled by the expert.
    Uniform,
    /// The same points with the labels of the demonstrations they came from: what augmenting inputs with noise does.
    Unlabelled,
    /// The default: the Ornstein–Uhlenbeck process, labelled by the expert.
    Process,
}

const NOISES: [(Noise, &str); 4] = [
    (Noise::None, "λ = 0"),
    (Noise::Uniform, "uniform noise"),
    (Noise::Unlabelled, "uniform noise, old labels"),
    (Noise::Process, "default process"),
];

/// How the arm is pushed.
#[derive(Clone, Copy)]
struct Setting {
    name: &'static str,
    soft: bool,
    /// Whether the policy is believed where it says it was trained, or asked all around the path.
    own_region: bool,
}

const SETTINGS: [Setting; 3] = [
    Setting { name: "stiff joints (default)", soft: false, own_region: true },
    Setting { name: "soft joints", soft: true, own_region: true },
    Setting { name: "soft joints, asked everywhere", soft: true, own_region: false },
];

/// What one seed of one kind of training came to.
struct Tried {
    off: Vec<Off>,
    pushed: Vec<Pushed>,
}

/// Errors at one distance.
struct Off {
    mean_mm: f64,
    max_mm: f64,
    tilt_mean_mrad: f64,
}

/// One drive with its pushes.
struct Pushed {
    recoveries: Vec<Option<Recovery>>,
    limiter_active_ticks: u64,
    fault: Option<String>,
}

fn main() -> Result<(), Failure> {
    let report = std::env::args().nth(1);
    let config = Config::default();
    let world = World::new(&config)?;
    let jobs = NOISES.len() * SEEDS as usize;
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || -> Result<Vec<(usize, Tried)>, Failure> {
        let mut out = Vec::new();
        loop {
            let job = next.fetch_add(1, Relaxed);
            if job >= jobs {
                return Ok(out);
            }
            out.push((job, world.one(NOISES[job / SEEDS as usize].0, (job % SEEDS as usize) as u64)?));
            eprintln!("{} of {jobs}", done.fetch_add(1, Relaxed) + 1);
        }
    };
    let mut results = std::thread::scope(|scope| {
        let crew: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        let parts =
            crew.into_iter().map(|worker| worker.join().unwrap_or_else(|_| Err("a worker died".into())));
        parts.collect::<Result<Vec<_>, Failure>>()
    })?
    .into_iter()
    .flatten()
    .collect::<Vec<_>>();
    results.sort_by_key(|(job, _)| *job);
    let results: Vec<Tried> = results.into_iter().map(|(_, result)| result).collect();
    let by_noise: Vec<&[Tried]> = results.chunks(SEEDS as usize).collect();
    let told = json!({
        "schema": 1,
        "experiment": "lambda",
        "trajectory": TRAJECTORY,
        "seeds": SEEDS,
        "uniform_half_width_mm": 1e3 * world.half_width_m,
        "off_demonstration": off_tables(&by_noise),
        "pushes": push_tables(&by_noise),
    });
    if let Some(file) = report {
        std::fs::write(&file, serde_json::to_string_pretty(&told)?)?;
        eprintln!("report   {file}");
    }
    Ok(())
}

/// Everything that does not depend on the training.
struct World {
    config: Config,
    expert: Arc<Expert>,
    timed: Arc<TimedPath>,
    data: Dataset,
    half_width_m: f64,
}

impl World {
    fn new(config: &Config) -> Result<World, Failure> {
        let expert = Expert::new(config.expert, hand_tool());
        let path = shapes::load(TRAJECTORY, &config.drawing)?.path;
        let timed = time_law::plan(&path, &mut |x| expert.label_pose(x), &config.motion)?;
        let data = Dataset::from_points(&expert, path.points(), TRAJECTORY)?;
        // Of the process: σ²/2θ, times the mean of 1 − e^(−2θt) over a uniform t in 0 to T; of a cube: half² / 3.
        let rate = 2.0 * config.sde.theta_1_s;
        let share = 1.0 - (1.0 - (-rate * config.sde.horizon_s).exp()) / (rate * config.sde.horizon_s);
        let half_width_m = (3.0 * config.sde.sigma_m_sqrt_s.powi(2) / rate * share).sqrt();
        Ok(World {
            config: config.clone(),
            expert: Arc::new(expert),
            timed: Arc::new(timed),
            data,
            half_width_m,
        })
    }

    fn one(&self, noise: Noise, seed: u64) -> Result<Tried, Failure> {
        let mut policy = self.train(noise, seed)?;
        let off = DISTANCES_MM.iter().map(|mm| self.off(&mut policy, *mm)).collect();
        let pushed =
            SETTINGS.iter().map(|setting| self.push(&policy, *setting, seed)).collect::<Result<_, _>>()?;
        Ok(Tried { off, pushed })
    }

    fn train(&self, noise: Noise, seed: u64) -> Result<Policy, Failure> {
        let mut targets = Targets::new(&self.config.sde);
        let mut rng = StdRng::seed_from_u64(seed ^ 0x6c61_6d62);
        let mut draw = |example: &Example| match noise {
            Noise::Process | Noise::None => {
                let target = targets
                    .draw(&mut rng, (&example.O_p_EE, &example.q), |_, to| self.expert.label(to).ok())?;
                Some(Example { O_p_EE: target.O_p_EE, q: target.q })
            }
            Noise::Uniform | Noise::Unlabelled => {
                let z = Vector3::from_fn(|_, _| self.half_width_m * (2.0 * rng.random::<f64>() - 1.0));
                let O_p_EE: Point = example.O_p_EE + z;
                let label = self.expert.label(&O_p_EE).ok()?;
                Some(Example { O_p_EE, q: if noise == Noise::Uniform { label } else { example.q } })
            }
        };
        let lambda = if noise == Noise::None { 0.0 } else { self.config.sde.lambda };
        let perturbed =
            Perturbed { lambda, form: self.config.sde.form, demonstrations: Vec::new(), draw: &mut draw };
        let options = franka_imit::learn::train::Options { seed, ..self.config.training.clone() };
        Ok(train(&self.data, &self.config.network, Some(perturbed), &options, &mut |_| {})?.policy)
    }

    /// Errors at points so far from the path, square to it, in directions drawn once for all.
    fn off(&self, policy: &mut Policy, distance_mm: f64) -> Off {
        let path = self.timed.path();
        let mut rng = StdRng::seed_from_u64(7);
        let (mut errors, mut tilts) = (Vec::new(), Vec::new());
        while errors.len() < POINTS {
            let arc_m = path.length_m() * rng.random::<f64>();
            let along = path.tangent(arc_m).normalize();
            let draw = Vector3::from_fn(|_, _| 2.0 * rng.random::<f64>() - 1.0);
            let square = draw - along * draw.dot(&along);
            if !(0.1..1.0).contains(&square.norm()) {
                continue;
            }
            let X = path.point(arc_m) + square.normalize() * (1e-3 * distance_mm);
            let pose = forward(&policy.evaluate(X.as_slice()), self.expert.F_T_EE());
            let z = pose.rotation * Vector3::z();
            errors.push(1e3 * (pose.translation.vector - X).norm());
            tilts.push(1e3 * z.cross(&-Vector3::z()).norm().atan2(-z.z));
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let max_mm = errors.iter().copied().fold(0.0, f64::max);
        Off { mean_mm: mean(&errors), max_mm, tilt_mean_mrad: mean(&tilts) }
    }

    fn push(&self, policy: &Policy, setting: Setting, seed: u64) -> Result<Pushed, Failure> {
        let mut policy = policy.clone();
        if !setting.own_region {
            let [low, high] = self.timed.extent();
            let (min, max) = (low.add_scalar(-ASKED_M), high.add_scalar(ASKED_M));
            policy.card_mut().region =
                Some(Region { min: min.as_slice().to_vec(), max: max.as_slice().to_vec() });
        }
        let config = &self.config;
        let mut robot = config.robot.clone();
        if setting.soft {
            robot.joint_stiffness_nm_rad = [SOFT_NM_RAD; 7];
        }
        let task = Task {
            timed: Arc::clone(&self.timed),
            expert: Arc::clone(&self.expert),
            F_T_EE: hand_tool(),
            settings: Settings {
                options: config.control.clone(),
                generator: config.generator.clone(),
                push: config.push.clone(),
                sde: config.sde.clone(),
                safety: config.safety.clone(),
                speed: 1.0,
                // Three laps: six pushes.
                laps: Some(3.0),
            },
            robot,
            sim: config.sim.clone(),
        };
        let q_first = self.expert.label(&self.timed.at(0.0).0)?;
        let options = &config.eval;
        let disturbance =
            Disturbance::draw(Scenario::Push, seed, options, &self.timed, &q_first, &task.settings);
        let drove = task.drive(&policy, &Contender::Policy, &disturbance)?;
        let bound_mm = options.success_contour_mm;
        Ok(Pushed {
            recoveries: recoveries(&drove.ticks, &disturbance.pushes, self.timed.path(), bound_mm),
            limiter_active_ticks: drove.figures.limiter_active_ticks,
            fault: drove.fault,
        })
    }
}

fn off_tables(by_noise: &[&[Tried]]) -> Value {
    let mut told = serde_json::Map::new();
    type Figure = (&'static str, fn(&Off) -> f64);
    let figures: [Figure; 3] = [
        ("error_mean_mm", |off| off.mean_mm),
        ("error_max_mm", |off| off.max_mm),
        ("tilt_mean_mrad", |off| off.tilt_mean_mrad),
    ];
    for (name, figure) in figures {
        println!("\n| {name} at | {} |", DISTANCES_MM.map(|mm| format!("{mm} mm")).join(" | "));
        println!("|---|{}", "---|".repeat(DISTANCES_MM.len()));
        let mut rows = serde_json::Map::new();
        for ((_, noise), seeds) in NOISES.iter().zip(by_noise) {
            let cells: Vec<Option<Interval>> = (0..DISTANCES_MM.len())
                .map(|k| Interval::of(seeds.iter().map(|seed| Some(figure(&seed.off[k]))).collect()))
                .collect();
            println!(
                "| {noise} | {} |",
                cells.iter().map(|cell| said(cell.as_ref())).collect::<Vec<_>>().join(" | ")
            );
            rows.insert((*noise).to_owned(), json!(cells));
        }
        told.insert(name.to_owned(), Value::Object(rows));
    }
    json!({ "distances_mm": DISTANCES_MM, "figures": told })
}

fn push_tables(by_noise: &[&[Tried]]) -> Value {
    let mut told = serde_json::Map::new();
    for (k, setting) in SETTINGS.iter().enumerate() {
        println!(
            "\n| {} | stopped | pushes back | peak mm | back after s | overshoot mm | limiter ticks |",
            setting.name
        );
        println!("|---|---|---|---|---|---|---|");
        let mut rows = serde_json::Map::new();
        for ((_, noise), seeds) in NOISES.iter().zip(by_noise) {
            let drives: Vec<&Pushed> = seeds.iter().map(|seed| &seed.pushed[k]).collect();
            let mean = |value: fn(&Recovery) -> Option<f64>| {
                Interval::of(drives.iter().map(|drive| mean_of(&drive.recoveries, value)).collect())
            };
            let peak = mean(|recovery| Some(recovery.peak_mm));
            let back = mean(|recovery| recovery.return_s);
            let overshoot = mean(|recovery| Some(recovery.overshoot_mm));
            let limiter =
                Interval::of(drives.iter().map(|drive| Some(drive.limiter_active_ticks as f64)).collect());
            let pushes: usize = drives.iter().map(|drive| drive.recoveries.len()).sum();
            let came_back = drives.iter().flat_map(|drive| drive.recoveries.iter().flatten());
            let came_back = came_back.filter(|recovery| recovery.return_s.is_some()).count();
            let faults: Vec<&String> = drives.iter().filter_map(|drive| drive.fault.as_ref()).collect();
            println!(
                "| {noise} | {} of {} | {came_back} of {pushes} | {} | {} | {} | {} |",
                faults.len(),
                drives.len(),
                said(peak.as_ref()),
                said(back.as_ref()),
                said(overshoot.as_ref()),
                said(limiter.as_ref())
            );
            rows.insert(
                (*noise).to_owned(),
                json!({
                    "drives": drives.len(), "stopped": faults.len(), "faults": faults, "pushes": pushes,
                    "pushes_back": came_back, "peak_mm": peak, "return_s": back, "overshoot_mm": overshoot,
                    "limiter_active_ticks": limiter,
                }),
            );
        }
        told.insert(setting.name.to_owned(), Value::Object(rows));
    }
    Value::Object(told)
}

fn mean_of(recoveries: &[Option<Recovery>], value: fn(&Recovery) -> Option<f64>) -> Option<f64> {
    let values: Vec<f64> = recoveries.iter().flatten().filter_map(value).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn said(interval: Option<&Interval>) -> String {
    let digits = |x: f64| {
        if x.abs() >= 100.0 {
            0
        } else if x.abs() >= 10.0 {
            1
        } else if x.abs() >= 0.1 {
            2
        } else {
            3
        }
    };
    interval.map_or("–".to_string(), |Interval { mean, ci95, .. }| {
        let d = digits(*mean);
        format!("{mean:.d$} ± {:.d$}", ci95.unwrap_or(f64::NAN))
    })
}
