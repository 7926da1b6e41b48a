"""Configs find the losses: by the bare name after import, by the full name without any."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import mmautoloss
from mmautoloss.losses import LossGraph, SearchedLoss
from mmautoloss.registry import MODELS as OURS

LIBRARIES = ['mmengine', 'mmdet', 'mmseg', 'mmpose', 'mmpretrain']
CONFIG = {'expression': 'abs(p - y)', 'inputs': 'delta', 'loss_weight': 2.0}


def registry(library: str):
    pytest.importorskip(library, reason=f'looks into the registry of {library}')
    return importlib.import_module(f'{library}.registry').MODELS


@pytest.mark.parametrize('name', ['SearchedLoss', 'mmautoloss.SearchedLoss'])
@pytest.mark.parametrize('library', LIBRARIES)
def test_builds_in_the_scope_of_every_library(library, name):
    loss = registry(library).build({'type': name, **CONFIG})
    assert type(loss) is SearchedLoss
    assert loss(torch.zeros(1, 4), torch.ones(1, 4)).item() == 8


def test_the_graph_is_registered_too():
    assert type(OURS.build({'type': 'LossGraph', 'expression': 'p'})) is LossGraph
    assert type(registry('mmengine').build({'type': 'LossGraph', 'expression': 'p'})) is LossGraph


FRESH = """
import sys
from mmdet.registry import MODELS
assert not any(name.startswith('mmautoloss') for name in sys.modules)
loss = MODELS.build(dict(type='mmautoloss.SearchedLoss', expression='p - y', inputs='delta'))
assert type(loss).__module__ == 'mmautoloss.losses.searched_loss', type(loss)
"""


def test_full_name_needs_no_import():
    """In a process that knows where the package lies, but has not imported it."""
    pytest.importorskip('mmdet', reason='builds with the registry of mmdet')
    folder = str(Path(mmautoloss.__file__).parents[1])
    path = os.pathsep.join([folder, *filter(None, [os.environ.get('PYTHONPATH')])])
    done = subprocess.run(
        [sys.executable, '-c', FRESH],
        env={**os.environ, 'PYTHONPATH': path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(('use_sigmoid', 'channels'), [(True, 3), (False, 6), (None, 6)])
def test_anchor_heads_size_their_output_by_use_sigmoid(use_sigmoid, channels):
    """They read the key from the config, before any loss is built."""
    pytest.importorskip('mmdet.models', reason='builds a head of mmdet', exc_type=ImportError)
    from mmdet.registry import MODELS

    loss = {'type': 'SearchedLoss', 'expression': '(p - y) ** 2'}
    if use_sigmoid is not None:
        loss['use_sigmoid'] = use_sigmoid
    anchors = {'type': 'AnchorGenerator', 'scales': [2], 'ratios': [0.5, 1, 2], 'strides': [8]}
    head = MODELS.build(
        {'type': 'RPNHead', 'in_channels': 4, 'feat_channels': 4, 'anchor_generator': anchors,
         'loss_cls': loss, 'loss_bbox': {'type': 'SearchedLoss', **CONFIG}}
    )  # fmt: skip
    assert head.rpn_cls.out_channels == channels
    assert head.loss_cls.use_sigmoid == bool(use_sigmoid)
    assert head.loss_bbox.expression == 'abs(p - y)'


WITHOUT_FORK = """
import os, signal, sys
for name in ('fork', 'register_at_fork', 'sched_getaffinity', 'getuid', 'killpg'):
    if hasattr(os, name):
        delattr(os, name)
del signal.SIGKILL, signal.pthread_sigmask
sys.modules['fcntl'] = sys.modules['resource'] = sys.modules['pwd'] = None
import torch
import mmautoloss.losses, mmautoloss.datasets, mmautoloss.engine, mmautoloss.execute
loss = mmautoloss.losses.SearchedLoss('abs(p - y)', inputs='delta')
assert loss(torch.zeros(1, 4), torch.ones(1, 4)).item() == 4
"""


def test_a_system_without_fork_will_do():
    """As Windows, which also lacks the modules of Unix."""
    pytest.importorskip('mmengine', reason='the engine')
    script = 'import mmengine, mmdet, mmseg, mmpose, cv2, multiprocessing.connection\n' + WITHOUT_FORK
    folder = str(Path(mmautoloss.__file__).parents[1])
    env = {**os.environ, 'PYTHONPATH': folder}
    done = subprocess.run([sys.executable, '-c', script], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
