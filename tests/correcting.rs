//! Correcting while it runs: what is learnt from a push, what is not, what is refused, and what is taken back.
#![allow(non_snake_case)] // Franka's own symbols

mod cli;
mod ideal;

use cli::Folder;
use franka_imit::control::push::{Options, Push, Seen};
use franka_imit::control::{Controller, links};
use franka_imit::demonstration::displaced::{self, Displacement};
use franka_imit::demonstration::sample::{Hand, Kind};
use franka_imit::demonstration::timed_path::TimedPath;
use franka_imit::demonstration::{drawing, shapes, time_law};
use franka_imit::kinematics::{Point, forward, hand_tool};
use franka_imit::learn::trainer::Plan;
use franka_imit::learn::work::Work;
use franka_imit::safety;
use franka_imit::sim::{Options as SimOptions, Pace, Push as SimPush, Sim, correcting_hand};
use ideal::{Arm, Lesson};
use nalgebra::Vector3;
use proptest::prelude::*;
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

/// What a push detector says of a force (N) over time, at a spring of 3000 N/m.
fn hands(force_n: impl Fn(f64) -> f64, seconds: f64) -> Vec<Hand> {
    let mut push = Push::new(&Options::default(), &safety::Options::default());
    let p_ref = Point::new(0.5, 0.0, 0.4);
    (0..(seconds * 1e3) as u32)
        .map(|ms| {
            let t_s = f64::from(ms) * 1e-3;
            let force = Vector3::new(0.0, 0.0, force_n(t_s));
            let p_d = p_ref + push.way();
            push.look(&Seen {
                force_n: force,
                p: p_d + force / 3000.0,
                p_d,
                p_ref,
                along: Vector3::y(),
                laps: t_s / 6.0,
                place: (t_s / 6.0).fract(),
                dt_s: 1e-3,
            });
            push.hand()
        })
        .collect()
}

#[test]
fn a_push_is_told_from_a_bump_a_touch_and_a_load() {
    let during =
        |from: f64, to: f64, n: f64| move |t: f64| if (from..to).contains(&t) { 1.0 + n } else { 1.0 };
    let meant = |hands: &[Hand]| hands.iter().filter(|hand| **hand == Hand::Pushing).count();
    assert!(meant(&hands(during(2.0, 4.0, 10.0), 6.0)) > 1500);
    assert_eq!(meant(&hands(during(2.0, 2.2, 30.0), 6.0)), 0);
    assert_eq!(meant(&hands(during(2.0, 5.0, 4.0), 6.0)), 0);
    // Neither short pulls nor a hard one become usual: when they end, no hand is left.
    let often = hands(|t| if t > 2.0 && t < 5.0 && t % 0.4 < 0.3 { 21.0 } else { 1.0 }, 7.0);
    assert!(often[5600..].iter().all(|hand| *hand == Hand::Away));
    let hard = hands(during(2.0, 5.0, 25.0), 7.0);
    assert!(meant(&hard) > 2000 && hard[6000..].iter().all(|hand| *hand == Hand::Away));
    let load = hands(during(2.0, 99.0, 10.0), 12.0);
    assert!(load.contains(&Hand::Load), "it does not end");
    assert_eq!(load.last(), Some(&Hand::Away), "and then is what is usual");
    assert!(hands(|_| f64::NAN, 1.0).iter().all(|hand| *hand == Hand::Away));
}

#[test]
fn who_takes_hold_again_where_there_was_a_push_needs_less_force_and_is_content_for_as_long() {
    let again = |n: f64, until: f64| {
        let hands = hands(
            move |t| match t {
                t if (2.0..4.0).contains(&t) => 11.0,
                t if (8.2..until).contains(&t) => 1.0 + n,
                _ => 1.0,
            },
            12.0,
        );
        let meant = hands[8000..].iter().filter(|hand| **hand == Hand::Pushing).count();
        assert_eq!(hands.last(), Some(&Hand::Away));
        meant
    };
    let content = again(4.0, 8.6);
    assert!((1000..2000).contains(&content), "{content} ms");
    assert_eq!(again(4.0, 8.35), 0, "too short");
    assert_eq!(again(30.0, 8.4), 0, "a bump");
}

