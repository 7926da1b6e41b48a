"""Losses as functions of PyTorch tensors that do not need this package, ready for training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmautoloss.expr import Tree
from mmautoloss.expr.elapsed import ELAPSED, reads_elapsed
from mmautoloss.expr.forms import MASKED_TORCH, TORCH, looks_around, write_code
from mmautoloss.expr.logarithms import LOG_NOT_P, LOG_P
from mmautoloss.found.formats.python import TAKEN, docstring, function
from mmautoloss.found.formats.shared import REDUCTION, Options, comment, elapsed_words, headline, identifiers, wrap
from mmautoloss.found.formats.torch_calls import AREAS, AS_ROWS, LOG_OF_REST, LOGS, MAPS, ROWS
from mmautoloss.found.found import Found, NamedLoss
from mmautoloss.losses import input_kind
from mmautoloss.losses.call_inputs import evaluated

_CLASSES = {
    'class_weight': '    values = values * class_weight.view(1, -1, 1, 1)\n',
    'pos_weight': '    values = values * (1 + y * (pos_weight.view(1, -1, 1, 1) - 1))\n',
}
_IN_UNITS = (
    '    if torch.is_tensor(avg_factor) and avg_factor.dim() == 1:  # areas of persons',
    '        unit = 2 * sigmas[:, None] * avg_factor.sqrt().clamp(min=1e-8)[:, None, None]',
    '        pred, target, avg_factor = pred / unit, target / unit, None',
)
_TO_LOGITS = {
    'sigmoid': '    pred = pred.logit(torch.finfo(pred.dtype).eps)  # the head gives probabilities',
    'softmax': '    pred = pred.clamp(min=torch.finfo(pred.dtype).tiny).log()  # the head gives probabilities',
}
_OF_WEIGHTS = {
    'weights': '    shares = None if weight is None else weight.reshape(*weight.shape[:2], -1).mean(dim=1)\n'
    '    count = count if shares is None else shares.sum() + 2**-23\n'
}
_VALID = 'valid: which elements count, bool; all where None.'
_ARGUMENTS = {LOG_P: 'log_p', LOG_NOT_P: 'log_not_p'}


def write(found: Found, options: Options) -> str:
    """Two functions per branch: its graph, and the loss of one call of its head."""
    style = MASKED_TORCH if any(map(_is_masked, found.losses)) else TORCH
    calls = identifiers([_call_name(loss) for loss in found.losses], {*TAKEN, 'areas', 'as_rows', 'log_of_rest'})
    operators: set[str] = set()
    functions = [AREAS] if any(loss.inputs == 'area' for loss in found.losses) else []
    functions += [AS_ROWS] if any(loss.inputs in ('delta', 'keypoint', 'motion') for loss in found.losses) else []
    functions += [LOG_OF_REST] if any(map(_reads_rest, found.losses)) else []
    for loss in found.losses:
        name, masked = calls[_call_name(loss)], _is_masked(loss)
        tree = evaluated(loss.tree, input_kind(loss.inputs))
        logs = [log for log in _ARGUMENTS if log in tree.inputs]
        renamed = Tree(_ARGUMENTS.get(node, node) for node in tree.nodes)
        code = write_code(renamed, MASKED_TORCH if masked else TORCH, input_kind(loss.inputs).names[0])
        graph = f'{name.removesuffix("loss").rstrip("_") or name}_graph'
        more = [f'{_ARGUMENTS[log]}: {log}, from the logits.' for log in logs] + ([_VALID] if masked else [])
        passed = [*([ELAPSED] if reads_elapsed(tree) else []), *(_ARGUMENTS[log] for log in logs)]
        arguments = ''.join(f', {argument}' for argument in passed) + (', valid=None' if masked else '')
        functions.append(function(graph, loss, code, docstring(loss, options, 'Tensors', more), arguments))
        functions.append(_call(name, graph, loss, masked, logs, passed))
        operators |= code.operators
    lines = comment([*headline(found), REDUCTION, *elapsed_words(found)])
    return '\n'.join(lines) + '\n\n' + '\n\n'.join([style.head(operators, ''.join(functions)), *functions])


def _call(name: str, graph: str, loss: NamedLoss, masked: bool, logs: list[str], passed: list[str]) -> str:
    template, settings = (MAPS if masked else ROWS)[loss.inputs], loss.settings
    as_maps = '[:, :, None, None]' if loss.inputs in ('softmax', 'bins') and not masked else ''
    return template.format(
        name=name,
        graph=graph,
        weight=repr(loss.weight),
        compute=''.join(f'{_ARGUMENTS[log]} = {LOGS[loss.inputs][log]}{as_maps}\n    ' for log in logs),
        logs=''.join(f', {argument}' for argument in passed),
        elapsed=f', {ELAPSED}=1.0' if ELAPSED in passed else '',
        again=f', {ELAPSED}={ELAPSED}' if ELAPSED in passed else '',
        masks=', valid' if masked else '',
        ignored=settings.get('ignore_index', -1),
        settings=_settings(settings, loss.inputs),
        keypoints=_keypoints(settings, 'pred[0]', 8),
        scaled=settings.get('motion_weight', (1.0, 1.0))[0],
        changes=settings.get('motion_weight', (1.0, 1.0))[1],
        classes=_OF_WEIGHTS.get(settings.get('average', ''), '')
        + ''.join(line for name, line in _CLASSES.items() if name in settings)
        + ('    count = 1  # the head divides\n' if settings.get('average') == 'sum' else ''),
        count='(labels.nan_to_num(0, 0, 0) * class_weight if labels.dim() == 2 else class_weight[labels]).sum() + 2**-23'
        if settings.get('average') == 'class_weight'
        else 'max(len(labels), 1)',
    )


def _reads_rest(loss: NamedLoss) -> bool:
    return loss.inputs in ('softmax', 'bins') and LOG_NOT_P in evaluated(loss.tree, input_kind(loss.inputs)).inputs


def _settings(settings: Mapping[str, Any], inputs: str) -> str:
    """Lines that define class weights, and one that drops the weights of a call if the loss ignores them."""
    of_axes = inputs == 'bins' and 'keypoint_weight' in settings  # where weights are dropped before
    lines = [] if settings.get('use_target_weight', True) or of_axes else ['    weight = None']
    if settings.get('reduction') == 'none':
        lines.append('    # the head takes the values one by one; this is their mean')
    if inputs != 'bins':
        lines += _keypoints(settings, 'pred', 4).splitlines()
    if 'sigmas' in settings:
        lines += [f'    sigmas = pred.new_tensor({list(settings["sigmas"])!r})', *_IN_UNITS]
    lines += [_TO_LOGITS[input_kind(inputs).activation]] if settings.get('activated') else []
    lines += [f'    pred = {settings["beta"]!r} * pred'] if 'beta' in settings else []
    lines += [f'    target = ({settings["label_beta"]!r} * target).softmax(dim=1)'] if 'label_beta' in settings else []
    for name in _CLASSES:
        if name in settings:
            numbers = wrap(', '.join(map(repr, settings[name])), 100)
            lines += [f'    {name} = pred.new_tensor([', *(f'        {line}' for line in numbers), '    ])']
    return ''.join(f'{line}\n' for line in lines)


def _keypoints(settings: Mapping[str, Any], first: str, indent: int) -> str:
    """Lines that weigh keypoints by themselves."""
    factors, norm = settings.get('keypoint_weight'), settings.get('norm_target_weight')
    if factors is None and not norm:
        return ''
    lines = [] if settings.get('use_target_weight', True) else ['weight = None']
    lines += [
        f'shape = {first}.shape[:2]',
        f'weight = {first}.new_ones(shape) if weight is None else weight.reshape(shape)',
    ]
    lines += ['weight = weight / weight.mean(dim=1, keepdim=True).clamp(min=1e-8)'] if norm else []
    if factors is not None:
        numbers = wrap(', '.join(map(repr, factors)), 90)
        lines += [
            'factors = [',
            *(f'    {line}' for line in numbers),
            ']',
            'weight = weight * weight.new_tensor(factors)',
        ]
    return ''.join(f'{" " * indent}{line}\n' for line in lines)


def _call_name(loss: NamedLoss) -> str:
    return loss.name if loss.name.endswith('loss') else f'{loss.name}_loss'


def _is_masked(loss: NamedLoss) -> bool:
    """Whether the graph needs the mask of valid elements; otherwise invalid ones are removed or affect no others."""
    if loss.inputs == 'softmax':
        # the mask is the same for all channels, so pixels can be removed unless there are pools
        return not {'maxpool', 'minpool'}.isdisjoint(loss.tree.nodes)
    return loss.inputs in MAPS and looks_around(loss.tree)
