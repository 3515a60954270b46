//! Trajectory files: what is read, and what every refusal tells.
use franka_imit::demonstration::csv::parse_csv;
use franka_imit::demonstration::drawing::{self, Error as DrawingError, Options};
use franka_imit::demonstration::shapes;
use franka_imit::kinematics::Point;
use proptest::prelude::*;
use std::path::Path;

fn refusal(text: &str) -> String {
    parse_csv(text.as_bytes(), Path::new("drawn.csv")).expect_err("must be refused").to_string()
}

#[test]
fn a_file_with_times_is_read_with_its_columns_in_any_order() {
    let text = "\u{feff}# by hand\r\ny_m,x_m,t_s,z_m\r\n0.1,0.3,0,0.5\r\n\r\n0.2, 0.3 ,0.5,0.5\r\n";
    let rows = parse_csv(text.as_bytes(), Path::new("drawn.csv")).unwrap();
    assert_eq!(rows.points, [Point::new(0.3, 0.1, 0.5), Point::new(0.3, 0.2, 0.5)]);
    assert_eq!(rows.times_s, Some(vec![0.0, 0.5]));
    assert!(rows.warnings.is_empty());
}

#[test]
fn an_orientation_is_read_with_its_scalar_part_positive_and_half_an_orientation_is_refused() {
    let text = "x_m,y_m,z_m,qx,qy,qz,qw\n0.3,0,0.5,1,0,0,0\n0.4,0,0.5,-0.6,0,0,-0.8\n";
    let rows = parse_csv(text.as_bytes(), Path::new("drawn.csv")).unwrap();
    assert!(rows.warnings.is_empty());
    let turns = rows.orientations.unwrap();
    assert!((turns[1].coords - nalgebra::Vector4::new(0.6, 0.0, 0.0, 0.8)).norm() < 1e-15);
    for (text, said) in [
        ("x_m,y_m,z_m,qx,qy,qz\n", ["qw", "missing"]),
        ("x_m,y_m,z_m,qx,qy,qz,qw\n0,0,0.5,1,0,0,\n", ["line 2, column qw", "finite"]),
        ("x_m,y_m,z_m,qx,qy,qz,qw\n0,0,0.5,0.5,0,0,0\n", ["line 2, column qx", "length 0.5000"]),
        ("x_m,y_m,z_m,qx,qy,qz,qw\n0,0,0.5,0,0,0,0\n", ["line 2, column qx", "length 0.0000"]),
    ] {
        let refusal = refusal(text);
        assert!(said.iter().all(|said| refusal.contains(said)), "{text:?}: {refusal:?}");
    }
}

#[test]
fn every_refusal_names_the_file_the_place_the_value_and_the_mend() {
    let cases: [(&str, &[&str]); 13] = [
        ("", &["no points", "t_s,x_m,y_m,z_m"]),
        ("x_m,y_m,z_m\n", &["no points"]),
        ("0.3,0,0.5\n", &["line 1", "0.3", "is a number", "add a header"]),
        ("x,y,z\n", &["\"x\"", "names no unit", "x_m"]),
        ("x_mm,y_mm,z_mm\n", &["x_mm", "divide by 1000"]),
        ("x_m;y_m;z_m\n", &["separated by commas"]),
        ("x_m,y_m\n", &["z_m", "missing", "add it"]),
        ("x_m,y_m,z_m,x_m\n", &["x_m", "twice"]),
        ("x_m,y_m,z_m,heigth_m\n", &["heigth_m", "unknown"]),
        ("x_m,y_m,z_m\n0,0,0.5\n0,0\n", &["line 3", "2 columns", "3"]),
        ("x_m,y_m,z_m\n0,NaN,0.5\n", &["line 2", "column y_m", "NaN", "finite"]),
        ("x_m,y_m,z_m\n300,0,500\n", &["line 2", "column x_m", "300", "millimetres: divide by 1000"]),
        ("t_s,x_m,y_m,z_m\n1,0,0,0.5\n1,0,0,0.5\n", &["line 3", "column t_s", "sort the lines"]),
    ];
    for (text, said) in cases {
        let refusal = refusal(text);
        for part in said.iter().chain(&["drawn.csv"]) {
            assert!(refusal.contains(part), "{text:?}: {refusal:?} does not say {part:?}");
        }
    }
}

#[test]
fn text_that_is_no_text_is_refused_with_its_line() {
    let error = parse_csv(b"x_m,y_m,z_m\n0,0,0.5\n\xff\n", Path::new("drawn.csv")).unwrap_err().to_string();
    assert!(error.contains("line 3 is not UTF-8"), "{error}");
}

#[test]
fn an_unknown_name_is_answered_with_the_nearest_and_all_allowed() {
    let error = shapes::load("sqare", &Options::default()).unwrap_err().to_string();
    for part in ["sqare", "did you mean \"square\"", "circle", "figure-eight", ".csv"] {
        assert!(error.contains(part), "{error}");
    }
    let error = shapes::load("drawn.pdf", &Options::default()).unwrap_err().to_string();
    assert!(error.contains("drawn.pdf") && error.contains(".csv") && error.contains(".svg"), "{error}");
    let error = shapes::load("nowhere/drawn.csv", &Options::default()).unwrap_err().to_string();
    assert!(error.contains("nowhere/drawn.csv: cannot be read"), "{error}");
}

