"""Rules of selection replayed on recorded losses: the front of ``quality/late_replay.py``, where all of it stands."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

if __name__ == '__main__':
    # in place of this folder, where numba would take coverage.py for the package of that name
    sys.path[0] = str(Path(__file__).resolve().parent / 'quality')
    sys.exit(import_module('late_replay').main())
