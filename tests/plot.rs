//! `plot`: what is in a picture, and what is refused.
#![allow(non_snake_case)]
mod cli;

use cli::Folder;
use franka_imit::demonstration::episode::{End, Meta, Options, Tick, Writer};
use franka_imit::demonstration::sample::Kind;
use franka_imit::timing::{Buckets, Histogram};
use serde_json::{Value, json};

/// A report as `run` writes it, of a circle of half a second.
fn run_report() -> Value {
    let circle = |radius: f64| -> Vec<[f64; 3]> {
        (0..500)
            .map(|k| f64::from(k) * std::f64::consts::TAU / 500.0)
            .map(|a| [0.5, radius * a.cos(), 0.4 + radius * a.sin()])
            .collect()
    };
    json!({
        "schema": 1, "command": "run", "version": "0.1.0", "ending": "done", "faults": [],
        "cycles": 500, "missed_commands": 2, "limiter_active_ticks": 3,
        "tracking_error_mm": {"mean": 0.8, "p95": 0.96, "max": 1.12},
        "tracking_error_quantiles_mm": {"p50": 0.81, "p99": 1.07, "p999": 1.11, "max": 1.12},
        "tick_us": {"p50": 7.1, "p99": 12.5, "p999": 31.0, "max": 80.0},
        "tick_histogram": {"edges_us": [5.0, 10.0, 20.0, 40.0, 80.0], "counts": [400, 90, 0, 10]},
        "timeline": {
            "bin_s": 0.1, "ticks": [100, 100, 100, 100, 98],
            "tracking_error_mean_mm": [null, 0.5, 0.9, 0.8, 0.8],
            "tracking_error_max_mm": [null, 0.9, 1.12, 0.9, 0.9],
            "limiter_active_ticks": [0, 0, 3, 0, 0], "missed_commands": [0, 0, 0, 2, 0],
            "success_rate_min": [null, 1.0, 1.0, 0.98, 0.98],
            "swaps": [0, 0, 1, 1, 1], "rollbacks": [0, 0, 0, 0, 1],
        },
        "policies": {"rejected": 3, "rejected_by_reason": {"not_better": 2, "joint_velocity": 1, "wish": 0}},
        "refusals": [
            {"t_s": 0.15, "reason": "not_better"}, {"t_s": 0.25, "reason": "joint_velocity"},
            {"t_s": 0.35, "reason": "not_better"},
        ],
        "train": {
            "train_s": 0.5, "steps": 1000, "samples": 100, "targets": 50, "loss_mse_rad2": 1e-9,
            "loss_mse_rad2_at": {"1": 0.1, "10": 0.01, "100": 1e-5, "1000": 2e-9},
        },
        "path": {
            "sampled_hz": 1000.0, "tube_m": 0.02, "reference_m": circle(0.1), "measured_m": circle(0.101),
        },
    })
}

fn with_report(report: &Value) -> Folder {
    let folder = Folder::new();
    folder.write("r.json", report.to_string());
    folder
}

fn svg(folder: &Folder, line: &str) -> String {
    let _ = std::fs::remove_file(folder.path("p.svg"));
    folder.run(&format!("plot {line} --out p.svg")).says(0, &["picture  p.svg"]);
    String::from_utf8(folder.read("p.svg")).expect("text")
}

/// The piece of an SVG that draws the panel `name`.
fn panel<'a>(svg: &'a str, name: &str) -> &'a str {
    let from = svg.find(&format!("<g id=\"{name}\">")).unwrap_or_else(|| panic!("no panel {name}"));
    &svg[from..from + svg[from..].find("</g>").expect("an end")]
}

/// The points of every line of `kind` in a piece of an SVG.
fn lines(svg: &str, kind: &str) -> Vec<Vec<[f64; 2]>> {
    let number = |text: &str| text.parse::<f64>().expect("a number");
    svg.lines()
        .filter(|line| line.contains(kind))
        .filter_map(|line| line.split_once("points=\"")?.1.split_once('"'))
        .map(|(points, _)| {
            points
                .split_whitespace()
                .map(|p| p.split_once(',').expect("two"))
                .map(|(x, y)| [number(x), number(y)])
                .collect()
        })
        .collect()
}

fn size(points: &[[f64; 2]]) -> [f64; 2] {
    std::array::from_fn(|axis| {
        let values = || points.iter().map(move |p| p[axis]);
        values().fold(f64::MIN, f64::max) - values().fold(f64::MAX, f64::min)
    })
}

