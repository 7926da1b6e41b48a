"""Recording what a model's losses are called with."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from mmautoloss.errors import SetupError
from mmautoloss.proxy.branch import Branch
from mmautoloss.proxy.runner import ProxyRunner
from mmautoloss.screen import METRIC_OF_INPUTS, Probe, Sample


def capture_probes(runner: ProxyRunner, branches: tuple[Branch, ...], samples: int, seed: int) -> dict[str, Probe]:
    """Runs the untrained model on a few training images and keeps every call of the branches' losses.

    Args:
        runner: Gives model and data.
        branches: The losses to listen to.
        samples: B, the number of images; evenly spaced in the training set.
        seed: Seed of weights and augmentation.

    Raises:
        SetupError: A loss is never called with rows that count, or its calls cannot be joined.
    """
    runner.reset(seed)
    loader = runner.build_dataloader(runner._train_dataloader, seed=seed)
    if len(loader.dataset) < samples:
        raise SetupError(f'The probe needs {samples} training images, but there are {len(loader.dataset)}.')
    positions = [k * len(loader.dataset) // samples for k in range(samples)]
    calls: dict[str, list[Sample]] = {branch.name: [] for branch in branches}
    runner.model.train()
    for position in positions:
        batch = loader.collate_fn([loader.dataset[position]])
        for name, sample in _record(runner.model, branches, batch).items():
            calls[name].append(sample)
    return {branch.name: _make_probe(runner.model, branch, calls[branch.name]) for branch in branches}


def _record(model: nn.Module, branches: tuple[Branch, ...], batch: Any) -> dict[str, Sample]:
    """One forward pass with listeners on the losses; the calls of a loss become one sample."""
    heard: dict[str, list[dict[str, Any]]] = {branch.name: [] for branch in branches}
    handles = [_listen(branch.loss(model), heard[branch.name]) for branch in branches]
    try:
        with torch.no_grad():
            data = model.data_preprocessor(batch, True)
            model(**data, mode='loss') if isinstance(data, dict) else model(*data, mode='loss')
    finally:
        for handle in handles:
            handle.remove()
    return {branch.name: _join(branch, heard[branch.name]) for branch in branches if heard[branch.name]}


def _listen(loss: nn.Module, heard: list[dict[str, Any]]) -> torch.utils.hooks.RemovableHandle:
    signature = inspect.signature(loss.forward)

    def hear(module: nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
        heard.append(dict(signature.bind(*args, **kwargs).arguments))

    return loss.register_forward_pre_hook(hear, with_kwargs=True)


def _join(branch: Branch, calls: Iterable[dict[str, Any]]) -> Sample:
    """One sample of all calls, which differ in the level of a feature pyramid and share their normaliser."""
    parts = [list(call.values()) for call in calls]
    weights = [call.get('weight') for call in calls]
    factors = {_number(call.get('avg_factor')) for call in calls}
    if len(factors) > 1:
        raise SetupError(f'The loss at {branch.path!r} is called with several normalisers at once: {sorted(factors)}.')
    return Sample(
        pred=torch.cat([part[0] for part in parts]).detach().float().cpu(),
        target=torch.cat([part[1] for part in parts]).detach().cpu(),
        weight=None if weights[0] is None else torch.cat(weights).detach().float().cpu(),
        avg_factor=factors.pop(),
    )


def _number(value: Tensor | float | None) -> float | None:
    return None if value is None else float(value)


def _make_probe(model: nn.Module, branch: Branch, samples: list[Sample]) -> Probe:
    scaling = {}
    if branch.inputs == 'delta':
        coder = getattr(branch.head(model), 'bbox_coder', None)
        if not (hasattr(coder, 'means') and hasattr(coder, 'stds')):
            raise SetupError(
                f'The deltas of the branch {branch.name!r} cannot be judged: the head has no bbox_coder with means and '
                'stds (mmdet\'s DeltaXYWHBBoxCoder). Use inputs="area" with reg_decoded_bbox=True.'
            )
        scaling = {'means': torch.tensor(coder.means), 'stds': torch.tensor(coder.stds)}
    if not samples:
        raise SetupError(f'The loss at {branch.path!r} was not called on any of the probe images.')
    probe = Probe(branch.inputs, METRIC_OF_INPUTS[branch.inputs], tuple(samples), scaling)
    if not len(probe.joined().pred):
        raise SetupError(
            f'The loss at {branch.path!r} was only called without positives on the probe images. '
            'Raise screen.samples in train_cfg, or leave images without objects out (filter_empty_gt=True).'
        )
    return probe
