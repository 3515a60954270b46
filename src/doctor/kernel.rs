//! The kernel itself: real time, preemption, the clock.
use super::finding::{Check, Finding};
use super::machine::{Machine, Unread};

const PREEMPT: &str = "sys/kernel/debug/sched/preempt";
const CLOCK: &str = "sys/devices/system/clocksource/clocksource0";

pub(super) fn examine(machine: &Machine) -> Vec<Finding> {
    vec![real_time(machine), preemption(machine), clock(machine)]
}

/// Whether every part of the kernel can be interrupted: its own word, else what its version says.
fn is_real_time(machine: &Machine, version: &str) -> bool {
    machine.text("sys/kernel/realtime").is_ok_and(|flag| flag == "1")
        || version.contains("PREEMPT_RT")
        || version.contains("PREEMPT RT") // before version 5.4
}

fn real_time(machine: &Machine) -> Finding {
    let check = Check::new("kernel", "real-time kernel", "PREEMPT_RT");
    let version = match machine.text("proc/version") {
        Ok(version) => version,
        Err(why) => return check.unread(&why),
    };
    let mut words = version.split_whitespace();
    let name = [words.next(), words.nth(1)].map(Option::unwrap_or_default).join(" ");
    if is_real_time(machine, &version) {
        return check.pass(format!("{name}, PREEMPT_RT"));
    }
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let mend = match distribution(machine).as_str() {
        "debian" => format!("sudo apt install linux-image-rt-{arch} && sudo reboot"),
        "ubuntu" => "sudo pro attach && sudo pro enable realtime-kernel && sudo reboot".to_string(),
        "fedora" | "rhel" | "centos" | "rocky" | "almalinux" => {
            "sudo dnf install kernel-rt && sudo reboot".to_string()
        }
        "arch" => "sudo pacman -S linux-rt && sudo reboot".to_string(),
        _ => "install or build a kernel with CONFIG_PREEMPT_RT=y (in Linux itself since 6.12)".to_string(),
    };
    check.fail(format!("{name}, without PREEMPT_RT"), mend)
}

fn distribution(machine: &Machine) -> String {
    let release = machine.text("etc/os-release").unwrap_or_default();
    let id = release.lines().find_map(|line| line.strip_prefix("ID="));
    id.unwrap_or_default().trim_matches('"').to_string()
}

fn preemption(machine: &Machine) -> Finding {
    let check = Check::new("kernel", "preemption model", "full");
    let version = machine.text("proc/version").unwrap_or_default();
    if is_real_time(machine, &version) {
        return check.pass("full, with PREEMPT_RT");
    }
    let mend =
        format!("echo full | sudo tee /{PREEMPT}   (for good: preempt=full on the kernel's command line)");
    let known = machine.text(PREEMPT).map(|modes| in_brackets(&modes, '(', ')')).or_else(|unread| {
        let line = machine.text("proc/cmdline").unwrap_or_default();
        let given =
            line.split_whitespace().find_map(|word| word.strip_prefix("preempt=").map(str::to_string));
        given.ok_or(unread)
    });
    match known {
        Ok(mode) => check.pass_or_warn(mode == "full", mode, mend),
        Err(_) if version.contains("PREEMPT_DYNAMIC") => check.cannot_read(
            "set at boot, and not shown",
            Some(format!("sudo mount -t debugfs none /sys/kernel/debug; sudo cat /{PREEMPT}")),
        ),
        Err(_) if version.contains(" PREEMPT ") => check.pass("full"),
        Err(Unread::Missing) if version.is_empty() => check.unread(&Unread::Missing),
        Err(_) => check.warn(
            "none or voluntary",
            "install the real-time kernel: this one was built without full preemption",
        ),
    }
}

fn clock(machine: &Machine) -> Finding {
    let check = Check::new("kernel", "clock source", "one that is read without leaving the processor (tsc)");
    let slow = ["hpet", "acpi_pm", "jiffies", "refined-jiffies", "pit"];
    match machine.text(&format!("{CLOCK}/current_clocksource")) {
        Ok(clock) if slow.contains(&clock.as_str()) => {
            let available = machine.text(&format!("{CLOCK}/available_clocksource")).unwrap_or_default();
            let mend = match available.split_whitespace().find(|clock| !slow.contains(clock)) {
                Some(better) => format!("echo {better} | sudo tee /{CLOCK}/current_clocksource"),
                None => {
                    "put clocksource=tsc tsc=reliable on the kernel's command line, and reboot".to_string()
                }
            };
            check.warn(clock, mend)
        }
        Ok(clock) => check.pass(clock),
        Err(why) => check.unread(&why),
    }
}

/// The chosen word of a list as the kernel writes it: `none voluntary (full)`.
pub(super) fn in_brackets(list: &str, open: char, close: char) -> String {
    let chosen = list.split_once(open).and_then(|(_, rest)| rest.split_once(close));
    chosen.map_or(list, |(word, _)| word).to_string()
}
