#!/usr/bin/env bash
# A test on several GPUs, by torchrun, with hand-made or found losses:
#   bash tools/dist_test.sh CONFIG CHECKPOINT GPUS [arguments of tools/test.py ...]
# On several machines: NNODES=2 NODE_RANK=0 MASTER_ADDR=10.0.0.1 [PORT=29500] on each.
# Environment: PYTHON (default: the project's .venv, else python).
set -euo pipefail

usage() { echo "usage: bash tools/dist_test.sh CONFIG CHECKPOINT GPUS [arguments of tools/test.py ...]" >&2; exit 2; }

[ $# -ge 3 ] || usage
config=$1 checkpoint=$2 gpus=$3
shift 3

here=$(cd "$(dirname "$0")" && pwd)
. "$here/machines.sh"
is_count GPUS "$gpus" || usage
exec "$python" -m torch.distributed.run --nnodes="$nodes" --node_rank="$rank" --master_addr="$address" \
  --master_port="$port" --nproc_per_node="$gpus" "$here/test.py" "$config" "$checkpoint" --launcher pytorch "$@"
