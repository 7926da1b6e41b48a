"""The machine: its device, and what of memory is in use."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MB = 1024 * 1024


def device_name(device: str) -> str:
    """The name of the GPU or the processor; asks no library, so that this process takes no part of the GPU."""
    if device == 'cuda':
        return ask_driver('name') or 'no GPU'
    models = [line for line in Path('/proc/cpuinfo').read_text().splitlines() if line.startswith('model name')]
    return models[0].partition(':')[2].strip() if models else platform.machine()


def ask_driver(field: str) -> str:
    """A value of the first GPU; '' where there is no driver."""
    try:
        done = subprocess.run(
            ['nvidia-smi', f'--query-gpu={field}', '--format=csv,noheader,nounits', '-i', '0'],
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ''
    return done.stdout.strip() if done.returncode == 0 else ''


def gpu_mb() -> int:
    """Memory of the GPU that is in use, by whomever; 0 where there is none."""
    used = ask_driver('memory.used')
    return int(used) if used.isdigit() else 0


def session_mb() -> int:
    """Resident memory of all processes of this session: a step, its search, its workers. Shared pages count for each."""
    session, page = os.getsid(0), os.sysconf('SC_PAGE_SIZE')
    pages = 0
    for folder in Path('/proc').glob('[0-9]*'):
        try:
            fields = (folder / 'stat').read_text().rpartition(')')[2].split()
            pages += int((folder / 'statm').read_text().split()[1]) if int(fields[3]) == session else 0
        except OSError:  # it has just ended
            continue
    return pages * page // MB


def run(visit: Any) -> Iterator[dict[str, Any]]:
    """What is installed, and whether torch computes on the device."""
    import torch
    from mmcv.ops import get_compiling_cuda_version

    ones = torch.ones(64, 64, device=visit.device)
    if float((ones @ ones).sum()) != 64.0**3:
        raise RuntimeError('the device computes wrong numbers: the product of two matrices of ones is another')
    gpu = {}
    if visit.device == 'cuda':
        free, total = torch.cuda.mem_get_info()
        gpu = {
            'capability': '.'.join(map(str, torch.cuda.get_device_capability())),
            'driver': ask_driver('driver_version'),
            'gpus': torch.cuda.device_count(),
            'free_mb': free // MB,
            'total_mb': total // MB,
        }
    yield {
        'python': platform.python_version(),
        'torch': torch.__version__,
        'cuda': torch.version.cuda,
        'mmcv_cuda': get_compiling_cuda_version(),
        'cores': len(os.sched_getaffinity(0)),
        **gpu,
    }
