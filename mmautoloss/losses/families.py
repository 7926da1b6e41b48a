"""Families of losses: formulas whose numbers are to be found."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from mmautoloss.checks import require_whole
from mmautoloss.errors import SetupError
from mmautoloss.expr import Template
from mmautoloss.losses.inputs import InputKind

MOST_NUMBERS = 20
"""Largest order and number of pieces of a family."""


def taylor(order: int, exclusive: bool) -> str:
    """``y * A(1 - p) + (1 - y) * B(p)`` with polynomials A and B without constant terms, written by Horner's scheme.

    For one-hot ``y`` these are all polynomials of ``p`` and ``y`` (Gao, Gouk and Hospedales, ICCV 2021, arXiv 2103.00243).
    Among them are, with other coefficients 0, the absolute error (a1 = b1 = 1), the squared error (a2 = b2 = 1) and the
    Taylor cross-entropy (a_k = 1 / k; Feng et al., IJCAI 2020), at which they begin.

    Args:
        order: Degree of A and B.
        exclusive: Whether classes exclude each other; else b_k = 1 / k at first, as in binary cross-entropy.
    """
    wrong = [f'{{a{k}={1 / k:.12g}}}' for k in range(1, order + 1)]
    others = [f'{{b{k}={0 if exclusive else 1 / k:.12g}}}' for k in range(1, order + 1)]
    return f'y * {_horner("(1 - p)", wrong)} + (1 - y) * {_horner("p", others)}'


def piecewise(pieces: int, exclusive: bool) -> str:
    """Cross-entropy of a continuous, piecewise linear function of the probability of the label.

    As tau of AM-LFS (Li et al., ICCV 2019, arXiv 1905.07375), on equal pieces: its value at 0 and the bends between pieces
    are the numbers, 0 at first; the slope of the first piece is 1, since a factor within a logarithm has no gradient.
    """
    bends = (f'{{h{k}=0}} * (Q - {k} / {pieces} + abs(Q - {k} / {pieces}))' for k in range(1, pieces))
    return _of_label(f'-log({" + ".join(["Q + {t=0, 0..1}", *bends])})', exclusive)


def margin(exclusive: bool) -> str:
    """``-log(q / (a * q + 1 - a))`` of the probability q of the label (Wang et al., ICML 2020); cross-entropy at first."""
    return _of_label('(log({a=0, -20..0.9} * Q + 1 - {a}) - log(Q))', exclusive)


def _horner(variable: str, coefficients: Sequence[str]) -> str:
    """``x * (a1 + x * (a2 + a3 * x))``."""
    text = f'{coefficients[-1]} * {variable}'
    for coefficient in reversed(coefficients[:-1]):
        text = f'{variable} * ({coefficient} + {text})'
    return text


def _of_label(text: str, exclusive: bool) -> str:
    """A function of the probability Q of the label, for every element where classes do not exclude each other."""
    yes = f'y * {text.replace("Q", "p")}'
    same_numbers = re.sub(r'\{(\w+)[^}]*\}', r'{\1}', text)
    return yes if exclusive else f'{yes} + (1 - y) * {same_numbers.replace("Q", "(1 - p)")}'


FAMILIES = ('taylor', 'piecewise', 'margin')
"""Names of the families."""


def family_of(name: str, kind: InputKind, order: int = 4, pieces: int = 6) -> Template:
    """A family as a template.

    Args:
        name: One of ``FAMILIES``.
        kind: Kind of input; ``p`` must be a probability.
        order: Degree of ``taylor``.
        pieces: Number of pieces of ``piecewise``.

    Raises:
        SetupError: There is no such family, it is not for this kind, or a number is out of range.
    """
    require_whole('order', order, 1, MOST_NUMBERS)
    require_whole('pieces', pieces, 2, MOST_NUMBERS)
    if name not in FAMILIES:
        raise SetupError(f'A family must be one of {", ".join(FAMILIES)}, but got {name!r}.')
    if kind.ranges.get('p') != (0.0, 1.0) or 'y' not in kind.names:
        raise SetupError(
            f'The family {name!r} is for probabilities (inputs "softmax" or "sigmoid"), but got inputs "{kind.name}". '
            'Write a template, such as "abs(p - y) + {a=0.5} * (p - y) ** 2", or leave the loss out of branches.'
        )
    exclusive = kind.activation == 'softmax'
    texts: dict[str, Callable[[], str]] = {
        'taylor': lambda: taylor(order, exclusive),
        'piecewise': lambda: piecewise(pieces, exclusive),
        'margin': lambda: margin(exclusive),
    }
    return Template.parse(texts[name](), kind.names, kind.ranges)
