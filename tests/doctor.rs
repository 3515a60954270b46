//! Machines that are recorded in `tests/fixtures/machines`, as `scripts/record_machine.sh` writes them: one that is fit
//! to drive a robot, and some of the many that are not.
use franka_imit::doctor::{Coalescing, Finding, Machine, Purpose, Trials, Verdict, examine};
use franka_imit::robot::realtime;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

const ROBOT: Ipv4Addr = Ipv4Addr::new(172, 16, 0, 2);

/// What the recorded machine's kernel would have answered.
struct Answers {
    fifo: bool,
    free_bytes: u64,
    coalescing: Result<Coalescing, String>,
}

impl Trials for Answers {
    fn fifo(&self, _: i32) -> Result<(), String> {
        if self.fifo { Ok(()) } else { Err("not permitted".to_string()) }
    }

    fn free_bytes(&self, _: &Path) -> Result<u64, String> {
        Ok(self.free_bytes)
    }

    fn coalescing(&self, _: &str) -> Result<Coalescing, String> {
        self.coalescing.clone()
    }
}

const WILLING: Answers = Answers {
    fifo: true,
    free_bytes: 200_000_000_000,
    coalescing: Ok(Coalescing { rx_us: 3, tx_us: 0, adaptive: false }),
};

fn refusing() -> Answers {
    Answers { fifo: false, coalescing: Err("not supported".to_string()), ..WILLING }
}

/// Lays a recorded machine out in a folder.
fn lay_out(name: &str) -> tempfile::TempDir {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/machines/{name}.txt"));
    let text = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let root = tempfile::tempdir().expect("a temporary folder");
    for part in format!("\n{text}").split("\n== ").skip(1) {
        let (path, contents) = part.split_once('\n').unwrap_or((part, ""));
        let at = root.path().join(path);
        if path.ends_with('/') {
            fs::create_dir_all(at).expect("a folder");
        } else {
            fs::create_dir_all(at.parent().expect("a folder of the file")).expect("a folder");
            fs::write(at, contents).expect("a file");
        }
    }
    root
}

fn examined(root: &Path, trials: &Answers, robot: Option<Ipv4Addr>) -> Vec<Finding> {
    let realtime = realtime::Options::default();
    let purpose = Purpose { realtime: &realtime, recordings: Path::new("/data"), robot };
    examine(&Machine::recorded(root), trials, &purpose)
}

fn machine(name: &str, trials: &Answers) -> Vec<Finding> {
    examined(lay_out(name).path(), trials, Some(ROBOT))
}

fn line<'a>(findings: &'a [Finding], check: &str) -> &'a Finding {
    findings.iter().find(|f| f.check == check).unwrap_or_else(|| panic!("{check:?} was not looked at"))
}

/// Asserts a verdict, a part of what was found, and a part of the mend.
fn says(findings: &[Finding], check: &str, verdict: Verdict, found: &str, mend: &str) {
    let line = line(findings, check);
    assert_eq!(line.verdict, verdict, "{line:?}");
    assert!(line.found.contains(found), "{found:?}: {line:?}");
    assert!(line.mend.as_deref().unwrap_or_default().contains(mend), "{mend:?}: {line:?}");
}

use Verdict::{CannotRead, Fail, Pass, Warn};

#[test]
fn a_machine_made_for_it_is_fit_in_every_line() {
    let findings = machine("good", &WILLING);
    let others: Vec<&Finding> = findings.iter().filter(|f| f.verdict != Pass).collect();
    assert!(others.is_empty(), "{others:#?}");
    says(&findings, "real-time kernel", Pass, "6.1.0-18-rt-amd64, PREEMPT_RT", "");
    says(&findings, "isolated cores", Pass, "7", "");
    says(&findings, "idle states", Pass, "C1E: 10 µs", "");
    says(&findings, "way to the robot", Pass, "enp3s0, direct", "");
    says(&findings, "interrupts", Pass, "core 7", "");
    says(&findings, "speed", Pass, "1000 Mbit/s", "");
    says(&findings, "coalescing", Pass, "rx 3 µs", "");
}

