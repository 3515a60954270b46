#!/usr/bin/env python3
"""Corrections while the arm drives, measured from outside: a virtual hand pushes a compliant simulated arm to a path that
is displaced, and the arm must go there by itself afterwards.

Protocol, fixed before the first run:

- Paths: a circle (radius 0.1 m, upright, centre (0.5, 0, 0.4)) and a figure-eight (0.2 x 0.1 m, level, centre
  (0.45, 0, 0.35)), both from CSV files written here, at the default 0.1 m/s. Seeds 1, 2, 3 each; a seed is the run's
  (--seed: simulator, trainer, hand) and draws where the stretch begins and which way it is displaced.
- Stretch: a third of the path's length, beginning at a share of it drawn uniformly from 0.1 to 0.55. Within it the wanted
  path is displaced by 20 mm, across the path, at an angle about it drawn uniformly; the first and the last 40 mm of the
  stretch are raised-cosine shoulders from 0 to 20 mm (a gentler bend than the paths have). Outside it is the path itself.
- Hand: a spring of 1500 N/m (a firm grip; a relaxed arm's endpoint has 200 to 800 N/m, an intended hold more), at most 30 N,
  tremor 0.5 N rms at 8 to 12 Hz, one hesitation a pass at a random place (0.3 s at 30 % of its pull). It knows the wanted
  path of the stretch and where the arm truly is, nothing else. It takes hold where the arm comes to the stretch, lets go
  after it, and pulls towards the nearest point of its path.
- Arm: run --sim --compliant, all else default; noise of the sensors 1e-5 rad and 0.02 Nm, masses 1 % wrong (default).
  By the clock (--pace realtime), the trainer learning all the time. The policy has driven the path before, three laps on
  the same compliant arm without a hand, so that healing of sag and friction does not count as a change by the corrections.
- Laps: 1 undisturbed, 3 with the hand, 1 without, which is judged against the first.
- Measured: true joints of the simulated arm (--truth), own forward kinematics. Error: mean distance from the wanted path
  while the arm is along the stretch. Change of the rest: the largest distance of the judged lap from the first lap while
  the arm is off the stretch; the first and last 5 mm of the drive, where it starts and stops, are no lap.
- Must: error down by 80 % or more; the rest changed by less than 1 mm; exit code 0. All six.

    scripts/correct.py [--binary target/release/franka-imit] [--out DIR] [--paths circle figure-eight] [--seeds 1 2 3]

Needs numpy. Exit codes: 0 that holds, 1 it does not, 2 usage.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from heal import tool

DISPLACED_M = 0.02
SHOULDER_M = 0.04
END_M = 0.005
LAPS = 5
RAMP_S = 0.35


def curve(name):
    """A closed curve, a point each 0.1 mm, and the normal of its plane."""
    u = np.linspace(0, 2 * np.pi, 200001)
    zero = 0 * u
    if name == "circle":
        points, normal = np.stack([0.5 + zero, 0.1 * np.cos(u), 0.4 + 0.1 * np.sin(u)], 1), [1.0, 0, 0]
    else:
        points, normal = np.stack([0.45 + 0.05 * np.sin(2 * u), 0.1 * np.sin(u), 0.35 + zero], 1), [0, 0, 1.0]
    arc = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    even = np.arange(0, arc[-1], 1e-4)
    return np.stack([np.interp(even, arc, points[:, k]) for k in range(3)], 1), np.array(normal), arc[-1]


class Wanted:
    """The path, its stretch, and where it is wanted there."""

    def __init__(self, name, seed):
        draws = np.random.default_rng(seed)
        self.points, normal, self.length = curve(name)
        self.arc = 1e-4 * np.arange(len(self.points))
        begin, angle = draws.uniform(0.1, 0.55) * self.length, draws.uniform(0, 2 * np.pi)
        self.stretch = begin, begin + self.length / 3
        tangent = np.roll(self.points, -1, 0) - np.roll(self.points, 1, 0)
        tangent /= np.linalg.norm(tangent, axis=1)[:, None]
        across = np.cos(angle) * np.cross(normal, tangent) + np.sin(angle) * normal
        s0, s1 = self.stretch
        rise = np.clip(np.minimum(self.arc - s0, s1 - self.arc) / SHOULDER_M, 0, 1)
        self.wanted = self.points + DISPLACED_M * (0.5 - 0.5 * np.cos(np.pi * rise))[:, None] * across
        self.inside = (self.arc >= s0) & (self.arc <= s1)

    def write(self, folder):
        rows = lambda points: "x_m,y_m,z_m\n" + "\n".join(",".join(f"{x:.6f}" for x in p) for p in points) + "\n"
        (folder / "path.csv").write_text(rows(np.vstack([self.points[::20], self.points[:1]])))
        (folder / "wanted.csv").write_text(rows(self.wanted[self.inside][::20]))

    def along(self, p):
        """Arc length at each point of a drive, unwrapped: the nearest on the path around where it was just before."""
        n, out = len(self.points), np.empty(len(p))
        # A drive begins at the beginning of the path, which may cross itself there.
        start = np.arange(-200, 201)
        at = int(start[np.argmin(((self.points[start % n] - p[0]) ** 2).sum(1))])
        for k, point in enumerate(p):
            window = np.arange(at - 100, at + 301)
            at = int(window[np.argmin(((self.points[window % n] - point) ** 2).sum(1))])
            out[k] = at * 1e-4
        return out


def distance(points, line):
    """From each point to the nearest of the dense `line`, m."""
    return np.array([np.sqrt(((line - p) ** 2).sum(1).min()) for p in points])


def true_path(file, drive_s):
    """Position of the tool each eighth millisecond of the drive along the path, the last `drive_s` in which it moved."""
    rows = [json.loads(line) for line in open(file)]
    rows = [row for row in rows if "q" in row]
    moving = np.abs(np.array([row["dq"] for row in rows])).max(1) > 2e-3
    end = len(moving) - int(np.argmax(moving[::-1]))
    last_id = rows[end - 1]["message_id"]
    return tool(np.array([row["q"] for row in rows[:end] if row["message_id"] > last_id - 1e3 * drive_s][::8]))[0]


class Bench:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder

    def run(self, *words):
        done = subprocess.run([self.args.binary, *map(str, words)], cwd=self.folder, text=True, capture_output=True)
        (self.folder / "last.log").write_text(done.stdout + done.stderr)
        if done.returncode:
            print(f"{' '.join(map(str, words))}\n{done.stdout}{done.stderr}")
        return done.returncode == 0

    def judge(self, name, seed):
        folder = self.folder
        wanted = Wanted(name, seed)
        wanted.write(folder)
        (folder / "c.toml").write_text(
            "[drawing]\nsmoothing_m = 0.001\n[sim]\nq_noise_rad = 1e-5\ntau_noise_nm = 0.02\n")
        line = ["run", "--sim", "--compliant", "--trajectory", "path.csv", "--config", "c.toml", "--seed", seed,
                "--pace", self.args.pace]
        healed = folder / f"{name}.safetensors"
        if not healed.exists() and not self.run(*line, "--laps", 3, "--save-policy", healed.name):
            return False
        label = f"{name}-{seed}"
        ok = self.run(*line, "--policy", healed.name, "--laps", LAPS, "--hand", "wanted.csv", "--hand-after", 1,
                      "--hand-passes", LAPS - 2, "--truth", "truth.jsonl", "--report", f"{label}.json",
                      "--save-trajectory", f"{label}.csv")
        if not ok:
            return False
        report = json.loads((folder / f"{label}.json").read_text())
        # A ramp in and one out cost half their time each; the rest is laps.
        p = true_path(folder / "truth.jsonl", LAPS * report["trajectory"]["lap_s"] + RAMP_S)
        (folder / "truth.jsonl").unlink()
        s, length = wanted.along(p), wanted.length
        lap = np.floor(s / length).astype(int)
        within = s - lap * length
        s0, s1 = wanted.stretch
        inside = (within >= s0) & (within <= s1)
        errors = [1e3 * distance(p[(lap == k) & inside], wanted.wanted[wanted.inside]).mean() for k in range(LAPS)]
        rest = lambda k: p[(lap == k) & ~inside & (s > END_M) & (s < LAPS * length - END_M)]
        first = rest(0)
        dense = np.vstack([first + u * (np.roll(first, -1, 0) - first) for u in (0, 0.25, 0.5, 0.75)])
        changed = [1e3 * distance(rest(k), dense).max() for k in range(1, LAPS)]
        down = 1 - errors[-1] / errors[0]
        good = bool(down >= 0.8 and changed[-1] < 1)
        corrections = report["policies"]["corrections"]
        print(f"{name:13} seed {seed}: error by lap {' '.join(f'{e:6.2f}' for e in errors)} mm, down {100 * down:5.1f} %; "
              f"rest changed {changed[-1]:.2f} mm (mean {1e3 * distance(rest(LAPS - 1), dense).mean():.2f}); learnt "
              f"{corrections['learnt']}, refused {corrections['refused']}{'' if good else '   NOT AS IT MUST BE'}", flush=True)
        return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/franka-imit")
    parser.add_argument("--out", type=pathlib.Path, help="where reports and corrected paths go")
    parser.add_argument("--pace", choices=("realtime", "lockstep"), default="realtime")
    parser.add_argument("--paths", nargs="+", choices=("circle", "figure-eight"), default=["circle", "figure-eight"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    args = parser.parse_args()
    args.binary = str(pathlib.Path(args.binary).resolve())
    folder = args.out or pathlib.Path(tempfile.mkdtemp(prefix="correct_"))
    folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(args, folder)
    return 0 if all([bench.judge(name, seed) for name in args.paths for seed in args.seeds]) else 1


if __name__ == "__main__":
    sys.exit(main())
