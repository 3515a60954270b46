#!/usr/bin/env bash
# The subsets of Inter in src/plot/font: scripts/make_font.sh FOLDER, where FOLDER has Inter-Regular.otf and
# Inter-SemiBold.otf (Debian's package fonts-inter), with fontTools installed.
set -euo pipefail
characters="U+0020-007E,U+00A0-00FF,U+0131,U+0391-03C9,U+2010-2016,U+2018-201E,U+2020-2022,U+2026,U+2030,U+2032,U+2033"
characters+=",U+2070-208E,U+2190-2193,U+2202,U+2206,U+2211,U+2212,U+221A,U+221E,U+2248,U+2260,U+2264,U+2265"
for weight in Regular SemiBold; do
  pyftsubset "$1/Inter-$weight.otf" --unicodes="$characters" --layout-features= --no-hinting --desubroutinize \
    --name-IDs=0,1,2,3,4,5,6,13,14 --output-file="$(dirname "$0")/../src/plot/font/Inter-$weight.otf"
done