#[test]
fn the_list_of_positions_of_a_data_set_is_a_trajectory() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("seed.json");
    let sample = |y: f64| {
        format!(
            "{{\"current_state\": null, \"desired_end_effector_position\": [0.3, {y}, 0.5], \
             \"joint_angles\": [0, -0.7, 0, -2.3, 0, 1.5, 0.7]}}"
        )
    };
    let list: Vec<String> = (0..20).map(|k| sample(0.01 * f64::from(k))).collect();
    std::fs::write(&file, format!("[{}]", list.join(","))).unwrap();
    let loaded = shapes::load(file.to_str().unwrap(), &Options::default()).unwrap();
    assert!((loaded.path.length_m() - 0.19).abs() < 1e-9);
    std::fs::write(&file, "{\"a\": 1}").unwrap();
    let error = shapes::load(file.to_str().unwrap(), &Options::default()).unwrap_err().to_string();
    assert!(error.contains("seed.json"), "{error}");
}

#[test]
fn the_built_in_shapes_are_where_they_should_be() {
    let at = |name: &str| shapes::load(name, &Options::default()).unwrap().path;
    let boxes = [
        ("circle", [0.5, -0.1, 0.3], [0.5, 0.1, 0.5], 0),
        ("square", [0.25, -0.05, 0.5], [0.35, 0.05, 0.5], 4),
        ("figure-eight", [0.35, -0.05, 0.35], [0.55, 0.05, 0.35], 0),
    ];
    for (name, low, high, corners) in boxes {
        let path = at(name);
        let [l, h] = path.extent();
        let off = (l - Point::from(low)).norm() + (h - Point::from(high)).norm();
        assert!(off < 2e-6 && path.is_closed() && path.corners().len() == corners, "{name}: {off}");
    }
    assert!((at("circle").curvature(0.2) - 10.0).abs() < 1e-3);
    assert!(at("circle").distance(&Point::new(0.5, 0.07071067811865475, 0.47071067811865475)) < 1e-9);
    assert!((at("square").length_m() - 0.4).abs() < 1e-12);
    assert!((at("square").distance(&Point::new(0.3, 0.0, 0.5)) - 0.05).abs() < 1e-12);
}

#[test]
fn points_that_make_no_path_are_refused_by_index() {
    let p = Point::new(0.3, 0.0, 0.5);
    let refused = |points: &[Point]| drawing::path(points, None, &Options::default()).unwrap_err();
    assert_eq!(refused(&[]), DrawingError::Empty);
    assert_eq!(refused(&[p, p, p]), DrawingError::OnePlace { given: 3 });
    let nan = Point::new(0.3, f64::NAN, 0.5);
    assert!(matches!(refused(&[p, nan]), DrawingError::NotFinite { index: 1, .. }));
    assert!(refused(&[p, p * 1000.0]).to_string().contains("divide by 1000"));
}

#[test]
fn a_loop_whose_ends_nearly_meet_is_closed_and_its_corners_stay() {
    let corner = |x: f64, y: f64| Point::new(0.3 + x, y, 0.5);
    let drawn = [corner(0.0, 0.0), corner(0.1, 0.0), corner(0.1, 0.1), corner(0.0, 0.1), corner(0.0, 0.002)];
    let path = drawing::path(&drawn, None, &Options::default()).unwrap();
    assert!(path.is_closed());
    for p in &drawn[1..4] {
        assert!(path.corners().iter().any(|&c| path.points()[c] == *p), "{p} is no corner");
    }
    let open = Options { closed: Some(false), ..Options::default() };
    assert!(!drawing::path(&drawn, None, &open).unwrap().is_closed());
}

#[test]
fn a_window_finds_its_own_strand_where_the_path_crosses_itself() {
    let path = shapes::load("figure-eight", &Options::default()).unwrap().path;
    let half = path.length_m() / 2.0;
    let crossing = path.point(0.0);
    assert!((path.nearest_around(&crossing, half, 0.02).arc_m - half).abs() < 1e-6);
    assert!(path.nearest_around(&crossing, 0.01, 0.02).distance_m < 1e-9);
    assert!(path.nearest_around(&Point::new(f64::NAN, 0.0, 0.0), 0.0, 0.02).distance_m.is_infinite());
    assert!(path.nearest_around(&crossing, f64::NAN, f64::NAN).distance_m < 1e-9);
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse_csv(&bytes, Path::new("any.csv"));
    }

    #[test]
    fn no_near_csv_makes_reader_or_path_panic(text in "(t_s,)?x_m,y_m,z_m\n([-0-9.e,]{0,9},?[01]?[.][0-9]{1,3},0.3,1e-3\n|0.[0-9],0.[0-9],0.5\n){0,9}") {
        if let Ok(rows) = parse_csv(text.as_bytes(), Path::new("any.csv")) {
            let _ = drawing::path(&rows.points, rows.times_s.as_deref(), &Options::default());
        }
    }

    #[test]
    fn no_points_make_a_path_panic_and_every_path_is_finite(
        points in proptest::collection::vec((-1.0..1.0_f64, -1e-3..1e-3_f64, prop_oneof![Just(0.5), 0.4..0.6_f64]), 0..40),
        smoothing_m in prop_oneof![Just(0.0), 0.0..0.05_f64],
    ) {
        let points: Vec<Point> = points.into_iter().map(|(x, y, z)| Point::new(x, y, z)).collect();
        if let Ok(path) = drawing::path(&points, None, &Options { smoothing_m, ..Options::default() }) {
            prop_assert!(path.points().iter().all(|p| p.iter().all(|c| c.is_finite())));
            prop_assert!(path.arc_lengths_m().windows(2).all(|s| s[1] > s[0]));
        }
    }
}
