"""Comparisons that are killed go on from the checkpoints of their trainings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config

from mmautoloss.__main__ import main
from mmautoloss.engine.training.checkpoint_interval import interim_of
from mmautoloss.report import ResultRow, read_results
from mmautoloss.testing.forked import run_forked
from mmautoloss.testing.toy_searches import write_toy
from tests.isolation import ROOT

HOOK = {'type': 'CheckpointHook'}
EPOCHS, ITERATIONS = {'max_epochs': 12}, {'max_iters': 100}


@pytest.mark.parametrize(
    ('hook', 'schedule', 'given', 'every'),
    [
        ({'interval': 3}, EPOCHS, None, 3),
        ({'interval': 12}, EPOCHS, None, None),
        ({'interval': 500, 'by_epoch': False}, EPOCHS, None, 1),
        ({}, EPOCHS, None, None),
        ({'interval': 30, 'by_epoch': False}, ITERATIONS, None, 30),
        ({'interval': 100, 'by_epoch': False}, ITERATIONS, None, None),
        ({'interval': 1}, ITERATIONS, None, None),
        ({'interval': 3}, EPOCHS, 5, 5),
        ({'interval': 3}, EPOCHS, 0, None),
        (None, ITERATIONS, 7, 7),
        (None, ITERATIONS, None, None),
    ],
)
def test_the_interval_is_that_of_the_config(
    hook: dict | None, schedule: dict, given: int | None, every: int | None
) -> None:
    config = Config({'default_hooks': {'checkpoint': None if hook is None else {**HOOK, **hook}}})
    interim = interim_of(config, schedule, Path('work'), given)
    assert (interim and interim.every) == every
    assert interim is None or Path(interim.folder) == Path('work/checkpoints').absolute()


def command(folder: Path, *more: str) -> list[str]:
    given = ['--best', '0', '--also', 'mse', '--seeds', '1', '--results', str(folder / 'rows.csv')]
    return ['compare', str(folder / 'toy_search.py'), '--work-dir', str(folder / 'work'), *given, *more]


def killed(folder: Path, *more: str) -> int:
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}
    return run_forked(['-m', 'mmautoloss', *command(folder, *more)], ROOT, environment).returncode


def rows_of(folder: Path) -> list[ResultRow]:
    return read_results(folder / 'rows.csv')


@pytest.mark.parametrize(
    ('base', 'more'),
    [
        pytest.param({}, ['--checkpoint-interval', '4'], id='by the command'),
        pytest.param({'default_hooks.checkpoint': {**HOOK, 'by_epoch': False, 'interval': 4}}, [], id='by the config'),
    ],
)
def test_a_killed_comparison_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], base: dict[str, Any], more: list[str]
) -> None:
    """It dies in the second training, of a searched loss, whose checkpoint the same command takes up."""
    faults = {'model.faults': {'die_at': 14, 'where': '**', 'once': str(tmp_path / 'struck')}}
    write_toy(tmp_path / 'plain', base=base)
    write_toy(tmp_path / 'dying', base={**base, **faults})
    assert main(command(tmp_path / 'plain', '--checkpoint-interval', '0')) == 0
    assert killed(tmp_path / 'dying', *more) == -9
    checkpoints = tmp_path / 'dying/work/compare/checkpoints'
    assert len(rows_of(tmp_path / 'dying')) == 1 and len([*checkpoints.iterdir()]) == 1
    (path,) = checkpoints.iterdir()
    assert torch.load(path, weights_only=True)['meta']['iter'] == 12
    capsys.readouterr()
    assert main(command(tmp_path / 'dying', *more)) == 0
    assert f'-- trainings that go on from their checkpoints in {checkpoints}: 1' in capsys.readouterr().out
    assert [row.value for row in rows_of(tmp_path / 'dying')] == [row.value for row in rows_of(tmp_path / 'plain')]
    assert not [*checkpoints.iterdir()], 'the row takes its place'
    assert not (tmp_path / 'plain/work/compare/checkpoints').exists()


def test_short_trainings_write_none(tmp_path: Path) -> None:
    write_toy(tmp_path)
    assert main(command(tmp_path)) == 0
    assert not (tmp_path / 'work/compare/checkpoints').exists()
