"""Configs with found losses, which any OpenMMLab tool trains."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from mmautoloss.branches import Branch, is_place
from mmautoloss.engine.config.branches import build_model
from mmautoloss.errors import SetupError
from mmautoloss.expr import Genome, custom_primitives
from mmautoloss.losses import is_custom
from mmautoloss.proxy import hooks_of, type_name


def with_losses(cfg: Config, branches: tuple[Branch, ...], genome: Genome, weights: Mapping[str, float]) -> Config:
    """Replaces the losses of a config, and nothing else, in place.

    Losses of modules that the config does not have, such as the student of a distiller, are exchanged by a
    ``LossSwitchHook`` as the training begins.

    Raises:
        SetupError: A branch's head is not in the config, or a hook of the config exchanges its loss.
    """
    require_unswitched(cfg, branches)
    configs = {branch: branch.config(str(genome[branch.name]), weights[branch.name]) for branch in branches}
    absent = {branch.path: configs.pop(branch) for branch in branches if _is_built_elsewhere(cfg, branch)}
    if absent:
        hook = {'type': 'mmautoloss.LossSwitchHook', 'at': 0, 'losses': absent}
        cfg.custom_hooks = [*(cfg.get('custom_hooks') or []), hook]
    for branch, config in configs.items():
        head, _, key = branch.config_path.rpartition('.')
        node = cfg.model
        for part in head.split('.') if head else []:
            node = _step(node, part, branch)
        _put(node, key, branch, cfg.get('default_scope'), config)
    return cfg


_STUDENTS = ('student', 'distill_losses')
"""Parts of distillers and of semi-supervised detectors, which configs describe by other names or in other files."""


def _is_built_elsewhere(cfg: Config, branch: Branch) -> bool:
    """Whether the config of a model lacks the module of a loss, which is built of another part or file."""
    first = branch.config_path.partition('.')[0]
    return first in _STUDENTS and first not in cfg.model


def require_unswitched(cfg: Config, branches: Sequence[Branch]) -> None:
    """Requires that no hook of a config exchanges these losses, or sets their weights, in the course of the training.

    Raises:
        SetupError: One does.
    """
    for place, hook in training_hooks(cfg):
        switched = hook['losses'] if type_name(hook.get('type')) == 'LossSwitchHook' else ()
        paths = [branch.path for branch in branches if any(is_place(branch.path, path) for path in switched)]
        if paths:
            raise SetupError(
                f'A LossSwitchHook in {place} exchanges the loss at {", ".join(paths)}, so that another one would only be '
                'trained before: take the hook out, or leave out these losses.'
            )
        _require_own_weight(place, hook, branches)


def training_hooks(cfg: Config) -> list[tuple[str, Mapping[str, Any]]]:
    """The hooks of a config that may change a training, each with the name of its section."""
    hooks = hooks_of(cfg)
    placed = [*(('custom_hooks', hook) for hook in hooks.custom), *(('default_hooks', hook) for hook in hooks.kept)]
    return [(place, hook) for place, hook in placed if isinstance(hook, Mapping)]


def _require_own_weight(place: str, hook: Mapping[str, Any], branches: Sequence[Branch]) -> None:
    """Requires that a hook leaves the weights of losses, which go with their expressions."""
    name = type_name(hook.get('type'))
    weighed = _weighed_places(hook) if name in ('LossWeightScheduleHook', 'AuxiliaryScheduleHook') else []
    paths = [b.path for b in branches if any(b.path == path or b.path.startswith(f'{path}.') for path in weighed)]
    if paths:
        raise SetupError(
            f'{name} in {place} sets the loss_weight of the loss at {", ".join(paths)}, so that the weight that goes '
            'with another loss would be lost: take the hook out, or leave out these losses.'
        )


def _weighed_places(hook: Mapping[str, Any]) -> list[str]:
    """The losses and heads whose weights a hook sets; none if its settings are wrong, which it says itself."""
    weights, groups = hook.get('weights'), hook.get('groups')
    places = [*weights] if isinstance(weights, Mapping) else []
    lists = [group for group in groups.values() if isinstance(group, Sequence)] if isinstance(groups, Mapping) else []
    return [*places, *(place for group in lists for place in group)]


def _put(node: Any, key: str, branch: Branch, scope: str | None, loss: dict[str, Any]) -> None:
    if isinstance(node, list):
        _step(node, key, branch)
        node[int(key)] = loss
    elif isinstance(node, dict) and (key in node or _takes(node, key, scope)):
        old = node.pop(key, None)  # or the new keys would be merged into the old loss
        node[key] = {**loss, **_weights_of_head(old)}
    else:
        raise _no_such(branch)


def _weights_of_head(loss: Any) -> dict[str, float]:
    """The two numbers of which the head of DETR makes the class weights."""
    if not isinstance(loss, Mapping) or 'bg_cls_weight' not in loss or 'class_weight' not in loss:
        return {}
    return {key: loss[key] for key in ('class_weight', 'bg_cls_weight')}


def _takes(head: Mapping[str, Any], key: str, scope: str | None) -> bool:
    """Whether a head has an argument for a loss that its config does not set."""
    kind = head.get('type')
    # looked up as MMEngine builds: its own registry alone has no names of other libraries
    with DefaultScope.overwrite_default_scope(scope), MODELS.switch_scope_and_registry(None) as registry:
        kind = registry.get(kind) if isinstance(kind, str) else kind
    return kind is not None and any(key in inspect.signature(base.__init__).parameters for base in kind.__mro__)


def require_buildable(cfg: Config, branches: tuple[Branch, ...]) -> None:
    """Builds the model of a config with found losses once, since heads may need more of a loss than its call.

    Raises:
        SetupError: It cannot be built.
    """
    try:
        build_model(cfg)
    except SetupError as error:
        raise SetupError(
            f'The model cannot be built with other losses at {", ".join(branch.path for branch in branches)}: '
            f'{_cause(error)}. Leave out the loss that its head does not allow to be replaced.'
        ) from error


def _cause(error: BaseException) -> str:
    """The first error of a chain with its line of code, since an assertion has no other message."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f'{type(error).__name__} {error} at {frame.line!r} of {Path(frame.filename).name}'.replace('  ', ' ')


