"""Tensors as flat float32 arrays and back: channels outermost, images innermost, (C, H, W, N).

So means over channels, softmax and the shifts of a pool all access contiguous memory, even for small maps.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def flat(tensor: Tensor) -> np.ndarray:
    """A copy of a tensor (N, C, H, W) or (N, C) as a flat array (C * H * W * N,); floating-point values as float32."""
    tensor = tensor.float() if tensor.is_floating_point() else tensor
    return tensor.movedim(0, -1).reshape(-1).numpy(force=True).copy()


def unflat(array: np.ndarray, shape: Sequence[int]) -> Tensor:
    """The inverse of ``flat`` for a shape (N, C, ...); the tensor shares the memory of the array."""
    return torch.from_numpy(array).view(*shape[1:], shape[0]).movedim(-1, 0)
