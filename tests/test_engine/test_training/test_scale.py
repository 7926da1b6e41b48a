"""Comparisons as the launchers of the libraries train: a batch a GPU, and the learning rate that fits."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmautoloss.engine import at_scale, compare, compare_and_print, spec_of
from mmautoloss.engine.config.spec import SearchSpec
from mmautoloss.engine.training.scale import unscaled_rate
from mmautoloss.errors import SetupError
from mmautoloss.testing.toy_searches import BASE, toy_config

BATCH = BASE['train_dataloader']['batch_size']
RATE = BASE['optim_wrapper']['optimizer']['lr']


def toy_spec(folder: Path, **base: object) -> SearchSpec:
    return spec_of(toy_config(folder, {'results': str(folder / 'rows.csv')}, base))


def test_each_gpu_has_the_batch_of_the_config(tmp_path: Path) -> None:
    spec = toy_spec(tmp_path)
    found = at_scale(spec, 4, scale_lr=False)
    assert found.base.train_dataloader.batch_size == 4 * BATCH and found.execute.gpus_per_candidate == 4
    assert spec.base.train_dataloader.batch_size == BATCH, 'the search is as before'
    del spec.base.train_dataloader['batch_size']
    with pytest.raises(SetupError, match=r'--gpus needs train_dataloader\.batch_size'):
        at_scale(spec, 4, scale_lr=False)


def test_the_rate_follows_the_batch(tmp_path: Path) -> None:
    """A batch of half the size for which the rate is meant trains with half the rate, bit for bit."""
    scaled = toy_spec(tmp_path / 'scaled', **{'auto_scale_lr': {'base_batch_size': 2 * BATCH}})
    halved = toy_spec(tmp_path / 'halved', **{'optim_wrapper.optimizer.lr': RATE / 2})
    plain = toy_spec(tmp_path / 'plain')
    values = [compare(spec, [], [], [100])[0].value for spec in (at_scale(scaled, None, True), halved, plain)]
    assert values[0] == values[1] != values[2]


def test_a_config_that_does_not_say_its_batch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r'base_batch_size=16'):
        at_scale(toy_spec(tmp_path), None, scale_lr=True)


def test_a_rate_that_is_meant_for_other_batches_is_named(tmp_path: Path) -> None:
    spec = toy_spec(tmp_path, **{'auto_scale_lr': {'base_batch_size': 16}})
    assert 'batches of 16 images' in unscaled_rate(spec.base) and f'has {BATCH}:' in unscaled_rate(spec.base)
    assert unscaled_rate(at_scale(spec, None, True).base) == ''
    assert unscaled_rate(at_scale(spec, 16 // BATCH, False).base) == ''
    assert unscaled_rate(toy_spec(tmp_path / 'other').base) == ''


def test_it_says_beforehand_and_on_the_way_what_it_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = toy_spec(tmp_path)
    compare_and_print(spec, [], [], [100, 101, 102], dry=True)
    text = capsys.readouterr().out
    assert '3 compared' in text and 'with one worker about' in text and not (tmp_path / 'rows.csv').exists()
    compare_and_print(spec, [], [], [100, 101, 102])
    assert '-- 1 of 3 trainings; the others take about' in capsys.readouterr().out
    compare_and_print(spec, [], [], [100, 101, 102, 103], dry=True)
    assert '1 compared' in capsys.readouterr().out, 'what the file has is not trained again'
    compare_and_print(spec, [], [], [100], dry=True)
    assert 'trainings: none' in capsys.readouterr().out
    with pytest.raises(SetupError, match="'toy/nothing' is not among"):
        compare_and_print(spec, [], [], [100], metrics=['toy/nothing'], dry=True)


def test_rows_of_another_scale_are_other_rows(tmp_path: Path) -> None:
    """What was trained with one batch or rate is neither taken for what another gives, nor compared with it."""
    spec = toy_spec(tmp_path, **{'auto_scale_lr': {'base_batch_size': 2 * BATCH}})
    [plain] = compare(spec, [], [], [100])
    [scaled] = compare(at_scale(spec, 1, True), [], [], [100])
    assert scaled.value != plain.value and scaled.setting != plain.setting
    assert (plain.network, scaled.network) == ('mlp', 'mlp, rate scaled')
    assert at_scale(spec, 4, True).describe.network == f'mlp, batch {4 * BATCH}, rate scaled'
    assert compare(at_scale(spec, 1, False), [], [], [100]) == [], 'one GPU trains as the search does'
