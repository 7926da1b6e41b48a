"""Writes the page of a search: the same as ``mmautoloss report``."""

from __future__ import annotations

import sys

from mmautoloss.__main__ import main

if __name__ == '__main__':
    sys.exit(main(['report', *sys.argv[1:]]))
