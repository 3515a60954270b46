//! The live connection of a page: what there is to see goes out, signs of life and stops come in.
use super::Core;
use super::pace::Pace;
use super::secret::Secret;
use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, watch};

/// A page that takes nothing for so long is left behind.
const SLOW: Duration = Duration::from_secs(2);
/// The longest message of a page, bytes.
const MESSAGE_BYTES: usize = 512;
/// Messages a second; a page sends a few.
const MESSAGES: u32 = 50;

/// What every page gets, written once.
#[derive(Clone, Default)]
pub(super) struct Frame {
    now: Utf8Bytes,
    plan: (u64, Utf8Bytes),
    /// The plan's points, of a path that was displaced.
    course: (u64, Utf8Bytes),
    said: Vec<(u64, Utf8Bytes)>,
}

/// What a page says.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Alive,
    Stop,
    /// It wants to operate the arm.
    Take,
    /// It does no more.
    Release,
    /// Its socket broke, and this was its word before.
    Resume(String),
}

/// Writes what the board shows, again and again, and sees when the operator has gone.
pub(super) async fn write(core: Arc<Core>) {
    let mut clock = tokio::time::interval(Duration::from_secs_f64(1.0 / core.options.updates_hz));
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut frame = Frame::default();
    loop {
        clock.tick().await;
        if core.lease().has_lapsed(Instant::now()) {
            core.board.lapse();
        }
        if core.frames.receiver_count() == 0 {
            continue;
        }
        let (now, (number, plan), course, said) = {
            let shown = core.board.shown();
            (shown.now, (shown.plan.0, Arc::clone(&shown.plan.1)), shown.course, shown.said.clone())
        };
        frame.now = text("now", &now);
        if (frame.plan.0, frame.course.0) != (number, course) {
            frame.plan = (number, text("plan", &*plan));
            frame.course = (course, text("course", &plan.course()));
        }
        frame.said = said.iter().map(|said| (said.number, text("said", said))).collect();
        core.frames.send_replace(frame.clone());
    }
}

fn text(kind: &str, what: &impl Serialize) -> Utf8Bytes {
    serde_json::to_string(&json!({ kind: what })).unwrap_or_default().into()
}

pub(super) async fn live(State(core): State<Arc<Core>>, ws: WebSocketUpgrade) -> Response {
    let Ok(place) = Arc::clone(&core.sockets).try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many pages are open: close one").into_response();
    };
    ws.max_message_size(MESSAGE_BYTES)
        .max_frame_size(MESSAGE_BYTES)
        .read_buffer_size(4096)
        .write_buffer_size(0)
        .on_upgrade(move |socket| async move { serve(core, socket, place).await })
}

async fn serve(core: Arc<Core>, socket: WebSocket, _place: OwnedSemaphorePermit) {
    let Ok(word) = Secret::new() else { return };
    let frames = core.frames.subscribe();
    let page = Live { core, socket, word, plan: 0, course: 0, said: 0, role: None };
    page.run(frames).await;
}

struct Live {
    core: Arc<Core>,
    socket: WebSocket,
    word: Secret,
    /// Numbers of what it has been sent last.
    plan: u64,
    course: u64,
    said: u64,
    /// Whether it was told that it operates the arm, and whether anybody does.
    role: Option<[bool; 2]>,
}

impl Live {
    async fn run(mut self, mut frames: watch::Receiver<Frame>) {
        let pace = Pace::new(MESSAGES, Instant::now());
        let hello = json!({ "hello": { "client": self.word.as_str(), "about": &self.core.about } });
        let mut is_here = self.send(hello.to_string().into()).await;
        while is_here {
            is_here = tokio::select! {
                heard = self.socket.recv() => match heard {
                    Some(Ok(Message::Text(words))) => pace.allows(Instant::now()) && self.hear(&words),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => pace.allows(Instant::now()),
                    _ => false,
                },
                changed = frames.changed() => {
                    let frame = frames.borrow_and_update().clone();
                    changed.is_ok() && self.show(frame).await
                }
            };
        }
        // The lease stays its own for a while: a socket may break and come back.
    }

    /// Whether the page makes sense.
    fn hear(&mut self, words: &str) -> bool {
        let Ok(word) = serde_json::from_str::<Word>(words) else { return false };
        let (me, now) = (self.word.as_str(), Instant::now());
        let mut lease = self.core.lease();
        lease.hear(me, now);
        match word {
            Word::Alive => {}
            Word::Stop => self.core.board.halt(),
            Word::Take => drop(lease.take(me, now)),
            Word::Release if lease.is_held_by(me) => {
                lease.release(me);
                // What it has started goes on for nobody.
                self.core.board.lapse();
            }
            Word::Release => {}
            Word::Resume(before) => lease.resume(&before, me, now),
        }
        true
    }

    async fn show(&mut self, frame: Frame) -> bool {
        let role = {
            let lease = self.core.lease();
            [lease.is_held_by(self.word.as_str()), lease.is_held()]
        };
        let mut out = Vec::new();
        if self.role.replace(role) != Some(role) {
            out.push(text("role", &json!({ "operator": role[0], "taken": role[1] })));
        }
        if frame.plan.0 != self.plan {
            (self.plan, self.course) = (frame.plan.0, frame.course.0);
            out.push(frame.plan.1);
        } else if frame.course.0 != self.course {
            self.course = frame.course.0;
            out.push(frame.course.1);
        }
        for (number, said) in frame.said {
            if number > self.said {
                self.said = number;
                out.push(said);
            }
        }
        out.push(frame.now);
        for message in out {
            if !self.send(message).await {
                return false;
            }
        }
        true
    }

    async fn send(&mut self, message: Utf8Bytes) -> bool {
        let sent = tokio::time::timeout(SLOW, self.socket.send(Message::Text(message))).await;
        matches!(sent, Ok(Ok(())))
    }
}
