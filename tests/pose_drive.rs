//! A tool that turns as it goes, on an arm that obeys exactly: followed, pushed and brought back, healed, refused.
#![allow(non_snake_case)] // Franka's own symbols
mod ideal;

use franka_imit::control::{Controller, Phase, links};
use franka_imit::demonstration::sample::Sample;
use franka_imit::kinematics::{Point, Pose, forward, from_column_major, hand_tool, to_column_major};
use franka_imit::learn::trainer::Plan;
use franka_imit::learn::work::Work;
use franka_imit::policy::{Input, Region};
use franka_imit::robot::Command;
use franka_imit::safety::Verdict;
use ideal::{Arm, Lesson, SOFT};
use nalgebra::UnitQuaternion;
use std::sync::OnceLock;

fn lesson() -> &'static Lesson {
    static LESSON: OnceLock<Lesson> = OnceLock::new();
    LESSON.get_or_init(ideal::turning_lesson)
}

/// Distance from the path, m, and angle from its orientation there, rad.
fn errors(lesson: &Lesson, arm: &Arm) -> (f64, f64) {
    let is = from_column_major(&arm.state.O_T_EE).expect("a pose");
    let nearest = lesson.timed.path().nearest(&is.translation.vector);
    (nearest.distance_m, is.rotation.angle_to(&lesson.timed.path().orientation(nearest.arc_m)))
}

/// Drives a lap, judging every command.
fn drive(lesson: &Lesson, mut each: impl FnMut(u64, &Controller, &mut Arm)) -> Controller {
    let mut controller = lesson.controller(Some(1.0));
    let mut arm = Arm::ready();
    for tick in 0..60_000 {
        each(tick, &controller, &mut arm);
        let (command, _) = controller.tick(&arm.state);
        let (Command::Position(q) | Command::Finish(q)) = command;
        assert_eq!(ideal::broken(&arm.state, &q), None, "tick {tick}");
        arm.obey(&command);
        if matches!(command, Command::Finish(_)) {
            return controller;
        }
    }
    panic!("the motion did not end");
}

#[test]
fn a_turning_tool_is_followed_in_position_and_orientation() {
    let (mut far_m, mut turned_rad) = (0.0_f64, 0.0_f64);
    let controller = drive(lesson(), |_, controller, arm| {
        if controller.phase() == Phase::Follow {
            let (m, rad) = errors(lesson(), arm);
            (far_m, turned_rad) = (far_m.max(m), turned_rad.max(rad));
        }
    });
    assert!(controller.stopped_by().is_clear());
    assert!(far_m < 1e-3 && turned_rad < 10e-3, "{far_m} m, {turned_rad} rad");
}

#[test]
fn a_push_that_displaces_and_turns_the_tool_is_yielded_to_and_returned_from_in_both() {
    let (mut left, mut back) = ((0.0, 0.0), (f64::NAN, f64::NAN));
    let controller = drive(lesson(), |tick, _, arm| match tick {
        3000..3200 => {
            // A hand holds the tool 22 mm off and 0.07 rad round from where the robot wants it.
            let is = from_column_major(&arm.state.O_T_EE).expect("a pose");
            let turn = UnitQuaternion::from_scaled_axis(Point::new(0.05, 0.0, 0.05));
            let held = is.translation.vector + Point::new(-0.022, 0.0, 0.0);
            arm.state.O_T_EE = to_column_major(&Pose::from_parts(held.into(), turn * is.rotation));
        }
        3200 => left = errors(lesson(), arm),
        5200 => back = errors(lesson(), arm),
        _ => {}
    });
    assert!(controller.stopped_by().is_clear());
    assert!(left.0 > 0.01 && left.1 > 0.03, "{left:?}");
    assert!(back.0 < 1e-3 && back.1 < 10e-3, "{back:?}");
}

#[test]
fn a_tool_turned_alone_is_yielded_to_as_well() {
    let (mut left, mut back) = (0.0, f64::NAN);
    let controller = drive(lesson(), |tick, _, arm| match tick {
        3000..3300 => {
            let is = from_column_major(&arm.state.O_T_EE).expect("a pose");
            let turn = UnitQuaternion::from_scaled_axis(Point::new(0.06, 0.0, 0.0));
            arm.state.O_T_EE = to_column_major(&Pose::from_parts(is.translation, turn * is.rotation));
        }
        3300 => left = errors(lesson(), arm).1,
        5300 => back = errors(lesson(), arm).1,
        _ => {}
    });
    assert!(controller.stopped_by().is_clear());
    assert!(left > 0.03 && back < 10e-3, "{left} rad, then {back} rad");
}

