//! An arm that a person guides over the research interface: it gives way to a hand, stays where the hand leaves it, and
//! is not let go with a load that it does not know of.
#![allow(non_snake_case)] // Franka's own symbols
use franka_imit::control::impedance::Torque;
use franka_imit::control::links::Request;
use franka_imit::control::{Guide, Law, Outcome, Phase, Pilot, Pulse, Purpose, Session, guidance, links};
use franka_imit::demonstration::sample::{Kind, Sample};
use franka_imit::robot::{Command, Fault, Mode, State, panda, realtime};
use franka_imit::safety::{self, Limiter, Verdict};
use franka_imit::sim::virtual_hand::Plan;
use franka_imit::sim::{Options, Pace, Push, Sim};
use nalgebra::Vector3;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A robot with noise that waits long for a command, so that a busy machine costs none.
fn robot(last: u8, options: Options) -> Sim {
    let options = Options {
        bind: IpAddr::from([127, 35, 1, last]),
        pace: Pace::Lockstep,
        lockstep_timeout_s: 2.0,
        q_noise_rad: 5e-6,
        tau_noise_nm: 0.02,
        ..options
    };
    Sim::start(options).expect("the simulated robot starts")
}

fn connect(sim: &Sim) -> Session {
    let pulse = Arc::new(Pulse::new(Instant::now()));
    let robot = panda::Options { silence_timeout_s: 3.0, ..panda::Options::default() };
    let plain = realtime::Options { priority: 0, core: -2, lock_memory: false };
    Session::connect(sim.ip(), &robot, &plain, pulse, Purpose::Move).expect("a connection").0
}

/// Guides for `for_s` of the robot's time.
fn guide(sim: &Sim, options: &guidance::Options, for_s: f64) -> (Result<Outcome, Fault>, Vec<Sample>) {
    let (control, _, operator) = links::link(false, false);
    let mut samples = Vec::new();
    let outcome = connect(sim).guide(options, &safety::Options::default(), control, |_, _| {
        samples.extend(operator.samples.try_iter().map(|(sample, _)| sample));
        if samples.len() as f64 * 1e-3 > for_s {
            let _ = operator.requests.try_send(Request::Stop);
        }
    });
    samples.extend(operator.samples.try_iter().map(|(sample, _)| sample));
    (outcome, samples)
}

fn is_done(outcome: Result<Outcome, Fault>) {
    let outcome = outcome.expect("an outcome");
    assert_eq!(outcome.result, Ok(()));
    assert!(outcome.stopped_by.is_clear());
}

/// Largest distance of the end effector from where it is at `from_s`, until `to_s`, m.
fn way_m(samples: &[Sample], from_s: f64, to_s: f64) -> f64 {
    let [from, to] = [from_s, to_s].map(|s| (s * 1e3) as usize);
    let start = samples[from].O_p_EE;
    samples[from..to].iter().map(|sample| (sample.O_p_EE - start).norm()).fold(0.0, f64::max)
}

/// Speed of the end effector at `at_s`, over 20 ms, m/s.
fn speed_m_s(samples: &[Sample], at_s: f64) -> f64 {
    let at = (at_s * 1e3) as usize;
    (samples[at + 10].O_p_EE - samples[at - 10].O_p_EE).norm() / 0.020
}

#[test]
fn a_push_of_five_newtons_moves_the_arm_and_when_it_ends_the_arm_stops_and_stays() {
    for (last, force_n) in [(1, [5.0, 0.0, 0.0]), (2, [0.0, -5.0, 0.0]), (3, [0.0, 0.0, 5.0])] {
        let sim = robot(
            last,
            Options { pushes: vec![Push { after_s: 1.0, force_n, duration_s: 1.0 }], ..Options::default() },
        );
        let (outcome, samples) = guide(&sim, &guidance::Options::default(), 13.0);
        is_done(outcome);
        assert!(way_m(&samples, 0.2, 0.99) < 1e-4, "nobody touches it: {}", way_m(&samples, 0.2, 0.99));
        let pushed_m = way_m(&samples, 1.0, 2.0);
        assert!(pushed_m > 0.03, "{force_n:?} N moves it by {pushed_m} m");
        let (fast, slow) = (speed_m_s(&samples, 1.99), speed_m_s(&samples, 2.31));
        println!(
            "{force_n:?} N: {pushed_m:.3} m, {fast:.3} m/s; 0.3 s after {slow:.4} m/s, then {:.6} m in 10 s",
            way_m(&samples, 2.3, 12.3)
        );
        assert!(slow < 0.002 && slow < 0.05 * fast, "{slow} m/s after {fast} m/s");
        assert!(way_m(&samples, 2.3, 12.3) < 1e-3, "{} m in 10 s", way_m(&samples, 2.3, 12.3));
        let demonstrated = samples.iter().filter(|sample| sample.kind == Kind::Demonstration).count();
        assert!((800..1200).contains(&demonstrated), "{demonstrated} ms were demonstrated");
        assert!(sim.status().errors.is_empty());
    }
}

