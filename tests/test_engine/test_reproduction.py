"""Proposals computed again from the journal of a search without models."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmautoloss.engine.reproduction import Replayed, load_planner, replay
from mmautoloss.errors import JournalError
from mmautoloss.testing.toy_searches import run_toy, toy_config
from mmautoloss.trial import Role, read_events
from tests.test_search.conftest import Search, search  # noqa: F401 (a fixture)


def replayed(search: Search) -> list[Replayed]:  # noqa: F811
    return list(replay(read_events(search.path), search.planner()))


def test_resume_with_another_budget_is_replayed_with_it(search: Search) -> None:  # noqa: F811
    search.run(slots=2, duration=lambda trial: 1 + trial.number % 3, max_trials=5, allocation='equal', finalists=1)
    search.run(slots=3, max_trials=9, finalists=3, confirm_seeds=5, resume=True)
    found = replayed(search)
    assert len(found) == len(search.history) and len(search.history.of_role(Role.FINALIST)) >= 5
    assert len(search.history.of_role(Role.CONFIRM)) == 15
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
