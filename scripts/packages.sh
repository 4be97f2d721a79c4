# shellcheck shell=bash
# What each task needs of the system, and which Debian or Ubuntu package brings it. Sourced.

# group | packages, the first that the system offers is taken | how to see that it is there | for
NEEDS='
demo|@python_venv|usable_python|a virtual environment of Python 3.11 or later
demo|gcc|has gcc|building the loadable functions
demo|libc6-dev|file /usr/include/stdlib.h|building the loadable functions
demo|libmariadb-dev|has mariadb_config|headers for the loadable functions
demo|libmariadbd-dev|file /usr/include/mariadb/server/mysql.h|server headers for the loadable functions
demo|mariadb-server-core mariadb-server-core-10.6|has mariadbd mariadb-install-db|a private MariaDB
demo|mariadb-client-core mariadb-client-core-10.6|has my_print_defaults mariadb|setting up the private MariaDB
demo|redis-server|has redis-server|a private Redis
demo|gearman-job-server|has gearmand|a private job server
demo|gearman-tools|has gearman gearadmin|a look into the job server; tests with other Gearman programs
test|clang|has clang|fuzzing
test|@clang_runtime|fuzzer|fuzzing
test|libcmocka-dev|file /usr/include/cmocka.h|the C tests
test|shellcheck|has shellcheck|lint of the scripts
test|systemd|has systemd-analyze|a check of the systemd unit; it is not started
test|procps|has ps|tests of daemons
test|php-cli|has php|tests with a PHP worker and client
test|php-gearman|php_module gearman|tests with a PHP worker and client
test|php-redis|php_module redis|tests with a PHP worker and client
matrix|npm|has_or_fetched mysql-5.6/mysqld npm|fetching MySQL 5.6
matrix|debian-archive-keyring|keyring_or_fetched mysql-9.7/usr/sbin/mysqld|fetching MySQL 9.7
'

# Ways to see that something is there.

has() {
    local program
    for program; do
        PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin command -v "$program" >/dev/null || return 1
    done
}

file() { compgen -G "$1" >/dev/null; }

fuzzer() { file '/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a'; }

# Without -q: grep would close the pipe at the first match, and php would fail for that.
php_module() { has php && php -m 2>/dev/null | grep -ix "$1" >/dev/null; }

has_or_fetched() { [ -e "$CACHE/$1" ] || has "$2"; }

keyring_or_fetched() { [ -e "$CACHE/$1" ] || file /usr/share/keyrings/debian-archive-keyring.gpg; }

# Packages whose name depends on the release.

offered() { [ -n "$(apt-cache show "$1" 2>/dev/null)" ]; }

python_venv() {
    local version
    version=$(apt-cache show python3 2>/dev/null | awk '/^Version:/ { print $2; exit }')
    if dpkg --compare-versions "${version:-0}" ge 3.11; then
        echo python3-venv
    else
        echo python3.11-venv # Ubuntu 22.04, whose python3 is 3.10
    fi
}

clang_runtime() {
    local version
    version=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -n 1)
    if [ -n "$version" ]; then
        echo "libclang-rt-$version-dev libclang-common-$version-dev"
    else
        echo clang # no package lists: which version it will be is not known
    fi
}

# package_of NAMES: print the first package of a list that the system offers.
package_of() {
    local names=$1 name
    case $names in @*) names=$("${names#@}") ;; esac
    for name in $names; do
        if offered "$name"; then
            echo "$name"
            return
        fi
    done
    echo "${names%% *}"
}

# plan LACKING: set the arrays packages and lines from what missing printed; fails if the system
# does not know one of the packages.
plan() {
    local names purpose package known=0
    packages=() lines=()
    while IFS='|' read -r names purpose; do
        package=$(package_of "$names")
        offered "$package" || known=1
        case " ${packages[*]} " in *" $package "*) continue ;; esac
        packages+=("$package")
        lines+=("$(printf '  %-28s %s' "$package" "$purpose")")
    done <<<"$1"
    return "$known"
}

# missing GROUP...: print "names|for" for all that these groups need and this machine lacks.
missing() {
    local group names check purpose
    while IFS='|' read -r group names check purpose; do
        case " $* " in *" $group "*) ;; *) continue ;; esac
        # shellcheck disable=SC2086 # the words of a check are a command and its arguments
        $check >/dev/null || printf '%s|%s\n' "$names" "$purpose"
    done <<<"$NEEDS"
}
