# The front door: `make` alone lists what there is. Everything happens inside this folder (as root, the database does not:
# see README.md), and nothing needs root.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# The pinned sets are whole: nothing is looked for beyond them, so what installs today installs for ever.
INSTALL := $(PIP) --quiet --quiet install --no-deps --require-hashes
LAPTOP := DEBUG=1 ENV_FILE=
PARALLEL := --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
WHOLE = $(PIP) check >$(VENV)/.check || { cat $(VENV)/.check; echo "Begin anew with make clean. If it says so again, the pinned requirements do not fit."; exit 1; }
COMPILE := CUSTOM_COMPILE_COMMAND="make requirements" $(BIN)/python -m piptools compile --quiet --strip-extras --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

# Where it is set, as in many containers, every command compiles all of our modules anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo shell run test coverage matrix check bench catalogues requirements clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

demo: $(VENV)/.runtime ## Rehearse a migration here (DO="command" runs one there; BESIDE=platform: with a Polaris Express)
	@$(BIN)/python -m rehearsal.demo $(if $(BESIDE),--beside $(BESIDE)) $(DO)

shell: $(VENV)/.runtime ## A shell to follow the handbook in, forgotten afterwards (BESIDE=platform: with a Polaris Express)
	@$(BIN)/python -m rehearsal.shell $(BESIDE)

run: $(VENV)/.runtime ## Run the admin here: database, Lago sandbox, web, worker (PORT=8000)
	@$(BIN)/python -m rehearsal.laptop $(PORT)

test: $(VENV)/.development ## Run all tests (ARGS="-k name" to choose)
	@$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

coverage: $(VENV)/.development ## Run all tests, and say which lines and branches none of them reaches (half as long again)
	@$(BIN)/python -m pytest --cov --cov-report=term-missing:skip-covered $(PARALLEL) $(ARGS)

matrix: $(VENV)/.development ## Kill imports and reverts at every single call, with everything connected (long)
	@$(BIN)/python -m pytest -m matrix $(PARALLEL) $(ARGS)

check: $(VENV)/.development ## Format, lint, types, layers, system checks, migrations
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
	$(LAPTOP) $(BIN)/python -m mypy
	$(BIN)/lint-imports
	$(LAPTOP) $(BIN)/python manage.py check --fail-level WARNING
	$(LAPTOP) $(BIN)/python manage.py makemigrations --check --dry-run

bench: $(VENV)/.development ## Measure the figures the design promises
	@$(LAPTOP) $(BIN)/python -m tests.benchmarks $(ARGS)

catalogues: $(VENV)/.development ## Bring the translations in line with what mails and pages say, and compile them
	@$(LAPTOP) DJANGO_SETTINGS_MODULE=polaris_backfill.settings $(BIN)/python -m tests.support.catalogues

requirements: $(VENV)/.development ## Pin the newest versions that requirements*.in allow, with hashes
	$(COMPILE) --upgrade --allow-unsafe --output-file requirements-build.txt requirements-build.in
	$(COMPILE) --upgrade --output-file requirements.txt requirements.in
	$(COMPILE) --upgrade --output-file requirements-laptop.txt requirements-laptop.in
	$(COMPILE) --upgrade --allow-unsafe --output-file requirements-dev.txt requirements-dev.in

clean: ## Remove the environment, caches and this folder's database, sandbox and run logs
	@[ ! -e $(VENV)/.runtime ] || $(BIN)/python -m polaris_backfill.embedded .data/postgres .data/demo/postgres || true
	rm -rf $(VENV) .data .coverage htmlcov .mypy_cache .ruff_cache .import_linter_cache .hypothesis staticfiles
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- The environment: made once, and again where the pinned requirements change ---------------------

# One whose Python is gone, or is another than was asked for (make PYTHON=python3.13), is made anew.
ASKED := $(if $(filter file,$(origin PYTHON)),,$(shell $(PYTHON) -c 'import sys; print(sys.version.split()[0])'))
FITS := import pip, sys; sys.exit("$(ASKED)" not in ("", sys.version.split()[0]))
ifneq ($(wildcard $(VENV)/.made),)
ifneq ($(shell $(BIN)/python -c '$(FITS)' 2>/dev/null && echo yes),yes)
.PHONY: $(VENV)/.made
endif
endif

$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON). Python 3.11 or newer is needed: apt install python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than Python 3.11: name a newer one with make PYTHON=python3.13"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv is missing: apt install python3-venv"; exit 1; }
	@echo "Making the environment in $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.runtime: requirements-build.txt requirements.txt requirements-laptop.txt $(VENV)/.made
	@echo "Installing the pinned requirements"
	@$(INSTALL) --only-binary :all: --requirement requirements-build.txt
	@$(INSTALL) --no-build-isolation --use-pep517 --requirement requirements.txt
	@$(INSTALL) --only-binary :all: --requirement requirements-laptop.txt
	@$(WHOLE)
	@touch $@

$(VENV)/.development: requirements-dev.txt $(VENV)/.runtime
	@echo "Installing what tests and checks need"
	@$(INSTALL) --only-binary :all: --requirement requirements-dev.txt
	@$(WHOLE)
	@touch $@
