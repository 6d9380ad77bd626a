# `make help` lists what there is. Everything happens in .venv; nothing is installed for the machine's own Python.

PYTHON ?= python3
PORT ?= 8080
# For `make bench-compare`: with the commit that is checked out, so that what is not committed yet is compared.
BASE = HEAD
# For `make load`. Not taken from the environment: some shells keep a HOST of their own there. With one, that is loaded
# and nothing is started. SHORT=1 is what CI runs: nothing to install, and only errors fail it.
HOST =
SHORT =
SHAPE = steady
USERS = $(if $(SHORT),20,200)
TIME = $(if $(SHORT),20s,60s)
PRODUCTS = $(if $(SHORT),20000,1000000)
WORKERS =
PROCESSES = 1
# For `make soak`: the one that an earlier one printed.
SEED =

BIN = .venv/bin
# In several processes, unless ARGS name tests. Containers tend to set PYTHONDONTWRITEBYTECODE, and then each of the
# hundreds of processes that tests start would compile the package anew; so would each start of `make run`.
PYTEST = PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n auto
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help run test proof clusters soak check pictures bench bench-compare load clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

run: .venv/.installed ## serve a demo catalogue and a simulated partner; PORT=8080
	exec env PYTHONDONTWRITEBYTECODE= $(BIN)/farmlokal demo --port $(PORT)

test: .venv/.installed-test ## run the tests against real MariaDB and Redis servers, started for them; ARGS="-k name"
	$(BIN)/python -m tests.servers
	$(PYTEST) -m "not proof and not clusters" $(ARGS)

proof: .venv/.installed-test ## run the slow tests: a million rows, minutes of faults, MySQL beside MariaDB; ARGS="-k name"
	$(BIN)/python -m tests.servers proof
	$(PYTEST) -m proof $(ARGS)

clusters: .venv/.installed-test ## run the tests of MySQL 9 and Valkey as groups; FARMLOKAL_TEST_MYSQL_ROOT= a folder with both
	$(BIN)/python -m tests.servers proof
	$(PYTEST) -m clusters $(ARGS)

# Of its own, and not that of `make load`.
soak: TIME = 600
soak: .venv/.installed-test ## minutes on a bad network: readers, writers, connections lost at random; TIME=600 SEED=
	$(BIN)/python -m tests.servers
	$(BIN)/python -m tests.soak --seconds $(TIME) $(if $(SEED),--seed $(SEED))

check: .venv/.installed-test ## look for faults without running: ruff, mypy, import layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

pictures: .venv/.installed-test ## make the generated parts of the documentation anew: pictures, counts
	$(BIN)/python -m tests.servers
	$(BIN)/python -m tests.docs

bench: .venv/.installed-test ## measure, each figure as a ratio to a reference; bench.html shows them; ARGS="--products 1000000 --json out.json"
	$(BIN)/python -m tests.servers bench
	$(BIN)/python -m tests.bench $(ARGS)

bench-compare: .venv/.installed-test ## fail if this checkout is slower than another commit; BASE=main ARGS="--products 100000"
	$(BIN)/python -m tests.servers bench
	$(BIN)/python -m tests.bench.compare $(BASE) $(ARGS)

load: .venv/.installed-$(if $(HOST),load,test) ## load with locust; HOST=http://... SHORT=1 SHAPE=steady USERS=200 TIME=60s PRODUCTS=1000000
	$(if $(HOST)$(SHORT),,$(BIN)/python -m tests.servers)
	$(BIN)/python -m $(if $(HOST),loadtest --host $(HOST),tests.load --products $(PRODUCTS) $(if $(SHORT),--embedded,$(if $(WORKERS),--workers $(WORKERS)))) \
	  --users $(USERS) --run-time $(TIME) --shape $(SHAPE) \
	  $(if $(filter-out 1,$(PROCESSES)),--processes $(PROCESSES)) $(if $(SHORT),--errors-only) $(ARGS)

clean: ## remove .venv and everything else that was built
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# pip is the last thing that comes into a virtual environment: one that has it is whole.
$(BIN)/pip:
	.ci/venv "$(PYTHON)"

# One empty file for each set of extras that is installed, older than setup.py when setup.py has changed since.
.venv/.installed: setup.py | $(BIN)/pip
	$(INSTALL) --editable .
	@touch $@

.venv/.installed-test: setup.py | $(BIN)/pip
	$(INSTALL) --editable '.[test]'
	@touch .venv/.installed $@

.venv/.installed-load: setup.py | $(BIN)/pip
	$(INSTALL) --editable '.[load]'
	@touch .venv/.installed $@
