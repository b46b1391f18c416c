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

# make install: for which board, what, and below which folder
BOARD ?=
BOARDS := $(sort $(notdir $(patsubst %/,%,$(dir $(wildcard hardware/*/profile.toml)))))
PROGRAM ?= $(TARGET_DIR)/release/watchpost
DESTDIR ?=

.DEFAULT_GOAL := help
.PHONY: help run build install arm boot-test caps-test lint-yocto test test-rust test-browser bench soak-kill soak-upload lint fmt clean setup

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 24

setup: ## Install what is missing for build, run and test
	@scripts/setup

run: ## Build, and start the appliance on its footage and a simulated still camera
	@scripts/setup --for build,run
	$(CARGO) build --release --locked
	exec scripts/demo $(TARGET_DIR)/release $(ARGS)

# What is there already under /etc stays.
install: ## Install program and service: make install BOARD=raspberry-pi-5
	@test -n "$(BOARD)" -a -f "hardware/$(BOARD)/service.conf" || \
	    { echo "make install needs BOARD=, one of: $(BOARDS)" >&2; exit 1; }
	@test -x "$(PROGRAM)" || { echo "there is no $(PROGRAM): run make build first" >&2; exit 1; }
	install -D -m 0755 $(PROGRAM) $(DESTDIR)/usr/bin/watchpost
	install -D -m 0644 systemd/watchpost.service $(DESTDIR)/usr/lib/systemd/system/watchpost.service
	install -D -m 0644 hardware/$(BOARD)/service.conf \
	    $(DESTDIR)/usr/lib/systemd/system/watchpost.service.d/10-board.conf
	install -D -m 0644 systemd/watchpost.sysusers $(DESTDIR)/usr/lib/sysusers.d/watchpost.conf
	install -D -m 0644 systemd/watchpost.tmpfiles $(DESTDIR)/usr/lib/tmpfiles.d/watchpost.conf
	install -D -m 0644 systemd/60-watchpost.rules $(DESTDIR)/usr/lib/udev/rules.d/60-watchpost.rules
	test -e $(DESTDIR)/etc/watchpost/watchpost.toml || \
	    install -D -m 0640 watchpost.example.toml $(DESTDIR)/etc/watchpost/watchpost.toml
ifeq ($(DESTDIR),)
	systemd-sysusers watchpost.conf
	systemd-tmpfiles --create watchpost.conf
	udevadm control --reload
	systemctl daemon-reload
	@echo "Now: edit /etc/watchpost/watchpost.toml, then systemctl enable --now watchpost"
endif

build: ## Build the program as it is shipped
	@scripts/setup --for build
	$(CARGO) build --release --locked

# Apart from make test: it needs root, 2 GB of disk and some twenty minutes the
# first time.
arm: ## Build for ARM (aarch64) and run its tests under emulation
	scripts/arm all

# Apart from make test as well: it needs root, the emulator and half an hour, the first time
# an hour. scripts/boot-test runs a part of it.
boot-test: ## Boot the ARM program under its unit on an emulated board
	scripts/boot-test

caps-test: build ## Run the program under the unit's limits with four cameras and fifty clients
	scripts/caps-test

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

soak-upload: ## Upload N items (N=1000) through a hostile line with the daemon killed at random
	@scripts/setup
	UPLOAD_ITEMS=$(N) UPLOAD_KILLS=20 $(CARGO) test --locked --test upload_hostile

lint: ## Check format, lints, types, scripts and licences
	@scripts/setup
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) clippy --locked --all-targets --no-default-features -- -D warnings
	for script in scripts/setup scripts/demo scripts/arm scripts/arm-root scripts/boot-root scripts/boot-image scripts/boot-slots scripts/boot-test scripts/caps-test scripts/yocto-crates .ci/run; do bash -n $$script || exit 1; done
	PYTHONPYCACHEPREFIX=$(TARGET_DIR)/pycache python3 -m py_compile tests/boot/*.py
	scripts/check-licenses
	$(MAKE) --no-print-directory lint-yocto
	cd $(BROWSER_TESTS) && npm run --silent check

# In an environment of its own, outside the repository.
OELINT := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/watchpost/oelint

lint-yocto: ## Check the Yocto layer's style (oelint-adv)
	@test -x $(OELINT)/bin/oelint-adv || { scripts/setup --for lint && \
	    python3 -m venv $(OELINT) && $(OELINT)/bin/pip install --quiet oelint-adv==9.11.2; }
	OELINT_CONFIG=yocto/oelint.cfg $(OELINT)/bin/oelint-adv \
	    $$(find yocto -name '*.bb' -o -name '*.bbappend')

fmt: ## Format the code
	$(CARGO) fmt

clean: ## Remove what was built
	$(CARGO) clean
	rm -rf $(BROWSER_TESTS)/node_modules
