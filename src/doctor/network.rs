//! The way to the robot: the interface, its cable, its interrupts.
use super::finding::{Check, Finding};
use super::machine::Machine;
use super::route::{self, Route};
use super::trials::Trials;
use crate::robot::realtime::core_list;
use std::net::Ipv4Addr;

/// A state takes 2.4 kB: 0.02 ms of a cycle at 1 Gbit/s, 0.2 ms at 100 Mbit/s.
const WANTED_MBIT: i64 = 1000;
/// How long an interface may keep a frame back to gather more, µs.
const LONGEST_GATHERING_US: u32 = 10;

pub(super) fn examine(
    machine: &Machine,
    trials: &dyn Trials,
    robot: Option<Ipv4Addr>,
    control: Option<usize>,
) -> Vec<Finding> {
    let Some(robot) = robot else {
        let mend = "franka-imit doctor --robot-ip 172.16.0.2   (the robot's address)".to_string();
        let check = Check::new("network", "way to the robot", "a cable of its own");
        return vec![check.cannot_read("no robot's address was given", Some(mend))];
    };
    let (mut found, interface) = way(machine, robot);
    match interface {
        Some(interface) if interface == "lo" => {}
        Some(interface) => found.extend([
            wireless(machine, &interface),
            speed(machine, &interface),
            duplex(machine, &interface),
            interrupts(machine, &interface, control),
            gathering(trials, &interface),
            errors(machine, &interface),
        ]),
        None => {}
    }
    found
}

fn way(machine: &Machine, robot: Ipv4Addr) -> (Vec<Finding>, Option<String>) {
    let check = Check::new("network", "way to the robot", "direct, by a cable of its own");
    match route::to(machine, robot) {
        Ok(Some(Route { interface, gateway: None })) => {
            let words = if interface == "lo" { "this machine itself (a simulated robot)" } else { "direct" };
            (vec![check.pass(format!("{interface}, {words}"))], Some(interface))
        }
        Ok(Some(Route { interface, gateway: Some(gateway) })) => {
            let mend = plug_in(machine, robot);
            (vec![check.warn(format!("{interface}, through the router {gateway}"), mend)], Some(interface))
        }
        Ok(None) => (vec![check.fail(format!("no route to {robot}"), plug_in(machine, robot))], None),
        Err(why) => (vec![check.unread(&why)], None),
    }
}

/// An address in the robot's network for the interface its cable is in.
fn plug_in(machine: &Machine, robot: Ipv4Addr) -> String {
    let [a, b, c, d] = robot.octets();
    let ours = Ipv4Addr::new(a, b, c, if d == 1 { 2 } else { 1 });
    let interface = route::spare_interface(machine).unwrap_or_else(|| "INTERFACE".to_string());
    format!(
        "sudo ip addr add {ours}/24 dev {interface}   (the interface with the cable to the robot's control unit)"
    )
}

fn wireless(machine: &Machine, interface: &str) -> Finding {
    let check = Check::new("network", "medium", "a cable");
    if route::is_wireless(machine, interface) {
        check.fail(
            format!("{interface} is wireless"),
            format!("plug a cable in, then: sudo ip link set {interface} down"),
        )
    } else {
        check.pass("a cable")
    }
}

fn speed(machine: &Machine, interface: &str) -> Finding {
    let check = Check::new("network", "speed", format!("{WANTED_MBIT} Mbit/s"));
    match machine.number::<i64>(&format!("sys/class/net/{interface}/speed")) {
        Ok(mbit) if mbit >= WANTED_MBIT => check.pass(format!("{mbit} Mbit/s")),
        Ok(mbit) if mbit > 0 => {
            let mend =
                format!("change the cable (Cat 5e or better), then: sudo ethtool -s {interface} autoneg on");
            let found = format!("{mbit} Mbit/s");
            if mbit >= 100 { check.warn(found, mend) } else { check.fail(found, mend) }
        }
        _ => check.cannot_read("not told by the driver", None),
    }
}

