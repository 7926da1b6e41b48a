#!/usr/bin/env bash
# A search under Slurm:
#   [GPUS=8] [GPUS_PER_NODE=8] [CPUS_PER_GPU=4] [PORT=29500] [SRUN_ARGS='--time=48:00:00'] \
#       bash tools/slurm_search.sh PARTITION JOB_NAME CONFIG WORK_DIR [arguments of tools/search.py ...]
# On one node tools/search.py starts a worker a GPU. On several (GPUS > GPUS_PER_NODE) a Ray cluster lives for as long as
# the job: its head and the search on the first node, its workers on all. WORK_DIR must be on a disk that the nodes
# share only if the search is to go on from another node; the search itself writes from one node.
# The search always runs with --resume, so that a job that is queued again after a time limit or a preemption goes on. A batch
# job (sbatch --requeue --open-mode=append) that calls this with REQUEUE=1 queues itself again when its time is up.
set -euo pipefail

if [ $# -lt 4 ]; then
  echo "usage: bash tools/slurm_search.sh PARTITION JOB_NAME CONFIG WORK_DIR [arguments of tools/search.py ...]" >&2
  exit 2
fi
partition=$1 job=$2 config=$3 work_dir=$4
shift 4
gpus=${GPUS:-4}
per_node=${GPUS_PER_NODE:-8}
cpus=${CPUS_PER_GPU:-4}

here=$(cd "$(dirname "$0")" && pwd)
. "$here/arguments.sh"
is_count GPUS "$gpus" && is_count GPUS_PER_NODE "$per_node" && is_count CPUS_PER_GPU "$cpus" || exit 2
if [ -n "${PORT:-}" ]; then is_count PORT "$PORT" || exit 2; fi
if [ "${REQUEUE:-0}" = 1 ] && [ -z "${SLURM_JOB_ID:-}" ]; then
  echo "error: REQUEUE=1 is for a batch job (sbatch); outside of one there is nothing to queue again." >&2
  exit 2
fi
if [ "$gpus" -lt "$per_node" ]; then per_node=$gpus; fi
nodes=$(((gpus + per_node - 1) / per_node))

# --signal: a minute before the time limit the search is told to end, so that it can say so in its journal
common=(-p "$partition" --job-name="$job" --nodes="$nodes" --ntasks="$nodes" --ntasks-per-node=1
  --gres="gpu:$per_node" --cpus-per-task="$((cpus * per_node))" --signal=TERM@60)
read -r -a extra <<<"${SRUN_ARGS:-}"
search=("$python" "$here/search.py" "$config" --work-dir "$work_dir" --workers "$gpus" --resume)

# ends with the status of the search, which is 130 where it was told to end
run() {
  local status=0
  srun "${common[@]}" ${extra[@]+"${extra[@]}"} "$@" || status=$?
  if [ "$status" -eq 130 ] && [ "${REQUEUE:-0}" = 1 ]; then scontrol requeue "$SLURM_JOB_ID"; fi
  exit "$status"
}

if [ "$nodes" -eq 1 ]; then run "${search[@]}" "$@"; fi

# Every task runs a node of a Ray cluster, of which the first is the head. One that cannot join does not end the job.
node='
here=$1; export RANK=$SLURM_PROCID; shift
hosts=$(scontrol show hostnames "$SLURM_JOB_NODELIST"); export HEAD=${hosts%%[[:space:]]*}
if [ -z "$PORT" ]; then export PORT=$((20000 + SLURM_JOB_ID % 20000)); fi # jobs may share nodes
if [ "$RANK" -eq 0 ]; then exec bash "$here/ray_node.sh" "$@"; fi
bash "$here/ray_node.sh" "$@" || true
'
export NODES=$nodes PORT=${PORT:-} CPUS=$((cpus * per_node))
run bash -eu -c "$node" node "$here" "$python" "${search[@]}" "$@"
