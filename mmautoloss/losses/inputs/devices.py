"""What of a device decides how a call is read."""

from __future__ import annotations

from torch import Tensor


def is_queued(tensor: Tensor) -> bool:
    """Whether operations on a tensor are queued, so that whoever reads a number of it waits for all of them.

    There, masks are kept where on the CPU a look at them saves work. One wait remains for calls whose rows have weights or
    ignored labels: how many rows count is the shape of all that follows, and most rows of a dense head do not.
    """
    return tensor.device.type != 'cpu'
