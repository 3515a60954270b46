//! Learning while the arm drives: what heals, what is refused, what is taken back; in turns, without threads.
#![allow(non_snake_case)] // Franka's own symbols

mod ideal;

use franka_imit::control::{Controller, links};
use franka_imit::demonstration::sample::{Kind, Sample};
use franka_imit::kinematics::{Point, Pose, forward, hand_tool, tool_down};
use franka_imit::learn::experience::{self, Experience};
use franka_imit::learn::gate::{self, Exam, Gate, Progress, Refusal};
use franka_imit::learn::trainer::Plan;
use franka_imit::learn::work::Work;
use franka_imit::policy::{Input, Policy};
use franka_imit::robot::{Command, Joints};
use franka_imit::safety;
use ideal::{Arm, Lesson, SOFT};
use nalgebra::Vector3;
use std::sync::Arc;

/// A drive with its trainer, tick by tick.
struct Drive {
    arm: Arm,
    controller: Controller,
    work: Work,
    control: links::ControlEnds,
    trainer: links::TrainerEnds,
}

impl Drive {
    fn new(lesson: &Lesson, load_kg: f64) -> Drive {
        Drive::with(lesson, load_kg, |_| {})
    }

    fn with(lesson: &Lesson, load_kg: f64, change: impl FnOnce(&mut Plan)) -> Drive {
        let mut plan = Plan { stiffness_nm_rad: SOFT, ..lesson.plan() };
        change(&mut plan);
        let (control, trainer, _operator) = links::link(true, false);
        let mut arm = Arm::ready();
        arm.load_kg = load_kg;
        Drive {
            arm,
            controller: lesson.controller(None),
            work: Work::without_thread(&plan, lesson.policy.clone()),
            control,
            trainer: trainer.expect("a trainer's ends"),
        }
    }

    /// One millisecond, as the control thread and the trainer of a lockstep run do it.
    fn tick(&mut self) -> Sample {
        let link = self.control.trainer.as_ref().expect("the control thread's ends");
        if link.withdrawn.try_recv().is_ok_and(|number| number == self.controller.edition()) {
            self.controller.roll_back();
        }
        if self.controller.is_ready_for_policy()
            && let Ok(edition) = link.policies.try_recv()
        {
            assert!(self.controller.offer(edition).is_none());
        }
        let (command, sample) = self.controller.tick(&self.arm.state);
        if let Some(spent) = self.controller.take_spent() {
            assert!(link.spent.try_send(spent).is_ok(), "the trainer has room for what comes back");
        }
        assert_eq!(ideal::broken(&self.arm.state, command_joints(&command)), None);
        assert!(self.controller.stopped_by().is_clear());
        self.arm.obey(&command);
        self.work.take(&sample);
        self.work.advance(&self.trainer);
        sample
    }

    /// Ticks until `condition` holds, at most `seconds`.
    fn until(&mut self, seconds: u32, what: &str, mut condition: impl FnMut(&Sample) -> bool) -> Sample {
        for _ in 0..1000 * seconds {
            let sample = self.tick();
            if condition(&sample) {
                return sample;
            }
        }
        panic!("{what}: not within {seconds} s: {:?}", self.work.counts());
    }

    /// Mean distance from the reference (mm) and tilt (mrad) over some seconds.
    fn errors(&mut self, lesson: &Lesson, seconds: u32) -> (f64, f64) {
        let (mut mm, mut mrad) = (0.0, 0.0);
        for _ in 0..1000 * seconds {
            let sample = self.tick();
            mm += lesson.timed.path().distance(&sample.O_p_EE);
            mrad += tilt_rad(&sample.state.q);
        }
        (mm / f64::from(seconds), mrad / f64::from(seconds)) // 1000 ticks a second, and milli-units
    }
}

fn command_joints(command: &Command) -> &Joints {
    let (Command::Position(q) | Command::Finish(q)) = command;
    q
}

