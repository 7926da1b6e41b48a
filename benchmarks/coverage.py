"""How many of the losses of the libraries' own models can be searched?  The front of ``quality/shipped_models.py``."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

if __name__ == '__main__':
    # in place of this folder, where numba would take coverage.py for the package of that name
    sys.path[0] = str(Path(__file__).resolve().parent / 'quality')
    sys.exit(import_module('coverage_page').main())
