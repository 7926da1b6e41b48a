#!/usr/bin/env bash
# Brings a bare machine (Linux, Python 3.11, g++, make, a package index) to a working .venv: the locked set
# without dependency resolution, mmcv with its operators built from source once a machine, this package.
#
# Silent and instant when the .venv is up to date. May be interrupted and run again at any point, and run
# several times at once: installs into one .venv wait for each other, and so do builds of one mmcv wheel.
# The wheel is kept in the user's cache, one for each torch, Python, mmcv and kind of build.
#
# Read from the environment: PYTHON, VENV, MAX_JOBS (of the build), FORCE_CUDA=1 (operators for a GPU that
# is not there now), XDG_CACHE_HOME.
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-python3.11}
VENV=${VENV:-.venv}
PYTHON_VERSION=3.11
MMCV=2.1.0
UV=0.13.9
LOCK=requirements/locked.txt

say() { printf '[install] %s\n' "$*"; }
fail() { printf '[install] error: %s\n' "$*" >&2; exit 1; }

is_version() { [ "$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$PYTHON_VERSION" ]; }
is_whole() { is_version "$VENV/bin/python" && "$VENV/bin/python" -c 'import pip' 2>/dev/null; }
is_installed() { [ -f "$VENV/.installed-$stamp" ] && [ -x "$VENV/bin/python" ]; }

# wait_for FD WHAT: takes the lock on an open file, and says so when somebody else holds it.
wait_for() {
  command -v flock >/dev/null || return 0   # without util-linux: as safe as one install at a time
  flock -n "$1" || { say "another install $2; waiting for it"; flock "$1"; }
}

# The .venv refers to this folder (the package is installed editable), so a moved checkout installs again.
stamp=$({ pwd; cat "$LOCK" tools/install.sh setup.py; } | sha256sum | cut -c1-16)
if is_installed; then exit 0; fi

check_machine() {
  command -v "$PYTHON" >/dev/null ||
    fail "$PYTHON is not on the PATH. Install Python $PYTHON_VERSION, or name one: make install PYTHON=/path/to/python"
  is_version "$PYTHON" ||
    fail "$PYTHON is $("$PYTHON" --version 2>&1), but the locked set is tested on Python $PYTHON_VERSION. Name one: make install PYTHON=/path/to/python"
  command -v g++ >/dev/null ||
    fail "there is no C++ compiler, and mmcv's operators are built from source. Install g++ (Debian: apt-get install g++)"
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
  say "packages of $LOCK (some 3 GB when none is there yet)"
  "$VENV/bin/python" -m pip install -q --disable-pip-version-check "uv==$UV" ||
    fail "pip could not install uv $UV, see above"
  # uv brings certificates of its own; this machine's are the ones that its package index is known by.
  if [ -z "${SSL_CERT_FILE:-}" ]; then
    local certificates
    certificates=$("$VENV/bin/python" -c 'import ssl; print(ssl.get_default_verify_paths().cafile or "")')
    if [ -n "$certificates" ]; then export SSL_CERT_FILE=$certificates; fi
  fi
  pip_install -r "$LOCK"
}

# Prints the version of torch, and cuda or cpu: for which of them mmcv's operators are to be built.
describe_build() {
  "$VENV/bin/python" - <<'PYTHON'
import os
import torch

wanted = os.environ.get('FORCE_CUDA') == '1'
if torch.cuda.is_available() and not wanted:
    from torch.utils.cpp_extension import CUDA_HOME

    wanted = CUDA_HOME is not None and os.path.exists(os.path.join(CUDA_HOME, 'bin', 'nvcc'))
print(torch.__version__, 'cuda' if wanted else 'cpu')
PYTHON
}

# The whole build has a process group of its own, so that it can be ended with its compilers.
stop_build() {
  if [ -n "${build_pid:-}" ]; then kill -TERM -- "-$build_pid" 2>/dev/null || true; fi
  if [ -n "${build:-}" ]; then rm -rf "$build"; fi
}

