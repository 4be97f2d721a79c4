#!/usr/bin/env bash
# Check the example systemd units as systemd reads them, on this machine's own version of it.
# Programs that a unit starts need not be installed here: a stand-in takes their place.
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

scratch_in "${TMPDIR:-/tmp}"
for unit in "$ROOT"/examples/systemd/*.service; do
    copy=$SCRATCH/$(basename "$unit")
    sed -E 's#^(Exec[A-Za-z]*=[-@:+!]*)/[^ ]*/sync-worker#\1/bin/true#' "$unit" >"$copy"
done
complaints=$(systemd-analyze verify --man=no "$SCRATCH"/*.service 2>&1) ||
    die "systemd-analyze verify:" "$complaints"
[ -z "$complaints" ] || die "systemd-analyze verify:" "$complaints"