#[test]
fn a_pull_points_where_the_force_does_though_springs_give_sideways_and_late() {
    for sign in [1.0, -1.0] {
        let mut push = Push::new(&Options::default(), &safety::Options::default());
        let p_ref = Point::new(0.5, 0.0, 0.4);
        let mut deflection = Vector3::zeros();
        for ms in 0..4000 {
            let pull_n = match ms {
                0..1000 => 0.0,
                1000..2500 => 12.0,
                _ => -12.0,
            };
            let force = Vector3::new(0.0, 0.0, pull_n);
            deflection += (Vector3::new(1.5 * pull_n, 0.0, pull_n) / 3000.0 - deflection) * 1e-3 / 0.08;
            let p_d = p_ref + push.way();
            push.look(&Seen {
                force_n: sign * force,
                p: p_d + deflection,
                p_d,
                p_ref,
                along: Vector3::y(),
                laps: f64::from(ms) / 6000.0,
                place: f64::from(ms) / 6000.0,
                dt_s: 1e-3,
            });
            // Half a second after it came, and a tenth after it turned round.
            if (1500..2500).contains(&ms) || ms > 2620 {
                let off_n = (push.pull_n() - force).norm();
                assert!(off_n < 1.0, "{:?} of {pull_n} N at {ms} ms", push.pull_n());
            }
        }
    }
}

fn timed(shape: &str) -> TimedPath {
    let path = shapes::load(shape, &drawing::Options::default()).unwrap().path;
    let lesson = franka_imit::demonstration::expert::Expert::new(Default::default(), hand_tool());
    time_law::plan(&path, &mut |x| lesson.label_pose(x), &time_law::Options::default()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_displaced_path_is_smooth_bounded_and_the_same_beside_the_stretch(
        shape in prop::sample::select(vec!["circle", "figure-eight", "square"]),
        from in 0.0..1.0f64,
        span in 5isize..60,
        way in prop::array::uniform3(-0.03..0.03f64),
    ) {
        let timed = timed(shape);
        let mut by = Displacement::none(timed.path(), 0.004);
        let (count, step_m) = Displacement::grid(timed.path(), 0.004);
        let first = (from * count as f64) as isize;
        for k in 0..=span {
            let rise = 0.5 - 0.5 * (std::f64::consts::TAU * k as f64 / span as f64).cos();
            if let Some(value) = by.value_mut(first + k) {
                *value = Vector3::from(way) * rise;
            }
        }
        let most_m = Vector3::from(way).norm();
        let new = displaced::displaced(&timed, &by);
        prop_assert_eq!(new.lap_s(), timed.lap_s());
        let steepest = most_m * std::f64::consts::PI / (span as f64 * step_m);
        let sharpest = 2.0 * most_m * (std::f64::consts::PI / (span as f64 * step_m)).powi(2);
        let way_at = |tau_s: f64| new.at(tau_s).0 - timed.at(tau_s).0;
        let mut tau_s = 0.0;
        while tau_s < timed.lap_s() {
            let here = way_at(tau_s);
            prop_assert!(here.norm() <= most_m + 1e-9);
            let place = timed.arc_m(tau_s) / step_m;
            let beyond = (place - first as f64).rem_euclid(count as f64);
            if beyond > span as f64 + 2.0 && beyond < count as f64 - 2.0 {
                prop_assert!(here.norm() < 1e-12, "{} at {}", here.norm(), beyond);
            }
            // By time: no faster and no more abruptly than its slope and bend let the path's speed be.
            let (a, b) = (way_at(tau_s + 1e-3), way_at(tau_s + 2e-3));
            let speed = timed.top_speed_m_s();
            prop_assert!((a - here).norm() <= 1.05 * steepest * speed * 1e-3 + 1e-9);
            prop_assert!((b - 2.0 * a + here).norm() <= 1e-6 * (1.1 * sharpest * speed * speed + 2.1 * steepest) + 1e-9);
            // The geometry is the one of the times.
            let off = new.path().nearest_around(&new.at(tau_s).0, new.arc_m(tau_s), 0.01).distance_m;
            prop_assert!(off < 2e-5, "{} m off its own path at {}", off, tau_s);
            tau_s += 0.0137;
        }
    }
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
