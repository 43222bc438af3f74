.DEFAULT_GOAL := help
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# Passed on to the tools: make test PYTEST_ARGS='-k cache', make e2e E2E_ARGS='-m smoke'.
PYTEST_ARGS ?=
E2E_ARGS ?=
BENCH_ARGS ?=
# Given on the command line, the Python that .venv is made with.
PYTHON ?=

.PHONY: help venv demo test check e2e bench docs lock golden kfp kfpgolden argoschema argorules fuzz clean

help: ## show this list
	@sed -n 's/^\([a-z0-9]*\):.*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | column -t -s '|' 2>/dev/null \
	  || sed -n 's/^\([a-z0-9]*\):.*## \(.*\)/  make \1  \2/p' $(firstword $(MAKEFILE_LIST))

$(VENV)/.locked: requirements/dev.txt requirements/venv.sh
	@PYTHON='$(PYTHON)' requirements/venv.sh $(VENV) requirements/dev.txt

$(READY): $(VENV)/.locked pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation --editable .
	@touch $@

venv: $(READY) ## make .venv with the locked versions

demo: $(READY) ## run two example pipelines on this machine
	@$(BIN)/python examples/demo/run.py

test: $(READY) ## run the unit tests: no cluster, no network
	$(BIN)/python -m pytest tests/unit -n 2 -rs $(PYTEST_ARGS)

check: $(READY) ## lint, format, types, import contracts, documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet --site-dir $(VENV)/site

e2e: $(READY) ## run the end-to-end tests on a real cluster (E2E_ARGS go to pytest)
	tests/e2e/run $(E2E_ARGS)

bench: $(READY) ## compare speed with kfp and hera
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

docs: $(READY) ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

golden: $(READY) ## regenerate the golden manifests; review the diff
	$(BIN)/python -m pytest tests/unit --quiet --update-golden

.venv-kfp/.locked: benchmarks/requirements/kfp.txt requirements/venv.sh
	@PYTHON='$(PYTHON)' requirements/venv.sh .venv-kfp benchmarks/requirements/kfp.txt

kfp: .venv-kfp/.locked ## install KFP's SDK, for the tests that compare with it

kfpgolden: $(READY) .venv-kfp/.locked ## compile the programs of tests/programs/kfp with KFP's SDK; review the diff
	.venv-kfp/bin/python tests/kfp_golden.py $(BIN)/python

argoschema: $(READY) ## write the types of Argo's resources from its Go module (needs Go); review the diff
	$(BIN)/python -m tests.argo_schema

ARGO ?= argo
argorules: $(READY) ## record the output of `argo lint` for tests/argo_rules.py (ARGO is the program)
	$(BIN)/python -m tests.argo_rules $(ARGO)

FUZZ_ARGS ?=
fuzz: $(READY) ## run lint and compile on 10,000 broken files, and run on 1,000 (FUZZ_ARGS='--seed 2')
	$(BIN)/python -m tests.fuzz $(FUZZ_ARGS)

.venv-lock/.locked: requirements/lock.txt requirements/venv.sh
	@PYTHON='$(PYTHON)' requirements/venv.sh .venv-lock requirements/lock.txt

LOCK = UV_NO_CONFIG=1 .venv-lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
  --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'

lock: .venv-lock/.locked ## lock the newest versions that pyproject.toml allows, with their hashes
	$(LOCK) pyproject.toml --extra all --extra demo --group dev --output-file requirements/dev.txt
	$(LOCK) pyproject.toml --extra all --extra demo --constraints requirements/dev.txt --output-file requirements/all.txt
	$(LOCK) requirements/lock.in --output-file requirements/lock.txt
	$(LOCK) benchmarks/requirements/kfp.in --output-file benchmarks/requirements/kfp.txt
	$(LOCK) benchmarks/requirements/hera.in --output-file benchmarks/requirements/hera.txt
	$(LOCK) tests/e2e/harness/wheels.in --output-file tests/e2e/harness/wheels.txt

clean: ## remove generated files, except the cluster's cache
	rm -rf $(VENV) .venv-lock .venv-bench .venv-kfp site dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .mlplat
	find mlplat tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
