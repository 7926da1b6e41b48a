"""An expression as a module: the published loss, without any library's call convention."""

from __future__ import annotations

from torch import Tensor, nn

from mmautoloss.expr import Tree, compile_tree, parse
from mmautoloss.registry import MODELS, register


@register(MODELS, everywhere=True)
class LossGraph(nn.Module):
    r"""A loss over tensors of the shape (N, C, H, W).

    .. math:: L = \frac{1}{N H W} \sum_{n,c,h,w} o_{nchw}

    where :math:`o` is the value at the root of the expression (AutoLoss-Zero, eq. 4): the sum over
    channels, the mean over the rest. It has no parameters and no state. It does not see the
    logits, so each logarithm is the protected one, which is 0 for a ``p`` that is rounded to 0. The
    elapsed share of the training, ``t``, is an input like any other here.

    Args:
        expression: Infix text or a tree.

    Raises:
        ExpressionError: The text is no expression.

    Example:
        >>> import torch
        >>> loss = LossGraph('-y * log(p)')
        >>> p = torch.tensor([0.25, 0.75]).view(1, 2, 1, 1)
        >>> y = torch.tensor([0., 1.]).view(1, 2, 1, 1)
        >>> round(loss(p=p, y=y).item(), 4)
        0.2877
    """

    def __init__(self, expression: str | Tree) -> None:
        super().__init__()
        self.tree = expression if isinstance(expression, Tree) else parse(expression)
        self.program = compile_tree(self.tree)

    def elements(self, inputs: dict[str, Tensor], valid: Tensor | None = None) -> Tensor:
        """The tensor at the root, (N, C, H, W), before aggregation; 0 where ``valid`` is false."""
        return self.program(inputs, valid)

    def forward(self, **inputs: Tensor) -> Tensor:
        """The loss, a scalar, 0 without samples; inputs of one shape (N, C, H, W) by name."""
        elements = self.elements(inputs)
        count, _, height, width = elements.shape
        return elements.sum() / max(count * height * width, 1)

    def extra_repr(self) -> str:
        return repr(str(self.tree))
