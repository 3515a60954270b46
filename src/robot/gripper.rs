//! The Franka hand through libfranka-rs, on a thread and a connection of its own: the only file beside `panda.rs` that
//! names the driver, which gives the two devices two types.
//!
//! The driver blocks until a grasp or a move has ended, and without limit when the hand never answers. So who wishes
//! something only leaves the wish: the newest one is carried out next, one that has begun is finished first, and one
//! that takes too long is said.
use super::{panic_words, realtime, sockets};
use crate::range::{Violation, check_range};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// TCP port of the hand.
const PORT: u16 = 1338;
/// Between two states that are read while nothing is wished.
const LOOK: Duration = Duration::from_millis(20);

/// How the hand is moved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Width of the open hand, m; a hand that opens less far opens as far as it can.
    pub open_width_m: f64,
    /// Speed of the fingers, m/s.
    pub speed_m_s: f64,
    /// Force of a grasp, N.
    pub force_n: f64,
    /// How long the hand may take to answer at all, or to end what it has begun, s.
    pub timeout_s: f64,
}

impl Default for Options {
    /// Franka Hand data sheet: stroke 80 mm, 50 mm/s a finger, 70 N at most.
    fn default() -> Self {
        Options { open_width_m: 0.08, speed_m_s: 0.05, force_n: 30.0, timeout_s: 5.0 }
    }
}

impl Options {
    /// Every value outside its allowed range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_range(&mut out, "open_width_m", self.open_width_m, 0.001..=0.08, "m");
        check_range(&mut out, "speed_m_s", self.speed_m_s, 0.005..=0.1, "m/s");
        check_range(&mut out, "force_n", self.force_n, 1.0..=70.0, "N");
        check_range(&mut out, "timeout_s", self.timeout_s, 0.5..=60.0, "s");
        out
    }
}

/// Why there is no hand.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error(
        "no gripper answers at {address}, port {PORT}: {reason}. Is the Franka hand mounted and switched on in Desk, and no other \
         program connected to it?"
    )]
    Unreachable { address: IpAddr, reason: String },
}

/// What is wished of the hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// Open it.
    Open,
    /// Close it on whatever lies between the fingers.
    Close,
}

/// What the hand last said.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// Distance of the fingers, m.
    pub width_m: f64,
    /// Whether it holds something.
    pub is_grasped: bool,
}

/// A hand that somebody is connected to.
pub struct Gripper {
    shared: Arc<Shared>,
    address: IpAddr,
    timeout: Duration,
}

#[derive(Default)]
struct Shared {
    now: Mutex<Now>,
    changed: Condvar,
    is_over: AtomicBool,
}

#[derive(Default)]
struct Now {
    wish: Option<Wish>,
    /// What is being done, and since when.
    doing: Option<(Wish, Instant)>,
    reading: Option<Reading>,
    trouble: Option<String>,
}

impl Shared {
    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gripper {
    /// Connects within the time limit.
    ///
    /// # Errors
    /// [`Error`].
    pub fn connect(address: IpAddr, options: &Options) -> Result<Gripper, Error> {
        let timeout = Duration::from_secs_f64(options.timeout_s);
        let unreachable = |reason: String| Error::Unreachable { address, reason };
        // The driver connects without a limit.
        TcpStream::connect_timeout(&(address, PORT).into(), timeout)
            .map_err(|e| unreachable(e.to_string()))?;
        let shared = Arc::new(Shared::default());
        let (own, of_thread) = (Arc::clone(&shared), options.clone());
        std::thread::Builder::new()
            .name("gripper".into())
            .spawn(move || work(&own, address, &of_thread))
            .map_err(|e| unreachable(e.to_string()))?;
        let gripper = Gripper { shared, address, timeout };
        let begun = |now: &mut Now| now.reading.is_none() && now.trouble.is_none();
        let waited = gripper.shared.changed.wait_timeout_while(gripper.shared.now(), timeout, begun);
        let (now, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let (connected, trouble) = (now.reading.is_some(), now.trouble.clone());
        drop(now);
        if connected {
            return Ok(gripper);
        }
        let silent =
            || format!("the port is open but nothing answered within {:.1} s", timeout.as_secs_f64());
        Err(unreachable(trouble.unwrap_or_else(silent)))
    }

    /// Leaves a wish, in the place of one that has not begun. Never waits for the hand.
    pub fn ask(&self, wish: Wish) {
        self.shared.now().wish = Some(wish);
        self.shared.changed.notify_all();
    }

    /// What the hand last said.
    pub fn reading(&self) -> Option<Reading> {
        self.shared.now().reading
    }

    /// What went wrong since the last call: said once, or, while the hand does not end what it has begun, always.
    pub fn trouble(&self) -> Option<String> {
        let mut now = self.shared.now();
        match now.doing {
            Some((wish, since)) if since.elapsed() > self.timeout => Some(format!(
                "the gripper has not ended '{}' for {:.0} s",
                word(wish),
                since.elapsed().as_secs_f64()
            )),
            _ => now.trouble.take(),
        }
    }

    /// Whether something is wished that has not ended.
    pub fn is_busy(&self) -> bool {
        let now = self.shared.now();
        now.wish.is_some() || now.doing.is_some()
    }
}

impl Drop for Gripper {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Relaxed);
        self.shared.changed.notify_all();
        // A thread that hangs in the driver must not keep the hand from the next client.
        sockets::hang_up((self.address, PORT).into());
    }
}

fn word(wish: Wish) -> &'static str {
    match wish {
        Wish::Open => "open",
        Wish::Close => "close",
    }
}

fn work(shared: &Shared, address: IpAddr, options: &Options) {
    realtime::block_signals(); // the driver takes one for an error
    let say = |words: String| {
        shared.now().trouble = Some(words);
        shared.changed.notify_all();
    };
    let connected = caught(|| franka::Gripper::new(&address.to_string()).map_err(|e| e.to_string()));
    let mut hand = match connected {
        Ok(hand) => hand,
        Err(why) => return say(why),
    };
    while !shared.is_over.load(Relaxed) {
        let wish = {
            let mut now = shared.now();
            let wish = now.wish.take();
            now.doing = wish.map(|wish| (wish, Instant::now()));
            wish
        };
        if let Some(wish) = wish {
            let done = caught(|| {
                match wish {
                    Wish::Open => hand.move_gripper(options.open_width_m, options.speed_m_s),
                    // Any width is a grasp: what lies between the fingers is not known.
                    Wish::Close => hand.grasp(
                        0.0,
                        options.speed_m_s,
                        options.force_n,
                        Some(0.0),
                        Some(options.open_width_m),
                    ),
                }
                .map_err(|e| e.to_string())
            });
            shared.now().doing = None;
            match done {
                Ok(true) => {}
                Ok(false) => say(format!("the gripper could not {}: nothing is held", word(wish))),
                Err(why) => say(format!("the gripper could not {}: {why}", word(wish))),
            }
        }
        match caught(|| hand.read_once().map_err(|e| e.to_string())) {
            Ok(state) => {
                let mut now = shared.now();
                now.reading = Some(Reading { width_m: state.width, is_grasped: state.is_grasped });
                shared.changed.notify_all();
                let idle = |now: &mut Now| now.wish.is_none() && !shared.is_over.load(Relaxed);
                drop(shared.changed.wait_timeout_while(now, LOOK, idle));
            }
            Err(why) => return say(format!("the gripper is lost: {why}")),
        }
    }
}

/// The driver's panics are words, never the end of the process.
fn caught<T>(call: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| Err(panic_words(&*panic)))
}
