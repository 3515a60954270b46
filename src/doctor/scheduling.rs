//! Whether the control thread may go before all others.
use super::finding::{Check, Finding};
use super::machine::{Machine, Unread};
use super::trials::Trials;
use crate::robot::realtime;

/// `linux/capability.h`.
const CAP_SYS_NICE: u32 = 23;
const THROTTLE: &str = "proc/sys/kernel/sched_rt_runtime_us";
/// Of each second, ns, that our control thread needs at the very most; below it would be held back.
const NEEDED_US: i64 = 500_000;

/// What gives a user the right to real-time priorities and locked memory.
pub(super) const LIMITS: &str = "printf '@realtime - rtprio 99\\n@realtime - memlock unlimited\\n' | \
    sudo tee /etc/security/limits.d/99-franka-imit.conf && sudo groupadd -f realtime && \
    sudo usermod -aG realtime \"$USER\"   (then log in again)";

pub(super) fn examine(machine: &Machine, trials: &dyn Trials, options: &realtime::Options) -> Vec<Finding> {
    // Priority 0 asks for none; whether one could be had is worth knowing all the same.
    let priority =
        if options.priority > 0 { options.priority } else { realtime::Options::default().priority };
    vec![fifo(machine, trials, priority), limit(machine, priority), throttle(machine), group(machine)]
}

fn fifo(machine: &Machine, trials: &dyn Trials, priority: i32) -> Finding {
    let check = Check::new("scheduling", "SCHED_FIFO", format!("priority {priority} granted"));
    match trials.fifo(priority) {
        Ok(()) => check.pass(format!("priority {priority} granted")),
        Err(why) => {
            let mend = match (machine.number::<i64>(THROTTLE), group_limit(machine)) {
                (Ok(0), _) => "sudo sysctl -w kernel.sched_rt_runtime_us=950000".to_string(),
                (_, Ok((0, file))) => give_group(&file),
                _ => LIMITS.to_string(),
            };
            check.fail(format!("refused: {why}"), mend)
        }
    }
}

fn limit(machine: &Machine, priority: i32) -> Finding {
    let check = Check::new("scheduling", "limit of priorities", format!("at least {priority} (rtprio)"));
    match machine.limit("Max realtime priority") {
        _ if machine.is_capable(CAP_SYS_NICE) => check.pass("none: the process has CAP_SYS_NICE"),
        Ok(None) => check.pass("none"),
        Ok(Some(most)) if most >= priority as u64 => check.pass(most.to_string()),
        Ok(Some(most)) => check.fail(most.to_string(), LIMITS),
        Err(why) => check.unread(&why),
    }
}

fn throttle(machine: &Machine) -> Finding {
    let check =
        Check::new("scheduling", "real-time throttle", "950000 µs of each second, or -1 (no throttle)");
    // Our thread sleeps between two states, so the usual 95 % never touch it, and they save a machine from a
    // thread that spins.
    match machine.number::<i64>(THROTTLE) {
        Ok(-1) => check.pass("-1: none; a real-time thread that spins has its core for good"),
        Ok(us) if us >= NEEDED_US => check.pass(format!("{us} µs")),
        Ok(us) => {
            let mend = "sudo sysctl -w kernel.sched_rt_runtime_us=950000   (-1 takes the throttle away, and with it what \
                        saves the machine from a real-time thread that spins)";
            if us == 0 {
                check.fail("0 µs: no real-time thread may run", mend)
            } else {
                check.warn(format!("{us} µs"), mend)
            }
        }
        Err(why) => check.unread(&why),
    }
}

fn group(machine: &Machine) -> Finding {
    let check = Check::new("scheduling", "share of the own cgroup", "above 0 µs (cpu.rt_runtime_us)");
    match group_limit(machine) {
        Ok((0, file)) => check.fail("0 µs: SCHED_FIFO is refused even to root", give_group(&file)),
        Ok((us, _)) => check.pass(format!("{us} µs")),
        Err(Unread::Missing) => check.pass("no group has a share of its own"),
        Err(why) => check.unread(&why),
    }
}

fn give_group(file: &str) -> String {
    format!(
        "echo 950000 | sudo tee /{file}   (its parents first; or start the program outside of the container)"
    )
}

/// The real-time microseconds of the process's own group, and the file that says so. Only version 1 of cgroups
/// has them.
fn group_limit(machine: &Machine) -> Result<(i64, String), Unread> {
    let groups = machine.text("proc/self/cgroup")?;
    let own = groups.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let controllers = parts.nth(1)?;
        controllers.split(',').any(|c| c == "cpu").then(|| (controllers.to_string(), parts.next()))
    });
    let Some((controllers, path)) = own else { return Err(Unread::Missing) };
    let path = path.unwrap_or_default().trim_matches('/');
    // In a container the path is the host's, while the own group is mounted at the root.
    let places = [format!("{controllers}/{path}"), format!("cpu/{path}"), controllers, "cpu".to_string()];
    let file = |place: &String| format!("sys/fs/cgroup/{}/cpu.rt_runtime_us", place.trim_end_matches('/'));
    let file = places.iter().map(file).find(|file| machine.has(file)).ok_or(Unread::Missing)?;
    Ok((machine.number(&file)?, file))
}
