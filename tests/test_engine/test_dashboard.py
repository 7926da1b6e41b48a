"""A search in visualiser backends: what TensorBoard reads back, and what any other backend is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import VISBACKENDS
from mmengine.visualization import Visualizer
from mmengine.visualization.vis_backend import BaseVisBackend

from mmautoloss.engine import load_search_config
from mmautoloss.engine.dashboard import Dashboard
from mmautoloss.engine.guarded_backend import GuardedVisBackend, guard_config
from mmautoloss.errors import SetupError
from mmautoloss.report.figures.progress_image import draw_progress_image
from mmautoloss.testing.toy_searches import run_toy, write_toy
from mmautoloss.trial import History, Outcome, Role, State, Trial


class RecordingBackend(BaseVisBackend):
    """Remembers what it is told; raises from the so-many-th call on."""

    made: list[RecordingBackend] = []

    def __init__(self, save_dir: str, fail_after: int = 10**9) -> None:
        super().__init__(save_dir)
        self.calls: list[tuple[str, tuple]] = []
        self.fail_after = fail_after
        self.made.append(self)

    @property
    def experiment(self) -> RecordingBackend:
        return self

    def _init_env(self) -> None:
        pass

    def _note(self, name: str, *args: Any) -> None:
        if len(self.calls) >= self.fail_after:
            raise ConnectionError('no network')
        self.calls.append((name, args))

    def add_config(self, config: Config, **kwargs: Any) -> None:
        self._note('config', config)

    def add_scalars(self, scalar_dict: dict, step: int = 0, file_path: str | None = None, **kwargs: Any) -> None:
        self._note('scalars', dict(scalar_dict), step)

    def add_image(self, name: str, image: np.ndarray, step: int = 0, **kwargs: Any) -> None:
        self._note('image', name, image, step)

    def close(self) -> None:
        self._note('close')

    def told(self, kind: str) -> list[tuple]:
        return [args for name, args in self.calls if name == kind]


@pytest.fixture(autouse=True)
def registered() -> None:
    VISBACKENDS.register_module(module=RecordingBackend, force=True)
    RecordingBackend.made = []


def search(
    folder: Path, *backends: dict, resume: bool = False, trials: int = 3, fresh: int = 0
) -> tuple[Path, History]:
    base = {'visualizer': {'type': 'Visualizer', 'vis_backends': list(backends), 'name': 'visualizer'}}
    path = write_toy(folder, base=base)
    cfg = load_search_config(
        str(path), str(folder / 'work'), budget__max_trials=trials, budget__confirm_seeds=fresh, resume=resume
    )
    return folder / 'work', run_toy(cfg)


def read_events(work: Path) -> Any:
    accumulator = pytest.importorskip('tensorboard.backend.event_processing.event_accumulator')
    events = accumulator.EventAccumulator(
        str(work / 'vis_data'), size_guidance=dict.fromkeys(('scalars', 'tensors'), 0)
    )
    events.Reload()
    return events


def test_tensorboard_reads_scores_formulas_and_figure(tmp_path: Path) -> None:
    work, history = search(tmp_path, {'type': 'TensorboardVisBackend'})
    events = read_events(work)
    scores = [(each.step, pytest.approx(each.value)) for each in events.Scalars('score/search')]
    settled = history.settled()
    expected = [
        (step, trial.score)
        for step, trial in enumerate(settled, 1)
        if trial.role is Role.SEARCH and trial.state is State.COMPLETE
    ]
    assert expected == scores
    assert [each.step for each in events.Scalars('trial')] == list(range(1, len(settled) + 1))
    assert events.Scalars('baseline/mean')[-1].value == pytest.approx(np.mean(history.baseline_scores()))
    winner = history.winner()
    assert events.Scalars('best/score')[-1].value == pytest.approx(np.mean(history.scores_of(winner.number)))
    assert 0 < events.Scalars('funnel/yield')[-1].value < 1
    assert {'seconds/train', 'seconds/all', 'weight/cls', 'weight/box', 'funnel/per_minute'} <= set(
        events.Tags()['scalars']
    )
    texts = [each.tensor_proto.string_val[0].decode() for each in events.Tensors('best/cls/text_summary')]
    assert texts[-1].strip() == str(winner.genome['cls'])
    assert len(events.Tensors('trials/text_summary')) == len(settled)
    (image,) = events.Images('progress')
    assert (image.width, image.height, image.step) == (800, 480, len(settled))


def test_resume_goes_on_in_the_same_place(tmp_path: Path) -> None:
    search(tmp_path, {'type': 'TensorboardVisBackend'}, trials=2)
    work, history = search(tmp_path, {'type': 'TensorboardVisBackend'}, trials=4, resume=True)
    steps = [each.step for each in read_events(work).Scalars('trial')]
    assert steps == list(range(1, len(history.settled()) + 1))
    assert [path.name for path in work.rglob('events.out.tfevents.*')] and not list(work.rglob('2*/vis_data/events*'))


def test_any_backend_is_told_through_the_interface_of_mmengine_alone(tmp_path: Path) -> None:
    before = dict(Visualizer._instance_dict)
    work, history = search(tmp_path, {'type': 'RecordingBackend'}, fresh=5)
    (backend,) = RecordingBackend.made
    assert backend._save_dir == str(work / 'vis_data')
    assert [step for _, step in backend.told('scalars')] == list(range(1, len(history.settled()) + 1))
    numbers = [scalars['trial'] for scalars, _ in backend.told('scalars')]
    assert numbers == [trial.number for trial in history.settled()], 'not one Runner of a trial has a backend'
    last, fresh = backend.told('scalars')[-1][0], history.confirmations(history.winner().number)
    assert last['fresh/best'] == pytest.approx(np.mean([trial.score for trial in fresh.values()]))
    assert len(fresh) == 5 and last['fresh/hand_made'] > 0 and last['score/confirm'] > 0
    name, image, _ = backend.told('image')[-1]
    assert name == 'progress' and image.dtype == np.uint8 and image.std() > 5
    _, found = backend.told('config')
    winner = history.winner()
    assert found[0].found_losses.to_dict() == {'trial': winner.number, **winner.genome.to_text()}
    assert backend.calls[-1][0] == 'close'
    assert set(Visualizer._instance_dict) - set(before) == {
        name for name in Visualizer._instance_dict if name.startswith('proxy_') and name not in before
    }, 'a second search of this process has a visualiser of its own'


@pytest.mark.parametrize('after', [0, 3], ids=['from the start', 'later'])
def test_backend_that_raises_is_told_nothing_more_and_the_search_goes_on(after: int, tmp_path: Path, capsys) -> None:
    broken = {'type': 'RecordingBackend', 'name': 'broken', 'fail_after': after}
    _, history = search(tmp_path, broken, {'type': 'RecordingBackend', 'name': 'other'})
    assert len(history.of_role(Role.SEARCH)) >= 2 and not history.running()
    first, second = RecordingBackend.made
    assert len(first.calls) == after and len(second.told('scalars')) == len(history.settled())
    said = 'broken gets nothing more, since it raised ConnectionError: no network'
    assert capsys.readouterr().out.count(said) == 1


def test_backend_that_is_not_installed(tmp_path: Path, capsys) -> None:
    _, history = search(tmp_path, {'type': 'NoSuchBackend'}, trials=1)
    assert not history.running() and 'NoSuchBackend gets nothing more' in capsys.readouterr().out


def test_guarding_twice_is_guarding_once() -> None:
    settings = {'vis_backends': {'type': 'RecordingBackend', 'fail_after': 3}}
    guard_config(settings)
    once = [dict(each) for each in settings['vis_backends']]
    guard_config(settings)
    assert settings['vis_backends'] == once
    assert once[0]['name'] == 'RecordingBackend' and once[0]['backend'] == {
        'type': 'RecordingBackend',
        'fail_after': 3,
    }


@pytest.mark.parametrize('backend', [{'name': 'mine'}, {'type': None}, {'type': 3}])
def test_backend_without_a_type(backend: dict) -> None:
    with pytest.raises(SetupError, match='A visualiser backend needs a type'):
        guard_config({'vis_backends': [backend]})


def test_guard_has_no_text_where_the_backend_has_none(tmp_path: Path) -> None:
    guarded = GuardedVisBackend({'type': 'RecordingBackend'}, str(tmp_path))
    guarded.add_text('a', 'b', 1)
    guarded.flush()
    assert guarded.failure == '' and guarded.backend.calls == []


def test_figure_of_a_search_that_has_nothing_yet() -> None:
    assert draw_progress_image(History(), 'a_b$c', 1).shape == (480, 800, 3)


def test_hand_made_losses_without_a_yardstick_have_no_score(tmp_path: Path) -> None:
    visualizer = Visualizer(vis_backends=[{'type': 'RecordingBackend', 'save_dir': str(tmp_path)}])
    dashboard = Dashboard(visualizer, 'least gain', True, print)
    history = History()
    history.add(Trial(0, Role.BASELINE, 0))
    history.settle(0, Outcome(State.COMPLETE, 0.0, tasks={'near': 0.5, 'far': 0.25}))
    dashboard.settled(history[0], history)
    scalars = RecordingBackend.made[0].told('scalars')
    assert scalars and not any('score' in name or 'baseline' in name for each, *_ in scalars for name in each)
