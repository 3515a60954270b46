//! What a thread asks of the kernel: priority, a core, locked memory, no signals; and what it has used. One of the few
//! places with `unsafe`: plain libc calls on values we own. Each has the safe outcome "not granted, and said so".
#![allow(unsafe_code)]
use super::memory;
use crate::range::{Violation, check_range};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Once};

/// What the control thread asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// SCHED_FIFO priority of the control thread, 1 to 98; 0 asks for none.
    pub priority: i32,
    /// Core to pin the control thread to; −1 takes the last isolated core, else the last the process may use, −2 pins
    /// nothing.
    pub core: i32,
    /// Lock the process's memory so that no page of it is ever swapped.
    pub lock_memory: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options { priority: 80, core: -1, lock_memory: true }
    }
}

impl Options {
    /// Every value outside its allowed range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_range(&mut out, "priority", f64::from(self.priority), 0.0..=98.0, "(0 = none)");
        check_range(&mut out, "core", f64::from(self.core), -2.0..=1023.0, "(-1 = last core, -2 = any)");
        out
    }
}

/// The cores this process may use but for one; all of them if that leaves none.
pub fn cores_but(core: Option<usize>) -> Vec<usize> {
    let all = cores();
    let others: Vec<usize> = all.iter().copied().filter(|&c| Some(c) != core).collect();
    if others.is_empty() { all } else { others }
}

/// Sets up a simulated robot's thread beside the control thread: the same core, one priority above, since a
/// robot's own clock waits for nobody. What is refused is refused to the control thread too, which says so.
pub fn enter_as_peer(options: &Options) {
    let _ =
        enter(&Options { priority: (options.priority + 1).min(98), lock_memory: false, ..options.clone() });
}

/// What was granted; every refusal as a sentence with its mend.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Granted {
    /// SCHED_FIFO priority in force, 0 if none.
    pub priority: i32,
    /// Core the thread is pinned to.
    pub core: Option<usize>,
    /// Whether all memory is locked.
    pub memory_locked: bool,
    /// Otherwise what of it is, KiB.
    pub memory_locked_kib: u64,
    /// What was refused, why it matters and how to mend it.
    pub refused: Vec<String>,
}

/// The cores this process may run on, ascending.
pub fn cores() -> Vec<usize> {
    // SAFETY: cpu_set_t is plain bits for which all-zero is valid; the call writes at most its size into it.
    let set = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set);
        set
    };
    // SAFETY: the index is below CPU_SETSIZE, the number of bits in the set.
    (0..libc::CPU_SETSIZE as usize).filter(|&core| unsafe { libc::CPU_ISSET(core, &set) }).collect()
}

/// Whether a thread of this process may be pinned to a core, be it an isolated one that no thread is put on unasked.
pub fn may_use(core: usize) -> bool {
    std::thread::spawn(move || pin(&[core])).join().unwrap_or(false)
}

/// Pins the calling thread to some cores; whether the kernel agreed.
pub fn pin(to: &[usize]) -> bool {
    // SAFETY: as in `cores`; cores out of range are skipped; 0 names the calling thread.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        to.iter()
            .filter(|&&core| core < libc::CPU_SETSIZE as usize)
            .for_each(|&core| libc::CPU_SET(core, &mut set));
        !to.is_empty() && libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set) == 0
    }
}

/// Gives the calling thread a SCHED_FIFO priority; whether the kernel agreed.
pub fn fifo(priority: i32) -> bool {
    let parameters = libc::sched_param { sched_priority: priority };
    // SAFETY: pthread_self is always valid and the parameters outlive the call.
    unsafe { libc::pthread_setschedparam(libc::pthread_self(), libc::SCHED_FIFO, &parameters) == 0 }
}

/// Takes a real-time priority back from the calling thread.
pub fn ordinary() {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: as in `fifo`.
    unsafe { libc::pthread_setschedparam(libc::pthread_self(), libc::SCHED_OTHER, &parameters) };
}

/// Makes the calling thread the last to be scheduled (nice 19): the trainer.
pub fn nice() {
    // SAFETY: 0 names the calling thread on Linux; failing leaves the thread as it was.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 19) };
}

/// The kernel's number of the calling thread, by which another can [`demote`] it.
pub fn thread_id() -> i32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::gettid() }
}

