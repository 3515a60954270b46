#!/usr/bin/env python3
"""Judges a saved policy with forward kinematics of its own: numpy only, nothing of franka-imit but the file.

    judge_policy.py POLICY.safetensors [--points N] [--lines N] [--seed S] [--region] [--json]

Positions uniform in the box of `train --data box` (or, with --region, in the policy's own region), tool pointing
down: distance of FK(policy(x)) from x in mm, and tilt of the tool's axis in mrad. Then straight lines through the
box at 0.25 m/s and 1 kHz: the joint accelerations that the policy asks for (second differences, computed in f32 as
the policy is), as shares of Franka's limits. Places that the arm does not reach with its elbow
bent, as the expert wants it, are left out; lines on which the exact joints themselves ask for more than half of the
limits, near the stretched elbow, are counted apart. Exit code 1 when the box policy misses what is promised of it.
"""
import argparse
import json
import pathlib
import struct
import sys

import numpy as np

TYPES = {"F32": "<f4", "F64": "<f8"}
BOX = np.array([[0.3, -0.3, 0.2], [0.6, 0.3, 0.6]])
# Franka Control Interface documentation, "Robot and interface specifications", joint space limits, rad/s^2.
ACCELERATION_MAX = np.array([15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0])
STRETCH_MARGIN_RAD = 0.2
SPEED_M_S, CYCLE_S = 0.25, 1e-3
PROMISED = {"mean_mm": 0.4, "max_mm": 2.5, "tilt_mean_mrad": 3.0, "acceleration_share": 0.5}


def load(path):
    data = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    metadata = header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        tensors[name] = np.frombuffer(body[start:end], TYPES[entry["dtype"]]).reshape(entry["shape"])
    return metadata, tensors


def answers(metadata, tensors, x):
    """Joint angles, rad, for inputs in rows."""
    act = {"relu": lambda z: np.maximum(z, 0), "silu": lambda z: z / (1 + np.exp(-z)), "tanh": np.tanh}
    h = ((x - tensors["input_mean"]) / tensors["input_scale"]).astype(np.float32)
    count = sum(name.endswith(".weight") for name in tensors)
    for i in range(count):
        h = h @ tensors[f"layers.{i}.weight"].T + tensors[f"layers.{i}.bias"]
        h = act[metadata["activation"]](h) if i + 1 < count else h
    return tensors["output_mean"] + tensors["output_scale"] * h.astype(np.float64)


# Franka Control Interface documentation, "Denavit-Hartenberg parameters": a, d, alpha of Craig's convention.
DH = [
    (0.0, 0.333, 0.0), (0.0, 0.0, -np.pi / 2), (0.0, 0.316, np.pi / 2), (0.0825, 0.0, np.pi / 2),
    (-0.0825, 0.384, -np.pi / 2), (0.0, 0.0, np.pi / 2), (0.088, 0.0, np.pi / 2),
]


def forward(q, F_T_EE):
    """Poses of the end effector for joints in rows: (n, 4, 4)."""
    T = np.broadcast_to(np.eye(4), (len(q), 4, 4)).copy()
    for (a, d, alpha), angle in zip(DH, q.T):
        c, s, ca, sa = np.cos(angle), np.sin(angle), np.cos(alpha), np.sin(alpha)
        link = np.zeros((len(q), 4, 4))
        link[:, 0, 0], link[:, 0, 1], link[:, 0, 3] = c, -s, a
        link[:, 1, 0], link[:, 1, 1], link[:, 1, 2], link[:, 1, 3] = s * ca, c * ca, -sa, -sa * d
        link[:, 2, 0], link[:, 2, 1], link[:, 2, 2], link[:, 2, 3] = s * sa, c * sa, ca, ca * d
        link[:, 3, 3] = 1
        T = T @ link
    flange = np.eye(4)
    flange[2, 3] = 0.107
    return T @ flange @ F_T_EE


UPPER, LOWER = np.hypot(0.0825, 0.316), np.hypot(0.0825, 0.384)  # shoulder to elbow to wrist


def wrist(p, F_T_EE):
    """The wrist from the shoulder in the arm's vertical plane, tool pointing down: outwards, upwards, m."""
    flange = p - np.array([1.0, -1.0, -1.0]) * F_T_EE[:3, 3]
    return np.hypot(flange[:, 0], flange[:, 1]) - 0.088, flange[:, 2] + 0.107 - 0.333


def reached(p, F_T_EE):
    """Whether the arm gets there with its elbow 0.2 rad short of stretched, as the expert wants it."""
    longest = np.sqrt(UPPER**2 + LOWER**2 + 2 * UPPER * LOWER * np.cos(STRETCH_MARGIN_RAD))
    return np.hypot(*wrist(p, F_T_EE)) <= longest


