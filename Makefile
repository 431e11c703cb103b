# Everything runs in .venv, which the targets make and renew themselves.
PYTHON ?= python3
# Those that are tested, and that every dependency has a wheel for.
PYTHONS := 3.11 3.12 3.13 3.14
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
CODE := src tests $(wildcard benchmarks examples migrations)
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-header $(UPGRADE) pyproject.toml
# Options for the program a target runs: make run ARGS="--port 9000", make test ARGS="-k lots"
ARGS ?=
MINUTES ?= 10

.DEFAULT_GOAL := help
.PHONY: help run demo cluster test check simulate chaos bench openapi lock clean

help: ## Show this list
	@sed -nE 's/^([a-z]+):.*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | \
		while IFS='|' read -r name text; do printf '  %-10s %s\n' "$$name" "$$text"; done

run: .venv/.base ## Serve on http://127.0.0.1:8000, data in ./data
	$(BIN)/stockledger serve $(ARGS)

demo: .venv/.base ## Serve and load a sample of real trade
	$(BIN)/python examples/demo.py $(ARGS)

cluster: .venv/.dev ## Start Kafka, PostgreSQL and two instances
	$(BIN)/python examples/cluster.py $(ARGS)

test: .venv/.dev ## Run all tests, against real servers where they can be had
	$(BIN)/python -m $(if $(ARGS),pytest $(ARGS),tests)

check: .venv/.dev ## Check format, lint, types and imports
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports

simulate: .venv/.dev ## Simulated faults; SEED=n replays one run
	$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED),--runs 200) \
		$(if $(OPERATIONS),--operations $(OPERATIONS)) $(ARGS)

chaos: .venv/.dev ## Faults on real servers; MINUTES=10, SEED=n repeats one choice of faults
	$(BIN)/python -m tests.chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) $(ARGS)

bench: .venv/.dev ## Measure, each number beside its raw counterpart
	$(BIN)/python -m benchmarks $(ARGS)

# By way of a second file, so that a failure leaves the present one alone.
openapi: .venv/.dev ## Write openapi.yaml anew
	$(BIN)/python -m api.openapi > openapi.yaml.new
	mv openapi.yaml.new openapi.yaml

lock: .venv/.dev ## Pin dependencies anew (newer ones: make lock UPGRADE=--upgrade)
	$(COMPILE) --output-file requirements.lock
	$(COMPILE) --all-extras --constraint requirements.lock --output-file requirements-dev.lock
	$(BIN)/python -m tests.servers lock

clean: ## Remove what the targets made, but not ./data
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --clear only where there is no interpreter: one half-made environment must not stay for ever.
.venv/bin/python:
	@found=$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])') || exit 1; \
	case " $(PYTHONS) " in *" $$found "*) ;; *) \
		echo "$(PYTHON) is Python $$found; stockledger is tested with $(PYTHONS): name one of" \
			"them, as in make PYTHON=python$(lastword $(PYTHONS)), or try this one with" \
			"PYTHONS=$$found, which may have to compile what has no wheel for it yet" >&2; exit 1 ;; \
	esac
	$(PYTHON) -m venv --clear .venv

.venv/.base: requirements.lock pyproject.toml | .venv/bin/python
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --editable .
	$(BIN)/python -m compileall -q src
	@touch $@

.venv/.dev: requirements-dev.lock pyproject.toml | .venv/bin/python
	$(PIP) install --require-hashes -r requirements-dev.lock
	$(PIP) install --no-deps --editable .
	$(BIN)/python -m compileall -q src
	@touch $@ .venv/.base
