#!/usr/bin/env bash
# What can be known of a deployment without an account: the template is valid and lints clean, SAM builds it,
# every binary is below its limit, and how long each takes to start. check-template.sh BIN-DIR
set -euo pipefail
bin=$1
cd "$(dirname "$0")/.."
limit=$((12 * 1024 * 1024)) # bytes, arm64, stripped: 12 MB as Lambda counts them (its 250 MB are 262,144,000 bytes)

export SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1
"$bin/cfn-lint" template.yaml
"$bin/sam" validate --lint --template-file template.yaml
# The go1.x builder takes tags and flags from the environment only.
CGO_ENABLED=0 GOFLAGS='-tags=lambda.norpc,nethttpomithttp2 -trimpath -ldflags=-s' "$bin/sam" build --template-file template.yaml --build-dir .cache/sam-build --cache-dir .cache/sam-cache >.cache/sam-build.log 2>&1 ||
  { cat .cache/sam-build.log; exit 1; }
for bootstrap in .cache/sam-build/*/bootstrap; do
  file -b "$bootstrap" 2>/dev/null | grep -q aarch64 || head -c 20 "$bootstrap" | od -An -tx1 -j18 -N1 | grep -q b7 ||
    { echo "$bootstrap is not an arm64 binary"; exit 1; }
done

infra/build.sh .cache/functions arm64
infra/build.sh .cache/functions-host "$(go env GOARCH)"
printf '%-12s %10s %14s\n' function 'arm64 MB' 'package init'
failed=0
for f in .cache/functions/*; do
  name=$(basename "$f") size=$(stat -c %s "$f" 2>/dev/null || stat -f %z "$f")
  # The sum of Go's own init trace, on this machine: the part of a cold start that is ours before main runs.
  init=$(GODEBUG=inittrace=1 ".cache/functions-host/$name" 2>&1 >/dev/null | awk '/^init / {s += $5} END {printf "%.1f ms", s}' || true)
  printf '%-12s %10s %14s\n' "$name" "$(awk "BEGIN {printf \"%.2f\", $size / 1e6}")" "$init"
  if [ "$size" -gt "$limit" ]; then echo "$name is larger than $limit bytes"; failed=1; fi
done
exit $failed
