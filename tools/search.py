"""Searches losses: the same as ``mmautoloss search``."""

from __future__ import annotations

import sys

from mmautoloss.__main__ import main

if __name__ == '__main__':
    sys.exit(main(['search', *sys.argv[1:]]))
