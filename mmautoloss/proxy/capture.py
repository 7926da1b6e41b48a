"""Records the arguments with which a model calls its losses."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from numbers import Real
from typing import Any

import torch
from mmengine.logging import MessageHub
from torch import Tensor, nn

from mmautoloss.branches import Branch
from mmautoloss.errors import SetupError
from mmautoloss.losses import Weighting
from mmautoloss.losses.call_weights import CallWeights
from mmautoloss.losses.inputs.scores import points_as_maps
from mmautoloss.losses.keypoint_units import in_units
from mmautoloss.losses.probabilities import logits_of
from mmautoloss.losses.temperatures import Temperatures
from mmautoloss.proxy.begin import Begin
from mmautoloss.proxy.late_losses import called_late
from mmautoloss.proxy.recorded_probe import make_probe, place_of
from mmautoloss.proxy.runner import ProxyRunner
from mmautoloss.screen import Probe, Sample

_ROWS = 64
"""Rows of a probe of a classifier, whose images are one row each: of five, no class would come twice."""


def capture_probes(
    runner: ProxyRunner,
    branches: tuple[Branch, ...],
    samples: int,
    seed: int,
    side: int = 48,
    monitored: Sequence[str] = (),
    begin: Begin | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, Probe]:
    """Runs the model with which candidates begin on a few training images and records every call of the branches' losses.

    Where each image is one row, as in a classifier, ``samples`` calls take several images each, 64 together.

    Args:
        runner: Provides model and data.
        branches: The branches whose losses are recorded.
        samples: Number of images, evenly spaced in the training set.
        seed: Seed of weights and augmentation.
        side: Approximate largest side of a recorded map, in pixels; larger maps are subsampled.
        monitored: Keys of the metrics that the search maximises; a branch of semantic segmentation is judged by them.
        begin: The saved training that candidates continue; None for the initial weights.
        say: Takes a line for the user where more images are taken than ``samples``.

    Raises:
        SetupError: No call of a loss has valid rows, its calls cannot be joined, or a batch norm of the model needs more
            images.
    """
    runner.reset(seed, begin=begin)
    loader = runner.build_dataloader(runner._train_dataloader, seed=seed)
    if len(loader.dataset) < samples:
        raise SetupError(f'The probe needs {samples} training images, but there are {len(loader.dataset)}.')
    images = _spaced(loader.dataset, samples)
    runner.model.train()
    hub = MessageHub.get_current_instance()  # read by heads, as of TOOD, and by distillers
    hub.update_info('epoch', 0)
    hub.update_info('max_epochs', runner.cfg.train_cfg.get('max_epochs', 1))
    with called_late(runner, branches):
        calls = _record_calls_of(runner, branches, loader, images, max(_ROWS, samples), say)
    return {
        branch.name: make_probe(runner.model, branch, _shrink(calls[branch.name], branch, side), monitored)
        for branch in branches
    }


def _record_calls_of(
    runner: ProxyRunner,
    branches: tuple[Branch, ...],
    loader: Any,
    images: list[Any],
    rows: int,
    say: Callable[[str], None],
) -> dict[str, list[Sample]]:
    """All calls of the losses, one or a group of images each."""
    model, count = runner.model, len(images)
    batch = _record_batch(model, branches, loader, images)
    if batch and all(_is_map_each(sample, images) for sample in batch.values()):
        return {name: _by_image(sample) for name, sample in batch.items()}
    if batch and all(_is_row_each(sample, images) for sample in batch.values()):
        more = _spaced(loader.dataset, min(rows, len(loader.dataset)))
        say(f'probe: {len(more)} training images in {count} calls, since each image is one row')
        return _record_groups(model, branches, loader, [more[k::count] for k in range(count)])
    return _record_groups(model, branches, loader, [[image] for image in images])


def _spaced(dataset: Any, count: int) -> list[Any]:
    """Samples of a data set, evenly spaced."""
    return [dataset[k * len(dataset) // count] for k in range(count)]


def _record_batch(model: nn.Module, branches: tuple[Branch, ...], loader: Any, images: list[Any]) -> dict[str, Sample]:
    """All images in one batch, if the losses may get a map of each: a batch norm over pooled maps needs several."""
    return _record(model, branches, loader.collate_fn(images)) if all(branch.kind.maps for branch in branches) else {}


def _is_map_each(sample: Sample, images: list[Any]) -> bool:
    return sample.pred.dim() == 4 and len(sample.pred) == len(images)


def _is_row_each(sample: Sample, images: list[Any]) -> bool:
    """Whether each image is one row: of two heads two, fewer if an image has no label of a task."""
    return sample.pred.dim() == 2 and len(sample.pred) <= 2 * len(images)


def _record_groups(
    model: nn.Module, branches: tuple[Branch, ...], loader: Any, groups: list[list[Any]]
) -> dict[str, list[Sample]]:
    """One group of images after the other, of detectors single ones: most detection heads mix the images of a batch."""
    records = [_record(model, branches, loader.collate_fn(group)) for group in groups]
    return {branch.name: [record[branch.name] for record in records if branch.name in record] for branch in branches}


def _by_image(sample: Sample) -> list[Sample]:
    """Splits the sample of a batch into one sample per image."""
    tensors = (sample.pred, sample.target, sample.weight)
    parts = [[None] * len(sample.pred) if tensor is None else tensor.split(1) for tensor in tensors]
    return [replace(sample, pred=p, target=t, weight=w) for p, t, w in zip(*parts, strict=True)]


def _shrink(samples: list[Sample], branch: Branch, side: int) -> list[Sample]:
    small = [branch.kind.shrink(sample.pred, sample.target, sample.weight, side) for sample in samples]
    shapes = {tuple(pred.shape[1:]) for pred, _, _ in small}
    if len(shapes) > 1:
        raise SetupError(
            f'The loss at {branch.path!r} is called with maps of different sizes on the probe images: {sorted(shapes)}. '
            'Crop or resize all training images to one size.'
        )
    return [
        replace(sample, pred=pred, target=target, weight=weight)
        for sample, (pred, target, weight) in zip(samples, small, strict=True)
    ]


def _record(model: nn.Module, branches: tuple[Branch, ...], batch: Any) -> dict[str, Sample]:
    """One forward pass with hooks on the losses; the calls of a loss become one sample."""
    calls: dict[str, list[dict[str, Any]]] = {branch.name: [] for branch in branches}
    handles = [_record_calls(branch.loss(model), calls[branch.name]) for branch in branches]
    try:
        preprocess: Any = model.data_preprocessor
        with torch.no_grad():
            data = preprocess(batch, True)
            model(**data, mode='loss') if isinstance(data, dict) else model(*data, mode='loss')
    except ValueError as error:
        if 'more than 1 value per channel' not in str(error):
            raise
        raise SetupError(
            f'The model cannot be run on one training image: {error}. A batch norm over pooled maps needs several: set '
            'screen.samples to 2 or more, or, where that is so, give that norm norm_cfg=dict(type="GN", ...).'
        ) from None
    finally:
        for handle in handles:
            handle.remove()
    return {branch.name: _join(branch, calls[branch.name]) for branch in branches if calls[branch.name]}


def _record_calls(loss: nn.Module, calls: list[dict[str, Any]]) -> torch.utils.hooks.RemovableHandle:
    signature = inspect.signature(loss.forward)
    masks_rows = [*signature.parameters][2:3] == ['mask']  # as of masked autoencoders; else a mask is of pixels

    def record_call(module: nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
        call = dict(signature.bind(*args, **kwargs).arguments)
        third = list(call)[2] if len(args) > 2 else ''  # a loss of the user may have another name for it
        third = 'mask' if masks_rows else third
        calls.append(
            {
                'weight' if key == third and (masks_rows or key not in _KNOWN) else key: value
                for key, value in call.items()
            }
        )

    return loss.register_forward_pre_hook(record_call, with_kwargs=True)


_THIRD = ('weight', 'target_weights', 'target_weight')
"""Names of the third argument of a loss in the libraries."""
_KNOWN = {*_THIRD, 'mask', 'avg_factor', 'reduction_override', 'ignore_index'}


def _join(branch: Branch, calls: Sequence[dict[str, Any]]) -> Sample:
    """Joins all calls, such as those of the levels of a feature pyramid, into one sample; they share a normaliser."""
    # OHEM also calls a loss to choose its samples: without reduction and without a gradient
    calls = [call for call in calls if call.get('reduction_override') != 'none'] or calls
    calls = [_in_units(branch, call) for call in calls]
    parts = [list(call.values()) for call in calls]
    unknown = sorted({key for call in calls for key in list(call)[2:] if call[key] is not None} - _KNOWN)
    if unknown:
        raise SetupError(
            f'The loss at {branch.path!r} is also called with {", ".join(unknown)}, which a searched loss does not take. '
            'Leave this branch out.'
        )
    settings = {key: value for key, value in branch.settings.items() if key in Weighting._fields}
    with place_of(branch):
        weights: list[Any] = [_weight(branch, call, Weighting(**settings)) for call in calls]
    factors = {
        None if isinstance(weight, Real) else _number(call.get('avg_factor'))
        for call, weight in zip(calls, weights, strict=True)
    }
    if len(factors) > 1:
        raise SetupError(
            f'The loss at {branch.path!r} is called with several normalisers at once: {_in_order(factors)}.'
        )
    counted = [weight for weight in weights if weight is not None and not isinstance(weight, Real)]
    values = [*(value for part in parts for value in part[:2]), *counted]
    if not all(map(_is_of_tensors, values)):
        raise SetupError(
            f'The loss at {branch.path!r} is not called with two tensors, a prediction and its target, and weights, so it '
            'cannot be searched. Leave this branch out.'
        )
    temperatures = Temperatures(*(branch.settings.get(name, default) for name, default in _TEMPERATURES.items()))
    with place_of(branch):
        # of a call that is the sum of several, such as one an axis, the first
        calls_of_tensors = [
            temperatures.applied(*_with_logits(branch, *branch.kind.calls(part[0], part[1], weight)[0]))
            for part, weight in zip(parts, weights, strict=True)
        ]
        preds, targets, weights = map(list, zip(*branch.kind.joinable(calls_of_tensors), strict=True))
        weight = None if weights[0] is None else _joined(weights)
        pred, target, weight = points_as_maps(_joined(preds), _joined(targets), weight)
    return Sample(
        pred=pred,
        target=target,
        weight=weight,
        avg_factor=factors.pop(),
        ignore_index=calls[0].get('ignore_index'),
        # weights that do not count are not recorded; masks and factors of axes are
        settings={key: value for key, value in settings.items() if key != 'use_target_weight'},
    )


def _in_units(branch: Branch, call: dict[str, Any]) -> dict[str, Any]:
    """A call whose keypoints are in units of persons, if it comes with their areas."""
    areas = call.get('areas', call.get('avg_factor'))
    if 'sigmas' not in branch.settings or not isinstance(areas, Tensor):
        return call
    names = list(call)
    points = {name: in_units(call[name], areas, branch.settings['sigmas']) for name in names[:2]}
    return {name: points.get(name, call[name]) for name in names if name not in ('areas', 'avg_factor')}


def _weight(branch: Branch, call: dict[str, Any], weighting: Weighting) -> Any:
    weight, mask = next((call[name] for name in _THIRD if name in call), None), call.get('mask')
    weight = weighting.weights(branch.kind, weight)
    weights = {key: value for key, value in branch.settings.items() if key in CallWeights._fields}
    weight = CallWeights(**weights).applied(next(iter(call.values())), weight)
    if mask is None and isinstance(call.get('avg_factor'), Tensor) and call['avg_factor'].dim() == 4:
        mask = call.pop('avg_factor')
    return weight if mask is None else branch.kind.masked(weight, mask, next(iter(call.values())))


def _with_logits(
    branch: Branch, pred: Tensor, target: Tensor, weight: Tensor | None
) -> tuple[Tensor, Tensor, Tensor | None]:
    return (logits_of(pred, branch.kind) if branch.settings.get('activated') else pred), target, weight


_TEMPERATURES = Temperatures()._asdict()


def _is_of_tensors(value: Any) -> bool:
    """Whether a value is a tensor, or several, as of axes, or of labels and qualities."""
    several = isinstance(value, (tuple, list)) and len(value) > 0 and all(isinstance(part, Tensor) for part in value)
    return isinstance(value, Tensor) or several


def _joined(tensors: Sequence[Tensor]) -> Tensor:
    return _on_cpu(torch.cat(tuple(tensors)))


def _on_cpu(tensor: Tensor) -> Tensor:
    """The tensor on the CPU; floating-point numbers as float32, labels unchanged."""
    tensor = tensor.detach().cpu()
    return tensor.float() if tensor.is_floating_point() else tensor


def _number(value: Tensor | float | None) -> float | None:
    return None if value is None else float(value)


def _in_order(factors: Iterable[float | None]) -> list[float | None]:
    return sorted(factors, key=lambda factor: -math.inf if factor is None else factor)