/// Lets a thread of ours run only when nothing else wants to: for one that is stuck and was given up.
pub fn demote(thread_id: i32) {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: the parameters outlive the call; a thread that has ended is an error that changes nothing.
    unsafe { libc::sched_setscheduler(thread_id, libc::SCHED_IDLE, &parameters) };
}

/// Lets the calling thread's sleeps end when they should: by default the kernel adds up to 50 us, to save wake-ups.
/// A real-time priority implies it.
pub fn wake_on_time() {
    let slack_ns: libc::c_ulong = 1;
    // SAFETY: the option takes a number and concerns the calling thread alone; failing leaves it as it was.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, slack_ns) };
}

/// The one signal that reaches the control thread; the system ignores it, so that a stray one does nothing.
const INTERRUPT: libc::c_int = libc::SIGURG;

/// Blocks every signal on the calling thread: the driver panics when a signal interrupts its wait.
///
/// That is of use once: [`interrupt`] ends a wait that would never end.
pub fn block_signals() {
    // SAFETY: the set is initialised by sigfillset before it is read.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut set);
        libc::sigdelset(&mut set, INTERRUPT);
        libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
    }
}

/// Interrupts the wait for the network in which another thread of ours hangs.
pub fn interrupt(thread_id: i32) {
    static HANDLED: Once = Once::new();
    HANDLED.call_once(|| {
        // An ignored signal interrupts nothing: it needs somebody who takes it, and does nothing with it.
        if let Err(error) = signal_hook::flag::register(INTERRUPT, Arc::default()) {
            log::warn!("a stuck driver cannot be interrupted: {error}");
        }
    });
    // SAFETY: plain numbers; a thread that has ended, or never was, is an error that changes nothing.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread_id, INTERRUPT) };
}

/// Locks the memory of the process, now and to come; whether the kernel agreed.
pub(super) fn lock_all() -> bool {
    // Under a limit a lock of future memory would make later allocations fail, so that it is not asked for. Root is
    // exempt from the limit unless its capabilities are taken away: then this is refused as it should be.
    // SAFETY: the calls take numbers and change no memory of ours.
    let may = lock_limit() == u64::MAX || unsafe { libc::geteuid() } == 0;
    // SAFETY: as above.
    may && unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE) == 0 }
}

/// Bytes that a process without privileges may lock; the largest number when there is no limit.
pub(super) fn lock_limit() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the call writes one rlimit.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &mut limit) == 0 };
    if known { limit.rlim_cur } else { 0 }
}

/// Locks a range of addresses; whether the kernel agreed.
pub(super) fn lock_range(start: usize, bytes: usize) -> bool {
    // SAFETY: the kernel reads and writes nothing at the address; one that is not ours is refused.
    unsafe { libc::mlock(start as *const libc::c_void, bytes) == 0 }
}

/// What a thread has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Pages that were in memory and had to be mapped.
    pub minor_faults: u64,
    /// Pages that had to be read from a disk.
    pub major_faults: u64,
    /// Times that another thread was run in its place.
    pub preempted: u64,
    /// Time on a core, µs.
    pub cpu_us: u64,
}

impl Usage {
    /// Of the calling thread.
    pub fn of_this_thread() -> Usage {
        // SAFETY: rusage is plain numbers for which all-zero is valid; the call writes one.
        let used = unsafe {
            let mut used: libc::rusage = std::mem::zeroed();
            libc::getrusage(libc::RUSAGE_THREAD, &mut used);
            used
        };
        let us = |t: libc::timeval| t.tv_sec as u64 * 1_000_000 + t.tv_usec as u64;
        Usage {
            minor_faults: used.ru_minflt as u64,
            major_faults: used.ru_majflt as u64,
            preempted: used.ru_nivcsw as u64,
            cpu_us: us(used.ru_utime) + us(used.ru_stime),
        }
    }

    /// What was used since `before`.
    pub fn since(self, before: Usage) -> Usage {
        Usage {
            minor_faults: self.minor_faults.saturating_sub(before.minor_faults),
            major_faults: self.major_faults.saturating_sub(before.major_faults),
            preempted: self.preempted.saturating_sub(before.preempted),
            cpu_us: self.cpu_us.saturating_sub(before.cpu_us),
        }
    }
}

