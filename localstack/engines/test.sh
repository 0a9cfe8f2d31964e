#!/usr/bin/env bash
# Runs the DynamoDB adapter's conformance suites, and the whole system end to end, on a DynamoDB and SQS that
# nobody of this project wrote. It needs Python 3 and makes a virtual environment of its own under .cache/.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=.cache/engines
if [ ! -e "$venv/ready" ] || [ localstack/engines/requirements.txt -nt "$venv/ready" ]; then
  rm -rf "$venv"
  "${PYTHON:-python3}" -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r localstack/engines/requirements.txt
  touch "$venv/ready"
fi

free_port() { "$venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
pids=()
stop() { for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done; wait 2>/dev/null || true; }
trap stop EXIT

engine=http://127.0.0.1:$(free_port)
BIND_HOST=127.0.0.1 GATEWAY_PORT=${engine##*:} LOG_LEVEL=ERROR "$venv/bin/ministack" >.cache/engines.log 2>&1 &
pids+=($!)
for _ in $(seq 100); do curl -sf "$engine/_ministack/health" >/dev/null && break; sleep 0.2; done
curl -sf "$engine/_ministack/health" >/dev/null || { echo "the engine did not start:"; tail -20 .cache/engines.log; exit 1; }

echo "adapters on $(sed -n 's/^ministack==/ministack /p' localstack/engines/requirements.txt)"
PARLEY_DYNAMODB_ENDPOINT=$engine go test -count=1 -run 'TestLogConforms' ./internal/dynamo

echo "end to end, with it under the local stack"
go build -o .cache/localstack ./localstack
addr=127.0.0.1:$(free_port)
.cache/localstack -addr "$addr" -aws 127.0.0.1:0 -dynamodb "$engine" -sqs "$engine" \
  -param OidcLocal=true -param 'OidcSecrets={"test":"of the client"}' >.cache/engines-stack.log 2>&1 &
pids+=($!)
for _ in $(seq 300); do curl -sf "http://$addr/_local/ready" >/dev/null && break; sleep 0.2; done
PARLEY_CONTROL=http://$addr/_local go test -count=1 -skip 'Fault|Soak|Random|Kill' ./localstack/e2e
