//! Random requests, commands, orders and silences: what must hold whatever happens, and in which order.
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::robot::limits::{DDDQ_MAX, DDQ_MAX, DQ_MAX};
use crate::sim::wire::RobotState;

/// Something that can happen to the robot within one cycle.
#[derive(Clone, Debug)]
enum Happening {
    /// A request over TCP of any kind, with any payload of the right length.
    Request(u32, Vec<u8>),
    Move(u32, u32),
    Recover,
    Stop,
    /// A command of any bits that answers the last state but `behind`.
    Wild {
        numbers: Vec<u64>,
        behind: u64,
        finished: bool,
    },
    /// `cycles` commands within the limits, each changing the acceleration by this share of what they allow.
    Steer {
        share: f64,
        cycles: usize,
    },
    /// Commands that stay and end the motion.
    Finish,
    Silence(usize),
    UserStop(bool),
    Guiding(bool),
    Push([f64; 3], u64),
    Reflex(usize),
    Disconnect,
}

fn happening() -> impl Strategy<Value = Happening> {
    let lengths = [4, 56, 0, 4, 416, 56, 48, 7, 128, 128, 104, 40, 0, 2];
    let request = (2_usize..14).prop_flat_map(move |command| {
        prop::collection::vec(any::<u8>(), lengths[command])
            .prop_map(move |payload| Happening::Request(command as u32, payload))
    });
    let force = prop::array::uniform3(-80.0..80.0_f64);
    prop_oneof![
        12 => (-1.0..1.0, 1_usize..40).prop_map(|(share, cycles)| Happening::Steer { share, cycles }),
        8 => (0_u32..4, 0_u32..5).prop_map(|(controller, generator)| Happening::Move(controller, generator)),
        3 => Just(Happening::Finish),
        3 => (1_usize..30).prop_map(Happening::Silence),
        2 => Just(Happening::Silence(600)),
        2 => (prop::collection::vec(any::<u64>(), 39), 0_u64..3, any::<bool>())
            .prop_map(|(numbers, behind, finished)| Happening::Wild { numbers, behind, finished }),
        3 => Just(Happening::Recover),
        2 => Just(Happening::Stop),
        2 => request,
        2 => (force, 1_u64..300).prop_map(|(force, cycles)| Happening::Push(force, cycles)),
        2 => any::<bool>().prop_map(Happening::UserStop),
        2 => any::<bool>().prop_map(Happening::Guiding),
        1 => (0_usize..41).prop_map(Happening::Reflex),
        1 => Just(Happening::Disconnect),
    ]
}

/// A command within the limits, as far as the hand's own allow; inverse kinematics may still find it illegal.
fn legal(robot: &Robot, share: f64) -> RobotCommand {
    let mut command = stay(robot);
    let desired = &robot.desired;
    command.dq_c = std::array::from_fn(|i| {
        let ddq = desired.ddq[i] + share * DDDQ_MAX[i] * CYCLE_S;
        desired.dq[i] + ddq.clamp(-DDQ_MAX[i], DDQ_MAX[i]) * CYCLE_S
    });
    command.q_c = std::array::from_fn(|i| desired.q[i] + command.dq_c[i] * CYCLE_S);
    let commanded = &robot.commanded;
    let a = (commanded.O_ddP_EE[2] + share * 0.5).clamp(-1.0, 1.0);
    command.O_dP_EE_c[2] = commanded.O_dP_EE[2] + a * CYCLE_S;
    command.O_T_EE_c[14] += command.O_dP_EE_c[2] * CYCLE_S;
    command.tau_J_d = robot.tau_J_d.map(|tau| tau + share * 0.9);
    command
}

