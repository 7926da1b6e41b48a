"""Hand-made losses as expressions: references for tests, and seeds for a search."""

from __future__ import annotations

from typing import NamedTuple

from mmautoloss.errors import SetupError


class KnownLoss(NamedTuple):
    """A published loss in our notation.

    Attributes:
        expression: Infix text.
        inputs: Kinds of input for which the formula is that loss.
        source: Where the formula comes from.
    """

    expression: str
    inputs: tuple[str, ...]
    source: str


_FOCAL = '-(0.25 * y * (1 - p) ** 2 * log(p) + 0.75 * (1 - y) * p ** 2 * log(1 - p))'
# min(d, 1) is (d + 1 - |d - 1|) / 2; with m for it, smooth L1 is m * (d - m / 2)
_MIN_1 = '0.5 * (abs(p - y) + 1 - abs(abs(p - y) - 1))'
_SMOOTH_L1 = f'{_MIN_1} * (abs(p - y) - 0.5 * ({_MIN_1}))'
_BCE = '-(y * log(p) + (1 - y) * log(1 - p))'
_DICE = '1 - 2 * mean_nhw(p * y) / (mean_nhw(p ** 2) + mean_nhw(y ** 2))'

ZOO: dict[str, KnownLoss] = {
    'ce': KnownLoss('-y * log(p)', ('softmax',), 'cross-entropy'),
    'bce': KnownLoss(_BCE, ('sigmoid',), 'binary cross-entropy'),
    'focal': KnownLoss(_FOCAL, ('sigmoid',), 'Lin et al., ICCV 2017, gamma 2, alpha 0.25'),
    'dice': KnownLoss(_DICE, ('softmax', 'sigmoid'), 'Milletari et al., 3DV 2016, a batch as one sample'),
    'l1': KnownLoss('abs(p - y)', ('delta',), 'absolute error'),
    'smooth_l1': KnownLoss(_SMOOTH_L1, ('delta',), 'Girshick, ICCV 2015, beta 1'),
    'mse': KnownLoss('(p - y) ** 2', ('delta', 'sigmoid', 'softmax'), 'squared error'),
    'iou': KnownLoss('1 - i / u', ('area',), 'Yu et al., ACM MM 2016, linear form'),
    'giou': KnownLoss('1 - i / u + (e - u) / e', ('area',), 'Rezatofighi et al., CVPR 2019'),
}
"""Known losses by name."""


def known_loss(name: str, inputs: str) -> str:
    """The expression of a known loss.

    Raises:
        SetupError: There is no such loss for this kind of input.
    """
    fitting = {key: loss.expression for key, loss in ZOO.items() if inputs in loss.inputs}
    if name not in fitting:
        raise SetupError(f'The known losses for inputs "{inputs}" are {", ".join(fitting)}, but got {name!r}.')
    return fitting[name]
