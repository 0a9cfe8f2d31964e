# `make help` lists the targets. Go, Node and make are all that run and test need; targets that need Python make
# a virtual environment of their own under .cache/.

SHELL        := /bin/bash
.SHELLFLAGS  := -eu -o pipefail -c
ADDR         ?= 127.0.0.1:8080
CACHE        := $(CURDIR)/.cache
PYTHON       ?= python3
LINT_VERSION := v2.15.0
LINT         := $(CACHE)/bin/golangci-lint-$(LINT_VERSION)
export CGO_ENABLED ?= 1

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  \033[1m%-18s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## Start the whole product on the local stack (ADDR=127.0.0.1:8080, ARGS for its flags)
	@go build -o $(CACHE)/bin/localstack ./localstack
	@exec $(CACHE)/bin/localstack -addr $(ADDR) $(ARGS)

.PHONY: seed
seed: ## Into a running stack: a web shop's week, ten people and 300 conversations in every state (ARGS, see -h)
	@go run ./internal/cmd/parley seed -stack $(ADDR) $(ARGS)

.PHONY: demo
demo: ## Against a running stack: a conversation with a dropped connection, a lost ack and a killed function
	@go run ./internal/cmd/demo -addr $(ADDR) $(ARGS)

.PHONY: test
test: ## The whole suite with the race detector
	go test -race -timeout 15m ./...

.PHONY: check
check: check-format check-vet check-lint check-mod check-contract check-template ## Linters, generated files, the template

.PHONY: check-format
check-format: ## gofmt changes nothing
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "gofmt would change:"; echo "$$out"; exit 1; fi

.PHONY: check-vet
check-vet: ## go vet
	go vet ./...

.PHONY: check-lint
check-lint: $(LINT) ## golangci-lint
	$(LINT) run ./...

$(LINT):
	@mkdir -p $(CACHE)/bin
	GOBIN=$(CACHE)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	@mv $(CACHE)/bin/golangci-lint $@

.PHONY: check-mod
check-mod: ## go.mod and go.sum are tidy
	go mod tidy -diff

.PHONY: check-contract
check-contract: ## The generated contract in events/ is current
	go run ./internal/cmd/contract -check

.PHONY: contract
contract: ## Generate the contract in events/ from the Go structs
	go run ./internal/cmd/contract

# --- the template -----------------------------------------------------------------------------------------

SAM_VENV := $(CACHE)/sam

$(SAM_VENV)/ready: infra/requirements-sam.txt
	@rm -rf $(SAM_VENV) && $(PYTHON) -m venv $(SAM_VENV)
	@$(SAM_VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.PHONY: check-template
check-template: $(SAM_VENV)/ready ## sam validate --lint, sam build, cfn-lint, size of every binary
	infra/check-template.sh $(SAM_VENV)/bin

.PHONY: build
build: ## Build every function for Lambda (arm64) into .cache/functions
	infra/build.sh $(CACHE)/functions

# What sam build runs for each function of the template (its Metadata), by logical id.
build-%Function:
	infra/build.sh $(ARTIFACTS_DIR) arm64 $$(echo $* | tr '[:upper:]' '[:lower:]')
	@mv $(ARTIFACTS_DIR)/$$(echo $* | tr '[:upper:]' '[:lower:]') $(ARTIFACTS_DIR)/bootstrap

.PHONY: deploy
deploy: ## Deploy to your AWS account (needs the SAM CLI and credentials); ARGS for sam deploy
	sam build && sam deploy --guided $(ARGS)

# --- measuring --------------------------------------------------------------------------------------------

.PHONY: bench
bench: ## Latency, throughput, memory and price per message (about 7 minutes; ARGS=-quick for one)
	@go run ./internal/cmd/bench $(ARGS)

.PHONY: cost
cost: ## What a typical conversation, idle operators and the live desk cost (about 13 minutes; ARGS, see -h)
	@go run ./internal/cmd/cost $(ARGS)

.PHONY: costs
costs: ## Count what every route costs DynamoDB anew, into docs/costs.md
	go test ./functions/api -count=1 -run TestCosts -args -update

.PHONY: mutants
mutants: ## Plant each known bug and show that the suite turns red
	go run ./internal/cmd/mutants $(ARGS)

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME each (default 30s)
	infra/fuzz.sh $${FUZZTIME:-30s}

.PHONY: soak
soak: ## The fault suite at full size: 200 clients, 15,000 messages, kills every second, four restarts
	go test -v -count=1 -timeout 30m -run 'TestSoak' ./localstack/e2e -args -full

.PHONY: soak-routing
soak-routing: ## Routing under fire at full size: 200 operators, 5,000 conversations, faults; prints the time to assignment
	go test -v -count=1 -timeout 30m -run 'TestRoutingUnderFire' ./localstack/e2e -args -full

.PHONY: soak-sim
soak-sim: ## The simulation with SEEDS schedules (default 40000; hours)
	go test ./internal/sim -count=1 -timeout 12h -args -seeds $${SEEDS:-40000}

# --- other engines, LocalStack, AWS -----------------------------------------------------------------------

.PHONY: test-engines
test-engines: ## The adapters' and the end-to-end suite on an engine that nobody here wrote
	localstack/engines/test.sh

.PHONY: localstack-up
localstack-up: ## Start LocalStack (needs Docker and LOCALSTACK_AUTH_TOKEN)
	docker compose -f localstack/compose.yaml up -d --wait

.PHONY: localstack-deploy
localstack-deploy: ## Deploy the template to LocalStack (needs samlocal)
	samlocal build && samlocal deploy --stack-name parley --resolve-s3 --capabilities CAPABILITY_IAM --no-confirm-changeset

.PHONY: test-localstack
test-localstack: ## The end-to-end suite against LocalStack
	localstack/test-stage.sh localstack parley

.PHONY: test-aws
test-aws: ## The end-to-end suite against a deployed stage: make test-aws STACK=name
	localstack/test-stage.sh aws $(STACK)

.PHONY: clean
clean: ## Remove what the targets made
	rm -rf $(CACHE) .aws-sam
