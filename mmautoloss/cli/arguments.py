"""Parses ``--cfg-options``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from mmautoloss.key_values import pairs_of


def options_of(words: Sequence[str]) -> dict[str, Any]:
    """``--cfg-options`` as MMEngine's own tools read them: lists, numbers, texts."""
    from mmengine.config import DictAction

    pairs_of('--cfg-options', words)
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    return parser.parse_args(['--cfg-options', *words] if words else []).cfg_options
