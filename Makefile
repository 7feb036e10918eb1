# Every command a user needs; `make help` lists them. Each builds .venv first if it is missing.
SHELL := /bin/bash
.DEFAULT_GOAL := help

SPACE  ?= quick
NAME   ?=
TORCH  ?= $(or $(shell cat .venv/.torch 2>/dev/null),cpu)
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(not (3,11) <= sys.version_info[:2] < (3,15))' 2>/dev/null && { echo $$p; break; }; done)
TORCH_VERSION := 2.13.0

# A lock means what it says: --no-config keeps [tool.uv] of pyproject.toml, and a user's own uv.toml, out of it.
UV := .venv/bin/uv --no-config
INSTALL := $(UV) pip install -q --compile-bytecode --no-deps

# Whatever is asked for with another TORCH than .venv has, gets that first.
OTHER_TORCH := $(filter-out $(TORCH),$(shell cat .venv/.torch 2>/dev/null))

.venv/.ready: requirements.lock requirements-build.lock pyproject.toml Makefile $(if $(OTHER_TORCH),another-torch)
	@test -n "$(PYTHON)" || { echo "python 3.11, 3.12, 3.13 or 3.14 must be on the path, but none was found; install one or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12"; exit 1; }
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@echo "building .venv (once): $$(.venv/bin/python --version), torch $(TORCH_VERSION) ($(TORCH))"
	@.venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements-build.lock
	@$(INSTALL) --require-hashes -r requirements.lock
	@$(MAKE) -s install-torch
	@$(INSTALL) --no-build-isolation -e .
	@touch $@

.venv/.ready-dev: .venv/.ready requirements-dev.lock
	@$(INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@

# torch is not in the lock: where it comes from is a setting. uv does not read pip's configuration, so a folder of wheels
# that pip is told of (find-links) is handed over; otherwise uv's --torch-backend picks the build (cpu, cu130, auto, ...),
# and TORCH=index takes what the package index has; without TORCH .venv keeps the build that it has. What a CUDA build
# brings along may not move what the lock has.
.PHONY: install-torch another-torch
another-torch:
install-torch:
	@links="$$(.venv/bin/python -m pip config get :env:.find-links 2>/dev/null || .venv/bin/python -m pip config get global.find-links 2>/dev/null || true)"; \
	if .venv/bin/python -c 'import sys, importlib.metadata as m; sys.exit(m.version("torch").split("+")[0] != "$(TORCH_VERSION)")' 2>/dev/null && [ "$(TORCH)" = "$$(cat .venv/.torch 2>/dev/null)" ]; then exit 0; fi; \
	if [ "$(TORCH)" = cpu ] && [ -n "$$links" ] && $(INSTALL) --no-index --reinstall-package torch --find-links "$$links" torch==$(TORCH_VERSION) 2>/dev/null; then :; \
	else $(UV) pip install -q --compile-bytecode $(if $(filter index,$(TORCH)),,--torch-backend $(TORCH)) --constraint requirements.lock --reinstall-package torch torch==$(TORCH_VERSION); fi && echo $(TORCH) > .venv/.torch

.PHONY: help sweep test promote lint faults bench doctor torch proof wheel lock house ladder clean-env

help: ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*##/\t/' | expand -t 14
	@echo
	@echo "settings: SPACE=$(SPACE) (a name in search_spaces/, or a trainer YAML)   NAME= (folder in runs/)   ARGS= (more for sweep run)"
	@echo "          TORCH=$(TORCH) (cpu, auto, cu130, ...)   PYTHON=$(PYTHON)   RAY_ADDRESS= (a Ray cluster)"

sweep: .venv/.ready ## the main thing: sweep SPACE, write a report
	@.venv/bin/sweep run $(SPACE) $(if $(NAME),--out runs/$(NAME)) $(ARGS)

test: .venv/.ready-dev ## all fast tests (some 20 minutes on two cores)
	@.venv/bin/python -m pytest -n 2 --dist loadscope -m "not slow and not faults" $(ARGS)

promote: .venv/.ready ## the best trial to the Hugging Face Hub, with its proof: REPO=USER/NAME, RUN= (default: the newest)
	@test -n "$(REPO)" || { echo "make promote needs a repository: make promote REPO=USER/NAME, and ARGS=--dry-run to look at it first"; exit 2; }
	@.venv/bin/sweep promote $(RUN) --repo $(REPO) $(ARGS)

lint: .venv/.ready-dev ## ruff, mypy, shellcheck and hadolint
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@PATH=.venv/bin:$$PATH; if command -v shellcheck >/dev/null; then shellcheck .ci/run sweep/cluster/slurm.sbatch; \
	else echo "shellcheck is skipped: the lock has none for this machine, and none is on the path"; fi
	@.venv/bin/hadolint --failure-threshold warning Containerfile

bench: .venv/.ready-dev ## speed as ratios in one run, and long statistics
	@.venv/bin/python -m pytest -m slow -s $(ARGS)

faults: .venv/.ready-dev ## the long fault tables
	@.venv/bin/python -m pytest -m faults -s $(ARGS)

doctor: .venv/.ready ## what this machine can run, and what to do about what it cannot
	@.venv/bin/sweep doctor

torch: .venv/.ready ## another build of torch: make torch TORCH=cu130 (or auto, cpu, index)

proof: .venv/.ready ## the report of the published sweep (search_spaces/proof.yaml), made from its ledger: build/proof/report.html
	@mkdir -p build/proof && gzip -dc reports/proof.jsonl.gz > build/proof/ledger.jsonl
	@.venv/bin/sweep report build/proof

house: .venv/.ready ## train the house baseline anew, in runs/house: seven hours of a core (recipe: trials/arena/ladder/house.yaml)
	@if [ ! -d runs/house ]; then .venv/bin/sweep run trials/arena/ladder/house.yaml --seed 20261128 --out runs/house; \
	elif [ ! -d runs/house/best ]; then .venv/bin/sweep resume runs/house; fi
	@.venv/bin/sweep extend runs/house --trial 0 --steps 10000000 --set hyperparameters.learning_rate=9e-4 \
		--set hyperparameters.beta=0.006 --set self_play.save_steps=80000
	@.venv/bin/sweep extend runs/house --trial 1 --steps 10000000

ladder: .venv/.ready ## fit the ladder's constants again, over those that ship
	@.venv/bin/python -m trials.arena.ratings.ladder fit

wheel: .venv/.ready ## dist/*.whl, for the nodes of a cluster (sweep/cluster/README.md, Containerfile)
	@rm -rf build dist # setuptools would pack what an earlier build left
	@$(UV) build -q --wheel --no-build-isolation --python .venv/bin/python -o dist
	@ls dist/*.whl

lock: .venv/.ready ## make the lock files anew from pyproject.toml
	@$(LOCK) --group trainer -o requirements.lock
	@$(LOCK) --group trainer --extra dev -c requirements.lock -o requirements-dev.lock
	@$(LOCK) --group trainer --extra cluster -c requirements.lock -o requirements-cluster.lock
	@$(LOCK:pyproject.toml=) --group build -c requirements.lock -o requirements-build.lock
LOCK := .venv/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --fork-strategy fewest --upgrade -q

clean-env: ## remove .venv; the next command builds it again
	@rm -rf .venv
