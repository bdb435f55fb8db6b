# The project's commands. `make` lists them. Works on a fresh Debian with Python 3.11+ and Node 20+.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
PORT ?= 4000
room ?=
part ?=

.PHONY: help setup node autobahn chromium demo test check format bench simulate docs clean

help: ## list the commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

setup: .venv/.installed ## make .venv with everything installed

.venv/.installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

node: tests/clients/node/node_modules/.installed

tests/clients/node/node_modules/.installed: tests/clients/node/package.json
	cd tests/clients/node && npm install --no-audit --no-fund --loglevel=error
	touch $@

autobahn: .autobahn/python

.autobahn/python:
	@tools/autobahn $(@D)

# Debian packages that the tests drive: a browser, a network of its own, and the programs that the recipe's commands call.
chromium:
	@tools/debian-packages chromium zip curl unzip iproute2:ip

demo: setup ## run the server with the recipe's API and open the two-device page
	$(BIN)/syncline demo --port $(PORT)

test: setup node autobahn chromium ## everything the tests need, then all tests (room=tables for one room)
	$(BIN)/python -m pytest $(if $(room),tests/unit/$(room),)

check: setup ## lint, types, import direction
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=src $(BIN)/lint-imports
	$(BIN)/python -m pytest tests/test_house.py

format: setup ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## print the figures beside their peers' (part=fanout for one; peers go to bench/out)
	$(BIN)/python bench/run.py $(part)

simulate: setup node autobahn ## sweep many simulated worlds, kill a server 500 times, cut clients off, fuzz frames
	SYNCLINE_SIMULATION_SEEDS=20000 $(BIN)/python -m pytest tests/simulation
	SYNCLINE_CRASH_KILLS=500 $(BIN)/python -m pytest tests/crash/test_tables.py
	SYNCLINE_CUTS=3000 $(BIN)/python -m pytest tests/clients/test_cuts.py
	SYNCLINE_NETWORK_CUTS=200 $(BIN)/python -m pytest tests/clients/test_network.py
	SYNCLINE_AUTOBAHN=1 $(BIN)/python -m pytest tests/clients/test_autobahn.py

docs: setup ## regenerate the generated reference pages
	$(BIN)/python tools/compatibility.py --write
	$(BIN)/python tools/reference.py --write

clean: ## remove what the commands made
	rm -rf .venv tests/clients/node/node_modules .autobahn bench/out tests/out