/// An episode of `ticks` ms in which joint 4 turns and 40 ms are missing in the middle; returns its bytes.
fn episode(ticks: u64) -> Vec<u8> {
    let meta = Meta { task: "wipe <the> table".into(), source: "teach".into(), ..Meta::default() };
    let mut writer = Writer::begin(Vec::new(), &meta, Options::default()).expect("a file begins");
    for k in 0..ticks {
        let t = k as f64 * 1e-3;
        let robot_time_ms = k + if k < ticks / 2 { 0 } else { 40 };
        let mut tick = Tick { robot_time_ms, kind: Kind::Demonstration, ..Tick::ZERO };
        (tick.q[3], tick.dq[3], tick.q_d[3]) = (-1.5 + 0.3 * t, 0.3, -1.499 + 0.3 * t);
        (tick.O_T_EE[12], tick.O_T_EE[13], tick.O_T_EE[14]) = (0.4 + 0.1 * t, 0.05 * t, 0.3);
        tick.O_F_ext_hat_K[2] = -4.0 + (0.3 * k as f64).sin();
        writer.add(&tick).expect("a tick is written");
        if k % 100 == 99 {
            writer.flush().expect("ticks are flushed");
        }
    }
    let end = End { ticks, dropped: 0, because: "done".into() };
    writer.finish(&meta, &end).expect("the file ends")
}

#[test]
fn a_report_becomes_a_page_with_every_panel_it_has_data_for_each_with_its_rate() {
    let svg = svg(&with_report(&run_report()), "r.json");
    for (name, words) in [
        ("path", "sampled at 1000 Hz"),
        ("side", "sampled at 1000 Hz"),
        ("tracking", "1 kHz in bins of 100 ms"),
        ("loss", "4 of 1000 updates"),
        ("policies", "1 kHz in bins of 100 ms; refused: every one, to the millisecond"),
        ("limiter", "1 kHz in bins of 100 ms; active in 3 ticks"),
        ("latency", "every tick at 1 kHz, 500 of them"),
        ("link", "2 commands missed"),
    ] {
        assert!(panel(&svg, name).contains(words), "{name}: {words}");
    }
    for words in
        ["p50 7.1 µs", "p99 12.5 µs", "p99.9 31.0 µs", "max 80 µs", "p99 1.07", "max 1.12", "given up, 1×"]
    {
        assert!(svg.contains(words), "{words}");
    }
    assert!(svg.contains("<title>franka-imit run: r.json</title>") && svg.contains("<desc>"));
    assert!(svg.len() < 60_000, "{} bytes", svg.len());
}

#[test]
fn a_path_is_true_to_scale_with_its_tube_in_the_same_scale() {
    let svg = svg(&with_report(&run_report()), "r.json --panel path");
    let paths = lines(panel(&svg, "path"), "stroke-linejoin");
    assert!(paths.is_empty(), "pens are set once");
    let paths: Vec<_> =
        lines(panel(&svg, "path"), "<polyline").into_iter().filter(|points| points.len() > 20).collect();
    let [tube, measured, reference] = &paths[..] else { panic!("{} long lines", paths.len()) };
    let [width, height] = size(reference);
    assert!((width - height).abs() < 0.5 && width > 150.0, "{width} {height}");
    assert!((size(measured)[0] / width - 1.01).abs() < 2e-3, "{:?}", size(measured));
    assert_eq!(tube, reference);
    let pen = panel(&svg, "path").lines().find(|line| line.contains("stroke-opacity")).expect("a tube");
    let pen = pen.split_once("stroke-width=\"").and_then(|(_, rest)| rest.split_once('"')).expect("a pen").0;
    // 2 · 20 mm where the circle is 200 mm wide.
    assert!((pen.parse::<f64>().expect("a number") - width / 5.0).abs() < 0.5, "{pen} {width}");
}

/// How many areas of three corners, and how many short crossed strokes, are in a piece of an SVG.
fn signs(panel: &str) -> [usize; 2] {
    let triangles = lines(panel, "<polygon").iter().filter(|points| points.len() == 3).count();
    let short = |points: &&Vec<[f64; 2]>| {
        points.len() == 2 && size(points).into_iter().all(|s| (1.0..9.0).contains(&s))
    };
    [triangles, lines(panel, "<polyline").iter().filter(short).count() / 2]
}

