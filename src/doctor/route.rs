//! Which interface leads to the robot.
use super::machine::{Machine, Unread};
use std::net::Ipv4Addr;

/// Flags of a route, `linux/route.h`.
const UP: u32 = 1;

/// The way to an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) interface: String,
    /// The router in between, if there is one.
    pub(super) gateway: Option<Ipv4Addr>,
}

/// The route the kernel's main table has to `address`; `None` when there is none.
pub(super) fn to(machine: &Machine, address: Ipv4Addr) -> Result<Option<Route>, Unread> {
    if address.is_loopback() {
        return Ok(Some(Route { interface: "lo".to_string(), gateway: None }));
    }
    let table = machine.text("proc/net/route")?;
    let routes = table.lines().skip(1).filter_map(read);
    // The longest mask wins, then the smallest metric.
    let best = routes
        .filter(|(_, destination, mask, _)| u32::from(address) & mask == *destination)
        .max_by_key(|(_, _, mask, metric)| (mask.count_ones(), std::cmp::Reverse(*metric)));
    Ok(best.map(|(route, ..)| route))
}

/// One line: the route, its destination and mask, its metric.
fn read(line: &str) -> Option<(Route, u32, u32, u32)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let &[interface, destination, gateway, flags, _, _, metric, mask, ..] = fields.as_slice() else {
        return None;
    };
    // Addresses are written as the processor has them in memory: the first byte last.
    let address = |hex| u32::from_str_radix(hex, 16).ok().map(u32::swap_bytes);
    let (flags, metric) = (u32::from_str_radix(flags, 16).ok()?, metric.parse().ok()?);
    let gateway = Some(Ipv4Addr::from(address(gateway)?)).filter(|g| !g.is_unspecified());
    let route = Route { interface: interface.to_string(), gateway };
    (flags & UP == UP).then_some((route, address(destination)?, address(mask)?, metric))
}

/// An interface with a cable in it that leads nowhere in particular: where a robot might be plugged in.
pub(super) fn spare_interface(machine: &Machine) -> Option<String> {
    let wired = |name: &String| {
        let at = format!("sys/class/net/{name}");
        machine.has(&format!("{at}/device")) && !is_wireless(machine, name)
    };
    let has_carrier = |name: &String| machine.number(&format!("sys/class/net/{name}/carrier")) == Ok(1);
    let names: Vec<String> = machine.names("sys/class/net").into_iter().filter(wired).collect();
    names.iter().rfind(|name| has_carrier(name)).or(names.last()).cloned()
}

/// Whether an interface is a radio.
pub(super) fn is_wireless(machine: &Machine, interface: &str) -> bool {
    ["wireless", "phy80211"].iter().any(|mark| machine.has(&format!("sys/class/net/{interface}/{mark}")))
}
