"""Samples as bytes, from which independent copies are made."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
import torch
from torch import Tensor

_SHARED = 'data set'


def freeze(sample: Any, outside: Any = None) -> bytes:
    """Serialises a sample; only for this process and its forks, never for a file.

    ``copy.deepcopy`` takes four times as long, and the size of its copies is not known.

    Args:
        sample: Anything that can be pickled.
        outside: An object to which copies refer without copying it: mmpose puts the data set into a sample.

    Example:
        >>> frozen = freeze({'img': torch.arange(3)})
        >>> copy = thaw(frozen)
        >>> copy['img'] += 1
        >>> thaw(frozen)['img']
        tensor([0, 1, 2])
    """
    file = io.BytesIO()
    _Freezer(file, outside).dump(sample)
    return file.getvalue()


def thaw(frozen: bytes, outside: Any = None) -> Any:
    """A copy of a frozen sample."""
    return _Thawer(frozen, outside).load()


class _Freezer(pickle.Pickler):
    def __init__(self, file: io.BytesIO, outside: Any) -> None:
        super().__init__(file, protocol=5)
        self._outside = outside

    def persistent_id(self, value: Any) -> str | None:
        return _SHARED if value is self._outside and value is not None else None

    def reducer_override(self, value: Any) -> Any:
        """Pickles tensors as arrays: torch's own method is meant for files and takes six to ten times as long."""
        if type(value) is Tensor and value.device.type == 'cpu' and _has_array(value):
            return _tensor, (value.numpy(),)
        return NotImplemented


class _Thawer(pickle.Unpickler):
    def __init__(self, frozen: bytes, outside: Any) -> None:
        super().__init__(io.BytesIO(frozen))
        self._outside = outside

    def persistent_load(self, name: str) -> Any:
        return self._outside


def _has_array(tensor: Tensor) -> bool:
    return tensor.layout is torch.strided and not tensor.requires_grad and tensor.dtype is not torch.bfloat16


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array)
