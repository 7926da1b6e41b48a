"""Search of loss functions for OpenMMLab models, by evolution of expression graphs.

The public names are imported at first use: the losses need only torch; a search and ``evaluate`` need MMEngine.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mmautoloss.version import VERSION as __version__

if TYPE_CHECKING:
    from mmautoloss.engine import Result, SearchLoop, evaluate
    from mmautoloss.found import read_found
    from mmautoloss.losses import LossGraph, SearchedLoss, known_loss
    from mmautoloss.trial import load_journal

__all__ = [
    'LossGraph',
    'Result',
    'SearchLoop',
    'SearchedLoss',
    '__version__',
    'evaluate',
    'known_loss',
    'load_journal',
    'read_found',
]

_SUBPACKAGES = {
    'LossGraph': 'losses',
    'SearchedLoss': 'losses',
    'known_loss': 'losses',
    'load_journal': 'trial',
    'read_found': 'found',
    'Result': 'engine',
    'SearchLoop': 'engine',
    'evaluate': 'engine',
}
"""The subpackage of each public name."""


def __getattr__(name: str) -> Any:
    if name not in _SUBPACKAGES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    value = getattr(importlib.import_module(f'{__name__}.{_SUBPACKAGES[name]}'), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_SUBPACKAGES})
