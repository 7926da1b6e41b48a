"""On a device whose operations are queued a call is one block, and hardly ever waits."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from mmengine.runner import Runner
from torch.utils._python_dispatch import TorchDispatchMode

from mmautoloss.errors import NonFiniteLoss
from mmautoloss.losses import SearchedLoss
from mmautoloss.losses.fused.blocks import DEVICE_ELEMENTS, blocks_of, is_small
from mmautoloss.proxy.hooks import NonFiniteGuardHook
from tests.test_losses.fuzz.test_calls import QUEUED

CE, MIXED, SQUARE = '-y * log(p)', '-y * log(p) + mean_nhw(p) ** 2', '(p - y) ** 2'


class Waits(TorchDispatchMode):
    """Counts the operations for whose result a program waits for its device."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name in ('_local_scalar_dense', 'nonzero', 'masked_select', 'equal', '_to_copy_to_cpu'):
            self.seen[name] += 1
        if name in ('index', 'index_put', 'index_put_') and any(
            index is not None and index.dtype == torch.bool for index in args[1]
        ):
            self.seen[name] += 1
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize('shape', [(400_000, 4), (4, 19, 128, 256), (2, 3, 1024, 1024)])
def test_one_block_on_a_device(shape: tuple[int, ...]) -> None:
    assert len(list(blocks_of(torch.empty(shape)))) >= 3
    on_device = torch.empty(shape, device='meta')
    assert len(list(blocks_of(on_device))) == 1 and is_small(on_device)


def test_blocks_bound_the_memory_of_huge_calls() -> None:
    huge = torch.empty(16, 150, 512, 512, device='meta')
    blocks = list(blocks_of(huge))
    assert not is_small(huge) and all(block.of(huge).numel() <= DEVICE_ELEMENTS for block in blocks)
    assert sum(block.of(huge).numel() for block in blocks) == huge.numel()


@pytest.mark.parametrize('text', [CE, MIXED])
@pytest.mark.parametrize('size', [4, 512])
def test_maps_never_wait(text: str, size: int) -> None:
    """On a device without values each look at one raises."""
    pred = torch.empty(2, 5, size, size, device='meta', requires_grad=True)
    labels = torch.empty(2, size, size, dtype=torch.long, device='meta')
    weight = torch.empty(2, size, size, device='meta')
    for options in ({}, {'class_weight': [1.0] * 5}, {'class_weight': [1.0] * 5, 'average': 'class_weight'}):
        SearchedLoss(text, inputs='softmax', **options)(pred, labels, weight).backward()
        SearchedLoss(text, inputs='softmax', **options)(
            pred, labels, avg_factor=torch.empty((), device='meta')
        ).backward()
    targets = torch.empty_like(pred)
    SearchedLoss(SQUARE, inputs='heatmap')(pred, targets, torch.empty(2, 5, device='meta')).backward()
    SearchedLoss(text, inputs='sigmoid')(pred, targets).backward()


def test_rows_without_weights_never_wait() -> None:
    pred = torch.empty(64, 4, device='meta', requires_grad=True)
    SearchedLoss(SQUARE, inputs='delta')(pred, torch.empty(64, 4, device='meta')).backward()


@pytest.mark.parametrize(
    ('inputs', 'shape', 'waits'), [('softmax', (), 1), ('sigmoid', (), 1), ('delta', (4,), 1), ('area', (4,), 2)]
)
@pytest.mark.parametrize('count', [64, 5000])
def test_rows_with_weights_wait_once(
    inputs: str, shape: tuple[int, ...], waits: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the number of the rows that count, and boxes for a check."""
    for module in QUEUED:
        monkeypatch.setattr(f'mmautoloss.losses.{module}.is_queued', lambda tensor: True)
    generator = torch.Generator().manual_seed(0)
    pred = torch.rand(count, 4, generator=generator)
    target = pred + 1 if shape else torch.randint(4, (count,), generator=generator)
    weight = (torch.rand(count, *shape, generator=generator) > 0.5).float()
    if inputs == 'area':
        pred = torch.cat([pred[:, :2], pred[:, :2] + 1 + pred[:, 2:]], dim=1)
        target = pred + 0.25
    loss = SearchedLoss({'area': '1 - i / u', 'delta': SQUARE}.get(inputs, CE), inputs=inputs)
    leaf = pred.clone().requires_grad_()
    loss(leaf, target, weight)  # makes the plan of the expression
    with Waits() as seen:
        loss(leaf, target, weight, avg_factor=torch.tensor(8.0))
    assert sum(seen.seen.values()) <= waits, seen.seen


def test_losses_of_an_iteration_are_read_together() -> None:
    """Many losses, in any precision; each is named."""
    hook, runner = NonFiniteGuardHook(), type('R', (Runner,), {'__init__': lambda self: None, 'iter': 4})()
    half = torch.tensor([1.0, 2.0], dtype=torch.bfloat16)
    fine = {'loss_a': half, 'loss_b': torch.tensor(1e300, dtype=torch.float64), 'acc': torch.tensor(float('nan'))}
    hook.after_train_iter(runner, 0, outputs=fine)
    with pytest.raises(NonFiniteLoss, match='loss_c is inf in iteration 5'):
        hook.after_train_iter(runner, 0, outputs={**fine, 'loss_c': torch.tensor(float('inf'))})
