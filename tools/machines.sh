# Sourced by the launchers: what arguments.sh has, and the machines that NNODES, NODE_RANK, MASTER_ADDR and PORT name, as the
# launchers of OpenMMLab do. What would be ignored is an error.
. "$here/arguments.sh"

nodes=${NNODES:-1} rank=${NODE_RANK:-0} address=${MASTER_ADDR:-127.0.0.1} port=${PORT:-29500}
case "$nodes:$rank:$port" in
  *[!0-9:]* | 0* | :* | *: | *::*)
    echo "error: NNODES, NODE_RANK and PORT must be numbers, but got '$nodes', '$rank' and '$port'." >&2
    exit 2
    ;;
esac
if [ "$rank" -ge "$nodes" ]; then
  echo "error: NODE_RANK must be below NNODES, $nodes, but got $rank." >&2
  exit 2
fi
if [ "$nodes" -gt 1 ] && { [ -z "${MASTER_ADDR:-}" ] || [ -z "${NODE_RANK:-}" ]; }; then
  echo "error: NNODES=$nodes needs MASTER_ADDR, the address of the machine of rank 0, and NODE_RANK, that of this one." >&2
  exit 2
fi
if [ "$nodes" -eq 1 ] && [ -n "${MASTER_ADDR:-}${NODE_RANK:-}" ]; then
  echo "error: MASTER_ADDR and NODE_RANK are of several machines, but NNODES is not set; set it, or unset them." >&2
  exit 2
fi
