"""What a loss reads as the elapsed share of the training, in trainings by MMEngine and in proxies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from mmautoloss.compat import allow_mmengine_checkpoints
from mmautoloss.engine import evaluate
from mmautoloss.losses import SearchedLoss
from mmautoloss.losses.elapsed import elapsed_share
from mmautoloss.testing.toy_searches import run_toy, toy_config, write_toy

ITERATIONS = {'type': 'IterBasedTrainLoop', 'max_iters': 6, 'val_interval': 2}
EPOCHS = {'type': 'EpochBasedTrainLoop', 'max_epochs': 3, 'val_interval': 1}
SCHEDULES = {'iterations': ITERATIONS, 'epochs': EPOCHS}
LOSS = {'type': 'mmautoloss.SearchedLoss', 'expression': '(1 - t) * abs(p - y) + t * (p - y) ** 2', 'inputs': 'delta'}


class WatchHook(Hook):
    """Records the share in each validation, and may end the training.

    Args:
        last: Iteration after which the training ends as if it were killed; None for none.
    """

    priority = 'LOWEST'

    def __init__(self, last: int | None = None) -> None:
        self.last = last
        self.in_validation: list[float] = []

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        if runner.iter + 1 == self.last:
            raise KeyboardInterrupt

    def before_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        self.in_validation.append(elapsed_share())


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The share in each call of a searched loss."""
    found: list[float] = []
    forward = SearchedLoss.forward

    def watched(self: SearchedLoss, *args: Any, **kwargs: Any) -> Tensor:
        found.append(elapsed_share())
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(SearchedLoss, 'forward', watched)
    return found


def runner_of(folder: Path, schedule: dict[str, Any], name: str, last: int | None = None, **more: Any) -> Runner:
    changes: dict[str, Any] = {'model.head.loss_box': LOSS, 'train_cfg': schedule, **more}
    if schedule is EPOCHS:  # 16 images: two iterations an epoch
        changes |= {
            'train_dataloader.sampler.type': 'DefaultSampler',
            'train_dataloader.batch_size': 8,
            'train_dataloader.dataset.length': 16,
        }
    cfg = Config.fromfile(write_toy(folder, base=changes).with_name('toy.py'))
    cfg.work_dir, cfg.experiment_name = str(folder), name
    runner = Runner.from_cfg(cfg)
    runner.register_hook(WatchHook(last))
    return runner


def watch_of(runner: Runner) -> WatchHook:
    return next(hook for hook in runner.hooks if isinstance(hook, WatchHook))


@pytest.mark.parametrize('schedule', SCHEDULES)
def test_trainings_by_iterations_and_by_epochs(schedule: str, seen: list[float], tmp_path: Path) -> None:
    runner = runner_of(tmp_path, SCHEDULES[schedule], f'elapsed-{schedule}')
    runner.train()
    assert seen == [iteration / 6 for iteration in range(6)]
    assert set(watch_of(runner).in_validation) == {1.0}
    assert elapsed_share() == 1, 'after a training'


@pytest.mark.parametrize('schedule', SCHEDULES)
def test_a_resumed_training_goes_on_where_it_was(schedule: str, seen: list[float], tmp_path: Path) -> None:
    allow_mmengine_checkpoints()
    by_epoch = schedule == 'epochs'
    saving = {
        'default_hooks.checkpoint': {'type': 'CheckpointHook', 'interval': 1 if by_epoch else 2, 'by_epoch': by_epoch}
    }
    with pytest.raises(KeyboardInterrupt):
        runner_of(tmp_path, SCHEDULES[schedule], f'killed-{schedule}', last=5, **saving).train()
    resumed = runner_of(tmp_path, SCHEDULES[schedule], f'resumed-{schedule}', **saving, resume=True)
    resumed.train()
    assert seen == [iteration / 6 for iteration in (0, 1, 2, 3, 4, 4, 5)]


def test_an_evaluation_knows_it_too(seen: list[float], tmp_path: Path) -> None:
    config = write_toy(tmp_path).with_name('toy.py')
    result = evaluate(config, {'head_box': LOSS['expression']}, metric='toy/score', schedule=ITERATIONS)
    assert result.losses['head_box'] == LOSS['expression'] and result.score is not None
    assert seen == [iteration / 6 for iteration in range(6)]


def test_proxies_know_it_too(seen: list[float], tmp_path: Path) -> None:
    """With a rung, whose validation is over before the next iteration."""
    changes = {
        'seeds': [{'cls': 'ce', 'box': LOSS['expression']}],
        'budget': {'max_trials': 0, 'baseline_repeats': 0, 'finalists': 0},
        'proxy.rung': {'at': 0.5, 'watch': True},
    }
    (baseline, known) = run_toy(toy_config(tmp_path, changes))
    assert known.score is not None and known.score != baseline.score
    trainings = [seen[start : start + 16 : 2] for start in range(0, len(seen), 16)]  # each of two losses
    assert trainings and all(shares == [iteration / 8 for iteration in range(8)] for shares in trainings)
