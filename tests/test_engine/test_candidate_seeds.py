"""A search of the toy from trunks, whose candidates are measured with up to three seeds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mmengine.config import Config

from mmautoloss.__main__ import main
from mmautoloss.errors import SetupError
from mmautoloss.testing.killed_searches import run_to_next_event
from mmautoloss.testing.toy_searches import run_toy, toy_config, write_toy
from mmautoloss.trial import History, Role, read_history

CHANGES = {
    'proxy': {'begin': 'trunk'},
    'budget.max_trials': 8,
    'budget.baseline_repeats': 2,
    'budget.candidate_seeds': 3,
}
BASE = {'model.plain': True}


@pytest.fixture(scope='module')
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cfg = toy_config(tmp_path_factory.mktemp('seeds'), {**CHANGES, 'report': True}, BASE)
    run_toy(cfg)
    return Path(cfg.work_dir)


@pytest.fixture(scope='module')
def history(finished: Path) -> History:
    return read_history(finished / 'journal.jsonl')[1]


def test_each_training_continues_the_trunk_of_its_seed(history: History) -> None:
    again = [trial for trial in history if trial.measures_again]
    assert {trial.seed for trial in again} == {1, 2} and history.n_proxies() >= 8
    for trial in again:
        assert trial.begin == history.trunk(trial.seed).outcome.saved and trial.score is not None
    assert len(history.of_role(Role.TRUNK)) == len({trial.seed for trial in history.of_role(Role.TRUNK)})


def test_finalists_have_all_seeds_and_the_winner_is_theirs(history: History) -> None:
    finalists = {trial.repeats for trial in history.of_role(Role.FINALIST)}
    assert all([run.seed for run in history.estimates.runs(number)] == [0, 1, 2] for number in finalists)
    assert {trial.seed for trial in history.of_role(Role.FINALIST)} == {3} and history.winner().number in finalists


def test_it_is_replayed_and_shown(finished: Path, history: History, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['replay', str(finished)]) == 0
    assert 'all are equal' in capsys.readouterr().out
    assert main(['status', '--json', str(finished)]) == 0
    status = json.loads(capsys.readouterr().out)
    winner = history.winner()
    assert status['best']['trial'] == winner.number and len(status['best']['scores']) == 4
    assert status['trials']['search']['settled'] == len(history.of_role(Role.SEARCH))
    table = json.loads((finished / 'report' / 'seeds.json').read_text())
    shown = [row['seed'] for row in table if row['kind'] == 'found' and row['losses'].endswith(f' {winner.number}')]
    assert sorted(shown) == [0, 1, 2, 3]


def test_it_goes_on_with_more_trainings(tmp_path: Path) -> None:
    cfg = toy_config(tmp_path, {**CHANGES, 'budget.max_trials': 4}, BASE)
    few = run_toy(cfg)
    cfg = Config.fromfile(tmp_path / 'toy_search.py')
    cfg.work_dir = str(tmp_path / 'work')
    cfg.train_cfg.budget.max_trials, cfg.train_cfg.resume = 10, True
    more = run_toy(cfg)
    assert more.n_proxies() >= 10 > few.n_proxies() and len(more.of_role(Role.FINALIST)) >= len(
        few.of_role(Role.FINALIST)
    )


def test_more_seeds_than_those_of_the_hand_made_losses_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match='Set baseline_repeats=2 or fewer candidate_seeds'):
        run_toy(toy_config(tmp_path, {**CHANGES, 'budget.baseline_repeats': 1}, BASE))


@pytest.mark.slow
def test_killed_at_every_seventh_event_it_is_the_same_search(tmp_path: Path, history: History) -> None:
    config, work = write_toy(tmp_path, CHANGES, BASE), tmp_path / 'work'
    codes: list[int | None] = []
    while codes[-1:] != [0] and len(codes) < 50:
        codes.append(run_to_next_event(config, work, 300, events=7))
    assert 2 < len(codes) < 50
    resumed = read_history(work / 'journal.jsonl')[1]
    assert [trial.to_json() for trial in resumed] == [trial.to_json() for trial in history]
    assert [trial.score for trial in resumed] == [trial.score for trial in history]
