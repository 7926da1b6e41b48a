"""Searches whose candidates train a model on that is trained already."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip('mmengine')

from mmengine.config import Config
from mmengine.runner import Runner

from mmautoloss.engine import spec_of
from mmautoloss.errors import JournalError, SetupError
from mmautoloss.report import read_results
from mmautoloss.testing import toy  # noqa: F401  (registers its classes)
from mmautoloss.testing.toy_searches import BASE, run_toy, toy_config
from mmautoloss.trial import History, Role

SMALL = {'budget.max_trials': 2, 'budget.finalists': 1, 'budget.allocation': 'equal'}


@pytest.fixture(scope='module')
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a plain training, as MMEngine writes it."""
    folder = tmp_path_factory.mktemp('trained')
    cfg = Config({**copy.deepcopy(BASE), 'work_dir': str(folder)})
    cfg.default_hooks = {'checkpoint': {'type': 'CheckpointHook', 'by_epoch': False, 'interval': 20}, 'logger': None}
    Runner.from_cfg(cfg).train()
    return folder / 'iter_20.pth'


def config_of(folder: Path, path: Path | str, **changes: Any) -> Config:
    begin = {'checkpoint': str(path), **{key: changes.pop(key) for key in ('length', 'rate') if key in changes}}
    dotted = {key.replace('__', '.'): value for key, value in changes.items()}
    return toy_config(folder, {**SMALL, 'proxy': {'begin': begin}, **dotted})


def test_search_from_a_checkpoint(trained: Path, tmp_path: Path) -> None:
    cfg = config_of(tmp_path, trained, length=0.25, results=str(tmp_path / 'rows.csv'))
    history = run_toy(cfg)
    rows = read_results(tmp_path / 'rows.csv')
    label = f'from_checkpoint_{hashlib.sha256(trained.read_bytes()).hexdigest()[:8]}'
    assert {(row.begin, row.iterations, row.tail, row.images) for row in rows} == {(label, 5, 5, '32')}
    assert rows[0].setting.length == f'5 iterations from checkpoint {label[-8:]}'
    before = validated(trained, tmp_path)
    assert all(trial.begin is None for trial in history) and not history.of_role(Role.TRUNK, Role.PLAIN)
    assert history.baseline_scores()[0] > before - 0.1, 'a few iterations do not undo what it has learned'
    untrained = toy_config(tmp_path / 'untrained', {**SMALL, 'budget.max_trials': 0, 'seeds': []})
    assert history.baseline_scores()[0] > max(run_toy(untrained).baseline_scores())
    assert {trial.role for trial in history} >= {Role.BASELINE, Role.KNOWN, Role.SEARCH, Role.FINALIST}


def validated(checkpoint: Path, folder: Path) -> float:
    cfg = Config({**copy.deepcopy(BASE), 'work_dir': str(folder / 'val'), 'load_from': str(checkpoint)})
    runner = Runner.from_cfg(cfg)
    from mmautoloss.compat import allow_mmengine_checkpoints

    allow_mmengine_checkpoints()
    return runner.val()['toy/score']


def test_length_and_rate(trained: Path, tmp_path: Path) -> None:
    proxy = spec_of(config_of(tmp_path, trained, length=0.25, rate=0.4)).proxy
    assert proxy.schedule['max_iters'] == 5
    assert proxy.schedulers[0]['start_factor'] == 0.4 and proxy.schedulers[0]['end_factor'] == 0.0
    own = spec_of(
        config_of(tmp_path, trained, rate=None, proxy__schedule={'max_iters': 7, 'type': 'IterBasedTrainLoop'})
    )
    assert own.proxy.schedule['max_iters'] == 7 and own.proxy.schedulers is None


def test_best_config_goes_on_with_the_model(trained: Path, tmp_path: Path) -> None:
    cfg = config_of(tmp_path, trained, length=0.25)
    run_toy(cfg)
    best = Config.fromfile(Path(cfg.work_dir) / 'best_config.py')
    assert best.load_from == str(trained) and best.train_cfg.max_iters == 5
    assert best.model.head.loss_cls.type == 'mmautoloss.SearchedLoss' and best.param_scheduler[0].start_factor == 0.5


