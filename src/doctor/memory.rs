//! Whether a page of ours can be away when it is needed.
use super::finding::{Check, Finding};
use super::kernel::in_brackets;
use super::machine::Machine;
use super::scheduling::LIMITS;

/// `linux/capability.h`.
const CAP_IPC_LOCK: u32 = 14;
const HUGE: &str = "sys/kernel/mm/transparent_hugepage/enabled";

pub(super) fn examine(machine: &Machine) -> Vec<Finding> {
    vec![locked(machine), swap(machine), huge_pages(machine)]
}

fn may_lock_all(machine: &Machine) -> bool {
    machine.is_capable(CAP_IPC_LOCK) || machine.limit("Max locked memory") == Ok(None)
}

fn locked(machine: &Machine) -> Finding {
    let check = Check::new("memory", "limit of locked memory", "unlimited (memlock)");
    if machine.is_capable(CAP_IPC_LOCK) {
        return check.pass("none: the process has CAP_IPC_LOCK");
    }
    match machine.limit("Max locked memory") {
        Ok(None) => check.pass("unlimited"),
        Ok(Some(bytes)) => {
            check.warn(format!("{} KiB: only as much of the program is locked", bytes / 1024), LIMITS)
        }
        Err(why) => check.unread(&why),
    }
}

fn swap(machine: &Machine) -> Finding {
    let check = Check::new("memory", "swap", "none, or all memory locked");
    match machine.text("proc/swaps") {
        Ok(table) => {
            let areas: Vec<&str> =
                table.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
            match areas.as_slice() {
                [] => check.pass("none"),
                areas => check.pass_or_warn(
                    may_lock_all(machine),
                    areas.join(", "),
                    "sudo swapoff -a   (for good: take the swap lines out of /etc/fstab)",
                ),
            }
        }
        Err(why) => check.unread(&why),
    }
}

fn huge_pages(machine: &Machine) -> Finding {
    let check = Check::new(
        "memory",
        "transparent huge pages",
        "madvise or never: the kernel gathers pages at times of its own",
    );
    match machine.text(HUGE) {
        Ok(modes) => {
            let mode = in_brackets(&modes, '[', ']');
            check.pass_or_warn(mode != "always", mode, format!("echo madvise | sudo tee /{HUGE}"))
        }
        Err(why) => check.unread(&why),
    }
}
