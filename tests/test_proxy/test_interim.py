"""Trainings that go on from a checkpoint after their process was killed are those that ran through."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip('mmengine')

from mmautoloss.errors import SetupError
from mmautoloss.proxy import Interim, ProxyEvaluator, ProxySettings, Trunk, Trunks, interim_file
from mmautoloss.proxy.state import differences, fingerprint
from mmautoloss.trial import Outcome, Role, State, Trial
from tests.test_proxy.conftest import EXP, SQUARE, baseline, digest, searched, toy_settings
from tests.test_proxy.test_trunk import BY_EPOCH, COSINE, EMA, FINITE, NOISY, NoisyScenes

BASE: dict[str, Any] = {'param_scheduler': COSINE, 'optim_wrapper.optimizer': {'type': 'AdamW', 'lr': 0.01}}
TWENTY = {'type': 'IterBasedTrainLoop', 'max_iters': 20}


def settings_of(folder: Path, every: int, schedule: dict = TWENTY, **base: Any) -> ProxySettings:
    dotted = {key.replace('__', '.'): value for key, value in base.items()}
    settings = toy_settings(folder, {**BASE, **dotted}, **{'proxy.schedule': schedule})
    return replace(settings, interim=Interim(every, str(folder / 'checkpoints')) if every else None)


def train(settings: ProxySettings, trial: Trial) -> tuple[Outcome, str]:
    evaluator = ProxyEvaluator(settings)
    outcome = evaluator.evaluate(trial)
    weights = digest(evaluator.runner.model) if outcome.state is State.COMPLETE else ''
    evaluator.close()
    return outcome, weights


def interrupted(settings: ProxySettings, trial: Trial, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Trains until an iteration fails."""

    def fail(hook: Any, runner: Any, batch_idx: int, **more: Any) -> None:
        if runner.iter == at:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr('mmautoloss.proxy.hooks.ProgressHook.before_train_iter', fail)
        evaluator = ProxyEvaluator(settings)
        with pytest.raises(KeyboardInterrupt):
            evaluator.evaluate(trial)
        evaluator.close()


@pytest.mark.parametrize(
    ('schedule', 'every', 'base'),
    [
        pytest.param(TWENTY, 6, {}, id='by iterations'),
        pytest.param(BY_EPOCH, 1, {'train_dataloader__sampler': FINITE}, id='by epochs'),
        pytest.param(TWENTY, 6, {'custom_hooks': EMA}, id='averaged weights'),
        pytest.param(TWENTY, 4, {'optim_wrapper__accumulative_counts': 3}, id='accumulated gradients'),
        pytest.param(TWENTY, 6, NOISY, id='random transforms'),
    ],
)
@pytest.mark.parametrize('trial', [baseline(7), searched(SQUARE, 7)], ids=['hand-made', 'found'])
def test_a_training_goes_on_exactly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, schedule: dict, every: int, base: dict, trial: Trial
) -> None:
    plain, weights = train(settings_of(tmp_path, 0, schedule, **base), trial)
    settings = settings_of(tmp_path, every, schedule, **base)
    interrupted(settings, trial, monkeypatch, at=15)
    path = interim_file(settings, trial)
    assert path is not None and [*path.parent.iterdir()] == [path], 'each takes the place of the one before'
    outcome, later = train(settings, trial)
    assert (outcome.score, later) == (plain.score, weights)


def test_what_is_done_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(settings_of(tmp_path, 6, **NOISY), prove=False)
    monkeypatch.setattr(NoisyScenes, 'reads', 0)
    train(replace(settings, interim=None), baseline())
    whole = NoisyScenes.reads
    interrupted(settings, baseline(), monkeypatch, at=15)
    monkeypatch.setattr(NoisyScenes, 'reads', 0)
    train(settings, baseline())
    assert 0 < whole - NoisyScenes.reads <= 12 * 4 + 4, 'but for a batch that is loaded ahead'
    assert whole - NoisyScenes.reads >= 12 * 4 - 4


def test_a_late_training_goes_on_after_its_trunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trunk, too."""
    settings = replace(settings_of(tmp_path, 4), trunk=Trunk(8, str(tmp_path / 'trunks')))
    plain = replace(settings, interim=None)
    saved = train(plain, Trial(0, Role.TRUNK, 3))[0].saved
    assert saved is not None
    trunk = fingerprint(Trunks(tmp_path / 'trunks').load(saved))
    wanted = train(plain, replace(searched(SQUARE, 3), begin=saved))
    interrupted(settings, Trial(0, Role.TRUNK, 3), monkeypatch, at=6)
    saved = train(settings, Trial(0, Role.TRUNK, 3))[0].saved
    assert saved is not None
    assert not differences(trunk, fingerprint(Trunks(tmp_path / 'trunks').load(saved)))
    trial = replace(searched(SQUARE, 3), begin=saved)
    interrupted(settings, trial, monkeypatch, at=17)
    outcome, weights = train(settings, trial)
    assert (outcome.score, weights) == (wanted[0].score, wanted[1])


def test_another_training_has_another_checkpoint(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, 6)
    trial = searched(SQUARE, 1, number=4)
    path = interim_file(settings, trial)
    same = [
        interim_file(settings, replace(trial, number=9)),
        interim_file(replace(settings, interim=replace(settings.interim, every=3)), trial),
    ]
    assert [*map(str, same)] == [str(path)] * 2
    others = [
        interim_file(settings, replace(trial, seed=2)),
        interim_file(settings, replace(trial, weights={'cls': 1.0, 'box': 0.75})),
        interim_file(settings, searched(EXP, 1)),
        interim_file(settings, baseline(1)),
        interim_file(settings, Trial(0, Role.TRUNK, 1)),
        interim_file(settings_of(tmp_path, 6, train_dataloader__batch_size=8), trial),
        interim_file(settings_of(tmp_path, 6, {**TWENTY, 'max_iters': 24}), trial),
    ]
    assert len({path, *others}) == 8
    assert interim_file(replace(settings, interim=None), trial) is None


def test_a_checkpoint_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, 6)
    path = interim_file(settings, baseline())
    assert path is not None
    path.parent.mkdir()
    path.write_bytes(b'torn')
    outcome, _ = train(settings, baseline())
    assert outcome.state is State.FAILED
    assert f'The checkpoint {path} cannot be read' in outcome.reason and 'delete it' in outcome.reason


def test_no_checkpoint_at_the_end(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, 10)
    train(settings, baseline())
    path = interim_file(settings, baseline())
    assert path is not None
    assert torch.load(path, weights_only=True)['meta']['iter'] == 10


@pytest.mark.parametrize('every', [0, -1, 2.5, True])
def test_an_interval_is_a_positive_number(every: Any) -> None:
    with pytest.raises(SetupError, match='The interval of checkpoints'):
        Interim(every, 'x')
