"""Trains a model: the same as ``mmautoloss train``."""

from __future__ import annotations

import sys

from mmautoloss.__main__ import main

if __name__ == '__main__':
    sys.exit(main(['train', *sys.argv[1:]]))
