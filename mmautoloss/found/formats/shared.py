"""Text that the formats share: the origin of losses, their reduction, and identifiers."""

from __future__ import annotations

import keyword
import re
import textwrap
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from mmautoloss.expr.elapsed import reads_elapsed
from mmautoloss.found.found import Found, NamedLoss
from mmautoloss.losses import input_kind
from mmautoloss.losses.call_inputs import evaluated
from mmautoloss.losses.short_forms import ShortForm
from mmautoloss.version import VERSION

REDUCTION = (
    'Functions give the loss o of every element; a loss is its weight * o.sum() / M, where M is the number of samples '
    'that the head passes (avg_factor), else the number of positions (n, h, w) with a label that counts. Rows and pixels '
    'of weight 0 or with an ignored label are taken out before.'
)
_COLUMNS = 88


class Options(NamedTuple):
    """Options of a format.

    Attributes:
        lazy: Config lines in the new style, with imports instead of names.
        ideal: SymPy without the protection of quotients, logarithms and roots.
        shorter: Shorter forms with the same gradient by branch, or why there is none; empty if not requested.
    """

    lazy: bool = False
    ideal: bool = False
    shorter: Mapping[str, ShortForm] = {}


def headline(found: Found) -> list[str]:
    """Sentences about the origin of losses."""
    if found.origin is None:
        return [f'Written by mmautoloss {VERSION}.']
    first = str(found.origin)
    return [f'{first[0].upper()}{first[1:]}.', *([f'{found.origin.result}.'] if found.origin.result else [])]


def elapsed_words(found: Found) -> list[str]:
    """A sentence on how the elapsed share of the training gets into functions that read it."""
    if not any(reads_elapsed(loss.tree) for loss in found.losses):
        return []
    return [
        'The argument t is the elapsed share of the training, a number: pass i / n in iteration i of n, counted from 0. '
        'Its default, 1, is the end.'
    ]


def remarks(loss: NamedLoss, options: Options) -> list[str]:
    """Sentences about the settings of a loss and, if requested, its shorter form."""
    settings = ', '.join(f'{key}={value!r}' for key, value in loss.settings.items())
    return [*([f'Besides: {settings}.'] if settings else []), *shorter_words(loss, options)]


def shorter_words(loss: NamedLoss, options: Options) -> list[str]:
    """A sentence about the shorter form of a loss, if requested."""
    if loss.name not in options.shorter:
        return []
    shorter = options.shorter[loss.name]
    return [f'Shorter, with the same gradient: {shorter.tree}' if shorter.tree else shorter.reason]


def reads_logits(loss: NamedLoss) -> bool:
    """Whether training computes logarithms of probabilities from the logits."""
    return evaluated(loss.tree, input_kind(loss.inputs)) != loss.tree


def rounded_words(loss: NamedLoss) -> list[str]:
    """A sentence for code that reads only probabilities, if training also reads logits."""
    if not reads_logits(loss):
        return []
    return [
        'Training computes log(p) and log(1 - p) from the logits; here they are those of the numbers p, '
        'which differ where p is so near to 0 or 1 that it is rounded or the protection by 1e-12 shows.'
    ]


def comment(sentences: Iterable[str], sign: str = '# ') -> list[str]:
    """Wrapped comment lines."""
    return [f'{sign}{line}' for sentence in sentences for line in wrap(sentence, _COLUMNS - len(sign))]


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most this width; formulas are broken at blanks only."""
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def identifiers(names: Iterable[str], taken: Collection[str]) -> dict[str, str]:
    """A valid Python identifier for each name, different from all others and from those that are taken."""
    chosen: dict[str, str] = {}
    for name in names:
        word = re.sub(r'\W', '_', name, flags=re.ASCII)
        word = f'loss_{word}' if not word or word[0].isdigit() or keyword.iskeyword(word) else word
        while word in taken or word in chosen.values():
            word += '_'
        chosen[name] = word
    return chosen