def share_of_labels(p, F_T_EE):
    """Largest share of the acceleration limits that the expert's own joints ask for along points of a line."""
    out, up = wrist(p, F_T_EE)
    far = np.hypot(out, up)
    elbow = np.arccos((far**2 - UPPER**2 - LOWER**2) / (2 * UPPER * LOWER))
    shoulder = np.arctan2(out, up) - np.arccos((UPPER**2 + far**2 - LOWER**2) / (2 * UPPER * far))
    turn = np.arctan2(p[:, 1], p[:, 0])
    # Joint 4 is the elbow, joint 6 keeps the tool down; constant offsets do not accelerate.
    q = np.stack([turn, shoulder, elbow, shoulder + elbow], axis=1)
    acceleration = np.abs(np.diff(q, 2, axis=0)).max(axis=0) / CYCLE_S**2
    return (acceleration / ACCELERATION_MAX[[0, 1, 3, 5]]).max()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("policy")
    parser.add_argument("--points", type=int, default=2000)
    parser.add_argument("--lines", type=int, default=200)
    parser.add_argument("--seed", type=int, default=12345)
    parser.add_argument("--region", action="store_true", help="points in the policy's region, nothing promised")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    metadata, tensors = load(args.policy)
    numbers = lambda key: np.array([float(x) for x in metadata[key].split(",")])
    F_T_EE = numbers("tool_F_T_EE").reshape(4, 4).T
    box = BOX
    if args.region:
        box = np.stack([numbers("region_min_m")[:3], numbers("region_max_m")[:3]])
    down = np.diag([1.0, -1.0, -1.0])

    def inputs(p):
        if metadata.get("input", "position") == "position":
            return p
        six = np.concatenate([down[:, 0], down[:, 1]])
        return np.hstack([p, np.broadcast_to(six, (len(p), 6))])

    random = np.random.default_rng(args.seed)

    def draw(n):
        p = box[0] + (box[1] - box[0]) * random.random((4 * n, 3))
        return p[reached(p, F_T_EE)][:n]

    x = draw(args.points)
    T = forward(answers(metadata, tensors, inputs(x)), F_T_EE)
    error_mm = 1e3 * np.linalg.norm(T[:, :3, 3] - x, axis=1)
    tilt_mrad = 1e3 * np.arccos(np.clip(-T[:, 2, 2], -1, 1))
    shares, beyond, driven = np.zeros(7), np.zeros(7), 0
    for a, b in zip(draw(args.lines), draw(args.lines)):
        length = np.linalg.norm(b - a)
        n = max(int(length / (SPEED_M_S * CYCLE_S)), 3)
        line = a + (b - a) * np.arange(n)[:, None] / n
        if not reached(line, F_T_EE).all():
            continue
        q = answers(metadata, tensors, inputs(line))
        acceleration = np.abs(np.diff(q, 2, axis=0)).max(axis=0) / CYCLE_S**2
        if share_of_labels(line, F_T_EE) <= PROMISED["acceleration_share"]:
            driven += 1
            shares = np.maximum(shares, acceleration / ACCELERATION_MAX)
        else:
            beyond = np.maximum(beyond, acceleration / ACCELERATION_MAX)
    found = {
        "points": args.points,
        "mean_mm": float(error_mm.mean()),
        "p95_mm": float(np.percentile(error_mm, 95)),
        "max_mm": float(error_mm.max()),
        "tilt_mean_mrad": float(tilt_mrad.mean()),
        "tilt_max_mrad": float(tilt_mrad.max()),
        "acceleration_share": float(shares.max()),
        "lines": driven,
        "acceleration_share_where_labels_ask_more": float(beyond.max()),
        "acceleration_share_by_joint": [round(float(s), 4) for s in shares],
    }
    if args.json:
        print(json.dumps(found))
    else:
        print(f"{args.points} points: mean {found['mean_mm']:.3f} mm, p95 {found['p95_mm']:.3f} mm, "
              f"max {found['max_mm']:.3f} mm; tilt mean {found['tilt_mean_mrad']:.3f} mrad, "
              f"max {found['tilt_max_mrad']:.3f} mrad")
        print(f"{driven} lines at {SPEED_M_S} m/s on which the exact joints ask for at most half of the limits: "
              f"joint acceleration at most {100 * found['acceleration_share']:.0f} % of its limit "
              f"(on the others, which come near the stretched elbow: {100 * beyond.max():.0f} %)")
    missed = [key for key, most in PROMISED.items() if not found[key] <= most]
    if missed and not args.region:
        print(f"missed: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed and not args.region else 0


if __name__ == "__main__":
    sys.exit(main())
