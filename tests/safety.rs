//! The safety layer against whatever is proposed to it, and a drive against whatever its policy says.
//!
//! The full size, by command, with its figures:
//! `cargo test --release --test safety -- --ignored --nocapture`.
mod ideal;

use franka_imit::control::{Controller, Phase, Pilot};
use franka_imit::kinematics::{forward, hand_tool};
use franka_imit::policy::{Policy, Region};
use franka_imit::robot::{Command, Joints, State, limits};
use franka_imit::safety::{Guard, Limit, Motion, Options, Verdict, Workspace};
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// What a mass of proposals came to.
#[derive(Debug, Default)]
struct Tally {
    proposals: u64,
    illegal: u64,
    past_a_position_limit: u64,
    inside_a_wall: u64,
    legal: u64,
    legal_changed: u64,
    stopped_before_a_place: u64,
    fastest_m_s: f64,
}

/// A room with a table, a wall, and a box in the reach of the ready pose; the whole reach otherwise.
fn room(walls: bool) -> Options {
    if !walls {
        return Options::default();
    }
    Options {
        box_min_m: [0.1, -0.4, 0.1],
        box_max_m: [0.7, 0.4, 0.8],
        walls: vec![[-1.0, -1.0, 0.0, -0.65]],
        table_z_m: 0.05,
        tool_speed_m_s: 0.7,
        ..Options::default()
    }
}

/// A hundred thousand proposals at a time, of every kind, from where the last left the arm.
fn propose(options: &Options, seed: u64, proposals: u64, tally: &mut Tally) {
    let guard = Guard::new(options, &hand_tool());
    let touching = Workspace::new(&Options { clearance_m: 0.0, ..options.clone() }, &hand_tool());
    let mut rng = StdRng::seed_from_u64(seed);
    let mut arm = ideal::Arm::ready();
    let (mut mood, mut target) = (0, [0.0; 7]);
    let mut last = forward(&arm.state.q_d, &hand_tool()).translation.vector;
    for tick in 0..proposals {
        if tick % 400 == 0 {
            mood = rng.random_range(0..7);
            target = std::array::from_fn(|_| rng.random_range(-4.0..4.0));
        }
        let base = Motion::of(&arm.state);
        let proposal: Joints = std::array::from_fn(|i| match mood {
            0 => target[i],
            1 => limits::Q_READY[i] + 0.5 * target[i],
            2 => f64::from_bits(rng.random()),
            3 => [f64::NAN, f64::INFINITY, -1e300, 0.0][rng.random_range(0..4)],
            // Small jerks: mostly legal.
            4 | 5 => base.q[i] + (base.dq[i] + base.ddq[i] * 1e-3) * 1e-3 + rng.random_range(-2e-6..2e-6),
            _ => base.q[i] + rng.random_range(-1e-2..1e-2),
        });
        let judged = guard.judge(&base, &proposal);
        tally.proposals += 1;
        tally.illegal += u64::from(ideal::broken(&arm.state, &judged.q_c).is_some());
        if judged.verdict.is_clear() {
            tally.legal += 1;
            tally.legal_changed += u64::from(judged.q_c.map(f64::to_bits) != proposal.map(f64::to_bits));
        }
        tally.stopped_before_a_place += u64::from(judged.verdict.has(Verdict::PLACES));
        move_exactly(&mut arm.state, &judged.q_c);
        let beyond = |i: usize| arm.state.q_d[i] > limits::Q_MAX[i] || arm.state.q_d[i] < limits::Q_MIN[i];
        tally.past_a_position_limit += u64::from((0..7).any(beyond));
        tally.inside_a_wall += u64::from(!touching.nearest(&arm.state.q_d).holds());
        let now = forward(&arm.state.q_d, &hand_tool()).translation.vector;
        tally.fastest_m_s = tally.fastest_m_s.max((now - last).norm() / 1e-3);
        last = now;
    }
}

fn move_exactly(state: &mut State, q: &Joints) {
    let next = Motion::of(state).after(q);
    (state.q_d, state.dq_d, state.ddq_d) = (next.q, next.dq, next.ddq);
}

fn check(tally: &Tally, of: u64) {
    assert_eq!(tally.proposals, of);
    assert_eq!(
        (tally.illegal, tally.past_a_position_limit, tally.inside_a_wall, tally.legal_changed),
        (0, 0, 0, 0),
        "{tally:?}"
    );
    assert!(tally.legal > of / 20 && tally.stopped_before_a_place > of / 1000, "{tally:?}");
}

