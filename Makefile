# What there is to do with this project; `make help` lists it. Go and make are
# enough; the race detector wants a C compiler as well.
#
# The tools (buf, golangci-lint and so on) are pinned, each by a module file of
# its own under tools/, so that what they need does not mix with what the product
# needs. They are built when they are first used, into bin/, which git ignores.

SHELL := bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# A workspace file in some folder above is not ours.
export GOWORK := off

GO_VERSION := $(firstword $(shell go env GOVERSION))
ifeq ($(GO_VERSION),)
$(error Go is missing: install Go 1.26 or newer, see https://go.dev/dl)
endif

# Flags for `conch demo`.
FLAGS ?=
# Flags for `conch report`: --author, --repository.
REPORT ?=
# Which benchmarks to run, as a regular expression.
BENCH ?= .
# Where to look for tests and benchmarks.
PACKAGES ?= ./...
# What runs in one goroutine, or has no use for the race detector, and goes much
# further without it.
SEARCHES := ./internal/verify/sim ./internal/verify/modelcheck
# Tests of other packages that leave themselves, or a part, out under it.
LARGE := TestHundredThousandLocks|TestCounter
LARGE_IN := ./internal/service ./cmd/conch
# How often bench-peers and bench-growth measure each subject, and for how many seconds.
ROUNDS ?= 5
SECONDS ?= 2
# For how many seconds each waits, at most, for others on the machine to be calm.
CALM ?= 10
# How long each long test goes on.
SOAK ?= 10m
# How long each fuzz target is fed with new inputs.
FUZZTIME ?= 1m
# Another Go builds the tools anew.
TOOLS := bin/tools/$(GO_VERSION)
# What the tests of packages use.
PACKAGE_TOOLS := $(TOOLS)/nfpm $(TOOLS)/cyclonedx-gomod $(TOOLS)/helm $(TOOLS)/manifestcheck

include packaging/packaging.mk

.PHONY: help
help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: $(LEARN_FIRST) ## build bin/conch, which needs no C library
	$(GO_BUILD) -o $(BIN)/conch ./cmd/conch

# What a program built without it lacks is the page /learn, which then says so.
LEARN := internal/web/learn/built

.PHONY: learn
learn: ## the stepper of the page /learn, as WebAssembly
	@GOOS=js GOARCH=wasm go build -trimpath -buildvcs=false -ldflags='-s -w' -o $(LEARN)/stepper.wasm ./internal/stepper/wasm
	@gzip -9 -n -f $(LEARN)/stepper.wasm
	@cp "$$(go env GOROOT)/lib/wasm/wasm_exec.js" $(LEARN)/wasm_exec.js

.PHONY: demo
demo: build ## three nodes take turns, and their logs prove it (FLAGS="--nodes 5")
	bin/conch demo $(FLAGS)

# What the nodes keep between two starts is no part of the evidence.
.PHONY: report
report: build ## docs/report.pdf anew, from two real runs in logs/sample (REPORT="--author NAME --repository URL")
	rm -rf logs/sample docs/report.pdf
	bin/conch demo --report --out logs/sample $(REPORT) > /dev/null
	rm -rf logs/sample/state logs/sample/kill/state logs/sample/report.pdf
	bin/conch report logs/sample/node*.log --crash logs/sample/kill --out docs/report.pdf $(REPORT)

.PHONY: site
site: learn ## the lessons and the documents as a folder for a web server, bin/site
	@rm -rf bin/site
	@go run ./internal/site/mksite bin/site
	@echo "site: bin/site, for any web server"

# The program as it is judges the logs of a changed copy.
.PHONY: lab-1 lab-2 lab-3
lab-1 lab-2 lab-3: build
	@go run ./internal/lab/runlab docs/labs/$@.txt

.PHONY: lab
lab: build ## a lab of one's own (LAB=FILE); lab-1, lab-2 and lab-3 are those of docs/TEACHING.md
	@if [ -z "$(LAB)" ]; then echo "lab: give a file, as LAB=FILE; docs/labs/lab-1.txt is an example"; exit 64; fi
	@go run ./internal/lab/runlab $(LAB)

# Debian's package makes a database cluster and starts it, unless its settings, which
# another package brings, say otherwise. Settings that were there before are left alone.
CREATE_CLUSTER := /etc/postgresql-common/createcluster.conf
INSTALL_POSTGRESQL := { export DEBIAN_FRONTEND=noninteractive; timeout 60 apt-get update && \
  { [ -e $(CREATE_CLUSTER) ] || { \
    timeout 60 apt-get install -y --no-install-recommends postgresql-common && \
    echo "create_main_cluster = false" >>$(CREATE_CLUSTER); }; } && \
  timeout 120 apt-get install -y --no-install-recommends postgresql; }

# The package itself would start a service.
FETCH_PROMTOOL := { mkdir -p bin/tools && cd bin/tools && timeout 60 apt-get update && timeout 120 apt-get download prometheus && \
  dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x --strip-components=3 ./usr/bin/promtool; \
  rm -f prometheus_*.deb; cd ../..; }

# Whether tests can mount small disks, which they fill.
SMALL_DISK := unshare --user --map-root-user --mount mount -t tmpfs -o size=64k none /mnt

# Whether networks can be made: a namespace with a bridge.
NETWORK := { ip netns add conch-probe && ip -n conch-probe link add br0 type bridge; made=$$?; ip netns delete conch-probe; [ $$made = 0 ]; }

# How many packages are tested at once. Many tests wait for clocks more than they compute.
AT_ONCE := $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))

