//! The tick as a whole, on an arm that obeys exactly: legal whatever comes, on the path, at rest at the end.
mod ideal;

use franka_imit::control::{Edition, Phase};
use franka_imit::kinematics::Point;
use franka_imit::policy::Policy;
use franka_imit::robot::Command;
use franka_imit::safety::Verdict;
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// Drives to the end, judging every command; returns the greatest distance from the path while following.
fn drive(
    lesson: &ideal::Lesson,
    laps: f64,
    mut disturb: impl FnMut(u64, &mut franka_imit::control::Controller, &mut ideal::Arm),
) -> (f64, franka_imit::control::Controller) {
    let mut controller = lesson.controller(Some(laps));
    let mut arm = ideal::Arm::ready();
    let mut worst: f64 = 0.0;
    for tick in 0..60_000 {
        disturb(tick, &mut controller, &mut arm);
        let (command, sample) = controller.tick(&arm.state);
        let (Command::Position(q) | Command::Finish(q)) = command;
        assert_eq!(ideal::broken(&arm.state, &q), None, "tick {tick}");
        if controller.phase() == Phase::Follow {
            worst = worst.max(lesson.timed.path().distance(&sample.O_p_EE));
        }
        arm.obey(&command);
        if matches!(command, Command::Finish(_)) {
            assert_eq!(arm.state.dq_d, [0.0; 7], "a motion ends at rest");
            return (worst, controller);
        }
    }
    panic!("the motion did not end");
}

#[test]
fn every_shape_is_followed_within_two_millimetres_and_ends_at_rest() {
    for shape in ["circle", "square", "figure-eight"] {
        let (worst, controller) = drive(&ideal::lesson(shape), 1.0, |_, _, _| {});
        assert!(worst < 2e-3, "{shape}: {worst}");
        assert!(controller.stopped_by().is_clear());
    }
}

#[test]
fn a_stop_at_any_time_ends_at_rest_within_half_a_second_and_on_the_path() {
    let lesson = ideal::lesson("square");
    for at in [0, 50, 300, 1000, 1500, 2345, 3000] {
        let mut ticks_after = 0;
        let (worst, controller) = drive(&lesson, 3.0, |tick, controller, arm| {
            if tick == at {
                controller.stop();
            }
            let moving = arm.state.dq_d.iter().any(|v| v.abs() > 1e-4);
            ticks_after += u64::from(tick > at && moving);
        });
        assert!(controller.stopped_by().is_clear());
        assert!(worst < 2e-3 && ticks_after <= 500, "stopped at {at}: {worst} m, {ticks_after} ms");
    }
}

#[test]
fn a_halt_at_any_time_is_at_rest_sooner_than_a_stop_and_breaks_no_limit() {
    let lesson = ideal::lesson("square");
    for at in [0, 50, 300, 1000, 1500, 2345, 3000] {
        let mut ticks_after = 0;
        let (_, controller) = drive(&lesson, 3.0, |tick, controller, arm| {
            if tick == at {
                controller.halt();
            }
            let moving = arm.state.dq_d.iter().any(|v| v.abs() > 1e-4);
            ticks_after += u64::from(tick > at && moving);
        });
        assert!(controller.stopped_by().is_clear());
        assert!(ticks_after <= 200, "halted at {at}: {ticks_after} ms");
    }
}

#[test]
fn lost_commands_up_to_nineteen_in_a_row_break_no_limit() {
    let lesson = ideal::lesson("circle");
    for seed in 0..5 {
        let mut rng = StdRng::seed_from_u64(seed);
        let (worst, controller) = drive(&lesson, 1.0, |_, _, arm| {
            if rng.random::<f64>() < 0.01 {
                for _ in 0..rng.random_range(1..=19) {
                    arm.miss();
                }
            }
        });
        assert!(controller.stopped_by().is_clear());
        assert!(worst < 5e-3, "{worst}");
    }
}

#[test]
fn a_swap_to_another_policy_keeps_every_limit() {
    let lesson = ideal::lesson("circle");
    let other = ideal::lesson("circle").policy;
    let mut swaps = 0;
    let (worst, _) = drive(&lesson, 1.0, |tick, controller, _| {
        if tick % 400 == 0 && controller.is_ready_for_policy() {
            let (policy, basis) = (shifted(&other, swaps), controller.edition());
            swaps += 1;
            let edition = Edition { policy, number: swaps, basis };
            assert!(controller.offer(Box::new(edition)).is_none());
        }
        drop(controller.take_spent());
    });
    assert!(swaps > 5 && worst < 0.02, "{swaps} swaps, {worst} m");
}

/// The same policy with all joints a few milliradians further, in turn this way and that.
fn shifted(policy: &Policy, turn: u32) -> Policy {
    let mut policy = policy.clone();
    let sign = if turn.is_multiple_of(2) { 1.0 } else { -1.0 };
    let last = *policy.network().layout().layers().last().unwrap();
    policy.network_mut().parameters_mut()[last.bias()].iter_mut().take(7).for_each(|b| *b += sign * 0.02);
    policy
}

