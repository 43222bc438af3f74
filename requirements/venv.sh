#!/bin/sh
# Make the virtual environment VENV hold the versions of the lock file LOCK, hashes checked.
#
# usage: requirements/venv.sh VENV LOCK
#
# VENV/.locked is written last, and VENV/.installing holds the process id of an installation under way. An environment
# that lacks the first, or has the second from a process that has ended, is half made: it is made anew.
# PYTHON names the interpreter to start from; without it, the first one found that is new enough is taken.
set -eu

venv=$1
lock=$2

say() { printf '%s\n' "$*" >&2; }

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        new_enough "$PYTHON" && { printf '%s\n' "$PYTHON"; return; }
        say "mlplat needs Python 3.11 or newer, and PYTHON=$PYTHON is not."
        return 1
    fi
    for candidate in python3 python python3.13 python3.12 python3.11; do
        new_enough "$candidate" && { printf '%s\n' "$candidate"; return; }
    done
    say "mlplat needs Python 3.11 or newer, and there is none on PATH."
    say "Install one, or name it: make PYTHON=/path/to/python3 ..."
    return 1
}

if [ -e "$venv/.installing" ] && kill -0 "$(cat "$venv/.installing")" 2>/dev/null; then
    say "Process $(cat "$venv/.installing") is installing into $venv: wait for it, or remove $venv/.installing."
    exit 1
fi

if [ -e "$venv/.installing" ] || [ ! -e "$venv/.locked" ]; then
    python=$(find_python)
    say "Making $venv with $("$python" --version)"
    rm -rf "$venv"
    mkdir "$venv"
    echo $$ >"$venv/.installing"
    if ! "$python" -m venv "$venv"; then
        rm -rf "$venv"
        say "$python cannot make virtual environments."
        say "On Debian and Ubuntu, install the package python3-venv that belongs to it."
        exit 1
    fi
else
    echo $$ >"$venv/.installing"
fi

say "Installing $lock into $venv"
if command -v uv >/dev/null 2>&1; then
    uv pip install --quiet --python "$venv/bin/python" --require-hashes --requirements "$lock"
else
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --requirement "$lock"
fi
touch "$venv/.locked"
rm "$venv/.installing"
