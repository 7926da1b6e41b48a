# Every target first brings .venv up to date (silent and instant when it is); `make help` lists them.
# To search with another config:  make search CONFIG=configs/... ARGS="--resume"
SHELL := /bin/bash
.DEFAULT_GOAL := help

# Read by tools/install.sh as well, hence exported; PYTHON and CUDA stay as they are in the .venv where they are not named.
export PYTHON ?=
export CUDA ?=
export VENV ?= .venv

CONFIG ?= configs/digits/faster_rcnn_search.py
TESTS ?= tests
ARGS ?=
# tests of a file share costly fixtures, so a file is never shared out
JOBS ?= 2
PY = $(VENV)/bin/python

.PHONY: help install search test doctor lint clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16
	@echo 'Variables: CONFIG of search, TESTS and JOBS of test, ARGS for the program; PYTHON, CUDA (12 or 13) and VENV of install.'

install: ## Bring .venv to the tested set; builds the operators of mmcv once a machine
	@bash tools/install.sh

search: install ## Search loss functions: CONFIG=configs/digits/faster_rcnn_search.py by default
	$(PY) tools/search.py $(CONFIG) $(ARGS)

# One thread a process: two processes with two threads each would wait for each other on two cores.
test: export OMP_NUM_THREADS ?= 1
# Where bytecode is not kept, each process that a test starts compiles the package, and each run all tests.
test: export PYTHONDONTWRITEBYTECODE =
# Ray gives its workers the lowest share of busy processors, so that beside other tests they would hardly run.
test: export RAY_worker_niceness ?= 0
test: install ## Run the tests in JOBS=2 processes: TESTS=tests/test_x.py ARGS="-k name" to run some
	$(PY) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(TESTS) $(ARGS)

doctor: install ## Tell what is installed, which tasks work and what mends the rest
	$(PY) -m mmautoloss doctor $(ARGS)

lint: install ## Check style, format, types, and who imports whom
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports

clean: ## Delete caches and build products; keeps .venv and the results in work_dirs
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . \( -path ./$(VENV) -o -path ./work_dirs \) -prune -o -name __pycache__ -prune -exec rm -rf {} +