fn duplex(machine: &Machine, interface: &str) -> Finding {
    let check = Check::new("network", "duplex", "full");
    match machine.text(&format!("sys/class/net/{interface}/duplex")).as_deref() {
        Ok("full") => check.pass("full"),
        Ok("half") => check.fail("half", format!("sudo ethtool -s {interface} autoneg on")),
        _ => check.cannot_read("not told by the driver", None),
    }
}

fn interrupts(machine: &Machine, interface: &str, control: Option<usize>) -> Finding {
    let Some(control) = control else {
        let check = Check::new("network", "interrupts", "on the control core");
        return check.cannot_read("no core is set apart for control", None);
    };
    // There the state's arrival wakes a thread whose core is awake anyway, and no trainer is in the way.
    let check = Check::new("network", "interrupts", format!("on the control core, {control}"));
    let at = format!("sys/class/net/{interface}/device");
    let mut numbers = machine.names(&format!("{at}/msi_irqs"));
    if numbers.is_empty() {
        numbers.extend(machine.text(&format!("{at}/irq")).ok().filter(|irq| irq != "0"));
    }
    let placed: Vec<(String, Vec<usize>)> = numbers
        .into_iter()
        .filter_map(|irq| {
            let list = ["effective_affinity_list", "smp_affinity_list"].iter().find_map(|file| {
                machine.text(&format!("proc/irq/{irq}/{file}")).ok().filter(|l| !l.is_empty())
            })?;
            Some((irq, core_list(&list)))
        })
        .collect();
    if placed.is_empty() {
        return check.cannot_read("no interrupt of the interface is shown", None);
    }
    let elsewhere: Vec<&(String, Vec<usize>)> =
        placed.iter().filter(|(_, cores)| *cores != [control]).collect();
    let Some((_, cores)) = elsewhere.first() else { return check.pass(format!("core {control}")) };
    let cores: Vec<String> = cores.iter().map(usize::to_string).collect();
    let mend: Vec<String> = elsewhere
        .iter()
        .map(|(irq, _)| format!("echo {control} | sudo tee /proc/irq/{irq}/smp_affinity_list"))
        .collect();
    let mend =
        format!("{}   (and: sudo systemctl disable --now irqbalance, which moves them)", mend.join("; "));
    check.warn(format!("{} of {} on other cores ({})", elsewhere.len(), placed.len(), cores.join(", ")), mend)
}

fn gathering(trials: &dyn Trials, interface: &str) -> Finding {
    let check =
        Check::new("network", "coalescing", format!("at most {LONGEST_GATHERING_US} µs, not adaptive"));
    let mend = format!("sudo ethtool -C {interface} adaptive-rx off rx-usecs 0 tx-usecs 0");
    match trials.coalescing(interface) {
        Ok(c) => {
            let adaptive = if c.adaptive { ", adaptive" } else { "" };
            let found = format!("rx {} µs, tx {} µs{adaptive}", c.rx_us, c.tx_us);
            check.pass_or_warn(!c.adaptive && c.rx_us.max(c.tx_us) <= LONGEST_GATHERING_US, found, mend)
        }
        Err(why) => check.cannot_read(why, None),
    }
}

fn errors(machine: &Machine, interface: &str) -> Finding {
    let check = Check::new("network", "errors of the interface", "none since it went up");
    let count = |name: &'static str| {
        let count = machine.number::<u64>(&format!("sys/class/net/{interface}/statistics/{name}")).ok()?;
        Some((name, count))
    };
    let counters = ["rx_crc_errors", "rx_frame_errors", "rx_missed_errors", "rx_fifo_errors", "tx_errors"];
    let counts: Vec<(&str, u64)> = counters.into_iter().filter_map(count).collect();
    if counts.is_empty() {
        return check.cannot_read("no counters are shown", None);
    }
    let some: Vec<String> =
        counts.iter().filter(|(_, n)| *n > 0).map(|(name, n)| format!("{name} {n}")).collect();
    check.pass_or_warn(
        some.is_empty(),
        if some.is_empty() { "none".to_string() } else { some.join(", ") },
        format!("change the cable or the port; sudo ethtool -G {interface} rx 4096 if frames were missed; watch: ip -s link show {interface}"),
    )
}
