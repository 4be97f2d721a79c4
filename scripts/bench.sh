#!/usr/bin/env bash
# Run the benchmarks in .venv; names given to it choose some of them.
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

export PYTHONPATH=tests
exec "$VENV/bin/python" -m benchmarks "$@"
