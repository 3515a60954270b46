//! The live page: what the arm does, for whoever looks, and a drawing for it to imitate.
//!
//! Its thread sees copies and gives orders to the supervisor, never to the control thread: `docs/page.md`.
mod assets;
mod board;
mod drawing;
mod gate;
mod lease;
mod lesson;
mod now;
mod options;
mod pace;
#[cfg(test)]
mod panda_tests;
mod reach;
mod routes;
mod secret;
mod serve;
mod socket;
mod wishes;

pub use board::{Errand, Order, Plan, Since};
pub use drawing::{Drawing, File};
pub use lesson::{Lesson, LessonState, Press};
pub use now::{Now, STEP_PLACES, Stage};
pub use options::Options;
pub use wishes::Wishes;

use crate::control::links::Request;
use crate::demonstration::{drawing as drawing_options, expert};
use crate::kinematics::{Pose, capsules, to_column_major};
use crate::learn::gate::Refusal;
use crate::safety;
use board::Board;
use lease::Lease;
use pace::Pace;
use reach::Reach;
use secret::Secret;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, oneshot, watch};

/// Pages at a time.
const PAGES: usize = 8;
/// Drawings that are read at a time.
const BODIES: usize = 4;
/// Orders a second, of all pages together.
const ORDERS: u32 = 20;
/// Questions a second about what is being drawn; each takes a few milliseconds.
const QUESTIONS: u32 = 8;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error(
        "the page cannot be served at {address}: {source}; give another address or port: --serve ADDRESS:PORT, or web.port"
    )]
    Bind { address: SocketAddr, source: std::io::Error },
    #[error(
        "--serve {0} would show the page to the network: add --expose-to-network if you mean it, or keep it on this machine \
         and reach it by 'ssh -L {port}:localhost:{port}'", port = .0.port()
    )]
    Exposed(SocketAddr),
    #[error("the page cannot be served: {0}")]
    System(#[from] std::io::Error),
}

/// What a page is told of the robot once.
#[derive(Clone, Debug)]
pub struct About {
    /// The robot, as its user calls it.
    pub robot: String,
    /// Whether it is simulated.
    pub simulated: bool,
    /// Its tool, in the flange frame.
    pub F_T_EE: Pose,
    /// How a drawing becomes a path where it does not say so itself.
    pub drawing: drawing_options::Options,
    /// How positions are labelled.
    pub expert: expert::Options,
    /// Where the arm may be.
    pub safety: safety::Options,
    /// Share of the joints' velocity limits that a path may use.
    pub velocity_share: f64,
}

/// What the page's tasks share.
struct Core {
    options: Options,
    about: Value,
    board: Arc<Board>,
    token: Secret,
    session: Secret,
    lease: Mutex<Lease>,
    pace: Pace,
    reach: Reach,
    reach_pace: Pace,
    bodies: Semaphore,
    /// Drawings that are read at a time: one.
    traces: Arc<Semaphore>,
    /// How a drawing becomes a path where it does not say so itself.
    drawing: drawing_options::Options,
    sockets: Arc<Semaphore>,
    frames: watch::Sender<socket::Frame>,
}