# Go sets CGO_ENABLED to 0 by itself where it finds no C compiler.
.PHONY: test
test: ## all tests, with the race detector
	@if [ "$$(go env CGO_ENABLED)" = 1 ]; then \
	  race=-race left_out="nothing"; \
	else \
	  race= left_out="THE RACE DETECTOR, which needs a C compiler (and CGO_ENABLED=1)"; \
	fi; \
	if ! command -v pdftotext >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "installing poppler-utils, whose pdftotext reads the reports that tests make"; \
	  { timeout 60 apt-get update && timeout 120 apt-get install -y poppler-utils; } >/dev/null 2>&1; \
	fi; \
	if ! command -v pdftotext >/dev/null; then \
	  left_out="$$left_out; THE TEXT OF PDF REPORTS, which needs pdftotext (poppler-utils)"; \
	fi; \
	if ! ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "installing PostgreSQL, which runs the statements of docs/FENCING.md (a test starts it; no service is set up)"; \
	  $(INSTALL_POSTGRESQL) >/dev/null 2>&1 </dev/null; \
	fi; \
	if ! ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; then \
	  left_out="$$left_out; THE SQL OF FENCING.md ON POSTGRESQL, which needs Debian's package postgresql"; \
	fi; \
	if ! command -v chromium chromium-browser google-chrome google-chrome-stable >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "installing Chromium, in which tests look at the pages"; \
	  { timeout 60 apt-get update && timeout 300 apt-get install -y chromium; } >/dev/null 2>&1 </dev/null; \
	fi; \
	if ! command -v chromium chromium-browser google-chrome google-chrome-stable >/dev/null; then \
	  left_out="$$left_out; THE PAGES IN A REAL BROWSER, which need Chromium"; \
	fi; \
	if ! command -v openssl >/dev/null; then \
	  left_out="$$left_out; CERTIFICATES THAT OPENSSL READS AND MAKES, which need openssl"; \
	fi; \
	if [ "$$(id -u)" != 0 ]; then \
	  left_out="$$left_out; SEVERAL USERS OF ONE SOCKET, AND A ROOT THAT A deb IS INSTALLED INTO, which need root"; \
	fi; \
	export PATH="$(CURDIR)/bin/tools:$$PATH"; \
	if ! command -v promtool >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "fetching promtool, which checks the alert rules (out of Debian's package prometheus, which is not installed)"; \
	  $(FETCH_PROMTOOL) >/dev/null 2>&1 </dev/null; \
	fi; \
	if ! command -v promtool >/dev/null; then \
	  left_out="$$left_out; THE ALERT RULES, which need promtool (Debian's package prometheus)"; \
	fi; \
	if [ "$$(uname)" != Linux ]; then \
	  left_out="$$left_out; THE TESTS OF bench, OF deb AND rpm, which need Linux"; \
	fi; \
	if ! docker info >/dev/null 2>&1; then \
	  left_out="$$left_out; CONTAINERS, which need a Docker engine"; \
	elif ! docker compose version >/dev/null 2>&1 && ! command -v docker-compose >/dev/null; then \
	  left_out="$$left_out; CONTAINERS, which need docker-compose"; \
	fi; \
	if ! { command -v logrotate && command -v rpm; } >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "installing logrotate and rpm, which look at what packages have for them"; \
	  { timeout 60 apt-get update && timeout 120 apt-get install -y --no-install-recommends logrotate rpm; } >/dev/null 2>&1 </dev/null; \
	fi; \
	if ! { command -v ip && command -v nft; } >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "installing iproute2 and nftables, with which tests make networks and break them"; \
	  { timeout 60 apt-get update && timeout 120 apt-get install -y --no-install-recommends iproute2 nftables; } >/dev/null 2>&1 </dev/null; \
	fi; \
	if ! $(NETWORK) >/dev/null 2>&1; then \
	  left_out="$$left_out; CLIENTS AND NODES ON REAL NETWORKS, which need root, Linux, network namespaces, bridges and ip (iproute2)"; \
	elif ! command -v nft >/dev/null; then \
	  left_out="$$left_out; RESETS ON REAL NETWORKS, which need nft (nftables)"; \
	fi; \
	if [ "$$(uname)" = Linux ] && ! $(SMALL_DISK) >/dev/null 2>&1; then \
	  left_out="$$left_out; FULL DISKS, which need a system where a process may mount a disk of its own"; \
	fi; \
	for needed in systemd-analyze logrotate dpkg rpm; do \
	  command -v $$needed >/dev/null || left_out="$$left_out; A PART OF THE TESTS OF PACKAGES, which needs $$needed"; \
	done; \
	if [ "$(PACKAGES)" = ./... ]; then \
	  make --no-print-directory $(PACKAGE_TOOLS) || exit 1; \
	fi; \
	left_out="$${left_out#nothing; }"; \
	echo "go test $$race $(PACKAGES)"; \
	go test $$race -p $(AT_ONCE) -timeout 25m $(PACKAGES) && \
	if [ -n "$$race" ] && [ "$(PACKAGES)" = ./... ]; then \
	  echo "go test $(SEARCHES), without the race detector: many more steps"; \
	  go test -count=1 -timeout 15m $(SEARCHES) && \
	  go test -count=1 -timeout 15m -run '$(LARGE)' $(LARGE_IN); \
	fi && \
	if [ "$(PACKAGES)" = ./... ] && [ "$$(uname)" = Linux ]; then \
	  echo "go -C bench test ./..., without the race detector, for which all of etcd would be built"; \
	  go -C bench test -timeout 15m ./...; \
	fi && \
	echo "test: passed; left out: $$left_out"