#[test]
fn policies_are_marked_where_they_were_taken_given_up_and_refused_each_with_a_sign_and_its_reason() {
    let folder = with_report(&run_report());
    let svg_of_all = svg(&folder, "r.json");
    let shown = panel(&svg_of_all, "policies");
    for words in
        ["policy taken over, 1×", "given up, 1×", "refused: not better, 2×", "refused: joint velocity, 1×"]
    {
        assert!(shown.contains(words), "{words}");
    }
    assert!(!shown.contains("wish"), "no row for what has not come");
    assert_eq!(signs(shown), [2, 3]);
    let tracking = panel(&svg_of_all, "tracking");
    assert!(tracking.contains("refused, 3×"));
    // Each kind has a sign in the legend too.
    assert_eq!(signs(tracking), [4, 4]);
    // Of the many of a long drive the last are kept.
    let mut report = run_report();
    report["policies"]["rejected"] = json!(1500);
    folder.write("r.json", report.to_string());
    assert!(panel(&svg(&folder, "r.json"), "policies").contains("the last 3 of 1500"));
    // A report of an earlier version does not say when.
    report["refusals"] = json!([]);
    folder.write("r.json", report.to_string());
    assert!(
        panel(&svg(&folder, "r.json"), "policies").contains("1500 refused, and the report does not say when")
    );
}

#[test]
fn a_latency_bar_is_as_high_as_the_logarithm_of_its_count() {
    let svg = svg(&with_report(&run_report()), "r.json --panel latency");
    let bars: Vec<f64> = lines(panel(&svg, "latency"), "<polygon")
        .iter()
        .map(|points| size(points)[1])
        .filter(|height| *height > 10.0)
        .collect();
    let [first, second, third] = bars[..] else { panic!("{bars:?}: an empty bucket has no bar") };
    let log = |count: f64| (count / 0.7_f64).ln();
    assert!((first / second - log(400.0) / log(90.0)).abs() < 0.01, "{bars:?}");
    assert!((first / third - log(400.0) / log(10.0)).abs() < 0.01, "{bars:?}");
}

#[test]
fn a_png_has_the_size_asked_for_and_is_not_blank_light_or_dark() {
    let folder = with_report(&run_report());
    for (option, paper) in [("", 255), ("--dark", 20)] {
        folder
            .run(&format!("plot r.json --out p.png --force --size 900x700 {option}"))
            .says(0, &["picture  p.png"]);
        let picture = tiny_skia::Pixmap::decode_png(&folder.read("p.png")).expect("a PNG");
        assert_eq!((picture.width(), picture.height()), (900, 700));
        let corner = picture.pixels()[0];
        assert_eq!(corner.red(), paper);
        let other = picture.pixels().iter().filter(|pixel| **pixel != corner).count();
        let share = other as f64 / (900.0 * 700.0);
        assert!((0.03..0.5).contains(&share), "{share} of the picture is drawn on");
    }
}

#[test]
fn letters_in_a_png_need_no_font_of_the_machine() {
    let mut report = run_report();
    for key in ["path", "timeline", "train", "tracking_error_mm"] {
        report.as_object_mut().expect("an object").remove(key);
    }
    report["tick_histogram"] = json!({"edges_us": [5.0, 10.0], "counts": [1]});
    let folder = with_report(&report);
    folder
        .start_with(
            "plot r.json --out p.png --size 800x480",
            &[("FONTCONFIG_FILE", "/nowhere"), ("HOME", "/nowhere")],
        )
        .wait()
        .says(0, &["latency"]);
    let picture = tiny_skia::Pixmap::decode_png(&folder.read("p.png")).expect("a PNG");
    let ink = |rows: std::ops::Range<u32>| {
        let paper = picture.pixels()[0];
        rows.flat_map(|y| (28..400).map(move |x| (x, y)))
            .filter(|(x, y)| picture.pixel(*x, *y).is_some_and(|pixel| pixel != paper))
            .count()
    };
    // The page's title.
    assert!(ink(26..50) > 400, "{} pixels of letters", ink(26..50));
}

#[test]
fn an_episode_is_drawn_with_its_gaps_and_every_panel_says_1_khz() {
    let folder = Folder::new();
    folder.write("wipe.mcap", episode(2000));
    let svg = svg(&folder, "wipe.mcap");
    for name in ["path", "side", "doing", "joints", "speeds", "following", "force"] {
        assert!(panel(&svg, name).contains("1 kHz"), "{name}");
    }
    for words in ["wipe &lt;the&gt; table", "2000 ticks, 40 missing", "ticks missing", "q4 −1.50 … −0.90 rad"]
    {
        assert!(svg.contains(words), "{words}");
    }
    // Each joint has a line before the gap and one after it.
    let joint_lines = lines(panel(&svg, "joints"), "stroke-width=\"1.4\"");
    assert_eq!(joint_lines.len(), 14, "{joint_lines:?}");
}

