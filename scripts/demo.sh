#!/usr/bin/env bash
# Run the demo in .venv; what is given goes to it (see scripts/demo.sh --help).
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

# A sync-worker setting in the caller's environment is for another stack than this one.
for variable in $(compgen -e SYNC_WORKER_ || true); do
    [ "$variable" = SYNC_WORKER_CACHE ] || unset "$variable"
done
export PYTHONPATH=tests:examples
exec "$VENV/bin/python" -m demo "$@"
