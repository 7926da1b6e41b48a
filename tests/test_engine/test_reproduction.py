"""Proposals computed again from the journal of a search without models."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmautoloss.engine.reproduction import Replayed, load_planner, replay
from mmautoloss.errors import JournalError
from mmautoloss.strategy import RegularizedEvolution
from mmautoloss.testing.toy_searches import run_toy, toy_config
from mmautoloss.trial import Role, read_events
from tests.test_search.conftest import BRANCHES, Search, search  # noqa: F401 (a fixture)


def replayed(search: Search) -> list[Replayed]:  # noqa: F811
    return list(replay(read_events(search.path), search.planner()))


def test_resume_with_another_budget_is_replayed_with_it(search: Search) -> None:  # noqa: F811
    search.run(slots=2, duration=lambda trial: 1 + trial.number % 3, max_trials=5, allocation='equal', finalists=1)
    search.run(slots=3, max_trials=9, finalists=3, confirm_seeds=5, resume=True)
    found = replayed(search)
    assert len(found) == len(search.history) and len(search.history.of_role(Role.FINALIST)) >= 5
    assert len(search.history.of_role(Role.CONFIRM)) == 15
    assert [each for each in found if each.differences] == []


def test_a_population_that_is_a_share_grows_with_the_budget(search: Search) -> None:  # noqa: F811
    """Each session breeds from the share of its own budget, whatever the budget of later ones."""
    search.strategy = RegularizedEvolution(BRANCHES, initial=1, population=0.2, tournament=1.0, distinct=True)
    search.run(max_trials=20)
    search.run(max_trials=60, resume=True)
    assert [each for each in replayed(search) if each.differences] == []
    bred = [trial for trial in search.history.of_role(Role.SEARCH) if trial.parent is not None]
    ages = [trial.number - trial.parent for trial in bred]
    assert max(ages[:15]) <= 5 < max(ages[20:])


def test_what_was_measured_again_is_replayed(search: Search) -> None:  # noqa: F811
    search.strategy = RegularizedEvolution(BRANCHES, initial=1, copy_rate=0.4, fresh_rate=0.4, copies='measure')
    search.run(max_trials=20, slots=2, duration=lambda trial: 1 + trial.number % 3)
    found = replayed(search)
    assert [each for each in found if each.differences] == []
    assert sum(trial.measures_again for trial in search.history) > 3


def test_seeds_that_the_best_lack_after_the_time_are_replayed(search: Search) -> None:  # noqa: F811
    search.run(max_seconds=0.0, max_trials=9, baseline_repeats=2, candidate_seeds=3, confirm_seeds=5)
    assert [trial.repeats for trial in search.history if trial.measures_again] == [3, 3], 'of the known loss'
    events = list(read_events(search.path))
    for event in events:
        if 'budget' in event:
            event['budget']['max_seconds'] = 5.0  # as if they had been spent meanwhile
    found = list(replay(events, search.planner()))
    assert len(found) == len(search.history) and [each for each in found if each.differences] == []


def test_funnel_is_replayed_as_it_was(search: Search) -> None:  # noqa: F811
    stages = [{'times': 3, 'keep': 3}, {'times': 10, 'keep': 2, 'seeds': 2}]
    search.run(slots=2, duration=lambda trial: trial.times + trial.number % 3, max_trials=9, funnel={'stages': stages})
    search.run(max_trials=10, funnel={'stages': stages, 'rivals': 0}, resume=True)
    found = replayed(search)
    assert len(found) == len(search.history) and len(search.history.of_role(Role.LONGER)) > 5
    assert [each for each in found if each.differences] == []


@pytest.mark.parametrize('role', ['known', 'finalist', 'baseline'])
def test_role_out_of_turn_is_told(search: Search, role: str) -> None:  # noqa: F811
    search.run(max_trials=4)
    events = read_events(search.path)
    number = search.history.of_role(Role.SEARCH)[0].number
    for event in events:
        if event['event'] == 'proposed' and event['number'] == number:
            event['role'] = role
    found = {each.number: each.differences for each in replay(events, search.planner())}
    assert found[number] == {'role': (role, 'search')}


def test_config_of_another_search_is_refused(tmp_path: Path) -> None:
    cfg = toy_config(tmp_path)
    run_toy(cfg)
    work = Path(cfg.work_dir)
    header = read_events(work / 'journal.jsonl')[0]
    load_planner(work, header)
    other = toy_config(tmp_path, {'seed': 9}).filename
    with pytest.raises(JournalError, match='seed was 0, now it is 9'):
        load_planner(work, header, Path(other))
