"""Checks of the libraries; each returns a state and a detail.

The state is ``ok``, ``note`` or ``failed``; a probe may also raise, which its caller reports.
"""

from __future__ import annotations

import importlib
import tempfile
from pathlib import Path
from typing import Literal

State = Literal['ok', 'note', 'failed', 'absent']


def load_operators() -> tuple[State, str]:
    """Loads the compiled part of mmcv, which an installation without a compiler lacks."""
    extension = importlib.import_module('mmcv._ext')
    return 'ok', f'loads, {Path(str(extension.__file__)).name}'


def compute_nms() -> tuple[State, str]:
    """Computes one of mmcv's operators, on the GPU as well where there is one.

    Loading the extension is not enough: it may have been built without CUDA, or for another torch.
    """
    import torch
    from mmcv.ops import nms

    devices = ['cpu', 'cuda'] if torch.cuda.is_available() else ['cpu']
    for device in devices:
        boxes = torch.tensor([[0, 0, 10, 10], [1, 1, 10, 10], [20, 20, 30, 30]], device=device)
        scores = torch.tensor([0.9, 0.8, 0.7], device=device)
        kept = sorted(nms(boxes.float(), scores, iou_threshold=0.5)[1].tolist())
        if kept != [0, 2]:
            return 'failed', f'on {device} it kept the boxes {kept} where [0, 2] is right'
    return 'ok', f'computes on {" and ".join(devices)}'


def find_cuda() -> tuple[State, str]:
    """Lists the GPUs that torch sees; none is fine, only slower, unless the machine has some."""
    import torch

    from mmautoloss.errors import SetupError
    from mmautoloss.execute.gpu_checks import describe_gpus, unusable_gpus

    problem = unusable_gpus()
    if problem:
        return 'failed', problem
    build = f'torch is built for CUDA {torch.version.cuda}' if torch.version.cuda else 'CPU torch'
    if not torch.cuda.is_available():
        return 'note', f'no device is visible; {build}'
    try:
        return 'ok', f'{", ".join(describe_gpus())}; {build}'
    except SetupError as error:
        return 'failed', str(error)


def find_mmcv_cuda() -> tuple[State, str]:
    """Tells whether mmcv was compiled with CUDA, which matters only where there is a GPU."""
    import torch
    from mmcv.ops import get_compiling_cuda_version

    version = get_compiling_cuda_version()
    if version != 'not available':
        return 'ok', f'compiled with CUDA {version}'
    if torch.cuda.is_available():
        return 'failed', 'mmcv was compiled without CUDA, and this machine has a GPU'
    return 'note', 'compiled for the CPU only, which is all this machine needs'


def load_checkpoint() -> tuple[State, str]:
    """Saves a checkpoint as MMEngine does and loads it through MMEngine, without and then with ``compat``."""
    import torch
    from mmengine.logging import HistoryBuffer
    from mmengine.runner import CheckpointLoader

    from mmautoloss.compat import allow_mmengine_checkpoints

    def load() -> None:
        CheckpointLoader.load_checkpoint(path, map_location='cpu', logger='silent')

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / 'checkpoint.pth')
        torch.save({'message_hub': {'loss': HistoryBuffer([0.5, 0.25], [1, 1])}}, path)
        try:
            load()
        except Exception as error:
            # The fix is tried after any error; if it fails too, its error is raised.
            allow_mmengine_checkpoints()
            load()
            return 'note', (
                f'MMEngine alone refuses ({type(error).__name__}); loads after'
                ' mmautoloss.compat.allow_mmengine_checkpoints()'
            )
    return 'ok', 'loads as MMEngine comes'
