"""What does a formula cost against the hand-made class?

Forward and backward of ``SearchedLoss`` with the formulas of cross-entropy, binary cross-entropy, L1, GIoU, Dice and MSE,
against the classes of mmdet, mmseg and mmpose, as their heads call them, at training size; with and without ``compile``.
Values and gradients are compared first. The three take turns, and each is given its shortest time, since others use the
machine.

    python benchmarks/speed/loss_cost.py [--quick]

The last line is one JSON object: ``worst_eager`` and ``worst_compiled`` (time over that of the library, the largest of all
rows) and ``rows``. ``memory`` is that of the tensors which wait for the backward pass, without the prediction, over the
library's; on a GPU that at the peak.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import NamedTuple

import torch
from loss_cases import CASES, Case
from torch import Tensor

Step = Callable[[Tensor], Tensor]


class Row(NamedTuple):
    """Ratios of time and memory of a formula to those of the library's class."""

    loss: str
    size: str
    device: str
    eager: float
    compiled: float
    memory: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true', help='under 50 s on two cores')
    seconds = 0.35 if parser.parse_args().quick else 8.0
    torch.manual_seed(0)
    devices = ['cpu', 'cuda'] if torch.cuda.is_available() else ['cpu']
    rows = [measure(case(torch.device(device)), seconds) for device in devices for case in CASES]
    worst = {f'worst_{way}': max(getattr(row, way) for row in rows) for way in ('eager', 'compiled')}
    print(json.dumps({**worst, 'rows': [row._asdict() for row in rows]}))


def measure(case: Case, seconds: float, tolerance: float = 1e-4) -> Row:
    """The row of a case.

    Args:
        case: The call.
        seconds: About how long to measure.
        tolerance: Largest relative difference of value or gradient from the library's.

    Raises:
        AssertionError: Value or gradient are not those of the library.
    """
    eager, compiled = case.ours(compile=False), case.ours(compile=True)
    ways = [case.library, lambda pred: case.call(eager, pred), lambda pred: case.call(compiled, pred)]
    compare(ways, case, tolerance)
    theirs, *ours = shortest(ways, case.pred, seconds)
    memory = [needed(way, case) for way in ways[:2]]
    ratios = [round(each / theirs, 3) for each in ours]
    row = Row(case.loss, case.size, case.pred.device.type, *ratios, round(memory[1] / max(memory[0], 1), 3))
    print(f'{row.loss:5}{row.size:24}{row.device:5} eager {row.eager:.2f}, compiled {row.compiled:.2f}, '
          f'memory {row.memory:.2f}', flush=True)  # fmt: skip
    return row


def compare(ways: list[Step], case: Case, tolerance: float) -> None:
    """Checks that all ways give one value and one gradient."""
    wanted, *others = (value_and_gradient(way, case.pred) for way in ways)
    for name, found in zip(('eager', 'compiled'), others, strict=True):
        for what, one, other in zip(('value', 'gradient'), found, wanted, strict=True):
            error = float((one - other).abs().max() / other.abs().max())
            assert error < tolerance, (
                f'{case.loss}, {case.size}, {name}: the {what} differs from the library by {error:.1e}'
            )


def value_and_gradient(way: Step, pred: Tensor) -> tuple[Tensor, Tensor]:
    """Value of a loss, and gradient with respect to the raw prediction."""
    pred = pred.detach().requires_grad_()
    value = way(pred)
    return value.detach(), torch.autograd.grad(value, pred)[0]


def shortest(ways: list[Step], pred: Tensor, seconds: float) -> list[float]:
    """The shortest time of each way, in turns, at least four."""
    times: list[list[float]] = [[] for _ in ways]
    began = time.perf_counter()
    while time.perf_counter() - began < seconds or len(times[0]) < 4:
        for way, found in zip(ways, times, strict=True):
            found.append(duration(way, pred))
    return [min(found) for found in times]


def duration(way: Step, pred: Tensor) -> float:
    """Seconds of a forward and a backward pass."""
    pred = pred.detach().requires_grad_()
    _wait(pred)
    began = time.perf_counter()
    way(pred).backward()
    _wait(pred)
    return time.perf_counter() - began


def _wait(pred: Tensor) -> None:
    if pred.is_cuda:
        torch.cuda.synchronize()


def needed(way: Step, case: Case) -> int:
    """Bytes of the tensors that wait for the backward pass, without the prediction; on a GPU those at the peak."""
    pred = case.pred.detach().requires_grad_()
    if pred.is_cuda:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        way(pred).backward()
        return torch.cuda.max_memory_allocated() - before
    saved: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        value = way(pred)
    del value  # only now, so that no address is used twice
    saved.pop(pred.untyped_storage().data_ptr(), None)
    return sum(saved.values())


if __name__ == '__main__':
    main()
