#!/bin/sh
# Holds our interfaces to programs that are not ours: the simulated Panda is driven by panda-python, which carries the
# C++ libfranka 0.9.2, a policy is evaluated in numpy, what a hand taught is
# followed from the wire log in numpy, what a hand's corrections teach is measured on the true arm, and exported episodes are read by pyarrow and pandas.
#
#   scripts/check_outside_clients.sh [FOLDER]
#
# FOLDER keeps the Python environment between runs; without it a temporary one is made and removed.
# FRANKA_IMIT names the binary (default: built here, release). PYTHON names a Python that panda-python has
# wheels for (3.7 to 3.13); the first one that works is taken.
set -eu
cd "$(dirname "$0")/.."

if [ $# -ge 1 ]; then
    folder=$1
    mkdir -p "$folder"
else
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
fi

if [ ! -x "$folder/bin/python" ]; then
    for python in ${PYTHON:-python3.11 /usr/bin/python3.11 python3.12 python3.10 python3.13 python3}; do
        # A name on PATH may be a shim without a Python behind it.
        if "$python" -c 'import sys; sys.exit(not (3, 8) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            "$python" -m venv "$folder" && break
        fi
    done
fi
[ -x "$folder/bin/python" ] || { echo "no Python from 3.8 to 3.13 found; set PYTHON" >&2; exit 2; }
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check 'panda-python==1.1.1' numpy pyarrow pandas

if [ -z "${FRANKA_IMIT:-}" ]; then
    cargo build --release --bin franka-imit
    FRANKA_IMIT=${CARGO_TARGET_DIR:-target}/release/franka-imit
fi
failed=0
"$folder/bin/python" scripts/check_panda_python.py "$FRANKA_IMIT" || failed=$?

policy=$(mktemp -d)
"$FRANKA_IMIT" train --data square --out "$policy/square.safetensors"
"$FRANKA_IMIT" eval --policy "$policy/square.safetensors" --trajectory square --probe "$policy/square.probe.json"
"$folder/bin/python" scripts/check_policy.py "$policy/square.safetensors" || failed=$?
rm -r "$policy"
# The recordings of people's hands are not part of the project.
symbols=../shared/data/panda_symbols/symbol17.csv
[ -f "$symbols" ] || { echo "SKIPPED: $symbols is not there: nothing is taught by people's hands"; symbols=; }
"$folder/bin/python" scripts/check_teach.py "$FRANKA_IMIT" $symbols || failed=$?
# One of the drives that the script judges, in lockstep, so that a busy machine does not end it; all six by the clock take
# five minutes.
"$folder/bin/python" scripts/correct.py --binary "$FRANKA_IMIT" --paths figure-eight --seeds 1 --pace lockstep || failed=$?
FRANKA_IMIT=$FRANKA_IMIT bash scripts/check_lerobot.sh "$folder" || failed=$?
exit "$failed"
