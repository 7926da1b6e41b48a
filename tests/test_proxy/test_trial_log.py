"""What a trial says goes to its own file, and what its network predicts to another."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import MethodType
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement, InstanceData, PixelData

from mmautoloss.proxy import ProxyEvaluator
from mmautoloss.proxy.predictions import Prediction, Predictions, read_predictions, write_predictions
from mmautoloss.testing.toy import ToyDetector
from mmautoloss.trial import LOG, PREDICTIONS, Outcome, State, Trial, trial_folder
from tests.test_proxy.conftest import EXP, SQUARE, searched

Make = Callable[..., ProxyEvaluator]


@pytest.fixture
def trials(tmp_path: Path) -> Path:
    folder = tmp_path / 'trials'
    folder.mkdir()
    return folder


def with_files(evaluator: ProxyEvaluator, trials: Path, pictures: int = 2) -> ProxyEvaluator:
    evaluator.settings = replace(evaluator.settings, trials=str(trials), pictures=pictures)
    return evaluator


def log_of(trials: Path, number: int = 0) -> str:
    return (trial_folder(trials, number) / LOG).read_text()


def make_noise(evaluator: ProxyEvaluator) -> None:
    """The training prints, warns, writes to stderr and logs."""
    runner = evaluator.runner
    train = runner.train

    def loud() -> None:
        print('printed')
        sys.stderr.write('to stderr\n')
        warnings.warn('warned', stacklevel=1)
        runner.logger.info('logged')
        train()

    runner.train = loud


def as_outside_of_pytest(message, category, filename, lineno, file=None, line=None) -> None:
    sys.stderr.write(warnings.formatwarning(message, category, filename, lineno))


def test_noise_of_each_trial_is_in_its_own_file_and_nowhere_else(
    make_evaluator: Make, trials: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warnings, 'showwarning', as_outside_of_pytest)
    evaluator = with_files(make_evaluator(), trials)
    make_noise(evaluator)
    for number in range(2):
        assert evaluator.evaluate(searched(SQUARE, number=number)).state is State.COMPLETE
        text = log_of(trials, number)
        assert text.startswith(f'trial {number}, search, seed 0, ') and '  cls: -y * log(p)  (weight 0.75)\n' in text
        assert [text.count(part) for part in ('printed', 'to stderr', 'Warning: warned', 'INFO logged')] == [
            1,
            1,
            1,
            1,
        ]
        assert 'complete after' in text.splitlines()[-1] and 'toy/score' in text.splitlines()[-1]
    assert capfd.readouterr() == ('', '')


def test_log_of_a_failure_holds_the_whole_traceback(make_evaluator: Make, trials: Path) -> None:
    evaluator = with_files(make_evaluator({'model.faults': {'fail_at': 2, 'where': 'exp('}}), trials)
    outcome = evaluator.evaluate(searched(EXP))
    text = log_of(trials)
    assert '_measure' in text and '_measure' not in outcome.reason, 'the journal holds the end of it'
    assert text.count('RuntimeError: the toy fails in iteration 2') == 2 and text.splitlines()[-1].startswith(
        'failed '
    )


def test_second_attempt_is_added(make_evaluator: Make, trials: Path) -> None:
    evaluator = with_files(make_evaluator(), trials)
    for _ in range(2):
        evaluator.evaluate(searched(SQUARE))
    assert log_of(trials).count('trial 0, search') == 2


def test_machine_without_the_work_dir_keeps_nothing(make_evaluator: Make, tmp_path: Path) -> None:
    evaluator = with_files(make_evaluator(), tmp_path / 'elsewhere' / 'trials')
    assert evaluator.evaluate(searched(SQUARE)).state is State.COMPLETE
    assert not (tmp_path / 'elsewhere').exists()


def test_full_disk_fails_no_trial(make_evaluator: Make, trials: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = make_evaluator().evaluate(searched(SQUARE))
    folder = trial_folder(trials, 0)
    folder.mkdir()
    (folder / LOG).symlink_to('/dev/full')
    found = with_files(make_evaluator(), trials).evaluate(searched(SQUARE))
    assert (found.state, found.score) == (State.COMPLETE, expected.score)


def sample(path: str, **fields: object) -> BaseDataElement:
    element = BaseDataElement(metainfo={'img_path': path, 'id': 7})
    for name, value in fields.items():
        setattr(element, name, value)
    return element


def boxes(count: int) -> InstanceData:
    scores = torch.linspace(0, 1, count)
    masks = torch.arange(count * 15).reshape(count, 3, 5) % 2 == 0
    return InstanceData(
        bboxes=scores[:, None].repeat(1, 4).double(), scores=scores, labels=torch.arange(count), masks=masks
    )


def test_predictions_come_back_as_they_were(tmp_path: Path) -> None:
    gathered, path = Predictions(2), tmp_path / PREDICTIONS
    heat = PixelData(heatmaps=torch.rand(4, 6, 6))
    pose = InstanceData(keypoints=np.ones((1, 4, 2)), keypoint_scores=np.ones((1, 4)))
    gathered.add([sample('a.png', pred_instances=boxes(3)), sample('b.png', pred_instances=pose, pred_fields=heat)])
    gathered.add([sample('b.png', pred_sem_seg=PixelData(data=torch.tensor([[[1, 2], [300, 0]]])))])
    gathered.add([sample('c.png', pred_instances=boxes(3))])
    assert gathered.write(path) == ''
    first, second, third = read_predictions(path)
    assert (first.path, second.path, third.path) == ('a.png', 'b.png', 'b.png'), 'two images, all samples of them'
    assert first.identity == '7'
    assert first.arrays['scores'].tolist() == [1.0, 0.5, 0.0] and first.arrays['labels'].tolist() == [2, 1, 0]
    assert np.array_equal(first.arrays['masks'], boxes(3).masks.numpy()[::-1])
    assert first.arrays['bboxes'].dtype == np.float32
    assert second.arrays['keypoints'].shape == (1, 4, 2) and second.arrays['heatmaps'].shape == (4, 6, 6)
    assert third.arrays['sem_seg'].tolist() == [[1, 2], [300, 0]]


def test_only_the_surest_instances_are_kept_and_none_is_no_trouble(tmp_path: Path) -> None:
    gathered = Predictions(2)
    gathered.add([sample('a.png', pred_instances=boxes(200)), sample('b.png', pred_instances=boxes(0))])
    many, none = gathered.predictions
    assert len(many.arrays['scores']) == 50 and many.arrays['scores'].min() > 0.7
    assert none.arrays['masks'].shape == (0, 3, 5)
    write_predictions(tmp_path / 'x.npz', gathered.predictions)
    assert read_predictions(tmp_path / 'x.npz')[1].arrays['masks'].shape == (0, 3, 5)


def test_a_file_with_pickles_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / 'x.npz', **{'0.path': np.array('a'), '0.scores': np.array([{}], dtype=object)})
    with pytest.raises(ValueError, match='allow_pickle'):
        read_predictions(tmp_path / 'x.npz')


class Sample(dict):
    """A sample of the toy that also says where its image is and what was found there."""


def measure(evaluator: ProxyEvaluator, trial: Trial, found: object) -> Outcome:
    """Evaluates with outputs that have predictions."""
    model = evaluator.runner.initial_model(trial.seed)  # of which the trained one is a copy
    step = type(model).val_step

    def val_step(self: ToyDetector, data: Any) -> list[Sample]:
        return [Sample(each, img_path=f'{k}.png', pred_instances=found) for k, each in enumerate(step(self, data))]

    model.val_step = MethodType(val_step, model)
    return evaluator.evaluate(trial)


def test_scores_do_not_depend_on_what_is_kept(make_evaluator: Make, trials: Path) -> None:
    plain = make_evaluator().evaluate(searched(SQUARE))
    kept = measure(with_files(make_evaluator(), trials), searched(SQUARE), boxes(3))
    none = measure(with_files(make_evaluator(), trials, pictures=0), searched(SQUARE, number=1), boxes(3))
    assert plain.metrics == kept.metrics == none.metrics
    assert [each.path for each in read_predictions(trial_folder(trials, 0) / PREDICTIONS)] == ['0.png', '1.png']
    assert not (trial_folder(trials, 1) / PREDICTIONS).exists()


def test_predictions_that_cannot_be_kept_are_told_once_in_the_log(make_evaluator: Make, trials: Path) -> None:
    evaluator = with_files(make_evaluator(), trials)
    assert measure(evaluator, searched(SQUARE), object()).state is State.COMPLETE
    assert log_of(trials).count('The predictions are not kept: AttributeError') == 1


def test_predictions_without_a_place(tmp_path: Path) -> None:
    gathered = Predictions(1)
    gathered.predictions = [Prediction('a.png', '', {'scores': np.ones(1)})]
    assert 'FileNotFoundError' in gathered.write(tmp_path / 'none' / PREDICTIONS)
