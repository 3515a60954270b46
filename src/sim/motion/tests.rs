//! The robot's logic: what holds whatever happens, and what each new judgement does.
mod chaos;

use super::*;
use crate::robot::limits::Q_READY;
use crate::sim::plant::Force;
use crate::sim::wire::Request;
use crate::sim::wire::commands::Move;
use crate::sim::{MoveInMotion, publish};

fn quick() -> Options {
    Options { recovery_delay_s: 0.003, ..Options::default() }
}

fn ask_to_move(robot: &mut Robot, command_id: u32, controller_mode: u32, motion_generator_mode: u32) {
    let deviation = [10.0, 3.12, 6.3];
    let request = Move {
        controller_mode,
        motion_generator_mode,
        maximum_path_deviation: deviation,
        maximum_goal_deviation: deviation,
    };
    robot.request(command_id, &Request::Move(request));
}

fn cycle(robot: &mut Robot) {
    robot.begin_waiting(true);
    robot.tick();
}

/// A command that asks to stay, whatever the generator.
fn stay(robot: &Robot) -> RobotCommand {
    RobotCommand {
        message_id: robot.message_id,
        q_c: robot.desired.q,
        dq_c: [0.0; JOINTS],
        O_T_EE_c: robot.commanded.O_T_EE,
        O_dP_EE_c: [0.0; 6],
        elbow_c: robot.commanded.elbow,
        valid_elbow: false,
        motion_generation_finished: false,
        tau_J_d: [0.0; JOINTS],
    }
}

fn moving(options: &Options, controller: u32, generator: u32) -> Robot {
    let mut robot = Robot::new(options);
    ask_to_move(&mut robot, 1, controller, generator);
    cycle(&mut robot);
    assert_eq!(
        robot.replies.pop().map(|reply| reply.response),
        Some(Response::Move(MoveStatus::MotionStarted))
    );
    cycle(&mut robot);
    let command = stay(&robot);
    assert_eq!(robot.command(&command), Receipt::Accepted);
    cycle(&mut robot);
    assert_eq!((robot.mode(), robot.errors), (RobotMode::Move, Errors::default()));
    robot
}

fn raised(robot: &Robot) -> Vec<usize> {
    (0..41).filter(|index| robot.errors.0 >> index & 1 == 1).collect()
}

fn recovery(robot: &mut Robot) -> Response {
    robot.replies.clear();
    robot.request(77, &Request::AutomaticErrorRecovery);
    for _ in 0..3000 {
        if let Some(reply) = robot.replies.iter().find(|reply| reply.command_id == 77) {
            return reply.response;
        }
        cycle(robot);
    }
    panic!("no answer to the recovery");
}

#[test]
fn the_answer_to_a_recovery_is_not_given_to_the_next_client() {
    let mut robot = Robot::new(&Options { recovery_delay_s: 0.005, ..Options::default() });
    robot.reflex(judge::only(6));
    robot.request(3, &Request::AutomaticErrorRecovery);
    assert_eq!(robot.mode(), RobotMode::AutomaticErrorRecovery);
    robot.disconnected();
    for _ in 0..10 {
        robot.tick();
    }
    assert_eq!((robot.mode(), robot.replies.len()), (RobotMode::Idle, 0));
}

#[test]
fn a_joint_beyond_its_range_is_recovered_by_a_hand_alone() {
    let mut robot = Robot::new(&quick());
    robot.plant.q[3] = Q_MAX[3] + 0.02;
    cycle(&mut robot);
    assert!(robot.mode() == RobotMode::Reflex && raised(&robot).contains(&error::JOINT_POSITION_LIMITS));
    let by_hand = Response::Recovery(RecoveryStatus::ManualErrorRecoveryRequiredRejected);
    assert_eq!(recovery(&mut robot), by_hand);
    robot.press_guiding(true);
    for _ in 0..2000 {
        cycle(&mut robot); // a guided joint is pushed back to the limit itself
    }
    assert_eq!(robot.mode(), RobotMode::Guiding);
    robot.press_guiding(false);
    assert_eq!(robot.mode(), RobotMode::Reflex);
    assert_eq!(recovery(&mut robot), Response::Recovery(RecoveryStatus::Success));
    assert_eq!(robot.mode(), RobotMode::Idle);
}

#[test]
fn an_arm_that_touches_itself_stops_and_is_recovered_by_a_hand_alone() {
    let folded = [0.0, 0.0, 0.0, -3.0, 0.0, 0.6, 0.8];
    let mut options = Options { q_start_rad: folded, ..quick() };
    let mut robot = Robot::new(&options);
    ask_to_move(&mut robot, 1, 0, 0);
    cycle(&mut robot);
    assert_eq!((robot.mode(), raised(&robot)), (RobotMode::Reflex, vec![error::SELF_COLLISION]));
    let by_hand = Response::Recovery(RecoveryStatus::ManualErrorRecoveryRequiredRejected);
    assert_eq!(recovery(&mut robot), by_hand);
    options.choices.self_collision = false;
    moving(&options, 0, 0);
}

#[test]
fn a_hand_measured_too_fast_is_named_in_cartesian_motions_alone() {
    let mut options = quick();
    options.choices.translation_speed_max_m_s = 0.4;
    for (generator, expected) in [(0, false), (2, true)] {
        let mut robot = moving(&options, 0, generator);
        robot.plant.dq[0] = 2.0; // 0.6 m/s at the hand; so sudden that it looks like a collision too
        cycle(&mut robot);
        let named = raised(&robot).contains(&error::CARTESIAN_VELOCITY);
        assert_eq!(named, expected, "generator {generator}: {:?}", raised(&robot));
    }
}