fn down(p: &Point) -> Pose {
    Pose::from_parts((*p).into(), tool_down())
}

fn tilt_rad(q: &Joints) -> f64 {
    let z = forward(q, &hand_tool()).rotation * Vector3::z();
    z.x.hypot(z.y).atan2(-z.z)
}

/// Where a loaded arm stands that is asked by `policy` to be at `x`: distance (m) and tilt (rad).
fn stands(policy: &mut Policy, arm: &Arm, x: &Point) -> (f64, f64) {
    let q = arm.sagged(&policy.ask(&down(x)));
    ((forward(&q, &hand_tool()).translation.vector - x).norm(), tilt_rad(&q))
}

#[test]
fn a_soft_arm_with_an_undeclared_load_is_healed_in_position_and_tilt_and_also_where_it_did_not_drive() {
    let lesson = ideal::lesson("circle");
    let mut drive = Drive::new(&lesson, 1.0);
    drive.until(10, "the path", |sample| sample.tau_s > 0.3);
    let sick = drive.errors(&lesson, 1);
    assert!(sick.0 > 2.0 && sick.1 > 10.0, "{sick:?}");
    for _ in 0..8000 {
        drive.tick();
    }
    let healed = drive.errors(&lesson, 6);
    assert!(healed.0 < 0.1 * sick.0 && healed.1 < 0.1 * sick.1, "from {sick:?} to {healed:?}");
    let counts = drive.work.counts();
    assert!(counts.accepted >= 1 && counts.rolled_back_by_measurement == 0, "{counts:?}");
    assert!((counts.undeclared_load_kg - 1.0).abs() < 0.2, "{counts:?}");

    // In the tube about the path, but 2 cm inside it: never driven.
    let (mut before, mut after) = (lesson.policy.clone(), drive.controller.policy().clone());
    let mut sums = [0.0; 4];
    for k in 0..64 {
        let x = lesson.timed.at(0.1 * f64::from(k)).0;
        let x = x + (Point::new(0.5, 0.0, 0.4) - x).normalize() * 0.02;
        let (then, now) = (stands(&mut before, &drive.arm, &x), stands(&mut after, &drive.arm, &x));
        [then.0, then.1, now.0, now.1].iter().zip(&mut sums).for_each(|(error, sum)| *sum += error);
    }
    let [mm, mrad, mm_after, mrad_after] = sums;
    assert!(mm_after < 0.3 * mm && mrad_after < 0.3 * mrad, "{sums:?}");
}

#[test]
fn a_policy_that_makes_the_arm_worse_is_given_up_for_the_one_before() {
    let lesson = ideal::lesson("circle");
    let mut drive = Drive::new(&lesson, 1.0);
    drive.until(20, "a swap", |sample| sample.swaps == 1);
    drive.arm.load_kg = 0.0; // what the new policy carries is gone
    let back = drive.until(5, "a rollback", |sample| sample.rollbacks == 1);
    assert_eq!(back.edition, 0);
    for _ in 0..300 {
        drive.tick();
    }
    assert_eq!(drive.work.counts().rolled_back_by_measurement, 1);
    let free = drive.errors(&lesson, 3);
    assert!(free.0 < 1.0 && free.1 < 2.0, "{free:?}");
    // What was believed is forgotten, and the load, when it comes back, is learnt anew.
    drive.arm.load_kg = 1.0;
    drive.until(30, "another swap", |sample| sample.swaps > 1 && sample.edition > 0);
}

#[test]
fn an_operator_goes_back_with_one_request() {
    let lesson = ideal::lesson("circle");
    let mut drive = Drive::new(&lesson, 1.0);
    drive.until(20, "a swap", |sample| sample.swaps == 1);
    drive.controller.roll_back();
    let back = drive.until(1, "a rollback", |sample| sample.rollbacks == 1);
    assert_eq!(back.edition, 0);
    drive.tick();
    let counts = drive.work.counts();
    assert_eq!((counts.rolled_back_by_operator, counts.rolled_back_by_measurement), (1, 0));
}

