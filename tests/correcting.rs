//! Correcting while it runs: what is learnt from a push, what is not, what is refused, and what is taken back.
#![allow(non_snake_case)] // Franka's own symbols

mod cli;
mod ideal;

use cli::Folder;
use franka_imit::control::{Controller, links};
use franka_imit::demonstration::sample::{Hand, Kind};
use franka_imit::kinematics::{Point, forward, hand_tool};
use franka_imit::learn::trainer::Plan;
use franka_imit::learn::work::Work;
use franka_imit::sim::{Options as SimOptions, Pace, Push as SimPush, Sim, correcting_hand};
use ideal::{Arm, Lesson};
use serde_json::Value;
use std::net::IpAddr;

/// A circle of 0.1 m, upright, as a test's own file has it, with the arc length of each point.
fn circle() -> Vec<[f64; 3]> {
    (0..=628)
        .map(|k| f64::from(k) * std::f64::consts::TAU / 628.0)
        .map(|u| [0.5, 0.1 * u.cos(), 0.4 + 0.1 * u.sin()])
        .collect()
}

/// Where a third of the circle is wanted: displaced outwards by `most_m`, with raised-cosine shoulders of 40 mm.
fn wanted(most_m: f64) -> Vec<[f64; 3]> {
    let length_m = 0.2 * std::f64::consts::PI / 3.0;
    (0..=200)
        .map(|k| f64::from(k) / 200.0 * length_m)
        .map(|s| {
            let rise = (s.min(length_m - s) / 0.04).min(1.0);
            let radius_m = 0.1 + most_m * 0.5 * (1.0 - (std::f64::consts::PI * rise).cos());
            let u = 1.2 + s / 0.1;
            [0.5, radius_m * u.cos(), 0.4 + radius_m * u.sin()]
        })
        .collect()
}

fn csv(points: &[[f64; 3]]) -> String {
    let rows: String = points.iter().map(|[x, y, z]| format!("{x:.6},{y:.6},{z:.6}\n")).collect();
    format!("x_m,y_m,z_m\n{rows}")
}

/// A folder with the circle, and a policy that has learnt it.
fn folder() -> Folder {
    static POLICY: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    let policy = POLICY.get_or_init(|| {
        let folder = Folder::new();
        folder.run("train --data circle --out p.safetensors").says(0, &[]);
        folder.read("p.safetensors")
    });
    let folder = Folder::new();
    folder.write("p.safetensors", policy);
    folder.write("circle.csv", csv(&circle()));
    folder.write("c.toml", "[drawing]\nsmoothing_m = 0.001\n[robot]\nsilence_timeout_s = 3.0\n");
    folder
}

const LINE: &str = "run --sim --compliant --pace lockstep --trajectory circle.csv --config c.toml \
                    --policy p.safetensors --report r.json";

fn count(report: &Value, key: &str) -> u64 {
    report["policies"]["corrections"][key].as_u64().unwrap_or_else(|| panic!("{key}: {}", report["policies"]))
}

/// Mean distance of a trajectory file from `points` (dense), m.
fn apart_m(file: &[u8], points: &[[f64; 3]]) -> (f64, f64) {
    let text = std::str::from_utf8(file).unwrap();
    let rows: Vec<Point> = text
        .lines()
        .skip(1)
        .map(|line| {
            let row: Vec<f64> = line.split(',').map(|x| x.parse().unwrap()).collect();
            Point::new(row[0], row[1], row[2])
        })
        .collect();
    let nearest =
        |p: &[f64; 3]| rows.iter().map(|row| (row - Point::from(*p)).norm()).fold(f64::INFINITY, f64::min);
    let all: Vec<f64> = points.iter().map(nearest).collect();
    (all.iter().sum::<f64>() / all.len() as f64, all.into_iter().fold(0.0, f64::max))
}

#[test]
fn a_path_is_learnt_from_pushes_kept_in_a_file_and_the_rest_of_it_stays() {
    let folder = folder();
    folder.write("wanted.csv", csv(&wanted(0.02)));
    folder
        .run(&format!("{LINE} --laps 3 --hand wanted.csv --save-trajectory new.csv"))
        .says(0, &["correct  ", "b takes it back", "path     new.csv"]);
    let report = folder.json("r.json");
    assert!(count(&report, "learnt") >= 1 && count(&report, "refused") == 0, "{}", report["policies"]);
    let kept = folder.read("new.csv");
    let (before, _) = apart_m(csv(&circle()).as_bytes(), &wanted(0.02));
    let (mean, _) = apart_m(&kept, &wanted(0.02));
    assert!(mean < 0.3 * before, "from {before} to {mean} m");
    // Beside the stretch and its neighbourhood the path is the one it was.
    let rest: Vec<[f64; 3]> = circle()
        .into_iter()
        .filter(|[_, y, z]| {
            let u = (z - 0.4).atan2(*y).rem_euclid(std::f64::consts::TAU);
            !(1.2 - 0.3..=1.2 + std::f64::consts::TAU / 3.0 + 0.3).contains(&u)
        })
        .collect();
    assert!(rest.len() > 200, "{}", rest.len());
    let (_, most) = apart_m(&kept, &rest);
    assert!(most < 1e-3, "{most} m");
    // What was kept can be driven.
    folder
        .run("run --sim --pace lockstep --trajectory new.csv --laps 1 --no-fine-tune")
        .says(0, &["done, at rest"]);
}

