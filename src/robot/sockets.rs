//! The driver's connection, found from outside: a stuck driver would hold the robot's only client slot for ever, and
//! hands no socket out. One of the few places with `unsafe`: descriptors are borrowed by number, for one call each.
#![allow(unsafe_code)]
use rustix::net::{Shutdown, getpeername, shutdown};
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, RawFd};

/// Ends every TCP connection of this process to `robot`; how many there were.
///
/// Whoever waits on one is woken, and the robot sees its client go. The descriptors stay open: closing them under the
/// driver would let it close somebody else's later. Its UDP socket needs no such end: a robot without a client sends
/// nothing more.
pub fn hang_up(robot: SocketAddr) -> usize {
    let Ok(folder) = std::fs::read_dir("/proc/self/fd") else { return 0 };
    let open = folder.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<RawFd>().ok());
    open.filter(|&fd| leads_to(fd, robot) && end(fd)).count()
}

fn leads_to(fd: RawFd, robot: SocketAddr) -> bool {
    // SAFETY: the descriptor was open a moment ago and is borrowed for a call that only asks; a closed one, or one
    // that is no socket, is an error.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    let peer = getpeername(fd).ok().flatten();
    peer.and_then(|peer| SocketAddr::try_from(peer).ok()) == Some(robot)
}

fn end(fd: RawFd) -> bool {
    // SAFETY: as in `leads_to`; nothing is read or written through it.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    shutdown(fd, Shutdown::Both).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn only_the_connections_to_the_robot_are_ended() {
        let listener = TcpListener::bind("127.38.0.1:0").unwrap();
        let elsewhere = TcpListener::bind("127.38.0.2:0").unwrap();
        let mut robots = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut others = TcpStream::connect(elsewhere.local_addr().unwrap()).unwrap();
        let (mut served, _) = listener.accept().unwrap();
        let (mut other, _) = elsewhere.accept().unwrap();
        assert_eq!(hang_up(listener.local_addr().unwrap()), 1);
        assert_eq!(robots.read(&mut [0; 8]).unwrap(), 0, "whoever waits is woken");
        assert_eq!(served.read(&mut [0; 8]).unwrap(), 0, "the robot sees its client go");
        others.write_all(b"still").unwrap();
        assert_eq!(other.read(&mut [0; 8]).unwrap(), 5);
    }
}
