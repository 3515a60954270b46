//! Memory that is there when it is needed: all of it locked, or as much of it as may be, the most needed first.
use super::realtime;
use serde::Serialize;

/// Of the control thread's stack, bytes, what a tick and the driver may ever use.
const STACK: usize = 256 * 1024;
/// Left of a small allowance for the driver's own needs, bytes.
const RESERVE: u64 = 64 * 1024;

/// What of the process's memory stays where it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Locked {
    /// Whether all is locked, now and to come.
    pub whole: bool,
    /// What is locked otherwise, bytes.
    pub bytes: u64,
    /// What would have been locked with a larger allowance, bytes.
    pub wanted_bytes: u64,
}

/// Locks the memory of the process for the calling thread's sake, as far as its allowance goes.
pub fn lock() -> Locked {
    if realtime::lock_all() {
        return Locked { whole: true, ..Locked::default() };
    }
    let allowance = realtime::lock_limit().saturating_sub(RESERVE);
    let here = &raw const allowance as usize;
    let text = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let program = std::env::current_exe().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    let mut locked = Locked::default();
    for (start, end) in most_needed_first(&text, here, &program) {
        let bytes = (end - start) as u64;
        locked.wanted_bytes += bytes;
        if locked.bytes + bytes <= allowance && realtime::lock_range(start, end - start) {
            locked.bytes += bytes;
        }
    }
    locked
}

/// The ranges of `maps` (`/proc/self/maps`) that a control thread with its stack at `here` touches.
///
/// Its stack, then the program's code and its constants, then what it writes, then the heap, then the code of the
/// libraries it calls.
fn most_needed_first(maps: &str, here: usize, program: &str) -> Vec<(usize, usize)> {
    let mut ranges: Vec<(u8, usize, usize)> = maps
        .lines()
        .filter_map(|line| {
            let (range, rest) = line.split_once(' ')?;
            let (start, end) = range.split_once('-')?;
            let start = usize::from_str_radix(start, 16).ok()?;
            let end = usize::from_str_radix(end, 16).ok()?;
            let permissions = rest.get(..4)?;
            let path = rest.split_whitespace().nth(4).unwrap_or_default();
            let own = path == program && !program.is_empty();
            let library = ["/libc.", "/libm.", "/libc-", "/libm-"].iter().any(|name| path.contains(name));
            if (start..end).contains(&here) {
                return Some((0, start.max(here.saturating_sub(STACK) & !0xfff), end));
            }
            match permissions {
                "r-xp" if own => Some((1, start, end)),
                "r--p" if own => Some((2, start, end)),
                "rw-p" if own => Some((3, start, end)),
                "rw-p" if path == "[heap]" => Some((4, start, end)),
                "r-xp" if library => Some((5, start, end)),
                _ => None,
            }
        })
        .collect();
    ranges.sort_unstable();
    ranges.into_iter().map(|(_, start, end)| (start, end)).collect()
}

/// Touches the stack and some heap of the calling thread, so that their pages are there before they are needed.
#[inline(never)]
pub fn prefault() {
    let stack = [1_u8; STACK / 2];
    std::hint::black_box(&stack);
    // Small pieces: what they were made of stays with the process when they are given back.
    let heap: Vec<Vec<u8>> = (0..16).map(|_| vec![1; 32 * 1024]).collect();
    std::hint::black_box(&heap);
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: &str = "\
55e0c0000000-55e0c0040000 r--p 00000000 fe:00 131 /usr/bin/franka-imit
55e0c0040000-55e0c0640000 r-xp 00040000 fe:00 131 /usr/bin/franka-imit
55e0c0640000-55e0c0700000 rw-p 00640000 fe:00 131 /usr/bin/franka-imit
55e0c1000000-55e0c1100000 rw-p 00000000 00:00 0   [heap]
7f1000000000-7f1000021000 rw-p 00000000 00:00 0 
7f1010000000-7f1010200000 rw-p 00000000 00:00 0 
7f1020000000-7f1020150000 r-xp 00028000 fe:00 977 /usr/lib/x86_64-linux-gnu/libc.so.6
7f1020200000-7f1020210000 r-xp 00028000 fe:00 978 /usr/lib/x86_64-linux-gnu/libother.so
7ffc10000000-7ffc10021000 rw-p 00000000 00:00 0   [stack]
";

    #[test]
    fn the_stack_goes_first_then_the_program_then_the_heap_then_the_libraries() {
        let ranges = most_needed_first(MAPS, 0x7f10_101f_f123, "/usr/bin/franka-imit");
        let starts: Vec<usize> = ranges.iter().map(|(start, _)| *start).collect();
        assert_eq!(
            starts,
            [
                0x7f10_101b_f000,
                0x55e0_c004_0000,
                0x55e0_c000_0000,
                0x55e0_c064_0000,
                0x55e0_c100_0000,
                0x7f10_2000_0000
            ]
        );
        assert_eq!(ranges[0].1, 0x7f10_1020_0000);
    }

    #[test]
    fn maps_that_say_nothing_ask_for_nothing() {
        assert_eq!(most_needed_first("", 0, ""), []);
        assert_eq!(most_needed_first("nonsense\n-\n1-2", 0, ""), []);
    }
}
