#!/usr/bin/env bash
# Exports a simulated drive as a LeRobot data set and checks it with pyarrow and pandas:
#   scripts/check_lerobot.sh [VENV]      the environment is made if it is not there; FRANKA_IMIT names the binary
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
venv=${1:-$folder/venv}
if [ ! -x "$venv/bin/python" ]; then
    "${PYTHON:-python3.11}" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check pyarrow pandas
fi
[ -n "${FRANKA_IMIT:-}" ] || cargo build --release --bin franka-imit
binary=${FRANKA_IMIT:-${CARGO_TARGET_DIR:-target}/release/franka-imit}
mkdir "$folder/demos"
for shape in circle square; do
    "$binary" run --sim --pace lockstep --trajectory "$shape" --record "$folder/demos/$shape.mcap" | grep "^saved"
done
"$binary" demos --dir "$folder/demos" ls
"$binary" demos --dir "$folder/demos" export --format lerobot --out "$folder/set"
"$binary" demos --dir "$folder/demos" export circle --format lerobot --out "$folder/one"
"$binary" demos --dir "$folder/demos" export circle --format npz --out "$folder/ticks"
"$venv/bin/python" scripts/check_lerobot.py "$folder/set"
"$venv/bin/python" scripts/check_lerobot.py "$folder/one" "$folder/ticks/circle.npz"
