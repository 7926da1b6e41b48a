"""What a trained mixture is: its mean weights by label and prediction, and the one expression that is nearest to it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mmautoloss.expr import Tree
from mmautoloss.losses.call_weights import CallWeights
from mmautoloss.losses.controller import describe, features_of
from mmautoloss.losses.mixture import LossMixture
from mmautoloss.losses.temperatures import Temperatures

EXAMPLES = 512
"""Most examples that are kept."""

_GROUPS = 5
_SMALL = 0.01

Examples = tuple[Tensor, Tensor]
"""Raw predictions and targets of rows, or of pixels as maps of one pixel."""


class WeightsOfGroup(NamedTuple):
    """Mean weights of the losses over examples.

    Attributes:
        words: Which examples.
        size: Their number.
        weights: The mean weight of each loss.
    """

    words: str
    size: int
    weights: list[float]


class OneExpression(NamedTuple):
    """An expression in place of a mixture.

    Attributes:
        text: The expression.
        unexplained: The share of the squared gradient of the mixture, over examples, that it does not have.
    """

    text: str
    unexplained: float


def examples_of(mixture: LossMixture, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Examples:
    """Some of the examples that count in a call of a mixture.

    Args:
        mixture: The mixture.
        args: Arguments of the call.
        kwargs: Further arguments of the call.
    """
    rows = mixture.counted(*args, **kwargs)[0]
    pred, target = _points(rows.pred.detach()), _points(rows.target) if rows.target.dim() != 3 else rows.target
    if target.dim() == 3 and pred.dim() == 4:  # labels of maps
        target = target.reshape(-1, 1, 1)
    if rows.valid is not None:
        valid = rows.valid.any(dim=1).expand(len(rows.pred), *rows.pred.shape[2:]).reshape(-1)
        pred, target = pred[valid], target[valid]
    chosen = torch.linspace(0, max(len(pred) - 1, 0), min(EXAMPLES, len(pred))).long()
    return pred[chosen].cpu().clone(), target[chosen].cpu().clone()


def _points(tensor: Tensor) -> Tensor:
    """Maps (N, C, H, W) as maps of one pixel (N * H * W, C, 1, 1); rows as they are."""
    return tensor.movedim(1, -1).reshape(-1, tensor.shape[1], 1, 1) if tensor.dim() == 4 else tensor


def groups_of(mixture: LossMixture, examples: Examples) -> list[WeightsOfGroup]:
    """Mean weights over all examples, and over groups of them by label and prediction.

    Args:
        mixture: A mixture with a controller.
        examples: Those of ``examples_of``.
    """
    controller: Any = mixture.eval().controller
    if controller.per == 'branch':
        return [WeightsOfGroup('all', len(examples[0]), controller.of_branch().tolist())]
    with torch.no_grad():
        weights = controller(*examples).flatten(0, -2)
        features = describe(mixture.kind, *examples).flatten(0, -2)
    groups = [('all', torch.arange(len(weights)))]
    for words, chosen in _by_label(mixture, features):
        for part in chosen[features[chosen, 0].argsort(stable=True)].tensor_split(_GROUPS):
            if len(part):
                low, high = features[part, 0].min(), features[part, 0].max()
                groups.append((f'{words}{features_of(mixture.kind)[0]} from {low:.2f} to {high:.2f}', part))
    return [WeightsOfGroup(words, len(part), weights[part].mean(dim=0).tolist()) for words, part in groups]


def _by_label(mixture: LossMixture, features: Tensor) -> Iterator[tuple[str, Tensor]]:
    """The examples with a high and with a low target, where that is one of their numbers."""
    if features_of(mixture.kind)[1] != 'y':
        yield '', torch.arange(len(features))
        return
    high = features[:, 1] >= features[:, 1].mean()
    yield 'high y, ', high.nonzero().flatten()
    yield 'low y, ', (~high).nonzero().flatten()


def one_expression(mixture: LossMixture, examples: Examples) -> OneExpression:
    """One expression with the gradient of a mixture, exactly for weights of a branch, else by least squares.

    Terms are the losses, and the losses times ``p`` where that halves what is unexplained.

    Args:
        mixture: A mixture with a controller.
        examples: Those of ``examples_of``.
    """
    mixture = mixture.eval()
    if mixture.controller is None or mixture.controller.per == 'branch':
        return OneExpression(mixture.expression, 0.0)
    wanted = _gradient(mixture, examples)
    found = _fit(mixture, mixture.trees, wanted, examples)
    if found.unexplained > _SMALL and 'p' in mixture.kind.names:
        richer = _fit(
            mixture, [*mixture.trees, *(Tree(('mul', 'p', *tree.nodes)) for tree in mixture.trees)], wanted, examples
        )
        return richer if 2 * richer.unexplained < found.unexplained else found
    return found


def _fit(mixture: LossMixture, trees: Sequence[Tree], wanted: Tensor, examples: Examples) -> OneExpression:
    columns = torch.stack([_gradient(mixture.alone(tree), examples) for tree in trees], dim=1)
    factors = torch.linalg.lstsq(columns, wanted[:, None], driver='gelsd').solution[:, 0]
    kept = factors.abs() * columns.norm(dim=0) > _SMALL * wanted.norm()
    terms = [(float(f'{factor:.4g}'), tree) for factor, tree, keep in zip(factors, trees, kept, strict=True) if keep]
    text = ' + '.join(f'{factor!r} * ({tree})' for factor, tree in terms) or '0 * p'
    error = (_gradient(mixture.alone(text), examples) - wanted).norm() / wanted.norm()
    return OneExpression(text, float(error**2))


def _gradient(loss: Any, examples: Examples) -> Tensor:
    """The gradient of the sum over all examples with respect to the raw prediction, flat, in float64."""
    loss = copy.copy(loss)
    # examples are rows of logits of the right temperature
    loss.temperatures, loss.activated, loss.call_weights = Temperatures(), False, CallWeights()
    pred = examples[0].double().requires_grad_()
    target = examples[1].double() if examples[1].is_floating_point() else examples[1]
    call = (target[:, 0], torch.zeros(len(pred)).long()) if loss.kind.name == 'mask' else (target,)
    total = loss.double()(pred, *call, reduction_override='sum')
    return torch.autograd.grad(total, pred)[0].flatten() if total.requires_grad else torch.zeros(pred.numel()).double()
