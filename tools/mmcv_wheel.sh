# Builds a wheel of mmcv with its operators and installs it; read by tools/install.sh.
#
# The wheel is kept in the user's cache, one for each torch, Python, mmcv and kind of build (for a GPU also the compiler and
# the kinds of GPU).
#
# Read from the environment: MAX_JOBS, CXX, FORCE_CUDA=1 (operators for a GPU that is not there now), TORCH_CUDA_ARCH_LIST.

MMCV=2.1.0

# Prints the version of torch, cuda or cpu (for which of them mmcv's operators are to be built), and for cuda with what and for
# which GPUs.
describe_build() {
  "$VENV/bin/python" - <<'PYTHON'
import os
import re
import subprocess
import torch


def find_release():
    """The version of nvcc, or None where there is none."""
    from torch.utils.cpp_extension import CUDA_HOME  # warns where there is no GPU

    nvcc = os.path.join(CUDA_HOME or '', 'bin/nvcc')
    if not (CUDA_HOME and os.path.exists(nvcc)):
        return None
    return re.search(r'release ([\d.]+)', subprocess.run([nvcc, '--version'], capture_output=True, text=True).stdout)[1]


def find_gpus():
    """What torch builds for: the list that is given, or the GPUs that are there."""
    gpus = {'%d.%d' % torch.cuda.get_device_capability(index) for index in range(torch.cuda.device_count())}
    return re.sub('[; ]+', '_', os.environ.get('TORCH_CUDA_ARCH_LIST', '').strip()) or '_'.join(sorted(gpus)) or 'all'


forced = os.environ.get('FORCE_CUDA') == '1'
release = find_release() if forced or torch.cuda.is_available() else None
have, want = (str(version).split('.')[0] for version in (release, torch.version.cuda))
if release and torch.version.cuda and have != want:  # torch would refuse it in the midst of the build
    other = f'make install CUDA={have}, or ' if have in ('12', '13') else ''
    raise SystemExit(f'nvcc is of CUDA {release}, torch of {torch.version.cuda}: {other}name a toolkit of CUDA {want} in CUDA_HOME')
if forced or release:
    print(torch.__version__, 'cuda', f'nvcc{release}-sm{find_gpus()}')
else:
    print(torch.__version__, 'cpu')
PYTHON
}

# The whole build has a process group of its own, so that it can be ended with its compilers.
stop_build() {
  if [ -n "${build_pid:-}" ]; then kill -TERM -- "-$build_pid" 2>/dev/null || true; fi
  if [ -n "${build:-}" ]; then rm -rf "$build"; fi
}

# Sets compiler: gcc parses torch's headers once for all sources, and leaves out debugging symbols (tools/mmcv_compiler.sh).
# Other compilers, and builds for a GPU (by nvcc and gcc), stay as mmcv has them.
choose_compiler() {  # FOLDER
  local real=${CXX:-g++}
  compiler=()
  if [ "$kind" = cuda ] || ! LC_ALL=C "$real" --version | grep -q 'Free Software Foundation'; then return; fi
  mkdir "$1/header"
  echo '#include <torch/types.h>' >"$1/header/torch_types.hpp"
  compiler=(CXX="$PWD/tools/mmcv_compiler.sh" MMCV_COMPILER="$real" MMCV_HEADER="$1/header/torch_types.hpp")
}

# start_build FOLDER LOG: sets build_pid.
start_build() {
  local hide=() compiler
  choose_compiler "$1"
  # With a GPU but no nvcc mmcv's own build fails; with the GPU out of sight it builds for the CPU.
  if [ "$kind" = cpu ]; then hide=(CUDA_VISIBLE_DEVICES= FORCE_CUDA=0); fi
  # Its temporary files are below the folder too, since pip leaves its own behind when it is ended.
  mkdir "$1/tmp"
  set -m
  # Without the locks (8 and 9): a build that outlives a killed install must not block the next one.
  env "${hide[@]}" "${compiler[@]}" PATH="$(cd "$VENV" && pwd)/bin:$PATH" TMPDIR="$1/tmp" \
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
  local time='some minutes on two cores'
  if [ "$kind" = cuda ]; then time='much longer than for the CPU'; fi
  say "building the operators of mmcv $MMCV for the $kind: $time, once a machine"
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
  local about torch kind gpus key cache wheel
  about=$(describe_build) || fail "mmcv's operators cannot be built for the installed torch, see above"
  read -r torch kind gpus <<<"$about"
  key="torch$torch-cp${PYTHON_VERSION/./}-mmcv$MMCV-$(uname -m)"
  if [ "$kind" = cuda ]; then key="$key-cuda-$gpus"; fi
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
