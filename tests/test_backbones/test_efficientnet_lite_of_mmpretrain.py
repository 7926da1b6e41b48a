"""The backbone where mmdet is not installed: made of mmpretrain's layers, the same numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

pytest.importorskip('mmdet', reason='compares with the backbone of its layers')
pytest.importorskip('mmpretrain.models', reason='its layers', exc_type=ImportError)

from mmautoloss.backbones.efficientnet_lite import EfficientNetLite
from tests.isolation import run_without
from tests.test_backbones.conftest import randomised

WITHOUT_MMDET = """
import torch
from mmautoloss.backbones.efficientnet_lite import EfficientNetLite

assert EfficientNetLite.__mro__[1].__module__.startswith('mmpretrain.')
given = torch.load({path!r})
model = EfficientNetLite(out_indices=(3, 6), frozen_stages=5, norm_eval=True, keep=True)
model.load_state_dict(given['weights'])
torch.save([level.detach() for level in model.train()(given['images'])], {path!r})
"""


@pytest.mark.slow
def test_of_mmpretrain_is_that_of_mmdet(tmp_path: Path) -> None:
    model = EfficientNetLite(out_indices=(3, 6), frozen_stages=5, norm_eval=True)
    model.load_state_dict(randomised(model.state_dict()))
    images = torch.randn(2, 3, 37, 50, generator=torch.Generator().manual_seed(1))
    path = tmp_path / 'given.pth'
    torch.save({'weights': model.state_dict(), 'images': images}, path)
    done = run_without(('mmdet',), WITHOUT_MMDET.format(path=str(path)))
    assert done.returncode == 0, done.stderr
    for level, wanted in zip(torch.load(path), model.train()(images), strict=True):
        torch.testing.assert_close(level, wanted, rtol=1e-4, atol=1e-4)
