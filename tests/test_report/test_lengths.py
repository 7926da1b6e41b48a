"""What people see of the funnel over lengths, from journals told event by event."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmengine')

from rich.console import Console

from mmautoloss.report import ConsoleObserver, print_status
from mmautoloss.report.facts import Facts, facts_of
from mmautoloss.report.page import build_report, render
from mmautoloss.report.status import Status, status_of
from mmautoloss.trial import Role
from tests.test_report.searches import BEGAN, BUDGET, TEXTS, Story

FUNNEL = {'stages': [{'times': 3, 'keep': 2}, {'times': 10, 'keep': 1, 'seeds': 2}], 'rivals': 1}
KNOWN = {'cls': '-y * log(p)', 'box': 'abs(p - y)'}


class FunnelStory(Story):
    """Two hand-made trainings (0, 1), a known loss (2), two found ones (3, 4), then longer trainings of 1 s a length."""

    def __init__(self, sign: int = 1, funnel: Any = FUNNEL, confirm_seeds: int = 0, **header: Any) -> None:
        super().__init__(**{'seeds': ['ce'], **header})
        self.sign = sign
        amount = {'max_trials': 3, 'baseline_repeats': 1, 'finalists': 2, 'confirm_seeds': confirm_seeds}
        self.started(budget={**BUDGET, **amount, 'funnel': funnel})
        for number, score in enumerate((0.50, 0.52)):
            self.trained(Role.BASELINE, sign * score, repeats=0 if number else None, settle=1.0)
        self.trained(Role.KNOWN, sign * 0.40, origin='known', texts=KNOWN, settle=1.0)
        for score in (0.70, 0.60):
            self.trained(Role.SEARCH, sign * score, texts={**TEXTS, 'cls': f'{score} * p'}, settle=1.0)

    def trained(self, role: Role, score: float | None, settle: float = 4.0, **fields: Any) -> FunnelStory:
        self.proposed(role, **fields)
        self.settled(score, settle, **({} if score is not None else {'reason': 'Traceback\nno luck'}))
        return self

    def longer(self, first: int, times: float, *scores: float | None) -> FunnelStory:
        texts = {3: '0.7 * p', 4: '0.6 * p'}.get(first, KNOWN['cls'])
        for score in scores:
            shown = None if score is None else self.sign * score
            fields = {'repeats': first, 'times': times, 'texts': {**TEXTS, 'cls': texts}}
            self.trained(Role.LONGER, shown, float(times), **fields)
        return self

    def at_3x(self) -> FunnelStory:
        """All hold."""
        return self.longer(0, 3, 0.60).longer(2, 3, 0.65).longer(3, 3, 0.66).longer(4, 3, 0.70)

    def at_10x(self, *winner: float | None) -> FunnelStory:
        return self.at_3x().longer(0, 10, 0.70, 0.72).longer(2, 10, 0.60, 0.62).longer(4, 10, *winner)

    def confirmed(self, winner: int, times: float = 10) -> FunnelStory:
        """The hand-made losses at 0.7, the known one at 0.75, the winner at 0.8, each 0.01 better with every seed."""
        for seed in range(5):
            for first, score in ((0, 0.70), (2, 0.75), (winner, 0.80)):
                texts = {0: None, 2: KNOWN}.get(first, TEXTS)
                fields = {'repeats': first, 'times': times, 'seed': 1000 + seed, 'texts': texts}
                self.trained(Role.CONFIRM, self.sign * (score + seed / 100), float(times), **fields)
        return self

    @property
    def status(self) -> Status:
        return status_of(self.record, BEGAN + self.clock)

    @property
    def facts(self) -> Facts:
        return facts_of(self.record, BEGAN + self.clock)


def printed(status: Status) -> str:
    console = Console(file=io.StringIO(), width=200, highlight=False)
    print_status(status, Path('work'), console)
    return console.file.getvalue()


def test_status_says_where_the_funnel_is() -> None:
    story = FunnelStory()
    assert story.status.lengths == () and 'stage 1' not in printed(story.status)
    story.longer(0, 3, 0.6).longer(2, 3, 0.65)
    assert [length.text() for length in story.status.lengths] == ['stage 1 of 2 (3x): 2 of 4 trained']
    story.longer(3, 3, 0.66).longer(4, 3, 0.7).longer(0, 10, 0.7)
    text = printed(story.status)
    assert 'stage 1 of 2 (3x): 4 of 4 trained, 2 of 2 found losses hold' in text
    assert 'stage 2 of 2 (10x): 1 of 6 trained' in text and 'longer trainings' in text
    told = json.loads(json.dumps(story.status.to_json()))['lengths']
    assert [(each['times'], each['wanted'], each['settled'], each['held']) for each in told] == [
        (3, 4, 4, [4, 3]),
        (10, 6, 1, []),
    ]
    assert told[0]['bar'] == 0.65 and [row['fate'] for row in told[0]['scores']] == ['', '', 'holds', 'holds']


def test_left_and_its_time_grow_with_the_length() -> None:
    """Trainings take one second a length; at the most 4 of 3x and 3 losses with two seeds of 10x are to come."""
    story = FunnelStory()
    pace = story.status.pace
    assert pace.left == {'baseline': 0, 'candidate': 0, 'finalist': 0, 'longer': 4 + 6, 'confirmation': 0}
    assert pace.seconds_left == pytest.approx(4 * 3 + 6 * 10)
    story.longer(0, 3, 0.6)
    assert story.status.pace.left['longer'] == 9 and story.status.pace.seconds_left == pytest.approx(3 * 3 + 6 * 10)
    assert story.status.pace.seconds == 1.0, 'of the length of a candidate'
    assert '9 longer trainings' in printed(story.status)
    story.longer(2, 3, 0.65).longer(3, 3, 0.1).longer(4, 3, 0.1)
    assert story.status.pace.left['longer'] == 0 and story.status.pace.seconds_left == 0
    fresh = Story(seeds=['ce']).started(budget={**BUDGET, 'funnel': FUNNEL})
    left = status_of(fresh.record, BEGAN).pace.left
    assert left == {'baseline': 3, 'candidate': 10, 'finalist': 0, 'longer': 4 + 2 * 3, 'confirmation': 0}
    assert 'longer' not in status_of(Story().started().record, BEGAN).pace.left


def test_left_counts_the_fresh_seeds_at_the_greatest_length() -> None:
    story = FunnelStory(confirm_seeds=5)
    assert story.status.pace.left['confirmation'] == 15
    assert story.status.pace.seconds_left == pytest.approx(4 * 3 + 6 * 10 + 15 * 10)
    story.at_10x(0.90, 0.91)
    assert story.status.pace.left['longer'] == 0 and story.status.pace.seconds_left == pytest.approx(150)
    story.confirmed(4)
    assert story.status.pace.left['confirmation'] == 0 and story.status.pace.seconds_left == 0
    fallen = FunnelStory(confirm_seeds=5).at_10x(0.60, 0.61)
    assert fallen.status.pace.left['confirmation'] == 0, 'nothing is left to confirm'


def test_left_counts_trunks_by_their_measured_length() -> None:
    """A trunk takes five times as long as a candidate, which takes a second."""
    budget = {**BUDGET, 'max_trials': 2, 'baseline_repeats': 1, 'finalists': 1, 'confirm_seeds': 5}
    story = Story(begin={'schedule': {}}, proxy={'begin': 'trunk'}).started(budget=budget)
    left = status_of(story.record, BEGAN).pace.left
    assert (left['trunk'], left['plain']) == (2 + 5, 2)

    def trained(role: Role, seconds: float, **fields: Any) -> None:
        story.proposed(role, **fields).settled(0.5, seconds)

    for seed in (0, 1):
        trained(Role.TRUNK, 5.0, seed=seed)
        trained(Role.BASELINE, 1.0, seed=seed, repeats=1 if seed else None)
        trained(Role.PLAIN, 6.0, seed=seed)
    trained(Role.SEARCH, 1.0)
    pace = status_of(story.record, BEGAN + story.clock).pace
    assert pace.seconds == 1.0, 'of a candidate, without its trunk'
    expected = {'baseline': 0, 'candidate': 1, 'confirmation': 10, 'trunk': 5, 'plain': 0}
    assert {kind: pace.left[kind] for kind in expected} == expected
    finalists = pace.left['finalist']
    assert pace.seconds_left == pytest.approx(1 + finalists + 10 + 5 * 5)
    assert '5 trunks' in printed(status_of(story.record, BEGAN + story.clock))
    scheduled = Story(begin={'schedule': {}}, proxy={'begin': {'rate': 'scheduled'}}).started(budget=budget)
    assert status_of(scheduled.record, BEGAN).pace.left['plain'] == 0
    checkpoint = Story(begin={'sha256': '0'}, proxy={'begin': {'checkpoint': 'x'}}).started(budget=budget)
    assert 'trunk' not in status_of(checkpoint.record, BEGAN).pace.left


def test_fresh_seeds_at_the_greatest_length_decide() -> None:
    story = FunnelStory(confirm_seeds=5).at_10x(0.90, 0.91)
    assert story.facts.headline.startswith('There is no verdict yet')
    facts = story.confirmed(4).ended().facts
    assert facts.verdict.word == 'better' and facts.verdict.gain == pytest.approx(0.1)
    assert facts.verdict.rival == 'trial 2 (ce + l1)' and facts.verdict.over_rival == 'better'
    assert 'better than the hand-made ones in trainings 10 times as long: +0.1000' in facts.headline
    assert any(doubt.endswith('and no part of the verdict.') for doubt in facts.doubts)
    assert [(row['losses'], row['fresh_seeds']) for row in facts.tables['finalists'].to_json()] == [
        ('hand-made', 5),
        ('trial 4', 5),
        ('trial 3', 0),
        ('trial 2 (ce + l1)', 5),
    ]
    html = render(build_report(facts, story.record.history, 'work', 'now', 'report'))
    assert 'hand-made losses at 10x' in html and 'best found at 10x, trial 4' in html and '5 fresh seeds' in html
    assert 'best known loss at 10x, trial 2 (ce + l1)' in html
    text = console_of(story)
    assert 'score at 10x with fresh seeds, which chose nothing' in ' '.join(text.split())
    assert '  15 confirm  0.7000' in text and 'in trainings 10 times as long: +0.1000' in text


def test_fresh_seeds_of_another_loss_or_length_decide_nothing() -> None:
    for number, times in ((3, 10), (4, 1)):
        facts = FunnelStory(confirm_seeds=5).at_10x(0.90, 0.91).confirmed(number, times).ended().facts
        assert facts.verdict.word == 'unconfirmed' and 'trial 4 holds at 10x' in facts.headline


def test_winner_of_the_last_stage_is_the_result() -> None:
    facts = FunnelStory().at_10x(0.90, 0.91).ended().facts
    assert facts.verdict.word == 'unconfirmed' and [trial.number for trial in facts.ranking] == [4, 3]
    text = 'Not confirmed: trial 4 holds at 10x with 0.9050; of the others, hand-made scores 0.7100. But it was chosen by '
    assert facts.headline.startswith(text) and 'budget.confirm_seeds=5' in facts.headline
    assert facts.verdict.gain == pytest.approx(0.195)
    assert facts.held_at.times == 10
    assert any('began the longer trainings' in doubt for doubt in facts.doubts)
    assert not any('single score' in doubt for doubt in facts.doubts)


def test_where_all_fall_it_is_said() -> None:
    facts = FunnelStory().at_10x(0.60, 0.61).ended().facts
    text = 'No found loss holds at 10x: hand-made scores 0.7100, the best found, trial 4, 0.6050.'
    assert (facts.headline, facts.verdict.word, facts.held_at) == (text, 'nothing', None)
    assert [trial.number for trial in facts.ranking] == [3, 4], 'those of the search'
    early = FunnelStory().longer(0, 3, 0.6).longer(2, 3, 0.65).longer(3, 3, 0.3).longer(4, 3, None).ended()
    assert early.facts.headline == (
        'No found loss holds at 3x: trial 2 (ce + l1) scores 0.6500, the best found, trial 3, 0.3000.'
    )
    assert text in printed(FunnelStory().at_10x(0.60, 0.61).ended().status)


def test_until_it_is_over_nothing_is_said() -> None:
    for story in (FunnelStory(), FunnelStory().longer(0, 3, 0.6), FunnelStory().at_10x(0.9)):
        assert story.facts.verdict.word == 'unknown' and 'the funnel is not over' in story.facts.headline


def test_single_seed_confirms_nothing() -> None:
    stages = [{'times': 3, 'keep': 2}]
    facts = FunnelStory(funnel={'stages': stages, 'rivals': 1}).at_3x().facts
    assert facts.verdict.word == 'unconfirmed' and 'trial 4 holds at 3x' in facts.headline


def test_errors_that_are_to_be_small_are_shown_as_they_are() -> None:
    facts = FunnelStory(-1, rule='less').longer(0, 3, 0.4).longer(2, 3, 0.9).longer(3, 3, 0.3).longer(4, 3, 0.5).facts
    (only,) = facts.status.lengths[:1]
    assert (only.bar, only.held) == (0.4, (3,)) and only.best('found', sign=-1).trial == 3
    assert facts.tables['by_length'].rows[0] == ('hand-made', 'hand-made', '0.5100 ± 0.0141', '0.4000')
    assert facts.tables['by_length'].rows[2] == ('trial 4', 'found', '0.6000', '0.5000, falls')


def test_tables_have_a_row_a_loss_and_a_column_a_length() -> None:
    tables = FunnelStory().at_10x(0.6, None).facts.tables
    table = tables['by_length']
    assert table.columns == ('losses', 'kind', '1x', '3x', '10x')
    assert table.rows == (
        ('hand-made', 'hand-made', '0.5100 ± 0.0141', '0.6000', '0.7100 ± 0.0141'),
        ('trial 2 (ce + l1)', 'known', '0.4000', '0.6500', '0.6100 ± 0.0141'),
        ('trial 3', 'found', '0.7000', '0.6600', ''),
        ('trial 4', 'found', '0.6000', '0.7000', '0.6000, falls'),
    )
    long = tables['lengths'].to_json()
    assert [row['times'] for row in long] == [1] * 4 + [3] * 4 + [10] * 3
    assert long[-1]['fate'] == 'falls' and long[-1]['seeds'] == 1
    assert FunnelStory().facts.tables['lengths'].rows == ()


def test_page_has_the_figure_and_the_table(tmp_path: Path) -> None:
    story = FunnelStory().at_10x(0.9, 0.91).ended()
    report = build_report(story.facts, story.record.history, 'work', 'now', 'report')
    html = render(report)
    assert 'id="lengths"' in html and 'href="#lengths"' in html and 'id="table-by_length"' in html
    assert {'lengths', 'by_length'} <= set(report.tables()) and report.figures['lengths'].svg.count('<svg') == 1
    assert 'hand-made losses at 10x' in html and 'best found at 10x, trial 4' in html and '0.9050' in html
    bold = report.figures['lengths'].svg
    assert 'stroke-width: 3.2' in bold
    without = Story().started().trained(Role.BASELINE, 0.5)
    html = render(build_report(facts_of(without.record, 2e9), without.record.history, 'work', 'now', 'report'))
    assert 'id="lengths"' not in html and 'at 10x' not in html


def console_of(story: FunnelStory) -> str:
    console = Console(file=io.StringIO(), width=200, highlight=False)
    observer = ConsoleObserver((), 'score', console=console, verbose=True)
    for trial in story.record.history.settled():
        observer.settled(trial, story.record.history)
    observer.table(story.record.history, story.facts.ranking, [Path('best.py')], story.record.sessions[-1].budget)
    return console.file.getvalue()


def test_lines_and_end_on_the_console() -> None:
    text = console_of(FunnelStory().at_10x(0.9, 0.91))
    assert '  11 10x      0.6000' in text and '   8 3x       0.7000' in text
    assert 'score in longer trainings' in text and 'trial 4 holds at 10x' in text
    assert 'best.py: ready to train' in text
    fallen = console_of(FunnelStory().at_10x(0.1, 0.1))
    assert 'No found loss holds at 10x' in fallen and 'best.py: the best losses of the short trainings' in fallen


def test_journal_without_a_funnel_is_as_before() -> None:
    story = FunnelStory(funnel=None)
    assert story.status.lengths == () and 'longer' not in story.status.pace.left
    assert story.facts.verdict.text.startswith('Not confirmed: the best found losses score 0.1900 better')
    assert replace(story.status, lengths=()) == story.status
