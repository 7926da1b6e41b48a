#!/usr/bin/env bash
# What a machine with a GPU says of this project, in at most eight minutes and without a network:
#   bash benchmarks/gpu.sh [--wheels FOLDER] [--data FOLDER] [--device cpu] [--out FILE] [STEP ...]
# --wheels: what is installed first, into a temporary folder; without it the Python that is there has all packages.
# Environment: PYTHON (default: the project's .venv, else python).
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
here="$root/tools"
. "$here/arguments.sh"
exec "$python" "$root/benchmarks/gpu/visit.py" "$@"
