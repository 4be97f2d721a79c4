#!/usr/bin/env bash
# The random load with kills at full length, on each server of the matrix; prints a table of figures.
# What is given goes to `python -m load.soak`: --server KIND --transactions N --seconds S --seed SEED
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

export PYTHONPATH=$ROOT/tests:$ROOT/tests/acceptance
exec "$VENV/bin/python" -m load.soak "$@"