fn wild(robot: &Robot, numbers: &[u64], behind: u64, finished: bool) -> RobotCommand {
    let number = |k: usize| f64::from_bits(numbers[k]);
    RobotCommand {
        message_id: (robot.message_id + 1).saturating_sub(behind),
        q_c: std::array::from_fn(number),
        dq_c: std::array::from_fn(number),
        O_T_EE_c: std::array::from_fn(|k| number(7 + k)),
        O_dP_EE_c: std::array::from_fn(|k| number(23 + k)),
        elbow_c: [number(29), number(30)],
        valid_elbow: numbers[31] > u64::MAX / 2,
        motion_generation_finished: finished,
        tau_J_d: std::array::from_fn(|k| number(32 + k)),
    }
}

/// What a client has asked for and not yet been told the end of.
#[derive(Default)]
struct Client {
    next_id: u32,
    /// Each open Move, and whether it was started.
    moves: BTreeMap<u32, bool>,
    others: Vec<u32>,
    /// Modes of the running motion, from its first state on.
    shown: Option<(MotionGeneratorMode, ControllerMode)>,
}

impl Client {
    fn id(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id
    }

    fn has_motion(&self) -> bool {
        self.moves.values().any(|started| *started)
    }

    /// Reads the answers: each fits what was asked, and nothing is answered twice.
    fn read(&mut self, robot: &mut Robot) -> Result<(), TestCaseError> {
        for Reply { command_id, response, .. } in robot.replies.drain(..) {
            let Response::Move(status) = response else {
                let place = self.others.iter().position(|id| *id == command_id);
                prop_assert!(place.is_some(), "{command_id} was not open: {response:?}");
                self.others.swap_remove(place.unwrap_or_default());
                continue;
            };
            let started = self.moves.get(&command_id).copied();
            prop_assert!(started.is_some(), "Move {command_id} was not open: {status:?}");
            let waits = started == Some(false);
            match status {
                MoveStatus::MotionStarted => {
                    prop_assert!(waits, "Move {command_id} started twice");
                    self.moves.insert(command_id, true);
                    continue;
                }
                MoveStatus::Success
                | MoveStatus::ReflexAborted
                | MoveStatus::Preempted
                | MoveStatus::EmergencyAborted => prop_assert!(!waits, "{status:?} of a Move not started"),
                MoveStatus::CommandNotPossibleRejected
                | MoveStatus::InvalidArgumentRejected
                | MoveStatus::StartAtSingularPoseRejected => {
                    prop_assert!(waits, "{status:?} of a started Move")
                }
                other => prop_assert!(false, "no client expects {other:?}"),
            }
            self.moves.remove(&command_id);
            if !waits {
                self.shown = None; // its modes have ended with it; the next may begin in the same cycle
            }
        }
        Ok(())
    }

    /// Looks at a state: finite, legal, and its modes tell the same story as the answers.
    fn look(&mut self, state: &RobotState) -> Result<(), TestCaseError> {
        // All between the id and the modes are numbers.
        let bytes = state.encode();
        for (k, number) in bytes[8..2280].chunks_exact(8).enumerate() {
            let number = f64::from_le_bytes(number.try_into().expect("eight bytes"));
            prop_assert!(number.is_finite(), "number {k} of the state is {number}");
        }
        prop_assert!((0.0..=1.0).contains(&state.control_command_success_rate));
        prop_assert!((state.errors.0 | state.reflex_reason.0) < 1 << 41);
        prop_assert!(state.robot_mode != RobotMode::Reflex || !state.errors.is_empty());
        prop_assert!(state.robot_mode != RobotMode::Idle || state.errors.is_empty());
        for i in 0..JOINTS {
            prop_assert!((Q_MIN[i]..=Q_MAX[i]).contains(&state.q_d[i]));
            prop_assert!(state.dq_d[i].abs() <= DQ_MAX[i] * 1.001);
            // A stop that begins too near the end of a range ends there at once: nothing is asked beyond it.
            let at_its_end = [Q_MIN[i], Q_MAX[i]].contains(&state.q_d[i]) && state.dq_d[i] == 0.0;
            prop_assert!(state.ddq_d[i].abs() <= DDQ_MAX[i] * 1.001 || at_its_end);
        }
        let moving = state.motion_generator_mode != MotionGeneratorMode::Idle;
        prop_assert_eq!(moving, state.robot_mode == RobotMode::Move);
        prop_assert_eq!(moving, state.controller_mode != ControllerMode::Other);
        prop_assert_eq!(moving, self.has_motion(), "answers and modes differ");
        prop_assert!(self.moves.values().filter(|started| **started).count() <= 1);
        let shown = moving.then_some((state.motion_generator_mode, state.controller_mode));
        if let (Some(before), Some(now)) = (self.shown, shown) {
            prop_assert_eq!(before, now, "the modes flicker");
        }
        self.shown = shown;
        Ok(())
    }
}

