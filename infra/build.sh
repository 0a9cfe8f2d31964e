#!/usr/bin/env bash
# Builds every function as it is deployed: arm64, stripped, without the RPC mode that only the retired go1.x
# runtime used. build.sh DIR [arch]
set -euo pipefail
out=$1 arch=${2:-arm64}
cd "$(dirname "$0")/.."
mkdir -p "$out"
for main in functions/*/; do
  name=$(basename "$main")
  CGO_ENABLED=0 GOOS=linux GOARCH=$arch go build -trimpath -tags lambda.norpc -ldflags='-s -w' -o "$out/$name" "./$main"
done
