//! Recordings of other programs in, data sets for other programs out.
#![allow(non_snake_case)]
mod cli;

use cli::Folder;
use franka_imit::demonstration::episode::{self, Episode, Tick};
use franka_imit::demonstration::export::{self, LeRobot, frames};
use franka_imit::demonstration::foreign::{self, Map, Source};
use franka_imit::kinematics::{forward, hand_tool};
use std::path::{Path, PathBuf};

const LINE: &str = "t_s,x_m,y_m,z_m\n0,0.45,-0.05,0.4\n0.5,0.45,0,0.4\n1.0,0.45,0.05,0.4\n";

fn whole(folder: &Folder, name: &str) -> Episode {
    let reading = episode::read(&folder.path(&format!("demos/{name}.mcap"))).unwrap();
    assert_eq!(reading.damage, []);
    reading.episode
}

#[test]
fn positions_with_times_become_an_episode_that_is_where_they_are_when_they_are() {
    let folder = Folder::new();
    folder.write("line.csv", LINE);
    folder.run("demos import line.csv --task wipe").says(0, &["imported demos/line.mcap: 1.00 s"]);
    let episode = whole(&folder, "line");
    assert_eq!((episode.ticks.len(), episode.meta.task.as_str()), (1001, "wipe"));
    for (k, y) in [(0, -0.05), (250, -0.025), (500, 0.0), (1000, 0.05)] {
        let tick = &episode.ticks[k];
        let p = tick.O_p_EE();
        assert!((p[1] - y).abs() < 1e-6 && (p[0] - 0.45).abs() < 1e-6, "at {k} ms: {p:?}");
        // The joints bring the hand's tool there.
        let reached = forward(&tick.q, &hand_tool()).translation.vector;
        assert!((reached.y - y).abs() < 1e-6, "{reached}");
    }
}

#[test]
fn joints_with_times_become_an_episode_with_the_poses_they_have() {
    let folder = Folder::new();
    let row = |t: f64, q1: f64| format!("{t},{q1},-0.8,0,-2.3,0,1.6,0.8\n");
    let header = "t_s,q1_rad,q2_rad,q3_rad,q4_rad,q5_rad,q6_rad,q7_rad\n";
    folder.write("joints.csv", format!("{header}{}{}{}", row(3.0, 0.0), row(3.1, 0.01), row(3.2, 0.02)));
    folder.run("demos import joints.csv").says(0, &["0.20 s"]);
    let episode = whole(&folder, "joints");
    assert_eq!(episode.ticks.len(), 201);
    assert!((episode.ticks[100].q[0] - 0.01).abs() < 1e-8);
    assert!((episode.ticks[100].dq[0] - 0.1).abs() < 1e-3);
    folder.write("wild.csv", format!("{header}{}{}", row(0.0, 0.0), row(0.1, 4.0)));
    folder.run("demos import wild.csv").refused(2, &["wild.csv: line 3", "q1_rad = 4", "2.8973 rad"]);
}

#[test]
fn what_is_wrong_with_a_recording_is_named_and_nothing_is_written() {
    let folder = Folder::new();
    let cases = [
        ("mm.csv", "x_mm,y_mm,z_mm\n450,0,400\n460,0,400\n", &["millimetres", "x_m"][..]),
        ("unnamed_mm.csv", "x_m,y_m,z_m\n450,0,400\n460,0,400\n", &["looks like millimetres"]),
        ("columns.csv", "time,a,b\n0,1,2\n", &["column \"time\""]),
        ("far.csv", "t_s,x_m,y_m,z_m\n0,0.5,0,0.4\n1,0.9,0,0.4\n", &["far: out of reach at ", "--centre-m"]),
        ("drawn.csv", "demo,k,x,y\n0,0,1,2\n0,1,3,4\n", &["pixels", "--metres-per-pixel"]),
        ("one.csv", "t_s,x_m,y_m,z_m\n0,0.5,0,0.4\n", &["point"]),
        ("backwards.csv", "t_s,x_m,y_m,z_m\n1,0.5,0,0.4\n0,0.5,0,0.4\n", &["line 3", "t_s"]),
    ];
    for (name, text, words) in cases {
        folder.write(name, text);
        folder.run(&format!("demos import {name}")).refused(2, words);
    }
    assert!(folder.run("demos ls").says(0, &["no episodes"]).err.is_empty());
    folder.write("line.csv", LINE);
    folder.run("demos import line.csv").says(0, &[]);
    let before = folder.read("demos/line.mcap");
    folder.run("demos import line.csv --task other").refused(2, &["already an episode", "never overwritten"]);
    assert_eq!(folder.read("demos/line.mcap"), before);
    folder.run("demos import line.csv --name ../line").refused(2, &["is no name of an episode"]);
}