#[test]
fn a_line_with_more_points_than_columns_says_that_it_is_thinned_and_keeps_its_extremes() {
    let folder = Folder::new();
    folder.write("long.mcap", episode(8000));
    folder.write("short.mcap", episode(500));
    assert!(!svg(&folder, "short.mcap --panel force").contains("drawn min/max"));
    let long = svg(&folder, "long.mcap --panel force");
    assert!(panel(&long, "force").contains("1 kHz, drawn min/max per pixel"));
    let waves: Vec<_> =
        lines(panel(&long, "force"), "<polyline").into_iter().filter(|w| w.len() > 300).collect();
    let [before, after] = &waves[..] else { panic!("{} waves", waves.len()) };
    // −5 N to −3 N of a wave of 21 ms, two to three columns.
    assert!((size(before)[1] - size(after)[1]).abs() < 1.0, "{:?} {:?}", size(before), size(after));
    assert!(before.len() + after.len() < 3200, "{} points of 8000 ticks", before.len() + after.len());
    assert!(long.len() < 150_000, "{} bytes", long.len());
}

#[test]
fn an_episode_that_was_cut_off_is_drawn_as_far_as_it_reads_and_says_so() {
    let folder = Folder::new();
    let whole = episode(2000);
    folder.write("cut.mcap", &whole[..whole.len() / 2]);
    folder.run("plot cut.mcap --out p.svg").says(0, &["damage   cut off at byte"]);
    let svg = String::from_utf8(folder.read("p.svg")).expect("text");
    assert!(svg.contains("damaged file, drawn as far as it reads: cut off at byte"), "{svg}");
    assert!(panel(&svg, "joints").contains("<polyline"));
}

#[test]
fn nothing_is_overwritten_without_force() {
    let folder = with_report(&run_report());
    folder.write("p.svg", "mine");
    folder.run("plot r.json --out p.svg").refused(2, &["--out p.svg", "not overwritten", "--force"]);
    assert_eq!(folder.read("p.svg"), b"mine");
    folder.run("plot r.json --out p.svg --force").says(0, &[]);
    assert!(folder.read("p.svg").starts_with(b"<svg"));
}

