"""Scores a checkpoint: the same as ``mmautoloss test``."""

from __future__ import annotations

import sys

from mmautoloss.__main__ import main

if __name__ == '__main__':
    sys.exit(main(['test', *sys.argv[1:]]))
