# Everything a person does with this repository. `make` alone shows the list.
# Needs Go (see go.mod) and make; a C compiler adds the race detector to `make test`.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# One set of build flags for everything, so that the packages of the Graph SDK are
# compiled once and not once for each of build, test, vet and the linter.
export GOFLAGS := $(strip $(GOFLAGS) -trimpath -buildvcs=false)
export CGO_ENABLED := 0

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.1.4

SEEDS ?= 5000
FUZZTIME ?= 30s
# A directory or URL with the vulnerability database; empty means the public one.
VULNDB ?=

.PHONY: help
help: ## show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## build usher and run the demo: a ticket in, an account, and gone again
	@scripts/build usher
	@bin/usher demo

.PHONY: build
build: ## build usher and every function's own binary into bin/
	@scripts/build all

.PHONY: package
package: ## build bin/package/FUNCTION.zip for AWS Lambda (ARCH=amd64 for x86, CONFIG=FILE as its usher.yaml, with what that names)
	@go run ./scripts/package

.PHONY: test
test: ## every test but soak: units, whole processes, import rules, size budgets (RACE=all: see decision 010)
	@scripts/test

.PHONY: crosscheck
crosscheck: ## let a second client, which shares no code with ours, work on the fake Service Bus namespace (needs npm)
	@shared/servicebusfake/crosscheck/run

.PHONY: lint
lint: ## gofmt, go vet and staticcheck
	@scripts/lint $(STATICCHECK)

.PHONY: validate-infra
validate-infra: ## check infra/: cfn-lint, the transform, our own rules, every way to break a template
	@scripts/validate-infra

.PHONY: generate
generate: ## write the generated files again (GRAPH_CSDL=FILE, see shared/tenantfake/schemagen)
	go generate ./...

.PHONY: generate-check
generate-check: ## fail when a generated file is not what its generator writes (GRAPH_CSDL=FILE)
	@scripts/generate-check

.PHONY: fuzz
fuzz: ## run every fuzz target for a while (FUZZTIME=30s each)
	@scripts/fuzz $(FUZZTIME)

.PHONY: soak
soak: ## run the simulation with thousands of seeds (SEEDS=5000)
	@scripts/soak $(SEEDS)

.PHONY: bench
bench: ## measure, and print what docs/benchmarks.md holds
	@scripts/bench

.PHONY: vuln
vuln: ## look for known vulnerabilities in what is called (VULNDB=file:///DIR for a copy)
	go run $(GOVULNCHECK) $(if $(VULNDB),-db $(VULNDB)) ./...

.PHONY: clean
clean: ## remove what was built
	rm -rf bin
