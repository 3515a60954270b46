#!/usr/bin/env python3
"""Minutes of driving with fine-tuning, beside an idle client of the same time: faults, memory, page faults.

    cargo build --release && python3 scripts/soak.py [--minutes 10] [--out soak.json]

Two programs run at once, each with a simulated robot of its own: one learns while it drives, its pair does not. A fault
that both see is the machine's; one that the learner alone sees is ours. Memory is looked at once a second from the end of
the first minute, page faults of the control thread from the end of its first second (by its own report). Nothing but
Python's standard library is needed.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time


def resident_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return None


def start(binary, folder, name, minutes, *more):
    report = folder / f"{name}.json"
    command = [binary, "run", "--sim", "--pace", "realtime", "--duration-s", str(60 * minutes), "--report", str(report)]
    process = subprocess.Popen([*command, *more], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return process, report, []


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/franka-imit")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--out", type=pathlib.Path)
    args = parser.parse_args()
    figures = {"schema": 1, "minutes": args.minutes, "load_at_start": pathlib.Path("/proc/loadavg").read_text().split()[0]}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        runs = {"learning": start(args.binary, folder, "learning", args.minutes),
                "idle": start(args.binary, folder, "idle", args.minutes, "--no-fine-tune")}
        settled = time.monotonic() + min(60.0, 20.0 * args.minutes)
        while any(process.poll() is None for process, _, _ in runs.values()):
            time.sleep(1.0)
            for process, _, memory in runs.values():
                if process.poll() is None and time.monotonic() > settled:
                    memory.append(resident_kib(process.pid))
        for name, (process, report, memory) in runs.items():
            told = json.loads(report.read_text()) if report.exists() else {}
            memory = [kib for kib in memory if kib]
            figures[name] = {
                "exit_code": process.returncode,
                "faults": told.get("faults"),
                "cycles": told.get("cycles"),
                "missed_commands": told.get("missed_commands"),
                "success_rate_mean": told.get("success_rate_mean"),
                "tick_us": told.get("tick_us"),
                "contour_error_mm": told.get("contour_error_mm"),
                "policies": told.get("policies"),
                "control_thread": told.get("control_thread"),
                # Not the last seconds: the report itself is made there.
                "memory_growth_kib": memory[-5] - memory[0] if len(memory) > 5 else None,
                "memory_kib": memory[-5] if len(memory) > 5 else None,
            }
    text = json.dumps(figures, indent=2)
    print(text)
    if args.out:
        args.out.write_text(text + "\n")
    ours, pair = figures["learning"], figures["idle"]
    wrong = []
    if ours["faults"] and not pair["faults"]:
        wrong.append(f"the learner alone saw {ours['faults']}")
    elif ours["faults"]:
        wrong.append("nothing is proved: this machine stopped both, repeat it when nothing else runs")
    if ours["memory_growth_kib"] is not None and ours["memory_growth_kib"] >= 1024:
        wrong.append(f"memory grew by {ours['memory_growth_kib']} KiB, allowed 1024")
    faults = sum(((ours["control_thread"] or {}).get("page_faults_later") or {}).values())
    if faults:
        wrong.append(f"{faults} page faults on the control thread after the first second, allowed 0")
    print("soak: " + ("; ".join(wrong) if wrong else "passed"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
