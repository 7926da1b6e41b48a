#!/usr/bin/env bash
# A training under Slurm, with hand-made or found losses, a process a GPU:
#   [GPUS=8] [GPUS_PER_NODE=8] [CPUS_PER_TASK=5] [SRUN_ARGS='--time=24:00:00'] \
#       bash tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [arguments of tools/train.py ...]
# Environment: PYTHON (default: the project's .venv, else python).
set -euo pipefail

if [ $# -lt 4 ]; then
  echo "usage: bash tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [arguments of tools/train.py ...]" >&2
  exit 2
fi
partition=$1 job=$2 config=$3 work_dir=$4
shift 4
gpus=${GPUS:-8}
per_node=${GPUS_PER_NODE:-8}
cpus=${CPUS_PER_TASK:-5}

here=$(cd "$(dirname "$0")" && pwd)
. "$here/arguments.sh"
is_count GPUS "$gpus" && is_count GPUS_PER_NODE "$per_node" && is_count CPUS_PER_TASK "$cpus" || exit 2
if [ "$gpus" -lt "$per_node" ]; then per_node=$gpus; fi
read -r -a extra <<<"${SRUN_ARGS:-}"
exec srun -p "$partition" --job-name="$job" --gres="gpu:$per_node" --ntasks="$gpus" --ntasks-per-node="$per_node" \
  --cpus-per-task="$cpus" --kill-on-bad-exit=1 ${extra[@]+"${extra[@]}"} \
  "$python" -u "$here/train.py" "$config" --work-dir "$work_dir" --launcher slurm "$@"