def harmed(trained: Path, folder: Path, harm: Callable[[dict[str, Any]], Any]) -> Path:
    checkpoint = torch.load(trained, weights_only=False)
    checkpoint = harm(checkpoint) or checkpoint
    torch.save(checkpoint, folder / 'harmed.pth')
    return folder / 'harmed.pth'


def other_classes(checkpoint: dict[str, Any]) -> None:
    checkpoint['state_dict']['head.cls.weight'] = torch.zeros(7, 16)


def not_finite(checkpoint: dict[str, Any]) -> None:
    checkpoint['state_dict']['head.cls.bias'][0] = float('nan')


def backbone_only(checkpoint: dict[str, Any]) -> dict[str, Any]:
    return {'state_dict': {key: value for key, value in checkpoint['state_dict'].items() if 'head' not in key}}


def moved(checkpoint: dict[str, Any]) -> None:
    checkpoint['state_dict']['head.cls.bias'] += 1


def no_weights(checkpoint: dict[str, Any]) -> list[int]:
    return [1, 2]


@pytest.mark.parametrize(
    ('harm', 'message'),
    [
        (
            other_classes,
            r'head.cls.weight is 7 x 16 there and 4 x 16 here. It must be trained with the same model and cl',
        ),
        (not_finite, 'head.cls.bias is not finite'),
        (backbone_only, r'head.cls.weight is missing; .* \(and 1 more\)'),
        (no_weights, 'has no weights'),
    ],
)
def test_checkpoint_that_does_not_fit(trained: Path, tmp_path: Path, harm: Callable, message: str) -> None:
    cfg = config_of(tmp_path, harmed(trained, tmp_path, harm))
    with pytest.raises(SetupError, match=message):
        run_toy(cfg)
    assert not list(_history(cfg)), 'before any candidate'


def _history(cfg: Config) -> History:
    from mmautoloss.trial import Journal

    journal = Journal(Path(cfg.work_dir) / 'journal.jsonl', dict(spec_of(cfg).header), {}, resume=True)
    journal.close()
    return journal.history


class Code:
    """Runs when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ('raise RuntimeError("code of a checkpoint was run")',))


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    torch.save({'state_dict': Code()}, tmp_path / 'code.pth')
    with pytest.raises(SetupError, match='cannot be read as weights'):
        run_toy(config_of(tmp_path, tmp_path / 'code.pth'))


def test_misspelt_path(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r'must be the file of a trained model on this machine, but got .*none.pth'):
        spec_of(config_of(tmp_path, tmp_path / 'none.pth'))


def test_another_checkpoint_does_not_continue_a_search(trained: Path, tmp_path: Path) -> None:
    path = tmp_path / 'mine.pth'
    path.write_bytes(trained.read_bytes())
    cfg = config_of(tmp_path, path, budget__max_trials=0, seeds=[])
    run_toy(cfg)
    harmed(trained, tmp_path, moved).rename(path)
    with pytest.raises(JournalError, match='begin'):
        run_toy(config_of(tmp_path, path, budget__max_trials=0, seeds=[], resume=True))


@pytest.mark.parametrize(
    ('begin', 'message'),
    [
        ('trunks', "proxy.begin must be 'scratch', 'trunk'"),
        ({'at': 1.0}, r'proxy.begin.at must be a share of the training'),
        ({'at': 0.01}, r'must leave some before it'),
        ({'at': 0.5, 'rate': 'fallen'}, 'proxy.begin.rate must be one of held, scheduled'),
        ({'at': 0.5, 'optimizer': 'old'}, 'proxy.begin.optimizer must be one of keep, new'),
        ({'at': 0.5, 'length': 0.1}, 'proxy.begin has no setting length'),
        ({'at': 0.5, 'checkpoint': 'x.pth'}, 'a trunk .* or a checkpoint, not both'),
    ],
)
def test_beginnings_that_are_refused(tmp_path: Path, begin: Any, message: str) -> None:
    with pytest.raises(SetupError, match=message):
        spec_of(toy_config(tmp_path, {'proxy': {'begin': begin}}))


def test_load_from_beside_a_checkpoint(trained: Path, tmp_path: Path) -> None:
    cfg = config_of(tmp_path, trained)
    cfg.load_from = str(trained)
    with pytest.raises(SetupError, match='leave load_from out'):
        spec_of(cfg)
