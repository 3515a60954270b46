//! The live page: what it shows, what it lets move the arm, and what it does not.
mod cli;
mod page_client;

use cli::Folder;
use franka_imit::robot::ERROR_NAMES;
use page_client::{DEADLINE, Served, drawing};
use serde_json::{Value, json};
use std::io::{ErrorKind, Read, Write};
use std::time::Instant;

#[test]
fn a_stroke_is_learnt_and_followed_while_a_second_page_only_watches() {
    let folder = Folder::new();
    let served = Served::start(&folder, "run --sim --pace lockstep --report a.json", 1);
    let mut operator = served.page();
    operator.operate();
    let mut watcher = served.page();
    watcher.send(&json!("take"));
    watcher.until("a look", |tab| tab.updates > 10 && tab.is("waiting"));
    assert!(!watcher.operator, "one operator at a time");
    let (status, words) = watcher.imitate(1);
    assert_eq!(status, 403, "{words}");

    let (status, words) = operator.imitate(1);
    assert_eq!(status, 202, "{words}");
    assert_eq!(operator.imitate(1).0, 409, "one drawing at a time");
    operator
        .until("the end of the drive", |tab| tab.said.iter().any(|words| words.contains("done, at rest")));
    watcher.until("the same", |tab| tab.said.iter().any(|words| words.contains("done, at rest")));

    operator.until("rest", |tab| tab.is("waiting"));
    assert_eq!(operator.imitate(1).0, 202, "and again");
    let ends =
        |tab: &page_client::Tab| tab.said.iter().filter(|words| words.contains("done, at rest")).count();
    operator.until("the end of the second", |tab| ends(tab) == 2);
    served.program.signal("INT");
    drop((operator, watcher));
    served.program.wait().says(0, &["drove    done, at rest"]);
    for report in ["a.json", "a-2.json"] {
        let report = folder.json(report);
        let contour = &report["contour_error_mm"];
        let [mean, max] = ["mean", "max"].map(|key| contour[key].as_f64().expect("a figure"));
        assert!(mean <= 1.0 && max <= 3.0, "{contour}");
    }
}

#[test]
fn a_drawing_that_cannot_be_kept_is_followed_and_that_is_said() {
    let folder = Folder::new();
    folder.write("state", "not a folder");
    let served = Served::start(&folder, "run --sim --pace lockstep", 15);
    let mut operator = served.page();
    operator.operate();
    assert_eq!(operator.imitate(1).0, 202);
    operator.until("the end", |tab| tab.said.iter().any(|words| words.contains("done, at rest")));
    assert!(
        operator.said.iter().any(|words| words.contains("the drawing is not kept")),
        "{:?}",
        operator.said
    );
}

#[test]
fn stop_needs_no_operator_and_what_was_ordered_before_it_does_not_begin() {
    let folder = Folder::new();
    let served = Served::start(&folder, "run --sim", 2);
    let mut operator = served.page();
    operator.operate();
    assert_eq!(operator.imitate(0).0, 202);
    operator.until("the path", |tab| tab.now["mode"] == "following");
    let watcher = served.page();
    let (status, _) = watcher.post("/api/stop", &json!({}));
    assert_eq!(status, 204);
    operator.until("rest", |tab| tab.said.iter().any(|words| words.contains("stopped as asked")));
    operator.until("waiting", |tab| tab.is("waiting"));

    assert_eq!(operator.imitate(0).0, 202);
    operator.send(&json!("stop"));
    operator.until("a word", |tab| tab.said.iter().any(|words| words.contains("before the arm has moved")));
}

