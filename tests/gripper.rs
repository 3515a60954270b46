//! The Franka hand beside a guided arm: wishes are left, never waited for; the newest counts; a silent hand is said.
use franka_imit::robot::gripper::{Error, Gripper, Options, Wish};
use franka_imit::sim::{self, Pace, Sim};
use std::net::{IpAddr, TcpListener};
use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

fn address(last: u8) -> IpAddr {
    IpAddr::from([127, 35, 2, last])
}

fn robot(last: u8, options: sim::Options) -> Sim {
    let options = sim::Options { bind: address(last), pace: Pace::Lockstep, ..options };
    Sim::start(options).expect("the simulated robot starts")
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < DEADLINE, "{what}: still not so");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn it_closes_on_what_lies_between_its_fingers_and_opens_again() {
    let sim = robot(1, sim::Options { object_width_m: Some(0.03), ..sim::Options::default() });
    let gripper = Gripper::connect(sim.ip(), &Options::default()).unwrap();
    assert!((gripper.reading().unwrap().width_m - 0.08).abs() < 1e-3);
    gripper.ask(Wish::Close);
    wait_for("grasped", || gripper.reading().is_some_and(|reading| reading.is_grasped));
    assert!((gripper.reading().unwrap().width_m - 0.03).abs() < 2e-3);
    gripper.ask(Wish::Open);
    wait_for("open", || gripper.reading().is_some_and(|r| !r.is_grasped && r.width_m > 0.078));
    assert_eq!(gripper.trouble(), None);
}

#[test]
fn of_wishes_that_have_not_begun_the_newest_counts_and_nobody_waits() {
    let sim = robot(2, sim::Options { object_width_m: Some(0.03), ..sim::Options::default() });
    let gripper = Gripper::connect(sim.ip(), &Options::default()).unwrap();
    let since = Instant::now();
    for _ in 0..1000 {
        gripper.ask(Wish::Close);
        gripper.ask(Wish::Open);
    }
    assert!(since.elapsed() < Duration::from_secs(1), "two thousand wishes take no moment");
    wait_for("all is done", || !gripper.is_busy());
    wait_for("open", || gripper.reading().is_some_and(|r| !r.is_grasped && r.width_m > 0.078));
}

#[test]
fn where_no_hand_is_that_is_said_with_what_to_look_at() {
    let sim = robot(3, sim::Options { hand: false, ..sim::Options::default() });
    let Err(Error::Unreachable { reason, .. }) = Gripper::connect(sim.ip(), &Options::default()) else {
        panic!("there is no hand");
    };
    assert!(reason.contains("refused"), "{reason}");
}

#[test]
fn a_hand_that_never_answers_is_given_up_in_time() {
    let silent = TcpListener::bind((address(4), 1338)).unwrap();
    let options = Options { timeout_s: 0.5, ..Options::default() };
    let refused = Gripper::connect(address(4), &options).err().expect("nothing answers").to_string();
    assert!(refused.contains("nothing answered within 0.5 s") && refused.contains("Desk"), "{refused}");
    drop(silent);
}
