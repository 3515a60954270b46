//! What takes minutes, by hand: `cargo test --release --test soak -- --ignored --nocapture`.
mod cli;
mod page_client;

use cli::{Folder, robot_by_the_clock, wait_for};
use franka_imit::robot::Mode;
use page_client::{Served, Tab, drawing};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

const SIGNALS: u32 = 100;
/// A joint slower than this stands still, rad/s.
const STILL_RAD_S: f64 = 2e-3;

#[test]
#[ignore = "five minutes; run by: cargo test --release --test soak -- --ignored --nocapture"]
fn a_hundred_sigterms_at_random_moments_end_at_rest_in_half_a_second_and_with_a_whole_report_in_one() {
    let sim = robot_by_the_clock(100);
    let folder = Folder::new();
    folder
        .run("run --sim --pace lockstep --duration-s 0.5 --no-fine-tune --save-policy p.safetensors")
        .says(0, &[]);
    let mut rng = StdRng::seed_from_u64(1);
    let (mut rest_ms, mut exit_ms) = (Vec::new(), Vec::new());
    for k in 0..SIGNALS {
        wait_for(&sim, "ready for a client", |s| s.mode == Mode::Idle && s.client.is_none());
        let before = sim.status().commands_received;
        let mut program = folder.start(&format!(
            "run --robot-ip {} --yes --speed 1 --laps 10000 --policy p.safetensors --report r.json",
            sim.ip()
        ));
        let commands = before + rng.random_range(1..6000);
        wait_for(&sim, "driving", |s| {
            assert!(!program.has_ended(), "the drive has ended early\n{}", program.words());
            s.commands_received > commands
        });
        program.signal("TERM");
        let sent = Instant::now();
        wait_for(&sim, "at rest", |s| s.truth.dq.iter().all(|v| v.abs() < STILL_RAD_S));
        rest_ms.push(sent.elapsed().as_secs_f64() * 1e3);
        program.wait().says(0, &["stopped as asked, at rest"]);
        exit_ms.push(sent.elapsed().as_secs_f64() * 1e3);
        let report: Value = folder.json("r.json");
        assert_eq!(
            (&report["ending"], report["faults"].as_array().map(Vec::len)),
            (&"stopped".into(), Some(0))
        );
        assert!(report["path"]["measured_m"].is_array(), "signal {k}: the report is not whole");
    }
    let max = |times: &[f64]| times.iter().copied().fold(0.0, f64::max);
    let median = |times: &mut Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    println!(
        "{SIGNALS} signals: at rest after {:.0} ms, at most {:.0}; exit 0 after {:.0} ms, at most {:.0}",
        median(&mut rest_ms),
        max(&rest_ms),
        median(&mut exit_ms),
        max(&exit_ms)
    );
    assert!(max(&rest_ms) <= 500.0 && max(&exit_ms) <= 1000.0);
}

const CONNECTIONS: usize = 10_000;
const GIB: usize = 1 << 30;
/// The page gives up its part in this time, s: the longest it lets a client take for the rest of a request, and some more.
const GIVEN_UP_S: f64 = 10.0;

