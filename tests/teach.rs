//! `teach`: from a hand on the arm to episodes, at keys, hands free, by a virtual hand, and with a robot that is only read.
mod cli;

use cli::{Folder, wait_for};
use franka_imit::demonstration::episode::{self, Episode};
use franka_imit::demonstration::sample::Kind;
use franka_imit::demonstration::store;
use franka_imit::robot::Mode;
use franka_imit::sim::virtual_hand::{Phase, Plan};
use franka_imit::sim::{Options, Pace, Sim};
use serde_json::Value;
use std::fs::File;
use std::io::Write;
use std::net::IpAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(60);

/// A robot that waits for each command, so that a busy machine costs none.
fn robot(last: u8, options: Options) -> Sim {
    let bind = IpAddr::from([127, 35, 3, last]);
    let options = Options { bind, pace: Pace::Lockstep, lockstep_timeout_s: 0.3, ..options };
    Sim::start(options).expect("the simulated robot starts")
}

/// A folder where a busy machine does not make a robot silent.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("c.toml", "[robot]\nsilence_timeout_s = 5.0\n");
    folder
}

/// The episodes in a folder, as they are read back.
fn episodes(folder: &Folder) -> Vec<Episode> {
    let files = store::files(&folder.path("demos")).expect("a folder of episodes");
    files.iter().map(|file| episode::read(file).expect("an episode").episode).collect()
}

fn ticks(report: &Value) -> Vec<u64> {
    let episodes = report["episodes"].as_array().expect("episodes");
    episodes.iter().map(|episode| episode["ticks"].as_u64().expect("ticks")).collect()
}

const LINE: &str = "teach --sim --hand circle --pace lockstep --yes --out demos --report r.json";

#[test]
fn a_virtual_hand_teaches_as_many_episodes_as_are_wanted_and_a_session_repeats() {
    let folder = folder();
    let line = format!("{LINE} --episodes 2 --task circle --hand-speed-m-s 0.3 --hand-pauses 1");
    folder.run(&line).says(0, &["saved    1", "saved    2", "2 episodes kept", "the arm is at rest"]);
    let report = folder.json("r.json");
    assert_eq!((report["ending"].as_str(), report["task"].as_str()), (Some("done"), Some("circle")));
    let ticks = ticks(&report);
    folder.run(&line).says(0, &["saved    3", "saved    4"]);
    assert_eq!(ticks, self::ticks(&folder.json("r.json")));
    // What is read back is what was guided: every millisecond, and twice the same but for when it was.
    let episodes = episodes(&folder);
    assert_eq!(episodes.len(), 4, "the second session has overwritten nothing");
    for (episode, ticks) in episodes.iter().zip(ticks.iter().cycle()) {
        assert_eq!((episode.ticks.len() as u64, episode.gaps().count()), (*ticks, 0));
        assert_eq!((episode.meta.task.as_str(), episode.meta.source.as_str()), ("circle", "teach"));
        let guided = episode.ticks.iter().filter(|tick| tick.kind == Kind::Demonstration).count();
        assert!(2 * guided > episode.ticks.len(), "{guided} of {}", episode.ticks.len());
    }
    let joints = |k: usize| episodes[k].ticks.iter().map(|tick| tick.q).collect::<Vec<_>>();
    assert_eq!((joints(0), joints(1)), (joints(2), joints(3)));
    assert!(ticks.len() == 2 && ticks.iter().all(|ticks| (3000..8000).contains(ticks)), "{ticks:?}");
    assert_eq!((&report["lost_states"], &report["dropped_samples"]), (&Value::from(0), &Value::from(0)));
}

#[test]
fn a_robot_with_a_load_that_nobody_declared_is_refused_with_what_to_set() {
    let folder = folder();
    folder.write("load.toml", "[sim]\npayload_kg = 0.3\n");
    let ended = folder.run(&format!("{LINE} --config load.toml"));
    ended.refused(2, &["is not let go", "robot.load_mass_kg to about 0.3", "joint 2"]);
    // And one with the load that it believes in is not.
    folder.write("declared.toml", "[robot]\nload_mass_kg = 0.3\nload_centre_m = [0.0, 0.0, 0.1034]\n");
    folder.run(&format!("{LINE} --config load.toml --config declared.toml")).says(0, &["1 episodes kept"]);
}

