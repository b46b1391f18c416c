# Everything that is done with this repository, by name. Each target installs
# what it needs first (see scripts/setup).

CARGO ?= cargo
# Passed to the daemon: make run ARGS="--listen 127.0.0.1:9000"
ARGS ?=
# Kills of `make soak-kill`
N ?= 1000
# Where cargo puts what it builds.
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
BROWSER_TESTS := tests/browser

.DEFAULT_GOAL := help
.PHONY: help run test test-rust test-browser bench soak-kill lint fmt clean setup

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 24

setup: ## Install what is missing for build, run and test
	@scripts/setup

run: ## Build, and start the appliance on its footage and a simulated still camera
	@scripts/setup --for build,run
	$(CARGO) build --release --locked
	exec scripts/demo $(TARGET_DIR)/release $(ARGS)

test: test-rust test-browser ## Run all tests

test-rust: ## Run the tests of the daemon
	@scripts/setup
	$(CARGO) test --locked --no-fail-fast

# The dashboard against the real daemon is one of the daemon's tests.
test-browser: ## Run the tests of dashboard and client library
	@scripts/setup --for test
	cd $(BROWSER_TESTS) && npm run --silent unit && npm run --silent honesty

bench: ## Measure; the figures in the README come from here
	@scripts/setup --for build,run
	$(CARGO) bench --locked

soak-kill: ## Kill store and daemon N times (N=1000), then as many simulated power cuts
	@scripts/setup
	STORE_KILLS=$(N) $(CARGO) test --locked --test store_crash --test store_sigkill
	POWER_LOSS_HISTORIES=$(N) $(CARGO) test --locked --test power_loss

lint: ## Check format, lints, types, scripts and licences
	@scripts/setup
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) clippy --locked --all-targets --no-default-features -- -D warnings
	for script in scripts/setup scripts/demo .ci/run; do bash -n $$script || exit 1; done
	scripts/check-licenses
	cd $(BROWSER_TESTS) && npm run --silent check

fmt: ## Format the code
	$(CARGO) fmt

clean: ## Remove what was built
	$(CARGO) clean
	rm -rf $(BROWSER_TESTS)/node_modules
