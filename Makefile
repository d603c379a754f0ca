# `make` alone lists the targets. Everything runs in .venv, which is built from requirements.txt on first use.

.DEFAULT_GOAL := help
.PHONY: help install peers heads demo figures claims docs paper test test-all lint format lock clean distclean

# The first interpreter that is new enough; `make PYTHON=/path/to/python` overrides it.
IS_NEW_ENOUGH := -c 'import sys; sys.exit(sys.version_info < (3, 11))'
PYTHON = $(firstword $(foreach p,python3 python3.13 python3.12 python3.11,$(shell $(p) $(IS_NEW_ENOUGH) >/dev/null 2>&1 && echo $(p))))

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
LOG := $(VENV)/install.log
UV ?= uv
WORKERS ?= 2

# The workers of pytest share the cores: one thread each keeps them out of each other's way.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
PYTEST := $(ONE_THREAD) $(BIN)/pytest -q -n $(WORKERS) --dist worksteal
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
LOCK := $(UV) pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	--no-emit-index-url --no-emit-find-links --quiet

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED)  ## build .venv with everything for use and for development

$(INSTALLED): requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 or newer is needed and none was found; name one with make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Installing into $(VENV); this takes a few minutes the first time."
	@$(PYTHON) -m venv $(VENV)
	@{ $(PIP) --require-hashes -r requirements.txt && $(PIP) --no-deps --no-build-isolation -e . ; } > $(LOG) 2>&1 \
		|| { tail -n 20 $(LOG) >&2; echo "make: the installation failed; all of its output is in $(LOG)" >&2; exit 1; }
	@touch $@

peers: $(INSTALLED)  ## add the packages that speed is compared with (one is compiled: needs a C++ compiler)
	@$(PIP) --require-hashes --no-deps -r requirements-peers.txt > $(LOG) 2>&1 \
		|| { tail -n 20 $(LOG) >&2; echo "make: the installation failed; all of its output is in $(LOG)" >&2; exit 1; }

heads: $(INSTALLED)  ## add torch and transformers, for heads on frozen models (some GB)
	@$(PIP) --require-hashes --no-deps -r requirements-heads.txt > $(LOG) 2>&1 \
		|| { tail -n 20 $(LOG) >&2; echo "make: the installation failed; all of its output is in $(LOG)" >&2; exit 1; }

demo: $(INSTALLED)  ## train on real data, print the results and write a figure to demo-output/
	@$(BIN)/hamiltonian-ml demo --out demo-output

figures: $(INSTALLED)  ## draw every figure from the results in the repository into paper/figures/
	@$(BIN)/python -m experiments reproduce all --from cache

claims: $(INSTALLED)  ## write how each claim ended, and the paper's numbers, from the same results
	@$(BIN)/python -m experiments claims

docs: $(INSTALLED)  ## build the documentation in docs/_build/html; its examples are run, which takes a few minutes
	@$(PIP) --require-hashes --no-deps -r requirements-docs.txt > $(LOG) 2>&1 \
		|| { tail -n 20 $(LOG) >&2; echo "make: the installation failed; all of its output is in $(LOG)" >&2; exit 1; }
	@$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html
	@echo "The documentation is in docs/_build/html/index.html."

paper: figures claims  ## build paper/main.pdf (needs LaTeX)
	@command -v latexmk >/dev/null || { echo "make: latexmk was not found; install TeX Live (Debian and Ubuntu: apt install latexmk texlive-latex-extra; macOS: brew install --cask mactex-no-gui)" >&2; exit 1; }
	@cd paper && latexmk -pdf -interaction=nonstopmode -halt-on-error -quiet main.tex

test: lint  ## lint, check types and imports, run the quick tests
	@$(PYTEST) -m "not slow and not ibm and not network"

test-all: lint  ## the same with the slow tests
	@$(PYTEST) -m "not ibm and not network"

lint: $(INSTALLED)  ## ruff, mypy and the import contracts
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(INSTALLED)  ## let ruff mend what it can
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

lock:  ## pin the newest allowed versions in requirements.txt (needs uv)
	@command -v $(UV) >/dev/null || { echo "make: uv was not found; get it with 'pip install uv' or name it with make lock UV=/path/to/uv" >&2; exit 1; }
	@$(LOCK) --upgrade --extra test --extra dev --extra referee --extra cluster --extra tables -o requirements.txt > /dev/null
	@for extra in peers heads docs; do \
		$(LOCK) --upgrade --extra $$extra -c requirements.txt -o requirements-$$extra.txt \
			$$(sed -n 's/^\([a-z][^= ]*\)==.*/--no-emit-package \1/p' requirements.txt | sort -u) > /dev/null || exit 1; \
	done

clean:  ## remove caches and what the demo wrote
	@rm -rf build dist demo-output docs/_build docs/gallery docs/sg_execution_times.rst .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean  ## remove .venv too
	@rm -rf $(VENV)