#[test]
fn damaged_weights_stop_the_arm_by_name() {
    let mut lesson = ideal::lesson("circle");
    let mut rng = StdRng::seed_from_u64(3);
    let sound = lesson.policy.clone();
    for case in 0..40 {
        lesson.policy = sound.clone();
        let weights = lesson.policy.network_mut().parameters_mut();
        for _ in 0..1 + case % 3 {
            let k = rng.random_range(0..weights.len());
            weights[k] = f32::from_bits(weights[k].to_bits() ^ (1 << rng.random_range(20..31)));
        }
        // Whatever the damage does, `drive` judges every command; most of it is caught and named.
        drive(&lesson, 0.3, |_, _, _| {});
    }
    lesson.policy = sound;
    lesson.policy.network_mut().parameters_mut()[0] = f32::NAN;
    let (_, controller) = drive(&lesson, 0.3, |_, _, _| {});
    assert!(controller.stopped_by().has(Verdict::NOT_FINITE));
}

#[test]
fn a_policy_that_points_elsewhere_is_not_followed() {
    let mut lesson = ideal::lesson("circle");
    let bias = lesson.policy.network().layout().layers().last().unwrap().bias();
    lesson.policy.network_mut().parameters_mut()[bias][0] += 3.0;
    let (worst, controller) = drive(&lesson, 1.0, |tick, controller, arm| {
        if tick > 0 {
            assert_eq!(arm.state.q_d, franka_imit::robot::limits::Q_READY, "{:?}", controller.phase());
        }
    });
    assert!(worst == 0.0 && controller.stopped_by().has(Verdict::WISH));
}

#[test]
fn a_policy_is_not_asked_outside_its_region() {
    let mut lesson = ideal::lesson("circle");
    let half: Vec<[f64; 3]> = lesson
        .examples
        .iter()
        .map(|(x, _)| x.translation.vector.into())
        .filter(|p: &[f64; 3]| p[1] > -0.05)
        .collect();
    lesson.policy.card_mut().region =
        franka_imit::policy::Region::around(3, half.iter().map(|p| p.as_slice()));
    let (_, controller) = drive(&lesson, 1.0, |_, _, _| {});
    assert_eq!(controller.stopped_by(), Verdict::REGION);
}

#[test]
fn a_state_that_makes_no_sense_stops_the_arm_and_no_command_follows_it() {
    let lesson = ideal::lesson("circle");
    for field in 0..5 {
        let mut controller = lesson.controller(Some(1.0));
        let mut arm = ideal::Arm::ready();
        let mut ended = false;
        for tick in 0..4000 {
            let mut seen = arm.state;
            if tick == 2500 {
                match field {
                    0 => seen.q_d[3] = f64::NAN,
                    1 => seen.q = [9.0; 7],
                    2 => seen.time_ms -= 500,
                    3 => seen.time_ms += 1 << 40,
                    _ => seen.O_T_EE[12] = f64::INFINITY,
                }
            }
            let (command, _) = controller.tick(&seen);
            let (Command::Position(q) | Command::Finish(q)) = command;
            assert_eq!(ideal::broken(&arm.state, &q), None, "field {field}, tick {tick}");
            arm.obey(&command);
            if tick == 2502 {
                (0..5).for_each(|_| arm.miss());
            }
            if matches!(command, Command::Finish(_)) {
                ended = true;
                break;
            }
        }
        assert!(ended && controller.stopped_by().has(Verdict::STATE), "field {field}");
    }
}

#[test]
fn the_same_states_give_the_same_commands_bit_for_bit() {
    let lesson = ideal::lesson("figure-eight");
    let run = || {
        let mut controller = lesson.controller(Some(1.0));
        let mut arm = ideal::Arm::ready();
        let mut commands = Vec::new();
        for _ in 0..3000 {
            let (command, _) = controller.tick(&arm.state);
            let (Command::Position(q) | Command::Finish(q)) = command;
            commands.push(q.map(f64::to_bits));
            arm.obey(&command);
        }
        commands
    };
    assert!(run() == run());
}

#[test]
fn an_arm_pushed_off_the_path_comes_back_along_the_process() {
    let lesson = ideal::lesson("circle");
    let (mut pushed, mut left_m, mut back_m) = (false, 0.0, f64::NAN);
    let (mut top_speed_m_s, mut last) = (0.0_f64, None::<Point>);
    let (_, controller) = drive(&lesson, 1.0, |tick, _, arm| {
        let p = Point::from_column_slice(&arm.state.O_T_EE[12..15]);
        if let Some(last) = last.replace(p).filter(|_| tick > 2900) {
            top_speed_m_s = top_speed_m_s.max((p - last).norm() / 1e-3);
        }
        let error_m = lesson.timed.path().distance(&p);
        match tick {
            3000..3200 => {
                // A hand holds the end effector 25 mm inward of where the robot wants it.
                let inward = (Point::new(0.5, 0.0, 0.4) - p).normalize();
                (0..3).for_each(|k| arm.state.O_T_EE[12 + k] += 0.025 * inward[k]);
                pushed = true;
            }
            3200 => left_m = error_m,
            5200 => back_m = error_m,
            _ => {}
        }
    });
    assert!(pushed && controller.stopped_by().is_clear());
    // It gives way to the hand, then returns with e^(-4 t): after two seconds nothing to speak of is left.
    assert!(left_m > 0.015, "{left_m}");
    assert!(back_m < 0.002, "{back_m}");
    // The path itself is driven at 0.1 m/s; yielding (0.1 m/s) and returning (25 mm times 4 1/s) may add, but never
    // chase.
    assert!(top_speed_m_s < 0.3, "{top_speed_m_s}");
}
