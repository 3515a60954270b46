use proptest::prelude::*;

use super::*;
use crate::robot::limits::{CYCLE_S, DDDQ_MAX, DDQ_MAX, DQ_MAX};
use crate::sim::publish;
use crate::sim::wire::Request;

/// Something that can happen to the robot within one cycle.
#[derive(Clone, Debug)]
enum Happening {
    Request(u32, Vec<u8>),
    Move(u32, u32),
    Command {
        q_c: Vec<u64>,
        answers: u64,
        finished: bool,
    },
    /// A command that changes the acceleration by this share of what the jerk limit allows.
    Push(f64),
    UserStop(bool),
    Reflex(usize),
    Disconnect,
}

fn happening() -> impl Strategy<Value = Happening> {
    let lengths = [4, 56, 0, 4, 416, 56, 48, 7, 128, 128, 104, 40, 0, 2];
    let request = (0_usize..14).prop_flat_map(move |command| {
        prop::collection::vec(any::<u8>(), lengths[command])
            .prop_map(move |payload| Happening::Request(command as u32, payload))
    });
    prop_oneof![
        40 => (-1.0..1.0).prop_map(Happening::Push),
        2 => request,
        3 => (0_u32..3, 0_u32..5).prop_map(|(controller, generator)| Happening::Move(controller, generator)),
        3 => Just(Happening::Move(0, 0)),
        2 => (prop::collection::vec(any::<u64>(), 7), 0_u64..3, any::<bool>())
            .prop_map(|(q_c, answers, finished)| Happening::Command { q_c, answers, finished }),
        1 => any::<bool>().prop_map(Happening::UserStop),
        1 => (0_usize..41).prop_map(Happening::Reflex),
        2 => Just(Happening::Request(12, Vec::new())),
        1 => Just(Happening::Disconnect),
    ]
}

fn command(robot: &Robot, q_c: Joints, answers: u64, finished: bool) -> RobotCommand {
    RobotCommand {
        message_id: (robot.message_id + 1).saturating_sub(answers),
        q_c,
        dq_c: q_c,
        O_T_EE_c: [0.0; 16],
        O_dP_EE_c: [0.0; 6],
        elbow_c: [0.0; 2],
        valid_elbow: false,
        motion_generation_finished: finished,
        tau_J_d: [0.0; 7],
    }
}

proptest! {
    #[test]
    fn whatever_happens_every_state_is_finite_and_what_is_desired_is_legal(
        happenings in prop::collection::vec(happening(), 1..200)
    ) {
        let mut robot = Robot::new(&Options { recovery_delay_s: 0.003, ..Options::default() });
        for (id, happening) in happenings.into_iter().enumerate() {
            match happening {
                Happening::Request(kind, payload) => {
                    if let Ok(request) = Request::decode(kind, &payload) {
                        robot.request(id as u32, &request);
                    }
                }
                Happening::Move(controller, generator) => {
                    let deviation = [[10.0, 3.12, 6.3]; 2].concat();
                    let mut payload = [controller.to_le_bytes(), generator.to_le_bytes()].concat();
                    payload.extend(deviation.iter().flat_map(|value| f64::to_le_bytes(*value)));
                    robot.request(id as u32, &Request::decode(1, &payload).expect("a Move"));
                }
                Happening::Command { q_c, answers, finished } => {
                    let q_c = std::array::from_fn(|i| f64::from_bits(q_c[i]));
                    let command = command(&robot, q_c, answers, finished);
                    robot.command(&command);
                }
                Happening::Push(share) => {
                    let desired = robot.desired;
                    let dq_c: Joints = std::array::from_fn(|i| {
                        let ddq = desired.ddq[i] + share * DDDQ_MAX[i] * CYCLE_S;
                        desired.dq[i] + ddq.clamp(-DDQ_MAX[i], DDQ_MAX[i]) * CYCLE_S
                    });
                    let q_c = match robot.generator_mode() {
                        MotionGeneratorMode::JointVelocity => dq_c,
                        _ => std::array::from_fn(|i| desired.q[i] + dq_c[i] * CYCLE_S),
                    };
                    let command = command(&robot, q_c, 1, false);
                    robot.command(&command);
                }
                Happening::UserStop(pressed) => robot.press_user_stop(pressed),
                Happening::Reflex(index) => robot.reflex(judge::only(index)),
                Happening::Disconnect => robot.disconnected(),
            }
            robot.begin_waiting(true);
            robot.tick();
            let state = publish::state(&robot);
            let numbers = [state.q, state.dq, state.q_d, state.dq_d, state.ddq_d, state.tau_J, state.dtau_J];
            prop_assert!(numbers.as_flattened().iter().chain(&state.O_T_EE).chain(&state.O_T_EE_d).all(|x| x.is_finite()));
            for i in 0..JOINTS {
                prop_assert!((Q_MIN[i]..=Q_MAX[i]).contains(&state.q_d[i]));
                prop_assert!(state.dq_d[i].abs() <= DQ_MAX[i] * 1.001 && state.ddq_d[i].abs() <= DDQ_MAX[i] * 1.001);
            }
            let moving = state.motion_generator_mode != MotionGeneratorMode::Idle;
            prop_assert_eq!(moving, state.robot_mode == RobotMode::Move);
            prop_assert_eq!(moving, state.controller_mode != ControllerMode::Other);
        }
    }

    #[test]
    fn every_request_has_its_answers_and_no_more(happenings in prop::collection::vec(happening(), 1..100)) {
        let mut robot = Robot::new(&Options { recovery_delay_s: 0.003, ..Options::default() });
        let (mut moves, mut others) = (0, 0);
        for (id, happening) in happenings.into_iter().enumerate() {
            match happening {
                Happening::Request(kind, payload) if kind != 0 => {
                    let Ok(request) = Request::decode(kind, &payload) else { continue };
                    let count = if kind == 1 { &mut moves } else { &mut others };
                    *count += 1;
                    robot.request(id as u32, &request);
                }
                Happening::UserStop(pressed) => robot.press_user_stop(pressed),
                Happening::Reflex(index) => robot.reflex(judge::only(index)),
                _ => {}
            }
            robot.begin_waiting(true);
            robot.tick();
        }
        // Whatever still runs comes to its end.
        robot.press_user_stop(true);
        let motions = |reply: &&Reply| matches!(reply.response, Response::Move(_));
        let started = robot.replies.iter().filter(|r| r.response == Response::Move(MoveStatus::MotionStarted)).count();
        let of_moves = robot.replies.iter().filter(motions).count();
        prop_assert_eq!(of_moves, moves + started, "one answer each, and a second to what was started");
        prop_assert_eq!(robot.replies.len() - of_moves, others);
    }
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
