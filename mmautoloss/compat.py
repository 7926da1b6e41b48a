"""Mends for combinations of library versions that do not work together as published."""

from __future__ import annotations

import pickle
from typing import Any

import torch

__all__ = ['allow_mmengine_checkpoints']

# Since torch 2.6 ``torch.load`` reads only what is on an allow-list, unless it is told otherwise.
_STRICT_LOADING = (2, 6)

# The statistics that MMEngine itself stores in every history buffer, as references to its methods.
_STATISTICS = frozenset({'min', 'max', 'current', 'mean'})


def allow_mmengine_checkpoints() -> None:
    """Lets ``torch.load`` read the checkpoints that MMEngine's own Runner writes.

    Why it is needed: since torch 2.6 ``torch.load`` refuses every class that is not on its
    allow-list. MMEngine 0.10.7 calls it without ``weights_only``, and keeps the log histories of
    the message hub in its checkpoints as ``HistoryBuffer`` objects over numpy arrays. So it cannot
    load, nor resume from, a checkpoint that it wrote itself (mmengine#1655; forks load them).

    What it does: it adds the names found in such files to torch's own allow-list, for the process
    that calls it. Nothing of torch or MMEngine is replaced, and loading stays safe: a file with
    any other object is refused as before. The files also name ``builtins.getattr``, since pickle
    stores the methods of a class that way. The real one would let a crafted file reach anything,
    so that name is answered by a stand-in which yields the four statistics of ``HistoryBuffer``
    and refuses the rest.

    It may be called any number of times, and does nothing before torch 2.6.

    Raises:
        ImportError: If MMEngine (or a fork with the same import name) is not installed.
    """
    if _torch_version() < _STRICT_LOADING:
        return
    from mmengine.logging.history_buffer import HistoryBuffer

    torch.serialization.add_safe_globals(
        [
            (HistoryBuffer, 'mmengine.logging.history_buffer.HistoryBuffer'),
            (_getattr_of_history, 'builtins.getattr'),
            *_numpy_reconstructors(),
        ]
    )


def _torch_version() -> tuple[int, int]:
    """The major and minor version of torch."""
    major, minor = torch.__version__.split('.')[:2]
    return int(major), int(minor)


def _numpy_reconstructors() -> list[Any]:
    """What numpy needs to rebuild its arrays and scalars of numbers.

    The two functions are listed under both names that numpy gave them, since a checkpoint may have
    been written under numpy 1 and be read under numpy 2, or the other way round.
    """
    import numpy as np

    array: Any = np.empty(0).__reduce__()[0]
    scalar: Any = np.float64(0).__reduce__()[0]
    homes = ('numpy.core.multiarray', 'numpy._core.multiarray')
    functions = [
        (function, f'{home}.{name}')
        for home in homes
        for function, name in ((array, '_reconstruct'), (scalar, 'scalar'))
    ]
    codes = np.typecodes['AllInteger'] + np.typecodes['Float'] + '?'
    kinds = {type(np.dtype(code)) for code in codes}
    return [*functions, np.ndarray, np.dtype, *kinds]


def _getattr_of_history(owner: object, name: str) -> Any:
    """Stands in for ``getattr`` while a checkpoint is read.

    Args:
        owner: The object whose attribute the file asks for.
        name: The name of the attribute.

    Returns:
        A statistic of ``HistoryBuffer``.

    Raises:
        pickle.UnpicklingError: If anything else is asked for, which is what a refused load raises.
    """
    from mmengine.logging.history_buffer import HistoryBuffer

    if owner is not HistoryBuffer or name not in _STATISTICS:
        raise pickle.UnpicklingError(
            f'a checkpoint may ask for {sorted(_STATISTICS)} of HistoryBuffer only, but this one'
            f' asks for {name!r} of {owner!r}; load it only if you trust where it comes from'
        )
    return getattr(owner, name)
