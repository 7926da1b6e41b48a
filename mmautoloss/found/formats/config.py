"""Losses as lines of an OpenMMLab config."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mmautoloss.found.formats.shared import Options, comment, headline, identifiers, shorter_words, wrap
from mmautoloss.found.found import Found, NamedLoss

_WIDTH = 100
_DECODED = 'Its head needs reg_decoded_bbox=True, so that the loss sees boxes; below it is set.'
_PLACES = (
    'Their places, for a config whose _base_ is that of the model (without _delete_ where it names no such loss):'
)
_PLACES_LAZY = 'Their places, below `with read_base(): from ... import *`:'
_IN_LIST = 'stands in a list, which a config replaces as a whole: put the line into the list by hand'


def write(found: Found, options: Options) -> str:
    """One dict per branch, and the lines that put them into a model."""
    names = identifiers([loss.name for loss in found.losses], {'model', 'dict', 'type', 'SearchedLoss'})
    lines = comment(headline(found))
    if options.lazy:
        lines += ['from mmautoloss.losses import SearchedLoss']
    for loss in found.losses:
        lines += ['', *comment(_about(loss, options)), *_dict(names[loss.name], loss, options.lazy)]
    return '\n'.join([*lines, *_model_lines(found.losses, names, options.lazy)]) + '\n'


def _about(loss: NamedLoss, options: Options) -> list[str]:
    place = f'model.{loss.branch.config_path}' if loss.path else f'A loss that reads inputs={loss.inputs!r}'
    return [place, *([_DECODED] if loss.inputs == 'area' else []), *shorter_words(loss, options)]


def _dict(name: str, loss: NamedLoss, lazy: bool) -> list[str]:
    lines = [f'{name} = dict(']
    for key, value in loss.branch.config(loss.expression, loss.weight).items():
        text = 'SearchedLoss' if lazy and key == 'type' else repr(value)
        if len(text) <= _WIDTH or not isinstance(value, str):
            lines.append(f'    {key}={text},')
        else:  # neighbouring strings are one
            parts = wrap(value, _WIDTH)
            lines += [f'    {key}=(', *(f'        {part!r}' for part in _with_blanks(parts)), '    ),']
    return [*lines, ')']


def _with_blanks(parts: list[str]) -> list[str]:
    return [f'{part} ' for part in parts[:-1]] + parts[-1:]


def _model_lines(losses: Iterable[NamedLoss], names: Mapping[str, str], lazy: bool) -> list[str]:
    model: dict[str, Any] = {}
    by_hand = []
    for loss in losses:
        parts = loss.branch.config_path.split('.')
        if not loss.path or not all(part.isidentifier() for part in parts):
            by_hand += [f'model.{loss.branch.config_path} {_IN_LIST}.'] if loss.path else []
            continue
        head = model
        for part in parts[:-1]:
            head = head.setdefault(part, {})
        if loss.inputs == 'area':
            head['reg_decoded_bbox'] = 'True'
        head[parts[-1]] = f'dict(_delete_=True, **{names[loss.name]})'
    lines = ['', *comment(by_hand)] if by_hand else []
    if model:
        start, end = ('model.merge(dict(', '))') if lazy else ('model = dict(', ')')
        lines += ['', *comment([_PLACES_LAZY if lazy else _PLACES]), start, *_nested(model, '    '), end]
    return lines


def _nested(entries: Mapping[str, Any], indent: str) -> list[str]:
    lines = []
    for key, value in entries.items():
        if isinstance(value, str):
            lines.append(f'{indent}{key}={value},')
        else:
            lines += [f'{indent}{key}=dict(', *_nested(value, indent + '    '), f'{indent}),']
    return lines
