# The front door: `make` alone lists what there is. Everything happens inside this folder, and nothing needs root.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet
LAPTOP := DEBUG=1 ENV_FILE=
PARALLEL := --numprocesses auto --maxprocesses 4 --dist loadfile
COMPILE := CUSTOM_COMPILE_COMMAND="make requirements" $(BIN)/pip-compile --quiet --strip-extras --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

.DEFAULT_GOAL := help
.PHONY: help demo shell run test check bench requirements clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

demo: $(VENV)/.runtime ## Rehearse a migration here: database, Lago sandbox, dry-run, import (DO="command" runs one there)
	@$(BIN)/python -m polaris_backfill.demo $(DO)

shell: $(VENV)/.runtime ## A shell to follow the handbook in: database, Lago, SteVe and worker of its own, forgotten afterwards
	@$(BIN)/python -m polaris_backfill.playground

run: $(VENV)/.runtime ## Run the admin here: database, Lago sandbox, web, worker (PORT=8000)
	@$(BIN)/python -m polaris_backfill.laptop $(PORT)

test: $(VENV)/.development ## Run all tests, with branch coverage (ARGS="-k name" to choose)
	@$(BIN)/python -m pytest --cov --cov-report=term-missing:skip-covered $(PARALLEL) $(ARGS)

check: $(VENV)/.development ## Format, lint, types, layers, system checks, migrations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(LAPTOP) $(BIN)/mypy
	$(BIN)/lint-imports
	$(LAPTOP) $(BIN)/python manage.py check --fail-level WARNING
	$(LAPTOP) $(BIN)/python manage.py makemigrations --check --dry-run

bench: $(VENV)/.development ## Measure the figures the design promises
	@$(LAPTOP) $(BIN)/python -m tests.benchmarks $(ARGS)

requirements: $(VENV)/.development ## Pin the newest versions that requirements*.in allow, with hashes
	$(COMPILE) --upgrade --output-file requirements.txt requirements.in
	$(COMPILE) --upgrade --allow-unsafe --output-file requirements-dev.txt requirements-dev.in

clean: ## Remove the environment, caches and this folder's database, sandbox and run logs
	rm -rf $(VENV) .data .coverage htmlcov .mypy_cache .ruff_cache .import_linter_cache .hypothesis staticfiles
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- The environment: made once, and again where the pinned requirements change ---------------------

$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON). Python 3.11 or newer is needed: apt install python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than Python 3.11: name a newer one with make PYTHON=python3.13"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv is missing: apt install python3-venv"; exit 1; }
	@echo "Making the environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: requirements.txt $(VENV)/.made
	@echo "Installing the pinned requirements"
	@$(PIP) install --require-hashes --requirement requirements.txt
	@touch $@

$(VENV)/.development: requirements-dev.txt $(VENV)/.runtime
	@echo "Installing what tests and checks need"
	@$(PIP) install --require-hashes --requirement requirements-dev.txt
	@touch $@
