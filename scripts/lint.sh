#!/usr/bin/env bash
# Everything that finds faults without running the product: style, types, scripts, compose files.
# Runs all of it, and then fails if any of it did.
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"
failed=()

# check NAME COMMAND...
check() {
    local name=$1
    shift
    say "$name"
    "$@" || failed+=("$name")
}

check "ruff check" ruff check --quiet
check "ruff format" ruff format --check --quiet
check "mypy" mypy --no-error-summary
check "mypy of the servers and the demo" env MYPYPATH=tests:examples \
    mypy --no-error-summary tests/servers examples/demo
check "shellcheck" shellcheck --external-sources --source-path=SCRIPTDIR .ci/run scripts/*.sh
check "compose files" check-jsonschema --quiet --builtin-schema vendor.compose-spec docker/*.yml
if compgen -G 'examples/systemd/*.service' >/dev/null; then
    check "systemd units" scripts/check-units.sh
fi

[ ${#failed[@]} -eq 0 ] || die "failed: $(printf '%s; ' "${failed[@]}")"
