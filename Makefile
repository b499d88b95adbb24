# Everything that one does with a checkout. `make help` lists it.
.DEFAULT_GOAL := help
.PHONY: help run dev test torture screenshots check lock describe

VENV := .venv
BIN := $(VENV)/bin
FLASK := $(BIN)/flask --app wsgi
# A test run without a terminal must not wait for one, and Python keeps no caches of its own beside the sources.
export PYTHONDONTWRITEBYTECODE := 1

help: ## list what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

run: $(VENV)/.installed ## install, migrate, load the demo once, and serve on 127.0.0.1, port 8000 (PORT=… for another)
	@exec $(FLASK) serve --demo

dev: $(VENV)/.installed-dev ## the same database, with Flask's reloader and debugger
	@$(FLASK) db upgrade
	@PORTAL_ENV=development exec $(FLASK) run --debug --port $${PORT:-8000}

test: $(VENV)/.installed-dev ## install what tests need, a browser included, and run all of them
	@$(BIN)/python -m tests.browser
	@$(MAKE) --no-print-directory check
	@$(BIN)/python -m pytest -q -n 2 --dist loadgroup

torture: $(VENV)/.installed-dev ## the long tests, for hours; TORTURE=0.01 makes them that much shorter
	@$(BIN)/python -m pytest -q -n 2 tests/torture

screenshots: $(VENV)/.installed-dev ## a picture of every page of the demo, light and dark, at three widths: test-results/screenshots
	@$(BIN)/python -m tests.e2e.screenshots

check: $(VENV)/.installed-dev ## lint, types, templates, and who imports whom
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/djlint templates --lint --quiet
	@$(BIN)/lint-imports --no-logo

describe: $(VENV)/.installed ## write docs/openapi.json anew, from the code
	@$(BIN)/python -m tools.describe > docs/openapi.json

lock: $(VENV)/.installed-dev ## resolve the requirements anew, with hashes
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header requirements.in -o requirements.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header requirements-dev.in -o requirements-dev.txt

$(VENV)/.installed: requirements.txt
	@sh tools/venv.sh $(VENV) requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements.txt requirements-dev.txt
	@sh tools/venv.sh $(VENV) requirements-dev.txt
	@touch $(VENV)/.installed $@
