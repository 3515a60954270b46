//! The simulated arms of this process, and whoever gives them orders.
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::orders::Order;
use crate::sim::Sim;

/// Connections that may give orders at a time; more are turned away.
const CONNECTIONS_MAX: usize = 8;
/// Longest line of such a connection, bytes.
const LINE_MAX: u64 = 1024;

/// All arms of the process.
pub(super) struct Arms {
    sims: Vec<Sim>,
    /// Set when somebody has ordered the end.
    end: Arc<AtomicBool>,
}

impl Arms {
    pub(super) fn new(sims: Vec<Sim>, end: Arc<AtomicBool>) -> Self {
        Self { sims, end }
    }

    pub(super) fn sims(&self) -> &[Sim] {
        &self.sims
    }

    pub(super) fn ended(&self) -> bool {
        self.end.load(Ordering::Relaxed)
    }

    /// Obeys a line: an order to every arm, or, behind an address, to that one; its answer, if it has one.
    ///
    /// # Errors
    /// What was not understood and what would have been.
    pub(super) fn obey(&self, line: &str) -> Result<String, String> {
        let line = line.trim();
        let address =
            line.split_once(char::is_whitespace).and_then(|(first, _)| first.parse::<IpAddr>().ok());
        let order = match (address, line.split_once(char::is_whitespace)) {
            (Some(_), Some((_, rest))) => Order::parse(rest)?,
            _ => Order::parse(line)?,
        };
        let chosen = self.sims.iter().filter(|sim| address.is_none_or(|address| sim.ip() == address));
        let answers: Vec<String> = chosen.map(|sim| order.obey(sim)).collect();
        match (&order, address) {
            (Order::Quit, _) => self.end.store(true, Ordering::Relaxed),
            (Order::Help, _) => return Ok(answers.into_iter().next().unwrap_or_default()),
            (_, Some(address)) if answers.is_empty() => {
                let known: Vec<String> = self.sims.iter().map(|sim| sim.ip().to_string()).collect();
                return Err(format!("no arm at {address}; there are: {}", known.join(", ")));
            }
            _ => {}
        }
        Ok(answers.into_iter().filter(|answer| !answer.is_empty()).collect::<Vec<_>>().join("\n"))
    }

    /// Obeys the lines of `input` until they end; the end of input is the end of orders, not of the arms.
    fn obey_lines(&self, input: impl BufRead, mut answer: impl FnMut(Result<String, String>) -> bool) {
        let mut input = input.take(LINE_MAX);
        let mut line = Vec::new();
        while !self.ended() {
            line.clear();
            match input.read_until(b'\n', &mut line) {
                Ok(1..) if line.ends_with(b"\n") || input.limit() > 0 => {}
                Ok(1..) => {
                    let _ = answer(Err(format!("a line has more than {LINE_MAX} bytes")));
                    return;
                }
                _ => return,
            }
            input.set_limit(LINE_MAX);
            let text = String::from_utf8_lossy(&line);
            if !text.trim().is_empty() && !answer(self.obey(&text)) {
                return;
            }
        }
    }
}

/// Obeys the lines of standard input, on a thread of their own.
///
/// # Errors
/// The system gives no thread.
pub(super) fn obey_standard_input(arms: &Arc<Arms>) -> std::io::Result<()> {
    let arms = Arc::clone(arms);
    std::thread::Builder::new().name("orders".to_owned()).spawn(move || {
        arms.obey_lines(std::io::stdin().lock(), |answer| {
            match answer {
                Ok(answer) if answer.is_empty() => {}
                Ok(answer) => say!("{answer}"),
                Err(why) => eprintln!("{why}"),
            }
            true
        });
    })?;
    Ok(())
}

/// Obeys the lines of whoever connects to `address`: each is answered by what it says, if anything, and then by
/// `ok` or `error: …` alone on a line.
///
/// # Errors
/// The address cannot be bound, or the system gives no thread.
pub(super) fn obey_connections(arms: &Arc<Arms>, address: SocketAddr) -> std::io::Result<()> {
    let listener = TcpListener::bind(address)?;
    let (arms, open) = (Arc::clone(arms), Arc::new(AtomicUsize::new(0)));
    std::thread::Builder::new().name("orders".to_owned()).spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { continue };
            if open.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS_MAX {
                open.fetch_sub(1, Ordering::Relaxed);
                continue;
            }
            let (arms, counted) = (Arc::clone(&arms), Arc::clone(&open));
            let spawned = std::thread::Builder::new().name("orders".to_owned()).spawn(move || {
                serve(&arms, &stream);
                counted.fetch_sub(1, Ordering::Relaxed);
            });
            if spawned.is_err() {
                open.fetch_sub(1, Ordering::Relaxed);
            }
        }
    })?;
    Ok(())
}

fn serve(arms: &Arms, stream: &TcpStream) {
    arms.obey_lines(BufReader::new(stream), |answer| {
        let lines = match answer {
            Ok(answer) if answer.is_empty() => "ok\n".to_owned(),
            Ok(answer) => format!("{answer}\nok\n"),
            Err(why) => format!("error: {}\n", why.replace('\n', "; ")),
        };
        (&mut &*stream).write_all(lines.as_bytes()).is_ok()
    });
}
