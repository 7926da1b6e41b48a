"""Tensors as lines of float32 and back: channels outermost, images innermost, (C, H, W, N).

So a mean over the channels, a softmax and the shifts of a pool all run along stretches of memory, also over small maps.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def flat(tensor: Tensor) -> np.ndarray:
    """A tensor (N, C, H, W) or (N, C) as one line (C * H * W * N,), a copy; real numbers as float32."""
    tensor = tensor.float() if tensor.is_floating_point() else tensor
    return tensor.movedim(0, -1).reshape(-1).numpy(force=True).copy()


def unflat(line: np.ndarray, shape: Sequence[int]) -> Tensor:
    """The tensor of a shape (N, C, ...) that ``flat`` made a line of; it shares the memory of the line."""
    return torch.from_numpy(line).view(*shape[1:], shape[0]).movedim(-1, 0)
