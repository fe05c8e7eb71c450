# The whole workflow. It needs make and Python 3.11 or newer, nothing else: what it installs goes into .venv.

PYTHON ?= python3
BIN := .venv/bin
CODE := ipc_bridge tests $(wildcard docs plugins benchmarks)

# Tests wait for processes and heartbeats more than they work: more of them at a time than there are cores.
JOBS ?= 4

# Where every part is required, as in CI, everything runs, and coverage is measured and has its limit. It takes as long
# again as the tests themselves.
COVERAGE := $(if $(filter all,$(IPC_BRIDGE_TEST_REQUIRE)),--cov)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo install test faults-short faults homeassistant test-homeassistant check format docs lock benchmark benchmark-plugins clean

help:
	@echo "make demo               a broker, simulated cameras and the bridge on this machine: a first look"
	@echo "make test               all tests that this machine can run"
	@echo "make faults-short       every fault, briefly, and plugins that do their worst"
	@echo "make faults             every fault at length, and the table in docs/reliability.md; takes ten minutes"
	@echo "make test-homeassistant the bridge in a real Home Assistant, which the first run installs (as root)"
	@echo "make homeassistant      that Home Assistant alone"
	@echo "make check              formatting, lint, types and layers"
	@echo "make format             formats the code and fixes what ruff can fix"
	@echo "make docs               what of docs/ is made of the code: endpoints, the cloud's, the command line"
	@echo "make install            .venv with everything for development"
	@echo "make lock               requirements/*.txt anew from pyproject.toml (with Python 3.11)"
	@echo "make benchmark          measures throughput, latency and memory"
	@echo "make benchmark-plugins  what plugins that do their worst cost events, and the table in docs/plugins.md; half an hour"
	@echo "make clean              removes what the above made"

demo: .venv/demo.stamp
	$(BIN)/ipc-bridge demo

install: .venv/dev.stamp

# Where coverage is measured, tests/wire alone must reach every branch of the wire. What does its worst is below.
WORST := tests/faults tests/hooks/torture

test: .venv/dev.stamp
	$(if $(COVERAGE),COVERAGE_FILE=.coverage-wire $(BIN)/pytest tests/wire -n $(JOBS) --cov=ipc_bridge.wire --cov-fail-under=100)
	$(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(COVERAGE) $(if $(COVERAGE),--ignore=tests/wire) $(WORST:%=--ignore=%)

# These take as long as all other tests together: a step of their own in CI, the faults in their short form.
faults-short: .venv/dev.stamp
	$(BIN)/pytest $(WORST) -n $(JOBS) --dist worksteal

faults: .venv/dev.stamp
	$(BIN)/python -m tests.faults --jobs 4

# Outside the checkout, once: a root directory with another Python, see docs/testing.md.
homeassistant: .venv/dev.stamp
	$(BIN)/python -m tests.live_homeassistant.root

test-homeassistant: .venv/dev.stamp
	$(BIN)/python -m tests.live_homeassistant

check: .venv/dev.stamp
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy ipc_bridge tests plugins
	$(BIN)/lint-imports

format: .venv/dev.stamp
	$(BIN)/ruff check --fix-only $(CODE)
	$(BIN)/ruff format $(CODE)

docs: .venv/dev.stamp
	$(BIN)/python docs/generate.py

benchmark: .venv/dev.stamp
	$(BIN)/python -m benchmarks

# Half an hour: every torture beside none, and the table in docs/plugins.md.
benchmark-plugins: .venv/dev.stamp
	$(BIN)/python -m benchmarks --part plugins --repeat 3 --write

# With their extras: older versions of pip take `name==1` for no pin of what asks for `name[extra]`.
COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --upgrade --generate-hashes --no-strip-extras \
	--allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links

# Home Assistant needs another Python, for which pip-compile cannot speak. Every pin of it is Home Assistant's own.
COMPILE_OTHER_PYTHON := $(BIN)/uv pip compile --quiet --upgrade --no-config --no-python-downloads --python-version 3.14.2 \
	--generate-hashes --custom-compile-command "make lock"

lock: .venv/dev.stamp
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
		echo "The lock files are made with Python 3.11, the oldest that is supported: make clean; make lock PYTHON=python3.11"; exit 1; }
	$(COMPILE) --extra embedded --extra notify --extra dev --output-file requirements/dev.txt pyproject.toml
	$(COMPILE) --extra embedded --constraint requirements/dev.txt --output-file requirements/demo.txt pyproject.toml
	$(COMPILE_OTHER_PYTHON) --output-file requirements/homeassistant.txt requirements/homeassistant.in

clean:
	rm -rf .venv build dist htmlcov .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	rm -f .coverage .coverage.* .coverage-wire*
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps tell what .venv holds; the dev lock holds the demo's too.
.venv/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "This needs Python 3.11 or newer, found as '$(PYTHON)'. Install it (on Debian: apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "Python's venv module is missing. Install it (on Debian: apt-get install python3-venv), then run make again."; exit 1; }
	$(PYTHON) -m venv .venv

.venv/demo.stamp: .venv/pyvenv.cfg pyproject.toml requirements/demo.txt
	$(BIN)/pip install --quiet --require-hashes -r requirements/demo.txt
	$(BIN)/pip install --quiet --no-deps --editable .
	@touch $@

.venv/dev.stamp: .venv/pyvenv.cfg pyproject.toml requirements/dev.txt
	$(BIN)/pip install --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --no-deps --editable .
	@touch $@ .venv/demo.stamp