/// The core for the control thread, of those that may be used and those kept free of other work; `None` pins nothing.
///
/// A program is not put on an isolated core unless it asks, so that one may lie outside of `allowed`.
pub fn choose_core(options: &Options, allowed: &[usize], isolated: &[usize]) -> Option<usize> {
    match options.core {
        -1 => isolated.last().or(allowed.last().filter(|_| allowed.len() > 1)).copied(),
        core => usize::try_from(core).ok(),
    }
}

/// The cores that the kernel keeps free of whatever does not ask for them.
fn isolated_cores() -> Vec<usize> {
    let list = std::fs::read_to_string("/sys/devices/system/cpu/isolated").unwrap_or_default();
    core_list(&list)
}

/// The cores of a list as the kernel writes it: `0-3,8`.
pub fn core_list(list: &str) -> Vec<usize> {
    let span = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.trim().parse().ok()?..=last.trim().parse::<usize>().ok()?)
    };
    list.split(',').filter_map(span).flatten().collect()
}

/// Sets up the calling thread as the control thread; never fails, says what was refused.
pub fn enter(options: &Options) -> Granted {
    let mut granted = Granted::default();
    block_signals();
    let cores = cores();
    let core = choose_core(options, &cores, &isolated_cores());
    let otherwise = choose_core(options, &cores, &[]);
    if let Some(core) = core {
        // An isolated core may belong to others (a container's set of cores): then one of ours has to do.
        granted.core = [Some(core), otherwise].into_iter().flatten().find(|&core| pin(&[core]));
        if granted.core.is_some() {
        } else {
            granted
                .refused
                .push(format!("core {core} is not ours to pin to; set realtime.core to one of {cores:?}"));
        }
    }
    if options.priority > 0 {
        if fifo(options.priority) {
            granted.priority = options.priority;
        } else {
            granted.refused.push(format!(
                "real-time priority {} was refused: other programs can delay the loop. 'franka-imit doctor' says why, and \
                 the command that mends it",
                options.priority
            ));
        }
    }
    if options.lock_memory {
        let locked = memory::lock();
        (granted.memory_locked, granted.memory_locked_kib) = (locked.whole, locked.bytes / 1024);
        if !locked.whole {
            granted.refused.push(format!(
                "{} of {} KiB that the control thread uses are locked: under pressure a page of the rest may be \
                 swapped out, and reading it back takes longer than a cycle. 'franka-imit doctor' has the command that \
                 mends it",
                locked.bytes / 1024,
                locked.wanted_bytes / 1024
            ));
        }
    }
    memory::prefault();
    granted
}

impl Granted {
    /// What was granted, in words: `core 3, priority 80, all memory locked`.
    pub fn words(&self) -> String {
        let core = self.core.map_or("any core".to_string(), |core| format!("core {core}"));
        let priority = match self.priority {
            0 => "no real-time priority".to_string(),
            priority => format!("real-time priority {priority}"),
        };
        let memory = match (self.memory_locked, self.memory_locked_kib) {
            (true, _) => "all memory locked".to_string(),
            (false, 0) => "no memory locked".to_string(),
            (false, kib) => format!("{kib} KiB of memory locked"),
        };
        format!("{core}, {priority}, {memory}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cores_are_read_as_the_kernel_writes_them() {
        assert_eq!(core_list("0-3,8\n"), [0, 1, 2, 3, 8]);
        assert_eq!(core_list("5"), [5]);
        assert_eq!(core_list(""), [0; 0]);
        assert_eq!(core_list("(null)"), [0; 0]);
    }

    #[test]
    fn an_isolated_core_controls_if_there_is_one() {
        let core = |core| Options { core, ..Options::default() };
        assert_eq!(choose_core(&core(-1), &[0, 1, 2], &[3]), Some(3));
        assert_eq!(choose_core(&core(-1), &[0, 1, 2], &[]), Some(2));
        assert_eq!(choose_core(&core(-1), &[0], &[]), None);
        assert_eq!(choose_core(&core(1), &[0, 1, 2], &[3]), Some(1));
        assert_eq!(choose_core(&core(-2), &[0, 1, 2], &[3]), None);
    }

    #[test]
    fn pages_touched_for_the_first_time_are_counted_as_faults_of_the_thread() {
        let before = Usage::of_this_thread();
        let pages = std::hint::black_box(vec![1_u8; 64 << 20]);
        let used = Usage::of_this_thread().since(before);
        assert!(pages.len() > used.minor_faults as usize && used.minor_faults > 10, "{used:?}");
    }
}
