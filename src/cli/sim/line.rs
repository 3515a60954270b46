//! The status line: mode, client, rate, errors of every arm.
use std::collections::HashMap;
use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use super::arms::Arms;
use crate::sim::Status;

const EVERY: Duration = Duration::from_secs(1);

/// One line that is rewritten every second on a terminal; elsewhere a line when mode, client or errors have changed.
pub(super) struct StatusLine {
    last: Vec<Status>,
    next: Instant,
    shown: bool,
}

impl StatusLine {
    pub(super) fn new(arms: &Arms) -> Self {
        let last = arms.sims().iter().map(|sim| sim.status()).collect();
        Self { last, next: Instant::now() + EVERY, shown: false }
    }

    /// Looks at the arms once a second; `typed` is what a person is typing.
    pub(super) fn look(&mut self, arms: &Arms, typed: Option<&str>) {
        let terminal = stderr().is_terminal();
        if let (Some(typed), true) = (typed, terminal) {
            self.show(&format!(":{typed}"));
            return;
        }
        if Instant::now() < self.next {
            return;
        }
        self.next += EVERY;
        let several = arms.sims().len() > 1;
        let mut lines = Vec::new();
        for (sim, last) in arms.sims().iter().zip(&mut self.last) {
            let now = sim.status();
            let name = if several { format!("{} ", sim.ip()) } else { String::new() };
            let line = name + &line(&now, last);
            let changed = (now.mode, now.client, now.errors) != (last.mode, last.client, last.errors);
            if !terminal && changed {
                eprintln!("{line}");
            }
            lines.push(line);
            *last = now;
        }
        if terminal {
            self.show(&lines.join(" | "));
        }
    }

    /// Shows the line with the next look.
    pub(super) fn refresh(&mut self) {
        self.next = Instant::now();
    }

    fn show(&mut self, line: &str) {
        let width =
            rustix::termios::tcgetwinsize(stderr()).map_or(80, |size| usize::from(size.ws_col)).max(20);
        let line: String = line.chars().take(width - 1).collect();
        eprint!("\r\x1b[2K{line}");
        let _ = stderr().flush(); // a status line that cannot be shown is not worth ending for
        self.shown = true;
    }

    /// Makes room for other words.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            eprint!("\r\x1b[2K");
        }
    }
}

/// What an arm does, and what has come of the last second.
fn line(now: &Status, last: &Status) -> String {
    let client = now.client.map_or("no client".to_owned(), |client| format!("client {client}"));
    let since = |now: u64, last: u64| now.saturating_sub(last);
    let states = since(now.states_sent, last.states_sent);
    let commands = since(now.commands_received, last.commands_received);
    let mut line = format!("{:?}, {client}, {states} states/s, {commands} commands/s", now.mode);
    let missed = since(now.commands_missed, last.commands_missed);
    if missed > 0 {
        line += &format!(", {missed} missed");
    }
    let slips = since(now.slips, last.slips);
    if slips > 0 {
        line += &format!(", late {slips} times");
    }
    let before: HashMap<String, u64> = last.injected.all().collect();
    for (name, count) in now.injected.all() {
        let more = since(count, *before.get(&name).unwrap_or(&0));
        if more > 0 {
            line += &format!(", {name} {more}");
        }
    }
    let errors = now.errors.names().collect::<Vec<_>>().join(", ");
    if !errors.is_empty() {
        line += &format!(", errors: {errors}");
    }
    line
}
