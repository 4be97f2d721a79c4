#!/usr/bin/env bash
# Run every test. What is given is passed on to pytest, whose summary is the last output.
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

scripts/lint.sh

say "C tests under AddressSanitizer and UBSan"
make --no-print-directory -C tests/c test
say "fuzzing for ${FUZZ_SECONDS:=20} seconds"
make --no-print-directory -C tests/c fuzz FUZZ_SECONDS="$FUZZ_SECONDS"

say "unit, integration and acceptance tests (database: ${SYNC_TEST_SERVERS:=mariadb})"
export SYNC_TEST_SERVERS
exec "$VENV/bin/pytest" "$@"