/// What experience makes of samples at one place: the arm reaches `q`, asked for `q_d`, feeling `tau` Nm.
fn experience_of(
    lesson: &Lesson,
    kind: Kind,
    q: &Joints,
    q_d: &Joints,
    tau: impl Fn(u64) -> f64,
) -> Experience {
    let options = experience::Options::default();
    let mut experience = Experience::new(&options, Arc::clone(&lesson.expert), Input::Position, &SOFT);
    let mut controller = lesson.controller(None);
    let (_, mut sample) = controller.tick(&Arm::ready().state);
    for tick in 0..2000 {
        let mut arm = Arm::at(*q);
        arm.state.q_d = *q_d;
        arm.state.tau_ext_hat_filtered[1] = tau(tick);
        sample.state = arm.state;
        sample.O_p_EE = forward(q, &hand_tool()).translation.vector;
        sample.kind = kind;
        experience.add(&sample);
    }
    experience
}

#[test]
fn a_driven_sample_teaches_what_to_ask_for_and_is_q_d_itself_where_the_arm_stands_as_the_expert_would() {
    let lesson = ideal::lesson("circle");
    let q = lesson.expert.label(&Point::new(0.5, 0.05, 0.4)).expect("a label");
    let q_d = std::array::from_fn(|i| q[i] + 0.004);
    let upright = experience_of(&lesson, Kind::Driven, &q, &q_d, |_| 0.0);
    let (_, label) = upright.memory.pairs().last().expect("pairs");
    assert!(label.iter().zip(&q_d).all(|(a, b)| (a - b).abs() < 1e-9));
    // A tilted arm is not put back tilted.
    let mut tilted = q;
    tilted[5] += 0.01;
    let mut asked = q_d;
    asked[5] += 0.01;
    let experience = experience_of(&lesson, Kind::Driven, &tilted, &asked, |_| 0.0);
    let (x, label) = experience.memory.pairs().last().expect("pairs");
    let expert = lesson.expert.label_pose(x).expect("a label");
    assert!(label.iter().zip(&expert).all(|(a, b)| (a - b - 0.004).abs() < 1e-9));
}

#[test]
fn a_demonstration_teaches_the_joints_shown_and_a_correction_the_experts_there_although_a_hand_is_felt() {
    let lesson = ideal::lesson("circle");
    let q = lesson.expert.label(&Point::new(0.5, 0.0, 0.45)).expect("a label").map(|q| q + 0.03);
    let place = forward(&q, &hand_tool()).translation.vector;
    let experts = lesson.expert.label(&place).expect("a label");
    for (kind, expected) in [(Kind::Demonstration, q), (Kind::Correction, experts)] {
        let hand = |tick: u64| if tick.is_multiple_of(40) { 15.0 } else { -15.0 };
        let experience = experience_of(&lesson, kind, &q, &q.map(|q| q - 0.1), hand);
        let (_, label) = experience.memory.pairs().last().expect("pairs");
        assert!(label.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12));
        assert!(!experience.deflection.is_known(), "a hand says nothing of what the arm loses");
    }
}

#[test]
fn a_load_that_hangs_there_teaches_and_a_push_does_not() {
    let lesson = ideal::lesson("circle");
    let q = lesson.expert.label(&Point::new(0.5, 0.0, 0.45)).expect("a label");
    let kept = |tau: fn(u64) -> f64| experience_of(&lesson, Kind::Driven, &q, &q, tau).memory.pairs().len();
    let free = kept(|_| 0.0);
    assert!(free > 200, "{free}");
    assert_eq!(kept(|_| 12.0), free);
    assert!(kept(|tick| if tick < 700 { 0.0 } else { 12.0 }) < free / 2);
    assert_eq!(experience_of(&lesson, Kind::None, &q, &q, |_| 0.0).memory.pairs().len(), 0);
}

