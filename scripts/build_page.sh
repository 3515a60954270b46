#!/usr/bin/env bash
# Makes src/web/page/three.min.js from the versions that scripts/page/package-lock.json names, and its licence beside it.
# The same versions give the same bytes: `git diff --exit-code src/web/page` after it says so. Needs node and npm.
set -euo pipefail
cd "$(dirname "$0")/page"
npm ci --no-audit --no-fund --ignore-scripts
page=../../src/web/page
node_modules/.bin/esbuild three.js --bundle --minify --format=esm --target=es2020 --legal-comments=eof \
  --outfile="$page/three.min.js"
cp node_modules/three/LICENSE "$page/three-LICENSE.txt"
ls -l "$page"/three*
gzip -9 -c "$page/three.min.js" | wc -c