#[test]
fn a_stiff_arm_is_not_corrected() {
    let folder = folder();
    folder.write("wanted.csv", csv(&wanted(0.02)));
    let line = LINE.replace("--compliant ", "");
    folder.run(&format!("{line} --laps 2 --hand wanted.csv")).says(0, &["done, at rest"]);
    let report = folder.json("r.json");
    assert_eq!((count(&report, "learnt"), count(&report, "refused")), (0, 0), "{}", report["policies"]);
}

/// A compliant drive of two laps on a robot that is pushed as planned; its report.
fn pushed(last: u8, pushes: &[SimPush]) -> Value {
    let bind = IpAddr::from([127, 0, 41, last]);
    let options = SimOptions {
        bind,
        pace: Pace::Lockstep,
        lockstep_timeout_s: 2.0,
        pushes: pushes.to_vec(),
        ..SimOptions::default()
    };
    let sim = Sim::start(options).expect("the simulated robot starts");
    let folder = folder();
    let line = LINE
        .replace("--sim ", &format!("--robot-ip {} --yes --speed 1 ", sim.ip()))
        .replace("--pace lockstep ", "");
    folder.run(&format!("{line} --laps 2")).says(0, &["done, at rest"]);
    folder.json("r.json")
}

#[test]
fn a_bump_of_30_n_for_a_fifth_of_a_second_teaches_nothing() {
    let bump = |after_s, force_n| SimPush { after_s, force_n, duration_s: 0.2 };
    let report = pushed(
        1,
        &[bump(4.0, [30.0, 0.0, 0.0]), bump(7.0, [0.0, 20.0, -22.0]), bump(9.0, [0.0, -30.0, 0.0])],
    );
    let corrections = &report["policies"]["corrections"];
    assert_eq!(
        [count(&report, "learnt"), count(&report, "refused"), count(&report, "too_small")],
        [0; 3],
        "{corrections}"
    );
}

#[test]
fn a_load_that_is_hung_on_the_arm_for_good_teaches_no_path() {
    let report = pushed(2, &[SimPush { after_s: 4.0, force_n: [0.0, 0.0, -9.0], duration_s: 60.0 }]);
    assert_eq!([count(&report, "learnt"), count(&report, "refused")], [0; 2], "{}", report["policies"]);
}

#[test]
fn a_push_out_of_what_the_policy_knows_is_refused_with_words_or_learnt_as_far_as_it_goes() {
    let folder = folder();
    folder.write("wanted.csv", csv(&wanted(0.02)));
    folder.write(
        "narrow.toml",
        "[drawing]\nsmoothing_m = 0.001\n[correction]\nmost_m = 0.006\n[robot]\nsilence_timeout_s = 3.0\n",
    );
    let line = LINE.replace("c.toml", "narrow.toml");
    folder
        .run(&format!("{line} --laps 2 --hand wanted.csv --hand-after 0 --save-trajectory same.csv"))
        .says(0, &["refused: it displaces the path by", "correction.most_m = 0.006"]);
    let report = folder.json("r.json");
    assert_eq!(
        (count(&report, "learnt"), count(&report, "refused") >= 1),
        (0, true),
        "{}",
        report["policies"]
    );
    let (_, most) = apart_m(&folder.read("same.csv"), &circle());
    assert!(most < 1e-3, "the path stays: {most} m");
}

#[test]
fn a_hand_that_pushes_farther_than_20_mm_towards_a_wall_does_not_end_the_drive() {
    let folder = folder();
    folder.write("wanted.csv", csv(&wanted(0.045)));
    // The circle's top is at z = 0.5, and a ceiling 30 mm above it.
    folder.write(
        "low.toml",
        "[drawing]\nsmoothing_m = 0.001\n[safety]\nbox_max_m = [1.1, 1.1, 0.53]\n[robot]\nsilence_timeout_s = 3.0\n",
    );
    let line = LINE.replace("c.toml", "low.toml");
    folder.run(&format!("{line} --laps 2 --hand wanted.csv --hand-after 0")).says(0, &["done, at rest"]);
}

#[test]
fn a_hand_that_is_no_path_is_refused_before_anything_moves() {
    let folder = folder();
    folder.write("one.csv", "x_m,y_m,z_m\n0.5,0.1,0.4\n");
    folder.run(&format!("{LINE} --hand one.csv")).refused(2, &["path_m", "at least two points"]);
    folder.run(&format!("{LINE} --hand none.csv")).refused(2, &["none.csv"]);
    let plan = correcting_hand::Plan { stiffness_n_m: 1e9, ..Default::default() };
    assert_eq!(plan.validate().len(), 2);
}

