//! Teaching by hand from the live page: somebody there says what is recorded.
mod cli;
mod page_client;

use cli::Folder;
use page_client::{Served, Tab};
use serde_json::{Value, json};
use std::time::Instant;

fn press(page: &Tab, what: &Value) -> (u16, String) {
    page.post("/api/teach", &json!({ "client": page.client, "press": what }))
}

fn pressed(page: &Tab, what: &Value) {
    let (status, words) = press(page, what);
    assert_eq!(status, 202, "{what}: {words}");
}

fn is(page: &Tab, state: &str) -> bool {
    page.now["lesson"]["state"] == state
}

fn is_guided(page: &Tab) -> bool {
    page.now["lesson"]["guided"] == true
}

#[test]
fn what_is_recorded_and_kept_at_the_page_is_an_episode_and_is_then_driven() {
    let folder = Folder::new();
    let served =
        Served::start(&folder, "teach --sim --hand circle --task trace --then-run --report t.json", 60);
    let mut operator = served.page();
    let mut watcher = served.page();
    operator.operate();
    operator.until("the lesson", |tab| tab.is("teaching") && is(tab, "ready"));
    pressed(&operator, &json!("toggle"));
    operator.until("an episode", |tab| is(tab, "recording"));
    watcher.until("the same", |tab| is(tab, "recording"));
    assert_eq!(press(&watcher, &json!("discard")).0, 403, "another page operates");
    operator.until("the hand", is_guided);
    operator.until("the hand to let go", |tab| !is_guided(tab));
    pressed(&operator, &json!("toggle"));
    operator.until("the question", |tab| is(tab, "review"));
    let recorded_s = operator.now["lesson"]["recorded_s"].as_f64().expect("its length");
    assert!(recorded_s > 5.0, "{recorded_s} s");
    pressed(&operator, &json!({ "label": "round" }));
    pressed(&operator, &json!({ "success": true }));
    pressed(&operator, &json!("keep"));
    operator.until("the drive", |tab| tab.is("driving"));
    assert_eq!(press(&operator, &json!("toggle")).0, 409, "the lesson is over");
    // The page ends with the program.
    operator.until("nearly its end", |tab| tab.now["laps"][0].as_f64() > Some(0.9));
    served.program.wait().says(0, &["taught   1 episodes kept", "drove    done, at rest"]);
    let kept = &folder.json("t.json")["episodes"];
    assert_eq!(kept.as_array().map(Vec::len), Some(1), "{kept}");
    folder.run("demos ls --json").says(0, &["trace", "round"]);
}

#[test]
fn a_simulated_robot_shows_itself_and_stop_presses_its_user_stop() {
    let folder = Folder::new();
    let mut served = Served::start(&folder, "sim --bind 127.0.7.201", 62);
    let mut page = served.page();
    page.until("the arm", |tab| tab.is("simulated") && tab.joints().iter().any(|q| q.abs() > 1.0));
    assert_eq!(press(&page, &json!("toggle")).0, 403, "nobody operates it from here");
    assert_eq!(page.post("/api/stop", &json!({})).0, 204);
    page.until("a word", |tab| tab.said.iter().any(|words| words.contains("user stop")));
    let refused = folder.run("home --robot-ip 127.0.7.201 --yes");
    assert!(refused.err.contains("Release the user stop"), "{refused}");
    assert!(!served.program.has_ended());
}

#[test]
fn stop_at_the_page_ends_the_session_keeps_what_was_recorded_and_drives_nothing() {
    let folder = Folder::new();
    let served = Served::start(&folder, "teach --sim --hand circle --then-run --report t.json", 61);
    let mut operator = served.page();
    operator.operate();
    operator.until("the lesson", |tab| tab.is("teaching"));
    assert_eq!(operator.imitate(1).0, 409, "nobody waits for a drawing");
    let (status, words) = press(&operator, &json!({ "label": "two\nlines" }));
    assert!(status == 422 && words.contains("one line"), "{words}");
    pressed(&operator, &json!("toggle"));
    operator.until("the hand on its way", |tab| {
        is(tab, "recording") && tab.now["lesson"]["speed_m_s"].as_f64() > Some(0.02)
    });
    let watcher = served.page();
    assert_eq!(watcher.post("/api/stop", &json!({})).0, 204);
    let stopped = Instant::now();
    served.program.wait().says(0, &["taught   1 episodes kept", "the arm is at rest"]);
    assert!(stopped.elapsed().as_secs_f64() < 5.0, "{:?}", stopped.elapsed());
    let report = folder.json("t.json");
    assert!(report["ending"] == "done" && !folder.path("t.run.json").exists(), "{report}");
}
