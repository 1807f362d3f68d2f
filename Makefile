# Nightlatch. `make help` lists what there is.
.DEFAULT_GOAL := help
.PHONY: help test unit lint vuln fuzz bench scale torture cross run tidy

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: ## all tests: format, vet, race detector, browser, cross-builds (installs what it needs where it may)
	@.ci/test.sh

unit: ## only the Go tests, with the race detector
	@.ci/test.sh unit

lint: ## golangci-lint (compiles it the first time, which takes minutes)
	go tool -modfile=tools/go.mod golangci-lint run ./...

vuln: ## govulncheck; VULNDB=file:///... where vuln.go.dev cannot be reached
	go tool -modfile=tools/go.mod govulncheck $(if $(VULNDB),-db $(VULNDB)) ./...

fuzz: ## each fuzz target for FUZZTIME (30s)
	@.ci/fuzz.sh

bench: ## the benchmarks, against other implementations in the same run
	cd bench && go test -run '^$$' -bench . -benchmem ./...

scale: ## what people wait for at a thousand, a hundred thousand and a million accounts, on both databases (long)
	cd bench && go test ./scale -run Scale -v -timeout 4h -accounts 1000,100000,1000000 -rounds 200

torture: ## kill nodes and databases KILLS times (500) each while clients use them; SEED=N repeats the choices of a run
	go test ./torture -v -count=1 -timeout 12h -kills $(or $(KILLS),500) -seed $(or $(SEED),0)
	go test ./server -run 'TestOneWinner' -v -count=1 -timeout 4h -rounds 200

cross: ## build for Linux, macOS and Windows on amd64 and arm64, without a C compiler
	@.ci/test.sh cross

run: ## a demonstration on http://localhost:8080
	go run ./cmd/nightlatch serve --demo

tidy: ## go mod tidy in each module, and formatting
	@for m in go.mod */go.mod examples/*/go.mod; do echo "$$m"; (cd "$$(dirname "$$m")" && go mod tidy) || exit 1; done
	go tool -modfile=tools/go.mod gofumpt -w .
