#!/usr/bin/env bash
# Remove all that set-up, build and tests have made in the tree.
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

[ ! -e .run/stack.json ] || die "The stack of make up still runs." "Try: make down"
[ ! -e tests/c/Makefile ] || make --no-print-directory -C tests/c clean
rm -rf .venv build dist ./*.egg-info sync_worker/lib/*.so .run benchmarks/bin \
    .pytest_cache .mypy_cache .ruff_cache .hypothesis
find . -name __pycache__ -type d -prune -exec rm -rf {} +