#[test]
fn without_anybody_at_the_keys_it_says_what_to_add() {
    let folder = folder();
    folder.run("teach --sim --out demos").refused(2, &["--hands-free", "--hand PATH"]);
    folder.run("teach --sim --hand cirlce --out demos").refused(2, &["did you mean \"circle\""]);
    folder.run(&format!("{LINE} --lock sideways")).refused(2, &["--lock sideways", "rotation"]);
    folder.run(&format!("{LINE} --hand-speed-m-s 9")).refused(2, &["--hand-speed-m-s 9", "0.005 to 1"]);
}

#[test]
fn with_free_hands_each_motion_becomes_an_episode_and_a_signal_ends_the_session_with_the_last_kept() {
    let sim = robot(1, Options::default());
    let folder = folder();
    let program = folder.start(&format!(
        "teach --robot-ip {} --config c.toml --hands-free --yes --out demos --report r.json",
        sim.ip()
    ));
    for _ in 0..2 {
        let before = wait_for(&sim, "let go", |s| s.mode == Mode::Move && s.commands_received > 500);
        sim.push([0.0, 8.0, 0.0], 0.5);
        wait_for(&sim, "moved and at rest", |s| s.commands_received > before.commands_received + 4000);
    }
    program.signal("INT");
    let ended = program.wait();
    ended.says(0, &["saved    1", "saved    2", "2 episodes kept"]);
    let ticks = ticks(&folder.json("r.json"));
    assert!(
        ticks.iter().all(|ticks| (1000..4000).contains(ticks)),
        "each has its motion and its rest: {ticks:?}"
    );
    assert_eq!((sim.status().mode, sim.status().errors.is_empty()), (Mode::Idle, true));
}

#[test]
fn a_reflex_while_an_episode_runs_ends_the_session_and_keeps_what_there_is() {
    let sim = robot(2, Options::default());
    let folder = folder();
    let program = folder.start(&format!(
        "teach --robot-ip {} --config c.toml --hands-free --yes --out demos --report r.json",
        sim.ip()
    ));
    wait_for(&sim, "let go", |s| s.commands_received > 500);
    sim.push([0.0, 8.0, 0.0], 1.0);
    wait_for(&sim, "guided", |s| s.truth.O_T_EE[13].abs() > 0.02);
    sim.trigger_reflex(6);
    let ended = program.wait();
    ended.says(3, &["cut short", "joint_reflex", "saved    1", "1 episodes kept", "why      Robot"]);
    let report = folder.json("r.json");
    assert_eq!(report["ending"], "failed");
    assert!(report["black_box"]["file"].as_str().is_some_and(|file| file.contains("black-box-")), "{report}");
    assert!(ticks(&report)[0] > 50);
}

#[test]
fn a_robot_that_is_only_read_is_guided_by_its_buttons_and_nothing_is_asked_of_it() {
    let sim = robot(3, Options::default());
    let folder = folder();
    sim.press_user_stop(true);
    sim.press_guiding(true);
    let program = folder.start(&format!(
        "teach --robot-ip {} --config c.toml --passive --hands-free --episodes 1 --out demos --report r.json",
        sim.ip()
    ));
    let before = wait_for(&sim, "a client", |s| s.client.is_some() && s.states_sent > 300);
    let line = vec![[0.4, 0.0, 0.45], [0.4, 0.15, 0.45]];
    sim.guide(Some(Plan {
        path_m: line,
        gap_s: 0.1,
        reach_s: 1.0,
        rest_s: 0.2,
        speed_m_s: 0.2,
        ..Plan::default()
    }));
    wait_for(&sim, "the hand has come", |s| s.virtual_hand != Phase::Away);
    wait_for(&sim, "the hand has gone", |s| s.virtual_hand == Phase::Away);
    let at = sim.status().time_ms;
    wait_for(&sim, "rest", |s| s.time_ms > at + 1500);
    program.signal("INT");
    program.wait().says(0, &["nothing is set in the robot", "1 episodes kept"]);
    let status = sim.status();
    assert_eq!((status.mode, status.motions, status.commands_received), (Mode::Guiding, before.motions, 0));
    assert!(ticks(&folder.json("r.json"))[0] > 1500);
}

