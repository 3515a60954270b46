//! The recorder: nothing is lost that came, nothing is overwritten, and what was not written is counted.
#![allow(non_snake_case)]
use franka_imit::demonstration::episode::{Gripper, Meta, Options, Tick, read};
use franka_imit::robot::realtime;
use franka_imit::telemetry::recorder::{Error, Recorder, part_of};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::path::Path;
use std::time::{Duration, Instant};

fn begin(file: &Path, is_packed: bool) -> Result<Recorder, Error> {
    Recorder::begin(file, Meta::default(), Options { is_packed }, &realtime::cores())
}

/// A tick of a moving arm with the noise of real sensors in every digit.
fn noisy(k: u64, random: &mut StdRng) -> Tick {
    let mut noise = |scale: f64| random.random_range(-scale..scale);
    let q: [f64; 7] = std::array::from_fn(|j| (0.3 * k as f64 * 1e-3 + j as f64).sin());
    let mut sensor = |x: [f64; 7], scale: f64| x.map(|x| x + noise(scale));
    let measured = sensor(q, 1e-5);
    let pose = std::array::from_fn(|i| match i {
        15 => 1.0,
        3 | 7 | 11 => 0.0,
        _ => (measured[i % 7] + i as f64).cos(),
    });
    Tick {
        robot_time_ms: k,
        monotonic_ns: 1_000_000 * k + 3000 * (k % 17),
        compute_ns: 20_000 + 13 * (k % 101),
        q: measured,
        dq: sensor(q.map(|q| 0.3 * q), 1e-3),
        q_d: q,
        q_c: std::array::from_fn(|j| (0.3 * (k + 1) as f64 * 1e-3 + j as f64).sin()),
        tau_J: sensor(q.map(|q| 30.0 * q), 0.1),
        tau_ext_hat_filtered: sensor(q, 0.1),
        O_F_ext_hat_K: std::array::from_fn(|i| measured[i] * 3.0),
        O_T_EE: pose,
        tau_s: 0.7 * k as f64 * 1e-3,
        x_ref: [q[0], q[1], q[2]],
        ..Tick::ZERO
    }
}

/// Records `count` ticks as fast as they are taken, each exactly once; bytes a minute of 1 kHz.
fn fill(file: &Path, count: u64, is_packed: bool) -> f64 {
    let mut random = StdRng::seed_from_u64(7);
    let recorder = begin(file, is_packed).unwrap();
    let feed = recorder.feed();
    for k in 0..count {
        let tick = noisy(k, &mut random);
        while feed.try_send(tick).is_err() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    let saved = recorder.keep("done", 0).unwrap();
    assert_eq!((saved.ticks, saved.dropped, saved.cut_short), (count, 0, None));
    saved.bytes as f64 * 60_000.0 / count as f64
}

#[test]
fn everything_that_came_is_in_the_file_which_keeps_to_its_size() {
    let folder = tempfile::tempdir().unwrap();
    for (name, is_packed, bytes_max) in [("exact", false, 60e6), ("packed", true, 15e6)] {
        let file = folder.path().join(format!("{name}.mcap"));
        let minute = fill(&file, 20_000, is_packed);
        println!("{name}: {:.1} MB a minute", minute * 1e-6);
        assert!(minute <= bytes_max, "{name}: {minute} bytes a minute");
        let reading = read(&file).unwrap();
        assert_eq!(reading.damage, []);
        assert!(reading.episode.ticks.iter().enumerate().all(|(k, tick)| tick.robot_time_ms == k as u64));
        assert!(!part_of(&file).exists());
    }
}

#[test]
#[ignore = "writes and reads half a gigabyte"]
fn ten_minutes_as_fast_as_possible_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for (name, is_packed, bytes_max) in [("exact", false, 60e6), ("packed", true, 15e6)] {
        let (file, begun) = (folder.path().join(format!("{name}.mcap")), Instant::now());
        let minute = fill(&file, 600_000, is_packed);
        let took = begun.elapsed().as_secs_f64();
        println!("{name}: {:.2} MB a minute, 600000 ticks in {took:.1} s", minute * 1e-6);
        assert!(minute <= bytes_max);
        let reading = read(&file).unwrap();
        assert_eq!((reading.damage.len(), reading.episode.ticks.len()), (0, 600_000));
        assert_eq!(reading.episode.gaps().count(), 0);
    }
}

#[test]
fn what_does_not_fit_is_counted_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.mcap");
    let mut recorder = begin(&file, true).unwrap();
    let feed = recorder.feed();
    let (mut random, mut refused) = (StdRng::seed_from_u64(1), 0);
    let tick = noisy(0, &mut random);
    // Far more than the queue holds, faster than anything can be written.
    for k in 0..50_000u64 {
        match k % 2 {
            0 => recorder.add(&tick),
            _ => refused += u64::from(feed.try_send(tick).is_err()),
        }
    }
    let saved = recorder.keep("done", refused).unwrap();
    assert_eq!(saved.ticks + saved.dropped, 50_000);
    let episode = read(&file).unwrap().episode;
    assert_eq!(episode.ticks.len() as u64, saved.ticks);
    assert_eq!(episode.end.unwrap().dropped, saved.dropped);
}

#[test]
fn an_episode_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.mcap");
    let one = begin(&file, true).unwrap();
    let said = begin(&file, true).err().expect("refused").to_string();
    assert!(said.contains("a.mcap.part") && said.contains("demos repair"), "{said}");
    one.keep("done", 0).unwrap();
    let before = std::fs::read(&file).unwrap();
    assert!(matches!(begin(&file, true), Err(Error::Exists { .. })));
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[test]
fn a_name_taken_while_recording_costs_neither_episode() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.mcap");
    let mut recorder = begin(&file, true).unwrap();
    recorder.add(&noisy(0, &mut StdRng::seed_from_u64(1)));
    std::fs::write(&file, "another's").unwrap();
    assert!(matches!(recorder.keep("done", 0), Err(Error::Finish { .. })));
    assert_eq!(std::fs::read(&file).unwrap(), b"another's");
    assert_eq!(read(&part_of(&file)).unwrap().episode.ticks.len(), 1);
}

#[test]
fn a_discarded_episode_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = begin(&folder.path().join("a.mcap"), true).unwrap();
    recorder.add(&noisy(0, &mut StdRng::seed_from_u64(1)));
    recorder.discard().unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_the_operator_says_late_and_what_the_gripper_says_is_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.mcap");
    let mut recorder = begin(&file, true).unwrap();
    let gripper = Gripper { width_m: 0.03, is_grasped: true };
    recorder.set_gripper(Some(gripper));
    recorder.add(&noisy(0, &mut StdRng::seed_from_u64(1)));
    recorder.meta_mut().success = Some(false);
    recorder.meta_mut().note = "slipped".to_string();
    recorder.keep("done", 0).unwrap();
    let episode = read(&file).unwrap().episode;
    assert_eq!((episode.meta.success, episode.meta.note.as_str()), (Some(false), "slipped"));
    assert_eq!(episode.ticks[0].gripper, Some(gripper));
}

#[test]
fn ticks_are_on_the_disk_while_the_recording_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.mcap");
    let mut recorder = begin(&file, true).unwrap();
    let mut random = StdRng::seed_from_u64(1);
    (0..100).for_each(|k| recorder.add(&noisy(k, &mut random)));
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let on_disk = read(&part_of(&file)).map_or(0, |reading| reading.episode.ticks.len());
        if on_disk == 100 {
            break;
        }
        assert!(Instant::now() < deadline, "{on_disk} of 100 ticks on the disk");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(recorder.ticks(), 100);
}