# Pictures for people to look at.
.PHONY: screenshots
screenshots: learn ## pictures of the pages, in bin/screenshots (needs Chromium)
	@mkdir -p bin/screenshots
	CONCH_SCREENSHOTS="$(CURDIR)/bin/screenshots" go test -count=1 -run Screenshots ./internal/web/... ./cmd/conch

.PHONY: bench
bench: ## benchmarks (BENCH=regexp PACKAGES=./token)
	go test -run '^$$' -bench '$(BENCH)' -benchmem -timeout 0 $(PACKAGES)

# -mod=mod: what the product requires anew, this module does too.
.PHONY: bench-peers
bench-peers: build ## conch beside bare gRPC, etcd, Redis, ZooKeeper, in docs/BENCHMARKS.md (ROUNDS=5 SECONDS=2)
	@if [ "$$(uname)" != Linux ]; then echo "bench-peers needs Linux"; exit 1; fi
	@bench/install.sh
	go -C bench build -mod=mod -o ../bin/bench-peers ./cmd/bench-peers
	@bin/bench-peers -conch bin/conch -rounds $(ROUNDS) -seconds $(SECONDS) -calm $(CALM) -page docs/BENCHMARKS.md

.PHONY: bench-growth
bench-growth: ## cost by the number of nodes and locks, in docs/GROWTH.md with charts (ROUNDS=5 SECONDS=2)
	@if [ "$$(uname)" != Linux ]; then echo "bench-growth needs Linux"; exit 1; fi
	go -C bench build -mod=mod -o ../bin/bench-growth ./cmd/bench-growth
	@bin/bench-growth -rounds $(ROUNDS) -seconds $(SECONDS) -calm $(CALM) -page docs/GROWTH.md -charts growth

