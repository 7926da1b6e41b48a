"""The replaced hand-made losses, evaluated on single predictions."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from torch import Tensor, nn

from mmautoloss.branches import Branch, averages_channels
from mmautoloss.engine.config.read import read_config
from mmautoloss.engine.config.trusted import CONFIG
from mmautoloss.errors import SetupError
from mmautoloss.report.facts.curves import CLASSES, NOT_DRAWN, Loss


class HandMade(NamedTuple):
    """The loss of a branch as the model has it.

    Attributes:
        name: Its class; '' if it is unknown.
        loss: A function that gives its values; None if it cannot be called.
        classes: Classes of a softmax in its head.
        reason: Why there are no values.
    """

    name: str
    loss: Loss | None
    classes: int
    reason: str = ''


def hand_made_losses(config: Path | None, branches: Sequence[Branch]) -> dict[str, HandMade]:
    """The hand-made losses of a search, by branch; one that cannot be built has a reason instead of values.

    Args:
        config: The search config, which is run, or the work dir that has it; None for none.
        branches: The searched losses.
    """
    if config is None:
        return _none(branches, f'the {CONFIG} in the work dir is of no search of yours, and --config names none')
    path = config / CONFIG if config.is_dir() else config
    if not path.is_file():
        return _none(branches, f'there is no {CONFIG} in the work dir')
    try:
        cfg = read_config(path)
    except Exception as error:  # it runs imports of the user, of which any may be missing where a report is written
        return _none(branches, _with_cause(f'{CONFIG} cannot be read', error))
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope')):
        return {branch.name: _hand_made(cfg, branch) for branch in branches}


def _none(branches: Sequence[Branch], reason: str) -> dict[str, HandMade]:
    return {branch.name: HandMade('', None, CLASSES, reason) for branch in branches}


def _hand_made(cfg: Config, branch: Branch) -> HandMade:
    if branch.inputs in NOT_DRAWN:
        return HandMade('', None, CLASSES, 'it reads several predictions at once')
    scope = cfg.get('default_scope') or ''
    try:
        head, settings = _settings(cfg.model, branch)
        channels = _channels(head)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # a library's warnings about the settings were shown when the search began
            module = MODELS.build(dict(settings))
        loss = loss_of(module, branch.inputs, scope, channels or 1)
        hand_made = HandMade(type(module).__name__, loss, _classes(channels, scope))
        _try(loss, hand_made.classes, branch.inputs)
    except Exception as error:  # a loss of the user may raise anything; the report then lacks its curve
        return HandMade('', None, CLASSES, _with_cause('the loss of the model cannot be called', error))
    return hand_made


def loss_of(module: nn.Module, inputs: str, scope: str, channels: int = 1) -> Loss:
    """A hand-made loss, called as the heads of its library call it, with one prediction a call.

    Args:
        module: The loss.
        inputs: The kind of input with which it can be replaced.
        scope: The library whose heads call it, if it is a loss of the user: ``'mmdet'``, ``'mmseg'``, ``'mmpose'`` or
            ``'mmpretrain'``; others are called as in mmdet.
        channels: Channels of its head. Losses that are averaged over them are divided by their number, as are the weights
            of found losses, which are summed over channels.
    """
    own = type(module).__module__.partition('.')[0]  # a head may use a loss of another library
    library = own if own in _LIBRARIES else scope
    call = _CALLS.get(library, _call_mmdet)
    share = channels if averages_channels(library, inputs, type(module).__name__) else 1

    def loss(pred: Tensor, target: Tensor) -> Tensor:
        calls = zip(pred.split(1), target.split(1), strict=True)
        return torch.stack([call(module, inputs, *one).sum() for one in calls]) / share

    return loss


_LIBRARIES = ('mmdet', 'mmseg', 'mmpose', 'mmpretrain')


def _call_mmdet(loss: nn.Module, inputs: str, pred: Tensor, target: Tensor) -> Tensor:
    if inputs == 'mask':
        # four equal cells, since the class would squeeze one dimension too many of a map of one cell
        return loss(pred.expand(1, 1, 2, 2), target[:, 0].expand(1, 2, 2), torch.zeros(1, dtype=torch.long))
    if inputs == 'heatmap':
        return loss(pred, target)
    return loss(pred.flatten(1), target.flatten() if inputs == 'softmax' else target.flatten(1), avg_factor=1)


def _call_mmseg(loss: nn.Module, inputs: str, pred: Tensor, target: Tensor) -> Tensor:
    return loss(pred, target if inputs == 'softmax' else target[:, 0].long(), weight=None, ignore_index=255)


def _call_mmpose(loss: nn.Module, inputs: str, pred: Tensor, target: Tensor) -> Tensor:
    pair = (pred, target) if inputs == 'heatmap' else (pred.flatten(1), target.flatten(1))
    return loss(*pair, pred.new_ones(1, pred.shape[1]))


def _call_mmpretrain(loss: nn.Module, inputs: str, pred: Tensor, target: Tensor) -> Tensor:
    if inputs == 'softmax':
        return loss(pred.flatten(1), target.flatten(), avg_factor=1)
    # two equal classes, since targets of one class are taken for labels
    return loss(pred.flatten(1).expand(1, 2), target.flatten(1).expand(1, 2), avg_factor=2)


_CALLS: dict[str, Callable[..., Tensor]] = {
    'mmseg': _call_mmseg,
    'mmpose': _call_mmpose,
    'mmpretrain': _call_mmpretrain,
}


def _settings(model: Mapping[str, Any], branch: Branch) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The config of the head and of its loss; the default of the head if its config sets none."""
    head: Any = model
    node: Any = model
    for part in branch.config_path.split('.'):
        if isinstance(node, Sequence):
            node = node[int(part)]
            continue
        head = node
        node = node[part] if part in node else _default(node, part)
    if not isinstance(node, Mapping):
        raise SetupError(f'The config of the model must have settings at {branch.config_path!r}, but has {node!r}.')
    return head, node


def _default(head: Mapping[str, Any], key: str) -> Any:
    """The default of an argument of a head; None if it has no such argument."""
    with MODELS.switch_scope_and_registry(None) as registry:
        kind = registry.get(head['type']) if isinstance(head.get('type'), str) else head.get('type')
    arguments = (inspect.signature(base.__init__).parameters.get(key) for base in getattr(kind, '__mro__', ()))
    defaults = (argument.default for argument in arguments if argument is not None)
    return next((default for default in defaults if default is not inspect.Parameter.empty), None)


def _channels(head: Mapping[str, Any]) -> int | None:
    """Output channels of a head, without a background that it adds; None if its config does not name them."""
    values = (head[key] if key in head else _default(head, key) for key in ('out_channels', 'num_classes'))
    return next((value for value in values if isinstance(value, int) and value > 0), None)


def _classes(channels: int | None, scope: str) -> int:
    return CLASSES if channels is None else max(2, channels + (scope == 'mmdet'))


def _try(loss: Loss, classes: int, inputs: str) -> None:
    """Calls a loss once, so that an error is raised before anything is drawn."""
    if inputs == 'area':
        loss(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([[0.0, 0.0, 1.0, 1.0]]))
        return
    pred = torch.zeros(1, classes if inputs == 'softmax' else 1, 1, 1)
    loss(pred, torch.zeros(1, 1, 1, dtype=torch.long) if inputs == 'softmax' else pred)


def _with_cause(problem: str, error: Exception) -> str:
    return f'{problem} ({type(error).__name__}: {" ".join(str(error).split())[:200]})'
