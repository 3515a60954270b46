#!/usr/bin/env python3
"""Healing, measured from outside: a soft simulated arm with a load that nobody declared.

A policy of the whole workspace is trained once. For each load it drives three paths without learning: a circle, an
ellipse far from it, and a tour of the whole box. Then it learns for 20 s on the circle alone, by the clock, and the
policy it ends with drives the three paths again. Beside it, 20 s on the circle without learning: what it costs in
missed commands. A busy machine can take the core away from either: where one is stopped for it, or the learning run
alone has missed more, the pair is repeated, up to three times, and each is told.

Errors are recomputed here from the joints on the wire log, with forward kinematics of our own: distance of the tool
from the curve, and the tilt of its axis from straight down. Needs numpy; draws the error over time with matplotlib,
if there is one.

Promised: on the circle both fall by 90 % (under less than 1 kg by 85 %, for friction's share stays), on the ellipse by
70 %, on the tour they do not grow by more than 10 %. Exit codes: 0 that holds, 1 it does not, 2 usage.

    scripts/heal.py [--binary target/release/franka-imit] [--out DIR] [--pace realtime] [--kg 0.5 1.0]
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

# Modified Denavit-Hartenberg parameters (Franka FCI documentation): a, d, alpha in quarter turns.
CHAIN = [(0, 0.333, 0), (0, 0, -1), (0, 0.316, 1), (0.0825, 0, 1), (-0.0825, 0.384, -1), (0, 0, 1), (0.088, 0, 1),
         (0, 0.107, 0)]
HAND_M = 0.1034
STIFFNESS = np.array([3000, 3000, 3000, 2500, 2500, 2000, 2000.0])
SECONDS = 20


def tool(q):
    """Position of the tool point and its z axis, for rows of seven joints."""
    n = len(q)
    pose = np.tile(np.eye(4), (n, 1, 1))
    for i, (a, d, quarter) in enumerate(CHAIN):
        c, s = (np.cos(q[:, i]), np.sin(q[:, i])) if i < 7 else (np.ones(n), np.zeros(n))
        sa, ca = quarter, 1 - abs(quarter)
        step = np.zeros((n, 4, 4))
        step[:, 0] = np.stack([c, -s, 0 * c, a + 0 * c], 1)
        step[:, 1] = np.stack([s * ca, c * ca, -sa + 0 * c, -d * sa + 0 * c], 1)
        step[:, 2] = np.stack([s * sa, c * sa, ca + 0 * c, d * ca + 0 * c], 1)
        step[:, 3, 3] = 1
        pose = pose @ step
    return pose[:, :3, 3] + HAND_M * pose[:, :3, 2], pose[:, :3, 2]


def curves():
    u = np.linspace(0, 2 * np.pi, 20001)
    zero = 0 * u
    return {
        "circle": np.stack([0.5 + zero, 0.1 * np.cos(u), 0.4 + 0.1 * np.sin(u)], 1),
        "undriven": np.stack([0.40 + 0.06 * np.cos(u), -0.22 + 0.05 * np.sin(u), 0.27 + 0.02 * np.sin(u)], 1),
        "tour": np.stack([0.45 + 0.13 * np.sin(3 * u + 0.4), 0.27 * np.sin(2 * u), 0.4 + 0.17 * np.sin(5 * u + 1)], 1),
    }


def distance(points, curve):
    """From each point to the polyline `curve`, m."""
    out = np.empty(len(points))
    a, ab = curve[:-1], np.diff(curve, axis=0)
    for k, p in enumerate(points):
        near = np.argmin(((curve - p) ** 2).sum(1))
        part = slice(max(near - 2, 0), near + 2)
        t = np.clip(((p - a[part]) * ab[part]).sum(1) / (ab[part] ** 2).sum(1), 0, 1)
        out[k] = np.sqrt((((a[part] + t[:, None] * ab[part]) - p) ** 2).sum(1).min())
    return out


def errors(log, curve):
    """Time on the path (s), distance from the curve (mm) and tilt (mrad), every eighth millisecond of the drive."""
    lines = open(log).read().splitlines()
    assert json.loads(lines[0])["schema"] == 2 and json.loads(lines[-1]) == {"dropped": 0}, f"{log} has lost lines"
    states = [json.loads(line)["state"] for line in lines if '"robot_mode":"Move"' in line]
    moving = np.abs([s["dq_d"] for s in states]).max(1) > 1e-4
    # The arm sets out to the start of the path, arrives, and then drives.
    out = int(np.argmax(moving))
    arrived = out + int(np.argmin(moving[out:]))
    start = arrived + int(np.argmax(moving[arrived:]))
    end = len(moving) - int(np.argmax(moving[::-1]))
    drive = states[start:end:8]
    t = np.array([s["message_id"] for s in drive]) * 1e-3
    p, z = tool(np.array([s["q"] for s in drive]))
    return t - t[0], 1e3 * distance(p, curve), 1e3 * np.arctan2(np.hypot(z[:, 0], z[:, 1]), -z[:, 2])


class Bench:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.curves = curves()
        for name, curve in self.curves.items():
            rows = "\n".join(",".join(f"{x:.6f}" for x in p) for p in curve[:: 20 if name == "tour" else 40])
            (folder / f"{name}.csv").write_text("x_m,y_m,z_m\n" + rows + "\n")

    def call(self, *words, may_fail=False):
        done = subprocess.run([self.args.binary, *map(str, words)], cwd=self.folder, text=True, capture_output=True)
        busy = ("communication_constraints_violation", "fell silent")
        late = may_fail and any(words in done.stderr for words in busy)
        if done.returncode and not late:
            sys.exit(f"{' '.join(map(str, words))}\n{done.stdout}{done.stderr}")
        return not late

    def drive(self, name, path, policy, config, *more, pace="lockstep"):
        """Errors and report of one drive; None when the machine was too busy for it."""
        trajectory = "circle" if path == "circle" else f"{path}.csv"
        done = self.call("run", "--sim", "--pace", pace, "--trajectory", trajectory, "--policy", policy, "--config",
                  config, "--report", f"{name}.json", "--wire-log", f"{name}.jsonl", *more, may_fail=pace == "realtime")
        if not done:
            return None
        series = errors(self.folder / f"{name}.jsonl", self.curves[path])
        (self.folder / f"{name}.jsonl").unlink()
        return series, json.loads((self.folder / f"{name}.json").read_text())


def heal(bench, kg):
    """The figures of one load: by path, errors before and after; and the curve of the 20 s."""
    stiffness = [float(k) for k in bench.args.stiffness_share * STIFFNESS]
    config = f"load_{kg}.toml"
    (bench.folder / config).write_text(
        f"[robot]\njoint_stiffness_nm_rad = {stiffness}\n[sim]\npayload_kg = {kg}\n[drawing]\nsmoothing_m = 0.001\n")
    paths, result = ("circle", "undriven", "tour"), {"kg": kg, "paths": {}}
    lap = ("--laps", 1, "--no-fine-tune")
    before = {path: bench.drive(f"{path}_{kg}_before", path, "box.safetensors", config, *lap)[0] for path in paths}
    long = ("--duration-s", SECONDS)
    for attempt in range(3):
        pair = [
            bench.drive(f"{name}_{kg}", "circle", "box.safetensors", config, *long, *more, pace=bench.args.pace)
            for name, more in (("paired", ("--no-fine-tune",)), ("heal", ("--save-policy", f"healed_{kg}.safetensors")))
        ]
        if None in pair:
            print(f"{kg} kg, attempt {attempt + 1}: stopped, the machine was too busy", flush=True)
            continue
        (still, plain), (curve, learnt) = pair
        missed = [report["missed_commands"] for report in (learnt, plain)]
        print(f"{kg} kg, attempt {attempt + 1}: {missed[0]} commands missed learning, {missed[1]} not", flush=True)
        if missed[0] <= missed[1]:
            break
    if None in pair:
        sys.exit("the machine is too busy to drive by the clock: try again, or with --pace lockstep")
    after = {path: bench.drive(f"{path}_{kg}_after", path, f"healed_{kg}.safetensors", config, *lap)[0] for path in paths}
    for path in paths:
        result["paths"][path] = {
            key: {"before": float(before[path][i].mean()), "after": float(after[path][i].mean())}
            for i, key in ((1, "error_mm"), (2, "tilt_mrad"))
        }
    # The last lap that ends within the 20 s, against the same time of the run that did not learn.
    lap_s = learnt["trajectory"]["lap_s"]
    for series, key in ((curve, "after"), (still, "before")):
        last = (series[0] >= SECONDS - lap_s) & (series[0] <= SECONDS)
        for i, name in ((1, "error_mm"), (2, "tilt_mrad")):
            result["paths"].setdefault("circle, last lap of the 20 s", {}).setdefault(name, {})[key] = float(
                series[i][last].mean())
    result["missed"] = {"with": learnt["missed_commands"], "without": plain["missed_commands"]}
    result["policies"] = learnt["policies"]
    result["curve"] = [series.tolist() for series in curve]
    result["curve_without"] = [series.tolist() for series in still]
    return result


def check(result):
    """Prints one load's table; whether it keeps what is promised."""
    print(f"\n{result['kg']} kg undeclared, missed commands {result['missed']['with']} learning, "
          f"{result['missed']['without']} not; taken over {result['policies']['accepted']}, rolled back "
          f"{result['policies']['rolled_back_by_measurement']}; load as seen {result['policies']['undeclared_load_kg']:.2f} kg")
    print(f"  {'path':<30}{'error mm':>22}{'tilt mrad':>24}")
    good = result["missed"]["with"] <= result["missed"]["without"]
    for path, figures in result["paths"].items():
        cells = []
        for key in ("error_mm", "tilt_mrad"):
            before, after = figures[key]["before"], figures[key]["after"]
            down = 1 - after / before
            circle = 0.9 if result["kg"] >= 1 else 0.85
            least = circle if path.startswith("circle") else 0.7 if path == "undriven" else -0.1
            good &= down >= least
            cells.append(f"{before:8.2f} -> {after:5.2f} {100 * down:4.0f} %{' ' if down >= least else '!'}")
        print(f"  {path:<30}" + "  ".join(cells))
    return good


