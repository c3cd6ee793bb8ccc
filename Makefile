# CCTA Explorer: `make run` opens the dashboard, `make test` runs everything.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501
DATA ?= ../shared/data
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help run test check format bench zoo clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/run.stamp: requirements.txt pyproject.toml
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV)
	@echo "installing (a few minutes the first time)"
	$(PIP) -r requirements.txt
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements-dev.txt requirements-reference.txt
	$(PIP) -r requirements-dev.txt
	$(PIP) --no-deps -r requirements-reference.txt
	@touch $@

run: $(VENV)/run.stamp  ## install what is missing and open the dashboard
	$(BIN)/ccta dashboard --port $(PORT)

test: $(VENV)/dev.stamp  ## every test, in the same environment
	$(BIN)/python -m pytest

check: $(VENV)/dev.stamp  ## formatting, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/dev.stamp  ## rewrite the code in the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/dev.stamp  ## benchmarks: ratios measured in one run
	$(BIN)/python benchmarks/transport.py
	$(BIN)/python benchmarks/quadrature.py
	$(BIN)/python benchmarks/attribution.py

zoo: $(VENV)/dev.stamp  ## train e5-small/nli-en again, fit its space, measure it, write its card
	$(BIN)/python -m ccta_core.zoo.train_nli $(DATA) cache/training/nli-en
	$(BIN)/python -m ccta_core.zoo.finish cache/training/nli-en $(DATA)
	$(BIN)/python -m ccta_core.zoo.retrieval $(DATA)
	$(BIN)/python -m ccta_core.zoo.precompute
	$(BIN)/python -m ccta_core.zoo.tables

clean:  ## remove the environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis build *.egg-info
