"""Several losses of one branch: with fixed weights, weights that change with the training, or those of a controller."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mmautoloss.checks import WrongTypeError, require_number
from mmautoloss.errors import ExpressionError, SetupError
from mmautoloss.expr import Tree, compile_tree, parse
from mmautoloss.expr.elapsed import ELAPSED, reads_elapsed
from mmautoloss.losses.controller import Controller
from mmautoloss.losses.definition import plain_values
from mmautoloss.losses.elapsed import elapsed_share
from mmautoloss.losses.fused import fused_total
from mmautoloss.losses.gradient_sizes import GradientSizes, read_scales
from mmautoloss.losses.inputs import InputKind, Rows
from mmautoloss.losses.inputs.rows import valid_of_prediction
from mmautoloss.losses.named_sums import expression_of
from mmautoloss.losses.searched_loss import SearchedLoss, in_full_precision
from mmautoloss.registry import MODELS, register


class _Part(NamedTuple):
    """One loss of a mixture in a call: its expression, a factor, and the rows with its weights in their weights."""

    tree: Tree
    factor: float | Tensor
    rows: Rows


@register(MODELS, everywhere=True)
class LossMixture(SearchedLoss):
    r"""Several losses of one branch, called as ``SearchedLoss`` is.

    .. math:: L = \sum_k w_k s_k L_k

    with weights :math:`w_k` and scales :math:`s_k`. The value of a loss says nothing of how much it moves a network, so by
    default a scale makes the gradient with respect to the raw prediction as long as that of the first loss, on average
    over the first ten calls of a training. Weights are then shares of the gradient at its begin, and a mixture is as
    strong as its first loss.

    Args:
        losses: Names of known losses (``mmautoloss zoo``), sums of them, or expressions.
        inputs: The kind of input, as of ``SearchedLoss``.
        weights: A number, or a formula of the elapsed share of the training such as ``'1 - t'``, for each loss; by
            default all are 1 / K.
        scales: ``'gradient'``, ``'none'`` for losses as they are, or a factor for each loss.
        controller: Settings of the ``Controller`` that gives the weights in place of ``weights``; ``MixtureHook`` trains it.
        use_sigmoid: Read by heads, as of ``SearchedLoss``.
        loss_name: Key of the loss in logs.
        settings: The other settings of ``SearchedLoss``, which all losses share.

    Raises:
        ExpressionError: A loss or a weight is no expression.
        SetupError: A setting has no meaning.

    Example:
        >>> loss = LossMixture(['abs(p - y)', 'mse'], inputs='delta', weights=[1, 0.5], scales='none')
        >>> loss(torch.zeros(1, 1), torch.full((1, 1), 3.0)).item()
        7.5
    """

    def __init__(
        self,
        losses: Sequence[str],
        inputs: str | None = None,
        weights: Sequence[float | str] | None = None,
        scales: str | Sequence[float] = 'gradient',
        controller: Mapping[str, Any] | None = None,
        use_sigmoid: bool = False,
        loss_name: str = 'loss_mixture',
        **settings: Any,
    ) -> None:
        if isinstance(losses, str) or not isinstance(losses, Sequence) or len(losses) < 2:
            raise WrongTypeError(f"losses must be a list of at least two, such as ['ce', 'gce'], but got {losses!r}.")
        if weights is not None and controller is not None:
            raise SetupError('weights and controller exclude each other, since a controller gives the weights.')
        inputs = inputs or ('sigmoid' if use_sigmoid else 'softmax')
        if 'expression' in settings:
            raise SetupError('A mixture has losses, but got an expression; put it into losses.')
        texts = [expression_of(loss, inputs) for loss in losses]
        super().__init__(texts[0], inputs, use_sigmoid, loss_name=loss_name, **settings)
        self.trees = [self.kind.parse(text) for text in texts]
        self.scales = read_scales(scales, len(losses))
        self.weights = _read_weights(weights, len(losses))
        self.controller = None if controller is None else _build_controller(controller, len(losses), self.kind)
        self.settings = {'inputs': inputs, 'use_sigmoid': use_sigmoid, 'loss_name': loss_name, **settings}
        self._given = (
            scales if isinstance(scales, str) else list(scales),
            None if controller is None else dict(controller),
        )

    @property
    def expression(self) -> str:
        """The mixture as one expression; weights of examples, which are none, are called ``w1``, ``w2``."""
        words = zip(self._words(), self.trees, strict=True)
        return ' + '.join(f'{weight} * ({tree})' for weight, tree in words)

    @property
    def reads_elapsed(self) -> bool:
        """Whether a loss or a weight reads ``t``."""
        return any(reads_elapsed(tree) for tree in (*self.trees, *self.weights))

    def described(self) -> dict[str, Any]:
        """The arguments of a mixture with a controller in plain types, for checkpoints."""
        scales, controller = self._given
        return {'losses': [*map(str, self.trees)], **self.settings, 'scales': scales, 'controller': controller}

    def alone(self, expression: str | Tree, factor: float = 1.0) -> SearchedLoss:
        """Another loss, or one of the mixture, with all other settings of this one.

        Args:
            expression: A known loss, a sum of such, or an expression.
            factor: A factor besides ``loss_weight``.
        """
        text = str(expression) if isinstance(expression, Tree) else expression_of(expression, self.kind.name)
        return SearchedLoss(text, **{**self.settings, 'loss_weight': factor * self.loss_weight})

    def parts(self) -> list[SearchedLoss]:
        """The losses of the mixture, on their scales, without their weights."""
        return [self.alone(tree, factor) for tree, factor in zip(self.trees, self.scales.factors(), strict=True)]

    def counted(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | Tensor | None = None,
        reduction_override: str | None = None,
        ignore_index: int | None = None,
    ) -> list[Rows]:
        """The rows that count in a call, of each call of single tensors; arguments as of ``forward``."""
        pred, target, weight, _ = self._read_call(pred, target, weight, avg_factor)
        calls = (self._with_logits(*call) for call in self.kind.calls(pred, target, weight))
        return [self.counts.rows(self.kind, *call, ignore_index) for call in calls]

    def _total(self, rows: Rows, divisor: float | Tensor) -> Tensor:
        pred = in_full_precision(rows.pred)
        scale = self.loss_weight / (divisor.to(pred) if isinstance(divisor, Tensor) else divisor)
        self._measure(pred, rows, scale)
        totals = [
            fused_total(pred, self._call(part.tree, pred, part.rows), part.factor * scale, self.compiled)
            for part in self._parts(pred, rows)
        ]
        return sum(totals[1:], totals[0])

    def _elements(self, pred: Tensor, rows: Rows) -> Tensor:
        self._measure(pred, rows, self.loss_weight)
        values = [
            part.factor * plain_values(pred, self._call(part.tree, pred, part.rows))
            for part in self._parts(pred, rows)
        ]
        return sum(values[1:], values[0])

    def _parts(self, pred: Tensor, rows: Rows) -> Iterator[_Part]:
        """The losses with their weights in a call."""
        scales = self.scales.factors()
        if self.controller is None:
            weights: Sequence[float] | Tensor = [_value(tree) for tree in self.weights]
        else:
            weights = self.controller(_neutral(pred, rows), rows.target).to(pred.dtype).movedim(-1, 0)
        for tree, scale, weight in zip(self.trees, scales, weights, strict=True):
            if isinstance(weight, Tensor) and weight.dim():
                yield _Part(tree, scale, rows._replace(weight=weight if rows.weight is None else weight * rows.weight))
            else:
                yield _Part(tree, scale * weight, rows)

    @torch.no_grad()
    def _measure(self, pred: Tensor, rows: Rows, scale: float | Tensor) -> None:
        """Measures the gradients of the losses, in the first calls of a training."""
        if isinstance(self.scales, GradientSizes) and self.training and pred.requires_grad and self.scales.measures:
            self.scales.add(torch.stack([self._length(tree, pred, rows, scale) for tree in self.trees]))

    @torch.enable_grad()
    def _length(self, tree: Tree, pred: Tensor, rows: Rows, scale: float | Tensor) -> Tensor:
        """The length of the gradient of one loss in a call, 0 if it does not read the prediction."""
        raw = pred.detach().requires_grad_()
        total = fused_total(raw, self._call(tree, raw, rows), scale)
        return (
            torch.autograd.grad(total, raw)[0].double().norm() if total.requires_grad else raw.new_zeros(()).double()
        )

    def _words(self) -> list[str]:
        """The weights times the scales, as text."""
        scales = self.scales.factors()
        if self.controller is None:
            return [_product(tree, scale) for tree, scale in zip(self.weights, scales, strict=True)]
        if self.controller.per == 'branch':
            weights = self.controller.of_branch().tolist()
            return [f'{weight * scale:.7g}' for weight, scale in zip(weights, scales, strict=True)]
        return [f'w{number} * {scale:.7g}' if scale != 1 else f'w{number}' for number, scale in enumerate(scales, 1)]

    def extra_repr(self) -> str:
        return f'losses={[str(tree) for tree in self.trees]}, {super().extra_repr()}'


def _neutral(pred: Tensor, rows: Rows) -> Tensor:
    """Predictions with 0 for what does not count, which may be NaN."""
    if rows.valid is None:
        return pred
    return torch.where(valid_of_prediction(rows.valid, pred), pred, 0)


def _read_weights(weights: Sequence[float | str] | None, count: int) -> list[Tree]:
    """The weights as expressions over the elapsed share."""
    if weights is None:
        return [parse(f'{1 / count!r}', (ELAPSED,))] * count
    if isinstance(weights, str) or not isinstance(weights, Sequence) or len(weights) != count:
        raise SetupError(f'weights must be a list of one for each of {count} losses, but got {weights!r}.')
    return [_read_weight(weight) for weight in weights]


def _read_weight(weight: float | str) -> Tree:
    if not isinstance(weight, str):
        require_number('each of weights', weight, None)
        return parse(f'{weight!r}', (ELAPSED,))
    try:
        return parse(weight, (ELAPSED,))
    except ExpressionError as error:
        raise SetupError(
            f'weights may be numbers or formulas of t, such as "1 - t", but got {weight!r}: {error}'
        ) from None


def _value(weight: Tree) -> float:
    share = torch.tensor(elapsed_share(), dtype=torch.float64).view(1, 1, 1, 1)
    return float(compile_tree(weight)({ELAPSED: share}, None))


def _product(weight: Tree, scale: float) -> str:
    """The text of a weight times a scale."""
    if not reads_elapsed(weight):
        return f'{_value(weight) * scale:.7g}'
    return f'({weight}) * {scale:.7g}' if scale != 1 else f'({weight})'


def _build_controller(settings: Mapping[str, Any], count: int, kind: InputKind) -> Controller:
    try:
        return Controller(count, kind, **settings)
    except TypeError as error:
        raise SetupError(
            f'controller must be a dict such as dict(hidden=8, per="example"), but got {settings!r}: {error}.'
        ) from None
