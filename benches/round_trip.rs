//! State to command, at the robot's side of the socket: `franka-imit run` with its trainer at full load, against the
//! simulated Panda, beside what a plain timer thread of the same machine shows just before and after.
//!
//! `cargo bench --bench round_trip [-- SECONDS]`. Drives with and without three open pages, and with and without a
//! record, take turns. The robot's thread and the control thread share a core, as in
//! `run --sim`; the trainer has the others. A busy machine shows in every figure, so its load is printed with them.
#[path = "../tests/cli/mod.rs"]
mod cli;
#[path = "../tests/page_client/mod.rs"]
mod page_client;

use franka_imit::robot::realtime::{self, cores, fifo, pin};
use franka_imit::sim::{Options, Sim};
use franka_imit::timing::Histogram;
use page_client::Served;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// An answer later than this after its state misses the research interface's budget, ns.
const BUDGET_NS: u64 = 300_000;
/// How long the machine's own wake-ups are looked at, before and after.
const WAKE_UPS: Duration = Duration::from_secs(5);
/// Open pages, beside a drive that has any.
const PAGES: usize = 3;

fn main() {
    let seconds = std::env::args().skip(1).find_map(|word| word.parse::<u32>().ok()).unwrap_or(30);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("{} cores, load {}", cores().len(), load.split(' ').next().unwrap_or("?"));
    println!("{:<64}{:>8}{:>8}{:>9}{:>10}", "", "p50 µs", "p99 µs", "p99.9 µs", "<= 300 µs");
    row("wake-ups of a timer thread, FIFO 80, before", &wake_ups());
    let folder = cli::Folder::new();
    std::fs::create_dir(folder.path("episodes")).expect("a folder");
    let (recorded, served) = ("--record episodes", "--serve");
    let drives = [
        ("learning", ""),
        ("learning, recorded", recorded),
        ("learning", ""),
        ("learning, recorded", recorded),
        ("learning, three open pages", served),
        ("learning", ""),
        ("learning, three open pages", served),
        ("learning", ""),
        ("learning, three open pages", served),
        ("without learning", "--no-fine-tune"),
    ];
    for (name, more) in drives {
        let options =
            Options { bind: IpAddr::from([127, 0, 46, 1]), time_round_trips: true, ..Options::default() };
        let beside = || realtime::enter_as_peer(&realtime::Options::default());
        let sim = Sim::start_with(options, beside).expect("the simulated robot starts");
        let line = format!(
            "run --yes --speed 1 --robot-ip {} --trajectory square --duration-s {seconds} --report report.json",
            sim.ip()
        );
        if more == served {
            watched(&folder, &line);
        } else {
            folder.run(&format!("{line} {more}")).says(0, &[]);
        }
        row(&format!("state to command, {name}, {seconds} s"), &sim.round_trips());
        let figures = folder.json("report.json");
        let us = |key: &str| figures["tick_us"][key].as_f64().unwrap_or(f64::NAN);
        println!(
            "{:<64}{:>8.1}{:>8.1}{:>9.1}",
            "  of which our own, state to command in the thread",
            us("p50"),
            us("p99"),
            us("p999")
        );
        println!("  {} cycles, {} missed commands", figures["cycles"], figures["missed_commands"]);
        if let Some(ticks) = figures["record"]["ticks"].as_u64() {
            println!("  {ticks} ticks recorded, {} dropped", figures["record"]["dropped"]);
        }
    }
    row("wake-ups of a timer thread, FIFO 80, after", &wake_ups());
}

/// The drive of `line`, with pages open from its beginning to its end.
fn watched(folder: &cli::Folder, line: &str) {
    let served = Served::start(folder, line, 46);
    std::thread::scope(|scope| {
        for _ in 0..PAGES {
            scope.spawn(|| {
                let mut page = served.page();
                page.until("the end", |tab| tab.said.iter().any(|words| words.contains("at rest")));
                assert!(page.updates > 0);
            });
        }
    });
    served.program.signal("INT");
    served.program.wait().says(0, &[]);
}

fn row(what: &str, times: &Histogram) {
    let q = times.quantiles_us();
    let within = 100.0 * times.share_within(BUDGET_NS);
    println!("{what:<64}{:>8.1}{:>8.1}{:>9.1}{within:>9.2}%", q.p50, q.p99, q.p999);
}

/// How late a thread of the control thread's priority and core wakes, every millisecond.
fn wake_ups() -> Histogram {
    std::thread::spawn(|| {
        pin(&cores().last().copied().into_iter().collect::<Vec<_>>());
        fifo(80);
        let mut late = Histogram::new();
        let begun = Instant::now();
        while begun.elapsed() < WAKE_UPS {
            let due = Instant::now() + Duration::from_millis(1);
            std::thread::sleep(Duration::from_millis(1));
            late.record(Instant::now().saturating_duration_since(due).as_nanos().max(1) as u64);
        }
        late
    })
    .join()
    .expect("the timer thread")
}
