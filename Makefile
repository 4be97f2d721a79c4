# Every target sets up what it needs: Debian packages, .venv, the C library. `make` lists them.

.DEFAULT_GOAL := help
ARGS ?=
FUZZ_SECONDS ?= 600

.PHONY: help demo up down build test test-matrix bench soak fuzz lint format clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 14
	@echo
	@echo "ARGS=... goes to the program a target runs: make test ARGS='-k worker'"

demo: ## rows changed in a private MariaDB appear in a private Redis; compared and timed
	@scripts/setup.sh demo
	@scripts/demo.sh $(ARGS)

up: ## the same stack, left running; prints how to connect to each part
	@scripts/setup.sh demo
	@scripts/demo.sh --up $(ARGS)

down: ## stop what make up started
	@scripts/demo.sh --down

build: ## .venv, the C library and sync-worker in place
	@scripts/setup.sh demo

test: ## lint, types, C tests, fuzzing for 20 s, all Python tests on MariaDB
	@scripts/setup.sh test
	@scripts/test.sh $(ARGS)

test-matrix: ## the database-facing tests on MariaDB, MySQL 9.7 and MySQL 5.6
	@scripts/setup.sh matrix
	@scripts/test-matrix.sh $(ARGS)

bench: ## the measurements, printed as ratios
	@scripts/setup.sh test
	@scripts/bench.sh $(ARGS)

soak: ## a long random load with kills, on all three servers; about 40 minutes
	@scripts/setup.sh matrix
	@scripts/soak.sh $(ARGS)

fuzz: ## fuzz the C code for FUZZ_SECONDS (600)
	@scripts/setup.sh test
	@PATH=$(CURDIR)/.venv/bin:$$PATH $(MAKE) --no-print-directory -C tests/c fuzz FUZZ_SECONDS=$(FUZZ_SECONDS)

lint: ## style, types, scripts, compose files
	@scripts/setup.sh test
	@scripts/lint.sh

format: ## let ruff format the Python
	@scripts/setup.sh test
	@.venv/bin/ruff check --fix --quiet || true
	@.venv/bin/ruff format --quiet

clean: ## remove what was built, .venv too; downloads stay in ~/.cache/sync-worker
	@scripts/clean.sh