.PHONY: soak
soak: ## long tests, each for SOAK=10m
	CONCH_SOAK=$(SOAK) go test -count=1 -v -run Soak -timeout 0 $(PACKAGES)

# One worker, so that a machine with little memory and others on it gets through. What is
# found is kept by Go below the package, in testdata/fuzz, and is a test from then on.
.PHONY: fuzz
fuzz: ## every fuzz target in turn, each for FUZZTIME=1m
	@grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z]+' . | sed -E 's|^(.*)/[^/]*:func (.*)$$|\1 \2|' | sort | \
	while read -r package target; do \
	  echo "fuzz: $$target of $$package, for $(FUZZTIME)"; \
	  go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s -parallel 1 "$$package" || exit 1; \
	done

# --- Tools. ---

# A change of its module file builds a tool anew.
GENERATORS := $(TOOLS)/buf $(TOOLS)/protoc-gen-go $(TOOLS)/protoc-gen-go-grpc

$(TOOLS)/%: tools/%/go.mod tools/%/go.sum
	@echo "building $* (once; buf and golangci-lint take some minutes each)"
	@go -C tools/$* build -o "$(CURDIR)/$@" tool

# $(call generate,DIR) writes the generated code to DIR.
generate = PATH="$(CURDIR)/$(TOOLS):$$PATH" buf generate proto --template proto/buf.gen.yaml --output "$(1)"

# --- Checks, which write nothing into the checkout but below bin/. ---

.PHONY: verify
verify: verify-format verify-modules verify-vet verify-builds verify-proto \
  verify-generated verify-lint verify-bench verify-module verify-vulnerabilities
verify: ## all checks but the tests; writes nothing
	@echo "verify: passed"

.PHONY: verify-format
verify-format:
	@echo "verify: gofmt"
	@unformatted=$$(gofmt -l .) || exit 1; \
	if [ -n "$$unformatted" ]; then \
	  echo "not formatted (make fix does it):"; echo "$$unformatted"; exit 1; \
	fi

.PHONY: verify-modules
verify-modules:
	@echo "verify: go mod tidy"
	@go mod tidy -diff || { echo "go.mod or go.sum is not tidy (make fix does it)"; exit 1; }

.PHONY: verify-vet
verify-vet:
	@echo "verify: go vet"
	@go vet ./...
	@GOOS=js GOARCH=wasm go vet ./internal/stepper/...

# No file is for one processor only, so each system and each processor once will do.
.PHONY: verify-builds
verify-builds:
	@for to in linux/amd64 linux/arm64 darwin/arm64; do \
	  echo "verify: build for $$to"; \
	  GOOS=$${to%/*} GOARCH=$${to#*/} go build -buildvcs=false -o /dev/null ./... || exit 1; \
	done

.PHONY: verify-proto
verify-proto: $(TOOLS)/buf
	@echo "verify: buf lint and format"
	@$(TOOLS)/buf lint proto
	@$(TOOLS)/buf format proto --diff --exit-code || \
	  { echo "proto/ is not formatted (make fix does it)"; exit 1; }

