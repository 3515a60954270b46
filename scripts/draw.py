#!/usr/bin/env python3
"""Draw a trajectory with the mouse; writes t_s,x_m,y_m,z_m in the base frame for `--trajectory FILE`.

The default plane is the original's: horizontal, centre (0.3, 0, 0.5), 0.2 m wide. Seen from above, x (away
from the base) points up and y points left. Press, draw, release: the file is written; draw again to replace
it. With --demo a hand-like stroke is drawn without a window. Needs matplotlib, but not for --demo.
"""
import argparse
import math
import random
import sys
import time
from pathlib import Path

# plane: (axis to the right, axis up) as unit vectors in the base frame
PLANES = {
    "horizontal": ((0.0, -1.0, 0.0), (1.0, 0.0, 0.0)),
    "frontal": ((0.0, -1.0, 0.0), (0.0, 0.0, 1.0)),
    "sagittal": ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
}


def to_base(right_m, up_m, args):
    """A point of the sheet, m from its centre, as (x, y, z) in the base frame, m."""
    right, up = PLANES[args.plane]
    return tuple(c + right_m * r + up_m * u for c, r, u in zip(args.centre, right, up))


def write(stroke, args):
    """`stroke`: (t_s, right_m, up_m) from pen down to pen up."""
    rows, last_s = [], -math.inf
    for t_s, right_m, up_m in stroke:
        if t_s - last_s < 1e-4:  # two events of one instant: the reader wants time to grow
            continue
        rows.append((t_s, *to_base(right_m, up_m, args)))
        last_s = t_s
    if len(rows) < 2:
        print("nothing written: press, draw a line, release", file=sys.stderr)
        return False
    lines = ["t_s,x_m,y_m,z_m" if args.times else "x_m,y_m,z_m"]
    for t_s, *p in rows:
        numbers = [f"{t_s:.4f}"] if args.times else []
        lines.append(",".join(numbers + [f"{c:.6f}" for c in p]))
    args.out.write_text("\n".join(lines) + "\n")
    print(f"{args.out}: {len(rows)} points, {rows[-1][0] - rows[0][0]:.2f} s")
    return True


def demo(args):
    """A rounded loop with slow wander, 9 Hz tremor and uneven speed, as a hand draws it; seeded."""
    rng = random.Random(args.seed)
    phase = [rng.uniform(0, 2 * math.pi) for _ in range(5)]
    radius, angle, t_s, stroke = 0.35 * args.size, 0.0, 0.0, []
    while angle < 2 * math.pi:
        wander = 1 + 0.12 * math.sin(2 * angle + phase[0]) + 0.06 * math.sin(3 * angle + phase[1])
        tremor = 0.0003 * math.sin(2 * math.pi * 9 * t_s + phase[2]) + rng.gauss(0, 0.0001)
        r = radius * wander + tremor
        stroke.append((t_s, r * math.cos(angle), 0.8 * r * math.sin(angle)))
        dt_s = rng.uniform(0.007, 0.012)
        angle += dt_s * 2 * math.pi / args.duration_s * (1 + 0.3 * math.sin(2 * angle + phase[3]))
        t_s += dt_s
    return stroke


def window(args):
    import matplotlib
    import matplotlib.pyplot as plt

    if matplotlib.get_backend().lower() == "agg":
        sys.exit("draw.py: no display for a window; log in with ssh -X, or try --demo")
    figure, axes = plt.subplots(figsize=(7, 7))
    half = args.size / 2
    axes.set(xlim=(-half, half), ylim=(-half, half), aspect="equal", xlabel="right, m", ylabel="up, m")
    axes.set_title(f"{args.plane}, centre {tuple(args.centre)} m: press, draw, release")
    axes.grid(alpha=0.3)
    (line,) = axes.plot([], [])
    state = {"start": None, "stroke": []}

    def add(event):
        if state["start"] is None or event.inaxes is not axes:
            return
        state["stroke"].append((time.monotonic() - state["start"], event.xdata, event.ydata))
        line.set_data([p[1] for p in state["stroke"]], [p[2] for p in state["stroke"]])
        figure.canvas.draw_idle()

    def press(event):
        if event.inaxes is axes and event.button == 1:
            state.update(start=time.monotonic(), stroke=[])
            add(event)

    def release(event):
        if state["start"] is not None and event.button == 1:
            add(event)
            state["start"] = None
            write(state["stroke"], args)

    figure.canvas.mpl_connect("button_press_event", press)
    figure.canvas.mpl_connect("motion_notify_event", add)
    figure.canvas.mpl_connect("button_release_event", release)
    plt.show()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("drawn.csv"))
    parser.add_argument("--plane", choices=PLANES, default="horizontal")
    parser.add_argument("--centre", type=float, nargs=3, default=(0.3, 0.0, 0.5), metavar=("X", "Y", "Z"), help="m")
    parser.add_argument("--size", type=float, default=0.2, help="side of the sheet, m")
    parser.add_argument("--no-times", dest="times", action="store_false", help="leave the time law to the arm")
    parser.add_argument("--demo", action="store_true", help="a hand-like stroke without a window")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--duration-s", type=float, default=6.0, help="of --demo")
    args = parser.parse_args()
    if not 0.01 <= args.size <= 1.0:
        parser.error(f"--size {args.size}: allowed 0.01 to 1 m")
    if max(map(abs, args.centre)) > 2.0:
        parser.error(f"--centre {args.centre}: metres, not millimetres; allowed -2 to 2")
    if args.demo and args.duration_s <= 0.1:
        parser.error(f"--duration-s {args.duration_s}: allowed more than 0.1 s")
    if args.demo:
        return 0 if write(demo(args), args) else 1
    try:
        window(args)
    except ImportError:
        parser.error("matplotlib is missing: pip install matplotlib")
    return 0


if __name__ == "__main__":
    sys.exit(main())
