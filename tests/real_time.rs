//! What the control path and the trainer may not do: allocate or free, once warm. Run in debug and in release.
mod ideal;

use franka_imit::control::{Edition, Guide, Pilot, Way, generator, guidance, links};
use franka_imit::demonstration::Example;
use franka_imit::demonstration::playback::Playback;
use franka_imit::demonstration::sample::Kind;
use franka_imit::eval::Contender;
use franka_imit::kinematics::hand_tool;
use franka_imit::learn::work::Work;
use franka_imit::policy::Input;
use franka_imit::robot::Command;
use franka_imit::robot::allocation::{Count, Counting};
use franka_imit::safety;
use std::sync::Arc;

/// Counts what the calling thread allocates and frees; other tests run beside it.
#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn calls_in<T>(work: impl FnOnce() -> T) -> (u64, T) {
    let before = Count::of_this_thread();
    let result = work();
    (Count::of_this_thread().since(before).calls(), result)
}

#[test]
fn the_counter_counts() {
    assert_eq!(calls_in(|| drop(std::hint::black_box(Box::new(1)))).0, 2);
}

#[test]
fn ticks_of_a_whole_run_with_swaps_and_a_rollback_allocate_nothing() {
    for lesson in [ideal::lesson("circle"), ideal::turning_lesson()] {
        ticks_of_a_whole_run(&lesson);
    }
}

fn ticks_of_a_whole_run(lesson: &ideal::Lesson) {
    let mut controller = lesson.controller(Some(1.0));
    let mut arm = ideal::Arm::ready();
    let mut boxes: Vec<_> = (0..3).map(|_| Box::new(Edition::first(lesson.policy.clone()))).collect();
    let (calls, ticks) = calls_in(|| {
        for tick in 0..20_000 {
            if controller.is_ready_for_policy()
                && let Some(mut edition) = boxes.pop()
            {
                (edition.number, edition.basis) = (controller.edition() + 1, controller.edition());
                assert!(controller.offer(edition).is_none());
            }
            if tick == 4000 {
                controller.roll_back();
            }
            let (command, _) = controller.tick(&arm.state);
            if let Some(spent) = controller.take_spent() {
                boxes.push(spent);
            }
            arm.obey(&command);
            if matches!(command, Command::Finish(_)) {
                return tick;
            }
        }
        panic!("the run did not end");
    });
    assert!(ticks > 6000, "{ticks}");
    assert_eq!(calls, 0);
}

#[test]
fn baselines_that_stand_in_for_a_policy_allocate_nothing_either() {
    let lesson = ideal::lesson("circle");
    let examples: Vec<Example> =
        lesson.examples.iter().map(|(x, q)| Example { O_p_EE: x.translation.vector, q: *q }).collect();
    for baseline in Contender::baselines(&lesson.expert, &examples, 5, Input::Position) {
        let name = baseline.name();
        let mut controller = lesson.controller(Some(1.0)).driven_by(Box::new(baseline));
        let mut arm = ideal::Arm::ready();
        let (calls, driven) = calls_in(|| {
            let mut driven = 0;
            for _ in 0..4000 {
                let (command, sample) = controller.tick(&arm.state);
                driven += u32::from(sample.kind == Kind::Driven);
                arm.obey(&command);
            }
            driven
        });
        assert!(driven > 1000, "{name}: {driven}");
        assert_eq!(calls, 0, "{name}");
    }
}

#[test]
fn guiding_by_hand_allocates_nothing() {
    let mut pilot = Guide::new(&guidance::Options::default(), &safety::Options::default());
    let mut state = ideal::Arm::ready().state;
    let (calls, guided) = calls_in(|| {
        let mut guided = 0;
        for ms in 0..6000 {
            state.time_ms += 1;
            // A hand comes and goes.
            state.O_F_ext_hat_K[0] = if ms / 1000 % 2 == 1 { 8.0 } else { 0.0 };
            if ms == 5500 {
                pilot.stop();
            }
            let (_, sample) = pilot.tick(&state);
            state.tau_J_d = pilot.torque().tau;
            guided += u32::from(sample.kind == Kind::Demonstration);
        }
        guided
    });
    assert!(guided > 400, "{guided}");
    assert_eq!(calls, 0);
}

#[test]
fn playing_an_episode_back_allocates_nothing() {
    let mut arm = ideal::Arm::ready();
    let ready = arm.state.q_d;
    let swing = |k: u32| 0.2 * (1.0 - (1e-3 * f64::from(k)).cos());
    let rows = (0..2000).map(|k| std::array::from_fn(|j| ready[j] + 0.1 + swing(k) * [1.0, -0.5][j % 2]));
    let playback = Arc::new(Playback::new(rows.collect()));
    let end = playback.at(f64::INFINITY);
    let (safety, generator) = (safety::Options::default(), generator::Options::default());
    let mut pilot = Way::new(&ready, 0.3, &safety, &hand_tool(), &generator).then(playback, 1.0, 0.35);
    let (calls, played) = calls_in(|| {
        let mut played = 0;
        for _ in 0..20_000 {
            let (command, sample) = pilot.tick(&arm.state);
            played += u32::from(sample.kind == Kind::Driven);
            arm.obey(&command);
            if matches!(command, Command::Finish(_)) {
                return played;
            }
        }
        panic!("the playback did not end");
    });
    assert!(pilot.stopped_by().is_clear() && played > 2000, "{played}");
    assert!(
        arm.state.q_d.iter().zip(end).all(|(q, end)| (q - end).abs() < 1e-3),
        "{:?} {end:?}",
        arm.state.q_d
    );
    assert_eq!(calls, 0);
}

#[test]
fn a_policy_answers_without_allocating() {
    let mut lesson = ideal::lesson("square");
    let x = lesson.timed.at(0.3).0;
    let (calls, q) = calls_in(|| lesson.policy.evaluate(x.as_slice()));
    assert!(q.iter().all(|q| q.is_finite()));
    assert_eq!(calls, 0);
}

#[test]
fn the_trainer_steps_and_judges_without_allocating_once_warm() {
    for lesson in [ideal::lesson("circle"), ideal::turning_lesson()] {
        trainer_of(&lesson);
    }
}

fn trainer_of(lesson: &ideal::Lesson) {
    let mut controller = lesson.controller(Some(1.0));
    let mut arm = ideal::Arm::ready();
    let mut work = Work::without_thread(&lesson.plan(), lesson.policy.clone());
    let (_control, ends, _operator) = links::link(true, false);
    let ends = ends.unwrap();
    let mut late = 0;
    for tick in 0..6500 {
        let (command, sample) = controller.tick(&arm.state);
        let (calls, ()) = calls_in(|| {
            work.take(&sample);
            work.advance(&ends);
        });
        arm.obey(&command);
        if tick > 3500 {
            late += calls;
        }
    }
    assert!(work.steps() > 500, "{} steps", work.steps());
    assert_eq!(late, 0);
}
