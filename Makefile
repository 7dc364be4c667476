# The commands of this project. Each sets up what it needs by itself; `make` alone lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# Any of these can be given: `make test PYTEST_ARGS="-k bills -x"`, `make run PYTHON=python3.12`
PYTHON ?=
PYTEST_ARGS ?=
SPECS ?= ../shared/specs
RECORDS ?= var/records
MUTANTS ?=
BENCH ?= $(basename $(notdir $(wildcard bench/[a-z]*.py)))

SEED ?= 1
CUSTOMERS ?= 2500
KILLS ?= 500

READY := .venv/.installed
PYTEST := .venv/bin/python -m pytest
# All tests run two at a time, one process a core; who names some gets them one after the other.
TESTS := $(or $(PYTEST_ARGS),-n 2 --dist worksteal)
COMPILE := .venv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	--python-version 3.11 --custom-compile-command "make lock"

.PHONY: help run test matrix check contracts screenshots lock bench mutants faults soak clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

run: $(READY) ## Start everything on this machine with demo customers, and print the addresses
	@.venv/bin/tsukibarai dev

test: $(READY) ## Run all tests, those in a real browser included
	@CHROME_PATH="$$(scripts/ensure_chromium.sh)" && export CHROME_PATH && $(PYTEST) $(TESTS)

matrix: ## Run all tests on every Python 3.11-3.13 that is here (long)
	@scripts/matrix.sh

check: $(READY) ## Check style, types, the arrows between packages and the rules of the house
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy -n 2
	.venv/bin/lint-imports
	$(PYTEST) tests/house -q

contracts: $(READY) ## Hold what the tests sent and received against the providers' files in SPECS
	@test -d "$(SPECS)" || { echo "There is no folder $(SPECS); name one: make contracts SPECS=..."; exit 1; }
	rm -rf "$(RECORDS)"
	TSUKIBARAI_RECORD_DIR="$(abspath $(RECORDS))" $(MAKE) --no-print-directory test
	.venv/bin/python tests/contracts/specs_check.py "$(RECORDS)" "$(SPECS)"

screenshots: $(READY) ## Live the first story in Chromium and renew the pictures of the README
	@CHROME_PATH="$$(scripts/ensure_chromium.sh)" && export CHROME_PATH && $(PYTEST) -q tests/browser/test_a_story_on_the_phone.py
	cp var/screenshots/p*.png docs/images/

lock: $(READY) ## Choose the newest allowed packages and write the lock files
	$(COMPILE) --upgrade --group test pyproject.toml -o requirements.lock
	printf 'setuptools>=77\nuv\n' | $(COMPILE) --upgrade - -o scripts/bootstrap.lock

mutants: $(READY) ## Break the product on purpose, in copies, and see that the tests notice (minutes)
	@.venv/bin/python -m tests.mutants $(MUTANTS)

bench: $(READY) ## Measure the speed of imports, sending, webhooks and pages (minutes)
	@set -e; for name in $(BENCH); do echo "== bench/$$name.py"; .venv/bin/python bench/$$name.py; done

faults: $(READY) ## Kill every process at every failpoint and at random, on the busy days of two months (minutes)
	$(PYTEST) tests/faults -q -rP -n 2 $(PYTEST_ARGS)

soak: $(READY) ## The same with CUSTOMERS (2500) and at least KILLS (500), from SEED; half an hour or more
	.venv/bin/python -m tests.faults --seed $(SEED) --customers $(CUSTOMERS) --kills $(KILLS)

clean: ## Remove the environment, all caches and the demo's data in var/
	rm -rf .venv var .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml requirements.lock scripts/bootstrap.lock scripts/make_venv.sh
	@PYTHON="$(PYTHON)" scripts/make_venv.sh
	@touch $@
