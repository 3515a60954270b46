#!/usr/bin/env python3
"""Plot a run's report: the loss curve, and the reference and measured path.

Reads `train.loss_mse_rad2_at` ({"epoch": loss}) and `path.reference_m`, `path.measured_m` ([[x, y, z], …]).
What a report does not hold is named and left out; a report that holds none of it is an error.
"""
import argparse
import json
import sys
from pathlib import Path


def section(report, *keys):
    """The value at `keys`, or None when any of them is missing."""
    for key in keys:
        if not isinstance(report, dict) or report.get(key) in (None, {}, []):
            return None
        report = report[key]
    return report


def plot_loss(axes, losses):
    points = sorted((float(epoch), float(loss)) for epoch, loss in losses.items())
    axes.semilogy([p[0] for p in points], [p[1] for p in points], marker="o", markersize=3)
    axes.set(xlabel="update", ylabel="loss, rad² (mean over samples and joints)", title="training")
    axes.grid(alpha=0.3, which="both")


def plot_path(axes, reference, measured):
    # Of the three coordinate planes, the one the path spreads over most shows it best.
    points = reference or measured
    spread = [max(p[i] for p in points) - min(p[i] for p in points) for i in range(3)]
    a, b = sorted(sorted(range(3), key=lambda i: -spread[i])[:2])
    for path, style, label in ((reference, "-", "reference"), (measured, "--", "measured")):
        if path:
            axes.plot([p[a] for p in path], [p[b] for p in path], style, label=label, linewidth=1.2)
    axes.set(xlabel=f"{'xyz'[a]}, m", ylabel=f"{'xyz'[b]}, m", title="end effector, base frame")
    axes.set_aspect("equal", adjustable="datalim")
    axes.legend()
    axes.grid(alpha=0.3)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="image file, for example run.png")
    args = parser.parse_args()
    try:
        report = json.loads(args.report.read_text())
    except OSError as error:
        parser.error(f"{args.report}: cannot be read: {error.strerror}")
    except ValueError as error:
        parser.error(f"{args.report}: no JSON: {error}")

    # A report of `train` has at its top what one of `run` has under `train`.
    report.setdefault("train", report if "loss_mse_rad2_at" in report else None)
    found = {
        key: section(report, *key.split("."))
        for key in ("train.loss_mse_rad2_at", "path.reference_m", "path.measured_m")
    }
    for key in (key for key, value in found.items() if value is None):
        print(f"{args.report}: no {key}; left out", file=sys.stderr)
    losses, reference, measured = found.values()
    panels = int(losses is not None) + int(bool(reference or measured))
    if panels == 0:
        print(f"{args.report}: nothing to plot; give the report of a run or a training", file=sys.stderr)
        return 1

    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, panels, figsize=(6 * panels, 5), squeeze=False)
    panel = iter(axes[0])
    try:
        if losses is not None:
            plot_loss(next(panel), losses)
        if reference or measured:
            plot_path(next(panel), reference, measured)
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        print(f"{args.report}: not the shape this script reads: {error}", file=sys.stderr)
        return 1
    figure.tight_layout()
    figure.savefig(args.out, dpi=150)
    print(args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
