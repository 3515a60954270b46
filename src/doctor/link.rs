//! The robot itself: its ports, its version, who holds it, and how its states arrive. The arm is not moved.
use super::echo;
use super::finding::{Check, Finding, Verdict};
use crate::robot::panda::{self, Panda};
use crate::robot::{Fault, Mode, State, realtime};
use crate::telemetry::claim::{self, Holder};
use crate::timing::{Histogram, Quantiles};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// TCP port of the hand.
const HAND_PORT: u16 = 1338;
/// For how long states are read.
const LISTEN: Duration = Duration::from_secs(2);
/// How long the driver may be late with what it was asked.
const GRACE: Duration = Duration::from_secs(1);
/// States lost in a row after which a moving robot would have stopped.
const FATAL_IN_A_ROW: u64 = 20;
const LONGEST_P99_US: f64 = 1300.0;

/// Examines the robot at `address`; ends within seconds whatever answers there, or nothing.
pub(super) fn examine(
    address: Ipv4Addr,
    robot: &panda::Options,
    realtime: &realtime::Options,
) -> Vec<Finding> {
    let limit = Duration::from_secs_f64(robot.connect_timeout_s);
    let mut found = vec![echo::examine(address), control_port(address, limit)];
    let is_open = found.last().is_some_and(|port| port.verdict == Verdict::Pass);
    found.push(hand_port(address, limit));
    if is_open {
        found.extend(listen(address, limit, realtime));
    }
    found
}

fn control_port(address: Ipv4Addr, limit: Duration) -> Finding {
    let check = Check::new(
        "robot",
        "control port",
        format!("open ({}), within {:.1} s", panda::PORT, limit.as_secs_f64()),
    );
    let start = Instant::now();
    match TcpStream::connect_timeout(&SocketAddr::from((address, panda::PORT)), limit) {
        Ok(_) => check.pass(format!("open, after {:.1} ms", 1e3 * start.elapsed().as_secs_f64())),
        Err(e) if e.kind() == ErrorKind::ConnectionRefused => match holder(address) {
            Some(Holder { pid, command, .. }) => check.fail(
                format!("refused: process {pid} of this machine holds the robot (franka-imit {command})"),
                format!("kill {pid}   (it brings the arm to rest first)"),
            ),
            None => check.fail(
                "refused: another client or Desk holds the robot, or FCI is not activated",
                format!(
                    "xdg-open https://{address}/desk   (activate FCI, and end what else is connected: the robot takes one client)"
                ),
            ),
        },
        Err(e) => check.fail(
            format!("nothing answers: {e}"),
            format!("ping {address}   (check the address, the cable, and that the control unit is on)"),
        ),
    }
}

/// Whoever on this machine has claimed the robot.
fn holder(address: Ipv4Addr) -> Option<Holder> {
    let claims = claim::all(&claim::folder()).into_iter();
    claims.map(|(holder, _)| holder).find(|holder| holder.robot == address.to_string())
}

fn hand_port(address: Ipv4Addr, limit: Duration) -> Finding {
    let check = Check::new("robot", "hand's port", format!("open ({HAND_PORT}), if there is a hand"));
    match TcpStream::connect_timeout(&SocketAddr::from((address, HAND_PORT)), limit) {
        Ok(_) => check.pass("open"),
        Err(e) => check.warn(
            format!("closed: {e}"),
            format!("xdg-open https://{address}/desk   (initialise the hand there; without one all is well)"),
        ),
    }
}

/// What a thread that may hang in the driver tells.
enum Heard {
    Connected(Box<State>),
    States(Arrivals),
    Ended(Fault),
}

/// How states arrived.
struct Arrivals {
    states: u64,
    lost: u64,
    lost_in_a_row: u64,
    between_us: Quantiles,
}