#[test]
fn what_cannot_be_drawn_is_refused_by_name_and_leaves_no_file() {
    let folder = with_report(&run_report());
    folder.write("text.json", "hello");
    folder.write("other.json", r#"{"a": 1}"#);
    folder.write("foreign.mcap", b"\x89MCAP0\r\n");
    folder.write("none.mcap", "hello");
    let report = |changes: Value| {
        let mut report = run_report();
        changes.as_object().expect("changes").iter().for_each(|(key, value)| report[key] = value.clone());
        report.to_string()
    };
    folder.write("newer.json", report(json!({"schema": 99})));
    let old = json!({
        "schema": 1, "command": "home", "version": "0.1.0", "ending": "failed", "faults": ["the robot was lost"],
        "robot": "127.0.7.9", "off_rad": 0.3, "cycles": 0, "limiter_active_ticks": 0, "black_box": null,
    });
    folder.write("home.json", old.to_string());
    folder.write("old.json", old.to_string().replace("[\"the robot was lost\"]", "[]"));
    folder.write("doctor.json", report(json!({"command": "doctor"})));
    folder.write("shape.json", report(json!({"path": {"measured_m": [[1.0, 2.0]]}})));
    for (line, words) in [
        ("text.json --out p.svg", vec!["text.json", "not JSON", "line 1", "--report"]),
        ("other.json --out p.svg", vec!["other.json", "schema", "--report"]),
        ("newer.json --out p.svg", vec!["newer.json", "schema 99", "newer franka-imit"]),
        (
            "home.json --out p.svg",
            vec!["home.json", "'home' has nothing to draw: it ended with: the robot was lost", "run, train"],
        ),
        (
            "old.json --out p.svg",
            vec!["'home' has nothing to draw: an earlier version wrote it", "and episodes"],
        ),
        ("doctor.json --out p.svg", vec!["'doctor' has nothing to draw: it holds figures of a machine"]),
        ("shape.json --out p.svg", vec!["shape.json", "report of 'run'", "line 1"]),
        ("foreign.mcap --out p.svg", vec!["foreign.mcap"]),
        ("none.mcap --out p.svg", vec!["none.mcap", "no MCAP file"]),
        ("nowhere.json --out p.svg", vec!["nowhere.json", "cannot be read"]),
        ("nowhere.mcap --out p.svg", vec!["nowhere"]),
        ("r.json --out p.gif", vec!["--out p.gif", ".svg or .png"]),
        ("r.json --out no/p.svg", vec!["--out no/p.svg", "a folder that exists"]),
        ("r.json --out p.svg --panel force", vec!["--panel force", "path, side, tracking"]),
    ] {
        folder.run(&format!("plot {line}")).refused(2, &words);
    }
    folder.run("plot r.json --out p.svg --size 10x10").says(2, &["WIDTHxHEIGHT", "200 to 10000"]);
    assert!(!folder.path("p.svg").exists());
}

#[test]
fn every_time_counted_lies_between_the_edges_of_its_bucket() {
    assert_eq!(Histogram::new().buckets(), Buckets::default());
    for times_ns in
        [vec![1], vec![1_000; 3], vec![999, 1_000, 9_990, 20_000_000_000], vec![7_100, 7_200, 80_000]]
    {
        let mut histogram = Histogram::new();
        times_ns.iter().for_each(|ns| histogram.record(*ns));
        let Buckets { edges_us, counts } = histogram.buckets();
        assert_eq!(edges_us.len(), counts.len() + 1);
        assert!(edges_us.windows(2).all(|pair| (pair[1] / pair[0] - 10f64.powf(0.05)).abs() < 1e-9));
        for (edges, count) in edges_us.windows(2).zip(&counts) {
            // The histogram knows three digits; ten seconds and more are one.
            let lies =
                |ns: &&u64| (edges[0]..edges[1]).contains(&(1.0005e-3 * (**ns).min(10_000_000_000) as f64));
            assert_eq!(*count, times_ns.iter().filter(lies).count() as u64, "{edges:?} of {times_ns:?}");
        }
    }
}

#[test]
fn a_drive_reports_what_the_pictures_are_drawn_from() {
    let folder = Folder::new();
    let short =
        "[network]\nhidden = [16]\n[training]\nsteps = 300\ntargets = 50\n[sim]\nbind = \"127.0.42.1\"\n";
    folder.write("short.toml", short);
    folder
        .run("run --sim --pace lockstep --laps 2 --config short.toml --report r.json --record drive.mcap")
        .says(0, &["drove    done"]);
    let report = folder.json("r.json");
    let sum = |place: &str| -> u64 {
        let numbers = report.pointer(place).and_then(Value::as_array).unwrap_or_else(|| panic!("{place}"));
        numbers.iter().map(|n| n.as_u64().expect("a count")).sum()
    };
    assert_eq!(sum("/timeline/ticks"), report["cycles"]);
    assert_eq!(sum("/timeline/limiter_active_ticks"), report["limiter_active_ticks"]);
    assert_eq!(sum("/timeline/missed_commands"), report["missed_commands"]);
    assert_eq!(sum("/tick_histogram/counts"), report["cycles"]);
    // Every refusal with its moment and its reason, in order.
    let refusals = report["refusals"].as_array().expect("refusals");
    assert_eq!(Some(refusals.len() as u64), report["policies"]["rejected"].as_u64(), "{refusals:?}");
    let end_s = report["timeline"]["ticks"].as_array().map_or(0, Vec::len) as f64 * 0.02;
    let mut last_s = 0.0;
    for refusal in refusals {
        let t_s = refusal["t_s"].as_f64().expect("a moment");
        assert!((last_s..=end_s).contains(&t_s), "{refusal} after {last_s}");
        last_s = t_s;
        let reason = refusal["reason"].as_str().expect("a reason");
        assert!(report["policies"]["rejected_by_reason"][reason].as_u64() > Some(0), "{refusal}");
    }
    let length = |place: &str| report.pointer(place).and_then(Value::as_array).map_or(0, Vec::len);
    assert_eq!(length("/tick_histogram/edges_us"), length("/tick_histogram/counts") + 1);
    // Longer than a thousand bins of 10 ms: two have become one.
    assert_eq!(report["timeline"]["bin_s"], 0.02);
    assert!((500..=1000).contains(&length("/timeline/ticks")), "{}", length("/timeline/ticks"));
    assert!(report["path"]["sampled_hz"].as_f64().is_some_and(|hz| hz <= 1000.0));
    let page = svg(&folder, "r.json");
    for name in ["path", "side", "tracking", "contour", "loss", "limiter", "latency", "link"] {
        panel(&page, name);
    }
    let page = svg(&folder, "drive.mcap");
    assert!(panel(&page, "path").contains("reference"));
    assert!(page.len() < 150_000, "{} bytes", page.len());
}

/// The longest line of a panel.
fn longest(panel: &str) -> Vec<[f64; 2]> {
    lines(panel, "<polyline").into_iter().max_by_key(Vec::len).expect("a line")
}

#[test]
fn a_session_of_teaching_and_its_replay_are_drawn_in_time() {
    let folder = Folder::new();
    folder.write("c.toml", "[sim]\nbind = \"127.0.42.2\"\n[robot]\nsilence_timeout_s = 5.0\n");
    let sim = "--sim --pace lockstep --config c.toml --report r.json";
    folder
        .run(&format!("teach {sim} --hand circle --hand-speed-m-s 0.3 --out demos --task round --yes"))
        .says(0, &["1 episodes kept"]);
    let session = folder.json("r.json")["session"].clone();
    let number = |place: &str| session.pointer(place).and_then(Value::as_f64).expect("a number");
    let [from_s, to_s] = ["/recorded/0/from_s", "/recorded/0/to_s"].map(number);
    assert!(0.0 < from_s && from_s < to_s && to_s <= number("/length_s"), "{session}");
    let ticks = folder.json("r.json")["episodes"][0]["ticks"].as_f64().expect("ticks");
    assert!((1e3 * (to_s - from_s) - ticks).abs() < 2.0, "{ticks} ticks in {session}");
    let page = svg(&folder, "r.json");
    assert!(page.contains("the motion itself: franka-imit plot demos/round-0001.mcap"));
    let shown = panel(&page, "session");
    for words in ["every state, 1 kHz", "a hand guides", "recorded, kept"] {
        assert!(shown.contains(words), "{words}");
    }
    assert!(!shown.contains("thrown away"), "nothing was");
    let learnt = longest(panel(&page, "learnt"));
    assert!(learnt.len() > 5 && learnt[0][1] < learnt[learnt.len() - 1][1], "it has fallen: {learnt:?}");

    folder.run(&format!("replay {sim} round-0001")).says(0, &["done, at rest"]);
    let page = svg(&folder, "r.json");
    for (name, words) in [
        ("error", "1 kHz in bins of 10 ms"),
        ("joints", "every tick of the motion at 1 kHz"),
        ("demands", "acceleration"),
        ("limiter", "1 kHz in bins of 10 ms; it never changed a proposal"),
        ("link", "0 commands missed"),
    ] {
        assert!(panel(&page, name).contains(words), "{name}: {words}");
    }
    assert!(longest(panel(&page, "error")).len() > 20);
    folder.run("replay round-0001 --dry-run --report r.json").says(0, &["velocity %"]);
    assert!(panel(&svg(&folder, "r.json"), "demands").contains("jerk"), "a dry run has what is asked");
}

#[test]
fn a_way_home_is_drawn_joint_by_joint_until_each_is_there() {
    let q_start_rad = [0.4, 0.2, -0.3, -1.6, 0.2, 1.9, 0.1];
    let _sim = cli::robot_with(90, franka_imit::sim::Options { q_start_rad, ..Default::default() });
    let folder = Folder::new();
    folder.run("home --robot-ip 127.0.7.90 --speed 0.3 --yes --report r.json").says(0, &["done, at rest"]);
    let page = svg(&folder, "r.json");
    let way = panel(&page, "way");
    let reported = folder.json("r.json")["way"].clone();
    let rows = reported["off_rad"].as_array().map_or(0, Vec::len);
    assert!((500..=1000).contains(&rows), "{rows} rows");
    assert!(way.contains(&format!(
        "measured joints, sampled at {:.0} Hz",
        reported["sampled_hz"].as_f64().expect("a rate")
    )));
    let joints = lines(way, "stroke-width=\"1.4\"");
    assert_eq!(joints.len(), 7);
    // They end in one place, where nothing is left to go.
    let ends: Vec<f64> = joints.iter().map(|line| line[line.len() - 1][1]).collect();
    assert!(ends.iter().all(|y| (y - ends[0]).abs() < 1.0), "{ends:?}");
    assert!(joints.iter().any(|line| size(line)[1] > 50.0));
    assert!(panel(&page, "link").contains("1 kHz in bins of 10 ms"));
}
