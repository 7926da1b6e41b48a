"""Searches of numbers of formulas, on the toy and where the truth is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmautoloss.__main__ import main
from mmautoloss.engine import load_spec
from mmautoloss.testing.killed_searches import run_to_next_event
from mmautoloss.testing.known_truths import truth_config
from mmautoloss.testing.toy_searches import run_toy, toy_config, write_toy
from mmautoloss.trial import History, Role, State, read_history

STRATEGY = {
    **{'type': 'CMAES', 'family': {'cls': 'taylor', 'box': '{a=1} * abs(p - y) + (p - y) ** 2'}},
    **{'order': 2, 'population': 4},
}
CHANGES = {'strategy': STRATEGY, 'budget.max_trials': 7}


@pytest.fixture(scope='module')
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cfg = toy_config(tmp_path_factory.mktemp('numbers'), CHANGES)
    run_toy(cfg)
    return Path(cfg.work_dir)


@pytest.fixture(scope='module')
def history(finished: Path) -> History:
    return read_history(finished / 'journal.jsonl')[1]


def test_candidates_are_of_the_family_in_all_branches(finished: Path, history: History) -> None:
    numbers = load_spec(finished).strategy.numbers
    found = history.of_role(Role.SEARCH)
    assert all(numbers.read(trial.genome) is not None for trial in found)
    assert [trial.origin for trial in found] == [f'generation {1 + place // 4}' for place in range(len(found))]
    assert any(trial.state is State.COMPLETE for trial in found)


def test_it_is_replayed(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['replay', str(finished)]) == 0
    assert 'all are equal' in capsys.readouterr().out


@pytest.mark.slow
def test_killed_at_every_seventh_event_it_is_the_same_search(tmp_path: Path, history: History) -> None:
    config, work = write_toy(tmp_path, CHANGES), tmp_path / 'work'
    codes: list[int | None] = []
    while codes[-1:] != [0] and len(codes) < 50:
        codes.append(run_to_next_event(config, work, 300, events=7))
    assert 2 < len(codes) < 50
    resumed = read_history(work / 'journal.jsonl')[1]
    assert [trial.to_json() for trial in resumed] == [trial.to_json() for trial in history]
    assert [trial.score for trial in resumed] == [trial.score for trial in history]


@pytest.mark.slow
@pytest.mark.usefixtures('forked_workers')
def test_two_workers_fill_their_slots_and_are_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cfg = toy_config(tmp_path, {**CHANGES, 'execute.workers': 2})
    run_toy(cfg)
    found = read_history(Path(cfg.work_dir) / 'journal.jsonl')[1].of_role(Role.SEARCH)
    assert all(trial.settled_before >= place for place, trial in enumerate(found[2:], 2)), 'two at the same time'
    assert main(['replay', cfg.work_dir]) == 0


@pytest.mark.slow
def test_it_finds_the_known_truth(tmp_path: Path) -> None:
    """Between squares and absolute errors, the latter are best."""
    family = '(1 - {w=0.3, 0..1}) * (p - y) ** 2 + {w} * abs(p - y)'
    cfg = truth_config(tmp_path, 'skewed', {'strategy': {'type': 'CMAES', 'family': family, 'sigma': 0.5}})
    history = run_toy(cfg)
    assert max(trial.required_score for trial in history.population()) > max(history.baseline_scores()) + 0.05
    (share,) = load_spec(Path(cfg.work_dir)).strategy.numbers.read(history.winner().required_genome)
    assert 0.3 + 0.3 * share > 0.8
