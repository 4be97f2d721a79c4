#!/usr/bin/env bash
# The random load with kills at full length, on each server of the matrix; prints a table of figures.
# What is given goes to `python -m load.soak`: --server KIND --transactions N --seconds S --seed SEED
# `million` first: the backfill of a million rows, killed in the middle, while they change instead:
# --server KIND --rows N --seed SEED
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

export PYTHONPATH=$ROOT/tests:$ROOT/tests/acceptance
if [ "${1:-}" = million ]; then
    shift
    exec "$VENV/bin/python" -m load.million "$@"
fi
exec "$VENV/bin/python" -m load.soak "$@"
