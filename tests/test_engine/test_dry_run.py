"""The estimate of a search before it begins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mmautoloss.__main__ import main
from mmautoloss.engine import dry_run, spec_of
from mmautoloss.engine.training.forecast import estimate, speeds_of
from mmautoloss.errors import SetupError, TrainingError
from mmautoloss.execute import ExecuteSettings
from mmautoloss.proxy import Speed
from mmautoloss.testing.toy_searches import toy_config, write_toy


def test_whole_trainings_are_counted_with_their_length(tmp_path: Path) -> None:
    budget = {'max_trials': 10, 'baseline_repeats': 2, 'finalists': 0, 'finalist_repeats': 0, 'confirm_seeds': 0}
    spec = spec_of(toy_config(tmp_path, {'budget': budget, 'execute': {'workers': 4, 'threads': 1}}))
    found = estimate(spec, {'': Speed(iteration=2.0, iterations=8, batch=3.0, batches=4, memory=None)})
    assert found.candidate == 2 * 8 + 3 * 4
    assert found.seconds == pytest.approx(28 * (10 + 3) / 4)
    assert found.counts['candidate'] == 10 and found.counts['baseline'] == 3


def test_a_trunk_takes_its_share_once_a_seed(tmp_path: Path) -> None:
    budget = {'max_trials': 10, 'baseline_repeats': 1, 'finalists': 0, 'finalist_repeats': 0, 'confirm_seeds': 0}
    spec = spec_of(toy_config(tmp_path, {'budget': budget, 'proxy.begin': {'at': 0.75}}))
    found = estimate(spec, {'': Speed(iteration=1.0, iterations=8, batch=1.0, batches=2, memory=2**30)})
    assert found.candidate == 2 + 2
    # ten candidates and two baselines, two trunks of six iterations, two plain trainings of the hand-made losses
    assert found.seconds == pytest.approx(12 * 4 + 2 * 6 + 2 * (8 + 2))


def test_a_relay_takes_parts_of_a_training_and_whole_ones(tmp_path: Path) -> None:
    family = {'cls': '-y * (1 - {a=0.5} * p) * log(p)', 'box': 'abs(p - y)'}
    changes = {
        'proxy': {'begin': {'generations': 4, 'candidates': 3}},
        'strategy': {'type': 'Reinforce', 'family': family, 'samples': 3},
        'budget': {'baseline_repeats': 1, 'finalist_repeats': 0, 'confirm_seeds': 0},
    }
    spec = spec_of(toy_config(tmp_path, changes))
    found = estimate(spec, {'': Speed(iteration=2.0, iterations=8, batch=1.0, batches=4, memory=None)})
    assert (found.candidate, found.leg) == (16 + 4, 4 + 4)
    assert found.counts['candidate'] == 12 + 1 + 1
    # two baselines, a known loss, and the loss that the relay ends with
    assert found.seconds == pytest.approx(12 * 8 + 4 * 20)
    assert any('a candidate of a generation and its validation: 8 s' in line for line in found.lines())


def test_tasks_are_trained_one_after_the_other(tmp_path: Path) -> None:
    spec = spec_of(toy_config(tmp_path, {}))
    speed = Speed(iteration=1.0, iterations=8, batch=0.0, batches=1, memory=None)
    assert estimate(spec, {'a': speed, 'b': speed}).candidate == 16


def test_it_trains_some_iterations_and_writes_nothing(tmp_path: Path) -> None:
    spec = spec_of(toy_config(tmp_path, {}))
    before = sorted(tmp_path.rglob('*'))
    found = dry_run(spec)
    speed = found.speeds['']
    assert (speed.iterations, speed.batches, speed.memory) == (8, 2, None)
    assert 0 < speed.iteration < 10 and 0 < speed.batch < 10
    assert sorted(tmp_path.rglob('*')) == before


def test_the_command_says_what_the_search_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_toy(tmp_path)
    assert main(['search', str(config), '--dry', '--work-dir', str(tmp_path / 'work')]) == 0
    text = capsys.readouterr().out
    assert 'trainings: 2 baseline, 4 candidate' in text and 'with one worker about' in text
    assert not (tmp_path / 'work').exists()


def test_a_search_that_cannot_work_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_toy(tmp_path)
    arguments = ['search', str(config), '--dry', '--cfg-options', 'train_cfg.metric=toy/scores']
    assert main(arguments) == 2
    assert "'toy/scores' is not among" in capsys.readouterr().err


def test_legs_of_a_relay_take_their_part_of_a_training(tmp_path: Path) -> None:
    budget = {'baseline_repeats': 1, 'finalist_repeats': 0, 'confirm_seeds': 0}
    spec = spec_of(toy_config(tmp_path, {'budget': budget, 'proxy.begin': {'generations': 4, 'candidates': 3}}))
    found = estimate(spec, {'': Speed(iteration=1.0, iterations=8, batch=1.0, batches=2, memory=None)})
    # twelve legs of two iterations with a validation each, the loss they come to, a known loss, two of the hand-made
    assert found.seconds == pytest.approx(12 * (2 + 2) + (1 + 1 + 2) * (8 + 2))


def test_a_time_limit_ends_the_candidates(tmp_path: Path) -> None:
    budget = {'max_trials': 1000, 'max_seconds': 100, 'baseline_repeats': 1, 'finalists': 0, 'confirm_seeds': 0}
    speeds = {'': Speed(iteration=1.0, iterations=8, batch=1.0, batches=2, memory=None)}
    found = estimate(spec_of(toy_config(tmp_path, {'budget': budget})), speeds)
    assert found.seconds == pytest.approx(100)
    assert 'not all candidates: none begins after 100 s (budget.max_seconds)' in list(found.lines())
    longer = estimate(spec_of(toy_config(tmp_path, {'budget': {**budget, 'max_trials': 4}})), speeds)
    assert longer.seconds == pytest.approx(60) and not any('max_seconds' in line for line in longer.lines())


@pytest.mark.parametrize('schedule', [{'max_iters': 8}, {'type': 'EpochBasedTrainLoop', 'max_epochs': 2}])
def test_a_process_has_its_part_of_the_batch(tmp_path: Path, schedule: dict[str, object]) -> None:
    """Two processes do as many iterations as one, each of half the size, and each validates half of the images."""
    sampler = {'type': 'DefaultSampler', 'shuffle': True} if 'max_epochs' in schedule else {}
    base = {'train_dataloader.sampler': sampler} if sampler else {}
    settings = spec_of(toy_config(tmp_path, {'proxy.schedule': schedule}, base)).proxy
    alone, together = (
        speeds_of(settings, ExecuteSettings(gpus_per_candidate=ranks, threads=1))[''] for ranks in (1, 2)
    )
    assert together.iterations == alone.iterations and (alone.batches, together.batches) == (2, 1)
    odd = {**settings.config, 'train_dataloader': {**settings.config['train_dataloader'], 'batch_size': 3}}
    with pytest.raises(SetupError, match='batch_size that 2 processes can share, but got 3'):
        speeds_of(replace(settings, config=odd), ExecuteSettings(gpus_per_candidate=2, threads=1))


def test_workers_share_the_cores_as_in_the_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []
    monkeypatch.setattr('torch.set_num_threads', counts.append)
    monkeypatch.setattr('mmautoloss.execute.settings.share_cores', lambda processes: 24 // processes)
    settings = spec_of(toy_config(tmp_path, {})).proxy
    speeds_of(settings, ExecuteSettings(workers=2))
    speeds_of(settings, ExecuteSettings(workers=2, threads=5))
    speeds_of(settings, ExecuteSettings())
    assert counts == [12, 5], 'a single worker has those of this process'


def test_too_few_devices_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match='gpus_per_candidate'):
        dry_run(spec_of(toy_config(tmp_path, {'execute': {'workers': 2, 'gpus_per_candidate': 0.5}})))


def test_a_training_that_fails_is_told_in_a_line(tmp_path: Path) -> None:
    spec = spec_of(toy_config(tmp_path, {}, {'model.faults': {'fail_at': 1}}))
    with pytest.raises(TrainingError, match='fails in its first iterations: RuntimeError: the toy fails'):
        dry_run(spec)
