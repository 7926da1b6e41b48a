"""Distributes GPUs and cores among workers."""

from __future__ import annotations

import os

import torch

from mmautoloss.errors import SetupError

VISIBLE = 'CUDA_VISIBLE_DEVICES'


def visible_gpus() -> tuple[str, ...]:
    """The GPUs that this process may use, as named by ``CUDA_VISIBLE_DEVICES``; does not initialise CUDA."""
    variable = os.environ.get(VISIBLE)
    if variable is None:
        return tuple(str(index) for index in range(torch.cuda.device_count()))
    names = [name.strip() for name in variable.split(',')]
    return tuple(name for name in names if name and name != '-1') if torch.cuda.device_count() else ()


def share_gpus(gpus: tuple[str, ...], workers: int, each: int = 1) -> list[tuple[str, ...]]:
    """The GPUs of each worker: ``each`` GPUs per worker, in turn; surplus workers share GPUs, again from the first.

    Example:
        >>> share_gpus(('0', '1', '2'), 2)
        [('0',), ('1',)]
        >>> share_gpus(('0', '1'), 3)
        [('0',), ('1',), ('0',)]
        >>> share_gpus((), 2)
        [(), ()]

    Raises:
        SetupError: There are GPUs, but fewer than one worker needs.
    """
    if gpus and each > len(gpus):
        raise SetupError(
            f'gpus_per_candidate is {each}, but this machine shows {len(gpus)} GPU(s): {", ".join(gpus)}. '
            'Ask for fewer, or make more visible.'
        )
    if not gpus:
        return [()] * workers
    groups = len(gpus) // each
    return [gpus[k % groups * each : k % groups * each + each] for k in range(workers)]


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
