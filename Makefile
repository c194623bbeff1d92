# `make run` and `make test` are all that a fresh clone needs.

HOST ?= 127.0.0.1
PORT ?= 8501
PYTHON ?= python3
BENCH ?= .cache/benchmarks
VENV := .venv
# The heavy readers have a place of their own, on top of the other.
READERS := .venv-conformance
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help install run test test-tools lint types unit browser conformance bench lock sbom format clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(VENV)/run.stamp ## make .venv and install what the app needs

run: $(VENV)/run.stamp ## start the app on http://127.0.0.1:8501 (HOST= and PORT= change it)
	@echo "CocoSift starts on http://$(HOST):$(PORT)  (stop it with Ctrl-C)"
	@exec $(BIN)/streamlit run streamlit_app.py --server.address=$(HOST) --server.port=$(PORT)

# One after the other: what a browser waits for should not compete with the unit tests.
test: test-tools lint types unit conformance browser ## everything between a fresh clone and a verdict

lint: $(VENV)/test.stamp ## format and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/test.stamp ## strict types in core
	$(BIN)/mypy

unit: $(VENV)/test.stamp ## unit and page tests
	$(BIN)/python -m pytest -n auto --maxprocesses=4 --dist=loadscope tests --ignore=tests/browser --ignore=tests/conformance

browser: test-tools ## tests in a real Chromium
	$(BIN)/python -m pytest tests/browser

conformance: $(READERS)/stamp ## the readers that people use open each export format
	COCOSIFT_CONFORMANCE=1 $(READERS)/bin/python -m pytest tests/conformance

test-tools: $(VENV)/test.stamp
	@$(BIN)/python tests/browser/chromium.py
	@$(BIN)/python tests/core/catalogue/postgres.py
	@$(BIN)/python tests/deploy/proxies.py

bench: $(VENV)/test.stamp ## every figure with its goal and reference; a quarter of an hour, 3 GB in .cache
	$(BIN)/python -m benchmarks --folder $(BENCH) --write

# With the driver of PostgreSQL, which a hosted instance may need.
lock: $(VENV)/test.stamp ## write requirements.lock: every package with the hashes of its files
	$(BIN)/uv pip compile --quiet --generate-hashes --no-annotate --no-emit-index-url \
	  --custom-compile-command "make lock" requirements-postgres.txt -o requirements.lock

sbom: $(VENV)/test.stamp ## write sbom.json, the software bill of materials (CycloneDX)
	$(BIN)/cyclonedx-py requirements requirements.lock --output-reproducible --of JSON -o sbom.json

format: $(VENV)/test.stamp ## mend format and what lint can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "CocoSift needs Python 3.11 or newer; found $$($(PYTHON) --version). Name another: make PYTHON=python3.12 install"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "Python's venv module did not work; on Debian and Ubuntu: sudo apt-get install python3-venv"; exit 1; }

$(VENV)/run.stamp: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/test.stamp: requirements-dev.txt requirements-demo.txt requirements-map.txt requirements-postgres.txt $(VENV)/run.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(READERS)/stamp: requirements-conformance.txt requirements-conformance-no-deps.txt $(VENV)/test.stamp
	@$(BIN)/python -m venv $(READERS)
	@$(READERS)/bin/python -c 'import pathlib, sys, sysconfig; \
	  pathlib.Path(sysconfig.get_path("purelib"), "cocosift.pth").write_text(sys.argv[1])' \
	  "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
	$(READERS)/bin/python -m pip install --quiet --disable-pip-version-check -c requirements.txt -r requirements-conformance.txt
	$(READERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-conformance-no-deps.txt
	@touch $@

clean: ## remove what was made here (not data, models or embeddings)
	rm -rf $(VENV) $(READERS) .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
