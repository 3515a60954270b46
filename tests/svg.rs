//! SVG drawings as trajectories: where they lie, how they are drawn, and what is refused.
use franka_imit::demonstration::plane::{Plane, Stands};
use franka_imit::demonstration::svg::{Error, Placed, place};
use franka_imit::demonstration::{drawing, shapes};
use franka_imit::kinematics::Point;
use proptest::prelude::*;
use std::path::Path;

fn svg(body: &str) -> String {
    format!(r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 200">{body}</svg>"#)
}

fn placed(body: &str, plane: &Plane) -> Result<(Vec<Point>, Placed), Error> {
    place(Path::new("mine.svg"), svg(body).as_bytes(), plane)
}

const PEN: &str = r#"fill="none" stroke="black""#;

#[test]
fn a_drawing_becomes_as_large_as_its_plane_and_lies_in_its_middle_the_right_way_up() {
    // Twice as wide as high; it begins at the top left and ends at the bottom right.
    let body = format!(r#"<g transform="translate(50,20) scale(2)"><path d="M10 5h40v20" {PEN}/></g>"#);
    let plane = Plane { stands: Stands::Vertical, centre_m: [0.5, 0.0, 0.4], ..Plane::default() };
    let (points, about) = placed(&body, &plane).unwrap();
    assert_eq!((about.strokes, about.lifts), (1, 0));
    assert!((about.size_m[0] - 0.2).abs() < 1e-6 && (about.size_m[1] - 0.1).abs() < 1e-6, "{about:?}");
    // To the right on a wall in front of the base is −y.
    let ends = [Point::new(0.5, 0.1, 0.45), Point::new(0.5, -0.1, 0.35)];
    assert!(
        (points[0] - ends[0]).norm() < 1e-6 && (points[points.len() - 1] - ends[1]).norm() < 1e-6,
        "{points:?}"
    );
}

#[test]
fn a_circle_is_round_to_a_fiftieth_of_a_millimetre() {
    let (points, _) =
        placed(&format!(r#"<circle cx="80" cy="90" r="30" {PEN}/>"#), &Plane::default()).unwrap();
    let off = |p: &Point| ((p - Point::new(0.3, 0.0, 0.5)).norm() - 0.1).abs();
    let middles = points.windows(2).map(|pair| 0.5 * (pair[0] + pair[1]));
    let worst_m = points.iter().copied().chain(middles).map(|p| off(&p)).fold(0.0, f64::max);
    assert!(worst_m < 6e-5 && (points[0] - points[points.len() - 1]).norm() < 1e-6, "{worst_m}");
}

#[test]
fn several_lines_are_drawn_one_after_the_other_with_the_pen_lifted_between_them() {
    let body =
        format!(r#"<path d="M0 0L100 0M0 50L100 50" {PEN}/><polyline points="100,50 100,100" {PEN}/>"#);
    let (points, about) = placed(&body, &Plane::default()).unwrap();
    assert_eq!((about.strokes, about.lifts), (3, 1), "the last goes on where the second ends");
    let high = points.iter().filter(|p| (p.z - 0.52).abs() < 1e-9).count();
    assert_eq!((high, points.len()), (2, 8));
    let path = drawing::path(&points, None, &drawing::Options::default()).unwrap();
    assert!((path.extent()[1].z - 0.52).abs() < 1e-6, "the lift is not smoothed away");
}

#[test]
fn every_refusal_names_the_file_and_the_mend() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let bomb = r#"<!DOCTYPE s [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
        <svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path id="&c;&c;&c;&c;&c;&c;" d="M0 0"/></svg>"#;
    let cases = [
        (file("empty.svg", ""), "no SVG"),
        (file("text.svg", "not a drawing"), "no SVG"),
        (file("bomb.svg", bomb), "empty"),
        (file("words.svg", &svg("<text x='1' y='9'>hello</text>")), "convert them to paths"),
        (file("dot.svg", &svg(&format!(r#"<path d="M5 5L5 5" {PEN}/>"#))), "convert them to paths"),
        (file("unseen.svg", &svg(r#"<path d="M5 5L50 5" fill="none"/>"#)), "give each a stroke"),
        (
            file("linked.svg", &svg("<image href='/etc/passwd' width='9' height='9'/>")),
            "convert them to paths",
        ),
        (folder.path().join("none.svg").display().to_string(), "cannot be read"),
    ];
    for (name, said) in cases {
        let refused =
            shapes::load(&name, &drawing::Options::default()).expect_err("must be refused").to_string();
        assert!(refused.contains(said) || said == "empty", "{name}: {refusal}", refusal = refused);
        assert!(refused.contains(&name), "{refused} does not name {name}");
    }
}

proptest! {
    #[test]
    fn whatever_the_file_says_the_end_effector_stays_on_the_plane_or_its_lift_above(
        numbers in prop::collection::vec(-1e6_f64..1e6, 2..40),
        kinds in prop::collection::vec(0..5_usize, 20),
        stands in prop::sample::select(vec![Stands::Horizontal, Stands::Vertical]),
        turn_rad in -6.0..6.0_f64,
    ) {
        let mut d = "M0 0".to_owned();
        for (pair, kind) in numbers.chunks_exact(2).zip(kinds.iter().cycle()) {
            let (x, y) = (pair[0], pair[1]);
            d += &match kind {
                0 => format!("L{x} {y}"),
                1 => format!("Q{y} {x} {x} {y}"),
                2 => format!("C{y} {x} {x} {x} {x} {y}"),
                3 => format!("M{x} {y}"),
                _ => format!("A{} {} 10 0 1 {x} {y}Z", x.abs(), y.abs()),
            };
        }
        let plane = Plane { stands, turn_rad, ..Plane::default() };
        if let Ok((points, _)) = placed(&format!(r#"<path d="{d}" {PEN}/>"#), &plane) {
            let [right, up, off] = plane.axes();
            for p in points {
                let from = p - Point::from(plane.centre_m);
                prop_assert!(from.dot(&right).abs() < 0.1001 && from.dot(&up).abs() < 0.1001, "{p}");
                let height = from.dot(&off);
                prop_assert!(height.abs() < 1e-9 || (height - plane.lift_m).abs() < 1e-9, "{height}");
            }
        }
    }

    #[test]
    fn no_bytes_make_the_reader_fall_over(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = place(Path::new("any.svg"), &bytes, &Plane::default());
    }
}
