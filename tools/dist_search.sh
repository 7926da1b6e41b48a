#!/usr/bin/env bash
# A search on the GPUs of this machine, one candidate a GPU:
#   bash tools/dist_search.sh CONFIG GPUS [arguments of tools/search.py ...]
# Candidates need nothing of each other, so that no launcher is involved: tools/search.py starts a worker a GPU.
# On several machines with so many GPUs each, run the same command on each:
#   NNODES=2 NODE_RANK=0 MASTER_ADDR=10.0.0.1 [PORT=29500] bash tools/dist_search.sh CONFIG GPUS ...
# They are a Ray cluster for as long as the search, which runs on the machine of rank 0.
# Environment: PYTHON (default: the project's .venv, else python).
set -euo pipefail

usage() { echo "usage: bash tools/dist_search.sh CONFIG GPUS [arguments of tools/search.py ...]" >&2; exit 2; }

[ $# -ge 2 ] || usage
config=$1 gpus=$2
shift 2

here=$(cd "$(dirname "$0")" && pwd)
. "$here/machines.sh"
is_count GPUS "$gpus" || usage
search=("$python" "$here/search.py" "$config" --workers "$((gpus * nodes))")
if [ "$nodes" -eq 1 ]; then exec "${search[@]}" "$@"; fi
RANK=$rank NODES=$nodes HEAD=$address PORT=$port exec bash "$here/ray_node.sh" "$python" "${search[@]}" "$@"
