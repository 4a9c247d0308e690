# Finds Python and makes the virtual environment; sourced by justw and scripts/setup.sh (POSIX sh).
# shellcheck shell=sh

fail() {
    echo "efy: $*" >&2
    exit 1
}

# The Python versions that torch 2.13.0 has wheels for.
PYTHON_NEEDED="Python 3.10 to 3.14"

python_fits() {
    "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))' >/dev/null 2>&1
}

# Sets `python` to the first Python on PATH that fits and can make a virtual environment with pip in it.
find_python() {
    no_venv=
    for python in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python; do
        python_fits "$python" || continue
        "$python" -c 'import venv, ensurepip' >/dev/null 2>&1 && return 0
        no_venv=${no_venv:-$python}
    done
    [ -z "$no_venv" ] || fail "$no_venv has no venv module; install it (Debian, Ubuntu: apt install python3-venv)"
    if found=$(python3 --version 2>/dev/null); then
        fail "$PYTHON_NEEDED is needed, found $found; install one of those beside it"
    fi
    fail "python3 is missing; install $PYTHON_NEEDED (Debian, Ubuntu: apt install python3 python3-venv)"
}

# ensure_venv DIR: leaves a virtual environment with a working pip in DIR. A half-made or broken one is made anew.
ensure_venv() {
    python_fits "$1/bin/python" && "$1/bin/python" -m pip --version >/dev/null 2>&1 && return 0
    find_python
    rm -rf "${1:?}/lib" "${1:?}/lib64"
    "$python" -m venv "$1" >&2 || fail "could not make the virtual environment $1; the message is above"
}

# quiet_pip DIR ARGUMENTS...: installs into the virtual environment DIR and says nothing unless it fails. Where packages
# come from is left to the user's own pip configuration.
quiet_pip() {
    pip_venv=$1
    shift
    "$pip_venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@" >&2
}
