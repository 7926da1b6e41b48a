"""The tasks that work in an environment, and commands that fix the others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mmautoloss.cli.doctor.environment import Check, Environment, Package

_BASE = (
    *('numpy', 'torch', 'torchvision', 'mmengine', 'mmengine checkpoint'),
    *('mmcv', 'mmcv._ext', 'mmcv with CUDA', 'mmcv.ops.nms'),
)
_DETECTION = ('pycocotools', 'mmdet', 'mmdet.models', 'mmdet.datasets', 'mmdet.evaluation')

# The needs of each task: names of packages and of checks, the most basic first.
NEEDS = {
    'detection': (*_BASE, *_DETECTION),
    'segmentation': (*_BASE, 'mmseg', 'mmseg.models', 'mmseg.datasets', 'mmseg.evaluation'),
    'pose': (*_BASE, 'mmpose', 'mmpose.models', 'mmpose.datasets', 'mmpose.evaluation'),
    'classification': (*_BASE, 'mmpretrain', 'mmpretrain.models', 'mmpretrain.datasets', 'mmpretrain.evaluation'),
    'digits data set': ('numpy', 'mmengine', 'sklearn'),
}
CORE_TASK = 'detection'

_MMCV = (
    'MMCV_WITH_OPS=1 pip install --force-reinstall --no-deps --no-cache-dir --no-build-isolation'
    ' --no-binary mmcv "mmcv<2.2.0"'
)

# The command that fixes each need; a fork of the named package serves as well.
MENDS = {
    'numpy': 'pip install numpy',
    'torch': 'pip install torch torchvision',
    'torchvision': 'pip install torchvision  # the release that belongs to this torch',
    'mmengine': 'pip install mmengine  # or its fork onedl-mmengine',
    'mmengine checkpoint': 'pip install --force-reinstall --no-deps mmengine==0.10.7',
    'mmcv': _MMCV,
    'mmcv._ext': _MMCV,
    'mmcv.ops.nms': _MMCV,
    'mmcv with CUDA': f'FORCE_CUDA=1 {_MMCV}  # or hide the GPU: export CUDA_VISIBLE_DEVICES=',
    'pycocotools': 'pip install pycocotools',
    'mmdet': 'pip install --no-deps "mmdet>=3.3.0"',
    'mmseg': 'pip install --no-deps "mmsegmentation>=1.2.2"',
    'mmpose': 'pip install --no-deps "mmpose>=1.3.2"',
    'mmpretrain': 'pip install --no-deps "mmpretrain>=1.2.0"',
    'sklearn': 'pip install scikit-learn',
    # Not needs of a task, but dependencies whose import name is not that of their distribution.
    'cv2': 'pip install opencv-python-headless',
    'PIL': 'pip install pillow',
    'yaml': 'pip install pyyaml',
    'modelindex': 'pip install model-index',
    'lazy_importer': 'pip install "importlib-metadata<9"',
}

# Errors whose text determines the fix better than the failed need does.
_BY_ERROR = (
    (r'MMCV==', f'{_MMCV}  # this library refuses others'),
    (r'MMEngine==', 'pip install --no-deps mmengine==0.10.7  # this library refuses others'),
    (r'undefined symbol', f'{_MMCV}  # what is there was built for another torch'),
    (
        r'numpy\.dtype size changed|_ARRAY_API not found|compiled using NumPy 1',
        'pip install "numpy<2"  # a package was built for numpy 1',
    ),
)


@dataclass(frozen=True)
class TaskVerdict:
    """Whether a task works.

    Attributes:
        task: The name of the task.
        works: Whether everything that it needs works.
        reason: The first need that does not, or empty.
        mend: One command that fixes it, or empty.
    """

    task: str
    works: bool
    reason: str = ''
    mend: str = ''


def judge(environment: Environment) -> tuple[TaskVerdict, ...]:
    """Judges every task of ``NEEDS``."""
    faults = dict(find_faults(environment))
    return tuple(_judge_task(task, faults) for task in NEEDS)


def find_faults(environment: Environment) -> Iterator[tuple[str, str]]:
    """Yields the name and the reason of each missing or failing package or check."""
    for package in environment.packages:
        if package.state != 'ok':
            yield package.name, _package_fault(package)
    for check in environment.checks:
        if check.state in ('failed', 'absent'):
            yield check.name, _check_fault(check)


def find_mend(need: str, reason: str) -> str:
    """Finds the command that fixes a fault.

    Args:
        need: The package or check that does not work.
        reason: The text of the fault.
    """
    missing = re.search(r"No module named '(\w+)", reason)
    if missing:
        return MENDS.get(missing[1], f'pip install {missing[1]}')
    for pattern, mend in _BY_ERROR:
        if re.search(pattern, reason):
            return mend
    package = need.partition('.')[0]
    return MENDS.get(need) or MENDS.get(package) or f'pip install --force-reinstall {package}'


def _judge_task(task: str, faults: dict[str, str]) -> TaskVerdict:
    """Names the first fault among the needs of a task."""
    for need in NEEDS[task]:
        if need in faults:
            return TaskVerdict(task, False, faults[need], find_mend(need, faults[need]))
    return TaskVerdict(task, True)


def _package_fault(package: Package) -> str:
    if package.state == 'absent':
        return f'{package.name} is not installed'
    return f'{package.name} does not import: {package.error}'


def _check_fault(check: Check) -> str:
    return f'{check.name}: {check.detail}'
