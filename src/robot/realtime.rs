//! What a thread asks of the kernel: priority, a core, locked memory, no signals. One of the two places with
//! `unsafe`: plain libc calls on values we own. Each has the safe outcome "not granted, and said so".
#![allow(unsafe_code)]
use crate::range::{Violation, check_range};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Once};

/// What the control thread asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// SCHED_FIFO priority of the control thread, 1 to 98; 0 asks for none.
    pub priority: i32,
    /// Core to pin the control thread to; −1 takes the last core the process may use, −2 pins nothing.
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
    /// Whether memory is locked.
    pub memory_locked: bool,
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
fn lock_memory() -> bool {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the call writes one rlimit. Without an unlimited allowance a lock of future memory would make
    // later allocations fail, so it is not asked for (root is exempt from the limit).
    unsafe {
        let unlimited =
            libc::getrlimit(libc::RLIMIT_MEMLOCK, &mut limit) == 0 && limit.rlim_cur == libc::RLIM_INFINITY;
        (unlimited || libc::geteuid() == 0) && libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE) == 0
    }
}

/// Sets up the calling thread as the control thread; never fails, says what was refused.
pub fn enter(options: &Options) -> Granted {
    let mut granted = Granted::default();
    block_signals();
    let cores = cores();
    let core = match options.core {
        -1 => cores.last().copied().filter(|_| cores.len() > 1),
        core => usize::try_from(core).ok(),
    };
    if let Some(core) = core {
        if pin(&[core]) {
            granted.core = Some(core);
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
                "real-time priority {} was refused: other programs can delay the loop. Add 'yourname - rtprio 99' \
                 to /etc/security/limits.conf and log in again",
                options.priority
            ));
        }
    }
    if options.lock_memory {
        granted.memory_locked = lock_memory();
        if !granted.memory_locked {
            granted.refused.push(
                "locking memory was refused: a page of ours may be swapped out. Add 'yourname - memlock \
                 unlimited' to /etc/security/limits.conf and log in again"
                    .to_string(),
            );
        }
    }
    granted
}