#[test]
fn more_power_than_the_arm_may_take_is_named() {
    let mut options = Options { q_start_rad: [0.0, 1.0, 0.0, -0.4, 0.0, 1.5, 0.8], ..quick() };
    options.choices.power_max_w = 60.0;
    let mut robot = moving(&options, 0, 0);
    robot.plant.dq[1] = 2.1;
    cycle(&mut robot);
    assert!(raised(&robot).contains(&error::POWER_LIMIT), "{:?}", raised(&robot));
    let mut robot = moving(&Options { choices: Choices::default(), ..options }, 0, 0);
    robot.plant.dq[1] = 2.1;
    cycle(&mut robot);
    assert!(!raised(&robot).contains(&error::POWER_LIMIT), "{:?}", raised(&robot));
}

#[test]
fn a_torque_beyond_the_sensors_is_named_and_a_command_beyond_the_motors_is_only_cut() {
    let mut robot = moving(&quick(), 0, 0);
    robot.plant.push(Force { force: [0.0, 0.0, -4000.0], point: [0.0; 3], moment: [0.0; 3], cycles_left: 1 });
    cycle(&mut robot);
    assert!(raised(&robot).contains(&error::TAU_J_RANGE), "{:?}", raised(&robot));

    let mut robot = moving(&quick(), 2, 1);
    for k in 1..=15 {
        let mut command = stay(&robot);
        command.tau_J_d[6] = f64::from(k);
        robot.command(&command);
        cycle(&mut robot);
    }
    assert_eq!((robot.tau_J_d[6], robot.errors), (15.0, Errors::default()));
    assert!(robot.plant.measured().tau_J[6].abs() < 13.0, "{}", robot.plant.measured().tau_J[6]);
}

#[test]
fn a_torque_motion_shows_zero_torque_before_its_first_command_and_is_judged_from_there() {
    for (first, expected) in [(0.9, vec![]), (1.1, vec![error::TORQUE_DISCONTINUITY])] {
        let mut robot = Robot::new(&quick());
        robot.plant.push(Force {
            force: [0.0, 15.0, 0.0],
            point: [0.0; 3],
            moment: [0.0; 3],
            cycles_left: 10_000,
        });
        for _ in 0..600 {
            cycle(&mut robot); // the impedance controller works against a hand: its torque is not zero
        }
        ask_to_move(&mut robot, 1, 2, 1);
        for _ in 0..600 {
            cycle(&mut robot);
        }
        assert_eq!(publish::state(&robot).controller_mode, ControllerMode::ExternalController);
        assert_eq!(publish::state(&robot).tau_J_d, [0.0; JOINTS]);
        let mut command = stay(&robot);
        command.tau_J_d[3] = first;
        robot.command(&command);
        cycle(&mut robot);
        assert_eq!(raised(&robot), expected);
    }
}

#[test]
fn a_move_in_a_motion_preempts_it_where_that_is_chosen() {
    let mut options = quick();
    let mut robot = moving(&options, 0, 0);
    ask_to_move(&mut robot, 2, 0, 1);
    assert_eq!(
        robot.replies.pop().map(|reply| (reply.command_id, reply.response)),
        Some((2, Response::Move(MoveStatus::CommandNotPossibleRejected)))
    );
    options.choices.move_in_motion = MoveInMotion::Preempt;
    let mut robot = moving(&options, 0, 0);
    ask_to_move(&mut robot, 2, 0, 1);
    for _ in 0..1000 {
        cycle(&mut robot);
    }
    let answers: Vec<_> = robot.replies.iter().map(|reply| (reply.command_id, reply.response)).collect();
    let (old, new) = (Response::Move(MoveStatus::Preempted), Response::Move(MoveStatus::MotionStarted));
    assert_eq!(answers, [(1, old), (2, new)]);
    assert_eq!(robot.generator_mode(), MotionGeneratorMode::JointVelocity);
}

#[test]
fn a_setter_in_a_motion_is_taken_where_that_is_chosen() {
    let mut options = quick();
    for (taken, status) in [(false, 1), (true, 0)] {
        options.choices.setters_in_motion = taken;
        let mut robot = moving(&options, 0, 0);
        let request = Request::decode(5, &[0; 56]).expect("a setter");
        robot.request(9, &request);
        let answer = robot.replies.pop().expect("an answer").response.encode(9);
        assert_eq!(answer.last(), Some(&status));
        assert_eq!(robot.settings.K_theta == [0.0; JOINTS], taken);
    }
}

#[test]
fn the_end_effector_is_the_product_of_its_parts() {
    let mut robot = Robot::new(&quick());
    let NE_T_EE = [0.0, 1.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.01, 0.02, 0.03, 1.0];
    let payload: Vec<u8> = NE_T_EE.iter().flat_map(|x: &f64| x.to_le_bytes()).collect();
    robot.request(1, &Request::decode(9, &payload).expect("a setter"));
    cycle(&mut robot);
    let state = publish::state(&robot);
    assert_eq!(state.NE_T_EE, NE_T_EE);
    for column in 0..4 {
        for row in 0..4 {
            let product: f64 = (0..4).map(|k| state.F_T_NE[4 * k + row] * NE_T_EE[4 * column + k]).sum();
            assert!((state.F_T_EE[4 * column + row] - product).abs() < 1e-15);
        }
    }
    assert_eq!(state.O_T_EE_c, state.O_T_EE_d, "without a motion, the last command is where it is");
    let moved = state.O_T_EE[14] - publish::state(&Robot::new(&quick())).O_T_EE[14];
    assert!((moved + 0.03).abs() < 1e-9, "the tool points down: {moved}");
    assert_eq!(robot.desired.q, Q_READY);
}
