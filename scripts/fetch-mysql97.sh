#!/usr/bin/env bash
# Fetch MySQL 9.7 for the tests from Debian unstable: mysqld and the libraries it needs, unpacked
# into the cache. Nothing is installed, and no root is needed.
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

PACKAGE=mysql-server-core
VERSION=9.7
TARGET=$CACHE/mysql-$VERSION
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# The mirror this machine's apt takes Debian from, unless DEBIAN_MIRROR names one.
debian_mirror() {
    local found=""
    if [ -n "${DEBIAN_MIRROR:-}" ]; then
        echo "$DEBIAN_MIRROR"
        return
    fi
    # shellcheck disable=SC2016 # the dollars are for apt and awk
    found=$(apt-get indextargets --format '$(SITE) $(ORIGIN)' 'Created-By: Packages' 2>/dev/null |
        awk '$2 == "Debian" && $1 !~ /security/ { print $1; exit }')
    echo "${found:-http://deb.debian.org/debian}"
}

[ -x "$TARGET/usr/sbin/mysqld" ] && exit 0
[ -e "$KEYRING" ] || die "$KEYRING is missing." "Try: apt-get install debian-archive-keyring"

MIRROR=$(debian_mirror)
say "Fetching MySQL $VERSION (80 MB, Debian unstable from $MIRROR) into $TARGET"
scratch_in "$CACHE"
apt=$SCRATCH/apt
mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$SCRATCH/all"
touch "$apt/status"
echo "deb [signed-by=$KEYRING] $MIRROR sid main" >"$apt/sources.list"
cat >"$apt/apt.conf" <<CONFIGURATION
Dir::State "$apt/state";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
Dir::Etc::SourceList "$apt/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
Acquire::Retries "3";
APT::Sandbox::User "";
Debug::NoLocking "true";
APT::Install-Recommends "false";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
CONFIGURATION
# Given by -c it is read after the machine's own files: what is set here wins, proxies stay.
apt-get -c "$apt/apt.conf" -qq update || die "The package lists of Debian unstable cannot be read." \
    "If its signature cannot be checked, this system's debian-archive-keyring is too old (that of" \
    "Ubuntu 22.04 is). Try: a newer debian-archive-keyring, or run without it:" \
    "SYNC_TEST_SERVERS=mariadb,mysql56 scripts/test-matrix.sh"
apt-get -c "$apt/apt.conf" -qq --yes --download-only install "$PACKAGE" >/dev/null

for package in "$apt"/cache/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$SCRATCH/all" --no-same-owner
done
tree=$SCRATCH/tree
libraries=$(basename "$(dirname "$(find "$SCRATCH/all/usr/lib" -name 'libc.so.6' | head -n 1)")")
mkdir -p "$tree/usr/sbin" "$tree/usr/lib/$libraries" "$tree/usr/share"
cp -a "$SCRATCH/all/usr/sbin/mysqld" "$tree/usr/sbin/"
find "$SCRATCH/all/usr/lib/$libraries" -maxdepth 1 -name '*.so*' -exec cp -a -t "$tree/usr/lib/$libraries" {} +
cp -a "$SCRATCH/all/usr/share/mysql" "$tree/usr/share/"

loader=$(find "$tree/usr/lib/$libraries" -name 'ld-linux*.so.*' | head -n 1)
found=$("$loader" --library-path "$tree/usr/lib/$libraries" "$tree/usr/sbin/mysqld" --version)
case $found in
*"Ver $VERSION."*) ;;
*) die "Debian unstable no longer has MySQL $VERSION: $found" \
    "Try: DEBIAN_MIRROR=https://snapshot.debian.org/archive/debian/20261101T000000Z" ;;
esac
mv -T "$tree" "$TARGET" 2>/dev/null || [ -x "$TARGET/usr/sbin/mysqld" ]
