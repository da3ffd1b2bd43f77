# b24x from a fresh clone. All it takes is make and Python 3.11 or newer with its venv module.
#
#   make PYTHON=python3.12     the interpreter, by name or by path
#   make VENV=.venv-3.12       a second environment beside the first
#   make test COVERAGE=--cov   the tests, measuring coverage: it takes twice as long
#   make test SELECT='-k span' some of them; '-m thorough' more of the same
#   make soak SEEDS=10000 FROM=0
#   make fuzz MINUTES=60       Linux only

# A name on PATH may be a shim that does not run, or a Python without venv: ask each one.
SUITABLE := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	"$$python" -c '$(SUITABLE)' >/dev/null 2>&1 && echo "$$python" && break; done)

VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := -m pip install -qq --disable-pip-version-check --constraint constraints.txt
COVERAGE ?=
SELECT ?=
# One test more than there are cores, as some wait for a process of theirs; beyond five they only warm the machine.
WORKERS = -n $$($(BIN)/python -c 'import os; print(min(5, os.cpu_count() + 1))') --dist worksteal
SEEDS ?= 1000
NIGHTS ?= $(SEEDS)
FROM ?= 0
MINUTES ?= 5
CORPUS ?= .fuzz/corpus

# Whoever has set this elsewhere would have every process that a test starts compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

# Written last, so an environment without it is half made, and is made anew.
READY := $(VENV)/.ready

.PHONY: help demo test stories soak fuzz check wheel clean

help:  ## these lines
	@sed -n 's/^\([a-z]*\):.*## /make \1	/p' $(firstword $(MAKEFILE_LIST))

demo: $(READY)  ## dump a simulated portal, under the limits of a real one
	@$(BIN)/b24x demo

test: $(READY)  ## run the tests; with COVERAGE=--cov, below 95 % of lines and branches is a failure
	@$(BIN)/python -m pytest $(WORKERS) $(COVERAGE) $(SELECT)

stories: $(READY)  ## simulate SEEDS dumps and NIGHTS mirrors from seed FROM on, on all cores
	@$(BIN)/python -m tests.simulation --seeds $(SEEDS) --from $(FROM)
	@$(BIN)/python -m tests.simulation --nights --seeds $(NIGHTS) --from $(FROM)

soak: stories  ## simulate SEEDS dumps and as many mirrors, let each mutant be caught, draw new examples for every property
	@$(BIN)/python -m pytest -q -m soak
	@$(BIN)/python -m pytest -q $(WORKERS) --hypothesis-profile soak -m "thorough or not end_to_end" --ignore tests/simulation

fuzz: $(READY)  ## for MINUTES, let coverage lead to bytes that the decoder did not expect; what it learnt stays in CORPUS
	@$(BIN)/python $(INSTALL) --no-build-isolation --editable '.[fuzz]'
	@$(BIN)/python -m tests.fuzz_answers $(CORPUS) $$(($(MINUTES) * 60))

check: $(READY)  ## lint, types, layers, and the wheel, installed and run
	$(BIN)/ruff check extractor tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	@$(MAKE) --no-print-directory wheel

wheel: $(READY)  ## build the wheel, install it in an environment of its own, run it
	@rm -rf dist $(VENV)-wheel
	$(BIN)/python -m pip wheel -qq --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .
	$(BIN)/python -m venv $(VENV)-wheel
	$(VENV)-wheel/bin/python $(INSTALL) dist/b24x-*.whl
	cd $(VENV)-wheel && bin/b24x --help >/dev/null && bin/b24x entities >/dev/null

clean:  ## remove everything that make has made
	rm -rf .venv .venv-* dist htmlcov .coverage .coverage.*
	rm -rf .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis .fuzz
	find extractor tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# The build backend goes in first: without a build environment of its own, the project finds it there, pinned.
$(READY): pyproject.toml constraints.txt
	@$(or $(PYTHON),false) -c '$(SUITABLE)' 2>/dev/null || { \
		echo "b24x needs Python 3.11 or newer with its venv module: install one, or name it: make PYTHON=..." >&2; \
		exit 1; }
	@echo "Making $(VENV) with $(PYTHON) ($$($(PYTHON) -V)): about a minute, in which pip says nothing"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(INSTALL) hatchling
	@$(BIN)/python $(INSTALL) --no-build-isolation --editable '.[dev]'
	@touch $@