#[test]
fn the_operator_pauses_goes_on_slows_and_ends_a_motion_and_nobody_else_does() {
    let folder = Folder::new();
    let served = Served::start(&folder, "run --sim --pace lockstep", 8);
    let mut operator = served.page();
    operator.operate();
    assert_eq!(operator.act(json!({ "held": true })).0, 409, "nothing moves");
    assert_eq!(operator.imitate(0).0, 202);
    operator
        .until("the path", |tab| tab.now["mode"] == "following" && tab.now["laps"][0].as_f64() > Some(0.1));
    let watcher = served.page();
    assert_eq!(watcher.act(json!({ "held": true })).0, 403);
    for (change, words) in [
        (json!({ "speed": 1.5 }), "speed = 1.5, allowed 0.01 to 1"),
        (json!({ "speed": 0 }), "speed = 0, allowed 0.01 to 1"),
        (json!({ "laps": 20_000 }), "laps = 20000, allowed 0 to 10000"),
    ] {
        let (status, answer) = operator.act(change);
        assert!(status == 422 && answer.contains(words), "{status} {answer}");
    }
    assert_eq!(operator.act(json!({ "force": 3 })).0, 400);

    assert_eq!(operator.act(json!({ "held": true })).0, 202);
    operator.until("it is held", |tab| tab.now["held"] == true);
    let (mut tau, mut still) = (-1.0, 0);
    operator.until("reference time rests", |tab| {
        let now = tab.now["tau_s"].as_f64().expect("a time");
        still = if now == tau { still + 1 } else { 0 };
        tau = now;
        still > 10
    });
    assert_eq!(operator.now["mode"], "following", "it has not ended");
    assert_eq!(operator.act(json!({ "held": false, "speed": 0.25 })).0, 202);
    operator.until("it goes on", |tab| tab.now["tau_s"].as_f64() > Some(tau + 0.1));
    assert_eq!(operator.now["speed"], 0.25);
    // The lap that has begun is the last.
    assert_eq!(operator.act(json!({ "speed": 1.0, "laps": 1 })).0, 202);
    operator.until("the end", |tab| tab.said.iter().any(|words| words.contains("done, at rest")));
}

#[test]
fn learning_on_the_way_is_switched_and_a_policy_given_back() {
    let folder = Folder::new();
    let served = Served::start(&folder, "run --sim --pace lockstep", 9);
    let mut operator = served.page();
    operator.operate();
    assert_eq!(operator.imitate(0).0, 202);
    operator.until("a policy of the drive", |tab| tab.now["edition"].as_u64() > Some(0));
    assert_eq!(operator.act(json!({ "rollback": true })).0, 202);
    operator.until("the words", |tab| tab.said.iter().any(|words| words.contains("to the policy before")));
    operator.until("it is given back", |tab| tab.now["policies"][3].as_u64() > Some(0));
    let refused = operator.now["refused"].as_array().expect("a count a reason");
    let sum: u64 = refused.iter().filter_map(Value::as_u64).sum();
    assert_eq!((refused.len(), Some(sum)), (8, operator.now["policies"][2].as_u64()));
    operator.until("learning rests", |tab| tab.now["learning"] == false);
    let taken = operator.now["policies"][1].clone();
    assert_eq!(operator.act(json!({ "learning": true })).0, 202);
    operator.until("another policy", |tab| tab.now["policies"][1].as_u64() > taken.as_u64());
    operator.send(&json!("stop"));
    operator.until("rest", |tab| tab.is("waiting"));
}

/// Points of a message, m.
fn points(course: &Value) -> Vec<[f64; 3]> {
    serde_json::from_value(course["points_m"].clone()).expect("points")
}

/// How far points are from the circle of `run`, at most, m.
fn off_circle_m(points: &[[f64; 3]]) -> f64 {
    let off = |p: &[f64; 3]| ((p[1].hypot(p[2] - 0.4) - 0.1).abs()).hypot(p[0] - 0.5);
    points.iter().map(off).fold(0.0, f64::max)
}

