"""Random calls of a loss, as heads make them and as none should."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import torch
from torch import Tensor

CONFIDENT = 100.0
"""The largest logit."""


class Call(NamedTuple):
    """A call of ``SearchedLoss``.

    Attributes:
        form: Name of the form, one of ``FORMS``.
        pred: Raw predictions.
        target: Targets.
        weight: The third argument.
        settings: Arguments of the constructor, with ``inputs``.
        options: Keyword arguments of the call.
    """

    form: str
    pred: Tensor
    target: Tensor
    weight: Tensor | None
    settings: dict[str, Any]
    options: dict[str, Any]

    @property
    def kind(self) -> str:
        """The kind of input."""
        return self.settings['inputs']

    @property
    def reduction(self) -> str:
        """The reduction that holds."""
        return self.options.get('reduction_override') or self.settings['reduction']

    @property
    def ignored(self) -> int | None:
        """The label that is ignored."""
        return self.options.get('ignore_index', self.settings['ignore_index'])


class Draw:
    """The numbers of calls.

    Args:
        rng: Source of all that is chosen.
        dtype: Precision of predictions and targets.
    """

    def __init__(self, rng: Random, dtype: torch.dtype) -> None:
        self.rng, self.dtype = rng, dtype
        self.generator = torch.Generator().manual_seed(rng.getrandbits(48))

    def normal(self, *shape: int) -> Tensor:
        """Normal numbers."""
        return torch.randn(shape, generator=self.generator, dtype=torch.float64).to(self.dtype)

    def uniform(self, *shape: int) -> Tensor:
        """Numbers from 0 to 1."""
        return torch.rand(shape, generator=self.generator, dtype=torch.float64).to(self.dtype)

    def integers(self, limit: int, *shape: int) -> Tensor:
        """Integers from 0, below a limit."""
        return torch.randint(limit, shape, generator=self.generator)

    def chance(self, probability: float, *shape: int) -> Tensor:
        """Booleans."""
        return self.uniform(*shape) < probability

    def logits(self, *shape: int) -> Tensor:
        """Logits, in some calls very sure ones."""
        spread = self.rng.choice((0.3, 1, 3, 3, 10, 40))
        return (spread * self.normal(*shape)).clamp(-CONFIDENT, CONFIDENT)

    def rows(self) -> int:
        """A number of rows, seldom none."""
        return self.rng.choice((0, 1, 2, 5, 9, 9, 17))

    def map_shape(self) -> tuple[int, int, int, int]:
        """Images, channels, lines and columns of maps, seldom nothing."""
        images, channels = self.rng.choice((0, 1, 2, 2, 3)), self.rng.choice((1, 2, 3, 4))
        return images, channels, self.rng.choice((1, 3, 5, 6)), self.rng.choice((1, 4, 5, 7))


def _softmax(draw: Draw, *shape: int) -> tuple[str, Tensor, Tensor]:
    count, channels, *sides = shape
    labels = draw.integers(max(channels, 2), count, *sides)
    unlabelled = draw.rng.choice((None, 255, -1, -100))
    if unlabelled is not None:
        labels = labels.masked_fill(draw.chance(0.25, count, *sides), unlabelled)
    return 'softmax', draw.logits(count, max(channels, 2), *sides), labels


def _softmax_targets(draw: Draw, *shape: int) -> tuple[str, Tensor, Tensor]:
    """Shares of the classes, as after Mixup."""
    count, channels = shape[0], max(shape[1], 2)
    shares = draw.uniform(count, channels) ** 3
    return 'softmax', draw.logits(count, channels), shares / shares.sum(dim=1, keepdim=True)


def _sigmoid_labels(draw: Draw, *shape: int) -> tuple[str, Tensor, Tensor]:
    count, channels, *sides = shape
    labels = draw.integers(channels + 1, count, *sides)  # C is the background
    return (
        'sigmoid',
        draw.logits(*shape),
        labels.masked_fill(draw.chance(0.2, count, *sides), draw.rng.choice((255, 0))),
    )


def _sigmoid_targets(draw: Draw, *shape: int) -> tuple[str, Tensor, Tensor]:
    targets = draw.uniform(*shape)
    targets = targets.round() if draw.rng.random() < 0.5 else targets
    unlabelled = draw.rng.choice((None, None, 255, -1))
    if unlabelled is not None:
        targets = targets.masked_fill(draw.chance(0.25, *shape), unlabelled)
    return 'sigmoid', draw.logits(*shape), targets


def _mask(draw: Draw, *shape: int) -> tuple[str, Tensor, Tensor]:
    count, _, *sides = shape
    return 'mask', draw.logits(*shape), draw.uniform(count, *sides).round()


def _values(kind: str) -> Callable[..., tuple[str, Tensor, Tensor]]:
    def values(draw: Draw, *shape: int) -> tuple[str, Tensor, Tensor]:
        pred, target = draw.normal(*shape), draw.normal(*shape)
        return kind, torch.where(draw.chance(0.05, *shape), target, pred), target

    return values


def _boxes(draw: Draw, *shape: int) -> tuple[str, Tensor, Tensor]:
    """Boxes on a coarse grid, which share corners, touch, are apart or have no size; predicted corners in any order."""
    count = shape[0]
    corner, sides = draw.integers(8, count, 2), draw.integers(6, count, 2)
    target = torch.cat([corner, corner + sides + (0 if draw.rng.random() < 0.2 else 1)], dim=1).to(draw.dtype)
    moved = target + draw.rng.choice((1, 1, 3, 9)) * draw.integers(5, count, 4).sub(2).to(draw.dtype)
    if draw.rng.random() < 0.5:
        moved = target + draw.rng.choice((0.1, 1, 5)) * draw.normal(count, 4)
    return 'area', torch.where(draw.chance(0.15, count, 4), target, moved), target


def _numbers(draw: Draw, *shape: int) -> tuple[str, Tensor, Tensor]:
    """One number a row, as of a centre-ness."""
    return 'sigmoid', draw.logits(shape[0]), draw.uniform(shape[0])


FORMS: dict[str, tuple[bool, Callable[..., tuple[str, Tensor, Tensor]]]] = {
    'softmax rows': (False, _softmax),
    'softmax rows, targets': (False, _softmax_targets),
    'softmax maps': (True, _softmax),
    'sigmoid rows, labels': (False, _sigmoid_labels),
    'sigmoid rows, targets': (False, _sigmoid_targets),
    'sigmoid numbers': (False, _numbers),
    'sigmoid maps, labels': (True, _sigmoid_labels),
    'sigmoid maps, targets': (True, _sigmoid_targets),
    'mask': (True, _mask),
    'heatmap': (True, _values('heatmap')),
    'delta': (False, _values('delta')),
    'area': (False, _boxes),
}
"""Forms of calls: whether of maps, and what draws kind, predictions and targets of a shape."""


def draw_call(form: str, rng: Random, dtype: torch.dtype = torch.float64) -> Call:
    """A random call of a form."""
    draw, (maps, function) = Draw(rng, dtype), FORMS[form]
    shape = draw.map_shape() if maps else (draw.rows(), rng.choice((1, 2, 3, 4)))
    kind, pred, target = function(draw, *(shape if form != 'area' else (shape[0], 4)))
    weight = _weight(draw, form, pred)
    call = Call(form, pred, target, weight, _settings(draw, kind, pred), _options(draw))
    if call.reduction == 'sum':  # is refused together
        call.options.pop('avg_factor', None)
    return call


def _weight(draw: Draw, form: str, pred: Tensor) -> Tensor | None:
    """Weights of every shape that the form allows: 1, 0 and 1, any with zeros, all zero; of masks the classes."""
    if form == 'mask':
        return draw.integers(pred.shape[1], len(pred))
    shape = draw.rng.choice(_weight_shapes(form, pred))
    weight = {
        'none': lambda: None,
        'ones': lambda: torch.ones(shape),
        'zeros and ones': lambda: draw.chance(0.6, *shape).float(),
        'any': lambda: (draw.uniform(*shape) + 0.1) * draw.chance(0.7, *shape),
        'positive': lambda: draw.uniform(*shape) + 0.1,
        'zero': lambda: torch.zeros(shape),
    }
    found = weight[draw.rng.choice(('none', 'none', 'ones', 'zeros and ones', 'any', 'any', 'positive', 'zero'))]()
    return None if found is None else found.to(draw.dtype)


def _weight_shapes(form: str, pred: Tensor) -> list[torch.Size]:
    whole, positions, rows = pred.shape, pred.shape[:1] + pred.shape[2:], pred.shape[:1]
    if form == 'heatmap':
        return [pred.shape[:2], whole]
    if form.startswith('softmax'):
        return [positions]
    if pred.dim() == 4:
        return [positions, whole, torch.Size([len(pred), 1, *pred.shape[2:]])]
    return [rows] if pred.dim() == 1 else [rows, whole]


def _settings(draw: Draw, kind: str, pred: Tensor) -> dict[str, Any]:
    channels = 1 if kind in ('area', 'mask') or pred.dim() == 1 else pred.shape[1]
    factors = [draw.rng.choice((0.0, 0.25, 1.0, 3.0)) for _ in range(channels)]
    settings = {
        'inputs': kind,
        'loss_weight': draw.rng.choice((1.0, 1.0, 0.5, 40.0)),
        'class_weight': factors if draw.rng.random() < 0.2 else None,
        'ignore_index': draw.rng.choice((None, None, 0, 255)),
        'reduction': draw.rng.choice(('mean', 'mean', 'mean', 'sum', 'none')),
        'use_target_weight': draw.rng.random() < 0.9,
    }
    if kind in ('sigmoid', 'mask') and draw.rng.random() < 0.1:
        settings['pos_weight'] = factors
    if kind == 'softmax' and settings['class_weight'] is not None and draw.rng.random() < 0.5:
        settings['average'] = 'class_weight'
    return settings


def _options(draw: Draw) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if draw.rng.random() < 0.2:
        options['reduction_override'] = draw.rng.choice(('mean', 'sum', 'none'))
    if draw.rng.random() < 0.1:
        options['ignore_index'] = draw.rng.choice((1, 255))
    if draw.rng.random() < 0.4:
        options['avg_factor'] = draw.rng.choice((0, 1, 3.5, 40, torch.tensor(7.0), torch.tensor(3)))
    return options
