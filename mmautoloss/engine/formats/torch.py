"""Losses as functions of PyTorch tensors that need nothing of this package, ready to train with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmautoloss.engine.formats.python import TAKEN, docstring, function
from mmautoloss.engine.formats.torch_calls import AREAS, MAPS, ROWS
from mmautoloss.engine.formats.words import REDUCTION, Options, comment, headline, identifiers, wrap
from mmautoloss.engine.found import Found, NamedLoss
from mmautoloss.expr.forms import MASKED_TORCH, TORCH, looks_around, write_code
from mmautoloss.losses import input_kind

_CLASSES = {
    'class_weight': '    values = values * class_weight.view(1, -1, 1, 1)\n',
    'pos_weight': '    values = values * (1 + y * (pos_weight.view(1, -1, 1, 1) - 1))\n',
}
_VALID = 'valid: which elements count, bool; all where None.'


def write(found: Found, options: Options) -> str:
    """Two functions a branch: its graph, and the loss of a call of its head."""
    style = MASKED_TORCH if any(map(_is_masked, found.losses)) else TORCH
    calls = identifiers([_call_name(loss) for loss in found.losses], {*TAKEN, 'areas'})
    operators: set[str] = set()
    functions = [AREAS] if any(loss.inputs == 'area' for loss in found.losses) else []
    for loss in found.losses:
        name, masked = calls[_call_name(loss)], _is_masked(loss)
        code = write_code(loss.tree, MASKED_TORCH if masked else TORCH, input_kind(loss.inputs).names[0])
        graph = f'{name.removesuffix("loss").rstrip("_") or name}_graph'
        about = docstring(loss, options, 'Tensors', [_VALID] if masked else [])
        functions.append(function(graph, loss, code, about, ', valid=None' if masked else ''))
        functions.append(_call(name, graph, loss, masked))
        operators |= code.operators
    lines = comment([*headline(found), REDUCTION])
    return '\n'.join(lines) + '\n\n' + '\n\n'.join([style.head(operators, ''.join(functions)), *functions])


def _call(name: str, graph: str, loss: NamedLoss, masked: bool) -> str:
    template, settings = (MAPS if masked else ROWS)[loss.inputs], loss.settings
    return template.format(
        name=name,
        graph=graph,
        weight=repr(loss.weight),
        masks=', valid' if masked else '',
        ignored=settings.get('ignore_index', -1),
        settings=_settings(settings),
        classes=''.join(line for name, line in _CLASSES.items() if name in settings),
        count='class_weight[labels].sum() + 2**-23'
        if settings.get('average') == 'class_weight'
        else 'max(len(labels), 1)',
    )


def _settings(settings: Mapping[str, Any]) -> str:
    """Lines that name the weights of classes, and one that forgets those of a call which do not count."""
    lines = [] if settings.get('use_target_weight', True) else ['    weight = None']
    for name in _CLASSES:
        if name in settings:
            numbers = wrap(', '.join(map(repr, settings[name])), 100)
            lines += [f'    {name} = pred.new_tensor([', *(f'        {line}' for line in numbers), '    ])']
    return ''.join(f'{line}\n' for line in lines)


def _call_name(loss: NamedLoss) -> str:
    return loss.name if loss.name.endswith('loss') else f'{loss.name}_loss'


def _is_masked(loss: NamedLoss) -> bool:
    """Whether pixels must keep their place though some may not count; else what does not count is taken out."""
    if loss.inputs == 'heatmap':  # there it may differ from channel to channel
        return looks_around(loss.tree)
    return loss.inputs in MAPS and not {'maxpool', 'minpool'}.isdisjoint(loss.tree.nodes)
