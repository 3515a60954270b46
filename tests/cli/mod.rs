//! What the command line's tests share: the real binary in a fresh folder, with a deadline.
#![allow(dead_code, unreachable_pub)] // each test binary uses its part

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use franka_imit::robot::realtime;
use franka_imit::sim::{Options, Pace, Sim, Status};
use serde_json::Value;

/// Longer than any command here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);
/// Between two looks at something that is waited for.
const LOOK: Duration = Duration::from_millis(1);

/// A fresh folder in which commands run; it goes when the value does.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), contents).expect("the file is written");
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    pub fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.read(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// Starts the program with the words of `line`, without a terminal.
    pub fn start(&self, line: &str) -> Running {
        self.start_with(line, &[])
    }

    /// [`Folder::start`] with some variables of the environment set.
    pub fn start_with(&self, line: &str, variables: &[(&str, &str)]) -> Running {
        let [out, err] = ["stdout", "stderr"].map(|stream| tempfile::NamedTempFile::new().expect(stream));
        let file = |stream: &tempfile::NamedTempFile| Stdio::from(stream.reopen().expect("an open file"));
        let child = Command::new(env!("CARGO_BIN_EXE_franka-imit"))
            .args(line.split_whitespace())
            .current_dir(self.0.path())
            .env_remove("RUST_LOG")
            .env("XDG_STATE_HOME", self.path("state"))
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(file(&out))
            .stderr(file(&err))
            .spawn()
            .expect("the program starts");
        Running { line: line.to_owned(), child, out, err, since: Instant::now() }
    }

    /// Runs the program to its end.
    pub fn run(&self, line: &str) -> Ended {
        self.start(line).wait()
    }
}

/// A program that runs; killed when the value goes.
pub struct Running {
    line: String,
    child: Child,
    out: tempfile::NamedTempFile,
    err: tempfile::NamedTempFile,
    since: Instant,
}

impl Running {
    /// Sends `name` (INT, TERM, ...) to the program.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "SIG{name} was not sent");
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("the program can be waited for").is_some()
    }

    /// What it has said so far.
    pub fn words(&self) -> String {
        let text = |file: &tempfile::NamedTempFile| std::fs::read_to_string(file.path()).expect("text");
        format!("--- stdout\n{}--- stderr\n{}", text(&self.out), text(&self.err))
    }

    pub fn wait(mut self) -> Ended {
        while !self.has_ended() {
            assert!(self.since.elapsed() < DEADLINE, "{}: still running\n{}", self.line, self.words());
            std::thread::sleep(LOOK);
        }
        let status = self.child.wait().expect("the program has ended");
        let text = |path: &Path| {
            let bytes = std::fs::read(path).expect("the output is read");
            String::from_utf8(bytes).expect("the output is text")
        };
        Ended {
            code: status.code(),
            out: text(self.out.path()),
            err: text(self.err.path()),
            took: self.since.elapsed(),
            line: std::mem::take(&mut self.line),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
    }
}

/// What a program has left behind.
#[derive(Debug)]
pub struct Ended {
    pub line: String,
    /// `None` when a signal ended it.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
    pub took: Duration,
}

impl Ended {
    /// Asserts the exit code, and that the program has said each of `words`.
    pub fn says(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, Some(code), "{self}");
        for word in words {
            assert!(self.out.contains(word) || self.err.contains(word), "{word:?} is not said: {self}");
        }
        assert!(!self.err.contains("panicked"), "{self}");
        self
    }

    /// Asserts a refusal before anything has moved: one `error:` with each of `words`.
    pub fn refused(&self, code: i32, words: &[&str]) -> &Self {
        assert!(self.err.starts_with("error: "), "{self}");
        assert!(!self.out.contains("drove"), "{self}");
        let error = self.err.strip_prefix("error: ").unwrap_or_default();
        for word in words {
            assert!(error.contains(word), "{word:?} is not said: {self}");
        }
        self.says(code, &[])
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { line, code, out, err, took } = self;
        write!(f, "`{line}` ended with {code:?} after {took:?}\n--- stdout\n{out}--- stderr\n{err}")
    }
}

/// A robot of the test's own at 127.0.7.`last`. It waits for each command, so that a busy machine costs none.
pub fn robot(last: u8) -> Sim {
    robot_with(last, Options::default())
}

/// [`robot`] with other options.
pub fn robot_with(last: u8, options: Options) -> Sim {
    let bind = IpAddr::from([127, 0, 7, last]);
    let options = Options { bind, pace: Pace::Lockstep, lockstep_timeout_s: 0.3, ..options };
    Sim::start(options).expect("the simulated robot starts")
}

/// A robot whose time is the clock's, beside the control thread as in `run --sim`.
pub fn robot_by_the_clock(last: u8) -> Sim {
    let options = Options { bind: IpAddr::from([127, 0, 7, last]), ..Options::default() };
    Sim::start_with(options, || realtime::enter_as_peer(&realtime::Options::default()))
        .expect("the simulated robot starts")
}

/// Waits until `condition` holds, and returns the status with which it did.
pub fn wait_for(sim: &Sim, what: &str, mut condition: impl FnMut(&Status) -> bool) -> Status {
    let start = Instant::now();
    loop {
        let status = sim.status();
        if condition(&status) {
            return status;
        }
        assert!(start.elapsed() < DEADLINE, "{what}: still not so: {status:?}");
        std::thread::sleep(LOOK);
    }
}