/// A trainer that is told of laps in which a hand holds the arm `way_m(share of the lap)` off the circle, outwards.
struct Taught {
    work: Work,
    controller: Controller,
    arm: Arm,
    lesson: Lesson,
    ends: (links::ControlEnds, links::TrainerEnds),
}

impl Taught {
    fn new(change: impl FnOnce(&mut Plan)) -> Taught {
        let lesson = ideal::lesson("circle");
        let mut plan = lesson.plan();
        change(&mut plan);
        let (control, trainer, _) = links::link(true, false);
        Taught {
            work: Work::without_thread(&plan, lesson.policy.clone()),
            controller: lesson.controller(None),
            arm: Arm::ready(),
            lesson,
            ends: (control, trainer.expect("a trainer's ends")),
        }
    }

    fn laps(&mut self, until: f64, way_m: impl Fn(f64) -> f64) {
        let centre = Point::new(0.5, 0.0, 0.4);
        loop {
            let (command, mut sample) = self.controller.tick(&self.arm.state);
            self.arm.obey(&command);
            let lap = sample.tau_s / self.lesson.timed.lap_s();
            let way = way_m(lap.fract());
            if way != 0.0 && sample.kind == Kind::Driven {
                (sample.kind, sample.hand) = (Kind::Correction, Hand::Pushing);
                sample.O_p_EE += (sample.O_p_EE - centre).normalize() * way;
            }
            self.work.take(&sample);
            self.work.advance(&self.ends.1);
            let link = self.ends.0.trainer.as_ref().expect("the control thread's ends");
            if self.controller.is_ready_for_course()
                && let Ok(course) = link.courses.try_recv()
            {
                self.controller.offer_course(course);
            }
            if lap >= until {
                return;
            }
        }
    }

    /// The longest way of the path the trainer has from the circle, m.
    fn displaced_m(&self) -> f64 {
        let path = self.lesson.timed.path();
        self.work.corrected().path().points().iter().map(|p| path.distance(p)).fold(0.0, f64::max)
    }
}

fn bump(lap: f64) -> f64 {
    let rise = ((lap - 0.3).min(0.6 - lap) / 0.08).clamp(0.0, 1.0);
    0.015 * (0.5 - 0.5 * (std::f64::consts::PI * rise).cos())
}

#[test]
fn the_arm_goes_where_it_was_pushed_and_back_when_that_is_taken_back() {
    let mut taught = Taught::new(|_| {});
    taught.laps(0.95, bump);
    let off = taught.displaced_m();
    assert!((0.013..0.016).contains(&off), "{off} m; {:?}", taught.work.counts().corrections);
    taught.laps(1.45, |_| 0.0);
    let there =
        (forward(&taught.arm.state.q, &hand_tool()).translation.vector - Point::new(0.5, 0.0, 0.4)).norm();
    assert!((there - 0.115).abs() < 0.002, "the arm goes there: {there} m from the centre");
    taught.work.take_back();
    taught.laps(2.45, |_| 0.0);
    let there =
        (forward(&taught.arm.state.q, &hand_tool()).translation.vector - Point::new(0.5, 0.0, 0.4)).norm();
    assert!((there - 0.1).abs() < 0.002, "and back: {there} m from the centre");
    let corrections = taught.work.counts().corrections;
    assert_eq!((corrections.learnt, corrections.taken_back, taught.displaced_m() < 1e-9), (1, 1, true));
    // There is nothing more to take back.
    taught.work.take_back();
    taught.laps(2.5, |_| 0.0);
    assert_eq!(taught.work.counts().corrections.taken_back, 1);
}

#[test]
fn a_path_that_the_arm_cannot_follow_is_refused_with_the_place_and_the_reason() {
    let why = |change: &dyn Fn(&mut Plan), way: &dyn Fn(f64) -> f64| {
        let mut taught = Taught::new(change);
        taught.laps(0.95, way);
        assert!(taught.displaced_m() < 1e-9);
        let corrections = taught.work.counts().corrections;
        assert_eq!((corrections.learnt, corrections.refused), (0, 1), "{corrections:?}");
        corrections.each[0].refused.clone().expect("words")
    };
    // Between 0.3 and 0.6 of the lap the circle passes its side at y = -0.1.
    let wall = |plan: &mut Plan| plan.safety.box_min_m = [-1.1, -0.11, -0.8];
    let words = why(&wall, &bump);
    assert!(words.contains("box_min_m"), "{words}");
    let far = |plan: &mut Plan| plan.correction.most_m = 0.2;
    let words = why(&far, &|lap| 12.0 * bump(lap));
    assert!(words.contains("region") || words.contains("reached") || words.contains("needs"), "{words}");
}
