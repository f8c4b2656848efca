# Tanyi 碳易. `make help` lists the targets. A fresh machine needs Python 3.11 or newer and make.
SHELL := /bin/bash
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
export UV_PYTHON_DOWNLOADS := never
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test gate check package bench bench-site long lock catalogs docs clean chromium

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: .venv/ready templates/static/vendor/ready ## Make the environment and the front-end assets
	@$(BIN)/python -m compileall -q tanyi market matching settlement  # a third off the start of every command

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Tanyi needs Python 3.11 or newer; call make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up .venv and the front-end assets, once (about 20 s)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv || $(BIN)/python -m pip install -qq "$$(sed -nE 's/^(uv==[^ ;]+).*/\1/p' requirements.lock)"
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --compile-bytecode --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

templates/static/vendor/ready: .venv/ready package.json package-lock.json tanyi/app/assets.py
	@command -v npm >/dev/null || \
		$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirements requirements-node.lock
	@$(BIN)/python -m tanyi.app.assets
	@touch $@

demo: setup ## Run the whole chain on the demo province, then serve the site on 127.0.0.1:8000
	@$(BIN)/tanyi demo --port $(PORT)

test: setup chromium ## Run every test
	@$(BIN)/pytest

gate: setup chromium ## Look at every page as every role, and put every hostile text into every field (about 5 min)
	@$(BIN)/pytest -m gate

chromium:
	@command -v chromium >/dev/null || { \
		echo "Installing Chromium for the browser tests"; \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; } >/dev/null 2>&1; } \
		|| { echo "The browser tests need Chromium: install the package 'chromium' and call make test again"; exit 1; }

check: setup ## Lint, types, floors, catalogs, the wheel in a fresh environment
	@$(BIN)/ruff check --no-cache .
	@$(BIN)/ruff format --no-cache --check .
	@$(BIN)/pyrefly check --summary=none
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m tanyi.app.catalogs check
	@$(MAKE) --no-print-directory package

package: setup ## Build the wheel and try it from another folder
	@$(BIN)/python tests/packaging.py

bench: setup ## Measure everything (about 40 min), write docs/benchmarks.md; SECTIONS="3 7" SEEDS=5 REAL=FILE PROBLEMS=DIR
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirements requirements-bench.lock
	@$(BIN)/python -m benchmarks $(SECTIONS) $(if $(SEEDS),--seeds $(SEEDS)) \
		$(if $(REAL),--real $(REAL)) $(if $(PROBLEMS),--problems $(PROBLEMS))

bench-site: setup chromium ## Measure how fast and how heavy every page of the demo is (about 2 min)
	@$(BIN)/python -m benchmarks.site

long: setup ## Solve and check thousands of random rounds; SEED=2 for others
	@$(BIN)/python -m benchmarks.long_run $(if $(SEED),--seed $(SEED))

lock: ## Renew requirements.lock from pyproject.toml
	@$(BIN)/uv lock --quiet --upgrade
	@$(BIN)/uv export --no-header --no-emit-project --no-annotate --quiet --output-file requirements.lock >/dev/null
	@$(BIN)/uv export --no-header --no-emit-project --no-annotate --quiet --only-group bench --output-file requirements-bench.lock >/dev/null

catalogs: setup ## Extract messages and merge them into the catalogs
	@$(BIN)/python -m tanyi.app.catalogs update

docs: setup ## Draw docs/states.md from the code
	@$(BIN)/python docs/states.py

clean: ## Remove the environment and everything generated
	@rm -rf .venv node_modules templates/static/vendor dist artifacts .hypothesis .ruff_cache
