# shellcheck shell=bash
# Install Debian packages without starting anything they bring. Sourced by setup.sh.

# as_root COMMAND...: run it as root, with sudo if need be.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif [ -t 0 ]; then
        sudo -- "$@"
    else
        sudo -n -- "$@" # nobody is there to type a password
    fi
}

can_be_root() {
    [ "$(id -u)" -eq 0 ] && return
    command -v sudo >/dev/null || return
    [ -t 0 ] || sudo -n true 2>/dev/null
}

# apt_get ARGUMENT...: without questions; what it prints goes to .run/apt.log.
apt_get() {
    mkdir -p "$ROOT/.run"
    as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a \
        apt-get -qq -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 "$@" \
        </dev/null >>"$ROOT/.run/apt.log" 2>&1
}

# Services that come with our packages. They are neither started nor enabled by us.
SERVICES='redis-server gearman-job-server'

POLICY=/usr/sbin/policy-rc.d
POLICY_IS_OURS=""

# While packages are installed their services must not start: redis would take port 6379.
hold_services() {
    [ -e "$POLICY" ] && return
    POLICY_IS_OURS=yes
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$POLICY" >/dev/null
    as_root chmod 755 "$POLICY"
}

release_services() {
    [ -z "$POLICY_IS_OURS" ] || as_root rm -f "$POLICY"
    POLICY_IS_OURS=""
}

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# install_packages PACKAGE...: the services among them that are new stay off after a reboot too.
install_packages() {
    local service new=()
    for service in $SERVICES; do
        installed "$service" || new+=("$service")
    done
    trap release_services EXIT
    hold_services
    if ! apt_get install --yes --no-install-recommends "$@"; then
        say "That did not work; once more with fresh package lists."
        apt_get update || say "apt-get update failed; see .run/apt.log"
        apt_get install --yes --no-install-recommends "$@" || {
            tail -n 15 "$ROOT/.run/apt.log" >&2
            die "apt-get could not install: $*" "All it said is in .run/apt.log."
        }
    fi
    release_services
    for service in "${new[@]}"; do
        installed "$service" || continue
        # The second is for units: the first leaves them to systemctl, which may not be there.
        as_root update-rc.d "$service" disable >/dev/null 2>&1 || true
        as_root deb-systemd-helper disable "$service.service" >/dev/null 2>&1 || true
    done
}