def plot(results, file):
    try:
        import matplotlib
    except ImportError:
        return
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 1, sharex=True, figsize=(8, 6))
    for result in results:
        for series, label, style in ((result["curve"], "learning", "-"), (result["curve_without"], "not", ":")):
            for axis, values in zip(axes, series[1:]):
                axis.plot(series[0], values, style, label=f"{result['kg']} kg, {label}", linewidth=1)
    axes[0].set(ylabel="distance from the curve, mm")
    axes[1].set(ylabel="tilt, mrad", xlabel="time on the path, s")
    axes[0].legend()
    for axis in axes:
        axis.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(file, dpi=120)
    print(f"curve    {file}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/franka-imit")
    parser.add_argument("--out", type=pathlib.Path, help="where reports, policies and the curve go")
    parser.add_argument("--pace", choices=("realtime", "lockstep"), default="realtime", help="of the 20 s")
    parser.add_argument("--kg", type=float, nargs="+", default=[0.5, 1.0])
    parser.add_argument("--stiffness-share", type=float, default=0.25, help="of the default joint stiffness")
    args = parser.parse_args()
    args.binary = str(pathlib.Path(args.binary).resolve())
    folder = args.out or pathlib.Path(tempfile.mkdtemp(prefix="heal_"))
    folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(args, folder)
    bench.call("train", "--data", "box", "--out", "box.safetensors")
    results = [heal(bench, kg) for kg in args.kg]
    verdicts = [check(result) for result in results]
    (folder / "healing.json").write_text(json.dumps(results))
    print(f"\nreport   {folder / 'healing.json'}")
    plot(results, folder / "healing.png")
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