#[test]
fn an_arm_with_a_load_that_nobody_declared_is_not_let_go_and_it_is_said_what_to_declare() {
    let sim = robot(10, Options { payload_kg: 0.3, ..Options::default() });
    let (outcome, samples) = guide(&sim, &guidance::Options::default(), 1.0);
    let refused = outcome.expect("an outcome").result.unwrap_err();
    let Fault::Load { mass_kg, .. } = refused else { panic!("{refused}") };
    assert!((mass_kg - 0.3).abs() < 0.1, "{mass_kg} kg");
    let words = refused.to_string();
    assert!(words.contains("robot.load_mass_kg") && words.contains("joint 2"), "{words}");
    assert_eq!((samples.len(), sim.status().motions), (0, 0), "nothing moved");
}

#[test]
fn a_guided_arm_may_be_pushed_harder_than_a_driven_one_which_has_its_thresholds_back_afterwards() {
    let hard = Push { after_s: 0.5, force_n: [0.0, 55.0, 0.0], duration_s: 0.02 };
    let sim = robot(11, Options { pushes: vec![hard], ..Options::default() });
    let (outcome, _) = guide(&sim, &guidance::Options::default(), 1.5);
    is_done(outcome);
    sim.push([0.0, 55.0, 0.0], 1.0);
    let since = Instant::now();
    while sim.status().mode != Mode::Reflex && since.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(sim.status().mode, Mode::Reflex, "the driven arm's thresholds hold again");
}

/// A guide that breaks in the middle of a pull.
struct Breaks(Guide, u32);

impl Pilot for Breaks {
    fn tick(&mut self, state: &State) -> (Command, Sample) {
        self.1 += 1;
        assert!(self.1 < 1500, "it breaks");
        self.0.tick(state)
    }

    fn stop(&mut self) {
        self.0.stop();
    }

    fn phase(&self) -> Phase {
        self.0.phase()
    }

    fn stopped_by(&self) -> Verdict {
        self.0.stopped_by()
    }

    fn limiter(&self) -> &Limiter {
        self.0.limiter()
    }

    fn law(&self) -> &Law {
        self.0.law()
    }

    fn torque(&self) -> Torque {
        self.0.torque()
    }
}

#[test]
fn an_arm_whose_guide_breaks_while_it_is_pulled_is_caught_by_springs_and_brought_to_rest() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // Writing a backtrace takes longer than a robot waits.
        if std::thread::current().name() != Some("control") {
            usual(panic);
        }
    }));
    let push = Push { after_s: 1.0, force_n: [0.0, 8.0, 0.0], duration_s: 1.0 };
    let sim = robot(12, Options { pushes: vec![push], ..Options::default() });
    let guide = Guide::new(&guidance::Options::default(), &safety::Options::default());
    let (control, _, operator) = links::link(false, false);
    let outcome = connect(&sim).go(Box::new(Breaks(guide, 0)), control, |_, _| {
        operator.samples.try_iter().for_each(drop);
    });
    let fault = outcome.expect("an outcome").result.unwrap_err();
    assert!(matches!(&fault, Fault::Control(words) if words.contains("it breaks")), "{fault}");
    let status = sim.status();
    assert_eq!((status.mode, status.errors.is_empty()), (Mode::Idle, true), "no reflex: {status:?}");
    assert!(status.truth.dq.iter().all(|dq| dq.abs() < 0.05), "{:?}", status.truth.dq);
}

#[test]
fn a_virtual_hand_guides_the_arm_along_its_path_and_a_run_repeats_bit_for_bit() {
    let corners = [[0.45, -0.1, 0.4], [0.45, 0.1, 0.4], [0.45, 0.1, 0.5]];
    let plan = Plan { path_m: corners.to_vec(), times: 2, ..Plan::default() };
    let end_s = plan.window_s(1)[1] + 0.5;
    let run = |last| {
        let sim = robot(last, Options { virtual_hand: Some(plan.clone()), ..Options::default() });
        let (outcome, samples) = guide(&sim, &guidance::Options::default(), end_s);
        is_done(outcome);
        samples
    };
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| run(20));
        (run(21), first.join().unwrap())
    });
    for k in 0..2 {
        let [begin, end] = plan.window_s(k).map(|s| (s * 1e3) as usize);
        let starts = first[begin].O_p_EE;
        let ends = first[end].O_p_EE;
        assert!((starts - Vector3::from(corners[0])).norm() < 0.01, "{starts}");
        assert!((ends - Vector3::from(corners[2])).norm() < 0.01, "{ends}");
        let off_m = first[begin..end].iter().map(|sample| {
            let p = sample.O_p_EE;
            let to = |a: [f64; 3], b: [f64; 3]| {
                let (a, b) = (Vector3::from(a), Vector3::from(b));
                let u = ((p - a).dot(&(b - a)) / (b - a).norm_squared()).clamp(0.0, 1.0);
                (p - a.lerp(&b, u)).norm()
            };
            to(corners[0], corners[1]).min(to(corners[1], corners[2]))
        });
        let off_m = off_m.fold(0.0, f64::max);
        println!("time {k}: at most {:.1} mm beside the path", 1e3 * off_m);
        assert!(off_m < 0.02, "{off_m} m beside the path");
        let turned = first[begin].x_ref.rotation.angle_to(&first[end].x_ref.rotation);
        assert!(turned < 0.05, "{turned} rad");
    }
    for (a, b) in first.iter().zip(&second).take((end_s * 1e3) as usize) {
        assert_eq!((a.tick, a.kind, a.state.q), (b.tick, b.kind, b.state.q));
    }
}