#[test]
fn whatever_is_proposed_the_command_is_legal_and_what_is_legal_passes() {
    for (walls, seed) in [(false, 1), (true, 2)] {
        let mut tally = Tally::default();
        propose(&room(walls), seed, 100_000, &mut tally);
        check(&tally, 100_000);
    }
}

#[test]
#[ignore = "ten million proposals take a minute: cargo test --release --test safety -- --ignored --nocapture"]
fn ten_million_proposals() {
    for (walls, name) in [(false, "the default's whole reach"), (true, "a box, a table and a wall near")] {
        let mut tally = Tally::default();
        for seed in 0..50 {
            propose(&room(walls), seed, 100_000, &mut tally);
        }
        println!("{name}: {tally:#?}");
        check(&tally, 5_000_000);
    }
}

/// From any bits at all, or from a motion no arm can have, each tick answered exactly by `answers` more.
fn from_nowhere(guard: &Guard, rng: &mut StdRng) -> Result<(), String> {
    let any = rng.random::<bool>();
    let mut number = |scale: f64| match (any, rng.random_range(0..4)) {
        (true, 0) => f64::from_bits(rng.random()),
        (true, 1) => [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300][rng.random_range(0..4)],
        _ => rng.random_range(-scale..scale),
    };
    let base = Motion {
        q: std::array::from_fn(|_| number(4.0)),
        dq: std::array::from_fn(|_| number(8.0)),
        ddq: std::array::from_fn(|_| number(60.0)),
    };
    let judged = guard.judge(&base, &std::array::from_fn(|_| number(4.0)));
    if !judged.q_c.iter().all(|q| q.is_finite()) {
        return Err(format!("{base:?} gives {judged:?}"));
    }
    let sane = base.q.iter().chain(&base.dq).chain(&base.ddq).all(|x| x.abs() < 100.0);
    if !sane {
        return Ok(());
    }
    let mut motion = base.after(&judged.q_c);
    for _ in 0..3000 {
        if motion.is_at_rest() {
            return Ok(());
        }
        motion = motion.after(&guard.brake(&motion).q_c);
    }
    Err(format!("{base:?} does not come to rest: {motion:?}"))
}

#[test]
fn from_no_arms_state_the_command_is_finite_and_leads_to_rest() {
    let guard = Guard::new(&Options::default(), &hand_tool());
    let mut rng = StdRng::seed_from_u64(4);
    for case in 0..3000 {
        from_nowhere(&guard, &mut rng).unwrap_or_else(|why| panic!("case {case}: {why}"));
    }
}

#[test]
#[ignore = "a hundred thousand states take a minute: cargo test --release --test safety -- --ignored --nocapture"]
fn a_hundred_thousand_states_no_arm_can_have() {
    let guard = Guard::new(&Options::default(), &hand_tool());
    let mut rng = StdRng::seed_from_u64(5);
    let failed = (0..100_000).filter(|_| from_nowhere(&guard, &mut rng).is_err()).count();
    println!(
        "a hundred thousand unreachable or non-finite states: {failed} without a finite command and a stop"
    );
    assert_eq!(failed, 0);
}

/// How weights can be wrong.
fn damage(policy: &mut Policy, rng: &mut StdRng) {
    let weights = policy.network_mut().parameters_mut();
    let some = rng.random_range(0..weights.len());
    match rng.random_range(0..6) {
        0 => weights[some] = f32::NAN,
        1 => weights[some] = [f32::INFINITY, f32::NEG_INFINITY, 1e30][rng.random_range(0..3)],
        2 => weights.fill(f32::NAN),
        3 => weights.iter_mut().for_each(|w| *w *= rng.random_range(-3.0..3.0)),
        4 => weights[some] = f32::from_bits(rng.random()),
        _ => {
            for _ in 0..rng.random_range(1..4) {
                let k = rng.random_range(0..weights.len());
                weights[k] = f32::from_bits(weights[k].to_bits() ^ (1 << rng.random_range(0..32)));
            }
        }
    }
}

/// Drives with a policy whose weights are damaged on the way; returns cycles, wrong commands, and whether it was named.
fn with_damage(lesson: &ideal::Lesson, rng: &mut StdRng, cycles: u64) -> (u64, u64, u64) {
    let (mut done, mut wrong, mut named) = (0, 0, 0);
    while done < cycles {
        let mut controller = lesson.controller(Some(1.0));
        let mut arm = ideal::Arm::ready();
        let when = rng.random_range(0..4000);
        for tick in 0..12_000 {
            if tick == when {
                let (mut policy, basis) = (lesson.policy.clone(), controller.edition());
                damage(&mut policy, rng);
                let edition = franka_imit::control::Edition { policy, number: basis + 1, basis };
                controller.offer(Box::new(edition));
            }
            let (command, _) = controller.tick(&arm.state);
            let (Command::Position(q) | Command::Finish(q)) = command;
            done += 1;
            wrong += u64::from(ideal::broken(&arm.state, &q).is_some());
            if matches!(command, Command::Finish(_)) {
                break;
            }
            arm.obey(&command);
        }
        assert_eq!(controller.phase(), Phase::Done, "a drive ends");
        named += u64::from(!controller.stopped_by().is_clear());
    }
    (done, wrong, named)
}

