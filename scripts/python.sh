# shellcheck shell=bash
# Find a Python, make the virtual environment, fill it from the lock. Sourced by setup.sh.

MINIMUM='import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))'

# usable_python: print the Python to make the virtual environment with. The system's own come
# first: a shim on PATH may point to a Python that is not there.
usable_python() {
    local candidate
    for candidate in "$VENV/bin/python" /usr/bin/python3 /usr/bin/python3.{13,12,11} \
        python3 python3.{13,12,11}; do
        if "$candidate" -c "$MINIMUM" >/dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

# digest FILE...: one word that changes when any of the files does.
digest() { cat "$@" | sha256sum | cut -c 1-16; }

# python_packages LOCK: make .venv what the lock says. A stamp in it makes the second time fast.
python_packages() {
    local lock=$ROOT/$1 stamp python
    stamp=$VENV/.installed-$(digest "$lock" "$ROOT/pyproject.toml")
    [ -e "$stamp" ] && return
    if ! "$VENV/bin/python" -c "$MINIMUM" >/dev/null 2>&1; then
        rm -rf "$VENV"
        python=$(usable_python)
        say "Making .venv with $("$python" --version)"
        "$python" -m venv "$VENV"
    fi
    say "Installing the Python packages of $1 into .venv"
    "$VENV/bin/python" -W ignore -m pip install --quiet --disable-pip-version-check --no-input \
        --require-hashes -r "$lock"
    touch "$stamp"
}

# library_is_fresh: whether the loadable functions are newer than all they are made from.
library_is_fresh() {
    local library=$ROOT/sync_worker/lib/gman_udf.so
    [ -e "$library" ] &&
        [ -z "$(find "$ROOT/udf" "$ROOT/setup.py" -name '*.[chp]*' -not -name '*.pyc' -newer "$library" -print -quit)" ]
}

# build: the loadable functions, and sync-worker itself in place, so that edits take effect.
build() {
    local stamp
    cd "$ROOT" || return
    if ! library_is_fresh; then
        say "Building the loadable functions (sync_worker/lib/gman_udf.so)"
        "$VENV/bin/python" -W ignore setup.py --quiet build_ext --inplace
    fi
    stamp=$VENV/.editable-$(digest pyproject.toml setup.py)
    if [ ! -e "$stamp" ]; then
        say "Installing sync-worker into .venv, in place"
        "$VENV/bin/python" -W ignore -m pip install --quiet --disable-pip-version-check --no-input \
            --no-deps --no-build-isolation --editable .
        touch "$stamp"
    fi
}
