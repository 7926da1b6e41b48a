"""Where the candidates of a search are trained, said before it begins."""

from __future__ import annotations

from mmautoloss.execute.devices import name_gpus, share_gpus, visible_gpus
from mmautoloss.execute.gpu_checks import require_asked_gpus
from mmautoloss.execute.settings import ExecuteSettings


def device_lines(execute: ExecuteSettings) -> list[str]:
    """Lines about the devices of the workers; none for a cluster, which decides later, or an executor of the user.

    Raises:
        SetupError: There are too few GPUs, or those that the environment names cannot be used.
    """
    if execute.executor != 'local':
        return []
    problem, gpus = require_asked_gpus(), visible_gpus()
    shares = share_gpus(gpus, execute.workers, execute.gpus_per_candidate)
    if not gpus:
        return ['devices: the CPU', *filter(None, [problem])]
    workers = ', '.join(f'worker {index} has {name_gpus(share)}' for index, share in enumerate(shares))
    idle = len(set(gpus) - {gpu for share in shares for gpu in share})
    text = name_gpus(shares[0]) if execute.in_driver else workers
    return [f'devices: {text}' + (f'; {idle} of {len(gpus)} GPUs stay idle (--workers)' if idle else '')]
