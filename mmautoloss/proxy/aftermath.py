"""What errors leave behind: a device that this process can no longer use, and memory."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator

_OF_A_DEVICE = re.compile(
    r'\b(CUDA|HIP)( driver)? error\b|\bTriton Error \[(CUDA|HIP)\]|\b(cu|hip|roc)(BLAS|DNN|SOLVER|SPARSE|FFT)_STATUS_\w+'
    r'|\bNCCL error\b|\bnccl(UnhandledCuda|System|Internal|Remote)Error\b',
    re.IGNORECASE,
)
"""Messages of torch, its libraries and Triton; libraries tell of an error of an earlier kernel by their status."""

_OF_A_CALL = re.compile(
    r'out of memory|_STATUS_(ALLOC_FAILED|NOT_SUPPORTED|BAD_PARAM|INVALID_VALUE|ARCH_MISMATCH)\b'
    r'|invalid (argument|configuration argument|value)\b',
    re.IGNORECASE,
)
"""Errors that the call itself gets, such as for lack of memory: the process can go on."""


def spoils_process(error: BaseException) -> bool:
    """Whether an error, or one that led to it, is of a device that this process can no longer use.

    Such an error does not tell whose fault it is: an assertion of a kernel may fail for the numbers of a loss, memory
    errors are of the device. Lack of memory is not one.
    """
    return any(_OF_A_DEVICE.search(text) and not _OF_A_CALL.search(text) for text in map(str, _chain(error)))


def free_frames(error: BaseException) -> None:
    """Empties the frames in which an error and those that led to it were raised: they hold the batch and the model.

    Whoever keeps the error, such as a library or a debugger, would keep these, too.
    """
    for each in _chain(error):
        traceback.clear_frames(each.__traceback__)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and those from which it came, as in its traceback."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
