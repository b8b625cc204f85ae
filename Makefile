# The one door to everything: `make help`.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The Node.js that the program runs on, which npm installs with it. The machine's own has to run npm only.
NODE     := scripts/node
NODE_BIN := $(NODE) node_modules/.bin
LISTEN   ?= 127.0.0.1:4040
SOURCES  := $(shell find src test bench -name '*.ts' -not -path 'src/web/*' 2>/dev/null)
WEB      := $(shell find src/web -type f 2>/dev/null) vite.config.ts package-lock.json
TESTS    ?= build/test
BENCH    ?=
FUZZ_BODIES ?= 1000000
RUNS     ?= 20

# npm wants a home folder and a cache that it can write to. A user without an entry in /etc/passwd may have neither.
ifneq ($(shell [ -d "$${HOME:-}" ] || echo none),)
  export HOME := $(CURDIR)/build/home
  $(shell mkdir -p "$(CURDIR)/build/home")
else ifneq ($(shell [ -w "$$HOME" ] || echo none),)
  export npm_config_cache ?= $(CURDIR)/build/npm-cache
endif

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: start
start: build ## install, build, then run probe, app and dashboard on this machine (LISTEN=127.0.0.1:4040)
	@exec bin/topoprobe up --listen $(LISTEN)

.PHONY: build
build: native web build/.tsc ## install what the build needs, then compile the addon, the server and the page

.PHONY: test
test: build build/churn build/scenarios build/without-netlink build/refuse-bpf.so build/programs/.unpacked ## run every test; the eBPF ones need root
	@bash scripts/run-tests.sh $(TESTS)

.PHONY: truth
truth: build build/programs/.unpacked ## the tests against what real programs count, RUNS=20 times (root); says how many were wrong
	@bash scripts/run-truth.sh $(RUNS)

.PHONY: fuzz
fuzz: build ## mutated reports and statements through their decoders, a million of them (FUZZ_BODIES=1000000)
	TOPOPROBE_FUZZ_BODIES=$(FUZZ_BODIES) $(NODE) --test build/test/report/fuzz.test.js build/test/report/decode-memory.test.js build/test/flows/fuzz.test.js