fn listen(address: Ipv4Addr, limit: Duration, realtime: &realtime::Options) -> Vec<Finding> {
    let version = Check::new("robot", "protocol version", "5 (Panda/FER, system 4.0.x to 4.2.x)");
    let (tell, heard) = sync_channel(2);
    let options = realtime.clone();
    // Given up when it hangs: it holds nothing but its own connection, and the process ends soon.
    let thread = std::thread::Builder::new().name("control".into()).spawn(move || {
        realtime::enter(&options);
        if let Err(fault) = read(address, &tell) {
            let _ = tell.send(Heard::Ended(fault));
        }
    });
    if let Err(e) = thread {
        return vec![version.cannot_read(format!("no thread to connect with: {e}"), None)];
    }
    let mend = |why: &str| format!("sudo ufw allow from {address}   (or the firewall in use; {why})");
    let state = match heard.recv_timeout(limit) {
        Ok(Heard::Connected(state)) => state,
        Ok(Heard::Ended(Fault::Version { robot, .. })) => {
            let mend = "a Franka Research 3 cannot be driven; a Panda needs system version 4.0 to 4.2 (franka.de, Downloads)";
            return vec![version.fail(robot.to_string(), mend)];
        }
        Ok(Heard::Ended(Fault::Unreachable { reason, .. })) => {
            return vec![version.fail(reason, mend("states come by UDP"))];
        }
        Ok(Heard::Ended(fault)) => return vec![version.fail(fault.to_string(), mend("states come by UDP"))],
        Ok(Heard::States(_)) | Err(RecvTimeoutError::Timeout) => {
            let words = format!("the port is open and nothing answered within {:.1} s", limit.as_secs_f64());
            return vec![version.fail(words, mend("states come by UDP"))];
        }
        Err(RecvTimeoutError::Disconnected) => return vec![version.fail("the driver ended early", mend(""))],
    };
    let check = Check::new(
        "robot",
        "states",
        format!("one each millisecond, p99 at most {LONGEST_P99_US:.0} µs apart, 1 in 1000 lost"),
    );
    let states = match heard.recv_timeout(LISTEN + GRACE) {
        Ok(Heard::States(arrivals)) => arrived(check, &arrivals),
        Ok(Heard::Ended(fault)) => check.fail(fault.to_string(), mend("states come by UDP")),
        _ => check.fail("they stopped coming", mend("states come by UDP")),
    };
    vec![version.pass("5"), mode(&state, address), states]
}

fn read(address: Ipv4Addr, tell: &SyncSender<Heard>) -> Result<(), Fault> {
    let mut panda = Panda::connect(IpAddr::V4(address))?;
    let first = panda.read()?;
    let _ = tell.send(Heard::Connected(Box::new(first)));
    let (mut between, mut states, mut longest_ms) = (Histogram::new(), 0, 0);
    let (start, mut last, mut last_ms) = (Instant::now(), Instant::now(), first.time_ms);
    while start.elapsed() < LISTEN {
        let state = panda.read()?;
        let now = Instant::now();
        between.record((now - last).as_nanos() as u64);
        longest_ms = longest_ms.max(state.time_ms.saturating_sub(last_ms));
        (last, last_ms, states) = (now, state.time_ms, states + 1);
    }
    let lost = last_ms.saturating_sub(first.time_ms).saturating_sub(states);
    let lost_in_a_row = longest_ms.saturating_sub(1);
    let arrivals = Arrivals { states, lost, lost_in_a_row, between_us: between.quantiles_us() };
    let _ = tell.send(Heard::States(arrivals));
    Ok(())
}

fn arrived(check: Check, arrivals: &Arrivals) -> Finding {
    let Arrivals { states, lost, lost_in_a_row, between_us: us } = arrivals;
    let found = format!(
        "{states}, {lost} lost, {lost_in_a_row} in a row; apart p50 {:.0} µs, p99 {:.0} µs, max {:.0} µs",
        us.p50, us.p99, us.max
    );
    let mend =
        "mend the lines above (kernel, scheduling, cores, network) from top to bottom, then measure again";
    if *lost_in_a_row >= FATAL_IN_A_ROW || lost * 50 > *states {
        check.fail(found, mend)
    } else {
        check.pass_or_warn(lost * 1000 <= *states && us.p99 <= LONGEST_P99_US, found, mend)
    }
}

fn mode(state: &State, address: Ipv4Addr) -> Finding {
    let check = Check::new("robot", "mode", "Idle: ready, and in nobody's hand");
    let errors: Vec<&str> = state.errors.names().collect();
    let found = match errors.as_slice() {
        [] => format!("{:?}", state.mode),
        errors => format!("{:?} ({})", state.mode, errors.join(", ")),
    };
    let desk = |what: &str| format!("xdg-open https://{address}/desk   ({what})");
    match state.mode {
        Mode::Idle => check.pass(found),
        Mode::Other => check.warn(found, desk("unlock the brakes there")),
        Mode::Reflex => check.warn(found, desk("clear the error there")),
        Mode::UserStopped => check.warn(found, "release the user stop"),
        Mode::Guiding => check.warn(found, "let go of the guiding buttons"),
        Mode::Move => check.fail(found, desk("end what moves the arm")),
        Mode::AutomaticErrorRecovery => check.warn(found, "wait until the robot has recovered"),
    }
}
