//! What the kernel does with a state on its last way: two fragments put together, a queue until it is read.
use super::finding::{Check, Finding};
use super::machine::{Machine, Unread};

/// What Linux gives a socket by itself; room for about forty states.
const WANTED_BUFFER: u64 = 212_992;
/// Room to put fragments together, bytes: states whose second half was lost wait here for half a minute.
const WANTED_FRAGMENTS: u64 = 262_144;
const BUFFER: &str = "proc/sys/net/core/rmem_default";
const FRAGMENTS: &str = "proc/sys/net/ipv4/ipfrag_high_thresh";

pub(super) fn examine(machine: &Machine) -> Vec<Finding> {
    vec![buffer(machine), overflows(machine), fragments(machine), torn(machine)]
}

fn buffer(machine: &Machine) -> Finding {
    let check = Check::new("network", "socket buffer", format!("{WANTED_BUFFER} bytes or more"));
    match machine.number::<u64>(BUFFER) {
        Ok(bytes) => check.pass_or_warn(
            bytes >= WANTED_BUFFER,
            format!("{bytes} bytes"),
            format!("sudo sysctl -w net.core.rmem_default={WANTED_BUFFER} net.core.rmem_max={WANTED_BUFFER}"),
        ),
        Err(why) => check.unread(&why),
    }
}

fn overflows(machine: &Machine) -> Finding {
    // Any program may have caused them, so that they are told and not judged.
    let check = Check::new(
        "network",
        "datagrams dropped at full buffers",
        "told, not judged: since the boot, of all programs",
    );
    match counter(machine, "Udp:", "RcvbufErrors") {
        Ok(count) => check.pass(count.to_string()),
        Err(why) => check.unread(&why),
    }
}

fn fragments(machine: &Machine) -> Finding {
    let check = Check::new(
        "network",
        "memory for fragments",
        format!("{WANTED_FRAGMENTS} bytes or more: a state comes in two"),
    );
    let mend = "sudo sysctl -w net.ipv4.ipfrag_high_thresh=4194304";
    match machine.number::<u64>(FRAGMENTS) {
        Ok(0) => check.fail("0 bytes: no state can be put together", mend),
        Ok(bytes) => check.pass_or_warn(bytes >= WANTED_FRAGMENTS, format!("{bytes} bytes"), mend),
        Err(why) => check.unread(&why),
    }
}

fn torn(machine: &Machine) -> Finding {
    let check = Check::new(
        "network",
        "fragments never made whole",
        "told, not judged: since the boot, of all interfaces",
    );
    match counter(machine, "Ip:", "ReasmFails") {
        Ok(count) => check.pass(count.to_string()),
        Err(why) => check.unread(&why),
    }
}

/// A counter of `proc/net/snmp`, where a line of names goes before a line of numbers.
fn counter(machine: &Machine, protocol: &str, name: &str) -> Result<u64, Unread> {
    let text = machine.text("proc/net/snmp")?;
    let mut lines = text.lines().filter(|line| line.starts_with(protocol));
    let (Some(names), Some(numbers)) = (lines.next(), lines.next()) else { return Err(Unread::Missing) };
    let mut both = names.split_whitespace().zip(numbers.split_whitespace());
    let (_, number) = both.find(|(n, _)| *n == name).ok_or(Unread::Missing)?;
    number.parse().map_err(|_| Unread::Refused(format!("proc/net/snmp: {name} is {number:?}")))
}
