//! Round trips of the network alone, by ICMP echoes: what `ping -i 0.001 -s 1200` does, in one figure.
use super::finding::{Check, Finding};
use crate::timing::Histogram;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io::{ErrorKind, Read, Result};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

const ECHOES: u16 = 1000;
const PERIOD: Duration = Duration::from_millis(1);
/// An echo that takes longer counts as lost.
const PATIENCE: Duration = Duration::from_millis(100);
/// As many lost at the start: nobody answers echoes there.
const GIVE_UP: u16 = 5;
/// Of the payload, bytes: the longer part of a state.
const PAYLOAD: usize = 1200;
/// The share of a cycle for the way, both directions, µs: state, computation and command have 1000 together.
const LONGEST_US: f64 = 300.0;

const REQUEST: u8 = 8;
const REPLY: u8 = 0;
const HEADER: usize = 8;

pub(super) fn examine(address: Ipv4Addr) -> Finding {
    let check = Check::new(
        "robot",
        "round trip of the network",
        format!("p99 at most {LONGEST_US:.0} µs, none lost"),
    );
    let (socket, raw) = match open(address) {
        Ok(opened) => opened,
        Err(why) => {
            let mend = "sudo sysctl -w net.ipv4.ping_group_range='0 2147483647'".to_string();
            return check.cannot_read(format!("no echo may be sent from here ({why})"), Some(mend));
        }
    };
    let (mut times, mut lost) = (Histogram::new(), 0);
    for number in 0..ECHOES {
        let start = Instant::now();
        match echo(&socket, raw, number) {
            Ok(true) => times.record(start.elapsed().as_nanos() as u64),
            Ok(false) => lost += 1,
            Err(why) => return check.cannot_read(format!("{address} sends no echo ({why})"), None),
        }
        if times.is_empty() && lost >= GIVE_UP {
            return check.cannot_read(format!("{address} sends no echo"), None);
        }
        std::thread::sleep(PERIOD.saturating_sub(start.elapsed()));
    }
    let us = times.quantiles_us();
    let found = format!(
        "p50 {:.0} µs, p99 {:.0} µs, max {:.0} µs; {lost} of {ECHOES} echoes lost",
        us.p50, us.p99, us.max
    );
    let mend =
        "plug the robot's control unit into this machine directly, without a switch or a router between";
    if us.p50 > LONGEST_US || lost > ECHOES / 100 {
        check.fail(found, mend)
    } else {
        check.pass_or_warn(us.p99 <= LONGEST_US && lost == 0, found, mend)
    }
}

/// A socket for echoes, and whether it is a raw one: those of users need a group the system allows, raw ones root.
fn open(address: Ipv4Addr) -> Result<(Socket, bool)> {
    let open = |kind| Socket::new(Domain::IPV4, kind, Some(Protocol::ICMPV4));
    let (socket, raw) = match open(Type::DGRAM) {
        Ok(socket) => (socket, false),
        Err(_) => (open(Type::from(libc::SOCK_RAW))?, true),
    };
    socket.connect(&SockAddr::from(SocketAddr::from((address, 0))))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok((socket, raw))
}

/// Sends one echo and waits for its answer; false when none came.
fn echo(socket: &Socket, raw: bool, number: u16) -> Result<bool> {
    let identifier = std::process::id() as u16;
    socket.send(&request(identifier, number))?;
    let end = Instant::now() + PATIENCE;
    let mut buffer = [0; 64 + HEADER + PAYLOAD];
    while Instant::now() < end {
        let length = match (&mut &*socket).read(&mut buffer) {
            Ok(length) => length,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return Ok(false),
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        let received = buffer.get(..length).unwrap_or_default();
        // A raw socket hands the address header over as well, whose length is in its first byte, in words.
        let skip = if raw { received.first().map_or(0, |first| usize::from(first & 15) * 4) } else { 0 };
        // A user's socket has an identifier of its own, which the kernel has put in and matched.
        if let Some(&[kind, _, _, _, id1, id2, n1, n2, ..]) = received.get(skip..)
            && kind == REPLY
            && u16::from_be_bytes([n1, n2]) == number
            && (!raw || u16::from_be_bytes([id1, id2]) == identifier)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// An echo request (RFC 792).
fn request(identifier: u16, number: u16) -> [u8; HEADER + PAYLOAD] {
    let mut packet = [0; HEADER + PAYLOAD];
    packet[0] = REQUEST;
    packet[4..6].copy_from_slice(&identifier.to_be_bytes());
    packet[6..8].copy_from_slice(&number.to_be_bytes());
    let sum = packet.chunks_exact(2).map(|two| u32::from(u16::from_be_bytes([two[0], two[1]]))).sum::<u32>();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    packet[2..4].copy_from_slice(&(!(folded as u16)).to_be_bytes());
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_request_add_up_to_nothing() {
        let words = request(0x1234, 77);
        let sum: u32 = words.chunks_exact(2).map(|w| u32::from(u16::from_be_bytes([w[0], w[1]]))).sum();
        assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
    }
}
