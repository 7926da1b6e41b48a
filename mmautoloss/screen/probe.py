"""Probes: captured calls of a branch's loss, the fixed samples on which every candidate is tested."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmautoloss.errors import SetupError
from mmautoloss.losses import InputKind, Rows, Weighting, input_kind
from mmautoloss.screen.metrics import PROBE_METRICS

Objective = Callable[..., Tensor]
"""A loss as called by a head: ``objective(pred, target, weight, avg_factor=..., ignore_index=...)``, a scalar."""


@dataclass(frozen=True)
class Sample:
    """The call of a loss for one training image, of a classifier for several; the calls of several levels are joined.

    Attributes:
        pred: Raw predictions (M, C) or maps (M, C, H, W) of the untrained network, before the activation.
        target: Targets, as passed by the head.
        weight: The third argument of the call, weights or, for masks, classes; or None.
        avg_factor: The normaliser, or None where the head passes none.
        ignore_index: The ignored label, or None where the head passes none.
        settings: Other relevant arguments of the calls, as plain values (``losses.Weighting``).
    """

    pred: Tensor
    target: Tensor
    weight: Tensor | None
    avg_factor: float | None
    ignore_index: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def required_weight(self) -> Tensor:
        """The weight, where the first sample of the probe has one."""
        if self.weight is None:
            raise ValueError('Either all calls of a loss have weights or none.')
        return self.weight

    def loss(self, objective: Objective, pred: Tensor | None = None) -> Tensor:
        """Value of a loss on this sample, at other predictions if given."""
        options = {'avg_factor': self.avg_factor, 'ignore_index': self.ignore_index}
        passed = {name: value for name, value in options.items() if value is not None}  # not every loss accepts each
        weight = () if self.weight is None else (self.weight,)
        return objective(self.pred if pred is None else pred, self.target, *weight, **passed)

    def rows(self, kind: InputKind, pred: Tensor | None = None) -> Rows:
        """The rows of this sample that count, at other predictions if given."""
        pred = self.pred if pred is None else pred
        weighting = Weighting(**self.settings)
        return weighting.rows(kind, pred, self.target, weighting.weights(kind, self.weight), self.ignore_index)

    def without_ignored_nan(self, kind: InputKind) -> Sample:
        """The sample with 0 for ignored NaN and Inf, which would otherwise enter means over all predictions."""
        pred = self.pred.clone().requires_grad_()
        rows = self.rows(kind, pred)
        counted = rows.pred if rows.valid is None else torch.where(rows.valid, rows.pred, 0)
        (gradient,) = torch.autograd.grad(counted.sum(), pred)
        return replace(self, pred=torch.where((gradient != 0) | self.pred.isfinite(), self.pred, 0))

    def gradient(self, objective: Objective) -> Tensor:
        """Gradient with respect to the raw predictions, in their shape; zero where the loss does not depend on them."""
        pred = self.pred.clone().requires_grad_()
        loss = self.loss(objective, pred)
        if not loss.requires_grad:
            return torch.zeros_like(pred)
        (gradient,) = torch.autograd.grad(loss, pred, allow_unused=True)
        return torch.zeros_like(pred) if gradient is None else gradient


@dataclass(frozen=True)
class Probe:
    """The B samples of a branch and the metric of its predictions.

    Attributes:
        inputs: Name of the kind of input.
        metric: Name of the metric (``screen.metrics``).
        samples: One sample for each training image.
        scaling: Additional tensors for the metric, such as means and deviations of box deltas.
    """

    inputs: str
    metric: str
    samples: tuple[Sample, ...]
    scaling: Mapping[str, Tensor]

    def __post_init__(self) -> None:
        if not self.samples:
            raise SetupError('A probe needs at least one sample, but got none.')
        if self.metric not in PROBE_METRICS:
            raise SetupError(f'The metric of a probe must be one of {", ".join(PROBE_METRICS)}, got {self.metric!r}.')
        if not all(sample.pred.isfinite().all() for sample in self.samples):
            object.__setattr__(
                self, 'samples', tuple(sample.without_ignored_nan(self.kind) for sample in self.samples)
            )

    @property
    def kind(self) -> InputKind:
        """The kind of input."""
        return input_kind(self.inputs)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The arguments of ``losses.Weighting``."""
        return self.samples[0].settings

    def joined(self) -> Sample:
        """All samples as one call, without ignored rows."""
        parts = [(s, s.rows(self.kind).index) for s in self.samples]
        weight = None
        if self.samples[0].weight is not None:
            weight = torch.cat([s.required_weight[index] for s, index in parts])
            weight = None if self.kind.weighted and bool((weight == 1).all()) else weight
        factors = [s.avg_factor for s in self.samples if s.avg_factor is not None]
        return Sample(
            pred=torch.cat([s.pred[index] for s, index in parts]),
            target=torch.cat([s.target[index] for s, index in parts]),
            weight=weight,
            avg_factor=float(sum(factors)) if len(factors) == len(self.samples) else None,
            ignore_index=self.samples[0].ignore_index,
            settings=self.settings,
        )

    def scattered(self) -> Probe:
        """The samples at random predictions around the captured ones, the same in every call.

        An untrained network predicts nearly the same everywhere, where very different losses share a gradient: at p = 1/2,
        ``log(1 - p)`` and ``-log(p)`` do. They differ only at other predictions. Targets of a regression are scattered
        too: the proposals of an untrained network are far from all objects or are ground-truth boxes added by the sampler,
        whose target deltas are 0, so that any loss that shrinks ``p`` looks good. Scores with a deviation above 1, as of a
        mask head without normalisation, are scaled to a deviation of 1.
        """
        generator = torch.Generator().manual_seed(0)
        samples = []
        for sample in self.samples:
            unit = self.kind.unit(sample.pred, sample.target)
            target = self.kind.scatter(sample.target, unit, generator) if self.kind.regression else sample.target
            start = self.kind.start(sample.pred, sample.target)
            pred = self.kind.scatter(start if self.kind.regression else _normalized(start), unit, generator)
            samples.append(replace(sample, pred=pred, target=target))
        return replace(self, samples=tuple(samples))

    def score(self, pred: Tensor, sample: Sample) -> float:
        """The metric of raw predictions for a joined sample; 1 is perfect."""
        rows = sample.rows(self.kind, pred)
        return PROBE_METRICS[self.metric](rows.pred, self.kind.marked(rows), self.scaling)