.PHONY: verify-generated
verify-generated: $(GENERATORS)
	@echo "verify: generated code"
	@fresh=$$(mktemp -d) || exit 1; trap 'rm -rf "$$fresh"' EXIT; \
	$(call generate,$$fresh) || exit 1; \
	diff -r -x '*.proto' -x 'buf*.yaml' -x doc.go proto "$$fresh" || \
	  { echo "proto/ and what is generated from it have drifted apart (make proto mends it)"; exit 1; }

.PHONY: verify-lint
verify-lint: $(TOOLS)/golangci-lint
	@echo "verify: golangci-lint"
	@$(TOOLS)/golangci-lint run

# The first time, this builds etcd's server: a minute or so on two cores.
.PHONY: verify-bench
verify-bench: $(TOOLS)/golangci-lint
	@if [ "$$(uname)" != Linux ]; then \
	  echo "verify: LEFT OUT: bench, which needs Linux"; \
	else \
	  echo "verify: bench: go mod tidy, go vet, golangci-lint"; \
	  go -C bench mod tidy -diff || { echo "bench/go.mod or bench/go.sum is not tidy (make fix does it)"; exit 1; }; \
	  go -C bench vet ./... && cd bench && "$(CURDIR)/$(TOOLS)/golangci-lint" run; \
	fi

.PHONY: verify-vulnerabilities
verify-vulnerabilities:
	@database=$${GOVULNDB:-https://vuln.go.dev}; \
	if curl --silent --fail --location --max-time 5 --output /dev/null "$$database/index/db.json"; then \
	  $(MAKE) --silent $(TOOLS)/govulncheck && \
	  echo "verify: govulncheck" && \
	  $(TOOLS)/govulncheck -db "$$database" ./...; \
	else \
	  echo "verify: LEFT OUT: govulncheck, since its database $$database is out of reach"; \
	fi

# Whether make module finds every place: a copy with another path has to build.
.PHONY: verify-module
verify-module:
	@echo "verify: make module, on a copy"
	@copy=$$(mktemp -d) || exit 1; trap 'rm -rf "$$copy"' EXIT; \
	git ls-files -z --cached --others --exclude-standard | tar -c --null --ignore-failed-read -T - 2>/dev/null | tar -x -C "$$copy" && \
	cd "$$copy" && timeout 60 go run ./internal/modulepath/setmodule example.org/you/conch && \
	timeout 300 go build -buildvcs=false -o bin/conch ./cmd/conch && bin/conch version >/dev/null && \
	timeout 300 go vet . ./cmd/conch ./proto/... ./internal/lint && \
	timeout 60 go test ./internal/lint && \
	timeout 60 go -C bench list -e -deps ./... >/dev/null || exit 1; \
	left=$$(grep -rlE '"conch/(token|broadcast|proto|hosts|logs|internal)' --include='*.go' . | grep -v '\.pb\.go$$'); \
	if [ -n "$$left" ]; then echo "make module leaves the old path in: $$left"; exit 1; fi

# --- What writes. ---

.PHONY: module
module: ## write another path of the module everywhere (MODULE=example.org/you/conch)
	@if [ -z "$(MODULE)" ]; then echo "module: give the path, as MODULE=example.org/you/conch"; exit 64; fi
	@go run ./internal/modulepath/setmodule "$(MODULE)"

.PHONY: fix
fix: proto $(TOOLS)/golangci-lint ## mend what can be mended: format, go.mod, generated code, lint
	$(TOOLS)/buf format -w proto
	go mod tidy
	go -C bench mod tidy
	gofmt -w .
	$(TOOLS)/golangci-lint run --fix
	cd bench && "$(CURDIR)/$(TOOLS)/golangci-lint" run --fix

.PHONY: proto
proto: $(GENERATORS) ## generate the Go code from the .proto files
	$(call generate,proto)