fn live(robot: &mut Robot, client: &mut Client) -> Result<(), TestCaseError> {
    robot.begin_waiting(true);
    robot.tick();
    client.read(robot)?;
    client.look(&publish::state(robot))
}

/// What happens, and as many cycles as it takes.
fn happen(robot: &mut Robot, client: &mut Client, happening: &Happening) -> Result<(), TestCaseError> {
    match happening {
        Happening::Request(kind, payload) => {
            if let Ok(request) = Request::decode(*kind, payload) {
                let id = client.id();
                client.others.push(id);
                robot.request(id, &request);
            }
        }
        Happening::Recover | Happening::Stop => {
            let id = client.id();
            client.others.push(id);
            let recover = matches!(happening, Happening::Recover);
            robot.request(id, &if recover { Request::AutomaticErrorRecovery } else { Request::StopMove });
        }
        Happening::Move(controller, generator) => {
            let id = client.id();
            client.moves.insert(id, false);
            ask_to_move(robot, id, *controller, *generator);
        }
        Happening::Wild { numbers, behind, finished } => {
            let command = wild(robot, numbers, *behind, *finished);
            robot.command(&command);
        }
        Happening::Steer { share, cycles } => {
            for _ in 1..*cycles {
                let command = legal(robot, *share);
                robot.command(&command);
                live(robot, client)?;
            }
        }
        Happening::Finish => {
            for _ in 0..50 {
                let command = RobotCommand { motion_generation_finished: true, ..stay(robot) };
                robot.command(&command);
                live(robot, client)?;
            }
        }
        Happening::Silence(cycles) => {
            for _ in 1..*cycles {
                live(robot, client)?;
            }
        }
        Happening::UserStop(pressed) => robot.press_user_stop(*pressed),
        Happening::Guiding(pressed) => robot.press_guiding(*pressed),
        Happening::Push(force, cycles_left) => {
            robot.plant.push(Force {
                force: *force,
                point: [0.0; 3],
                moment: [0.0; 3],
                cycles_left: *cycles_left,
            });
        }
        Happening::Reflex(index) => robot.reflex(judge::only(*index)),
        Happening::Disconnect => {
            robot.disconnected();
            *client = Client { next_id: client.next_id, ..Client::default() };
        }
    }
    live(robot, client)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn whatever_happens_each_request_has_its_answers_and_each_state_is_sound(
        happenings in prop::collection::vec(happening(), 1..60),
        seed in any::<u64>(),
        noise in prop::bool::ANY,
        preempt in prop::bool::ANY,
        setters_in_motion in prop::bool::ANY,
    ) {
        let mut options = Options { seed, ..quick() };
        if noise {
            (options.q_noise_rad, options.tau_noise_nm) = (5e-6, 0.02);
        }
        options.choices.setters_in_motion = setters_in_motion;
        if preempt {
            options.choices.move_in_motion = MoveInMotion::Preempt;
        }
        let mut robot = Robot::new(&options);
        let mut client = Client::default();
        for happening in &happenings {
            happen(&mut robot, &mut client, happening)?;
        }
        // Whatever still runs comes to its end.
        happen(&mut robot, &mut client, &Happening::UserStop(true))?;
        prop_assert_eq!((client.moves.len(), client.others.len()), (0, 0), "all is answered");
    }
}