def _normalized(scores: Tensor) -> Tensor:
    deviation = scores.std() if scores.numel() > 1 else scores.new_zeros(())
    return scores / deviation.clamp(min=1)


def save_probes(probes: Mapping[str, Probe], path: Path) -> None:
    """Writes probes as tensors and plain values; the file appears only when it is complete."""
    data = {
        name: {
            'inputs': probe.inputs,
            'metric': probe.metric,
            'scaling': dict(probe.scaling),
            'samples': [vars(sample) for sample in probe.samples],
        }
        for name, probe in probes.items()
    }
    part = path.with_suffix('.part')
    torch.save(data, part)
    part.replace(path)


def load_probes(path: Path) -> dict[str, Probe]:
    """Reads a file of ``save_probes`` without executing code from it.

    Raises:
        SetupError: The file cannot be read as probes.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # torch warns about files of other formats
            return _probes(torch.load(path, weights_only=True))
    except Exception as error:  # torch raises many types for a damaged or foreign file
        raise SetupError(
            f'{path} holds no probes that can be read ({type(error).__name__}): take the file of the search, or begin anew.'
        ) from error


def _probes(data: Mapping[str, Mapping[str, Any]]) -> dict[str, Probe]:
    return {
        name: Probe(
            inputs=entry['inputs'],
            metric=entry['metric'],
            samples=tuple(Sample(**sample) for sample in entry['samples']),
            scaling=entry['scaling'],
        )
        for name, entry in data.items()
    }


def probes_file(task: str) -> str:
    """The name of the file with the probes of a task; '' is that of a search of one."""
    return f'probes_{task}.pt' if task else 'probes.pt'
