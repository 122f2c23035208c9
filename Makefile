# `make up` starts everything, `make test` checks everything; both need Python 3.11 or newer and nothing else.
PYTHON ?= python3
BIN := .venv/bin
RUNS := $(BIN)/.can-run
TESTS := $(BIN)/.can-test
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
CODE := bot dialogue storage tests $(wildcard benchmarks)

.PHONY: all up test format check unit bench install audit clean

all: format check unit

up: $(RUNS)
	@exec $(BIN)/govorun up $(if $(PORT),--port $(PORT))

test: check unit

format: $(TESTS)
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

check: $(TESTS)
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports
	$(BIN)/deptry .

unit: $(TESTS)
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
		echo "There is no chromium, so the chat page is not tested in a browser. To mend it: apt-get install chromium" >&2
	$(BIN)/pytest --numprocesses 2

bench: $(TESTS)
	@$(PIP) --group bench && $(BIN)/python -m benchmarks

install: $(RUNS)

audit: $(TESTS)
	$(BIN)/pip-audit --skip-editable

clean:
	rm -rf .venv

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: apt-get install python3, or make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		{ echo "Python's venv is missing: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv

$(RUNS): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into .venv; this takes some minutes the first time."
	@$(PIP) 'pip>=25.1' && $(PIP) --editable .
	@touch $@

$(TESTS): $(RUNS)
	@$(PIP) --group dev
	@touch $@
