//! An arm that does exactly what it is told, without sockets or threads: what ticks and the trainer are tested on.
#![allow(dead_code)] // each test binary uses its part

use franka_imit::control::{self, Controller, Settings};
use franka_imit::demonstration::expert::Expert;
use franka_imit::demonstration::path::Path;
use franka_imit::demonstration::timed_path::TimedPath;
use franka_imit::demonstration::{drawing, shapes, time_law};
use franka_imit::dynamics::{self, Body, G_EARTH};
use franka_imit::kinematics::{Point, Pose, forward, hand_tool, to_column_major, tool_down};
use franka_imit::learn::{experience, gate, trainer, watch};
use franka_imit::policy::{Card, Input, Layout, Network, Normalisation, Policy, Region};
use franka_imit::robot::Command;
use franka_imit::robot::{Errors, Joints, Mode, State, limits, panda};
use franka_imit::safety::{self, Motion};
use franka_imit::sde::{self, PoseTarget};
use nalgebra::{UnitQuaternion, Vector3};
use std::sync::Arc;

/// A path with its labels, and a policy that has learnt them well enough to be driven.
pub(crate) struct Lesson {
    pub(crate) timed: Arc<TimedPath>,
    pub(crate) expert: Arc<Expert>,
    pub(crate) examples: Arc<[(Pose, Joints)]>,
    pub(crate) policy: Policy,
}

pub(crate) fn lesson(shape: &str) -> Lesson {
    lesson_of(&shapes::load(shape, &drawing::Options::default()).unwrap().path, Input::Position)
}

/// The circle, the tool turning to and fro about all axes as it goes, asked with poses.
pub(crate) fn turning_lesson() -> Lesson {
    let circle = shapes::load("circle", &drawing::Options::default()).unwrap().path;
    let points: Vec<Point> = circle.points().to_vec();
    let turns: Vec<_> = (0..points.len())
        .map(|k| std::f64::consts::TAU * k as f64 / (points.len() - 1) as f64)
        .map(|t| Vector3::new(0.2 * t.sin(), 0.15 * (2.0 * t).cos(), 0.3 * t.sin()))
        .map(|turn| UnitQuaternion::from_scaled_axis(turn) * tool_down())
        .collect();
    let options = drawing::Options::exact(Some(true));
    let drawn = drawing::Drawn { points: &points, turns: Some(&turns), ..Default::default() };
    lesson_of(&drawing::drawn(&drawn, &options).unwrap(), Input::Pose)
}

fn lesson_of(path: &Path, input: Input) -> Lesson {
    let expert = Arc::new(Expert::new(Default::default(), hand_tool()));
    let options = time_law::Options::default();
    let timed = time_law::plan(path, &mut |x| expert.label_pose(x), &options).unwrap();
    let examples: Vec<_> = path.poses().map(|x| (x, expert.label_pose(&x).unwrap())).collect();
    let policy = learn(&tube(&examples, &expert, input), input, 1);
    Lesson { timed: Arc::new(timed), expert, examples: examples.into(), policy }
}

/// The demonstrations and the perturbed targets around them.
fn tube(examples: &[(Pose, Joints)], expert: &Expert, input: Input) -> Vec<(Pose, Joints)> {
    use rand::SeedableRng;
    let mut rng = rand::rngs::StdRng::seed_from_u64(2);
    let mut targets = sde::Targets::new(&sde::Options::default());
    let around: Vec<_> = (0..6)
        .flat_map(|_| examples)
        .filter_map(|(x, q)| match input {
            Input::Position => targets
                .draw(&mut rng, (&x.translation.vector, q), |_, x| expert.label(x).ok())
                .map(PoseTarget::from),
            Input::Pose => targets.draw_pose(&mut rng, (x, q), |_, x| expert.label_pose(x).ok()),
        })
        .map(|target| (target.O_T_EE, target.q))
        .collect();
    examples.iter().copied().chain(around).collect()
}

fn learn(examples: &[(Pose, Joints)], input: Input, seed: u64) -> Policy {
    use rand::{RngExt, SeedableRng};
    let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
    let width = input.width();
    let rows: Vec<_> = examples.iter().map(|(x, _)| input.numbers(x)).collect();
    let rows = || rows.iter().map(|row| &row[..width]);
    let normalisation = Normalisation::fit(width, rows(), examples.iter().map(|(_, q)| q));
    let network = Network::random(Layout::new(width, &[48, 48]), franka_imit::policy::Activation::Silu, seed);
    let mut card = Card::new(&hand_tool());
    (card.input, card.region) = (input, Region::around(width, rows()));
    let mut policy = Policy::new(network, normalisation, card).unwrap();
    let mut learner = franka_imit::learn::Learner::new(&policy, 64, 3e-3);
    for _ in 0..if input == Input::Pose { 4000 } else { 2000 } {
        learner.begin();
        for _ in 0..64 {
            let (x, q) = &examples[rng.random_range(0..examples.len())];
            learner.add(x, q);
        }
        learner.step();
    }
    learner.write_to(&mut policy);
    policy
}

