//! What stands around the driver: whatever hangs or breaks is named in time, lets go of the robot, and can be left.
#![allow(non_snake_case)] // Franka's own symbols
mod ideal;

use franka_imit::control::{Controller, Edition, Outcome, Pulse, Purpose, Session, StandIn, links};
use franka_imit::kinematics::Pose;
use franka_imit::robot::{Fault, Joints, Mode, panda, realtime};
use franka_imit::sim::{self, Options, Pace, Sim};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// A robot that waits long for a command, so that a busy machine costs none.
fn robot(last: u8) -> Sim {
    let bind = IpAddr::from([127, 38, 1, last]);
    let options = Options { bind, pace: Pace::Lockstep, lockstep_timeout_s: 2.0, ..Options::default() };
    Sim::start(options).expect("the simulated robot starts")
}

/// Writing a backtrace takes longer than a driver is waited for.
fn quiet_control_thread() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if std::thread::current().name() != Some("control") {
                usual(panic);
            }
        }));
    });
}

fn connect(sim: &Sim, silence_timeout_s: f64) -> Result<(Session, Arc<Pulse>), Fault> {
    quiet_control_thread();
    let pulse = Arc::new(Pulse::new(Instant::now()));
    let robot = panda::Options { silence_timeout_s, ..panda::Options::default() };
    let plain = realtime::Options { priority: 0, core: -2, lock_memory: false };
    let (session, ..) = Session::connect(sim.ip(), &robot, &plain, Arc::clone(&pulse), Purpose::Move)?;
    Ok((session, pulse))
}

/// Does `then` once the arm has been driven for so many asks.
struct After<F> {
    lesson: ideal::Lesson,
    asks: u32,
    then: F,
}

impl<F: FnMut(u32) + Send> StandIn for After<F> {
    fn evaluate(&mut self, X: &Pose) -> Joints {
        self.asks += 1;
        (self.then)(self.asks);
        self.lesson.expert.label_pose(X).unwrap()
    }

    fn knows(&self, _: &Pose, _: f64) -> bool {
        true
    }
}

fn controller(then: impl FnMut(u32) + Send + 'static) -> Box<Controller> {
    let lesson = ideal::lesson("circle");
    let controller = lesson.controller(Some(3.0));
    Box::new(controller.driven_by(Box::new(After { lesson, asks: 0, then })))
}

/// Drives; `look` is called every few milliseconds.
fn drive(
    session: Session,
    controller: Box<Controller>,
    mut look: impl FnMut(&Pulse),
) -> Result<Outcome, Fault> {
    let (ends, _, operator) = links::link(false, true);
    session.drive(controller, ends, |pulse, _| {
        operator.samples.try_iter().for_each(drop);
        look(pulse);
    })
}

fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < DEADLINE, "{what}: still not so");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_step_that_panics_brings_the_arm_to_rest_by_a_ramp_and_is_named_on_the_way() {
    let sim = robot(1);
    let (session, _) = connect(&sim, 5.0).unwrap();
    let mut named_in_motion = false;
    let outcome = drive(session, controller(|asks| assert!(asks < 700, "a bug of ours")), |pulse| {
        named_in_motion |= pulse.broken().is_some_and(|why| why.contains("a bug of ours"));
    })
    .expect("the thread is alive");
    assert!(matches!(&outcome.result, Err(Fault::Control(why)) if why.contains("a bug of ours")));
    assert!(named_in_motion, "named while the arm was being braked");
    let status = sim.status();
    assert_eq!((status.mode, status.errors.is_empty()), (Mode::Idle, true), "{status:?}");
}

#[test]
fn a_step_that_never_ends_is_named_and_its_connection_let_go() {
    let sim = robot(2);
    let (session, pulse) = connect(&sim, 0.5).unwrap();
    let free = Arc::new(AtomicBool::new(false));
    let release = Arc::clone(&free);
    let stuck = controller(move |asks| {
        while asks >= 700 && !release.load(Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    let fault = drive(session, stuck, |_| {}).err();
    assert!(matches!(fault, Some(Fault::Stuck(_))), "{fault:?}");
    assert!(pulse.is_silent());
    wait_for("the robot has its client's place back", || sim.status().client.is_none());
    free.store(true, Relaxed);
}

#[test]
fn a_robot_that_falls_silent_is_given_up_and_takes_a_new_connection_once_it_is_back() {
    for (last, fault) in [(3, "mute-udp"), (4, "mute-all"), (5, "tcp-reset"), (6, "tcp-close")] {
        let sim = robot(last);
        let (session, _) = connect(&sim, 0.5).unwrap();
        let mut ordered = false;
        let outcome = drive(session, controller(|_| {}), |pulse| {
            if pulse.ticks() > 1000 && !ordered {
                ordered = true;
                let spec =
                    if fault.starts_with("mute") { format!("{fault}:for=3s") } else { fault.to_string() };
                sim.inject(spec.parse::<sim::Fault>().unwrap());
            }
        });
        let outcome = outcome.expect("the thread comes back, with the policy it drove with");
        assert!(ordered && outcome.controller.is_some(), "{fault}");
        assert!(outcome.result.is_err(), "{fault}: the motion cannot have ended well");
        let start = Instant::now();
        let mut again = connect(&sim, 0.5);
        while again.is_err() {
            assert!(start.elapsed() < Duration::from_secs(20), "{fault}: {:?}", again.err());
            again = connect(&sim, 0.5);
        }
    }
}

/// Drives with a trainer's channels whose other ends `trainer` holds, on its own thread, until the drive is over.
fn drive_beside(
    last: u8,
    trainer: impl FnOnce(links::TrainerEnds, &AtomicBool, &ideal::Lesson) + Send,
) -> (Outcome, u64) {
    let sim = robot(last);
    let (session, pulse) = connect(&sim, 5.0).unwrap();
    let lesson = ideal::lesson("circle");
    let controller = Box::new(lesson.controller(Some(0.7)));
    let (ends, trainer_ends, operator) = links::link(true, false);
    let over = AtomicBool::new(false);
    let outcome = std::thread::scope(|scope| {
        scope.spawn(|| trainer(trainer_ends.unwrap(), &over, &lesson));
        let outcome = session.drive(controller, ends, |_, _| operator.samples.try_iter().for_each(drop));
        over.store(true, Relaxed);
        outcome.expect("the thread is alive")
    });
    assert_eq!(outcome.result, Ok(()));
    assert_eq!((sim.status().mode, sim.status().commands_missed), (Mode::Idle, 0), "{:?}", sim.status());
    (outcome, pulse.ticks())
}

#[test]
fn a_trainer_that_dies_stalls_or_floods_costs_no_cycle_and_what_it_drops_is_counted() {
    let (dead, ticks) = drive_beside(7, |ends, _, _| drop(ends));
    assert_eq!((dead.samples.sent, dead.samples.dropped), (0, ticks));
    let (stalled, ticks) = drive_beside(8, |ends, over, _| {
        while !over.load(Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
        drop(ends);
    });
    assert_eq!(stalled.samples.sent + stalled.samples.dropped, ticks);
    let (flooded, _) = drive_beside(9, |ends, over, lesson| {
        let mut number = 0;
        while !over.load(Relaxed) {
            ends.samples.try_iter().for_each(drop);
            ends.spent.try_iter().for_each(drop);
            number += 1;
            let edition = Edition { policy: lesson.policy.clone(), number, basis: number - 1 };
            let _ = ends.policies.try_send(Box::new(edition));
        }
    });
    assert!(flooded.stopped_by.is_clear());
}