#[test]
fn no_damage_to_the_weights_gives_a_command_that_is_not_legal() {
    let (_, wrong, named) = with_damage(&ideal::lesson("circle"), &mut StdRng::seed_from_u64(6), 60_000);
    assert_eq!(wrong, 0);
    assert!(named > 0, "no damage was ever noticed");
}

#[test]
#[ignore = "a million cycles take a minute: cargo test --release --test safety -- --ignored --nocapture"]
fn a_million_cycles_with_damaged_weights() {
    let (cycles, wrong, named) =
        with_damage(&ideal::lesson("circle"), &mut StdRng::seed_from_u64(7), 1_000_000);
    println!(
        "{cycles} cycles with damaged weights: {wrong} commands not finite or not legal; {named} drives ended by name"
    );
    assert_eq!(wrong, 0);
}

#[test]
fn the_first_command_of_a_motion_is_where_the_robot_has_been_told_to_be() {
    let lesson = ideal::lesson("circle");
    let mut controller = lesson.controller(Some(1.0));
    let mut arm = ideal::Arm::ready();
    // The arm hangs 20 mrad below its command: a command there would jump.
    arm.state.q.iter_mut().for_each(|q| *q -= 0.02);
    let (command, _) = controller.tick(&arm.state);
    let Command::Position(q) = command else { panic!("{command:?}") };
    let step = (0..7).map(|i| (q[i] - arm.state.q_d[i]).abs()).fold(0.0, f64::max);
    assert!(step < 1e-8, "{step} rad away from q_d in the first millisecond");
}

#[test]
fn outside_its_region_the_policy_is_not_asked_the_arm_holds_and_says_why() {
    let mut lesson = ideal::lesson("circle");
    let half: Vec<[f64; 3]> = lesson
        .examples
        .iter()
        .map(|(x, _)| x.translation.vector.into())
        .filter(|p: &[f64; 3]| p[1] > 0.0)
        .collect();
    lesson.policy.card_mut().region = Region::around(3, half.iter().map(|p| p.as_slice()));
    let mut controller = lesson.controller(Some(1.0));
    let mut arm = ideal::Arm::ready();
    let named = (0..20_000).find_map(|_| {
        let (command, sample) = controller.tick(&arm.state);
        arm.obey(&command);
        matches!(command, Command::Finish(_)).then_some(sample.verdict)
    });
    assert!(named.is_some(), "it never came to rest");
    assert_eq!(controller.stopped_by(), Verdict::REGION);
    let names: Vec<&str> = controller.stopped_by().names().collect();
    assert_eq!(names, ["outside the trained region"]);
}

/// Drives the circle with something done to each state; why it ended, and the tick in which it did.
fn ended_by(options: Options, change: impl Fn(u64, &mut State)) -> (Verdict, Option<Limit>, u64) {
    let lesson = ideal::lesson("circle");
    let mut settings = lesson.settings(Some(1.0));
    settings.safety = options;
    let policy = Box::new(lesson.policy.clone());
    let timed = std::sync::Arc::clone(&lesson.timed);
    let mut controller = Controller::new(timed, policy, hand_tool(), settings);
    let mut arm = ideal::Arm::ready();
    let mut ended = 0;
    for tick in 0..20_000 {
        let mut state = arm.state;
        change(tick, &mut state);
        let (command, _) = controller.tick(&state);
        let (Command::Position(q) | Command::Finish(q)) = command;
        assert_eq!(ideal::broken(&arm.state, &q), None, "tick {tick}");
        if ended == 0 && !controller.stopped_by().is_clear() {
            ended = tick;
        }
        arm.obey(&command);
        if matches!(command, Command::Finish(_)) {
            assert!(tick - ended < 500, "it took {} ms to come to rest", tick - ended);
            return (controller.stopped_by(), controller.stopped_at().map(|m| m.limit), ended);
        }
    }
    panic!("it never came to rest");
}