#[test]
fn a_drawing_is_mapped_as_asked_all_its_recordings_alike() {
    let folder = Folder::new();
    // A square of 100 by 200 pixels, drawn twice, the second time ten pixels to the right.
    let mut text = "demo,k,x,y\n".to_string();
    for demo in 0..2 {
        for (k, (x, y)) in [(0, 0), (100, 0), (100, 200), (0, 200)].into_iter().enumerate() {
            text += &format!("{demo},{k},{},{y}\n", x + 10 * demo);
        }
    }
    folder.write("drawn.csv", text);
    let (source, mut recordings) = foreign::read(&folder.path("drawn.csv")).unwrap();
    assert_eq!((source, recordings.len()), (Source::Lair, 2));
    Map { scale: 1e-3, turn_rad: 0.0, centre_m: Some([0.5, 0.0, 0.3]) }.apply(&mut recordings);
    let corner = recordings[0].points[0];
    assert!((corner - nalgebra::Vector3::new(0.445, 0.1, 0.3)).norm() < 1e-9, "{corner}");
    assert!((recordings[1].points[0].x - corner.x - 0.01).abs() < 1e-9);
    let line = "demos import drawn.csv --metres-per-pixel 0.001 --centre-m 0.5,0,0.3";
    folder.run(line).says(0, &["drawn-0.mcap", "drawn-1.mcap"]);
}

/// The data beside this repository, where it is.
fn shared(file: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(file);
    if !path.is_file() {
        eprintln!("SKIPPED: {} is not here", path.display());
    }
    path.is_file().then_some(path)
}

#[test]
fn the_hand_guided_symbols_come_in_at_their_own_pace() {
    let Some(file) = shared("panda_symbols/symbol17.csv") else { return };
    let folder = Folder::new();
    let line = format!("demos import {} --name symbol --centre-m 0.5,0,0.3", file.display());
    folder.run(&line).says(0, &["symbol-0.mcap", "symbol-5.mcap"]);
    let lengths: Vec<f64> = (0..6).map(|k| whole(&folder, &format!("symbol-{k}")).length_s()).collect();
    assert!(lengths.iter().all(|s| (7.0..30.0).contains(s)), "{lengths:?}");
}

#[test]
fn the_originals_positions_come_in() {
    let Some(file) = shared("seed/circle_trajectory_dataset.json") else { return };
    let folder = Folder::new();
    folder.run(&format!("demos import {} --name circle", file.display())).says(0, &["circle.mcap"]);
    assert!(whole(&folder, "circle").length_s() > 1.0);
}

#[test]
fn every_drawing_of_the_lair_set_comes_in() {
    let Some(file) = shared("lair/Lag.csv") else { return };
    let folder = Folder::new();
    let map = "--metres-per-pixel 0.0004 --centre-m 0.5,0,0.3";
    folder.run(&format!("demos import {} {map}", file.display())).says(0, &["Lag-0.mcap", "Lag-6.mcap"]);
}

fn rising(count: u64) -> Episode {
    let O_T_EE = [1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.5, 0.0, 0.4, 1.0];
    let tick = |k| Tick { robot_time_ms: 40 + k, q: [k as f64 * 1e-3; 7], O_T_EE, ..Tick::ZERO };
    Episode { ticks: (0..count).map(tick).collect(), ..Episode::default() }
}

#[test]
fn a_frame_is_the_tick_of_its_time_and_its_action_the_next_one() {
    let frames = frames("a", &rising(101), 50).unwrap();
    assert_eq!(frames.len(), 6);
    for (k, frame) in frames.iter().enumerate() {
        assert_eq!(frame.state, vec![(k as f64 * 0.02) as f32; 7]);
        assert_eq!(frame.action, vec![((k + 1).min(5) as f64 * 0.02) as f32; 7]);
        assert_eq!(frame.ee_pose, [0.5, 0.0, 0.4, 1.0, 0.0, 0.0, 0.0]);
    }
    assert!(frames.len() == 6 && export::frames("a", &rising(1), 50).unwrap().len() == 1);
}

#[test]
fn a_data_set_has_all_its_files_and_takes_nobodys_place() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("set");
    let mut set = LeRobot::begin(&place, &export::Options::default()).unwrap();
    set.add("a", &rising(101)).unwrap();
    set.add("b", &rising(41)).unwrap();
    assert!(!place.exists(), "half a data set has its name");
    assert_eq!(set.finish().unwrap(), (9, 2));
    let info: serde_json::Value =
        serde_json::from_slice(&std::fs::read(place.join("meta/info.json")).unwrap()).unwrap();
    assert_eq!((&info["total_frames"], &info["codebase_version"]), (&9.into(), &"v3.0".into()));
    for file in ["meta/stats.json", "meta/tasks.parquet", "data/chunk-000/file-000.parquet"] {
        assert!(place.join(file).is_file(), "{file}");
    }
    let again = LeRobot::begin(&place, &export::Options::default()).err().unwrap().to_string();
    assert!(again.contains("never overwritten"), "{again}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "leftovers");
}

#[test]
fn what_is_exported_as_a_table_has_units_in_its_header_and_every_tick() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("a.csv");
    export::csv(&place, &rising(3)).unwrap();
    let text = std::fs::read_to_string(&place).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("t_s,x_m,y_m,z_m,") && lines[0].contains(",q_7_rad,"), "{}", lines[0]);
    assert!(lines[3].starts_with("0.002,0.5,0,0.4,"), "{}", lines[3]);
    assert_eq!(lines.len(), 4);
    assert!(lines.iter().all(|line| line.split(',').count() == lines[0].split(',').count()));
    assert!(export::csv(&place, &rising(3)).is_err(), "overwritten");
}
