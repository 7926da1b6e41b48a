#!/usr/bin/env bash
# Brings a bare machine (Linux, Python 3.10 to 3.12, g++, make, a package index) to a working .venv: the locked set
# without dependency resolution, mmcv with its operators built from source once a machine, this package.
#
# Silent and instant when the .venv is up to date. May be interrupted and run again at any point, and run
# several times at once: installs into one .venv wait for each other, and so do builds of one mmcv wheel.
#
# Read from the environment: PYTHON and CUDA (12 or 13: which torch; by default those of the .venv, else the first Python
# on the PATH, and 13), VENV, XDG_CACHE_HOME, and what tools/mmcv_wheel.sh reads.
set -euo pipefail
cd "$(dirname "$0")/.."

VENV=${VENV:-.venv}
UV=0.13.9

say() { printf '[install] %s\n' "$*"; }
fail() { printf '[install] error: %s\n' "$*" >&2; exit 1; }

. tools/mmcv_wheel.sh

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }
is_whole() { [ "$(version_of "$VENV/bin/python")" = "$PYTHON_VERSION" ] && "$VENV/bin/python" -c 'import pip' 2>/dev/null; }
is_installed() { [ -f "$VENV/.installed-$stamp" ] && [ -x "$VENV/bin/python" ]; }

# wait_for FD WHAT: takes the lock on an open file, and says so when somebody else holds it.
wait_for() {
  command -v flock >/dev/null || return 0   # without util-linux: as safe as one install at a time
  flock -n "$1" || { say "another install $2; waiting for it"; flock "$1"; }
}

# Sets PYTHON and PYTHON_VERSION: what is named, what the .venv has, or the first that is there, the tested one before others.
choose_python() {
  local candidate
  if [ -z "${PYTHON:-}" ]; then
    PYTHON_VERSION=$(sed -n 's/^version\(_info\)\{0,1\} *= *\([0-9]*\.[0-9]*\).*/\2/p' "$VENV/pyvenv.cfg" 2>/dev/null || true)
    if [ -n "$PYTHON_VERSION" ] && [ -x "$VENV/bin/python" ]; then PYTHON=$VENV/bin/python; return; fi
    for candidate in python3.11 python3.12 python3.10; do
      if [ -n "$(version_of "$candidate")" ]; then PYTHON=$candidate; break; fi
    done
  fi
  [ -n "${PYTHON:-}" ] ||
    fail "there is no python3.11, python3.12 or python3.10 on the PATH. Install one, or name it: make install PYTHON=/path/to/python"
  PYTHON_VERSION=$(version_of "$PYTHON" || true)
  case $PYTHON_VERSION in
    3.10 | 3.11 | 3.12) ;;
    '') fail "$PYTHON does not run. Name a Python 3.10, 3.11 or 3.12: make install PYTHON=/path/to/python" ;;
    *) fail "$PYTHON is Python $PYTHON_VERSION, but the locked set is for 3.10, 3.11 and 3.12. Name one: make install PYTHON=/path/to/python" ;;
  esac
}

# Sets locks and overrides: the lists of packages for this Python and CUDA.
choose_locks() {
  CUDA=${CUDA:-$(cat "$VENV/.cuda" 2>/dev/null || echo 13)}
  case $CUDA in
    12 | 13) ;;
    *) fail "CUDA is 12 or 13, not '$CUDA': make install CUDA=12" ;;
  esac
  locks=(requirements/locked.txt "requirements/cuda$CUDA.txt")
  overrides=()
  if [ "$PYTHON_VERSION" = 3.10 ]; then overrides=(requirements/python3.10.txt); fi
}

choose_python
choose_locks
# The .venv refers to this folder (the package is installed editable), so a moved checkout installs again.
stamp=$({ pwd; echo "$PYTHON_VERSION"; cat "${locks[@]}" "${overrides[@]}" tools/install.sh tools/mmcv_*.sh setup.py; } | sha256sum | cut -c1-16)
if is_installed; then exit 0; fi

check_machine() {
  local compiler=${CXX:-g++}
  command -v "$compiler" >/dev/null ||
    fail "there is no C++ compiler $compiler, and mmcv's operators are built from source. Install g++ (Debian: apt-get install g++)"
  [ -f "$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ] ||
    fail "the headers of $PYTHON are missing, and mmcv's operators need them. Install them (Debian: apt-get install python$PYTHON_VERSION-dev)"
}

make_venv() {
  is_whole && return
  # --clear empties the folder: right for half a .venv, wrong for a folder that never was one.
  if [ -e "$VENV" ] && [ ! -f "$VENV/pyvenv.cfg" ] && [ -n "$(ls -A "$VENV")" ]; then
    fail "$VENV exists and is no virtual environment. Move it away, or name another: make install VENV=/path/to/venv"
  fi
  say "new virtual environment in $VENV"
  "$PYTHON" -m venv --clear "$VENV" ||
    fail "no virtual environment could be made in $VENV, see above (Debian: apt-get install python$PYTHON_VERSION-venv)"
}

pip_install() {  # progress bars on a terminal, nothing in a log
  local quiet=(-q)
  if [ -t 2 ]; then quiet=(); fi
  # Compiled now, since each worker process would else compile again where bytecode is not written on import.
  "$VENV/bin/uv" pip install "${quiet[@]}" --compile-bytecode --python "$VENV/bin/python" --no-deps "$@" ||
    fail "could not install: $*, see above. What is done is kept: run it again"
}

install_locked() {
  say "packages of ${locks[*]} (some 3 GB when none is there yet)"
  "$VENV/bin/python" -m pip install -q --disable-pip-version-check "uv==$UV" ||
    fail "pip could not install uv $UV, see above"
  # uv brings certificates of its own; this machine's are the ones that its package index is known by.
  if [ -z "${SSL_CERT_FILE:-}" ]; then
    local certificates
    certificates=$("$VENV/bin/python" -c 'import ssl; print(ssl.get_default_verify_paths().cafile or "")')
    if [ -n "$certificates" ]; then export SSL_CERT_FILE=$certificates; fi
  fi
  pip_install "${locks[@]/#/--requirements=}" "${overrides[@]/#/--overrides=}"
}

check_machine
mkdir -p "$(dirname "$VENV")"
exec 8<"$(dirname "$VENV")"   # the folder around it, since a .venv that is made anew loses what it held
wait_for 8 "is at work in $VENV"
if is_installed; then exit 0; fi   # by the one that was waited for
rm -f "$VENV"/.installed-*
make_venv
echo "$CUDA" >"$VENV/.cuda"
install_locked
install_mmcv
say "mmautoloss itself, editable"
pip_install --no-build-isolation -e .
touch "$VENV/.installed-$stamp"
say "done; see what works with: make doctor"
