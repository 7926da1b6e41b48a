#!/usr/bin/env bash
# g++ for the operators of mmcv, whose build is nearly all parsing of torch's headers: here they are parsed once.
#
# Given to the build as CXX by tools/install.sh. The header is compiled with the flags of the source that comes first, so
# that both agree; for a source with other flags g++ reads the header itself. All of mmcv's sources include it anyway.
# Debugging symbols, half of the rest, are left out.
#
# Read from the environment: MMCV_COMPILER (g++), MMCV_HEADER (what is included first; its compiled form lies beside it).
set -euo pipefail

case " $* " in
  *' -c '*) ;;
  *) exec "$MMCV_COMPILER" "$@" ;;   # it links, or is asked for its version
esac

compile_header() {
  local flags=() temporary=$MMCV_HEADER.$$
  while (($#)); do
    case $1 in
      -MF | -o) shift ;;
      -c | -MMD | *.cpp) ;;
      *) flags+=("$1") ;;
    esac
    shift
  done
  # Renamed when it is whole, since other sources may look for it meanwhile; without it they read the header itself.
  if "$MMCV_COMPILER" "${flags[@]}" -g0 -x c++-header "$MMCV_HEADER" -o "$temporary"; then
    mv "$temporary" "$MMCV_HEADER.gch"
  fi
  touch "$MMCV_HEADER.tried"
}

if [ ! -e "$MMCV_HEADER.tried" ]; then
  exec 7>"$MMCV_HEADER.lock"
  if command -v flock >/dev/null; then flock 7; fi   # without: more than one compiles it, which costs time alone
  if [ ! -e "$MMCV_HEADER.tried" ]; then compile_header "$@"; fi
  exec 7>&-
fi
exec "$MMCV_COMPILER" "$@" -g0 -include "$MMCV_HEADER"