/// Starts the program with a terminal for standard input, the other end of which is returned.
fn at_terminal(folder: &Folder, words: &str) -> (Child, File) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&terminal).and_then(|()| unlockpt(&terminal)).expect("its other end");
    let name = ptsname(&terminal, Vec::new()).expect("its name").into_string().expect("text");
    let other = File::options().read(true).write(true).open(name).expect("its other end");
    let child = Command::new(env!("CARGO_BIN_EXE_franka-imit"))
        .current_dir(folder.path("."))
        .env("XDG_STATE_HOME", folder.path("state"))
        .args(words.split_whitespace())
        .stdin(Stdio::from(other))
        .stdout(File::create(folder.path("out.txt")).expect("a file"))
        .stderr(File::create(folder.path("err.txt")).expect("a file"))
        .spawn()
        .expect("the program starts");
    (child, File::from(terminal))
}

#[test]
fn keys_begin_end_keep_and_throw_away_episodes_and_move_the_gripper() {
    let sim = robot(4, Options { object_width_m: Some(0.03), ..Options::default() });
    let folder = folder();
    let line = "teach --config c.toml --gripper --yes --out demos --report r.json --robot-ip";
    let (mut child, mut keys) = at_terminal(&folder, &format!("{line} {}", sim.ip()));
    let start = Instant::now();
    let wait_until = |what: &str, is_so: &dyn Fn(&str) -> bool| {
        let said = || String::from_utf8(folder.read("out.txt")).expect("text");
        while !is_so(&said()) {
            let err = String::from_utf8_lossy(&folder.read("err.txt")).into_owned();
            assert!(start.elapsed() < DEADLINE, "{what}: still not so\n{}\n{err}", said());
            std::thread::sleep(Duration::from_millis(2));
        }
    };
    wait_for(&sim, "let go", |s| s.commands_received > 300);
    let steps: [(&str, &str); 9] = [
        (" ", "1 is recorded"),
        (" ", "episode  1: "),
        ("d", "episode  1 thrown away"),
        (" ", "2 is recorded"),
        ("lleft\rs", ""),
        ("k", "saved    2"),
        ("r", "episode  2 thrown away"),
        (" ", "3 is recorded"),
        ("k", "saved    3"),
    ];
    for (press, says) in steps {
        keys.write_all(press.as_bytes()).expect("the terminal takes keys");
        wait_until(says, &|said| said.contains(says));
        // So that an episode has something in it.
        let before = sim.status().commands_received;
        wait_for(&sim, "some samples", |s| s.commands_received > before + 100);
    }
    keys.write_all(b"g").expect("the terminal takes keys");
    wait_until("a grasp", &|said| said.contains("gripper  holds something 30 mm wide"));
    keys.write_all(b" ").expect("the terminal takes keys");
    wait_until("4 is recorded", &|said| said.contains("4 is recorded"));
    let before = sim.status().commands_received;
    wait_for(&sim, "some samples", |s| s.commands_received > before + 100);
    keys.write_all(b"q").expect("the terminal takes keys");
    wait_until("2 episodes kept", &|said| said.contains("2 episodes kept"));
    assert!(child.wait().expect("it ends").success());
    let report = folder.json("r.json");
    let numbers: Vec<_> =
        report["episodes"].as_array().unwrap().iter().map(|e| e["number"].clone()).collect();
    assert_eq!(numbers, [3, 4]);
    let kept = episodes(&folder);
    assert_eq!(kept.len(), 2, "what was thrown away is in the trash");
    assert_eq!(store::thrown_away(&folder.path("demos"), None).len(), 2);
    // Doing episode 2 again has handed its label on, and not that it was done.
    assert_eq!((kept[0].meta.label.as_str(), kept[0].meta.success), ("left", None));
    assert!(kept[1].ticks.iter().all(|tick| tick.gripper.is_some_and(|gripper| gripper.is_grasped)));
}
