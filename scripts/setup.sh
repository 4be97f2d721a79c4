#!/usr/bin/env bash
# Set up what a task needs, from a bare clone: setup.sh demo | test | matrix.
# Installs only what is missing, says what and why, and is done in about a second when all is there.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=common.sh
. "$here/common.sh"
# shellcheck source=packages.sh
. "$here/packages.sh"
# shellcheck source=install.sh
. "$here/install.sh"
# shellcheck source=python.sh
. "$here/python.sh"

case ${1:-} in
demo) groups=(demo) lock=requirements.lock ;;
test) groups=(demo test) lock=requirements-dev.lock ;;
matrix) groups=(demo test matrix) lock=requirements-dev.lock ;;
*) die "setup.sh does not know the task '${1:-}'." "Try: scripts/setup.sh demo | test | matrix" ;;
esac

# Debian packages.
lacking=$(missing "${groups[@]}")
if [ -n "$lacking" ]; then
    command -v apt-get >/dev/null ||
        die "This machine has no apt-get, and lacks (Debian's package | for):" "$lacking"
    if ! plan "$lacking" && can_be_root; then
        say "Reading the package lists (apt-get update)"
        apt_get update || true # what is missing after it, apt-get install will say
        plan "$lacking" || true
    fi
    say "Missing on this machine, by Debian package:"
    printf '%s\n' "${lines[@]}" >&2
    can_be_root || die "Packages are missing, and this user is not root and cannot use sudo." \
        "Try, as root: apt-get install --no-install-recommends ${packages[*]}" \
        "and then this again. (redis-server and gearman-job-server start a service each, which" \
        "sync-worker's tests and demo neither need nor touch.)"
    say "Installing them (apt-get, without recommended packages)"
    install_packages "${packages[@]}"
    lacking=$(missing "${groups[@]}")
    [ -z "$lacking" ] || die "Installed, and yet missing:" "$lacking"
fi

python_packages "$lock"
build

# Servers that are no packages of this system.
if [ "$1" = matrix ]; then
    "$here/fetch-mysql56.sh"
    "$here/fetch-mysql97.sh"
fi
