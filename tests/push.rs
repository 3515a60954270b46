//! What is told of a push in a tick, and how a path is displaced by what it shows.

use franka_imit::control::push::{Options, Push, Seen};
use franka_imit::demonstration::displaced::{self, Displacement};
use franka_imit::demonstration::sample::Hand;
use franka_imit::demonstration::timed_path::TimedPath;
use franka_imit::demonstration::{drawing, shapes, time_law};
use franka_imit::kinematics::{Point, hand_tool};
use franka_imit::safety;
use nalgebra::Vector3;
use proptest::prelude::*;

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

proptest! {
    #[test]
    fn whatever_is_measured_the_arm_gives_way_a_finite_way_within_its_limit_and_looks_again(
        looks in prop::collection::vec((prop::array::uniform14(any::<f64>()), any::<f64>(), any::<f64>()), 1..40),
    ) {
        let options = Options::default();
        let mut push = Push::new(&options, &safety::Options::default());
        let home = Point::new(0.5, 0.0, 0.4);
        let sane = |force_n: f64| Seen {
            force_n: Vector3::new(0.0, 0.0, force_n),
            p: home + Vector3::new(0.0, 0.0, force_n / 3000.0),
            p_d: home,
            p_ref: home,
            along: Vector3::y(),
            laps: 0.1,
            place: 0.1,
            dt_s: 1e-3,
        };
        for (bits, laps, place) in looks {
            let vector = |k: usize| Vector3::new(bits[k], bits[k + 1], bits[k + 2]);
            push.look(&Seen {
                force_n: vector(0), p: vector(3), p_d: vector(6), p_ref: home, along: vector(9), laps, place, dt_s: 1e-3,
            });
            push.look(&sane(0.0));
            let way_m = push.way().norm();
            prop_assert!(way_m <= options.yield_m + 1e-9, "{way_m} m");
            prop_assert!(push.pull_n().iter().all(|x| x.is_finite()));
        }
    }
}