#[test]
fn a_path_that_a_person_corrects_is_redrawn_and_nothing_that_was_asked_is_forgotten() {
    let folder = Folder::new();
    // A third of the circle, 15 mm farther out in its middle.
    let wanted = (0..=200).map(|k| {
        let (s, u) = (f64::from(k) / 200.0, 1.2 + 2.1 * f64::from(k) / 200.0);
        let r = 0.1 + 0.0075 * (1.0 - (std::f64::consts::TAU * s).cos());
        format!("0.5,{:.6},{:.6}\n", r * u.cos(), 0.4 + r * u.sin())
    });
    folder.write("wanted.csv", format!("x_m,y_m,z_m\n{}", wanted.collect::<String>()));
    folder.write("c.toml", "[robot]\nsilence_timeout_s = 3.0\n");
    let line = "run --sim --pace lockstep --compliant --trajectory circle --laps 50 --hand wanted.csv --config c.toml";
    let served = Served::start(&folder, line, 14);
    let mut operator = served.page();
    operator.operate();
    operator.until("the path", |tab| tab.now["mode"] == "following");
    assert_eq!(operator.act(json!({ "speed": 0.9, "laps": 40 })).0, 202);
    operator.until("it is slower", |tab| tab.now["speed"] == 0.9);
    assert!(off_circle_m(&points(&operator.plan)) < 1e-3);
    let plans = operator.plans;

    operator.until("a course", |tab| !tab.courses.is_empty());
    let courses = operator.courses.clone();
    let off_m = off_circle_m(&points(&courses[0]));
    assert!((0.003..0.02).contains(&off_m), "{off_m} m");
    operator.until("the words", |tab| tab.said.iter().any(|words| words.starts_with("correct  ")));
    assert_eq!((operator.plans, operator.is("driving")), (plans, true), "nothing began anew");
    assert_eq!((&operator.now["speed"], &operator.now["laps"][1]), (&json!(0.9), &json!(40.0)));
    // The hand lets the arm pass after this.
    let lap = operator.now["laps"][0].as_f64().expect("a lap");
    operator.until("another lap", |tab| tab.now["laps"][0].as_f64() > Some(lap + 1.0));
    // Who comes later sees the path as it is now.
    let mut later = served.page();
    later.until("a plan", |tab| tab.plans == 1);
    assert!(off_circle_m(&points(&later.plan)) > 0.003);
    // Taken back, it is the circle again.
    assert_eq!(operator.act(json!({ "rollback": true })).0, 202);
    operator.until("the circle", |tab| {
        tab.courses.last().is_some_and(|course| off_circle_m(&points(course)) < 1e-3)
    });
    operator.send(&json!("stop"));
    operator.until("rest", |tab| tab.is("waiting"));
}

