# Needs make and Python 3.11 or newer; everything else is installed into .venv once.  `make help` lists the targets.
PYTHON ?= python3
JOBS   ?= 2
VENV   := .venv
BIN    := $(VENV)/bin
BASE   := $(VENV)/.demo
STAMP  := $(VENV)/.installed
PEERS  := .venv-peers
MODEL  := overage/eu_ets_2019

.DEFAULT_GOAL := help
.PHONY: help install demo test test-slow test-browser check format docs counterexamples linkcheck bench scaling peers wheel-test mutation clean
.DELETE_ON_ERROR:

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## make .venv and install mechopt with all extras (the other targets do it when needed)

# Repeated only when pyproject.toml changes. The demo needs no extras: a quarter of the bytes, so that a first look is quick.
$(BASE): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("mechopt needs Python 3.11 or newer: make PYTHON=python3.12 ..." if sys.version_info < (3, 11) else 0)'
	@echo "Installing mechopt into $(VENV); the first time this takes a minute or two."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

# pip knows dependency groups from 25.1 on.
$(STAMP): $(BASE)
	@echo "Installing every extra and the tools of development; the first time this takes some minutes and 2 GB."
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --editable '.[all]' --group dev
	@touch $@

demo: $(BASE) ## settle the EU ETS of 2019 and write a report to look at
	$(BIN)/mechopt solve $(MODEL) --out demo
	$(BIN)/mechopt report $(MODEL) -o demo/eu_ets_2019.html
	@echo
	@echo "The tables are in demo/; open demo/eu_ets_2019.html in a browser for the report."
	@echo "Next: source $(BIN)/activate, then mechopt; docs/start.md goes on from there."

test: $(STAMP) ## the tests, without the slow ones
	$(BIN)/python -m pytest -n $(JOBS) -m "not slow and not browser"

test-slow: $(STAMP) ## the slow tests: minutes, or gigabytes (Spark's are skipped where there is no Java)
	$(BIN)/python -m pip install --quiet --group spark
	$(BIN)/python -m pytest -m slow

test-browser: $(STAMP) ## the explorer in a real headless browser (Chromium; skipped where there is none)
	$(BIN)/python -m pytest -m browser

check: $(STAMP) ## ruff, format, mypy --strict
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(STAMP) ## let ruff mend what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(STAMP) ## the documentation site, docs/_build/html; LEDGER=run.json adds a run's evidence (mechopt verify --json)
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going $(if $(LEDGER),-D mechopt_ledger=$(abspath $(LEDGER))) docs docs/_build/html

counterexamples: $(STAMP) ## compute again what the ledger's pages show of refuted statements (minutes)
	$(BIN)/python docs/_site/counterexamples.py

linkcheck: $(STAMP) ## the links that lead out of the documentation (needs a network)
	$(BIN)/sphinx-build --quiet -b linkcheck docs docs/_build/linkcheck

bench: $(STAMP) ## CPU-time ratios against memory passes, plain versions and the obvious way to write it (an hour or so)
	$(BIN)/python benchmarks/overage.py
	$(BIN)/python benchmarks/claims_rules.py
	$(BIN)/python benchmarks/linked_vcg.py --stream
	$(BIN)/python benchmarks/borrowing.py
	$(BIN)/python benchmarks/forward_market.py
	$(BIN)/python benchmarks/limited_liability.py

scaling: $(STAMP) ## cost against size; writes docs/scaling.json and the tables of docs/scaling.md (10 to 30 minutes)
	$(BIN)/python benchmarks/scaling.py

peers: $(PEERS)/.installed ## against other libraries, side by side; RECORD=1 renews the numbers in README.md and docs/peers.md
	$(PEERS)/bin/python benchmarks/peers/run.py $(if $(RECORD),--record)

# An environment of its own: pinned peers must not hold back the versions that mechopt is developed with.
$(PEERS)/.installed: pyproject.toml
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(PEERS)/bin/python -m pip install --quiet --editable '.[verify,compiled]'
	$(PEERS)/bin/python benchmarks/peers/install.py
	@touch $@

wheel-test: $(STAMP) ## build the wheel, install it in a clean environment, test it from another folder
	rm -rf dist .venv-wheel
	$(BIN)/python -m build --outdir dist
	$(PYTHON) -m venv .venv-wheel
	.venv-wheel/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	.venv-wheel/bin/python -m pip install --quiet "$$(echo dist/*.whl)[all]" --group test
	.venv-wheel/bin/python .ci/wheel_test.py --jobs $(JOBS)

mutation: $(STAMP) ## seed faults into the engines; each must be noticed by the ledger or the tests (long)
	$(BIN)/python benchmarks/mutation.py --workers $(JOBS)
	$(BIN)/python benchmarks/mutation.py --workers $(JOBS) --mechanism linked_vcg

clean: ## remove what the other targets made
	rm -rf $(VENV) .venv-wheel $(PEERS) dist build demo docs/_build docs/ledger docs/reference .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
