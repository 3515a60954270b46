#!/usr/bin/env bash
# Runs the main job and holds its reports to what README promises.
#
# A shared machine can take the core away from us, which only ever adds time: where nothing but a time is over its
# limit, the run is repeated, up to three times. A tick has 50 µs, or what this machine needs for the same tick out of
# emptied caches (p99 of `bench`, measured first): a learner on the other half of a physical core empties them.
# Usage: scripts/check_main_job.sh [path of the binary]
set -euo pipefail
cd "$(dirname "$0")/.."
binary=${1:-target/release/franka-imit}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

judge() {
  python3 - "$1" "$out/bench.json" <<'PY'
import json, sys
r = json.load(open(sys.argv[1]))
tick_us = max(50.0, json.load(open(sys.argv[2]))["tick_us"]["cold"]["p99"])
figures = [
    ("ended", r["ending"] == "done" and not r["faults"], r["ending"]),
    ("network_error_mm.mean", r["network_error_mm"]["mean"] <= 0.5, r["network_error_mm"]["mean"]),
    ("network_error_mm.max", r["network_error_mm"]["max"] <= 2.0, r["network_error_mm"]["max"]),
    ("network_tilt_mrad.max", r["network_tilt_mrad"]["max"] <= 5.0, r["network_tilt_mrad"]["max"]),
    ("contour_error_mm.mean", r["contour_error_mm"]["mean"] <= 1.0, r["contour_error_mm"]["mean"]),
    ("contour_error_mm.max", r["contour_error_mm"]["max"] <= 3.0, r["contour_error_mm"]["max"]),
    ("limiter_active_ticks", r["limiter_active_ticks"] <= 0.01 * r["cycles"], r["limiter_active_ticks"]),
]
times = [
    ("tick_us.p99", r["tick_us"]["p99"] <= tick_us, f"{r['tick_us']['p99']} (allowed {tick_us:.1f})"),
    ("first_motion_s", r["first_motion_s"] <= 6.0, r["first_motion_s"]),
]
for name, good, value in figures + times:
    print(f"  {'ok ' if good else 'BAD'} {name} = {value}")
sys.exit(1 if not all(good for _, good, _ in figures) else 3 if not all(good for _, good, _ in times) else 0)
PY
}

"$binary" bench --report "$out/bench.json"
for pace in lockstep realtime; do
  for shape in square circle; do
    for attempt in 1 2 3; do
      echo "--- $shape, $pace"
      "$binary" run --sim --pace "$pace" --trajectory "$shape" --speed-m-s 0.25 --laps 3 --report "$out/r.json"
      verdict=0
      judge "$out/r.json" || verdict=$?
      [ "$verdict" = 3 ] && [ "$attempt" -lt 3 ] && echo "  a time is over its limit: once more" && continue
      [ "$verdict" = 0 ] || exit 1
      break
    done
  done
done