/// The supervisor's side of the page; the page ends with it.
pub struct Page {
    board: Arc<Board>,
    address: SocketAddr,
    url: String,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Page {
    /// Serves the page at `address`, on a thread of its own on `cores`; one that is not this machine's alone only if
    /// `is_exposed`.
    ///
    /// # Errors
    /// [`Error`] says what to change.
    pub fn open(
        options: &Options,
        address: SocketAddr,
        is_exposed: bool,
        about: &About,
        cores: Vec<usize>,
    ) -> Result<Page, Error> {
        if !address.ip().is_loopback() && !is_exposed {
            return Err(Error::Exposed(address));
        }
        let bind = |address| TcpListener::bind(address).map_err(|source| Error::Bind { address, source });
        let first = bind(address)?;
        let address = first.local_addr()?;
        let mut listeners = vec![first];
        if address.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) {
            // A browser may take localhost for this one; a machine without it has none to take.
            listeners.extend(bind(SocketAddr::from((Ipv6Addr::LOCALHOST, address.port()))));
        }
        let board = Arc::new(Board::default());
        let core = Arc::new(Core {
            about: about.words(options),
            board: Arc::clone(&board),
            token: Secret::new()?,
            session: Secret::new()?,
            lease: Mutex::new(Lease::new(Duration::from_secs_f64(options.lease_s))),
            pace: Pace::new(ORDERS, Instant::now()),
            reach: Reach::new(about),
            reach_pace: Pace::new(QUESTIONS, Instant::now()),
            bodies: Semaphore::new(BODIES),
            traces: Arc::new(Semaphore::new(1)),
            drawing: about.drawing.clone(),
            sockets: Arc::new(Semaphore::new(PAGES)),
            frames: watch::Sender::new(socket::Frame::default()),
            options: options.clone(),
        });
        let url = format!("http://{address}/#t={}", core.token.as_str());
        let (end, until) = oneshot::channel();
        let thread = std::thread::Builder::new().name("web".into()).spawn(move || {
            if let Err(error) = serve::run(&core, listeners, until, &cores) {
                log::error!("the page cannot be served: {error}");
            }
        })?;
        Ok(Page { board, address, url, end: Some(end), thread: Some(thread) })
    }

    /// What to open in a browser; whoever knows it may operate the arm.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it is served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Shows `now`; never waits, and may be seen only with the next one.
    pub fn show(&self, now: &Now) {
        self.board.show(now);
    }

    /// Shows what is being followed.
    pub fn plan(&self, plan: Plan) {
        self.board.plan(plan);
    }

    /// Shows what is being followed with other points, base frame, m: a person has corrected it. Nothing else changes.
    pub fn displace(&self, points_m: Vec<[f64; 3]>) {
        self.board.displace(points_m);
    }

    /// Says something to whoever looks.
    pub fn say(&self, is_error: bool, words: &str) {
        self.board.say(is_error, words);
    }

    /// What there is to do, if anything; from now on something is waited for.
    pub fn next(&self) -> Option<Order> {
        self.board.next()
    }

    /// Nothing is taken any more.
    pub fn close(&self) {
        self.board.close();
    }

    /// What was pressed first of what was not taken yet; from now on there is a session of teaching.
    pub fn press(&self) -> Option<Press> {
        self.board.press()
    }

    /// What the operator has asked of the motion since [`Page::plan`] has shown it.
    pub fn wishes(&self) -> Wishes {
        self.board.wishes()
    }

    /// How often somebody had asked for rest by now.
    pub fn since(&self) -> Since {
        self.board.since()
    }

    /// How the arm shall come to rest, if somebody has asked for it since.
    pub fn rest(&self, since: Since) -> Option<Request> {
        self.board.rest(since)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.end.take(); // the thread waits for this
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // it has said what was wrong
        }
    }
}

impl Core {
    fn lease(&self) -> MutexGuard<'_, Lease> {
        self.lease.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl About {
    /// With the arm as the page draws it: the table of its joints, and its links as capsules.
    fn words(&self, options: &Options) -> Value {
        let capsule =
            |c: &capsules::Capsule| json!({ "link": c.link, "ends_m": c.ends, "radius_m": c.radius_m });
        let capsules: Vec<Value> = capsules::ARM.iter().chain(&capsules::HAND).map(capsule).collect();
        json!({
            "robot": self.robot,
            "simulated": self.simulated,
            "updates_hz": options.updates_hz,
            "version": env!("CARGO_PKG_VERSION"),
            "joints": crate::kinematics::table(),
            "capsules": capsules,
            "F_T_EE": to_column_major(&self.F_T_EE),
            "plane": self.drawing.plane,
            "smoothing_m": self.drawing.smoothing_m,
            "refusals": Refusal::ALL.map(|(_, name)| name),
        })
    }
}