#[test]
#[ignore = "a minute, and 10 000 open files; run by: cargo test --release --test soak hostile -- --ignored --nocapture"]
fn hostile_clients_of_the_page_move_nothing_and_cost_no_memory() {
    let folder = Folder::new();
    let served = Served::start(&folder, "run --sim", 90);
    let mut operator = served.page();
    operator.operate();
    let client = operator.client.clone();
    let cookie = operator.cookie.clone();
    // One drive first: what it leaves allocated is not the attack's.
    assert_eq!(operator.imitate(1).0, 202);
    operator.until("a drive", |tab| tab.said.iter().any(|words| words.contains("done, at rest")));
    look(&mut operator, Duration::from_secs(2));
    let (joints, said) = (operator.joints(), operator.said.len());
    let memory = Memory::of(served.program.id());

    let mut figures = Vec::new();
    let mut after = |what: &str, operator: &mut Tab| {
        look(operator, Duration::from_millis(500));
        let moved = joints.iter().zip(operator.joints()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(moved < 1e-3 && operator.is("waiting"), "{what}: {moved} rad, {}", operator.now);
        assert_eq!(operator.said.len(), said, "{what}: {:?}", operator.said);
        figures.push((what.to_owned(), memory.peak_grown_mib(), moved));
    };

    let mut open: Vec<TcpStream> = Vec::new();
    let mut most = 0;
    for k in 0..CONNECTIONS {
        match TcpStream::connect_timeout(&served.at, Duration::from_secs(5)) {
            Ok(mut stream) => {
                let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: "); // most are turned away
                open.push(stream);
            }
            // This process may not have so many files open: the oldest go.
            Err(_) => drop(open.drain(..open.len() / 2)),
        }
        most = most.max(open.len());
        if k % 500 == 0 {
            look(&mut operator, Duration::from_millis(20));
        }
    }
    after(&format!("{CONNECTIONS} connections, {most} at a time, each with half a head"), &mut operator);
    drop(open);

    let head = |length: &str| {
        format!(
            "POST /api/imitate HTTP/1.1\r\nHost: {at}\r\nOrigin: http://{at}\r\nCookie: {cookie}\r\n\
             Content-Type: application/json\r\n{length}\r\n\r\n",
            at = served.at
        )
    };
    let announced = endless(&served, &mut operator, &head(&format!("Content-Length: {GIB}")), b"");
    after(&format!("a body of 1 GiB, of which {announced} KiB were taken"), &mut operator);
    let chunked = endless(&served, &mut operator, &head("Transfer-Encoding: chunked"), b"8000\r\n");
    after(&format!("a body without an end, of which {chunked} KiB were taken"), &mut operator);
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(1 << 20));
    (0..100).for_each(|_| drop(served.raw(long.as_bytes())));
    after("100 heads of 1 MiB", &mut operator);

    let own = [("Cookie", cookie.as_str())];
    let deep = format!(r#"{{"client":"{client}","drawing":{}"#, "[".repeat(100_000));
    let order = json!({ "client": client, "drawing": drawing(1) }).to_string();
    let stolen = json!({ "client": "0".repeat(64), "drawing": drawing(1) }).to_string();
    for k in 0..100 {
        let refused = [
            served.post("/api/imitate", &own, deep.as_bytes()).0,
            served.post("/api/imitate", &own, b"{\"client\":\"\xff\xfe\"}").0,
            served.post("/api/imitate", &[own[0], ("Origin", "http://evil.example")], order.as_bytes()).0,
            served.post("/api/imitate", &[own[0], ("Host", "evil.example")], order.as_bytes()).0,
            served.post("/api/imitate", &[], order.as_bytes()).0,
            served.post("/api/imitate", &own, stolen.as_bytes()).0,
        ];
        assert!(refused.iter().all(|status| (400..500).contains(status)), "{k}: {refused:?}");
        look(&mut operator, Duration::from_millis(20));
    }
    after(
        "100 times deep JSON, no UTF-8, a foreign Origin, another Host, no session, a stolen lease",
        &mut operator,
    );

    let idle: Vec<Tab> = (0..7).map(|_| served.page()).collect();
    look(&mut operator, Duration::from_secs(10));
    drop(idle);
    after("7 pages that take nothing for 10 s", &mut operator);

    let (status, words) = operator.imitate(1);
    assert_eq!(status, 202, "{words}");
    operator
        .until("a drive as before", |tab| tab.said.iter().skip(said).any(|words| words.contains("at rest")));
    assert!(operator.said.iter().all(|words| words.contains("done, at rest")), "{:?}", operator.said);
    for (what, mib, moved) in &figures {
        println!("{mib:6.1} MiB more at most, joints within {:.1e} rad: {what}", moved);
    }
    assert!(figures.iter().all(|(_, mib, _)| *mib <= 16.0));
}

/// Takes what comes to the operator's page for `long`, so that it keeps its place.
fn look(operator: &mut Tab, long: Duration) {
    let begun = Instant::now();
    operator.until("some time", |_| begun.elapsed() >= long);
}

/// Sends a body that never ends until it is refused; how much of it was taken, KiB.
fn endless(served: &Served, operator: &mut Tab, head: &str, before_each: &[u8]) -> usize {
    let mut stream = served.connect();
    stream.set_write_timeout(Some(Duration::from_millis(50))).expect("a time limit");
    stream.write_all(head.as_bytes()).expect("the head is sent");
    let (begun, block) = (Instant::now(), vec![b' '; 32 << 10]);
    let mut taken = 0;
    while taken < GIB && begun.elapsed().as_secs_f64() < GIVEN_UP_S {
        if stream.write_all(before_each).and_then(|()| stream.write_all(&block)).is_err() {
            break;
        }
        taken += block.len();
        look(operator, Duration::ZERO);
    }
    assert!(taken < GIB, "all of it was taken");
    taken >> 10
}

/// The memory of a process.
struct Memory {
    process: u32,
    before_kib: u64,
}

impl Memory {
    fn of(process: u32) -> Memory {
        std::fs::write(format!("/proc/{process}/clear_refs"), "5").expect("its peak is forgotten");
        Memory { process, before_kib: kib(process, "VmRSS:") }
    }

    /// How much more than at the beginning it has had at most, MiB.
    fn peak_grown_mib(&self) -> f64 {
        (kib(self.process, "VmHWM:") as f64 - self.before_kib as f64) / 1024.0
    }
}

fn kib(process: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with(name)).expect("its memory");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}
