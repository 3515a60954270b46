//! What a run tells a service manager, heard at the socket that systemd would give it.
mod cli;

use cli::{Ended, Folder, Running};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

/// A service manager's socket.
struct Manager {
    socket: UnixDatagram,
    said: Vec<String>,
}

impl Manager {
    fn at(path: &Path) -> Manager {
        let socket = UnixDatagram::bind(path).expect("a socket");
        socket.set_nonblocking(true).expect("a socket");
        Manager { socket, said: Vec::new() }
    }

    /// Listens until `run` has ended; returns how, and everything that was said, line by line.
    fn listen(mut self, mut run: Running) -> (Ended, Vec<String>) {
        while !run.has_ended() {
            self.take();
            std::thread::sleep(Duration::from_millis(5));
        }
        self.take();
        (run.wait(), self.said)
    }

    fn take(&mut self) {
        let mut buffer = [0; 4096];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            let text = std::str::from_utf8(&buffer[..length]).expect("text");
            self.said.extend(text.lines().map(str::to_owned));
        }
    }
}

fn at(lines: &[String], line: &str) -> usize {
    lines.iter().position(|l| l == line).unwrap_or_else(|| panic!("{line} was not said: {lines:#?}"))
}

#[test]
fn a_run_says_when_it_is_ready_that_it_lives_and_that_it_stops() {
    let folder = Folder::new();
    let path = folder.path("notify");
    let manager = Manager::at(&path);
    let path = path.to_str().expect("text");
    // In lockstep a busy machine costs no commands; the watchdog wants a word each hundredth of a second.
    let run = folder.start_with(
        "run --sim --pace lockstep --laps 3 --no-fine-tune",
        &[("NOTIFY_SOCKET", path), ("WATCHDOG_USEC", "40000")],
    );
    let (ended, lines) = manager.listen(run);
    ended.says(0, &["done, at rest"]);
    let ready = at(&lines, "READY=1");
    let stopping = at(&lines, "STOPPING=1");
    assert!(lines[..ready].iter().any(|l| l.starts_with("STATUS=connecting")), "{lines:#?}");
    assert!(lines[..ready].iter().any(|l| l.starts_with("STATUS=learning")), "{lines:#?}");
    assert!(lines[..ready].iter().all(|l| l != "WATCHDOG=1"), "{lines:#?}");
    assert!(lines[ready..stopping].iter().filter(|l| *l == "WATCHDOG=1").count() >= 5, "{lines:#?}");
    assert!(lines[ready..stopping].iter().any(|l| l.contains("commands missed")), "{lines:#?}");
    assert_eq!(lines.iter().filter(|l| *l == "READY=1").count(), 1);
    assert_eq!(stopping, lines.len() - 1, "{lines:#?}");
}

#[test]
fn a_run_that_never_drives_is_never_ready() {
    let folder = Folder::new();
    let path = folder.path("notify");
    let manager = Manager::at(&path);
    let path = path.to_str().expect("text");
    let run = folder.start_with("run --robot-ip 127.33.2.250 --yes", &[("NOTIFY_SOCKET", path)]);
    let (ended, lines) = manager.listen(run);
    ended.says(5, &[]);
    assert!(lines.iter().all(|l| l.starts_with("STATUS=")), "{lines:#?}");
}

#[test]
fn a_manager_that_does_not_listen_costs_nothing() {
    let folder = Folder::new();
    let gone = folder.path("nobody");
    let gone = gone.to_str().expect("text");
    let run = folder.start_with(
        "run --sim --pace lockstep --duration-s 0.5 --no-fine-tune",
        &[("NOTIFY_SOCKET", gone), ("WATCHDOG_USEC", "400000")],
    );
    run.wait().says(0, &["done, at rest"]);
}

#[test]
fn a_manager_that_reads_nothing_holds_nobody_up() {
    let folder = Folder::new();
    let path = folder.path("notify");
    let _full = UnixDatagram::bind(&path).expect("a socket"); // takes ten datagrams or so, then no more
    let path = path.to_str().expect("text");
    let run = folder.start_with(
        "run --sim --pace lockstep --laps 1 --no-fine-tune",
        &[("NOTIFY_SOCKET", path), ("WATCHDOG_USEC", "4000")],
    );
    run.wait().says(0, &["done, at rest"]);
}
