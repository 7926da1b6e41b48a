"""Search of loss functions for OpenMMLab models, by evolution of expression graphs.

``evaluate`` trains a config with given losses and returns a ``Result``; both are imported when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmautoloss.engine import Result, evaluate

__version__ = '0.1.0'
__all__ = ['Result', '__version__', 'evaluate']


def __getattr__(name: str) -> Any:
    """Imports what needs torch and MMEngine only when it is asked for."""
    if name not in ('Result', 'evaluate'):
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from mmautoloss import engine

    return getattr(engine, name)
