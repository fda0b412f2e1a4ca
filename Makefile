# `make` lists what can be asked of it. Needs Python 3.11+ (with venv), make and git; no Docker, no
# Java, no PostgreSQL.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# Which Python makes .venv; everything else uses that one.
PYTHON ?= python3
# Added to every port of `make up`, so that two checkouts can run side by side.
OFFSET ?= $(or $(BATON_PORT_OFFSET),0)
# Passed on: make test ARGS="-k routing", make logs ARGS="routing"
ARGS ?=

# Compiled modules take less than half as long to load, whatever the shell has set.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
LOCAL := $(BIN)/python -m baton_local --offset $(OFFSET)
# A service is a folder: its package has the same name, as Python writes it.
SERVICES := $(patsubst services/%/pyproject.toml,%,$(wildcard services/*/pyproject.toml))
PACKAGES := $(notdir $(patsubst %/__init__.py,%,$(wildcard \
	shared/*/__init__.py cli/*/__init__.py deploy/local/*/__init__.py services/*/*/__init__.py))) tests
# Installed from the checkout, so no lock file names them.
MEMBERS := baton baton-cli baton-local $(SERVICES:%=baton-%)

# More workers than cores: while one waits for a server, another has the core.
PYTEST := $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --max-worker-restart 0
# Without servers nothing is shared, so that the tests go to whoever has nothing to do.
UNIT := $(BIN)/python -m pytest -n 2 --dist worksteal --max-worker-restart 0

LINT := set -ex; \
	$(BIN)/ruff format --check .; \
	$(BIN)/ruff check .; \
	$(BIN)/mypy $(PACKAGES:%=-p %) -m bootstrap; \
	$(BIN)/lint-imports; \
	$(BIN)/python -m baton.contracts check

# Lint runs beside the tests. It is shown after them, and fails the target too.
define BESIDE_LINT
	@( $(LINT) ) > .run/lint.log 2>&1 & lint=$$!; \
	$(1); failed=$$?; \
	wait $$lint || failed=1; cat .run/lint.log; exit $$failed
endef

.PHONY: help
help: ## This list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo '  OFFSET=100 moves all ports of up, down, status and logs; ARGS="..." goes to the program behind.'

.PHONY: setup
setup: ## Install everything into .venv and .run (all targets do it first)
	@command -v $(PYTHON) >/dev/null || { echo "setup: there is no $(PYTHON) here; install Python" \
		"3.11 or newer, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) deploy/local/bootstrap.py

.PHONY: demo
demo: setup ## Watch leads go from a form to a rep, and a promise broken
	@$(BIN)/python -m baton_local.demo $(ARGS)

.PHONY: test
test: setup ## Every check and every test but the trials, on a real Kafka and PostgreSQL
	$(call BESIDE_LINT,$(PYTEST) -m "not trial" $(ARGS))

.PHONY: trials
trials: setup ## The long tests: servers that are killed, a short chaos run, the demo, the bench
	@$(PYTEST) -m trial $(ARGS)

.PHONY: check
check: setup ## For daily work, in a minute: lint, and the quick tests that need no server
	$(call BESIDE_LINT,$(UNIT) -m "not servers and not long" $(ARGS))

.PHONY: unit
unit: setup ## The tests that need no server
	@$(UNIT) -m "not servers" $(ARGS)

.PHONY: bench
bench: setup ## Measure how fast it is, in a quarter of an hour (ARGS="--help" for parts of it)
	@$(BIN)/python -m tests.bench $(ARGS)

.PHONY: chaos
chaos: setup ## Kill, freeze and cut off what can be, and see that no promise breaks (ARGS="--help")
	@$(BIN)/python -m tests.chaos $(ARGS)

.PHONY: outage
outage: setup ## Kill Kafka and PostgreSQL under 200 leads a second, in ten minutes (ARGS="--help")
	@$(BIN)/python -m tests.trials.outage $(ARGS)

.PHONY: fuzz
fuzz: setup ## Throw at intake what no sender would send, for half an hour
	@FUZZ=50 $(BIN)/python -m pytest -o faulthandler_timeout=3600 \
		services/ingest/ingest_tests/test_ingest_sockets.py \
		services/ingest/ingest_tests/test_ingest_fuzz.py $(ARGS)

.PHONY: contracts
contracts: setup ## Write the documents that are made from the code (docs/contracts, tables of docs)
	@$(BIN)/python -m baton.contracts write

.PHONY: lint
lint: setup ## Format, ruff, types, the layers' borders, the contract's documents
	@$(LINT)

.PHONY: docs
docs: setup ## Try the commands, links and examples of the pages, and report long sentences
	@$(BIN)/python -m pytest tests/contract/test_pages.py tests/docs tests/language $(ARGS)
	@$(BIN)/python -m tests.language

.PHONY: format
format: setup ## Let ruff put things right
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

.PHONY: up
up: setup ## Kafka, PostgreSQL and the services, in the background
	@$(LOCAL) up

.PHONY: down
down: setup ## Stop them; what they know stays
	@$(LOCAL) down

.PHONY: status
status: setup ## What runs, since when, on which port, and what it waits for
	@$(LOCAL) status

.PHONY: logs
logs: setup ## Follow the logs (ARGS="routing" for one)
	@$(LOCAL) logs $(ARGS)

.PHONY: lock
lock: setup ## Pin what the packages ask for, with hashes (ARGS="--upgrade" for the newest)
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
		--custom-compile-command "make lock" $(ARGS) $(MEMBERS:%=--no-emit-package %) -o requirements.lock \
		pyproject.toml shared/pyproject.toml cli/pyproject.toml deploy/local/pyproject.toml \
		services/*/pyproject.toml

.PHONY: clean
clean: ## Stop all and forget: leads, logs, secrets, caches
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m baton_local clean; fi
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

.PHONY: distclean
distclean: clean ## The same, and what setup has installed
	@rm -rf .venv .run
