#!/usr/bin/env bash
# Runs the main job and holds its reports to what README promises.
# Usage: scripts/check_main_job.sh [path of the binary]
set -euo pipefail
cd "$(dirname "$0")/.."
binary=${1:-target/release/franka-imit}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

for pace in lockstep realtime; do
  for shape in square circle; do
    report="$out/$pace-$shape.json"
    "$binary" run --sim --pace "$pace" --trajectory "$shape" --speed-m-s 0.25 --laps 3 \
      --save-policy "$out/$shape.safetensors" --report "$report"
    python3 - "$report" <<'PY'
import json, sys
r = json.load(open(sys.argv[1]))
rows = [
    ("ended", r["ending"] == "done" and not r["faults"], r["ending"]),
    ("network_error_mm.mean", r["network_error_mm"]["mean"] <= 0.5, r["network_error_mm"]["mean"]),
    ("network_error_mm.max", r["network_error_mm"]["max"] <= 2.0, r["network_error_mm"]["max"]),
    ("tilt_mrad.max", r["train"]["tilt_mrad"]["max"] <= 5.0, r["train"]["tilt_mrad"]["max"]),
    ("contour_error_mm.mean", r["contour_error_mm"]["mean"] <= 1.0, r["contour_error_mm"]["mean"]),
    ("contour_error_mm.max", r["contour_error_mm"]["max"] <= 3.0, r["contour_error_mm"]["max"]),
    ("limiter_active_ticks", r["limiter_active_ticks"] <= 0.01 * r["cycles"], r["limiter_active_ticks"]),
    ("tick_us.p99", r["tick_us"]["p99"] <= 50.0, r["tick_us"]["p99"]),
    ("first_motion_s", r["first_motion_s"] <= 6.0, r["first_motion_s"]),
]
bad = [row for row in rows if not row[1]]
for name, good, value in rows:
    print(f"  {'ok ' if good else 'BAD'} {name} = {value}")
sys.exit(1 if bad else 0)
PY
  done
done
