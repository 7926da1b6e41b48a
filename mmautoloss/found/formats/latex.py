"""Losses as equations of a paper."""

from __future__ import annotations

from mmautoloss.expr import to_latex
from mmautoloss.expr.elapsed import ELAPSED
from mmautoloss.found.formats.shared import Options, comment, headline, reads_logits, wrap
from mmautoloss.found.found import Found, NamedLoss
from mmautoloss.losses import input_kind

_SYMBOLS = {'p': r'\hat{y}', 'y': 'y', 'i': 'I', 'u': 'U', 'e': 'E', ELAPSED: 't'}
_PROTECTED = {
    'log': r'$\log(x)$ stands for $\operatorname{sign}(x) \log(|x| + \varepsilon)$',
    'sqrt': r'$\sqrt{x}$ stands for $\operatorname{sign}(x) \sqrt{|x| + \varepsilon}$',
    'inv': r'a denominator $x$ stands for $x + \varepsilon$',
}
_FROM_LOGITS = (
    r'Logarithms of $\hat{y}$ and $1 - \hat{y}$ are computed from the logits, where they need no protection.'
)
_OVER_POSITIONS = {
    'mean_nhw': r'$\operatorname{mean}_{nhw}$ is the mean over all positions of a channel',
    'mean_c': r'$\operatorname{mean}_{c}$ is the mean over the channels of a position',
    'maxpool': r'$\operatorname{maxpool}$ is the maximum over the $3 \times 3$ window about a position',
    'minpool': r'$\operatorname{minpool}$ is the minimum over the $3 \times 3$ window about a position',
}
_LOSS = (
    r'The loss of a branch is $L = \frac{w}{M} \sum_{n,c,h,w} \ell_{nchw}$; $M$ is the number of samples that the head '
    r'passes (\texttt{avg\_factor}), or else the number of positions $(n, h, w)$ that count.'
)


def write(found: Found, options: Options) -> str:
    """An ``align*`` block (package amsmath) with one equation per branch, and a paragraph that explains its symbols."""
    equations = [line for loss in found.losses for line in _equations(loss, options)]
    block = ' \\\\\n'.join(f'  {line}' for line in equations)
    reasons = [f'{name}: {form.reason}' for name, form in options.shorter.items() if not form.tree]
    lines = comment([*headline(found), 'Needs \\usepackage{amsmath}.', *reasons], '% ')
    paragraph = wrap(' '.join(_sentences(found)), 100)
    return '\n'.join([*lines, r'\begin{align*}', block, r'\end{align*}', *paragraph]) + '\n'


def _equations(loss: NamedLoss, options: Options) -> list[str]:
    """The equation of one branch, aligned at its sign, and one for a shorter form with the same gradient."""
    name = rf'\ell_{{\text{{{_escaped(loss.name)}}}}}'
    shorter = options.shorter[loss.name].tree if loss.name in options.shorter else None
    gradient = [rf'\nabla {name} &= \nabla \left({to_latex(shorter)}\right)'] if shorter else []
    return [f'{name} &= {to_latex(loss.tree)}', *gradient]


def _sentences(found: Found) -> list[str]:
    nodes = {node for loss in found.losses for node in loss.tree.nodes}
    protected = [words for name, words in _PROTECTED.items() if name in nodes]
    over_positions = [words for name, words in _OVER_POSITIONS.items() if name in nodes]
    weights = ', '.join(rf'${loss.weight:.4g}$ for {_escaped(loss.name)}' for loss in found.losses)
    sentences = [_of_inputs(inputs, found) for inputs in dict.fromkeys(loss.inputs for loss in found.losses)]
    sentences += [f'{"; ".join(protected)}, with $\\varepsilon = 10^{{-12}}$.'] if protected else []
    sentences += [_FROM_LOGITS] if any(map(reads_logits, found.losses)) else []
    sentences += [f'{"; ".join(over_positions)}.'] if over_positions else []
    return [*sentences, _LOSS, f'The weight $w$ is {weights}.']


def _of_inputs(inputs: str, found: Found) -> str:
    losses = [loss for loss in found.losses if loss.inputs == inputs]
    names = ', '.join(_escaped(loss.name) for loss in losses)
    known = {name: text for loss in losses for name, text in input_kind(inputs).meanings_in(loss.tree).items()}
    meanings = [f'${_SYMBOLS[name]}$ is {meaning}' for name, meaning in known.items()]
    return f'In {names}, {" and ".join([", ".join(meanings[:-1]), meanings[-1]])}.'


def _escaped(text: str) -> str:
    """A name as LaTeX text; an underscore becomes a blank."""
    return ''.join(rf'\{sign}' if sign in '%&#$' else sign for sign in text.replace('_', ' ') if sign not in '\\{}^~')
