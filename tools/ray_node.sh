#!/usr/bin/env bash
# One of several machines that search together; dist_search.sh and slurm_search.sh run it on each:
#   RANK=0 NODES=2 HEAD=10.0.0.1 PORT=29500 [CPUS=16] bash tools/ray_node.sh PYTHON COMMAND ...
# The machine of rank 0 is the head of a Ray cluster that lives as long as COMMAND, a search, which runs there. The others
# join and leave with it. The cluster has its own port and folder, so that other Ray clusters of the machine stay as they are.
set -euo pipefail

python=$1
shift
export RAY_USAGE_STATS_ENABLED=0
# Ray may ask for a token at the head and not send it from the search; all processes must agree
if [ -z "${RAY_AUTH_MODE:-}" ]; then
  if [ -s "${RAY_AUTH_TOKEN_PATH:-$HOME/.ray/auth_token}" ]; then export RAY_AUTH_MODE=token; else export RAY_AUTH_MODE=disabled; fi
fi
cpus=()
if [ -n "${CPUS:-}" ]; then cpus=(--num-cpus="$CPUS"); fi

if [ "$RANK" -ne 0 ]; then
  told=$(mktemp)
  trap 'rm -f "$told"' EXIT
  for _ in $(seq 60); do # the head may need minutes for its imports
    "$python" -m ray.scripts.scripts start --address="$HEAD:$PORT" ${cpus[@]+"${cpus[@]}"} --block 2>&1 | tee "$told" || true
    if grep -q 'will now block' "$told"; then exit 0; fi # it had joined, and the cluster has ended
    sleep 5
  done
  echo "error: there is no Ray head at $HEAD:$PORT; is the search running on the machine of rank 0?" >&2
  exit 1
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/mmautoloss_ray_XXXXXX") # Ray's sockets need a short path
"$python" -m ray.scripts.scripts start --head --port="$PORT" --temp-dir="$folder" ${cpus[@]+"${cpus[@]}"} --include-dashboard=false --block &
cluster=$!
trap 'kill "$cluster" 2>/dev/null || true; wait "$cluster" 2>/dev/null || true; rm -rf "$folder"' EXIT

count="import ray; ray.init(address='$HEAD:$PORT', log_to_driver=False); print(sum(n['Alive'] for n in ray.nodes()))"
for _ in $(seq 24); do # then it begins with those that are there; others may join later
  if [ "$("$python" -c "$count" 2>/dev/null | tail -n 1)" = "$NODES" ]; then break; fi
  kill -0 "$cluster" 2>/dev/null || { echo "error: Ray could not begin on port $PORT; choose another PORT." >&2; exit 1; }
  sleep 5
done
"$@" --executor ray --ray-address "$HEAD:$PORT"
