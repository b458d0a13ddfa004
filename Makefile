# One command a chore; each sets up what it needs first. Outside of tests nothing asks for root.
SHELL := /bin/bash
.DEFAULT_GOAL := setup
export PATH := $(CURDIR)/.venv/bin:$(PATH)
UV = $(shell command -v uv || echo .uv/bin/uv)
NOTEBOOKS = pytest --nbval-lax --nbval-cell-timeout 120 -n 2 --dist loadfile notebooks
.PHONY: setup lab demo test check notebooks bench faults fuzz docs lock clean help

setup: .venv/.packages data/manifest.json  ## make .venv and the data catalog; what `make` alone does
	@$(if $(filter-out setup,$(MAKECMDGOALS)),:,echo "setup: done. For nautilus-lab in this shell: source .venv/bin/activate")

.venv/.packages: requirements.lock pyproject.toml .python-version scripts/setup $(wildcard kernels/*/*) $(shell find share -type f)
	@scripts/setup && touch $@

data/manifest.json: .venv/.packages $(wildcard nautilus_lab/marketdata/*.py)
	@nautilus-lab data build && touch $@

lab: setup  ## JupyterLab, a paper-trading node and the dashboards; Ctrl-C stops all of it
	@exec nautilus-lab lab $(ARGS)

demo: setup  ## the first notebook from end to end, without a browser; leaves an HTML page
	@exec nautilus-lab demo

test: setup  ## every test: unit, contract, doctests, processes, browser, notebooks
	@scripts/test-needs
	@pytest -n 2 --dist loadgroup && $(NOTEBOOKS)

notebooks: setup  ## run every notebook and compare the facts its marked cells print
	@$(NOTEBOOKS)

check: .venv/.packages  ## what the code must satisfy before it is run
	@ruff check && ruff format --check && mypy && lint-imports && deptry . && codespell
	@python -m scripts.notebooks

bench: setup  ## measure against the targets; PART=05 measures one part
	@python -m benchmarks $(PART)

fuzz: setup  ## look for what breaks a property, with thousands of new examples
	@pytest -m hypothesis --hypothesis-profile=fuzz $(ARGS)

faults: setup  ## kill the trader N times (500) under order flow and compare the books
	@python -m tests.faults $(N)

docs: .venv/.packages  ## check the documentation: links, examples, the generated tables
	@python -m scripts.docs

lock: .venv/.packages  ## resolve pyproject.toml into requirements.lock
	@$(UV) pip compile pyproject.toml --group dev --group peers --python-version 3.12 --universal --quiet \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header -o requirements.lock

clean:  ## remove what make made; a lab's state (.lab) and runs stay
	@rm -rf .venv .uv .*_cache .hypothesis build dist && find data -mindepth 1 ! -name README.md -delete

help:
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile
