# Everything sets itself up: `make run` to try Quire, `make test` to test it, `make check` before a commit.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO ?= .demo
PORT ?= 8765
SOURCES := $(shell find indexer service -type f -not -name '*.pyc' 2>/dev/null) pyproject.toml README.md LICENSE
export QUIRE_TEST_DATA ?= $(abspath ../shared/data)
export HF_HUB_OFFLINE ?= 0

.PHONY: help run demo test check format lint types lock soak bench pictures clean

help:            ## What there is to make
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/'

$(BIN)/python:
	$(PYTHON) -m venv $(VENV) || ($(PYTHON) -m pip install --user virtualenv && $(PYTHON) -m virtualenv $(VENV))
	$(BIN)/python -m pip install -q --upgrade pip

# Third-party packages change rarely and take minutes; Quire itself is installed over them, as the wheel that users get.
$(VENV)/.packages: pyproject.toml requirements.lock | $(BIN)/python
	@echo "Installing packages (several GB at the first time, most of it PyTorch) …"
	$(BIN)/python -m pip install -q -c requirements.lock .
	touch $@

$(VENV)/.packages-dev: $(VENV)/.packages
	$(BIN)/python -m pip install -q -c requirements.lock '.[dev]'
	touch $@

$(VENV)/.quire: $(SOURCES) | $(VENV)/.packages
	rm -rf build dist
	$(BIN)/python -m pip wheel -q --no-deps --wheel-dir dist .
	$(BIN)/python -m pip install -q --no-deps --force-reinstall dist/quire-*.whl
	touch $@

$(DEMO)/.ready: | $(VENV)/.quire
	$(BIN)/quire samples $(DEMO)/sketchbooks
	$(BIN)/quire index $(DEMO)/sketchbooks --library $(DEMO)/library --model classic --views head,foot,colour
	$(BIN)/quire cluster -k 8 --library $(DEMO)/library
	$(BIN)/quire map --library $(DEMO)/library
	$(BIN)/quire documents --library $(DEMO)/library >$(DEMO)/documents.txt
	$(BIN)/quire duplicates --library $(DEMO)/library >$(DEMO)/duplicates.txt
	touch $@

demo: $(DEMO)/.ready  ## Draw the sample sketchbooks, index and cluster them

run: $(VENV)/.quire $(DEMO)/.ready  ## The sample library with its web page
	$(BIN)/quire serve --library $(DEMO)/library --port $(PORT)

test: $(VENV)/.packages-dev $(VENV)/.quire  ## All tests, on the built wheel
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || .ci/get-chromium
	HF_HUB_OFFLINE=1 .ci/in-memory $(BIN)/pytest -n 2 --dist loadfile

check: $(VENV)/.packages-dev $(VENV)/.quire  ## Format, lint, types, known vulnerabilities, tests
	$(BIN)/ruff format --check indexer service tests benchmarks docs
	$(BIN)/ruff check indexer service tests benchmarks docs
	$(BIN)/lint-imports
	$(BIN)/mypy
	.ci/audit $(BIN)
	$(MAKE) test

format: $(VENV)/.packages-dev  ## Put the code into its format
	$(BIN)/ruff format indexer service tests benchmarks docs
	$(BIN)/ruff check --fix indexer service tests benchmarks docs

soak: $(VENV)/.packages-dev $(VENV)/.quire  ## The long tests
	HF_HUB_OFFLINE=1 .ci/in-memory $(BIN)/pytest -m slow --timeout=3600

bench: $(VENV)/.packages-dev $(VENV)/.quire  ## All benchmarks
	$(BIN)/python -m benchmarks all

lock: $(BIN)/python  ## Pin all packages anew
	$(BIN)/python -m pip install -q uv
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --all-extras --no-header --no-emit-index-url --no-emit-find-links pyproject.toml -o requirements.lock
	-$(BIN)/python -m docs.licences

pictures: $(VENV)/.packages-dev $(VENV)/.quire  ## Make the walk-through and its pictures anew
	$(BIN)/python -m docs.generate
	$(BIN)/python -m docs.make_walkthrough --screenshots
	$(BIN)/python -m docs.make_documents
	$(BIN)/python -m docs.make_web

clean:           ## Remove what was made, but not libraries
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
