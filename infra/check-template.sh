#!/usr/bin/env bash
# What can be known of a deployment without an account: the template is valid and lints clean, SAM builds it, every
# binary that it would deploy is below its limit, and how long each takes to start. check-template.sh BIN-DIR
set -euo pipefail
bin=$1
cd "$(dirname "$0")/.."
limit=$((12 * 1024 * 1024)) # bytes, arm64, stripped: 12 MB as Lambda counts them (its 250 MB are 262,144,000 bytes)

export SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1
mkdir -p .cache
"$bin/cfn-lint" template.yaml
"$bin/sam" validate --lint --template-file template.yaml
"$bin/sam" build --template-file template.yaml --build-dir .cache/sam-build --cache-dir .cache/sam-cache >.cache/sam-build.log 2>&1 ||
  { cat .cache/sam-build.log; exit 1; }
infra/build.sh .cache/functions-host "$(go env GOARCH)"

printf '%-12s %10s %14s\n' function 'arm64 MB' 'package init'
failed=0
for main in functions/*/; do
  name=$(basename "$main")
  bootstrap=$(find .cache/sam-build -ipath ".cache/sam-build/${name}function/bootstrap")
  if [ ! -x "$bootstrap" ]; then echo "sam build made no bootstrap of functions/$name"; failed=1; continue; fi
  if [ "$(head -c 20 "$bootstrap" | od -An -tx1 -j18 -N1 | tr -d ' ')" != b7 ]; then echo "$bootstrap is not an arm64 binary"; failed=1; fi
  size=$(stat -c %s "$bootstrap" 2>/dev/null || stat -f %z "$bootstrap")
  # The sum of Go's own init trace, on this machine: the part of a cold start that is ours before main runs.
  init=$(GODEBUG=inittrace=1 ".cache/functions-host/$name" 2>&1 >/dev/null | awk '/^init / {s += $5} END {printf "%.1f ms", s}' || true)
  printf '%-12s %10s %14s\n' "$name" "$(awk "BEGIN {printf \"%.2f\", $size / 1e6}")" "$init"
  if [ "$size" -gt "$limit" ]; then echo "$name is larger than $limit bytes"; failed=1; fi
done
exit $failed
