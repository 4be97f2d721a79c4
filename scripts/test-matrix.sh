#!/usr/bin/env bash
# Run the tests that face the database on every server of the matrix. What is given goes to pytest.
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

export SYNC_TEST_SERVERS=${SYNC_TEST_SERVERS:-mariadb,mysql97,mysql56}
say "database-facing tests on $SYNC_TEST_SERVERS"
exec "$VENV/bin/pytest" -m matrix "$@"
