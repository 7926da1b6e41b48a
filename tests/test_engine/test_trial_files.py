"""Which trials keep their files: the failed ones and the best."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmautoloss.engine.trial_files import TrialFiles, best_trials
from mmautoloss.expr import Genome
from mmautoloss.search import Budget, Planner, SearchSettings
from mmautoloss.strategy import RandomSearch
from mmautoloss.testing.toy_searches import run_toy, toy_config
from mmautoloss.trial import LOG, History, Outcome, Role, State, Trial, log_name, trial_folder

GENOME = Genome.from_text({'cls': '-y * log(p)'})


class Story:
    """Trials that write a log each and settle one after the other."""

    def __init__(self, folder: Path) -> None:
        self.work_dir = folder
        self.files = TrialFiles(folder)
        self.history = History()
        self.files.begin(self.history, planner())

    def trial(self, score: float | None, role: Role = Role.SEARCH, reason: str = '', **fields: object) -> None:
        number = len(self.history)
        self.history.add(Trial(number, role, 0, GENOME if role is not Role.BASELINE else None, **fields))
        self.write(number)
        state = State.FAILED if score is None else State.COMPLETE
        self.history.settle(number, Outcome(state, score, reason=reason))
        self.files.settled(self.history[number], self.history)

    def write(self, number: int) -> None:
        path = trial_folder(self.files.folder, number)
        path.mkdir()
        (path / LOG).write_text('said\n')

    @property
    def kept(self) -> list[int]:
        return sorted(int(path.name) for path in self.files.folder.iterdir())


def planner(**budget: object) -> Planner:
    return Planner(SearchSettings(budget=Budget(finalists=2, **budget)), RandomSearch({'cls': ('p', 'y')}), {})


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path)


def test_best_ones_stay_and_who_drops_out_goes(story: Story) -> None:
    story.trial(0.5, Role.BASELINE)
    for score in (0.3, 0.1, 0.2):
        story.trial(score)
    assert story.kept == [0, 1, 3]
    story.trial(0.4)
    assert story.kept == [0, 1, 4]


def test_failed_ones_stay_and_their_log_says_why(story: Story) -> None:
    story.trial(None, reason='worker died: SIGKILL (train, iteration 3, vm:12)')
    story.trial(0.3)
    assert story.kept == [0, 1]
    assert (story.work_dir / log_name(0)).read_text() == ('said\nworker died: SIGKILL (train, iteration 3, vm:12)\n')


def test_reason_that_the_log_has_is_not_written_again(story: Story) -> None:
    story.trial(None, reason='Traceback\nx: said')
    assert 'Traceback' in (story.work_dir / log_name(0)).read_text()
    story.trial(None, reason='Traceback\nsaid')
    assert (story.work_dir / log_name(1)).read_text() == 'said\n'


def test_repeats_stay_as_long_as_what_they_repeat(story: Story) -> None:
    for score in (0.3, 0.2):
        story.trial(score)
    story.trial(0.1, Role.FINALIST, repeats=0)
    story.trial(0.6, Role.FINALIST, repeats=1)
    assert story.kept == [0, 1, 2, 3]
    for score in (0.5, 0.4):  # as after a resume with more trials
        story.trial(score)
    assert story.kept == [1, 3, 4, 5], 'trial 1 is still the winner by the mean over its seeds'
    assert best_trials(story.history, 2) == set(story.kept)


def test_trainings_with_fresh_seeds_stay(story: Story) -> None:
    story.trial(0.5, Role.BASELINE)
    for score in (0.3, 0.2, 0.1):
        story.trial(score)
    story.trial(0.4, Role.CONFIRM, repeats=0)
    story.trial(0.0, Role.CONFIRM, repeats=2)
    assert story.kept == [0, 1, 2, 4, 5] and best_trials(story.history, 2) == set(story.kept)


def test_resume_tidies_up(story: Story) -> None:
    for score in (0.3, 0.1, None, 0.2):
        story.trial(score)
    story.history.add(Trial(4, Role.SEARCH, 0, GENOME))
    for number in (1, 4, 9):  # killed before it was deleted, in the midst of a training, of another search
        story.write(number)
    (story.files.folder / 'notes').mkdir()
    TrialFiles(story.work_dir).begin(story.history, planner())
    names = sorted(path.name for path in story.files.folder.iterdir())
    assert names == ['00000', '00002', '00003', 'notes']


def kept_by(work: Path) -> set[int]:
    return {int(path.parent.name) for path in (work / 'trials').glob(f'*/{LOG}')}


@pytest.mark.parametrize('workers', [1, pytest.param(2, marks=pytest.mark.slow)])
def test_search_of_the_toy(workers: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    faults = {'model.faults': {'fail_at': 3, 'where': 'exp('}}
    changes = {'budget.max_trials': 5, 'execute': {'workers': workers, 'threads': 1}}
    cfg = toy_config(tmp_path, changes, faults)
    history = run_toy(cfg)
    failed = [trial.number for trial in history if trial.state is State.FAILED]
    assert failed, 'this seed breeds a loss with exp'
    assert kept_by(tmp_path / 'work') == best_trials(history, 2) | set(failed)
    text = (tmp_path / 'work' / log_name(failed[0])).read_text()
    assert 'runner.train()' in text and 'the toy fails in iteration 3' in text
    out, err = capfd.readouterr()
    assert f'failed ({log_name(failed[0])}): RuntimeError: the toy fails' in out
    assert 'no metainfo' not in out + err, "the Runner's own words are in the files"


def test_longer_trainings_of_those_that_may_hold_stay(story: Story) -> None:
    stages = [{'times': 3, 'keep': 3}, {'times': 10, 'keep': 1}]
    story.files.begin(story.history, planner(funnel={'stages': stages, 'rivals': 0}))
    story.trial(0.5, Role.BASELINE)
    for score in (0.6, 0.7, 0.8, 0.9):
        story.trial(score)
    assert story.kept == [0, 3, 4]
    for first, score in ((0, 0.5), (4, 0.1), (3, 0.2)):
        story.trial(score, Role.LONGER, repeats=first, times=3)
    assert story.kept == [0, 3, 4, 5, 6, 7], 'the first is outside of the funnel; the third joins when it is trained'
    story.write(2)
    story.trial(0.9, Role.LONGER, repeats=2, times=3)
    assert story.kept == [0, 2, 3, 4, 5, 6, 7, 8], 'the one that holds, beside the best of the search'
    for first in (0, 2):
        story.trial(0.9 if first else 0.5, Role.LONGER, repeats=first, times=10)
    assert story.kept == [0, 2, 3, 4, 5, 6, 7, 8, 9, 10]
