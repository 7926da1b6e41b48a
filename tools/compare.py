"""Compares losses over seeds: the same as ``mmautoloss compare``."""

from __future__ import annotations

import sys

from mmautoloss.__main__ import main

if __name__ == '__main__':
    sys.exit(main(['compare', *sys.argv[1:]]))
