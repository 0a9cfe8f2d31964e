#!/usr/bin/env bash
# Runs the end-to-end suite against a deployed stack: test-stage.sh localstack|aws STACK
# It reads the stack's outputs, seeds workspaces of its own into the chat table, and needs credentials that may
# write there. Suites that break things on purpose need the local stack's controls and are left out.
set -euo pipefail
where=${1:?localstack or aws} stack=${2:?name of the stack: make test-aws STACK=name}
cd "$(dirname "$0")/.."
case $where in
  localstack)
    export AWS_REGION=${AWS_REGION:-us-east-1} AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
    export AWS_ENDPOINT_URL=http://127.0.0.1:4566 AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:4566 ;;
  aws)
    eval "$(aws configure export-credentials --format env)"
    export AWS_REGION=${AWS_REGION:-$(aws configure get region)} ;;
  *) echo "localstack or aws, not $where" >&2; exit 2 ;;
esac

output() {
  aws cloudformation describe-stacks --stack-name "$stack" --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue" --output text
}
PARLEY_HTTP=$(output HttpUrl) PARLEY_WS=$(output SocketUrl) CHAT_TABLE=$(output ChatTable) CONNECTION_TABLE=$(output ConnectionTable)
for v in PARLEY_HTTP PARLEY_WS CHAT_TABLE CONNECTION_TABLE; do
  [ -n "${!v}" ] && [ "${!v}" != None ] || { echo "the stack $stack has no output for $v" >&2; exit 1; }
  export "${v?}"
done
go test -count=1 -timeout 20m -skip 'Fault|Soak|Random|Kill' ./localstack/e2e
