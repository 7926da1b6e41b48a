"""The backbone with a store of its own, random weights, and the layers of Lite0 by the names of its package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mmautoloss.backbones.kept_features import KeptFeatures
from tests.isolation import one_thread

__all__ = ['one_thread']

STAGES = [(1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
          (1, 3, 1, 6, 320)]  # fmt: skip
"""Blocks of EfficientNet-B0 (arXiv 1905.11946, table 1): number, kernel, first stride, expansion, channels."""


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> KeptFeatures:
    """The store of this process, empty."""
    pytest.importorskip('mmdet')
    pytest.importorskip('mmcv.ops')
    from mmautoloss.backbones import efficientnet_lite

    store = KeptFeatures(limit=2**28)
    monkeypatch.setattr(efficientnet_lite, '_kept', store)
    return store


@pytest.fixture
def build(kept: KeptFeatures) -> Callable[..., nn.Module]:
    """Makes a backbone in training mode, with random weights and statistics by a seed."""
    from mmautoloss.backbones.efficientnet_lite import EfficientNetLite

    def make(seed: int = 0, **settings: Any) -> nn.Module:
        model = EfficientNetLite(**{'out_indices': (2, 3, 4), 'frozen_stages': 3, 'norm_eval': True, **settings})
        model.load_state_dict(randomised(model.state_dict(), seed))
        return model.train()

    return make


def randomised(tensors: dict[str, Tensor], seed: int = 0) -> dict[str, Tensor]:
    """Numbers that keep a network's outputs of order 1."""
    generator = torch.Generator().manual_seed(seed)
    return {name: _random(name, tensor, generator) for name, tensor in tensors.items()}


def _random(name: str, tensor: Tensor, generator: torch.Generator) -> Tensor:
    if not tensor.is_floating_point():
        return tensor.clone()
    if tensor.ndim == 4:
        return torch.randn(tensor.shape, generator=generator) * (2 / tensor[0].numel()) ** 0.5
    drawn = torch.rand(tensor.shape, generator=generator)
    return drawn - 0.5 if name.endswith(('bias', 'running_mean')) else drawn + 0.5


def package_layers() -> dict[str, Tensor]:
    """Tensors in the order and under the names of the package with the weights."""
    layers = {**_conv('_conv_stem', 32, 3, 3), **_norm('_bn0', 32)}
    number, width = 0, 32
    for repeats, kernel, _, expansion, channels in STAGES:
        for _ in range(repeats):
            block, wide = f'_blocks.{number}.', width * expansion
            if expansion > 1:
                layers |= _conv(f'{block}_expand_conv', wide, width, 1) | _norm(f'{block}_bn0', wide)
            layers |= _conv(f'{block}_depthwise_conv', wide, 1, kernel) | _norm(f'{block}_bn1', wide)
            layers |= _conv(f'{block}_project_conv', channels, wide, 1) | _norm(f'{block}_bn2', channels)
            number, width = number + 1, channels
    layers |= _conv('_conv_head', 1280, width, 1) | _norm('_bn1', 1280)
    return layers | {'_fc.weight': torch.zeros(1000, 1280), '_fc.bias': torch.zeros(1000)}


def _conv(name: str, *shape: int) -> dict[str, Tensor]:
    return {f'{name}.weight': torch.zeros(*shape, shape[-1])}


def _norm(name: str, width: int) -> dict[str, Tensor]:
    parts = ('weight', 'bias', 'running_mean', 'running_var')
    return {**{f'{name}.{part}': torch.zeros(width) for part in parts}, f'{name}.num_batches_tracked': torch.tensor(7)}