#[test]
fn strokes_on_a_wall_are_followed_with_the_pen_lifted_and_kept_as_a_file_that_is_read_again() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("kept")).expect("a folder");
    let served = Served::start(&folder, "run --sim --pace lockstep --record kept --report a.json", 10);
    let mut operator = served.page();
    operator.operate();
    let wall =
        json!({ "stands": "vertical", "centre_m": [0.45, 0.0, 0.45], "turn_rad": 0.2, "size_m": [0.2, 0.1] });
    let line = |up: f64| (0..=40).map(|k| [0.002 * f64::from(k) - 0.04, up]).collect::<Vec<_>>();
    let times: Vec<f64> = (0..=40).map(|k| 0.05 * f64::from(k)).collect();
    let drawing = json!({ "strokes_m": [line(0.02), line(-0.02)], "times_s": [times, times], "plane": wall, "closed": false,
        "smoothing_m": 0.002 });
    let order = json!({ "client": operator.client, "drawing": drawing });
    let (status, answer) = operator.post("/api/trace", &order);
    assert!(status == 200 && answer.contains("points_m"), "{status} {answer}");
    let (status, answer) = operator.post("/api/imitate", &order);
    assert_eq!(status, 202, "{answer}");
    operator.until("how the training goes", |tab| {
        tab.is("learning") && tab.now["loss_mse_rad2"].as_f64() > Some(0.0)
    });
    assert!(operator.now["steps"].as_u64() <= operator.now["steps_all"].as_u64(), "{}", operator.now);
    operator.until("the end", |tab| tab.said.iter().any(|words| words.contains("done, at rest")));
    operator.until("rest", |tab| tab.is("waiting"));
    served.program.signal("INT");
    drop(operator);
    served.program.wait().says(0, &["saved    kept/drawing-"]);
    let mean = folder.json("a.json")["contour_error_mm"]["mean"].as_f64().expect("a figure");
    assert!(mean <= 1.0, "{mean} mm");
    let files = std::fs::read_dir(folder.path("kept")).expect("a folder");
    let files: Vec<String> =
        files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned()).collect();
    let csv = files.iter().find(|name| name.ends_with(".csv")).expect("the drawing");
    assert!(files.iter().any(|name| name.ends_with(".mcap")), "{files:?}");
    let text = std::fs::read_to_string(folder.path("kept").join(csv)).expect("text");
    assert!(text.starts_with("t_s,x_m,y_m,z_m\n") && text.lines().count() == 1 + 82 + 2, "{text}");
    folder.run(&format!("demos import kept/{csv} --name mine")).says(0, &["mine"]);
    let drawn = csv.replace(".csv", "");
    folder.run(&format!("demos --dir kept show {drawn}")).says(0, &["drawing"]);
}

#[test]
fn while_it_is_drawn_a_stroke_is_judged_by_the_expert_for_the_operator_and_not_too_often() {
    let folder = Folder::new();
    let served = Served::start(&folder, "run --sim", 13);
    let mut operator = served.page();
    operator.operate();
    let about = |points: serde_json::Value, speed: f64| json!({ "plane": {}, "points_m": points, "speed_m_s": speed });
    let ask = |tab: &page_client::Tab, stroke| {
        tab.post("/api/reach", &json!({ "client": tab.client, "stroke": stroke }))
    };
    let (status, answer) = ask(&operator, about(json!([[0.0, 0.0], [0.05, 0.0], [0.0, 0.9]]), 0.1));
    assert!(status == 200 && answer.contains(",null],\"q_rad\":["), "{status} {answer}");
    let (status, answer) = ask(&operator, about(json!([[0.0, 0.0]]), 2.0));
    assert!(status == 422 && answer.contains("speed_m_s = 2, allowed 0.005 to 0.5"), "{status} {answer}");
    let watcher = served.page();
    assert_eq!(ask(&watcher, about(json!([[0.0, 0.0]]), 0.1)).0, 403);
    let refused = (0..60).filter(|_| ask(&operator, about(json!([[0.0, 0.0]]), 0.1)).0 == 429).count();
    assert!(refused > 0, "nothing is refused");
    assert_eq!(operator.post("/api/stop", &json!({})).0, 204, "a stop never waits in line");
}

#[test]
fn a_file_is_read_at_the_server_and_what_is_wrong_with_it_is_said_where_it_was_chosen() {
    let folder = Folder::new();
    let served = Served::start(&folder, "run --sim --pace lockstep", 11);
    let mut operator = served.page();
    operator.operate();
    let of = |name: &str, text: &str| json!({ "file": { "name": name, "text": text } });
    let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M1 1h7M1 5h7" fill="none" stroke="black"/></svg>"#;
    let ask = |path: &str, drawing: serde_json::Value| {
        operator.post(path, &json!({ "client": operator.client, "drawing": drawing }))
    };
    for (name, text, words) in [
        ("a.csv", "x_m,y_m,z_m\n300,0,500\n", "millimetres"),
        ("a.csv", "x_m,y_m\n0.3,0\n", "z_m"),
        ("a.svg", "<svg", "no SVG"),
        ("a.txt", "x", "files of this kind are not read"),
    ] {
        let (status, answer) = ask("/api/trace", of(name, text));
        assert!(status == 422 && answer.contains(words), "{name}: {status} {answer}");
    }
    let (status, answer) = ask("/api/trace", of("a.svg", svg));
    assert!(status == 200 && answer.contains("2 strokes, the pen lifted 1 times"), "{status} {answer}");
    let watcher = served.page();
    let stolen = json!({ "client": watcher.client, "drawing": of("a.svg", svg) });
    assert_eq!(watcher.post("/api/trace", &stolen).0, 403);
    assert_eq!(ask("/api/imitate", of("a.svg", svg)).0, 202);
    operator.until("the end", |tab| tab.said.iter().any(|words| words.contains("done, at rest")));
}

