#!/usr/bin/env bash
# A search on several GPUs of this machine, one candidate a GPU:
#   bash tools/dist_search.sh CONFIG GPUS [arguments of tools/search.py ...]
# Candidates need nothing of each other, so that no launcher is involved: tools/search.py starts a worker a GPU.
# Environment: PYTHON (default: the project's .venv, else python).
set -euo pipefail

usage() { echo "usage: bash tools/dist_search.sh CONFIG GPUS [arguments of tools/search.py ...]" >&2; exit 2; }

[ $# -ge 2 ] || usage
config=$1 gpus=$2
shift 2
case $gpus in '' | *[!0-9]* | 0*) echo "error: GPUS must be a number of at least 1, but got '$gpus'." >&2; usage ;; esac

here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-$here/../.venv/bin/python}
[ -x "$python" ] || command -v "$python" >/dev/null || python=python
exec "$python" "$here/search.py" "$config" --workers "$gpus" "$@"
