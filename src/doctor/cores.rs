//! The processor: how many cores, which one controls, and how fast it wakes.
use super::finding::{Check, Finding};
use super::machine::{Machine, Unread};
use crate::robot::realtime::{self, core_list};

const CPU: &str = "sys/devices/system/cpu";
/// With fewer cores than this there is none to give away to the control thread alone.
const WORTH_ISOLATING: usize = 4;
/// Longest way out of a core's sleep, µs, that leaves a cycle of 1000 µs unharmed.
const LONGEST_EXIT_US: u64 = 50;

/// The core the control thread will be pinned to on this machine.
pub(super) fn control_core(machine: &Machine, options: &realtime::Options) -> Option<usize> {
    realtime::choose_core(options, &machine.cores(), &isolated(machine).unwrap_or_default())
}

pub(super) fn examine(machine: &Machine, options: &realtime::Options) -> Vec<Finding> {
    let control = control_core(machine, options);
    vec![
        count(machine),
        siblings(machine, control),
        isolation(machine, control),
        governor(machine),
        idle(machine, control),
    ]
}

fn isolated(machine: &Machine) -> Result<Vec<usize>, Unread> {
    machine.text(&format!("{CPU}/isolated")).map(|list| core_list(&list))
}

fn count(machine: &Machine) -> Finding {
    let check = Check::new("cores", "cores", "2 or more: one controls, the others train");
    match machine.cores().len() {
        0 => check.unread(&Unread::Missing),
        cores => check.pass_or_warn(
            cores > 1,
            cores.to_string(),
            "give the machine another core, or drive with --no-fine-tune",
        ),
    }
}

fn siblings(machine: &Machine, control: Option<usize>) -> Finding {
    let check = Check::new(
        "cores",
        "sibling of the control core",
        "none at work: siblings share one core's arithmetic",
    );
    let Some(control) = control else {
        return check.cannot_read("no core is set apart for control", None);
    };
    match machine.text(&format!("{CPU}/cpu{control}/topology/thread_siblings_list")) {
        Ok(list) => {
            let others: Vec<String> =
                core_list(&list).into_iter().filter(|&c| c != control).map(|c| c.to_string()).collect();
            let mend =
                format!("echo off | sudo tee /{CPU}/smt/control   (or choose another core with --pin)");
            match others.as_slice() {
                [] => check.pass(format!("core {control} has none")),
                others => check.warn(format!("core {control} shares with {}", others.join(", ")), mend),
            }
        }
        Err(why) => check.unread(&why),
    }
}

fn isolation(machine: &Machine, control: Option<usize>) -> Finding {
    let check =
        Check::new("cores", "isolated cores", format!("the control core, from {WORTH_ISOLATING} cores up"));
    let cores = machine.cores().len();
    let core = control.unwrap_or_default();
    match isolated(machine) {
        Ok(isolated) if isolated.is_empty() => check.pass_or_warn(
            cores < WORTH_ISOLATING,
            format!("none of {cores}"),
            format!(
                "add isolcpus=managed_irq,domain,{core} nohz_full={core} rcu_nocbs={core} to GRUB_CMDLINE_LINUX in \
                 /etc/default/grub, then: sudo update-grub && sudo reboot"
            ),
        ),
        Ok(isolated) => {
            let list = isolated.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
            check.pass_or_warn(
                control.is_some_and(|core| isolated.contains(&core)),
                list,
                format!("drive with --pin {}", isolated.last().copied().unwrap_or_default()),
            )
        }
        Err(why) => check.unread(&why),
    }
}

fn governor(machine: &Machine) -> Finding {
    let check = Check::new("cores", "frequency governor", "performance");
    let governors: Vec<String> = machine
        .cores()
        .iter()
        .filter_map(|core| machine.text(&format!("{CPU}/cpu{core}/cpufreq/scaling_governor")).ok())
        .collect();
    let Some(other) = governors.iter().find(|governor| *governor != "performance").or(governors.first())
    else {
        return check.cannot_read("no frequency is governed here (a virtual machine?)", None);
    };
    check.pass_or_warn(
        other == "performance",
        other.clone(),
        format!("echo performance | sudo tee /{CPU}/cpu*/cpufreq/scaling_governor"),
    )
}

fn idle(machine: &Machine, control: Option<usize>) -> Finding {
    let check = Check::new(
        "cores",
        "idle states",
        format!("none enabled that takes more than {LONGEST_EXIT_US} µs to leave"),
    );
    let core = control.unwrap_or_default();
    let folder = format!("{CPU}/cpu{core}/cpuidle");
    let states: Vec<(String, String, u64)> = machine
        .names(&folder)
        .into_iter()
        .filter(|state| machine.number(&format!("{folder}/{state}/disable")).unwrap_or(0) == 0)
        .filter_map(|state| {
            let latency_us = machine.number(&format!("{folder}/{state}/latency")).ok()?;
            let name = machine.text(&format!("{folder}/{state}/name")).unwrap_or_else(|_| state.clone());
            Some((state, name, latency_us))
        })
        .collect();
    let Some((_, name, latency_us)) = states.iter().max_by_key(|(_, _, latency_us)| *latency_us) else {
        return check.cannot_read("no idle states are shown (a virtual machine?)", None);
    };
    let deep: Vec<&str> =
        states.iter().filter(|(_, _, us)| *us > LONGEST_EXIT_US).map(|(state, ..)| state.as_str()).collect();
    let which = match deep.as_slice() {
        [one] => one.to_string(),
        several => format!("{{{}}}", several.join(",")),
    };
    check.pass_or_warn(
        deep.is_empty(),
        format!("{name}: {latency_us} µs"),
        format!("echo 1 | sudo tee /{CPU}/cpu*/cpuidle/{which}/disable   (until the next boot)"),
    )
}
