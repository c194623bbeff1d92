# `make run` and `make test` are all that a fresh clone needs.

HOST ?= 127.0.0.1
PORT ?= 8501
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help install run test test-tools lint types unit browser format clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(VENV)/run.stamp ## make .venv and install what the app needs

run: $(VENV)/run.stamp ## start the app on http://127.0.0.1:8501 (HOST= and PORT= change it)
	@echo "CocoSift starts on http://$(HOST):$(PORT)  (stop it with Ctrl-C)"
	@exec $(BIN)/streamlit run streamlit_app.py --server.address=$(HOST) --server.port=$(PORT)

test: test-tools lint types unit browser ## everything between a fresh clone and a verdict

lint: $(VENV)/test.stamp ## format and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/test.stamp ## strict types in core
	$(BIN)/mypy

unit: $(VENV)/test.stamp ## unit and page tests
	$(BIN)/python -m pytest tests --ignore=tests/browser

browser: test-tools ## tests in a real Chromium
	$(BIN)/python -m pytest tests/browser

test-tools: $(VENV)/test.stamp
	@$(BIN)/python tests/browser/chromium.py
	@$(BIN)/python tests/core/catalogue/postgres.py

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

$(VENV)/test.stamp: requirements-dev.txt requirements-demo.txt requirements-postgres.txt $(VENV)/run.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

clean: ## remove what was made here (not data, models or embeddings)
	rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