#[test]
fn a_laptop_as_it_comes_is_told_each_fault_with_the_command_that_mends_it() {
    let findings = machine("laptop", &refusing());
    says(&findings, "real-time kernel", Fail, "6.5.0-21-generic", "sudo pro enable realtime-kernel");
    says(
        &findings,
        "preemption model",
        Warn,
        "voluntary",
        "echo full | sudo tee /sys/kernel/debug/sched/preempt",
    );
    says(&findings, "SCHED_FIFO", Fail, "not permitted", "@realtime - rtprio 99");
    says(&findings, "limit of priorities", Fail, "0", "usermod -aG realtime");
    says(&findings, "limit of locked memory", Warn, "8192 KiB", "@realtime - memlock unlimited");
    says(&findings, "swap", Warn, "/swapfile", "sudo swapoff -a");
    says(&findings, "transparent huge pages", Warn, "always", "echo madvise | sudo tee");
    says(&findings, "sibling of the control core", Warn, "core 7 shares with 6", "echo off | sudo tee");
    says(&findings, "isolated cores", Warn, "none of 8", "isolcpus=managed_irq,domain,7");
    says(&findings, "frequency governor", Warn, "powersave", "echo performance | sudo tee");
    says(&findings, "idle states", Warn, "C3_ACPI: 1048 µs", "cpu*/cpuidle/{state2,state3}/disable");
    says(&findings, "way to the robot", Warn, "wlp0s20f3, through the router 192.168.1.1", "dev enp0s31f6");
    says(&findings, "medium", Fail, "wlp0s20f3 is wireless", "cable");
    says(&findings, "speed", CannotRead, "not told", "");
    says(&findings, "fragments never made whole", Pass, "41", "");
    says(&findings, "datagrams dropped at full buffers", Pass, "7", "");
}

#[test]
fn an_old_office_machine_is_told_of_its_cable_its_clock_and_its_settings() {
    let findings = machine("office", &Answers { free_bytes: 100_000_000, ..refusing() });
    says(&findings, "real-time kernel", Fail, "5.10.0-28-amd64", "sudo apt install linux-image-rt-");
    says(&findings, "preemption model", Warn, "none or voluntary", "");
    says(&findings, "clock source", Warn, "hpet", "clocksource=tsc");
    says(&findings, "SCHED_FIFO", Fail, "", "sysctl -w kernel.sched_rt_runtime_us=950000");
    says(&findings, "real-time throttle", Fail, "0 µs", "sysctl -w kernel.sched_rt_runtime_us=950000");
    says(&findings, "cores", Warn, "1", "--no-fine-tune");
    says(&findings, "interrupts", CannotRead, "no core is set apart", "");
    says(&findings, "speed", Warn, "100 Mbit/s", "sudo ethtool -s enp2s0 autoneg on");
    says(&findings, "duplex", Fail, "half", "sudo ethtool -s enp2s0 autoneg on");
    says(&findings, "errors of the interface", Warn, "rx_crc_errors 3812, rx_frame_errors 17", "cable");
    says(&findings, "socket buffer", Warn, "65536 bytes", "net.core.rmem_default=212992");
    says(&findings, "memory for fragments", Fail, "0 bytes", "net.ipv4.ipfrag_high_thresh=4194304");
    says(&findings, "free for recordings", Fail, "0.1 GB in /data", "df -h /data");
}

#[test]
fn a_container_whose_group_has_no_real_time_share_is_told_so() {
    let findings = machine("container", &refusing());
    says(&findings, "real-time kernel", Pass, "PREEMPT_RT", "");
    says(
        &findings,
        "share of the own cgroup",
        Fail,
        "0 µs",
        "echo 950000 | sudo tee /sys/fs/cgroup/cpu,cpuacct/cpu.rt_runtime_us",
    );
    says(&findings, "SCHED_FIFO", Fail, "", "cpu.rt_runtime_us");
    // The limits of the user are all right, and are not blamed.
    says(&findings, "limit of priorities", Pass, "99", "");
}