#[test]
fn an_orientation_outside_the_region_is_not_asked_for() {
    let whole = lesson();
    let kept: Vec<_> = whole.examples.iter().map(|(x, _)| Input::Pose.numbers(x)).collect();
    let few = || kept.iter().filter(|numbers| numbers[5] > -0.1).map(|numbers| &numbers[..]);
    assert!(few().count() > 10 && few().count() < kept.len());
    let mut policy = whole.policy.clone();
    let all = Region::around(9, kept.iter().map(|numbers| &numbers[..])).expect("points");
    let mut region = Region::around(9, few()).expect("points");
    // Everywhere on the path, but not turned by as much.
    (region.min[..3]).copy_from_slice(&all.min[..3]);
    (region.max[..3]).copy_from_slice(&all.max[..3]);
    policy.card_mut().region = Some(region);
    let narrow = Lesson {
        timed: whole.timed.clone(),
        expert: whole.expert.clone(),
        examples: whole.examples.clone(),
        policy,
    };
    assert_eq!(drive(&narrow, |_, _, _| {}).stopped_by(), Verdict::REGION);
}

#[test]
fn joints_that_would_turn_the_tool_otherwise_are_not_followed() {
    let mut wrong = Lesson {
        timed: lesson().timed.clone(),
        expert: lesson().expert.clone(),
        examples: lesson().examples.clone(),
        policy: lesson().policy.clone(),
    };
    // The last joint turns the tool and moves it by nothing.
    let scale = wrong.policy.normalisation().output_scale()[6];
    let bias = wrong.policy.network().layout().layers().last().expect("layers").bias();
    wrong.policy.network_mut().parameters_mut()[bias][6] += (0.3 / scale) as f32;
    assert_eq!(drive(&wrong, |_, _, _| {}).stopped_by(), Verdict::WISH);
}

/// A drive with its trainer under an undeclared load, tick by tick.
struct Drive {
    arm: Arm,
    controller: Controller,
    work: Work,
    control: links::ControlEnds,
    trainer: links::TrainerEnds,
}

impl Drive {
    fn new(load_kg: f64) -> Drive {
        let plan = Plan { stiffness_nm_rad: SOFT, ..lesson().plan() };
        let (control, trainer, _operator) = links::link(true, false);
        let mut arm = Arm::ready();
        arm.load_kg = load_kg;
        let work = Work::without_thread(&plan, lesson().policy.clone());
        let controller = lesson().controller(None);
        Drive { arm, controller, work, control, trainer: trainer.expect("a trainer's ends") }
    }

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
            assert!(link.spent.try_send(spent).is_ok());
        }
        assert!(self.controller.stopped_by().is_clear());
        self.arm.obey(&command);
        self.work.take(&sample);
        self.work.advance(&self.trainer);
        sample
    }

    /// Mean errors over some seconds: m, rad.
    fn errors(&mut self, seconds: u32) -> (f64, f64) {
        let mut sums = (0.0, 0.0);
        for _ in 0..1000 * seconds {
            self.tick();
            let (m, rad) = errors(lesson(), &self.arm);
            sums = (sums.0 + m, sums.1 + rad);
        }
        (sums.0 / f64::from(1000 * seconds), sums.1 / f64::from(1000 * seconds))
    }
}

#[test]
fn what_an_arm_loses_under_a_load_is_healed_in_position_and_orientation_while_the_tool_turns() {
    let mut drive = Drive::new(1.0);
    while drive.tick().tau_s < 0.3 {}
    let sick = drive.errors(1);
    assert!(sick.0 > 2e-3 && sick.1 > 8e-3, "{sick:?}");
    (0..8000).for_each(|_| _ = drive.tick());
    let healed = drive.errors(6);
    assert!(healed.0 < 0.15 * sick.0 && healed.1 < 0.2 * sick.1, "from {sick:?} to {healed:?}");
    let counts = drive.work.counts();
    assert!(counts.accepted >= 1 && counts.rolled_back_by_measurement == 0, "{counts:?}");
    assert!((counts.undeclared_load_kg - 1.0).abs() < 0.2, "{counts:?}");
}

#[test]
fn the_labels_along_the_path_put_the_tool_where_the_path_says() {
    let lesson = lesson();
    for (x, q) in lesson.examples.iter() {
        let reached = forward(q, &hand_tool());
        assert!((reached.translation.vector - x.translation.vector).norm() < 1e-9);
        assert!(reached.rotation.angle_to(&x.rotation) < 1e-7);
    }
}
