"""How a search is seen to go on: on a terminal, on a narrow one, and in a log."""

from __future__ import annotations

import io
import re
import time
from types import SimpleNamespace

import pytest
from rich.console import Console

pytest.importorskip('mmengine')

from mmautoloss.expr import Genome
from mmautoloss.report import ConsoleObserver
from mmautoloss.report.live import watch as module
from mmautoloss.report.live.standing import Standing, end_text
from mmautoloss.report.words import large, soon, span
from mmautoloss.search import Budget, DrawProgress, SearchSettings
from mmautoloss.trial import Outcome, Record, Role, State, Trial, outcome_to_json

GENOME = Genome.from_text({'cls': '-y * log(p)'})


class Search:
    """A search of 24 candidates with a training each 20 s, and what is printed of it."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        width: int = 80,
        terminal: bool = False,
        confirm_seeds: int = 0,
        max_seconds: float | None = None,
    ) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, 'monotonic', lambda: self.now)
        self.file = io.StringIO()
        self.console = Console(
            file=self.file,
            width=width,
            force_terminal=terminal,
            highlight=False,
            color_system=None,
            legacy_windows=False,
        )
        self.record = Record()
        budget = Budget(
            max_trials=24, baseline_repeats=1, finalists=0, confirm_seeds=confirm_seeds, max_seconds=max_seconds
        )
        session = {
            'version': 2,
            'host': 'n',
            'pid': 1,
            'slots': 1,
            'heartbeat': 30.0,
            'budget': vars(budget),
            'info': {},
        }
        self.record.apply({'event': 'started', 'time': 0.0, **session})
        self.drawing = DrawProgress()
        self.observer = ConsoleObserver((), 'x', True, self.console, record=self.record)
        planner = SimpleNamespace(drawing=self.drawing, settings=SearchSettings(budget=budget))
        self.observer.begin(self.record.history, planner)

    def train(self, score: float | None, role: Role = Role.SEARCH, **fields: int) -> None:
        history, number = self.record.history, len(self.record.history)
        genome = None if role is Role.BASELINE else GENOME
        told = {'seed': 0, 'genome': genome, 'funnel': {'accepted': 1, 'low gain': 99}, **fields}
        trial = Trial(number, role, **told)
        self.record.apply({'event': 'proposed', 'time': self.now, **trial.to_json()})
        self.observer.proposed(trial, history)
        self.now += 20
        state = State.FAILED if score is None else State.COMPLETE
        told = outcome_to_json(Outcome(state, score, seconds=20.0))
        self.record.apply({'event': 'settled', 'time': self.now, 'number': number, 'elapsed': self.now - 1000, **told})
        self.observer.settled(history[number], history)

    def some(self, candidates: int = 10) -> Search:
        for score in (0.1, 0.3):
            self.train(score, Role.BASELINE)
        for index in range(candidates):
            self.train(0.4 + index / 100)
        return self

    @property
    def printed(self) -> list[str]:
        return self.file.getvalue().splitlines()

    @property
    def foot(self) -> list[str]:
        """The live lines as they stand."""
        live = self.observer._watch._live
        live.stop()  # its thread, too
        page = Console(file=io.StringIO(), width=self.console.width, color_system=None, legacy_windows=False)
        page.print(live.renderable)
        return [line.rstrip() for line in page.file.getvalue().splitlines()]


@pytest.fixture(autouse=True)
def time_of_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('mmautoloss.report.live.standing.soon', lambda seconds: soon(seconds, 1_800_000_000.0))


def test_foot_of_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    search = Search(monkeypatch, terminal=True).some()
    search.drawing.drawn, search.drawing.total, search.drawing.since = 12_345, 24_000, search.now
    search.drawing.seconds = 60.0
    search.now += 8
    bar, scores, funnel, pace, doing = search.foot
    assert re.fullmatch(r'search 10/24 ━+─+ 4 min, ends at \d\d:\d\d, in 5 min', bar) and len(bar) == 80
    assert pytest.approx(bar.count('━') / (bar.count('━') + bar.count('─')), abs=0.03) == 10 / 24
    assert scores == 'best 0.4900 (trial 11), hand-made 0.2000 +- 0.1414 (2 seeds)'
    assert funnel == '1200 explored, 1188 rejected, 0 equivalent, 10 trained, 0 failed'
    assert pace == '180 trainings/h, 21.2 k expressions/min'
    assert doing == 'drawing the next: 12.3 k expressions in 8 s'


def test_something_moves_while_nothing_settles(monkeypatch: pytest.MonkeyPatch) -> None:
    search = Search(monkeypatch, terminal=True).some(1)
    search.observer.proposed(Trial(3, Role.SEARCH, 0, GENOME), search.record.history)
    search.now += 5
    before = search.observer._watch._read()
    search.now += 100
    after = search.observer._watch._read()
    assert list(before[3])[-1] == 'trial 3 for 5 s' and list(after[3])[-1] == 'trial 3 for 105 s'
    assert before[2] != after[2]


def test_confirmation_is_seen_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    search = Search(monkeypatch, terminal=True, confirm_seeds=5).some(24)
    assert 'confirming' not in search.foot[-1]
    for number, repeats in enumerate((0, 25, 0)):
        search.train(0.5, Role.CONFIRM, repeats=repeats, seed=1000 + number)
    assert search.foot[-1] == 'confirming 3 of 10'


@pytest.mark.parametrize('width', [1, 10, 40, 79, 200])
def test_no_line_is_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    search = Search(monkeypatch, width, terminal=True)
    assert len(search.foot) == 5, 'also before anything is known'
    search = Search(monkeypatch, width, terminal=True).some()
    assert max(map(len, search.foot)) <= width
    if width >= 79:
        assert not any(line.endswith('…') for line in search.foot)


def test_terminal_without_such_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    search = Search(monkeypatch, terminal=True).some()
    monkeypatch.setattr(Console, 'encoding', 'ascii')
    assert re.match(r'search 10/24 #+-+ 4 min', search.foot[0])


def test_log_has_a_summary_every_ten_trainings(monkeypatch: pytest.MonkeyPatch) -> None:
    search = Search(monkeypatch).some(21)
    summaries = [line for line in search.printed if line.startswith('-- ')]
    assert len(summaries) == 2 * 3 and len(search.printed) == 1 + 2 + 21 + 2 * 3
    assert max(map(len, search.printed)) <= 120
    assert re.fullmatch(
        r'-- 20 of 24 candidates after 7 min; best 0.5900 \(trial 21\), hand-made 0.2000 \+- 0.1414 \(2 seeds\); '
        r'-- 2200 explored, 2178 rejected, 0 equivalent, 20 trained, 0 failed; 180 trainings/h; '
        r'ends at \d\d:\d\d, in 80 s; -- between two trials',
        '; '.join(summaries[3:]),
    )
    assert not any('\x1b' in line for line in search.printed)


def test_log_has_a_summary_when_nothing_settles_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    search = Search(monkeypatch)
    search.observer.proposed(Trial(0, Role.BASELINE, 0), search.record.history)
    for _ in range(41):  # heartbeats of 30 s
        search.now += 30
        search.observer.beat(search.record.history)
    assert len(search.printed) == 4
    assert search.printed[0] == (
        '-- 0 of 24 candidates after 5 min; no score yet; end not known yet; trial 0 for 5 min'
    )


def test_terminal_gets_no_summaries_and_an_ended_search_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    on_terminal, in_log = Search(monkeypatch, terminal=True).some(), Search(monkeypatch)
    in_log.observer.end(in_log.record.history)
    for search in (on_terminal, in_log):
        search.now += 10_000
        search.observer.beat(search.record.history)
    assert not any('-- ' in line for search in (on_terminal, in_log) for line in search.printed)


def test_pace_of_a_long_search_is_not_looked_up_at_each_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    search, calls = Search(monkeypatch).some(1), []
    pace_of = module.pace_of
    monkeypatch.setattr(module, 'pace_of', lambda *args: calls.append(args) or pace_of(*args))
    for _ in range(6):
        search.observer._watch._update(search.record.history)
        search.now += 0.5
    assert len(calls) == 1


def test_expected_end_comes_nearer(monkeypatch: pytest.MonkeyPatch) -> None:
    search = Search(monkeypatch).some()
    standing = search.observer._watch._standing
    assert end_text(standing).endswith('in 5 min')
    search.now += 100
    assert end_text(standing).endswith('in 3 min')
    search.now += 3000
    assert end_text(standing).endswith('in 0 s')
    assert end_text(Standing()) == 'end not known yet'


def test_words() -> None:
    assert [large(number) for number in (0, 999, 1000, 2_500_000)] == ['0', '999', '1 k', '2.5 M']
    assert span(59) == '59 s'
    noon = 1_800_000_000.0
    assert re.fullmatch(r'\d\d:\d\d', soon(0, noon)) and re.fullmatch(r'\d{4}-\d\d-\d\d \d\d:\d\d', soon(86400, noon))


def test_end_is_announced_once_the_first_training_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for terminal in (False, True):
        search = Search(monkeypatch, terminal=terminal, width=120)
        search.train(0.1, Role.BASELINE)
        search.train(0.3, Role.BASELINE)
        said = [line for line in search.printed if 'as the first training shows' in line]
        assert len(said) == 1
        assert re.search(r'ends at \d\d:\d\d, in 8 min, .* \(candidates: 24, other trainings to come: 1\)', said[0])


def test_a_time_limit_makes_candidates_at_most_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    search = Search(monkeypatch, width=120, max_seconds=100.0)
    search.train(0.1, Role.BASELINE)
    (said,) = [line for line in search.printed if 'as the first training shows' in line]
    assert '(candidates: at most 24, other trainings to come: 1)' in said


def test_end_that_is_days_away_is_said_in_days() -> None:
    pace = SimpleNamespace(seconds_left=9.2 * 86400)
    assert re.fullmatch(r'ends in about 9 days, \d{4}-\d\d-\d\d', end_text(Standing(pace=pace)))
