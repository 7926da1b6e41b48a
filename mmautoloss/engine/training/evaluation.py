"""One training of a config with given losses, and its score."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from mmautoloss.branches import ModelLoss
from mmautoloss.checks import require_number
from mmautoloss.engine.config.defaults import RULES
from mmautoloss.engine.config.losses import require_unswitched
from mmautoloss.engine.config.spec import read_metric
from mmautoloss.engine.training.process_state import process_state_kept
from mmautoloss.engine.training.result import Result
from mmautoloss.engine.training.sources import read_training_source, require_mapping
from mmautoloss.errors import SetupError, TrainingError, in_setup
from mmautoloss.found import UserLosses, read_user_losses
from mmautoloss.losses import SearchedLoss, plain_loss
from mmautoloss.proxy import (
    ProxyEvaluator,
    ProxySettings,
    capture_probes,
    one_at_a_time,
    plain_config,
    require_metric,
    type_name,
)
from mmautoloss.screen import balance_weight, gradient_norms
from mmautoloss.screen.settings import BALANCES
from mmautoloss.trial import Outcome, Role, Trial

_PROBE = 5
"""Training images on which losses are balanced."""


@one_at_a_time
def evaluate(
    cfg: str | Path | Config | Mapping[str, Any],
    losses: str | Path | Mapping[str, str | None] | None = None,
    seed: int = 0,
    *,
    metric: str | Sequence[str] | None = None,
    rule: str | None = None,
    schedule: Mapping[str, Any] | None = None,
    weights: Mapping[str, float | str] | None = None,
    balance: str = 'none',
    options: Mapping[str, Any] | None = None,
    work_dir: str | Path | None = None,
    timeout: float | None = None,
    raise_on_failure: bool = False,
) -> Result:
    """Trains the model of a config with given losses, validates it, and returns the metrics.

    The training is that of a plain Runner from the same initial weights and random numbers, but keeps no logs and no
    checkpoints, validates once, at the end, and ends at the first loss that is NaN or Inf. Two calls with the same
    arguments give the same result, whatever was called in between; a call leaves nothing behind in this process, neither
    in MMEngine's managers nor in the random generators.

    In one process one training runs at a time, since it has these only once: a call in a second thread waits for the first
    (as with Optuna's ``n_jobs=2``). To train side by side, take processes.

    ``examples/optuna_weights.py`` and ``examples/ray_tune_losses.py`` are short programs that tune with it.

    Args:
        cfg: A config of mmdet, mmseg, mmpose or mmpretrain, as a path, a ``Config`` or a dict. Of a search config one
            candidate is trained: its ``metric``, ``rule`` and ``proxy.schedule`` are the defaults here.
        losses: None for the hand-made losses; by name or path of a loss (``mmautoloss branches`` lists both) a known
            loss, an expression, or None for the hand-made one; one text for all losses; or the ``best_losses.json``,
            ``journal.jsonl`` or work dir of a search, or the name of a card (``losses.cards``).
        seed: Seed of the initial weights, the order of the data and all else.
        metric: Key of the monitored value, such as ``'coco/bbox_mAP'``, or several, whose mean is monitored. None takes
            the first of the results, as MMEngine's ``save_best='auto'`` does.
        rule: Whether a ``'greater'`` (default) or a ``'less'`` value is better.
        schedule: Replaces ``train_cfg``, such as ``dict(max_iters=100)`` or ``dict(max_epochs=2)``. Schedulers of the
            learning rate stay as they are.
        weights: ``loss_weight`` of replaced losses, by name or path; otherwise that of the loss that was replaced, or
            that of the file.
        balance: ``'gradient'`` gives each replaced loss that is not in ``weights`` the weight that makes its gradient
            on five training images as long as that of the hand-made loss, as a search does.
        options: ``--cfg-options``: settings to replace, by dotted name.
        work_dir: Where MMEngine may put its files; a temporary folder by default.
        timeout: Seconds that training and validation may take; checked after each iteration.
        raise_on_failure: Whether a training that fails raises instead of being a ``Result`` with its reason.

    Raises:
        SetupError: The config, a loss or a setting is invalid; raised before the training.
        TrainingError: The training failed, with ``raise_on_failure=True``.

    Example:
        ::

            result = mmautoloss.evaluate('configs/digits/faster_rcnn.py', {'roi_cls': 'focal_softmax'}, seed=1)
            print(result.score, result.metrics)
    """
    if not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise SetupError(f'seed must be an integer from 0 to 2**32 - 1, but got {seed!r}.')
    if timeout is not None:
        require_number('timeout', timeout)
    with ExitStack() as stack:
        stack.enter_context(process_state_kept())
        cfg, places, defaults = read_training_source(cfg, options or {})
        user_losses = read_user_losses(losses, places, weights or {})
        require_unswitched(cfg, user_losses.branches)
        settings = ProxySettings(
            config=plain_config(cfg),
            branches=user_losses.branches,
            schedule=_schedule(schedule or defaults['schedule'], cfg.train_dataloader),
            metric=_metric(metric or defaults['metric']),
            greater=_choice('rule', rule or defaults['rule'], RULES) == 'greater',
            invalid_stop=None,
            work_dir=str(work_dir or stack.enter_context(tempfile.TemporaryDirectory(prefix='mmautoloss-'))),
        )
        evaluator = ProxyEvaluator(settings)
        stack.callback(evaluator.close)
        _build(evaluator)
        if _choice('balance', balance, BALANCES) == 'gradient':
            user_losses = _balanced(evaluator, user_losses, seed)
        result = _measure(evaluator, user_losses, places, seed, timeout)
    if raise_on_failure and not result.ok:
        raise TrainingError(result.reason)
    return result


def _build(evaluator: ProxyEvaluator) -> None:
    """Builds everything, and looks for the metric among the results of an untrained validation."""
    in_setup(evaluator.build)
    if evaluator.settings.keys:
        in_setup(lambda: require_metric(evaluator))


def _measure(
    evaluator: ProxyEvaluator, user_losses: UserLosses, places: Sequence[ModelLoss], seed: int, timeout: float | None
) -> Result:
    role = Role.BASELINE if user_losses.genome is None else Role.SEARCH
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    outcome = evaluator.evaluate(Trial(0, role, seed, user_losses.genome, user_losses.weights), timeout)
    return Result(
        state=outcome.state.value,
        score=outcome.score,
        metrics=dict(outcome.metrics),
        metric=evaluator.settings.metric or next(iter(outcome.metrics), ''),
        reason=outcome.reason,
        seconds=outcome.seconds,
        seed=seed,
        losses=_trained(evaluator, user_losses, places, outcome),
        weights=dict(user_losses.weights),
        left_out=user_losses.left_out,
        memory=torch.cuda.max_memory_allocated() if on_gpu else None,
    )


def _trained(
    evaluator: ProxyEvaluator, user_losses: UserLosses, places: Sequence[ModelLoss], outcome: Outcome
) -> dict[str, str]:
    if outcome.score is None:  # the model may be gone
        texts = user_losses.genome.to_text() if user_losses.genome else {}
        return {place.name: texts.get(place.name, place.loss) for place in places}
    model = evaluator.runner.bare_model
    losses = {place.name: model.get_submodule(place.path) for place in places}
    return {
        name: loss.expression if isinstance(loss, SearchedLoss) else type(loss).__name__
        for name, loss in losses.items()
    }


def _balanced(evaluator: ProxyEvaluator, user_losses: UserLosses, seed: int) -> UserLosses:
    if user_losses.genome is None:
        return user_losses
    probes = capture_probes(evaluator.runner, user_losses.branches, _PROBE, seed)
    weights = dict(user_losses.weights)
    for branch in user_losses.branches:
        if branch.name in user_losses.fixed:
            continue
        norms, hand_made = (
            gradient_norms(loss, probes[branch.name])
            for loss in (
                plain_loss(user_losses.genome[branch.name], branch.inputs, probes[branch.name].settings),
                evaluator.hand_made[branch.name],
            )
        )
        if not any(norms):
            raise SetupError(f'The loss of {branch.name!r} has no gradient on the probe, so it cannot be balanced.')
        if not all(map(math.isfinite, norms)):
            raise SetupError(
                f'The gradient of the loss of {branch.name!r} is not finite on the probe, so it cannot be balanced. '
                "Give its weight, or balance='none'."
            )
        weights[branch.name] = balance_weight(norms, hand_made)
    return user_losses._replace(weights=weights)


def _schedule(train_cfg: Mapping[str, Any], loader: Mapping[str, Any]) -> dict[str, Any]:
    train_cfg = require_mapping('schedule', train_cfg)
    for key in {'max_iters', 'max_epochs'} & set(train_cfg):
        if not isinstance(train_cfg[key], int) or train_cfg[key] < 1:
            raise SetupError(f'{key} must be an integer of at least 1, but got {train_cfg[key]!r}.')
    if 'type' not in train_cfg and ('max_iters' in train_cfg) == ('max_epochs' in train_cfg):
        raise SetupError(f'schedule needs max_iters or max_epochs, but got {dict(train_cfg)}.')
    sampler = type_name((loader.get('sampler') or {}).get('type'))
    if 'max_epochs' in train_cfg and sampler == 'InfiniteSampler':  # MMEngine would train for ever
        raise SetupError(
            'schedule has max_epochs, but the InfiniteSampler of train_dataloader ends no epoch: give max_iters, '
            "or options={'train_dataloader.sampler.type': 'DefaultSampler'}."
        )
    whole = 'type' in train_cfg or 'by_epoch' in train_cfg
    return dict(train_cfg) if whole else {'by_epoch': 'max_epochs' in train_cfg, **train_cfg}


def _metric(metric: str | Sequence[str] | None) -> str:
    return '' if metric is None else read_metric(metric)


def _choice(name: str, value: str, values: Sequence[str]) -> str:
    if value not in values:
        raise SetupError(f'{name} must be one of {", ".join(values)}, but got {value!r}.')
    return value
