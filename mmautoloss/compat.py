"""Workarounds for library versions that are incompatible as released."""

from __future__ import annotations

import pickle
from typing import Any

import torch

__all__ = ['allow_mmengine_checkpoints']

# Since torch 2.6, ``torch.load`` by default accepts only classes on an allow-list.
_STRICT_LOADING = (2, 6)

# Methods of ``HistoryBuffer`` to which every pickled buffer refers.
_STATISTICS = frozenset({'min', 'max', 'current', 'mean'})


def allow_mmengine_checkpoints() -> None:
    """Lets ``torch.load`` read the checkpoints of MMEngine's Runner.

    Since torch 2.6, ``torch.load`` refuses every class that is not on its allow-list. MMEngine
    0.10.7 calls it without ``weights_only``, and its checkpoints contain the log histories of the
    message hub as ``HistoryBuffer`` objects with numpy arrays. So it can neither load nor resume
    from its own checkpoints (mmengine#1655; forks can).

    This function adds the names in such files to torch's allow-list, for the calling process.
    Nothing of torch or MMEngine is patched, and loading stays safe: a file with any other object is
    refused as before. The files also refer to ``builtins.getattr``, since pickle stores methods of
    a class that way. With the real ``getattr`` a crafted file could reach any attribute, so a
    replacement returns only the four statistics of ``HistoryBuffer``.

    May be called any number of times; does nothing before torch 2.6.

    Raises:
        ImportError: MMEngine (or a fork with the same import name) is not installed.
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
    """Functions and classes that unpickle numeric arrays and scalars of numpy.

    The two functions are listed under their names in numpy 1 and 2, since a checkpoint may be
    written with one version and read with the other.
    """
    import numpy as np

    array: Any = np.empty(0).__reduce__()[0]
    scalar: Any = np.float64(0).__reduce__()[0]
    modules = ('numpy.core.multiarray', 'numpy._core.multiarray')
    functions = [
        (function, f'{module}.{name}')
        for module in modules
        for function, name in ((array, '_reconstruct'), (scalar, 'scalar'))
    ]
    codes = np.typecodes['AllInteger'] + np.typecodes['Float'] + '?'
    kinds = {type(np.dtype(code)) for code in codes}
    return [*functions, np.ndarray, np.dtype, *kinds]


def _getattr_of_history(owner: object, name: str) -> Any:
    """Replaces ``getattr`` while a checkpoint is read.

    Args:
        owner: The object whose attribute is requested.
        name: The name of the attribute.

    Returns:
        A statistic of ``HistoryBuffer``.

    Raises:
        pickle.UnpicklingError: Any other attribute is requested; torch raises the same error.
    """
    from mmengine.logging.history_buffer import HistoryBuffer

    if owner is not HistoryBuffer or name not in _STATISTICS:
        raise pickle.UnpicklingError(
            f'a checkpoint may ask for {sorted(_STATISTICS)} of HistoryBuffer only, but this one'
            f' asks for {name!r} of {owner!r}; load it only if you trust where it comes from'
        )
    return getattr(owner, name)
