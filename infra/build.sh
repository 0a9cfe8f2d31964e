#!/usr/bin/env bash
# Builds functions as they are deployed: build.sh DIR [arch [function...]], arm64 and all of them unless told.
# sam build comes here too (the template's Metadata, the Makefile's build-%Function); localstack/lambda builds alike.
#
# -tags: without the RPC mode that only the retired go1.x runtime used, and without net/http's HTTP/2 (300 KB), which no
# client of ours speaks: internal/config says why. -buildvcs=false: a commit that does not change a function's code does
# not change its binary, and sam deploy leaves it alone.
set -euo pipefail
out=$1 arch=${2:-arm64}
cd "$(dirname "$0")/.."
mkdir -p "$out"
names=("${@:3}")
[ ${#names[@]} -gt 0 ] || names=($(cd functions && ls -d */ | tr -d /))
for name in "${names[@]}"; do
  CGO_ENABLED=0 GOOS=linux GOARCH=$arch go build -trimpath -buildvcs=false -tags lambda.norpc,nethttpomithttp2 -ldflags='-s -w' -o "$out/$name" "./functions/$name"
done