/// What the gate says of `candidate` on held-out labels that ask for `more` rad than the expert.
fn judged(lesson: &Lesson, candidate: &mut Policy, more: f64, elsewhere: &[(Pose, Joints)]) -> Progress {
    let held_out: Vec<_> =
        lesson.examples.iter().step_by(8).map(|(p, q)| (*p, q.map(|q| q + more))).collect();
    let mut gate = Gate::new(
        &gate::Options::default(),
        &safety::Options::default(),
        hand_tool(),
        Arc::clone(&lesson.timed),
        1.0,
    );
    let mut running = lesson.policy.clone();
    let exam = Exam { held_out: &held_out, elsewhere };
    loop {
        match gate.judge(candidate, &mut running, exam) {
            Progress::More => {}
            done => return done,
        }
    }
}

/// The lesson's policy with every joint `more` rad further.
fn shifted(lesson: &Lesson, more: f64) -> Policy {
    let mut policy = lesson.policy.clone();
    let scale = *policy.normalisation().output_scale();
    let last = *policy.network().layout().layers().last().expect("layers");
    let biases = &mut policy.network_mut().parameters_mut()[last.bias()];
    biases.iter_mut().zip(scale).for_each(|(bias, scale)| *bias += (more / scale) as f32);
    policy
}

#[test]
fn the_gate_names_why_a_candidate_may_not_drive() {
    let lesson = ideal::lesson("circle");
    assert_eq!(judged(&lesson, &mut shifted(&lesson, 0.01), 0.01, &[]), Progress::Accepted);
    let refused =
        |candidate: &mut Policy, more, elsewhere: &[_]| match judged(&lesson, candidate, more, elsewhere) {
            Progress::Refused(why) => why,
            other => panic!("{other:?}"),
        };
    assert_eq!(refused(&mut lesson.policy.clone(), 0.01, &[]), Refusal::NotBetter);
    assert_eq!(refused(&mut shifted(&lesson, -0.01), 0.01, &[]), Refusal::NotBetter);
    assert_eq!(refused(&mut shifted(&lesson, 0.03), 0.03, &[]), Refusal::Step);
    let mut damaged = shifted(&lesson, 0.01);
    damaged.network_mut().parameters_mut()[0] = f32::NAN;
    assert_eq!(refused(&mut damaged, 0.01, &[]), Refusal::NotFinite);
    // Better where it drove, worse where it did not.
    let elsewhere: Vec<_> = lesson.examples.iter().copied().collect();
    assert_eq!(refused(&mut shifted(&lesson, 0.01), 0.01, &elsewhere), Refusal::Elsewhere);
}

#[test]
fn a_sag_larger_than_a_step_is_healed_in_several_none_of_them_larger() {
    let lesson = ideal::lesson("circle");
    let step_rad = 0.004;
    let mut drive = Drive::with(&lesson, 1.0, |plan| plan.gate.step_rad = step_rad);
    let q = lesson.examples[0].1;
    let sagged = drive.arm.sagged(&q);
    assert!(q.iter().zip(sagged).any(|(a, b)| (a - b).abs() > 1.5 * step_rad));
    drive.until(10, "the path", |sample| sample.tau_s > 0.3);
    let (mut edition, mut policy) = (0, drive.controller.policy().clone());
    let sick = drive.errors(&lesson, 1);
    for _ in 0..15_000 {
        let sample = drive.tick();
        if sample.edition != edition {
            let mut next = drive.controller.policy().clone();
            let x = sample.x_ref;
            let (now, then) = (next.ask(&x), policy.ask(&x));
            assert!(now.iter().zip(then).all(|(a, b)| (a - b).abs() <= step_rad));
            (edition, policy) = (sample.edition, next);
        }
    }
    let healed = drive.errors(&lesson, 6);
    assert!(healed.0 < 0.1 * sick.0 && healed.1 < 0.1 * sick.1, "from {sick:?} to {healed:?}");
    assert!(drive.work.counts().accepted >= 3, "{:?}", drive.work.counts());
}
