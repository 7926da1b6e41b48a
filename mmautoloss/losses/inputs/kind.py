"""The base class of all kinds of input, which turn the rows of a call into named tensors."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from mmautoloss.errors import SetupError
from mmautoloss.expr import Tree, parse
from mmautoloss.expr.elapsed import ELAPSED, MEANING, SHARE
from mmautoloss.losses.inputs.rows import Rows, valid_of_prediction


class InputKind(ABC):
    """The inputs that a graph reads in one kind of branch; stateless.

    Attributes:
        name: Name in configs.
        names: Inputs that a graph may read.
        meanings: Description of each input, which needs no other text.
        from_prediction: Inputs that depend on the prediction.
        from_target: Inputs that depend on the target; a loss must read one of them.
        spread: Standard deviation, in natural units, of the random raw predictions on which losses are compared.
        regression: Whether targets are values like the predictions, and so can be random as well.
        weighted: Whether the third argument of a call is a weight.
        maps: Whether a call may hold a map for each image of the batch.
        related: Whether the inputs of a row depend on the other rows of a call, which then cannot be divided.
        one_hot: Whether ``p`` are probabilities of exclusive classes and ``y`` is one-hot, in calls with labels.
        metric: Name of the metric that judges predictions in the rejection test (``screen.PROBE_METRICS``).
        use_sigmoid: Read by heads to choose the size of their output.
        elementwise: Whether a call without reduction gives one value per element, as hand-made losses of such inputs do;
            else one per row or pixel.
        activation: For the compiled screen, the function that computes ``p``, the first input and the only one of the
            prediction, from the raw prediction: ``'identity'``, ``'sigmoid'`` or ``'softmax'``; '' for any other, for which
            the plain screen judges expressions. With the last two, ``log(p)`` and ``log(1 - p)`` are computed from the raw
            prediction.
    """

    name: ClassVar[str]
    names: ClassVar[tuple[str, ...]] = ('p', 'y')
    meanings: ClassVar[Mapping[str, str]]
    from_prediction: ClassVar[frozenset[str]] = frozenset({'p'})
    from_target: ClassVar[frozenset[str]] = frozenset({'y'})
    spread: ClassVar[float] = 2.0
    regression: ClassVar[bool] = False
    weighted: ClassVar[bool] = True
    maps: ClassVar[bool] = False
    related: ClassVar[bool] = False
    one_hot: ClassVar[bool] = False
    metric: ClassVar[str]
    use_sigmoid: ClassVar[bool] = False
    elementwise: ClassVar[bool] = False
    activation: ClassVar[str] = ''

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """Smallest and largest value, by name, of the inputs for which they are known and of the elapsed share."""
        ranges = {ELAPSED: (SHARE.low, SHARE.high)}
        if self.activation == 'area':
            return ranges | dict.fromkeys(self.names, (0.0, math.inf))
        return ranges | ({self.names[0]: (0.0, 1.0)} if self.activation in ('sigmoid', 'softmax') else {})

    def parse(self, text: str) -> Tree:
        """The expression of a text, which may read the inputs and the elapsed share of the training.

        Raises:
            ExpressionError: The text is no expression over these.
        """
        return parse(text, (*self.names, ELAPSED), self.ranges)

    def meanings_in(self, tree: Tree) -> dict[str, str]:
        """Description of each input, and of the elapsed share where an expression reads it."""
        return {**self.meanings, **({ELAPSED: MEANING} if ELAPSED in tree.nodes else {})}

    def calls(self, pred: Any, target: Any, weight: Any) -> list[tuple[Tensor, Tensor, Tensor | None]]:
        """The calls of single tensors, in shapes that ``rows`` takes, of which one call of a head is the sum."""
        return [(pred, target, weight)]

    def joinable(
        self, calls: list[tuple[Tensor, Tensor, Tensor | None]]
    ) -> list[tuple[Tensor, Tensor, Tensor | None]]:
        """Calls of single tensors, as of several levels, that can be joined to one."""
        return calls

    def masked(self, weight: Tensor | None, mask: Tensor, pred: Tensor) -> Tensor:
        """Weights within a mask of pixels, which some heads pass with maps."""
        raise SetupError(
            f'Inputs "{self.name}" take no mask of pixels, but got one of {tuple(mask.shape)}; use "heatmap".'
        )

    @abstractmethod
    def rows(self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None) -> Rows:
        """Chooses the rows of a call that have a weight and a valid target."""

    def channels(self, pred: Tensor) -> int:
        """Number of channels of the inputs."""
        return pred.shape[1]

    @abstractmethod
    def tensors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        """The named inputs (M, C, H, W) of chosen rows, (M, C, 1, 1) without a map; the activation is applied here."""

    def is_one_hot(self, pred: Tensor, target: Tensor) -> bool:
        """Whether ``y`` is one-hot in a call with these rows."""
        return self.one_hot

    def marked(self, rows: Rows) -> Tensor:
        """The targets of rows, with -1 where nothing counts; labels in a signed type."""
        target = rows.target if rows.target.is_floating_point() else rows.target.long()
        if rows.valid is None:
            return target
        valid = valid_of_prediction(rows.valid, rows.pred)
        return target.where(valid if target.dim() == valid.dim() else valid[:, 0], -1)

    def leaves(self, pred: Tensor, target: Tensor, names: Collection[str]) -> dict[str, Tensor]:
        """The named inputs, at least those in ``names``.

        Where ``is_one_hot``, also ``label`` (M, 1, H, W), the index of the channel, and ``p_label``, ``p`` in that channel.
        """
        return self.tensors(pred, target)

    def pull_back(
        self, pred: Tensor, target: Tensor, tensors: Mapping[str, Tensor], gradients: Mapping[str, Tensor]
    ) -> Tensor:
        """The gradient of the raw prediction; here by autograd, in child classes by formulas, which are faster.

        Args:
            pred: Raw predictions (M, ...).
            target: Targets (M, ...).
            tensors: The inputs, as ``leaves`` gives them.
            gradients: Gradients of the inputs that depend on the prediction, broadcastable to them; at least one.
        """
        with torch.enable_grad():
            raw = pred.detach().requires_grad_()
            inputs = self.leaves(raw, target, tuple(gradients))
            full = [full_gradient(gradient, inputs[name]) for name, gradient in gradients.items()]
            return torch.autograd.grad([inputs[name] for name in gradients], raw, full)[0]

    def unit(self, pred: Tensor, target: Tensor) -> Tensor:
        """The natural unit of the raw prediction, broadcastable to it: 1, for boxes their side lengths."""
        return pred.new_ones(())

    def start(self, pred: Tensor, target: Tensor) -> Tensor:
        """The raw predictions around which the random ones lie on which losses are compared."""
        return pred

    def scatter(self, values: Tensor, unit: Tensor, generator: torch.Generator) -> Tensor:
        """Random predictions, or targets of a regression, around the given ones."""
        return values + torch.randn(values.shape, generator=generator) * self.spread * unit

    def shrink(
        self, pred: Tensor, target: Tensor, weight: Tensor | None, side: int
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """A smaller call, on which losses are cheaper to try: every k-th pixel of maps, at most about ``side`` per side."""
        if pred.dim() != 4:
            return pred, target, weight
        step = max(1, round(max(pred.shape[-2:]) / side))

        def thinned(tensor: Tensor) -> Tensor:
            return tensor if tensor.dim() < 3 else tensor[..., ::step, ::step]

        return thinned(pred), thinned(target), None if weight is None else thinned(weight)


class Unactivated(InputKind):
    """A kind whose ``p`` is the raw prediction itself."""

    spread = 0.5
    elementwise = True
    activation = 'identity'

    def pull_back(
        self, pred: Tensor, target: Tensor, tensors: Mapping[str, Tensor], gradients: Mapping[str, Tensor]
    ) -> Tensor:
        return full_gradient(gradients['p'], tensors['p']).reshape(pred.shape)


def full_gradient(gradient: Tensor, tensor: Tensor) -> Tensor:
    """The gradient of a tensor, expanded to its shape."""
    return gradient if gradient.shape == tensor.shape else gradient.expand(tensor.shape)


def wrong_shapes(name: str, expected: str, pred: Tensor, target: Tensor) -> SetupError:
    """The error of a call whose shapes do not fit the kind."""
    return SetupError(
        f'Inputs "{name}" need predictions {expected}, but got prediction {tuple(pred.shape)} and target '
        f'{tuple(target.shape)}. Choose other inputs for this loss; `python -m mmautoloss branches CONFIG` lists what '
        'fits.'
    )