#[test]
fn after_a_reflex_nothing_moves_until_the_operator_recovers_and_the_arm_goes_home() {
    let sim = cli::robot(46);
    let folder = Folder::new();
    // So slow a way that it can be stopped on it.
    folder.write("c.toml", "[robot]\nsilence_timeout_s = 3.0\n[control]\napproach_share = 0.05\n");
    let served = Served::start(&folder, "run --robot-ip 127.0.7.46 --yes --speed 1 --config c.toml", 12);
    let mut operator = served.page();
    operator.operate();
    operator.until("it is ready", |tab| tab.is("waiting") && tab.now["ready"] == true);
    assert_eq!(operator.imitate(0).0, 202);
    operator.until("the path", |tab| tab.now["mode"] == "following");
    let reflex = ERROR_NAMES.iter().position(|name| *name == "joint_reflex").expect("an error's name");
    sim.trigger_reflex(reflex);
    operator.until("it waits again", |tab| tab.is("waiting") && tab.now["ready"] == false);
    assert_eq!(operator.now["errors"], json!(["joint_reflex"]), "it says why");
    operator.until("the words", |tab| tab.said.iter().any(|words| words.contains("joint_reflex")));
    let home = |tab: &page_client::Tab| tab.post("/api/home", &json!({ "client": tab.client })).0;
    assert_eq!(home(&operator), 202);
    operator.until("it is refused", |tab| tab.said.iter().any(|words| words.contains("recover")));
    operator.until("waiting", |tab| tab.is("waiting"));
    let watcher = served.page();
    assert_eq!(home(&watcher), 403);
    assert_eq!(watcher.post("/api/recover", &json!({ "client": watcher.client })).0, 403);
    // The program has first to reach the robot again.
    let begun = Instant::now();
    while let (status @ 409, words) = operator.post("/api/recover", &json!({ "client": operator.client })) {
        assert!(begun.elapsed() < DEADLINE, "{status} {words}");
        let updates = operator.updates;
        operator.until("an update", |tab| tab.updates > updates);
    }
    operator.until("it can move", |tab| tab.is("waiting") && tab.now["ready"] == true);
    assert_eq!(operator.now["errors"], json!([]));
    assert_eq!(home(&operator), 202);
    operator.until("on the way", |tab| tab.is("homing"));
    assert_eq!(operator.act(json!({ "held": true })).0, 409, "a way home has no tempo");
    let (status, _) = watcher.post("/api/stop", &json!({}));
    assert_eq!(status, 204);
    operator.until("it stops", |tab| {
        tab.said.iter().any(|words| words.contains("stopped as asked, at rest: farthest"))
    });
    operator.until("waiting", |tab| tab.is("waiting"));
    assert_eq!(home(&operator), 202);
    operator.until("it is there", |tab| tab.said.iter().any(|words| words.contains("in the ready pose")));
}

#[test]
fn an_operator_who_leaves_takes_the_motion_along() {
    let folder = Folder::new();
    let served = Served::start(&folder, "run --sim", 3);
    let mut watcher = served.page();
    let mut operator = served.page();
    operator.operate();
    assert_eq!(operator.imitate(0).0, 202);
    operator.until("the path", |tab| tab.now["mode"] == "following");
    drop(operator);
    let gone = Instant::now();
    watcher.until("rest", |tab| tab.said.iter().any(|words| words.contains("stopped as asked")));
    assert!(gone.elapsed().as_secs_f64() > 1.5, "it might have come back");
    watcher.operate();
}

