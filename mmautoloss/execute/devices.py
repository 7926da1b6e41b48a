"""Distributes GPUs and cores among workers."""

from __future__ import annotations

import os

import torch

from mmautoloss.errors import SetupError

VISIBLE = 'CUDA_VISIBLE_DEVICES'


def visible_gpus() -> tuple[str, ...]:
    """The GPUs that torch can use here, as named by ``CUDA_VISIBLE_DEVICES``; this process takes no part of them."""
    variable = os.environ.get(VISIBLE)
    if variable is None:
        return tuple(str(index) for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0))
    names = [name.strip() for name in variable.split(',')]
    return tuple(name for name in names if name and name != '-1') if torch.cuda.is_available() else ()


def share_gpus(gpus: tuple[str, ...], workers: int, each: float = 1) -> list[tuple[str, ...]]:
    """The GPUs of each worker.

    Args:
        gpus: The GPUs; none for the CPU.
        workers: Number of workers.
        each: GPUs of a worker, or, below 1, its share of one: 0.5 lets two workers share a GPU.

    Example:
        >>> share_gpus(('0', '1', '2'), 2)
        [('0',), ('1',)]
        >>> share_gpus(('0', '1', '2', '3'), 2, 2)
        [('0', '1'), ('2', '3')]
        >>> share_gpus(('0', '1'), 3, 0.5)
        [('0',), ('1',), ('0',)]
        >>> share_gpus((), 2)
        [(), ()]

    Raises:
        SetupError: There are GPUs, but too few; or a share of one is wanted where there is none.
    """
    if not gpus:
        if each < 1:
            raise SetupError(f'gpus_per_candidate={each} is a share of a GPU, but there is none: leave it out.')
        return [()] * workers
    if each > len(gpus):
        raise SetupError(
            f'gpus_per_candidate is {each:g}, but this machine shows {len(gpus)} GPU(s): {", ".join(gpus)}. '
            'Ask for fewer, or make more visible.'
        )
    whole, sharing = int(max(1, each)), int(1 / min(1, each) + 1e-9)
    groups = [gpus[k : k + whole] for k in range(0, len(gpus) - whole + 1, whole)]
    if workers > len(groups) * sharing:
        per_gpu = -(-workers // len(gpus))
        raise SetupError(
            f'{workers} workers with {each:g} GPU(s) each need more than the {len(gpus)} GPU(s) that are visible: '
            f'{", ".join(gpus)}. Ask for at most {len(groups) * sharing} worker(s), or, if {per_gpu} of them may share '
            f'a GPU and its memory, set gpus_per_candidate to {_share(per_gpu)}.'
        )
    return [groups[k % len(groups)] for k in range(workers)]


def _share(workers: int) -> str:
    """The share of a GPU that each of some workers has, rounded down."""
    return f'{int(1000 / workers) / 1000:g}'


def name_gpus(gpus: tuple[str, ...]) -> str:
    """GPUs in words: ``GPU 2,3``; '' for none."""
    return f'GPU {",".join(gpus)}' if gpus else ''


def share_cores(processes: int) -> int:
    """Number of threads for each of ``processes`` processes."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    return max(1, cores // processes)


def require_working_gpu() -> None:
    """Computes on the current GPU, so that one that is lost, or belongs to another process, shows before any trial."""
    ones = torch.ones(64, 64, device='cuda')
    if float((ones @ ones).sum()) != 64.0**3:
        raise SetupError(
            'The GPU of this worker computes wrong numbers: the product of two matrices of ones is another.'
        )
