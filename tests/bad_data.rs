//! Data that cannot be learnt well, or not at all, is told in one clear message; data that is large is learnt.
mod cli;

use cli::Folder;
use franka_imit::demonstration::expert::{self, Expert};
use franka_imit::kinematics::{Point, hand_tool};
use std::fmt::Write as _;

const SHORT: &str = "[network]\nhidden = [16]\n[training]\nsteps = 30\ntargets = 50\n";

fn row(p: &Point, q: &[f64; 7]) -> String {
    format!("{{\"desired_end_effector_position\": [{}, {}, {}], \"joint_angles\": {q:?}}}", p.x, p.y, p.z)
}

fn circle(count: usize) -> Vec<(Point, [f64; 7])> {
    let expert = Expert::new(expert::Options::default(), hand_tool());
    (0..count)
        .map(|k| {
            let t = std::f64::consts::TAU * k as f64 / count as f64;
            let p = Point::new(0.5, 0.1 * t.cos(), 0.4 + 0.1 * t.sin());
            (p, expert.label(&p).expect("the circle has labels"))
        })
        .collect()
}

fn list(rows: impl Iterator<Item = String>) -> String {
    format!("[{}]", rows.collect::<Vec<_>>().join(",\n"))
}

fn folder(data: &str) -> Folder {
    let folder = Folder::new();
    folder.write("short.toml", SHORT);
    folder.write("d.json", data);
    folder
}

const TRAIN: &str = "train --data d.json --config short.toml --report r.json";

#[test]
fn a_number_that_is_none_is_named_with_its_sample() {
    let mut rows: Vec<String> = circle(50).iter().map(|(p, q)| row(p, q)).collect();
    rows[17] = rows[17].replace("0.5,", "NaN,");
    folder(&list(rows.clone().into_iter())).run(TRAIN).refused(2, &["d.json", "line 18", "JSON has no NaN"]);
    rows[17] = rows[17].replace("NaN,", "null,");
    folder(&list(rows.into_iter())).run(TRAIN).refused(2, &["d.json, sample 17", "null", "often a NaN"]);
}

#[test]
fn labels_that_contradict_each_other_are_counted_and_trained_on() {
    let mut rows: Vec<String> = circle(50).iter().map(|(p, q)| row(p, q)).collect();
    // The same places again, with an elbow elsewhere.
    let other = circle(50).into_iter().take(5).map(|(p, mut q)| {
        q[2] += 0.05;
        row(&p, &q)
    });
    rows.extend(other);
    let folder = folder(&list(rows.into_iter()));
    let relabel = folder.run(&format!("{TRAIN} --relabel"));
    relabel.says(0, &["doubles: 5 positions again, 5 with another label", "0.050 rad"]);
    assert_eq!(folder.json("r.json")["data"][0]["audit"]["conflicts"], 5);
}

#[test]
fn labels_that_jump_between_branches_are_counted_with_the_mend() {
    let rows = circle(100).into_iter().enumerate().map(|(k, (p, q))| {
        // Every other sample on the branch where joints 5 and 7 are half a turn on and joint 6 is mirrored: here
        // only as a solver might have written it, with joint 1 a whole branch away and back.
        let branches = franka_imit::kinematics::inverse(
            &franka_imit::kinematics::forward(&q, &hand_tool()),
            &hand_tool(),
            q[6],
        );
        let far = branches.iter().max_by(|a, b| (a.q[0] - q[0]).abs().total_cmp(&(b.q[0] - q[0]).abs()));
        row(&p, &if k % 10 == 5 { far.expect("a branch").q } else { q })
    });
    let folder = folder(&list(rows));
    folder
        .run(TRAIN)
        .says(0, &["label jumps", "relabel them with the expert", "--relabel takes our expert's"]);
    let jumps = folder.json("r.json")["data"][0]["audit"]["jumps"].as_u64();
    assert!(jumps >= Some(15), "{jumps:?}");
}

#[test]
fn one_sample_is_too_few_and_an_empty_file_none() {
    let one: Vec<String> = circle(1).iter().map(|(p, q)| row(p, q)).collect();
    folder(&list(one.into_iter())).run(TRAIN).refused(2, &["d.json", "1 samples", "at least 2"]);
    folder("[]").run(TRAIN).refused(2, &["d.json", "0 samples", "at least 2"]);
    folder("").run(TRAIN).refused(2, &["d.json", "not JSON", "ends too early"]);
    folder("{\"a\": 1}").run(TRAIN).refused(2, &["d.json", "no list of samples"]);
    let folder = folder("");
    folder.write("one.csv", "x_m,y_m,z_m\n0.5,0,0.4\n");
    folder.run("train --data one.csv").refused(2, &["one.csv"]);
}

#[test]
fn many_samples_cost_memory_by_their_number_and_no_more() {
    let some = circle(1000);
    let mut data = "[".to_owned();
    for k in 0..200_000 {
        let (p, q) = &some[k % 1000];
        // No two at one place.
        let p = p + Point::new(1e-9 * k as f64, 0.0, 0.0);
        write!(data, "{}{}", if k == 0 { "" } else { "," }, row(&p, q)).unwrap();
    }
    data.push(']');
    let folder = folder(&data);
    folder.run(TRAIN).says(0, &["200000 samples", "learned"]);
    let peak_bytes = folder.json("r.json")["peak_memory_bytes"].as_u64().expect("a number of bytes");
    // 80 bytes a sample as read; normalised, split and sorted, all together less than ten times that.
    assert!(peak_bytes < (60 << 20) + 200_000 * 800, "{} MiB", peak_bytes >> 20);
}