.PHONY: check
check: build ## formatting, lint, types and import directions, for every language here
	$(NODE_BIN)/prettier --check .
	$(NODE_BIN)/eslint --max-warnings 0 .
	$(NODE_BIN)/tsc --noEmit -p src/web/tsconfig.json
	$(NODE_BIN)/depcruise --config .dependency-cruiser.cjs --output-type err src native/lib test bench
	@if command -v clang-format-14 >/dev/null; then clang-format-14 --dry-run --Werror native/bpf/*.[ch] $$(find native/src -name '*.cc' -o -name '*.h') bench/churn/*.c bench/do-nothing/*.c test/scenarios/*.c test/machines/*.c test/ebpf/*.c; \
	 else echo "make check: C and C++ formatting not checked: clang-format-14 is missing"; fi

.PHONY: format
format: node_modules/.package-lock.json ## rewrite files the way `make check` wants them
	$(NODE_BIN)/prettier --write --log-level warn .
	clang-format-14 -i native/bpf/*.[ch] $$(find native/src -name '*.cc' -o -name '*.h') bench/churn/*.c bench/do-nothing/*.c test/scenarios/*.c test/machines/*.c test/ebpf/*.c

.PHONY: bench
bench: build build/churn build/hold build/attach build/nothing.bpf.o ## measure against tcplife and others (root); BENCH="rungs memory" for some
	@bash bench/run.sh $(BENCH)

.PHONY: kernels
kernels: build build/churn build/scenarios ## what is seen on other kernels, in emulation (KERNELS="6.1-amd64 …" RUNGS="files …")
	@$(NODE) build/test/kernels/host/main.js

.PHONY: bare-debian
bare-debian: packages ## `make start` on a Debian 12 that has nothing but make, and TESTS="…" there (root; NODE=18.20.8: beside that)
	@TESTS="$(if $(filter command line environment,$(origin TESTS)),$(TESTS))" bash scripts/bare-debian.sh

.PHONY: native
native: packages node_modules/.package-lock.json ## compile the eBPF addon, where this machine can
	@if bash scripts/can-build-native.sh; then $(MAKE) --no-print-directory -s -C native; fi

.PHONY: web
web: build/web/index.html ## build the dashboard's page

.PHONY: layout
layout: node_modules/.package-lock.json ## generate what TypeScript reads records by, after a change of native/bpf/record.h
	$(NODE) scripts/generate-layout.mjs

build/web/index.html: $(WEB) node_modules/.package-lock.json
	$(NODE_BIN)/vite build --logLevel warn
	@touch $@

build/.tsc: $(SOURCES) tsconfig.json node_modules/.package-lock.json $(shell find native/lib -name '*.d.ts')
	$(NODE_BIN)/tsc -p tsconfig.json
	@touch $@

# Programs that make connections: load for the benchmarks, hard cases for the tests.
build/churn: bench/churn/churn.c
build/hold: bench/churn/hold.c
build/scenarios: test/scenarios/scenarios.c
build/without-netlink: test/machines/without-netlink.c
build/churn build/hold build/scenarios build/without-netlink: | packages
	@mkdir -p build
	@if command -v cc >/dev/null; then cc -O2 -Wall -Wextra -Werror -pthread $< -o $@; \
	 else echo "make: $@ not built: a C compiler (cc) is missing"; fi

# BPF programs that do nothing, for the benchmarks to hold ours against, and what attaches them.
BPF_CLANG := $(firstword $(foreach c,clang-14 clang,$(shell command -v $(c) 2>/dev/null)))
build/nothing.bpf.o: bench/do-nothing/nothing.bpf.c
build/nothing.bpf.o: COMPILE = $(BPF_CLANG) -target bpf -O2 -g -Wall -Wextra -Wno-unused-parameter -Werror -I/usr/include/$(shell cc -dumpmachine) -c $< -o $@
build/attach: bench/do-nothing/attach.c
build/attach: COMPILE = cc -O2 -Wall -Wextra -Werror $< -o $@ -lbpf
build/nothing.bpf.o build/attach: | packages
	@mkdir -p build
	@if bash scripts/can-build-native.sh 2>/dev/null; then $(COMPILE); \
	 else echo "make: $@ not built: what the eBPF addon is built with is missing"; fi

# A library that has the kernel refuse BPF programs, for tests.
build/refuse-bpf.so: test/ebpf/refuse-bpf.c | packages
	@mkdir -p build
	@if command -v cc >/dev/null; then cc -O2 -Wall -Wextra -Werror -pthread -shared -fPIC $< -o $@ -ldl; \
	 else echo "make: $@ not built: a C compiler (cc) is missing"; fi

# Real servers and load generators, for tests and examples.
build/programs/.unpacked: scripts/unpack-programs.sh
	@bash scripts/unpack-programs.sh

# The lock file decides.
node_modules/.package-lock.json: package.json package-lock.json native/package.json | packages
	@bash scripts/install-modules.sh
	@touch $@

# All that this run of make needs, at once: so what is missing is said in one line.
PURPOSES := build $(if $(filter test check bench format,$(MAKECMDGOALS)),test) $(if $(filter bench,$(MAKECMDGOALS)),bench) \
            $(if $(filter test kernels,$(MAKECMDGOALS)),kernels) $(if $(filter bare-debian,$(MAKECMDGOALS)),bare-debian) \
            $(if $(filter kernels,$(MAKECMDGOALS)),$(if $(or $(if $(KERNELS),,all),$(findstring arm64,$(KERNELS))),kernels-arm64))
.PHONY: packages
packages:
	@bash scripts/install-packages.sh $(PURPOSES)

.PHONY: clean
clean: ## remove everything that was built
	rm -rf build native/build