impl Lesson {
    pub(crate) fn settings(&self, laps: Option<f64>) -> Settings {
        Settings {
            options: control::Options::default(),
            generator: Default::default(),
            push: Default::default(),
            sde: sde::Options::default(),
            safety: safety::Options::default(),
            speed: 1.0,
            laps,
        }
    }

    pub(crate) fn controller(&self, laps: Option<f64>) -> Controller {
        let policy = Box::new(self.policy.clone());
        Controller::new(Arc::clone(&self.timed), policy, hand_tool(), self.settings(laps))
    }

    pub(crate) fn plan(&self) -> trainer::Plan {
        trainer::Plan {
            options: trainer::Options::default(),
            experience: experience::Options::default(),
            gate: gate::Options::default(),
            correction: Default::default(),
            watch: watch::Options::default(),
            swap_s: control::Options::default().swap_s,
            stiffness_nm_rad: panda::Options::default().joint_stiffness_nm_rad,
            safety: safety::Options::default(),
            sde: sde::Options::default(),
            timed: Arc::clone(&self.timed),
            speed: 1.0,
            expert: Arc::clone(&self.expert),
            demonstrations: Arc::clone(&self.examples),
            seed: 1,
        }
    }
}

/// Stiffness of the soft arm's joints, Nm/rad: a quarter of the usual.
pub(crate) const SOFT: Joints = [750.0, 750.0, 750.0, 625.0, 625.0, 500.0, 500.0];

/// The arm: its measured joints are its desired ones, less what a load at the tool does to soft joints.
pub(crate) struct Arm {
    pub(crate) state: State,
    pub(crate) load_kg: f64,
}

impl Arm {
    pub(crate) fn at(q: Joints) -> Arm {
        let mut arm = Arm {
            load_kg: 0.0,
            state: State {
                time_ms: 1000,
                q,
                dq: [0.0; 7],
                q_d: q,
                dq_d: [0.0; 7],
                ddq_d: [0.0; 7],
                tau_J: [0.0; 7],
                tau_J_d: [0.0; 7],
                tau_ext_hat_filtered: [0.0; 7],
                O_T_EE: [0.0; 16],
                F_T_EE: to_column_major(&hand_tool()),
                O_F_ext_hat_K: [0.0; 6],
                mode: Mode::Move,
                errors: Errors::default(),
                control_command_success_rate: 1.0,
            },
        };
        arm.measure();
        arm
    }

    pub(crate) fn ready() -> Arm {
        Arm::at(limits::Q_READY)
    }

    /// One millisecond: takes the command by the robot's own differences.
    pub(crate) fn obey(&mut self, command: &Command) {
        let (Command::Position(q) | Command::Finish(q)) = command;
        let next = Motion::of(&self.state).after(q);
        self.state.time_ms += 1;
        (self.state.q_d, self.state.dq_d, self.state.ddq_d) = (next.q, next.dq, next.ddq);
        self.state.dq = next.dq;
        self.state.q = self.sagged(&next.q);
        self.measure();
    }

    /// One millisecond without a command: the robot goes on with constant acceleration.
    pub(crate) fn miss(&mut self) {
        let s = &self.state;
        let q = std::array::from_fn(|i| s.q_d[i] + (s.dq_d[i] + s.ddq_d[i] * 1e-3) * 1e-3);
        self.obey(&Command::Position(q));
    }

    /// Where the joints stand that are asked to stand at `q`.
    pub(crate) fn sagged(&self, q: &Joints) -> Joints {
        let load = Body { m: self.load_kg, x_C: [0.0, 0.0, 0.1034], I: [[0.0; 3]; 3] };
        let load = dynamics::Arm { links: [Body::NOTHING; 7], ..dynamics::Arm::panda_with(load) };
        let tau = load.gravity(q, &G_EARTH);
        std::array::from_fn(|i| q[i] - tau[i] / SOFT[i])
    }

    fn measure(&mut self) {
        self.state.O_T_EE = to_column_major(&forward(&self.state.q, &hand_tool()));
    }
}

/// Judges one step as the robot does; the first thing broken, by name.
pub(crate) fn broken(before: &State, command: &Joints) -> Option<String> {
    let base = Motion::of(before);
    let next = base.after(command);
    for i in 0..7 {
        let jerk = (next.ddq[i] - base.ddq[i]) / 1e-3;
        let checks = [
            ("finite", command[i].is_finite()),
            ("position", next.q[i] <= limits::Q_MAX[i] && next.q[i] >= limits::Q_MIN[i]),
            ("velocity", next.dq[i].abs() < limits::DQ_MAX[i]),
            ("acceleration", next.ddq[i].abs() < limits::DDQ_MAX[i]),
            ("jerk", jerk.abs() < limits::DDDQ_MAX[i]),
        ];
        if let Some((what, _)) = checks.iter().find(|(_, kept)| !kept) {
            return Some(format!(
                "joint {}: {what}: q {} dq {} ddq {} jerk {jerk}",
                i + 1,
                next.q[i],
                next.dq[i],
                next.ddq[i]
            ));
        }
    }
    None
}
