#!/usr/bin/env python3
"""Recomputes what `eval` and `run` say, with kinematics of its own: numpy, a policy file, a wire log, nothing else.

    check_eval.py network POLICY.safetensors REPORT.json SHAPE     the network's error of an `eval` report
    check_eval.py contour WIRE.jsonl REPORT.json SHAPE             the contour error of a `run` report

SHAPE is circle or figure-eight, whose curves are written here anew. The network is asked along the curve, evenly by
arc length (the report: by time), so its mean may differ by a few per cent; the contour error is measured from the
joints on the wire. Exit codes: 0 agree, 1 differ, 2 usage.
"""
import json
import sys

import numpy as np

from judge_policy import answers, forward, load

MEAN_SHARE, MAX_SHARE, FLOOR_MM = 0.02, 0.02, 0.001


def curve(shape, n=200_001):
    """Points of a built-in shape, base frame, m, evenly by arc length."""
    t = np.linspace(0, 2 * np.pi, n)
    if shape == "circle":
        p = np.stack([np.full(n, 0.5), 0.1 * np.sin(t), 0.4 + 0.1 * np.cos(t)], axis=1)
    elif shape == "figure-eight":
        p = np.stack([0.45 + 0.1 * np.sin(t), 0.05 * np.sin(2 * t), np.full(n, 0.35)], axis=1)
    else:
        sys.exit(f"{shape}: circle or figure-eight")
    s = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(p, axis=0), axis=1))])
    at = np.linspace(0, s[-1], n)
    return np.stack([np.interp(at, s, p[:, i]) for i in range(3)], axis=1)


def network(policy, shape):
    metadata, tensors = load(policy)
    F_T_EE = np.array([float(x) for x in metadata["tool_F_T_EE"].split(",")]).reshape(4, 4).T
    x = curve(shape, 20_001)
    T = forward(answers(metadata, tensors, x), F_T_EE)
    return 1e3 * np.linalg.norm(T[:, :3, 3] - x, axis=1)


def contour(wire, report, shape):
    states = [line for line in map(json.loads, open(wire)) if "t_ms" in line and line["mode"] == "Move"]
    q = np.array([line["q"] for line in states])
    moves = np.abs([line["dq_d"] for line in states]).max(axis=1) > 1e-4
    # On the path since the rest at its start: the last rest of 30 ms or more before the longest motion.
    edges = np.flatnonzero(np.diff(np.concatenate([[0], moves.astype(int), [0]])))
    runs = [list(run) for run in edges.reshape(-1, 2)]
    joined = [runs[0]]
    for start, end in runs[1:]:
        if start - joined[-1][1] < 30:
            joined[-1][1] = end
        else:
            joined.append([start, end])
    start, end = max(joined, key=lambda run: run[1] - run[0])
    F_T_EE = np.array(report["robot"]["F_T_EE"]).reshape(4, 4).T
    p = forward(q[start:end], F_T_EE)[:, :3, 3]
    c = curve(shape, 6001)
    # Near the nearest point, the distance to the two chords there.
    errors = []
    for point in p:
        k = int(np.argmin(((c - point) ** 2).sum(axis=1)))
        nearest = np.inf
        for a, b in ((k - 1, k), (k, (k + 1) % len(c))):
            d = c[b] - c[a]
            u = np.clip(((point - c[a]) @ d) / max(d @ d, 1e-18), 0, 1)
            nearest = min(nearest, np.linalg.norm(c[a] + u * d - point))
        errors.append(1e3 * nearest)
    return np.array(errors)


def main(arguments):
    if len(arguments) != 4 or arguments[0] not in ("network", "contour"):
        print(__doc__, file=sys.stderr)
        return 2
    what, file, report, shape = arguments
    report = json.load(open(report))
    found = network(file, shape) if what == "network" else contour(file, report, shape)
    said = report["error_mm" if what == "network" else "contour_error_mm"]
    bad = 0
    for name, ours, theirs, share in (("mean", found.mean(), said["mean"], MEAN_SHARE),
                                      ("max", found.max(), said["max"], MAX_SHARE)):
        agree = abs(ours - theirs) <= share * theirs + FLOOR_MM
        bad += not agree
        print(f"{what} {name}: {ours:.4f} mm here, {theirs:.4f} mm reported: {'agree' if agree else 'DIFFER'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
