//! `franka-imit sim` as a person or a script operates it: several arms, orders over a connection, keys of a terminal.
mod cli;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cli::Folder;
use serde_json::Value;

const DEADLINE: Duration = Duration::from_secs(20);

/// Somebody who gives orders to a running simulator over a connection.
struct Orders(BufReader<TcpStream>);

impl Orders {
    /// Connects as soon as the simulator listens.
    fn connect(address: &str) -> Self {
        let start = Instant::now();
        loop {
            match TcpStream::connect(address) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(DEADLINE)).expect("a time limit");
                    return Self(BufReader::new(stream));
                }
                Err(error) => assert!(start.elapsed() < DEADLINE, "{address}: {error}"),
            }
            std::thread::yield_now();
        }
    }

    /// Gives an order; every line of its answer, the last being `ok` or `error: …`.
    fn give(&mut self, order: &str) -> Vec<String> {
        self.0.get_mut().write_all(format!("{order}\n").as_bytes()).expect("the simulator reads");
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            assert_ne!(
                self.0.read_line(&mut line).expect("an answer"),
                0,
                "{order}: the connection was closed"
            );
            lines.push(line.trim_end().to_owned());
            if line == "ok\n" || line.starts_with("error: ") {
                return lines;
            }
        }
    }

    /// Status of every arm.
    fn status(&mut self) -> Vec<Value> {
        let lines = self.give("status");
        lines[..lines.len() - 1].iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Waits until the modes of the arms are these.
    fn await_modes(&mut self, expected: &[&str]) {
        let start = Instant::now();
        loop {
            let status = self.status();
            let modes: Vec<&str> = status.iter().filter_map(|arm| arm["mode"].as_str()).collect();
            if modes == expected {
                return;
            }
            assert!(start.elapsed() < DEADLINE, "{modes:?} instead of {expected:?}");
        }
    }
}

#[test]
fn orders_over_a_connection_reach_every_arm_or_the_one_they_name() {
    let folder = Folder::new();
    let line = "sim --bind 127.0.8.1 --bind 127.0.8.2 --orders 127.0.8.1:2000 --recovery-delay-s 0.05";
    let running = folder.start(line);
    let mut orders = Orders::connect("127.0.8.1:2000");
    orders.await_modes(&["Idle", "Idle"]);
    let addresses: Vec<Value> = orders.status().iter().map(|arm| arm["address"].clone()).collect();
    assert_eq!(addresses, ["127.0.8.1", "127.0.8.2"]);
    assert_eq!(orders.give("user-stop on"), ["ok"]);
    orders.await_modes(&["UserStopped", "UserStopped"]);
    orders.give("127.0.8.2 user-stop off");
    orders.await_modes(&["UserStopped", "Idle"]);
    orders.give("127.0.8.2 reflex cartesian_reflex");
    orders.await_modes(&["UserStopped", "Reflex"]);
    assert_eq!(orders.status()[1]["errors"], serde_json::json!(["cartesian_reflex"]));
    orders.give("recover");
    orders.await_modes(&["UserStopped", "Idle"]);
    let unknown = orders.give("127.0.8.3 recover");
    assert!(unknown[0].contains("127.0.8.1, 127.0.8.2"), "{unknown:?}");
    assert!(orders.give("dance")[0].starts_with("error: `dance` is no order"));
    assert_eq!(orders.give("quit"), ["ok"]);
    running.wait().says(0, &["127.0.8.1:1337, 127.0.8.2:1337"]);
}

#[test]
fn a_line_that_never_ends_closes_its_connection_and_nothing_else() {
    let folder = Folder::new();
    let running = folder.start("sim --bind 127.0.8.3 --orders 127.0.8.3:2000");
    let mut endless = Orders::connect("127.0.8.3:2000");
    let long = "x".repeat(2000);
    assert!(endless.give(&long)[0].starts_with("error: a line has more than"));
    let mut orders = Orders::connect("127.0.8.3:2000");
    orders.0.get_mut().write_all(b"\xff\xfe\x00\n\n").expect("the simulator reads");
    let mut answer = String::new();
    orders.0.read_line(&mut answer).expect("an answer");
    assert!(answer.starts_with("error: "), "{answer}");
    orders.await_modes(&["Idle"]);
    running.signal("TERM");
    running.wait().says(0, &[]);
}

#[test]
fn orders_are_taken_on_loopback_alone() {
    Folder::new().run("sim --bind 127.0.8.4 --orders 0.0.0.0:2000").refused(2, &["0.0.0.0:2000", "loopback"]);
}

/// A program with a terminal of its own for standard input; killed when the value goes.
struct AtTerminal {
    child: Child,
    keys: std::fs::File,
}

impl AtTerminal {
    fn start(words: &str) -> Self {
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&terminal).and_then(|()| unlockpt(&terminal)).expect("its other end");
        let name = ptsname(&terminal, Vec::new()).expect("its name").into_string().expect("text");
        let other = std::fs::OpenOptions::new().read(true).write(true).open(name).expect("its other end");
        let child = Command::new(env!("CARGO_BIN_EXE_franka-imit"))
            .args(words.split_whitespace())
            .stdin(Stdio::from(other))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        Self { child, keys: std::fs::File::from(terminal) }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }
}

impl Drop for AtTerminal {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
    }
}

#[test]
fn keys_press_the_user_stop_recover_type_orders_and_end_the_simulator() {
    let mut running =
        AtTerminal::start("sim --bind 127.0.8.5 --orders 127.0.8.5:2000 --recovery-delay-s 0.05");
    let mut orders = Orders::connect("127.0.8.5:2000");
    orders.await_modes(&["Idle"]);
    running.press("u");
    orders.await_modes(&["UserStopped"]);
    running.press("u");
    orders.await_modes(&["Idle"]);
    running.press("g");
    orders.await_modes(&["Guiding"]);
    let y = |orders: &mut Orders| orders.status()[0]["truth"]["O_T_EE"][13].as_f64().expect("a number");
    let before = y(&mut orders);
    running.press("\x1b[D");
    let start = Instant::now();
    while y(&mut orders) - before < 0.005 {
        assert!(start.elapsed() < DEADLINE, "the arrow pushes the arm to the left");
    }
    running.press("g");
    orders.await_modes(&["Idle"]);
    running.press(":reflex joint_reflexx\x7f\r");
    orders.await_modes(&["Reflex"]);
    running.press("r");
    orders.await_modes(&["Idle"]);
    running.press("q");
    let start = Instant::now();
    while running.child.try_wait().expect("it can be waited for").is_none() {
        assert!(start.elapsed() < DEADLINE, "q ends the simulator");
        std::thread::yield_now();
    }
}
