#!/usr/bin/env bash
# Builds every function as it is deployed: arm64, stripped, without the RPC mode that only the retired go1.x
# runtime used, and without HTTP/2 of its own (300 KB): DynamoDB, SQS and the runtime API speak HTTP/1.1. build.sh DIR [arch]
set -euo pipefail
out=$1 arch=${2:-arm64}
cd "$(dirname "$0")/.."
mkdir -p "$out"
for main in functions/*/; do
  name=$(basename "$main")
  CGO_ENABLED=0 GOOS=linux GOARCH=$arch go build -trimpath -tags lambda.norpc,nethttpomithttp2 -ldflags='-s -w' -o "$out/$name" "./$main"
done