#[test]
fn what_a_virtual_machine_does_not_tell_is_no_failure() {
    let findings = machine("virtual", &Answers { coalescing: Err("not supported".to_string()), ..WILLING });
    let silent = [
        "preemption model",
        "frequency governor",
        "idle states",
        "speed",
        "duplex",
        "interrupts",
        "coalescing",
    ];
    silent.iter().for_each(|check| says(&findings, check, CannotRead, "", ""));
    let failed: Vec<&str> = findings.iter().filter(|f| f.verdict == Fail).map(|f| f.check).collect();
    assert_eq!(failed, ["real-time kernel"]);
}

#[test]
fn a_machine_that_tells_nothing_at_all_fails_in_nothing() {
    let root = tempfile::tempdir().unwrap();
    let findings = examined(root.path(), &WILLING, Some(ROBOT));
    assert!(findings.len() > 15, "{findings:?}");
    let failed: Vec<&Finding> = findings.iter().filter(|f| f.verdict == Fail).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn a_file_that_cannot_be_read_is_told_and_is_no_failure() {
    let root = lay_out("good");
    let throttle = root.path().join("proc/sys/kernel/sched_rt_runtime_us");
    fs::remove_file(&throttle).unwrap();
    fs::create_dir(&throttle).unwrap(); // read by nobody, root or not
    let limits = root.path().join("proc/self/limits");
    fs::write(limits, "nonsense").unwrap();
    let findings = examined(root.path(), &WILLING, Some(ROBOT));
    says(&findings, "real-time throttle", CannotRead, "sched_rt_runtime_us", "");
    says(&findings, "limit of priorities", CannotRead, "", "");
    says(&findings, "limit of locked memory", CannotRead, "", "");
}

#[test]
fn without_a_robot_the_network_is_left_alone_and_the_way_to_go_on_is_told() {
    let findings = examined(lay_out("good").path(), &WILLING, None);
    says(&findings, "way to the robot", CannotRead, "no robot's address", "--robot-ip");
    assert!(findings.iter().all(|f| f.check != "duplex"));
}

#[test]
fn a_network_without_a_route_is_told_the_address_to_take() {
    let root = lay_out("office");
    let findings = examined(root.path(), &WILLING, Some(Ipv4Addr::new(192, 168, 7, 1)));
    says(
        &findings,
        "way to the robot",
        Fail,
        "no route to 192.168.7.1",
        "sudo ip addr add 192.168.7.2/24 dev enp2s0",
    );
}

#[test]
fn an_interface_that_gathers_frames_is_told_to_stop() {
    let slow = Coalescing { rx_us: 125, tx_us: 125, adaptive: true };
    let findings = machine("good", &Answers { coalescing: Ok(slow), ..WILLING });
    says(
        &findings,
        "coalescing",
        Warn,
        "rx 125 µs, tx 125 µs, adaptive",
        "sudo ethtool -C enp3s0 adaptive-rx off rx-usecs 0",
    );
}

#[test]
fn interrupts_on_other_cores_are_told_one_by_one() {
    let root = lay_out("good");
    fs::write(root.path().join("proc/irq/141/effective_affinity_list"), "2").unwrap();
    let findings = examined(root.path(), &WILLING, Some(ROBOT));
    says(
        &findings,
        "interrupts",
        Warn,
        "1 of 2 on other cores (2)",
        "echo 7 | sudo tee /proc/irq/141/smp_affinity_list",
    );
}

#[test]
fn every_line_that_is_not_as_wanted_names_its_mend() {
    for name in ["laptop", "office", "container", "virtual"] {
        for finding in machine(name, &refusing()) {
            let wants_mending = matches!(finding.verdict, Warn | Fail);
            assert!(
                !wants_mending || finding.mend.is_some_and(|mend| !mend.is_empty()),
                "{name}: {}",
                finding.check
            );
            assert!(!finding.found.is_empty() && !finding.wanted.is_empty(), "{name}: {}", finding.check);
        }
    }
}
