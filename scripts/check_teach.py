#!/usr/bin/env python3
"""From a hand on the simulated arm to a policy that drives what was taught, and to a replay, held to figures.

    scripts/check_teach.py BINARY [SYMBOLS.csv]

A virtual hand teaches a symbol; it is listed, learnt, driven by the policy and played back, and taught once more and driven
as soon as the hand has let go. What the arm did is taken from the wire log of the simulated robot and compared with the
ticks of the episode, as they were recorded.
SYMBOLS.csv: hand-guided recordings of a symbol (recording,k,x,y,z,...). Three are learnt, the others judge.
Python 3.9 or later with numpy. Exits with 1 when a figure is not reached.
"""
import csv
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

BINARY = pathlib.Path(sys.argv[1]).resolve()
SYMBOLS = pathlib.Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else None
failed = []


def run(folder, *words):
    """Runs the program and returns what it says; its failure is ours."""
    words = [str(word) for word in words]
    print("$ franka-imit", *words, flush=True)
    done = subprocess.run([BINARY, *words], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{done.stdout}{done.stderr}exit code {done.returncode}")
    return done.stdout


def hold(what, value, most, unit):
    verdict = "ok" if value <= most else "NOT REACHED"
    print(f"  {what}: {value:.3f} {unit}, allowed {most:.3f}: {verdict}", flush=True)
    if not value <= most:
        failed.append(what)


def symbol(file):
    """A stroke that swings, crosses itself and rises, as a person would draw a letter."""
    with open(file, "w") as out:
        out.write("x_m,y_m,z_m\n")
        for k in range(401):
            u = 2 * math.pi * k / 400
            x = 0.46 + 0.06 * math.sin(u) + 0.02 * math.sin(3 * u)
            y = -0.12 + 0.24 * k / 400 + 0.03 * math.sin(2 * u)
            out.write(f"{x:.5f},{y:.5f},{0.35 + 0.03 * math.sin(u):.5f}\n")


def ticks(folder, name):
    """The poses (n, 16) of an episode's ticks, column-major."""
    out = folder / f"ticks-{name}"
    run(folder, "demos", "export", "--format", "csv", "--out", out.name, name)
    with open(out / f"{name}.csv") as rows:
        return np.array([[float(row[f"O_T_EE_{i}"]) for i in range(16)] for row in csv.DictReader(rows)])


def driven(log, start):
    """The measured poses of a motion from its arrival at `start` on."""
    poses = []
    with open(log) as lines:
        for line in lines:
            state = json.loads(line).get("state")
            if state and state["robot_mode"] == "Move":
                poses.append(state["O_T_EE"])
    poses = np.array(poses)
    # The way there is straight in joint space and ends in a rest: the last place of the first half nearest to it.
    half = np.linalg.norm(poses[: len(poses) // 2, 12:15] - start, axis=1)
    return poses[int(np.flatnonzero(half <= half.min() + 1e-4)[-1]):]


def on_segments(p, a, b):
    """Distances of the point p from the segments a to b."""
    d = b - a
    square = np.maximum((d * d).sum(axis=1), 1e-18)
    u = np.clip(((p - a) * d).sum(axis=1) / square, 0, 1)
    return np.linalg.norm(a + u[:, None] * d - p, axis=1)


def follow(poses, taught, ahead=250):
    """How far each pose is from the taught path, m, and how far its tool leans from the taught one, rad.

    The place is looked for around the one before: where a symbol crosses itself the other strand is not meant."""
    p = taught[:, 12:15]
    here = int(np.linalg.norm(p - poses[0, 12:15], axis=1).argmin())
    off, tilt = [], []
    for pose in poses:
        low, high = max(0, here - ahead), min(len(p), here + ahead)
        here = low + int(np.linalg.norm(p[low:high] - pose[12:15], axis=1).argmin())
        low, high = max(0, here - 2), min(len(p), here + 3)
        off.append(on_segments(pose[12:15], p[low:high - 1], p[low + 1:high]).min())
        z, should = pose[8:11], taught[here, 8:11]
        tilt.append(math.atan2(np.linalg.norm(np.cross(z, should)), z @ should))
    return np.array(off), np.array(tilt)


def taught_and_driven(folder):
    symbol(folder / "symbol.csv")
    lockstep = ["--pace", "lockstep"]
    run(folder, "teach", "--sim", *lockstep, "--hand", "symbol.csv", "--episodes", 1, "--task", "symbol", "--yes", "--out", "demos")
    print(run(folder, "demos", "ls"))
    taught = ticks(folder, "symbol-0001")
    start = taught[0, 12:15]
    print(run(folder, "train", "--data", "demos", "--out", "policy.safetensors"))
    print(run(folder, "run", "--sim", *lockstep, "--policy", "policy.safetensors", "--trajectory", "demo:symbol-0001",
              "--speed", 1, "--no-fine-tune", "--wire-log", "run.jsonl"))
    off, tilt = follow(driven(folder / "run.jsonl", start), taught)
    print(f"driven by the policy, {len(off)} states")
    hold("from the taught path, mean", 1e3 * off.mean(), 1.0, "mm")
    hold("from the taught path, max", 1e3 * off.max(), 3.0, "mm")
    hold("tilt from the taught, max", 1e3 * tilt.max(), 10.0, "mrad")
    print(run(folder, "replay", "symbol-0001", "--sim", *lockstep, "--speed", 1, "--wire-log", "replay.jsonl"))
    off, tilt = follow(driven(folder / "replay.jsonl", start), taught)
    print(f"played back, {len(off)} states")
    hold("from the taught path, mean", 1e3 * off.mean(), 1.0, "mm")
    hold("from the taught path, max", 1e3 * off.max(), 3.0, "mm")
    hold("tilt from the taught, max", 1e3 * tilt.max(), 10.0, "mrad")


def then_driven(folder):
    """Learnt while guided, and driven as soon as the hand has let go, all by the clock."""
    print(run(folder, "teach", "--sim", "--hand", "symbol.csv", "--task", "at once", "--yes", "--out", "demos", "--then-run",
              "--wire-log", "then.jsonl", "--report", "then.json"))
    taught = ticks(folder, "at-once-0001")
    states = []
    with open(folder / "then.jsonl") as lines:
        for line in lines:
            state = json.loads(line).get("state")
            if state:
                states.append(state)
    # The guided motion is one of torques, the other one of joints; between them nothing moves the arm.
    guided = [k for k, s in enumerate(states) if s["controller_mode"] == "ExternalController"]
    own = [k for k in range(guided[-1], len(states)) if states[k]["controller_mode"] == "JointImpedance"]
    at_s = [1e-3 * s["message_id"] for s in states]
    # The hand is felt by the estimate of external forces; a resting hand pulls less than it must to be felt, so this is
    # early rather than late.
    calm = np.array(states[guided[0]]["O_F_ext_hat_K"][:3])
    felt = max(k for k in guided if np.linalg.norm(np.array(states[k]["O_F_ext_hat_K"][:3]) - calm) > 2.0)
    q = np.array([states[k]["q_d"] for k in own])
    moves = own[int(np.flatnonzero(np.abs(q - q[0]).max(axis=1) > 1e-4)[0])]
    poses = np.array([states[k]["O_T_EE"] for k in own])
    start = np.linalg.norm(poses[: len(poses) // 2, 12:15] - taught[0, 12:15], axis=1)
    begun = int(np.flatnonzero(start <= start.min() + 1e-4)[-1])
    print(f"the hand was felt last at {at_s[felt]:.3f} s, guiding ended at {at_s[guided[-1]]:.3f} s, the arm moves by itself "
          f"at {at_s[moves]:.3f} s, is on the path from {at_s[own[begun]]:.3f} s on")
    hold("from the hand's release to the first movement", at_s[moves] - at_s[felt], 2.0, "s")
    off, tilt = follow(poses[begun:], taught)
    hold("from the taught path, mean", 1e3 * off.mean(), 1.0, "mm")
    hold("from the taught path, max", 1e3 * off.max(), 3.0, "mm")
    hold("tilt from the taught, max", 1e3 * tilt.max(), 10.0, "mrad")


def between(path, others):
    """The mean distance of a path from the nearest of others, each a polyline, m."""
    nearest = [min(on_segments(p, other[:-1], other[1:]).min() for other in others) for p in path]
    return float(np.mean(nearest))


def moving(p, rest=2e-3):
    """A recording without its ends at rest."""
    leaves = np.flatnonzero(np.linalg.norm(p - p[0], axis=1) > rest)
    comes = np.flatnonzero(np.linalg.norm(p - p[-1], axis=1) > rest)
    return p[max(leaves[0] - 1, 0): comes[-1] + 2]


def thinned(p, every=1e-3):
    """A point each millimetre of the way, so that slow places do not count for more."""
    way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(p, axis=0), axis=1))])
    at = np.arange(0, way[-1], every)
    return np.column_stack([np.interp(at, way, p[:, i]) for i in range(3)])


def guided_by_people(folder):
    """Taught on recordings 1 to 3 (0 to 2 in the file), judged on 4 to 6."""
    run(folder, "demos", "import", SYMBOLS, "--name", "symbol", "--centre-m", "0.5,0,0.3")
    judges = [thinned(moving(ticks(folder, f"symbol-{k}")[:, 12:15])) for k in (3, 4, 5)]
    spread = [between(p, [other for other in judges if other is not p]) for p in judges]
    print("spread of 4 to 6, each from the nearest of the others:", [round(1e3 * s, 2) for s in spread], "mm")
    three = [f"symbol-{k}" for k in (0, 1, 2)]
    run(folder, "train", *[word for name in three for word in ("--data", f"demo:{name}")], "--out", "people.safetensors")
    print(run(folder, "run", "--sim", "--pace", "lockstep", "--policy", "people.safetensors", "--trajectory",
              "demo:" + ",".join(three), "--speed", 1, "--no-fine-tune", "--wire-log", "people.jsonl"))
    start = np.mean([moving(ticks(folder, name)[:, 12:15])[0] for name in three], axis=0)
    path = thinned(driven(folder / "people.jsonl", start)[:, 12:15])
    hold("from the nearest of 4 to 6, mean", 1e3 * between(path, judges), 1e3 * float(np.mean(spread)) + 1.0, "mm")


with tempfile.TemporaryDirectory() as place:
    place = pathlib.Path(place)
    taught_and_driven(place)
    then_driven(place)
    if SYMBOLS and SYMBOLS.exists():
        guided_by_people(place)
    else:
        print(f"SKIPPED: the recordings of people are not there ({SYMBOLS or 'none given'})", flush=True)
if failed:
    sys.exit("NOT REACHED: " + ", ".join(failed))
print("All reached.")
