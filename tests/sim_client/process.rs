//! What a process holds: threads, open files, memory; and how to let go of a connection the hard way.
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// A look at this process.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    pub threads: usize,
    pub files: usize,
    pub memory_kib: u64,
}

impl Held {
    /// What is held now.
    pub fn now() -> Self {
        let entries = |path: &str| std::fs::read_dir(path).expect("/proc").count();
        let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
        Self {
            threads: entries("/proc/self/task"),
            files: entries("/proc/self/fd"),
            memory_kib: memory.trim().trim_end_matches(" kB").parse().expect("a number"),
        }
    }

    /// What is held once it is no more than `before`: a thread that has ended takes a moment to go from the list.
    pub fn back_to(before: &Self, what: &str) -> Self {
        let start = Instant::now();
        loop {
            let now = Self::now();
            if now.threads <= before.threads && now.files <= before.files {
                return now;
            }
            assert!(start.elapsed() < Duration::from_secs(5), "{what}: before {before:?}, now {now:?}");
            std::thread::yield_now();
        }
    }
}

/// Closes a connection with a reset: what it still had to say is lost.
#[allow(unsafe_code)] // the standard library has no stable way to ask for this
pub fn reset(stream: TcpStream) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    // SAFETY: the descriptor is open and the option's value outlives the call.
    let set = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            size_of::<libc::linger>() as libc::socklen_t,
        )
    };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
}
