#!/usr/bin/env bash
# Writes what `franka-imit doctor` reads of this machine as one text, for a report or for tests/fixtures/machines:
#   scripts/record_machine.sh > machine.txt
# It holds the kernel's version and command line, limits of this shell, names of network interfaces and the routes.
set -euo pipefail
shopt -s nullglob
cd /
record() {
    local file
    for file in "$@"; do
        if [ -d "$file" ]; then
            echo "== $file/"
        elif text=$(tr -d '\0' 2>/dev/null < "$file"); then
            printf '== %s\n%s\n' "$file" "$text"
        fi
    done
}
cpu=sys/devices/system/cpu
record proc/version proc/cmdline proc/swaps etc/os-release sys/kernel/realtime sys/kernel/debug/sched/preempt
record proc/self/limits proc/self/cgroup proc/sys/kernel/sched_rt_runtime_us sys/fs/cgroup/cpu*/cpu.rt_runtime_us
printf '== proc/self/status\n%s\n' "$(grep CapEff proc/self/status)"
record sys/devices/system/clocksource/clocksource0/{current,available}_clocksource
record sys/kernel/mm/transparent_hugepage/enabled $cpu/{online,isolated} $cpu/smt/active
record $cpu/cpu[0-9]*/topology/thread_siblings_list $cpu/cpu[0-9]*/cpufreq/scaling_governor
record $cpu/cpu[0-9]*/cpuidle/state*/{name,latency,disable}
record proc/sys/net/core/rmem_{default,max} proc/sys/net/ipv4/ipfrag_high_thresh proc/net/{route,snmp}
for net in sys/class/net/*; do
    record "$net"/{carrier,speed,duplex,wireless,phy80211,device} "$net"/device/irq "$net"/device/msi_irqs/*
    record "$net"/statistics/{rx_crc,rx_frame,rx_missed,rx_fifo,tx}_errors
    for irq in "$net"/device/msi_irqs/*; do
        record "proc/irq/${irq##*/}/smp_affinity_list" "proc/irq/${irq##*/}/effective_affinity_list"
    done
done
