# SPDX-License-Identifier: GPL-3.0-or-later
# Every target makes what it needs first: environments and the lab's binaries live in a cache outside the checkout.
PYTHON ?= python3
RUN := $(PYTHON) -m tools.env run
LAB ?= dev

.DEFAULT_GOAL := help
.PHONY: help demo test lint format unit pages docs screenshots oldest install sanity lab-parts artifact integration molecule soak bench lab lab-down build release changelog lock lock-upgrade clean

help: ## this list
	@sed -n 's/^\([a-z -]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 60

demo: ## the health check on a healthy system, then on a broken one (KUBECONFIG, or the lab)
	@$(RUN) python -m tools.demo

test: ## every gate, in order; the last line counts
	@$(PYTHON) -m tools.gates

lint pages oldest install sanity artifact integration molecule: ## one gate of them
	@$(PYTHON) -m tools.gates $@

unit: ## the unit tests, or with K=EXPRESSION those that match, without coverage
ifdef K
	@$(RUN) pytest tests/unit -q -k "$(K)"
else
	@$(PYTHON) -m tools.gates unit
endif

docs: ## the documentation as a site, in build/docs
	@$(RUN) python -m tools.docs_site

screenshots: ## the pictures of docs/images
	@$(RUN) python tests/pages/screenshots.py

soak: ## the tests that repeat, at the full size of docs/benchmarks.md; takes hours
	@$(PYTHON) -m tools.gates soak

lab-parts: ## the lab's builds, and the tests of its parts
	@$(PYTHON) -m tools.gates lab

format: ## write Python as `make lint` wants it
	@$(RUN) ruff format .

bench: ## side by side with what a user would use instead
	@$(RUN) python benchmarks/health.py

lab: ## a whole Kubernetes on this machine (LAB=name)
	@$(RUN) python -m lab up $(LAB)

lab-down: ## take it down again
	@$(RUN) python -m lab down $(LAB)

build: ## the archive, in build/
	@$(PYTHON) -m tools.collection

release: ## the archive as it is released, checked, with its SBOM, in build/release; publishes nothing
	@$(PYTHON) -m tools.release

changelog: ## the fragments become CHANGELOG.rst, for the version of galaxy.yml
	@$(PYTHON) -m tools.release changelog

lock: ## add to the locks what their .in files name; existing pins stay (needs uv)
	@$(PYTHON) -m tools.env lock

lock-upgrade: ## take the newest version of everything that the locks pin (needs uv)
	@$(PYTHON) -m tools.env lock --upgrade

clean: ## remove what the targets left: here, and the environments of the cache
	@rm -rf build .ansible .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
	@$(PYTHON) -m tools.env clean
