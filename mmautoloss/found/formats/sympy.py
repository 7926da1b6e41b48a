"""Losses as lines that SymPy reads."""

from __future__ import annotations

from mmautoloss.expr.forms import to_sympy
from mmautoloss.found.formats.shared import Options, comment, headline, remarks, rounded_words
from mmautoloss.found.found import Found, NamedLoss
from mmautoloss.losses import input_kind

_EXACT = 'Logarithms, roots and quotients are protected as they are computed: sign(x)*log(Abs(x) + 1.0e-12).'
_IDEAL = (
    'Idealised: logarithms, roots and quotients stand without their protection, so the values are those of the search '
    'only where operands of logarithms and roots are positive, up to 1e-12.'
)
_FUNCTIONS = {
    'mean_nhw': 'mean_nhw(x): the mean over all positions of a channel.',
    'mean_c': 'mean_c(x): the mean over the channels of a position.',
    'maxpool': 'maxpool(x): the largest value of the 3 x 3 window about a position.',
    'minpool': 'minpool(x): the smallest value of the 3 x 3 window about a position.',
}


def write(found: Found, options: Options) -> str:
    """One line per branch, below comments; ``sympy.sympify(line, locals=...)`` reads it."""
    nodes = {node for loss in found.losses for node in loss.tree.nodes}
    functions = [words for name, words in _FUNCTIONS.items() if name in nodes]
    how = "One line a branch, for sympy.sympify(line, locals={'p': Symbol('p', real=True), ...})."
    lines = comment([*headline(found), how, _IDEAL if options.ideal else _EXACT, *functions])
    for loss in found.losses:
        meanings = [f'{name}: {meaning}.' for name, meaning in input_kind(loss.inputs).meanings_in(loss.tree).items()]
        place = f' ({loss.path})' if loss.path else ''
        lines += [
            '',
            *comment([f'{loss.name}{place}, weight {loss.weight!r}', *meanings, *_about(loss, options)]),
        ]
        lines.append(to_sympy(loss.tree, options.ideal))
    return '\n'.join(lines) + '\n'


def _about(loss: NamedLoss, options: Options) -> list[str]:
    return [*rounded_words(loss), *remarks(loss, options)]
