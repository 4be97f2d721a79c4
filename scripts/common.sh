# shellcheck shell=bash
# What the scripts share. Sourced, never run.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Downloads and initialised data directories; tests/servers/paths.py has the same rule.
if [ -n "${SYNC_WORKER_CACHE:-}" ]; then
    CACHE=$SYNC_WORKER_CACHE
elif [ -d "${HOME:-}" ] && [ -w "${HOME:-}" ]; then
    CACHE=$HOME/.cache/sync-worker
else
    CACHE=$ROOT/.run/cache
fi
export SYNC_WORKER_CACHE=$CACHE
VENV=$ROOT/.venv
export PATH=$VENV/bin:$PATH # what calls python3 gets this one, not a shim without a Python

say() { printf '%s\n' "$*" >&2; }

die() {
    printf 'Error: %s\n' "$1" >&2
    shift
    local line
    for line in "$@"; do
        printf '%s\n' "$line" >&2
    done
    exit 1
}

# scratch_in DIR: make a directory inside DIR that goes away when the script ends; its name is in
# $SCRATCH. What is built there is renamed into place, so nobody sees half of it.
scratch_in() {
    mkdir -p "$1"
    SCRATCH=$(mktemp -d "$1/making-XXXXXX")
    trap 'rm -rf "$SCRATCH"' EXIT
}
