"""The state of objects as text, by path."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmautoloss.proxy.state.contents import GENERATORS, as_bytes, random_state_of
from mmautoloss.proxy.state.parts import MANY, is_array, is_whole, reachable

_ADDRESS = re.compile(r' at 0x[0-9a-f]+')
_OF_MODULE = re.compile(r"\._(?:modules|parameters|buffers)\['(.*?)'\]")
_LONGEST = 60


def fingerprint(roots: Mapping[str, Any]) -> dict[str, str]:
    """The state of objects and of all objects reachable from them, as text by path.

    Args:
        roots: The objects, by the name with which their paths begin.

    Example:
        >>> fingerprint({'head': {'iou': 0.5, 'seen': []}})
        {'head': 'dict of 2', "head['iou']": '0.5', "head['seen']": 'list of 0'}
    """
    return {_OF_MODULE.sub(r'.\1', path): _describe(thing) for path, thing in reachable(roots)}


def differences(first: Mapping[str, str], then: Mapping[str, str]) -> dict[str, str]:
    """The differences of two fingerprints by path, such as ``'0.5, then 0.553'``.

    Example:
        >>> differences({'iou': '0.5'}, {'iou': '0.553', 'seen': '1'})
        {'iou': '0.5, then 0.553', 'seen': 'nothing, then 1'}
    """
    paths = dict.fromkeys([*first, *then])
    pairs = {path: (first.get(path, 'nothing'), then.get(path, 'nothing')) for path in paths}
    return {path: f'{one}, then {other}' for path, (one, other) in pairs.items() if one != other}


_PLAIN = (type(None), bool, int, float, str, bytes, Enum, np.generic, torch.dtype, torch.device)


def _describe(thing: Any) -> str:
    if is_array(thing):
        return _describe_array(thing)
    if isinstance(thing, GENERATORS) and not is_whole(thing):
        return f'random numbers {_digest(as_bytes(random_state_of(thing)))}'
    if isinstance(thing, (dict, list, tuple, set, frozenset)) or (hasattr(thing, '__len__') and _length(thing) > MANY):
        content = f' {_digest(repr(sorted(map(repr, thing))).encode())}' if isinstance(thing, (set, frozenset)) else ''
        return f'{type(thing).__name__} of {_length(thing)}{content}'
    if isinstance(thing, _PLAIN):
        text = repr(thing)
        return text if len(text) <= _LONGEST else f'{text[:_LONGEST]}... {_digest(text.encode())}'
    text = repr(thing) if type(thing).__module__ in ('builtins', 'itertools', 'collections') else type(thing).__name__
    return _ADDRESS.sub('', text)[:_LONGEST]


def _length(thing: Any) -> int:
    try:
        return len(thing)
    except TypeError:  # such as a scalar of an array library
        return 0


def _describe_array(array: Tensor | np.ndarray) -> str:
    kind = f'{str(array.dtype).removeprefix("torch.")} {tuple(array.shape)}'
    if not isinstance(array, Tensor):
        return f'{kind} {_digest(array.tobytes())}'
    if array.is_meta or array.layout is not torch.strided:
        return kind
    grad = ' trained' if array.requires_grad else ''
    content = array.detach().cpu().contiguous().flatten().view(torch.uint8) if array.numel() else array.new_zeros(0)
    return f'{kind}{grad} {_digest(content.cpu().numpy().data)}'


def _digest(content: Any) -> str:
    return hashlib.blake2b(content, digest_size=6).hexdigest()
