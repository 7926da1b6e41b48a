"""Whether torch can use the GPUs of this machine, in words."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import torch

from mmautoloss.errors import SetupError
from mmautoloss.execute.devices import VISIBLE

_DRIVER = Path('/proc/driver/nvidia/gpus')
"""Has a folder for each GPU that the driver of NVIDIA has found."""

_HIDE = f'To train on the CPU, set {VISIBLE} to nothing.'


def unusable_gpus() -> str:
    """Why torch cannot use GPUs that the driver has found or that the environment names; '' if it can, or there are none."""
    variable = os.environ.get(VISIBLE)
    named = None if variable is None else len([name for name in variable.split(',') if name.strip() not in ('', '-1')])
    if named == 0:
        return ''
    seen = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if seen:
        few = named is not None and named > seen
        return f'{VISIBLE}={variable} names {named} GPUs, but torch sees {seen}. Correct it.' if few else ''
    found = len(list(_DRIVER.iterdir())) if _DRIVER.is_dir() else 0
    if not found and named is None:
        return ''
    what = f'This machine has {found} GPU(s)' if found else f'{VISIBLE}={variable} names a GPU'
    return f'{what}, but {_cause(found)}. {_HIDE}'


def _cause(found: int) -> str:
    build = torch.version.cuda or torch.version.hip
    if build is None:
        return f'torch {torch.__version__} is built for the CPU: install a build for CUDA (https://pytorch.org)'
    if not found:
        return 'there is none'
    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:  # says, for instance, that the driver is too old
        return f'torch, built for CUDA {build}, cannot use it: {" ".join(str(error).split())}'.rstrip('.')
    return f'torch, built for CUDA {build}, sees none'


def require_asked_gpus() -> str:
    """A line about GPUs that cannot be used although nobody has asked for them; '' for none.

    Raises:
        SetupError: The environment names GPUs that torch cannot use.
    """
    problem = unusable_gpus()
    if problem and os.environ.get(VISIBLE):
        raise SetupError(problem)
    return problem


def describe_gpus() -> list[str]:
    """A line for each visible GPU, with its name; uses them, so that this process then holds a part of the first.

    Raises:
        SetupError: Torch has no code for one.
    """
    architectures = torch.cuda.get_arch_list()
    lines = []
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        name, capability = torch.cuda.get_device_name(index), torch.cuda.get_device_capability(index)
        if not runs_on(capability, architectures):
            raise SetupError(
                f'GPU {index}, {name}, has compute capability {capability[0]}.{capability[1]}, for which torch '
                f'{torch.__version__} has no code, only for {", ".join(architectures)}. Install another build of torch, '
                f'or leave that GPU out of {VISIBLE}.'
            )
        lines.append(f'GPU {index}: {name}')
    return lines


def runs_on(capability: tuple[int, int], architectures: Sequence[str]) -> bool:
    """Whether code for some architectures runs on a GPU.

    Machine code (``sm_86``) runs on GPUs of the same major and an equal or higher minor version, intermediate code
    (``compute_90``) on all later ones, code of one architecture (``sm_90a``) there alone. Source: CUDA C++ Programming
    Guide, "Binary Compatibility" and "PTX Compatibility". Names of other makers are not judged.

    Example:
        >>> runs_on((8, 9), ['sm_80', 'sm_90']), runs_on((7, 0), ['sm_80', 'sm_90']), runs_on((12, 0), ['compute_90'])
        (True, False, True)
    """
    known = [match for name in architectures if (match := re.fullmatch(r'(sm|compute)_(\d+)(\d)([af]?)', name))]
    if not known:
        return True
    return any(_fits(capability, *match.groups()) for match in known)


def _fits(capability: tuple[int, int], kind: str, major: str, minor: str, only: str) -> bool:
    built = int(major), int(minor)
    if only == 'a':
        return capability == built
    if kind == 'compute' and not only:
        return capability >= built
    return capability[0] == built[0] and capability[1] >= built[1]