# start_build FOLDER LOG: sets build_pid.
start_build() {
  local hide=()
  # With a GPU but no nvcc mmcv's own build fails; with the GPU out of sight it builds for the CPU.
  if [ "$kind" = cpu ]; then hide=(CUDA_VISIBLE_DEVICES= FORCE_CUDA=0); fi
  # Its temporary files are below the folder too, since pip leaves its own behind when it is ended.
  mkdir "$1/tmp"
  set -m
  # Without the locks (8 and 9): a build that outlives a killed install must not block the next one.
  env "${hide[@]}" PATH="$(cd "$VENV" && pwd)/bin:$PATH" TMPDIR="$1/tmp" \
    MMCV_WITH_OPS=1 MAX_JOBS="${MAX_JOBS:-$(nproc)}" \
    "$VENV/bin/python" -m pip wheel -v --no-deps --no-build-isolation --no-cache-dir --no-binary mmcv \
    -w "$1" "mmcv==$MMCV" </dev/null >"$2" 2>&1 8<&- 9>&- &
  build_pid=$!
  set +m
}

show_progress() {  # LOG: until the build ends, a line for each new step, at most every 15 seconds
  local begin=$SECONDS next=0 last='' step
  while kill -0 "$build_pid" 2>/dev/null; do
    sleep 1
    if ((SECONDS < next)); then continue; fi
    next=$((SECONDS + 15))
    step=$(grep -oE '^ *\[[0-9]+/[0-9]+\]' "$1" 2>/dev/null | tail -1 | tr -d ' []' || true)
    if [ "${step:-preparing}" = "$last" ]; then continue; fi
    last=${step:-preparing}
    say "mmcv: step $last after $(((SECONDS - begin) / 60)) min $(((SECONDS - begin) % 60)) s"
  done
}

build_wheel() {  # CACHE, with kind of install_mmcv: puts a whole wheel there, or fails
  local log=$1/build.log whole
  say "building the operators of mmcv $MMCV for the $kind: about 15 minutes on two cores, once a machine"
  # Folders left by an install that was killed; young ones may be at work still.
  find "$1" -maxdepth 1 -name 'build.*' -type d -mmin +240 -exec rm -rf {} +
  trap stop_build EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  build=$(mktemp -d "$1/build.XXXXXX")
  start_build "$build" "$log"
  show_progress "$log"
  wait "$build_pid" || { tail -30 "$log" >&2; build_pid=; fail "mmcv did not build; the whole log is $log"; }
  build_pid=
  whole=$(ls "$build"/mmcv-*.whl)
  "$VENV/bin/python" -m zipfile -l "$whole" | grep '^mmcv/_ext\.' >/dev/null ||
    fail "mmcv was built without its operators; the whole log is $log"
  mv "$whole" "$1/"   # within one file system, so the name appears only when the wheel is whole
  rm -rf "$build"
}

install_mmcv() {
  local about torch kind key cache wheel
  about=$(describe_build) || fail "the installed torch does not import, see above"
  read -r torch kind <<<"$about"
  key="torch$torch-cp${PYTHON_VERSION/./}-mmcv$MMCV-$(uname -m)"
  if [ "$kind" = cuda ]; then key="$key-cuda"; fi
  cache=${XDG_CACHE_HOME:-$HOME/.cache}/mmautoloss/wheels/$key
  mkdir -p "$cache"
  exec 9>"$cache/.lock"
  wait_for 9 "is building mmcv $MMCV"
  wheel=$(find "$cache" -maxdepth 1 -name 'mmcv-*.whl' | head -1)
  if [ -z "$wheel" ]; then
    build_wheel "$cache"
    wheel=$(find "$cache" -maxdepth 1 -name 'mmcv-*.whl' | head -1)
  fi
  exec 9>&-
  say "mmcv from $(basename "$wheel") ($key)"
  # Reinstalled in any case: the one that is there may be the same version, built for another torch.
  pip_install --reinstall-package mmcv "$wheel"
  "$VENV/bin/python" -c 'import mmcv.ops' ||
    fail "mmcv's operators do not load, see above. Delete $wheel and run this again to build them anew"
}

check_machine
mkdir -p "$(dirname "$VENV")"
exec 8<"$(dirname "$VENV")"   # the folder around it, since a .venv that is made anew loses what it held
wait_for 8 "is at work in $VENV"
if is_installed; then exit 0; fi   # by the one that was waited for
rm -f "$VENV"/.installed-*
make_venv
install_locked
install_mmcv
say "mmautoloss itself, editable"
pip_install --no-build-isolation -e .
touch "$VENV/.installed-$stamp"
say "done; see what works with: make doctor"