def _step(node: Any, part: str, branch: Branch) -> Any:
    try:
        return node[int(part)] if isinstance(node, (list, tuple)) else node[part]
    except (KeyError, IndexError, ValueError, TypeError):
        raise _no_such(branch, isinstance(node, dict) and part.isdigit()) from None


def _no_such(branch: Branch, shared: bool = False) -> SetupError:
    remedy = ' One dict serves all stages there: write it as a list with one entry a stage.' if shared else ''
    return SetupError(f'The config of the model has no {branch.config_path!r} (branch {branch.name!r}).{remedy}')


def with_custom_modules(cfg: Config, search: Mapping[str, Any], branches: Sequence[Branch], genome: Genome) -> Config:
    """The config with the ``custom_imports`` of the search, in place, if a loss uses an operator or inputs of the user.

    Args:
        cfg: A plain config with the losses.
        search: The search config.
        branches: The branches of the losses.
        genome: The losses.
    """
    modules = (search.get('custom_imports') or {}).get('imports', ())
    operators = custom_primitives()
    needed = any(
        is_custom(branch.inputs) or not operators.keys().isdisjoint(genome[branch.name].nodes) for branch in branches
    )
    if modules and needed:
        modules = [modules] if isinstance(modules, str) else modules
        present = (cfg.get('custom_imports') or {}).get('imports', ())
        present = [present] if isinstance(present, str) else present
        cfg.custom_imports = {'imports': list(dict.fromkeys([*present, *modules])), 'allow_failed_imports': False}
    return cfg
