//! An arm that does exactly what it is told, without sockets or threads: what ticks and the trainer are tested on.
#![allow(dead_code)] // each test binary uses its part

use franka_imit::control::{self, Controller, Settings};
use franka_imit::demonstration::expert::Expert;
use franka_imit::demonstration::timed_path::TimedPath;
use franka_imit::demonstration::{drawing, shapes, time_law};
use franka_imit::dynamics::{self, Body, G_EARTH};
use franka_imit::kinematics::{Point, forward, hand_tool, to_column_major};
use franka_imit::learn::{experience, gate, trainer, watch};
use franka_imit::policy::{Card, Layout, Network, Normalisation, Policy, Region};
use franka_imit::robot::Command;
use franka_imit::robot::{Errors, Joints, Mode, State, limits, panda};
use franka_imit::safety::{self, Motion};
use franka_imit::sde;
use std::sync::Arc;

/// A path with its labels, and a policy that has learnt them well enough to be driven.
pub(crate) struct Lesson {
    pub(crate) timed: Arc<TimedPath>,
    pub(crate) expert: Arc<Expert>,
    pub(crate) examples: Arc<[(Point, Joints)]>,
    pub(crate) policy: Policy,
}

pub(crate) fn lesson(shape: &str) -> Lesson {
    let expert = Arc::new(Expert::new(Default::default(), hand_tool()));
    let path = shapes::load(shape, &drawing::Options::default()).unwrap().path;
    let timed = time_law::plan(&path, &mut |p| expert.label(p), &time_law::Options::default()).unwrap();
    let examples: Vec<_> = path.points().iter().map(|p| (*p, expert.label(p).unwrap())).collect();
    let policy = learn(&tube(&examples, &expert), 1);
    Lesson { timed: Arc::new(timed), expert, examples: examples.into(), policy }
}

/// The demonstrations and the perturbed targets around them.
fn tube(examples: &[(Point, Joints)], expert: &Expert) -> Vec<(Point, Joints)> {
    use rand::SeedableRng;
    let mut rng = rand::rngs::StdRng::seed_from_u64(2);
    let mut targets = sde::Targets::new(&sde::Options::default());
    let around: Vec<_> = (0..6)
        .flat_map(|_| examples)
        .filter_map(|(p, q)| targets.draw(&mut rng, (p, q), |_, x| expert.label(x).ok()))
        .map(|target| (target.O_p_EE, target.q))
        .collect();
    examples.iter().copied().chain(around).collect()
}

fn learn(examples: &[(Point, Joints)], seed: u64) -> Policy {
    use rand::{RngExt, SeedableRng};
    let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
    let normalisation =
        Normalisation::fit(3, examples.iter().map(|(p, _)| p.as_slice()), examples.iter().map(|(_, q)| q));
    let network = Network::random(Layout::new(3, &[48, 48]), franka_imit::policy::Activation::Silu, seed);
    let mut card = Card::new(&hand_tool());
    card.region = Region::around(3, examples.iter().map(|(p, _)| p.as_slice()));
    let mut policy = Policy::new(network, normalisation, card).unwrap();
    let mut learner = franka_imit::learn::Learner::new(&policy, 64, 3e-3);
    for _ in 0..2000 {
        learner.begin();
        for _ in 0..64 {
            let (p, q) = &examples[rng.random_range(0..examples.len())];
            learner.add(p, q);
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
