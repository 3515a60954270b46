#!/usr/bin/env python3
"""Plot a run's report: the loss curve, the reference and measured path, and the errors over time.

Reads `train.loss_mse_rad2_at` ({"epoch": loss}), `path.reference_m`, `path.measured_m` ([[x, y, z], …]) and
`error_curve` ([{"t_s", "contour_error_mm", "tilt_mrad", "swaps", "rollbacks"}, …]).
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


def plot_curve(axes, curve):
    t = [p["t_s"] for p in curve]
    axes.plot(t, [p["contour_error_mm"] for p in curve], label="off the curve, mm")
    axes.plot(t, [p["tilt_mrad"] for p in curve], "--", label="tilt, mrad")
    for before, after in zip(curve, curve[1:]):
        for key, colour in (("swaps", "green"), ("rollbacks", "red")):
            if after[key] > before[key]:
                axes.axvline(after["t_s"], color=colour, alpha=0.4, linewidth=0.8)
    axes.set(xlabel="time on the path, s", ylim=(0, None), title="errors; green: taken over, red: given up")
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
        for key in ("train.loss_mse_rad2_at", "path.reference_m", "path.measured_m", "error_curve")
    }
    for key in (key for key, value in found.items() if value is None):
        print(f"{args.report}: no {key}; left out", file=sys.stderr)
    losses, reference, measured, curve = found.values()
    panels = int(losses is not None) + int(bool(reference or measured)) + int(curve is not None)
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
        if curve is not None:
            plot_curve(next(panel), curve)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        print(f"{args.report}: not the shape this script reads: {error}", file=sys.stderr)
        return 1
    figure.tight_layout()
    figure.savefig(args.out, dpi=150)
    print(args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
