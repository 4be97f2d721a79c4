#!/usr/bin/env bash
# Write requirements.lock and requirements-dev.lock anew from pyproject.toml, with hashes.
# Done with Debian 12's own Python, the oldest that is supported: what only an old Python needs
# is then in the lock, and a newer one installs it for nothing.
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

cd "$ROOT"
scratch_in "${TMPDIR:-/tmp}"
/usr/bin/python3 -m venv "$SCRATCH"
"$SCRATCH/bin/pip" install --quiet pip-tools

# lock FILE OPTION...: no address of an index goes into the file; pip's own settings choose it.
lock() {
    local file=$1
    shift
    env -u PIP_FIND_LINKS -u PIP_INDEX_URL CUSTOM_COMPILE_COMMAND="scripts/lock.sh" \
        "$SCRATCH/bin/python" -m piptools compile --quiet --generate-hashes --allow-unsafe \
        --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
        --all-build-deps "$@" --output-file "$file" pyproject.toml
}

lock requirements.lock
lock requirements-dev.lock --extra dev --extra bench