#[test]
fn a_wall_across_the_path_ends_the_motion_before_it_with_its_name() {
    // The circle runs from y = 0.1 to y = -0.1 m.
    let options = Options { walls: vec![[0.0, 1.0, 0.0, -0.05]], ..Options::default() };
    let (why, at, _) = ended_by(options.clone(), |_, _| {});
    assert!(why.has(Verdict::WALL) && matches!(at, Some(Limit::Wall(1, _))), "{why:?} {at:?}");
    let options = Options { walls: Vec::new(), box_max_m: [1.0, 1.0, 0.45], ..options };
    let (why, at, _) = ended_by(options, |_, _| {});
    assert!(why.has(Verdict::BOX) && at == Some(Limit::Box(2, true)), "{why:?} {at:?}");
}

#[test]
fn each_watchdog_ends_the_motion_with_its_name_and_its_joint() {
    let from = 3000;
    let (why, at, tick) = ended_by(Options::default(), |tick, s| {
        if tick >= from {
            s.tau_ext_hat_filtered[1] = 33.0;
        }
    });
    assert_eq!((why, at), (Verdict::TORQUE, Some(Limit::ExternalTorque(2))));
    assert!((from + 195..=from + 205).contains(&tick), "{tick}");
    let (why, at, tick) = ended_by(Options::default(), |tick, s| {
        if tick >= from {
            s.q[6] += 0.25;
        }
    });
    assert_eq!((why, at), (Verdict::TRACKING, Some(Limit::Tracking(7))));
    assert!((from + 95..=from + 105).contains(&tick), "{tick}");
    let frozen = std::cell::Cell::new([0.0; 7]);
    let (why, at, _) = ended_by(Options::default(), |tick, s| {
        if tick >= from {
            s.q = frozen.get();
        } else {
            frozen.set(s.q);
        }
    });
    assert_eq!((why, at), (Verdict::STALE_STATE, None));
}

#[test]
fn a_policy_that_answers_the_same_to_every_question_is_stopped_by_name() {
    let mut lesson = ideal::lesson("circle");
    // Without its last layer's weights it says its bias: the joints of the path's start.
    let layer = *lesson.policy.network().layout().layers().last().unwrap();
    let examples = lesson.examples.clone();
    lesson.policy.network_mut().parameters_mut()[layer.weight()].fill(0.0);
    let said: Joints = lesson.policy.ask(&lesson.timed.pose(0.0));
    let mut controller = lesson.controller(Some(1.0));
    let mut arm = ideal::Arm::at(examples[0].1);
    for _ in 0..20_000 {
        let (command, _) = controller.tick(&arm.state);
        arm.obey(&command);
        if matches!(command, Command::Finish(_)) {
            let why = controller.stopped_by();
            // It stops on the wish if what it says is far, on the standing answer if it is near.
            assert!(
                why.has(Verdict::STALE_POLICY.and(Verdict::WISH)),
                "{:?}, said {said:?}",
                why.names().collect::<Vec<_>>()
            );
            return;
        }
    }
    panic!("it never came to rest");
}

#[test]
fn the_speed_of_a_drive_scales_the_whole_motion_and_not_its_path() {
    let lesson = ideal::lesson("circle");
    let fastest = |speed: f64| {
        let mut settings = lesson.settings(Some(0.5));
        settings.speed = speed;
        let policy = Box::new(lesson.policy.clone());
        let timed = std::sync::Arc::clone(&lesson.timed);
        let mut controller = Controller::new(timed, policy, hand_tool(), settings);
        let mut arm = ideal::Arm::ready();
        let (mut approach, mut follow, mut off, mut last) = (0.0_f64, 0.0_f64, 0.0_f64, arm.state);
        for _ in 0..100_000 {
            let (command, sample) = controller.tick(&arm.state);
            arm.obey(&command);
            let place = |s: &State| forward(&s.q_d, &hand_tool()).translation.vector;
            let m_s = (place(&arm.state) - place(&last)).norm() / 1e-3;
            last = arm.state;
            match controller.phase() {
                Phase::Approach => approach = approach.max(m_s),
                Phase::Follow => {
                    follow = follow.max(m_s);
                    off = off.max(lesson.timed.path().distance(&sample.O_p_EE));
                }
                Phase::Done => return (approach, follow, off),
                _ => {}
            }
        }
        panic!("it did not end");
    };
    let ((approach, follow, _), (slow_approach, slow_follow, off)) = (fastest(1.0), fastest(0.2));
    assert!((slow_follow / follow - 0.2).abs() < 0.03, "{slow_follow} of {follow} m/s");
    assert!((slow_approach / approach - 0.2).abs() < 0.03, "{slow_approach} of {approach} m/s");
    assert!(off < 2e-3, "{off} m");
}
