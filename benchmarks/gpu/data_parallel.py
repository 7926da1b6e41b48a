"""Distributed data-parallel training in a group of one process, by NCCL on a GPU: it trains as without."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import torch
import torch.distributed as dist
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS
from torch import Tensor, nn
from visit import ROOT

import mmautoloss.testing.toy as toy
from mmautoloss.testing.toy_searches import BASE

STEPS = 5
TOLERANCE = 1e-5
LAUNCHED = ('train_cfg.max_iters=5', 'train_cfg.val_interval=9')
"""How little the launcher's training trains."""


def run(visit: Any) -> Iterator[dict[str, Any]]:
    """A row about searched losses in such a model; on a GPU one about ``tools/dist_train.sh``, too.

    Raises:
        RuntimeError: The weights are others than those of the plain model, or the launcher fails.
    """
    backend = 'nccl' if visit.device == 'cuda' else 'gloo'
    dist.init_process_group(backend, init_method=f'file://{visit.folder / "group"}', rank=0, world_size=1)
    plain, parallel = (train(visit.device, wrapped) for wrapped in (False, True))
    dist.destroy_process_group()
    error = max(float((one - other).abs().max()) for one, other in zip(plain, parallel, strict=True))
    yield {'backend': backend, 'steps': STEPS, 'error': error}
    if not error <= TOLERANCE:
        raise RuntimeError(f'after {STEPS} steps a weight differs by {error:.1e} from that of the plain model')
    if visit.device == 'cuda':
        yield {'launcher': 'tools/dist_train.sh', 'iterations': launch(visit)}


def train(device: str, wrapped: bool) -> list[Tensor]:
    """The weights of the toy, without dropout, after some steps with searched losses."""
    torch.manual_seed(0)
    model: nn.Module = MODELS.build(searched_model()).to(device)
    if wrapped:
        model = MMDistributedDataParallel(model, device_ids=[0] if device == 'cuda' else None)
    optimizer = build_optim_wrapper(model, copy.deepcopy(BASE['optim_wrapper']))
    scenes = toy.ToyScenes(4)
    batch = {name: torch.stack([scenes[index][name] for index in range(4)]) for name in ('x', 'labels', 'deltas')}
    for _ in range(STEPS):
        model.train_step(batch, optim_wrapper=optimizer)
    return [weight.detach().cpu() for weight in model.parameters()]


def searched_model() -> dict[str, Any]:
    searched = {'type': 'mmautoloss.SearchedLoss', 'loss_weight': 1.0}
    losses = {
        'loss_cls': {**searched, 'expression': '-(y * log(p))', 'inputs': 'softmax'},
        'loss_box': {**searched, 'expression': 'abs(p - y)', 'inputs': 'delta'},
    }
    return {**BASE['model'], 'plain': True, 'head': {'type': 'ToyHead', **losses}}


def launch(visit: Any) -> int:
    """Trains the digits by torchrun with one GPU."""
    command = ['bash', 'tools/dist_train.sh', 'configs/digits/faster_rcnn.py', '1', '--work-dir', str(visit.folder)]
    env = {**os.environ, 'PYTHON': sys.executable}
    subprocess.run([*command, '--cfg-options', *LAUNCHED], cwd=ROOT, env=env, check=True)
    return 5
