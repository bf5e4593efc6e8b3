# Every task of the template. Needs Python 3.11 or later, git and make; nothing else.
MAKEFLAGS += --warn-undefined-variables --no-builtin-rules
.DELETE_ON_ERROR .NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help install poetry cookiecutter new test recipes check fix locks requirements renew
.PHONY: image smoke release bench-model bench-service bench-servers bench-generation bench-image
.PHONY: bench-replicas bench-job

OS ?= posix
PYTHON ?= $(if $(filter Windows_NT,$(OS)),python,python3)
ARGS ?=
IMAGE ?= my-application
IS_TEMPLATE ?=
SCRIPTS := $(if $(filter Windows_NT,$(OS)),Scripts,bin)
BIN := .venv/$(SCRIPTS)
# More of them compete for Docker and the disk.
WORKERS := --numprocesses auto --maxprocesses 4

help:  ## Show this list
	@awk 'BEGIN {FS = ":.*  ## "} /^[a-z-]+:.*  ## / {printf "%-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/installed: requirements.txt
.venv-new/installed: requirements-new.txt
.venv/installed .venv-new/installed:
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or later is needed: make PYTHON=python3.13 ...")'
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/$(SCRIPTS)/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes --no-deps --only-binary :all: --requirement $<
	$(@D)/$(SCRIPTS)/python -m pip check
	$(@D)/$(SCRIPTS)/python -c 'open("$@", "w").close()'

install: .venv/installed  ## Install the tools of the template into .venv

poetry: install  ## Install Poetry, as `make install` does; the CI of projects has such a step

cookiecutter: .venv-new/installed  ## Install cookiecutter, and nothing else, into .venv-new

new: cookiecutter  ## Render a project; ARGS go to cookiecutter, such as ARGS="--no-input application=job"
	.venv-new/$(SCRIPTS)/cookiecutter . $(ARGS) || { echo "To run cookiecutter: .venv-new/$(SCRIPTS)/cookiecutter"; exit 1; }

test: install  ## Run the tests, except those of the recipes; ARGS go to pytest
	$(BIN)/python -m pytest $(WORKERS) --durations 5 --ignore tests/recipes $(ARGS)

recipes: install  ## Follow every recipe in a project, and use the result; ARGS go to pytest
	$(BIN)/python -m pytest $(WORKERS) $(ARGS) tests/recipes

check: install  ## Check the lock, the style and the types; change nothing
	$(BIN)/poetry check --lock
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

fix: install  ## Fix the style problems that Ruff can fix
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

locks: install  ## Update the lock of every combination; ARGS name some, such as ARGS=job-py3.14
	$(BIN)/python scripts/relock.py $(ARGS)
	$(BIN)/python scripts/taken_names.py

# Some packages describe themselves by the host of their index; the template names none.
requirements: install  ## Lock the dependencies in pyproject.toml, and export the lock for pip
	$(BIN)/poetry lock
	sed -i.old '/^description = /s/ (*[a-z]*\.org)*//' poetry.lock && rm poetry.lock.old
	$(BIN)/poetry export --with new --output requirements.txt
	$(BIN)/poetry export --only new --output requirements-new.txt

ifeq ($(IS_TEMPLATE),false)  # `renew.yml` says so in a repository that is not converted yet.
renew:
	@echo "Nothing to renew: run 'Use this template' under Actions."
else
renew: install  ## Update every lock, the template's own included; renewal.md lists what changed
	$(BIN)/poetry update --lock
	$(MAKE) requirements
	$(BIN)/python scripts/pin_poetry.py
	$(MAKE) locks
	$(BIN)/python -m scripts.renewal > renewal.md
	cat renewal.md
endif

image: install  ## Bake a project with the default answers and build its image
	$(BIN)/python scripts/bake_image.py image IMAGE="$(IMAGE)" ARGS="$(ARGS)"

smoke: install  ## Bake a project with the default answers, start its image and stop it
	$(BIN)/python scripts/bake_image.py smoke IMAGE="$(IMAGE)"

bench-model: install  ## Measure how fast the model API serves; needs Docker and two cores
	$(BIN)/python -m benchmarks.model

bench-service: install  ## Measure the CPU time of a request to the web API; needs Linux and two cores
	$(BIN)/python -m benchmarks.service

bench-servers: install  ## Compare the servers that a web API could run on; needs Linux and two cores
	$(BIN)/python -m benchmarks.servers

bench-generation: install  ## Measure how long a bake takes
	$(BIN)/python -m benchmarks.generation

release: install  ## Check everything, and tag the version of pyproject.toml
	$(BIN)/python scripts/release.py --check
	$(MAKE) check test
	$(BIN)/python scripts/release.py

bench-image: install  ## Compare the image with two others of the same project; ARGS name applications
	$(BIN)/python -m benchmarks.image $(ARGS)

bench-replicas: install  ## Measure how a service scales with replicas; needs Docker and HAProxy
	$(BIN)/python -m benchmarks.replicas

bench-job: install  ## Compare the job's time and memory with plain Python and polars
	$(BIN)/python -m benchmarks.job