#[test]
fn nothing_moves_for_whoever_is_not_the_operators_page() {
    let folder = Folder::new();
    let served = Served::start(&folder, "run --sim", 4);
    let mut operator = served.page();
    operator.operate();
    let (at, cookie) = (served.at, operator.cookie.clone());
    let order = json!({ "client": operator.client, "drawing": drawing(1) }).to_string();
    let cookie = [("Cookie", cookie.as_str())];
    let with = |name, value| [("Cookie", cookie[0].1), (name, value)];
    let foreign_port = format!("http://{}:1", at.ip());
    type Headers<'a> = &'a [(&'a str, &'a str)];
    let try_all: [(&str, Headers, u16); 11] = [
        ("no session", &[], 401),
        ("a wrong session", &[("Cookie", "franka_imit=0")], 401),
        ("a foreign page", &with("Origin", "http://evil.example"), 403),
        ("a page of another port", &with("Origin", &foreign_port), 403),
        ("no page at all", &with("Origin", ""), 403),
        ("a page without origin", &with("Origin", "null"), 403),
        ("a name that was pointed at us", &with("Host", "evil.example:8707"), 421),
        ("no name", &with("Host", ""), 400),
        ("a form", &with("Content-Type", "text/plain"), 415),
        ("another form", &with("Content-Type", "application/x-www-form-urlencoded"), 415),
        ("no content type", &with("Content-Type", ""), 415),
    ];
    for (who, headers, expected) in try_all {
        let (status, answer) = served.post("/api/imitate", headers, order.as_bytes());
        // Without a Host the server may refuse as it likes.
        assert!(status == expected || (expected == 400 && status == 421), "{who}: {answer}");
    }
    for stolen in ["", "0", &"0".repeat(64), &served.token] {
        let order = json!({ "client": stolen, "drawing": drawing(1) }).to_string();
        let (status, answer) = served.post("/api/imitate", &cookie, order.as_bytes());
        assert_eq!(status, 403, "{answer}");
    }
    let token = json!({ "token": served.token.replace(|c: char| c.is_ascii_digit(), "f") }).to_string();
    assert_eq!(served.post("/api/session", &[], token.as_bytes()).0, 403);
    let get = format!("GET /api/stop HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n");
    assert_eq!(served.raw(get.as_bytes()).0, 404, "nothing changes by looking");
    let upgrade = |extra: &str| {
        let text = format!(
            "GET /api/live HTTP/1.1\r\nHost: {at}\r\n{extra}Connection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        served.raw(text.as_bytes()).0
    };
    assert_eq!(upgrade(&format!("Origin: http://{at}\r\n")), 401, "no session");
    assert_eq!(upgrade(&format!("Origin: http://evil.example\r\nCookie: {}\r\n", cookie[0].1)), 403);
    assert_eq!(upgrade(&format!("Cookie: {}\r\n", cookie[0].1)), 403, "no origin");

    let updates = operator.updates;
    operator.until("an update", |tab| tab.updates > updates);
    let before = operator.joints();
    operator.until("some time", |tab| tab.updates > updates + 15);
    assert!(operator.is("waiting") && operator.said.is_empty(), "{} {:?}", operator.now, operator.said);
    let moved = before.iter().zip(operator.joints()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(moved < 1e-3, "{moved} rad");
}

#[test]
fn a_body_that_is_too_long_too_deep_or_no_text_is_refused_and_the_page_goes_on() {
    let folder = Folder::new();
    let served = Served::start(&folder, "run --sim", 5);
    let mut operator = served.page();
    operator.operate();
    let cookie = operator.cookie.clone();
    let cookie = [("Cookie", cookie.as_str())];
    let deep = format!(r#"{{"client":"{}","drawing":{}"#, operator.client, "[".repeat(100_000));
    let with =
        |drawing: serde_json::Value| json!({ "client": operator.client, "drawing": drawing }).to_string();
    let many: Vec<[f64; 3]> = (0..9000).map(|k| [0.3, 1e-5 * f64::from(k), 0.5]).collect();
    let far = with(json!({ "points_m": [[0.3, 0.0, 0.5], [1e308, 0.0, 0.5]] }));
    let bodies: [(&str, Vec<u8>, u16); 8] = [
        ("deep", deep.into_bytes(), 400),
        ("no text", b"{\"client\":\"\xff\xfe\"}".to_vec(), 400),
        ("nothing", Vec::new(), 400),
        (
            "infinite",
            with(json!({ "points_m": [] })).replace("[]", "[[1e999,0,0],[0,0,0]]").into_bytes(),
            400,
        ),
        ("one point", with(json!({ "points_m": [[0.3, 0.0, 0.5]] })).into_bytes(), 422),
        (
            "fast",
            with(json!({ "points_m": [[0.3, 0.0, 0.5], [0.4, 0.0, 0.5]], "speed_m_s": 9.0 })).into_bytes(),
            422,
        ),
        ("many", with(json!({ "points_m": many })).into_bytes(), 422),
        ("long", vec![b' '; 1100 << 10], 413),
    ];
    for (what, body, expected) in bodies {
        let (status, answer) = served.post("/api/imitate", &cookie, &body);
        assert_eq!(status, expected, "{what}: {answer}");
    }
    // What no path can be made of is said on the page.
    let (status, answer) = served.post("/api/imitate", &cookie, far.as_bytes());
    assert_eq!(status, 202, "{answer}");
    operator.until("the reason", |tab| tab.said.iter().any(|words| words.contains("from the base")));
    operator.until("waiting", |tab| tab.is("waiting"));
    // 1 GiB that is announced and never sent.
    let (status, answer) =
        served.post("/api/imitate", &[cookie[0], ("Content-Length", "1073741824")], &[b' '; 1000]);
    assert!([408, 413].contains(&status), "{answer}");
}

#[test]
fn a_client_that_sends_its_head_byte_by_byte_is_left_and_takes_no_place_from_others() {
    let folder = Folder::new();
    let served = Served::start(&folder, "run --sim", 6);
    let mut operator = served.page();
    let mut slow: Vec<_> = (0..200).map(|_| served.connect()).collect();
    for stream in &mut slow {
        let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: "); // some are turned away
    }
    let begun = Instant::now();
    let mut open = slow.len();
    while open > 0 {
        assert!(begun.elapsed() < DEADLINE, "{open} are still open");
        operator.until("an update", {
            let updates = operator.updates;
            move |tab| tab.updates > updates
        });
        slow.retain_mut(|stream| {
            let alive = stream.write_all(b"x").is_ok();
            let mut some = [0; 512];
            alive && matches!(stream.read(&mut some), Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
        });
        open = slow.len();
    }
    let (status, page) =
        served.raw(format!("GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", served.at).as_bytes());
    assert_eq!(status, 200);
    assert!(
        page.contains("content-security-policy: default-src 'self'")
            && page.contains("not an emergency stop")
    );
}

#[test]
fn a_page_for_the_network_must_be_meant() {
    let folder = Folder::new();
    folder.run("run --sim --serve 0.0.0.0:0").refused(2, &["--expose-to-network", "ssh -L"]);
    folder.run("run --sim --serve 8707").says(2, &["ADDRESS:PORT"]);
    folder.run("run --sim --expose-to-network").says(2, &["--serve"]);
    let ended = folder.run("run --sim --serve 127.0.43.7:0 --record new.mcap");
    ended.refused(2, &["--record", "folder"]);
}
