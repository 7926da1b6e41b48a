"""The result of a search: a loss that is pasted into a config of mmdet, mmseg, mmpose or mmpretrain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real

import torch
from torch import Tensor, nn

from mmautoloss.errors import SetupError
from mmautoloss.expr import Tree
from mmautoloss.expr.elapsed import reads_elapsed
from mmautoloss.losses.call_weights import CallWeights
from mmautoloss.losses.chosen import chosen_loss
from mmautoloss.losses.definition import Call, divisor_of, plain_values
from mmautoloss.losses.elapsed import elapsed_of
from mmautoloss.losses.fused import fused_total
from mmautoloss.losses.fused.blocks import threads_of
from mmautoloss.losses.inputs import Rows, as_nchw, input_kind
from mmautoloss.losses.inputs.rows import rows_as_values
from mmautoloss.losses.keypoint_units import in_units, require_sigmas
from mmautoloss.losses.loss_graph import LossGraph
from mmautoloss.losses.probabilities import logits_of, require_probabilities
from mmautoloss.losses.temperatures import Temperatures
from mmautoloss.losses.weighting import Weighting
from mmautoloss.registry import MODELS, register

_REDUCTIONS = ('none', 'mean', 'sum')


@register(MODELS, everywhere=True)
class SearchedLoss(nn.Module):
    r"""A loss expression with the call convention of the hand-made losses.

    Rows of weight 0 and rows with an ignored label are removed first; the others become tensors
    (N, C, H, W), or (N, C, 1, 1) without a map. The graph computes :math:`o` of that shape, and with
    weights :math:`w`

    .. math:: L = \text{loss\_weight} \cdot \frac{1}{M} \sum_{n,c,h,w} w_{nchw} o_{nchw}

    where M is ``avg_factor`` if the head passes one (the number of samples it drew), else the
    number of positions (n, h, w) with a label that counts, whatever their weight. That is the
    published aggregation, sum over channels and mean over the rest, with the head's own normaliser;
    so ``-y * log(p)`` has the values of mmdet's ``CrossEntropyLoss`` and ``abs(p - y)`` those of its
    ``L1Loss`` in every head that passes ``avg_factor``, and the former those of mmseg's
    ``CrossEntropyLoss(avg_non_ignore=True)``, also with weights of pixels (OHEM) and of classes.
    Two things differ without ``avg_factor``: with ``avg_non_ignore=False``, their default, mmseg's
    and mmdet's cross-entropies also divide by the positions that are ignored; and losses of single
    elements (sigmoids, ``L1Loss``, mmpose's ``KeypointMSELoss``) average over the channels, too,
    which this loss never does: a ``loss_weight`` divided by C is the same. ``log(p)`` and
    ``log(1 - p)`` of probabilities are computed from the logits, as in those losses. A call in which
    nothing counts gives a zero that is part of the graph. The transforms of ``torch.func`` (``grad``,
    ``vmap`` and the like) are not supported.

    Besides its inputs an expression may read ``t``, the elapsed share of the training, as in ``(1 - t) * a + t * b``: i / n
    during iteration i, counted from 0, of n, so that it is 0 in the first and (n - 1) / n in the last, and 1 outside of a
    training with MMEngine, in validations, too (``losses.elapsed``).

    Args:
        expression: Infix text, such as ``'-mean_c(y * log(p))'``, or the name of a known loss, such as ``'dice'``.
        inputs: What the expression reads: ``'softmax'`` or ``'sigmoid'`` (class scores of rows or
            maps), ``'mask'`` (masks of instances), ``'heatmap'`` (maps as they are), ``'delta'``
            (values as they are, such as box deltas), ``'area'`` (``i``, ``u``, ``e`` of decoded
            boxes), ``'bins'`` (distributions), ``'quality'`` (class scores beside the quality ``q`` of a
            box), ``'instance'`` (masks of which each is compared as a whole), ``'peak'`` (heat maps of
            scores), ``'triplet'`` (distances ``a``, ``n`` of embeddings), ``'pairs'`` (their cosines),
            ``'cosine'`` (cosines of classes), ``'direction'`` (features of length 1), ``'motion'`` (points of
            frames). Default: ``'sigmoid'`` with ``use_sigmoid=True``,
            else ``'softmax'``.
        use_sigmoid: Read by heads to choose the size of their output; must agree with ``inputs``.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``, which returns what the heads expect of
            hand-made losses: one value per row or pixel for softmax, areas and masks, else one per element.
        loss_weight: Factor of the loss; None for that of the card, otherwise 1.
        ignore_index: Label that does not count.
        class_weight: Factor of each channel of the graph, against imbalance; None if all are 1. With
            ``-y * log(p)`` it weighs each row by its class.
        pos_weight: Factor of each channel where ``y`` is 1, for sigmoids; where ``y`` is 0 it is 1, between both in
            between. The class weights of binary cross-entropies of mmdet and mmseg are such factors.
        average: M if the head passes no ``avg_factor``: the number of ``'positions'``, the sum of the
            ``'class_weight'`` of all labels, as of mmseg's cross-entropy with class weights, the sum of the
            ``'weights'`` of a call, as of masked autoencoders, or 1, a ``'sum'``, for heads that divide by a number of their
            own, as that of YOLOX.
        use_target_weight: Whether the weights that the head passes count.
        loss_name: Key of the loss in logs; must contain ``loss``, or it would take no part in
            training.
        compile: Whether to use ``torch.compile`` on the expression, at the first call with a gradient; that takes some
            seconds and needs a C++ compiler, on a GPU Triton. If it fails, a warning says why, once per process, and
            the loss is computed without it. Values and gradients are the same up to rounding. Short expressions over
            few elements are not compiled: calling the code would take longer.
        beta: Factor of the logits, for bins.
        label_beta: Factor of targets that become distributions by a softmax, for bins; None if they are distributions.
        activated: Whether the head passes probabilities, of which the logits are computed first.
        sigmas: The constant of each keypoint, for keypoints, whose head passes areas in place of ``avg_factor``; None
            for coordinates that are in units already.
        keypoint_weight: Factor of each keypoint, for bins and keypoints; None if all are 1.
        norm_target_weight: Whether the weights of the keypoints of each person are divided by their mean.
        motion_weight: Factors of the parts of a motion that are scaled points and velocities; None for 1.
        card: ``CARD.BRANCH``, a loss that is shipped with this package, in place of ``expression`` (``mmautoloss zoo``). One
            that reads sigmoids also needs ``use_sigmoid=True`` where the head reads that key of the config.

    Raises:
        ExpressionError: The text is no expression over these inputs.
        SetupError: A setting has no meaning.

    Example:
        >>> loss = SearchedLoss('abs(p - y)', inputs='delta')
        >>> loss(torch.zeros(2, 4), torch.ones(2, 4), avg_factor=8).item()
        1.0
    """

    def __init__(
        self,
        expression: str | Tree | None = None,
        inputs: str | None = None,
        use_sigmoid: bool = False,
        reduction: str = 'mean',
        loss_weight: float | None = None,
        ignore_index: int | None = None,
        class_weight: Sequence[float] | Tensor | None = None,
        pos_weight: Sequence[float] | None = None,
        average: str = 'positions',
        use_target_weight: bool = True,
        loss_name: str = 'loss_searched',
        compile: bool = False,
        beta: float = 1.0,
        label_beta: float | None = None,
        activated: bool = False,
        sigmas: Sequence[float] | None = None,
        keypoint_weight: Sequence[float] | None = None,
        norm_target_weight: bool = False,
        motion_weight: Sequence[float] | None = None,
        card: str | None = None,
    ) -> None:
        super().__init__()
        text = str(expression) if isinstance(expression, Tree) else expression
        text, inputs, usual_weight = chosen_loss(text, card, inputs, use_sigmoid)
        loss_weight = usual_weight if loss_weight is None else loss_weight
        self.kind = input_kind(inputs)
        if use_sigmoid and not self.kind.use_sigmoid:
            raise SetupError(f'use_sigmoid=True needs inputs="sigmoid", but got inputs={inputs!r}.')
        if reduction not in _REDUCTIONS:
            raise SetupError(f'reduction must be one of {", ".join(_REDUCTIONS)}, but got {reduction!r}.')
        if 'loss' not in loss_name:
            raise SetupError(
                f'loss_name must contain "loss", or the loss takes no part in training, but got {loss_name!r}.'
            )
        if not _is_finite(loss_weight):
            raise SetupError(f'loss_weight must be a finite number, but got {loss_weight!r}.')
        self.graph = LossGraph(self.kind.parse(text))
        self.use_sigmoid = self.kind.use_sigmoid
        self.reduction = reduction
        self.loss_weight = loss_weight
        if isinstance(class_weight, Tensor):  # made by the head, as of DETR
            class_weight = class_weight.tolist()
        self.counts = Weighting(ignore_index, class_weight, pos_weight, average, use_target_weight)
        self.counts.require_valid(self.kind)
        self._loss_name = loss_name
        self.compiled = compile
        self.temperatures = Temperatures(beta, label_beta)
        self.temperatures.require_valid(self.kind)
        self.activated = activated
        require_probabilities(activated, self.kind)
        self.sigmas = sigmas
        require_sigmas(sigmas, self.kind)
        self.call_weights = CallWeights(keypoint_weight, norm_target_weight, motion_weight)
        self.call_weights.require_valid(self.kind)

    @property
    def expression(self) -> str:
        """The expression as text."""
        return str(self.graph.tree)

    @property
    def reads_elapsed(self) -> bool:
        """Whether it reads ``t``, the elapsed share of the training."""
        return reads_elapsed(self.graph.tree)

    @property
    def use_target_weight(self) -> bool:
        """Whether the weights of a call count; read by heads of mmpose."""
        return self.counts.use_target_weight

    @property
    def beta(self) -> float:
        """Factor of the logits, for bins; read by distillers of mmpose."""
        return self.temperatures.beta

    @property
    def loss_name(self) -> str:
        """Key of the loss in logs (MMEngine sums the keys that contain ``loss``)."""
        return self._loss_name

    def forward(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | Tensor | None = None,
        reduction_override: str | None = None,
        ignore_index: int | None = None,
    ) -> Tensor:
        """The loss of one call of a head.

        Args:
            pred: Raw predictions (M, C) or maps (N, C, H, W): logits, deltas, decoded boxes, heat maps.
            target: Labels or targets, as the kind of input says.
            weight: Weights of rows or elements, 0 excludes them; for ``'mask'`` the classes (M,).
            avg_factor: Divisor of the sum, instead of the number of rows; for heat maps also a mask of pixels (N, 1, H, W).
            reduction_override: Overrides ``reduction``.
            ignore_index: Overrides that of the constructor.

        Returns:
            A scalar; with reduction ``'none'`` the shape of the prediction, or for softmax, areas and masks (M,), for
            maps (N, H, W).

        Raises:
            SetupError: Shapes or reduction do not fit.
        """
        reduction = reduction_override or self.reduction
        if reduction not in _REDUCTIONS:
            raise SetupError(
                f'reduction_override must be one of {", ".join(_REDUCTIONS)}, but got {reduction_override!r}.'
            )
        pred, target, weight, avg_factor = self._read_call(pred, target, weight, avg_factor)
        if avg_factor is not None and reduction == 'sum':
            raise SetupError('avg_factor cannot be used with reduction="sum"; use "mean".')
        calls = [self._with_logits(*call) for call in self.kind.calls(pred, target, weight)]
        parts = [self._reduced(*call, avg_factor, reduction, ignore_index) for call in calls]
        if reduction == 'none' and self.kind.elementwise and calls[0][0].dim() != pred.dim():
            return rows_as_values(parts[0], pred)
        return self.call_weights.total(parts)

    def _read_call(
        self, pred: Tensor, target: Tensor, weight: Tensor | None, avg_factor: float | Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None, float | Tensor | None]:
        """A call with the weights that count, and points in units of persons, for which heads pass other arguments."""
        weight = self.call_weights.applied(pred, self.counts.weights(self.kind, weight))
        if isinstance(weight, Real):  # a temperature, after which distillers of mmpose pass weights that do not count
            avg_factor = None
        if isinstance(avg_factor, Tensor) and avg_factor.dim() == 4:  # where heads of mmpose pass a mask of pixels
            weight, avg_factor = self.kind.masked(weight, avg_factor, pred), None
        if self.sigmas is not None and isinstance(avg_factor, Tensor):  # the areas of persons
            pred, target = (in_units(points, avg_factor, self.sigmas) for points in (pred, target))
            avg_factor = None
        return pred, target, weight, avg_factor

    def _with_logits(
        self, pred: Tensor, target: Tensor, weight: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """A call of single tensors as if the head had passed logits of the right temperature."""
        return self.temperatures.applied(logits_of(pred, self.kind) if self.activated else pred, target, weight)

    def _reduced(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None,
        avg_factor: float | Tensor | None,
        reduction: str,
        ignore_index: int | None,
    ) -> Tensor:
        """The loss of a call of single tensors."""
        with threads_of(pred):
            rows = self.counts.rows(self.kind, pred, target, weight, ignore_index)
            if reduction == 'none':
                return self._values(rows, len(pred)).view(self._shape(pred, target))
            if not rows.pred.numel():  # a 0 with a gradient: DDP needs one for every parameter
                return in_full_precision(rows.pred).sum()
            return self._total(rows, 1 if reduction == 'sum' else divisor_of(rows, avg_factor))

    def _total(self, rows: Rows, divisor: float | Tensor) -> Tensor:
        """The weighted sum over all elements, divided by ``divisor``."""
        pred = in_full_precision(rows.pred)
        if isinstance(divisor, Tensor):
            divisor = divisor.to(pred)
        return fused_total(pred, self._call(self.graph.tree, pred, rows), self.loss_weight / divisor, self.compiled)

    def _values(self, rows: Rows, count: int) -> Tensor:
        """One value per element, (M, C, H, W) or (M, H, W), 0 for those that do not count."""
        pred = in_full_precision(rows.pred)
        values = self._elements(pred, rows) if pred.numel() else as_nchw(pred)
        values = values if self.kind.elementwise else values.sum(dim=1)
        return self.loss_weight * values.new_zeros(count, *values.shape[1:]).index_put((rows.index,), values)

    def _elements(self, pred: Tensor, rows: Rows) -> Tensor:
        """The weighted values (M, C, H, W) of rows, without ``loss_weight``."""
        return plain_values(pred, self._call(self.graph.tree, pred, rows))

    def _shape(self, pred: Tensor, target: Tensor) -> torch.Size:
        """The shape of the result without reduction; a map of one channel has the shape of its labels."""
        if not self.kind.elementwise:
            return pred.shape[:1] + pred.shape[2:]
        return target.shape if pred.dim() == 4 and pred.shape[1] == 1 else pred.shape

    def _call(self, tree: Tree, pred: Tensor, rows: Rows) -> Call:
        weight = None if rows.weight is None else rows.weight.to(pred.dtype)
        elapsed = elapsed_of(tree, pred)
        return Call(tree, self.kind, rows.target, weight, rows.channel_weight, rows.valid, elapsed)

    def extra_repr(self) -> str:
        shown = {'inputs': self.kind.name, 'loss_weight': self.loss_weight, 'reduction': self.reduction}
        shown |= {
            key: value for key, value in self.counts._asdict().items() if value != Weighting._field_defaults[key]
        }
        shown |= {'compile': True} if self.compiled else {}
        shown |= self.temperatures.changed | ({'activated': True} if self.activated else {})
        shown |= ({} if self.sigmas is None else {'sigmas': self.sigmas}) | self.call_weights.changed
        return ', '.join(f'{key}={value!r}' for key, value in shown.items())


def _is_finite(value: object) -> bool:
    return isinstance(value, Real) and math.isfinite(value)


def _precision(pred: Tensor) -> torch.dtype:
    return torch.float64 if pred.dtype == torch.float64 else torch.float32


def in_full_precision(pred: Tensor) -> Tensor:
    """A prediction in float32 or float64, whatever the precision of the model."""
    return pred.to(_precision(pred))
