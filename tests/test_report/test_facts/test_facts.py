"""The facts of a page, from searches told event by event; numbers are worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmengine')

from mmautoloss.report.facts import Facts, facts_of
from mmautoloss.report.facts.operators import LEAST
from mmautoloss.trial import Role, State, read_journal
from tests.isolation import ROOT
from tests.test_report.searches import BEGAN, BUDGET, TEXTS, Story, confirmed_search, search

JOURNALS = sorted((ROOT / 'tests' / 'test_trial' / 'journals').glob('*.jsonl'))


def facts(story: Story, **given: Any) -> Facts:
    return facts_of(story.record, BEGAN + story.clock, **given)


def rows(found: Facts, name: str) -> list[dict[str, Any]]:
    return found.tables[name].to_json()


@pytest.fixture(scope='module')
def whole() -> Facts:
    return facts(search())


def test_progress_is_told_in_order_with_the_best_so_far(whole: Facts) -> None:
    progress = rows(whole, 'progress')
    assert [row['trial'] for row in progress] == list(range(18))
    assert [row['best'] for row in progress[:4]] == [None] * 4  # neither hand-made nor known losses are found ones
    assert [row['best'] for row in progress[4:8]] == pytest.approx([0.25, 0.27, 0.29, 0.31])
    assert progress[11]['best'] == progress[-1]['best'] == pytest.approx(0.39)
    assert progress[0]['hours'] == pytest.approx(4 / 3600) and progress[13]['rung'] == 0.1


def test_scores_are_shown_as_the_metric_reports_them() -> None:
    found = facts(search(rule='less'))
    assert rows(found, 'progress')[4]['score'] == -0.25 and rows(found, 'sizes')[1]['score'] == -0.25
    assert rows(found, 'finalists')[0]['mean'] == pytest.approx(-0.3)
    assert found.verdict.gain > 0 and rows(found, 'trials')[13]['rung'] == -0.1


def test_funnel_counts_expressions_and_candidates(whole: Facts) -> None:
    counts = {(row['of'], row['outcome']): row['count'] for row in rows(whole, 'funnel')}
    assert counts == {
        ('expressions', 'drawn'): 9 * 28 + 12,
        ('expressions', 'accepted'): 12,
        ('expressions', 'no target'): 9 * 28,
        ('candidates', 'all'): 13,
        ('candidates', 'trained'): 9,
        ('candidates', 'equivalent'): 1,
        ('candidates', 'stopped'): 1,
        ('candidates', 'failed'): 2,
    }
    shares = [row['share'] for row in rows(whole, 'funnel') if row['of'] == 'candidates']
    assert shares[0] == 1 and sum(shares[1:]) == pytest.approx(1)


def test_yield_and_speed_of_drawing(whole: Facts) -> None:
    first = rows(whole, 'yields')[0]
    assert (first['first'], first['last'], first['drawn'], first['accepted']) == (4, 6, 30, 3)
    assert first['per_1000'] == 100 and first['seconds'] == 1.5 and first['per_minute'] == 1200
    assert sum(row['drawn'] for row in rows(whole, 'yields')) == rows(whole, 'funnel')[0]['count']


def test_pareto_front_has_no_member_that_another_beats(whole: Facts) -> None:
    sizes = rows(whole, 'sizes')
    for row in sizes:
        beaten = any(
            (other['nodes'] <= row['nodes'] and other['score'] > row['score'])
            or (other['nodes'] < row['nodes'] and other['score'] >= row['score'])
            for other in sizes
        )
        assert row['front'] is not beaten
    assert {row['trial']: row['nodes'] for row in sizes}[3] == 5 + 5  # -y * log(p), abs(p - y)
    assert {row['trial']: (row['mean'], row['seeds']) for row in sizes}[11] == (pytest.approx(0.38), 2)


def test_seeds_tell_the_choosing_score_from_new_ones(whole: Facts) -> None:
    found = {row['losses']: row for row in rows(whole, 'finalists')}
    assert list(found) == ['hand-made', 'trial 11', 'trial 10', 'trial 3 (ce + l1)']
    assert found['trial 11']['mean'] == pytest.approx(0.38) and found['trial 11']['fresh_mean'] is None
    assert (found['trial 11']['seeds'], found['trial 11']['fresh_seeds']) == (2, 0)
    assert found['hand-made']['spread'] == pytest.approx(0.02) and found['trial 3 (ce + l1)']['spread'] is None
    assert [row['trial'] for row in rows(whole, 'seeds') if row['chosen_by']] == [11, 16, 10, 17]


def test_fresh_seeds_are_told_from_those_that_chose() -> None:
    found = facts(confirmed_search())
    hand_made, best, _, rival = rows(found, 'finalists')
    assert (hand_made['fresh_mean'], hand_made['mean']) == (pytest.approx(0.31), pytest.approx(0.30))
    assert (best['losses'], best['fresh_seeds'], best['seeds']) == ('trial 11', 5, 2)
    assert best['fresh_mean'] == pytest.approx(0.36, abs=0.002) and rival['fresh_mean'] == pytest.approx(0.35)
    fresh = [row for row in rows(found, 'seeds') if row['role'] == 'confirm']
    assert len(fresh) == 15 and not any(row['chosen_by'] for row in fresh)
    assert found.verdict.word == 'better' and found.verdict.over_rival == 'better'
    assert 'with a mean of 0.3800, which is too high on average' in ' '.join(found.doubts)
    told = found.to_json()['status']['fresh']
    assert told['winner']['mean'] == best['fresh_mean'] and told['rival']['trial'] == 3 and told['hand_made']['fresh']


def test_a_second_winner_raises_a_doubt() -> None:
    story = confirmed_search()
    assert not any('winners' in doubt for doubt in facts(story).doubts)
    story.trained(Role.SEARCH, 0.9).trained(Role.CONFIRM, 0.4, repeats=33, seed=1000)
    assert any('2 winners were trained with fresh seeds' in doubt for doubt in facts(story).doubts)


def test_known_losses_are_called_by_their_names() -> None:
    story = Story().started().trained(Role.BASELINE, 0.3).trained(Role.KNOWN, 0.4, texts={'cls': '-y * log(p)'})
    assert [row['losses'] for row in rows(facts(story), 'finalists')] == ['hand-made', 'trial 1 (ce)']


def test_operators_of_the_best_quarter(whole: Facts) -> None:
    found = {row['operator']: row for row in rows(whole, 'operators')}
    # the best two of eight are 7 and 6, with one exp in 7; all have mul and abs; exp is in 1, 2, 4, 5, 7
    assert (found['exp']['good'], found['exp']['of_good'], found['exp']['all'], found['exp']['of_all']) == (1, 2, 5, 8)
    assert found['mul']['good_share'] == found['abs']['all_share'] == 1
    assert all(row['low'] <= row['good_share'] <= row['high'] for row in found.values())
    assert 'tanh' not in found


def test_operators_say_nothing_of_few_candidates() -> None:
    story = Story().started()
    for _ in range(LEAST - 1):
        story.trained(Role.SEARCH, 0.1)
    assert not rows(facts(story), 'operators')
    assert rows(facts(story.trained(Role.SEARCH, 0.1)), 'operators')


def test_time_by_stage_adds_up_to_that_of_the_slots(whole: Facts) -> None:
    stages = {(row['by'], row['stage']): row for row in rows(whole, 'stages')}
    trained = 18 * 4 / 3600  # every trial of the story takes four seconds
    assert stages['workers', 'train']['hours'] == pytest.approx(0.75 * trained)
    clock = (18 * 4 + 8 * 0.5) / 3600
    assert stages['workers', 'waiting']['hours'] == pytest.approx(2 * clock - trained)
    assert sum(row['share'] for (by, _), row in stages.items() if by == 'workers') == pytest.approx(1)
    assert stages['driver', 'drawing and screening']['hours'] == pytest.approx(4 / 3600)
    assert stages['driver', 'set-up']['hours'] == pytest.approx(2 / 3600)
    session = rows(whole, 'sessions')[0]
    assert session['settled'] == 18 and session['busy_share'] == pytest.approx(trained / (2 * clock))


def test_losses_have_the_line_that_is_pasted(whole: Facts) -> None:
    cls, box = whole.losses[11]
    assert cls.line == (
        "loss_cls=dict(type='mmautoloss.SearchedLoss', expression='9 * p * exp(p)', inputs='softmax', loss_weight=1.5),"
    )
    assert box.known == 'l1' and box.key == 'head.loss_box' and box.latex == r'\left|\hat{y} - y\right|'


@pytest.mark.parametrize(
    ('story', 'doubt'),
    [
        (search(), 'chosen among 8 trained candidates by 2 scores, and have no other'),
        (search(), 'A spread over 2 seeds is a rough one'),
        (Story().started().trained(Role.BASELINE, 0.1).trained(Role.SEARCH, 0.2), 'and have no other'),
        (Story().started().trained(Role.BASELINE, 0.1), 'The search is not over (state: running)'),
        (Story().started().trained(Role.SEARCH, 0.2).trained(Role.SEARCH, None), '1 of 2 trained candidates failed'),
        (
            Story(rule='less').started().trained(Role.SEARCH, -0.2).trained(Role.KNOWN, -0.1),
            'A known loss scored better than the best found: trial 1 (ce + l1), 0.1000 (1 seed)',
        ),
    ],
)
def test_doubts_are_told(story: Story, doubt: str) -> None:
    assert any(doubt in each for each in facts(story).doubts), facts(story).doubts


def test_a_worse_known_loss_raises_no_doubt(whole: Facts) -> None:
    assert not any('known loss' in each for each in whole.doubts)
    assert "the split 'val_part'" in facts(search(), describe={'split': 'val_part'}).doubts[-1]


def test_settings_keep_what_a_search_was_told(whole: Facts) -> None:
    found = {(row['part'], row['setting']): row['value'] for row in rows(whole, 'settings')}
    assert found['search', 'branches.cls.path'] == 'head.loss_cls' and found['budget', 'max_trials'] == '10'


def test_a_branch_may_be_called_like_a_column() -> None:
    story = Story().started().trained(Role.SEARCH, 0.5, texts={'score': TEXTS['cls']})
    assert rows(facts(story), 'trials')[0]['score'] == 0.5
    assert rows(facts(story), 'trials')[0]['loss score'] == TEXTS['cls']


def test_verdict_waits_while_nothing_has_a_score() -> None:
    assert facts(Story()).headline == facts(Story().started()).headline == 'No searched loss has a score yet.'
    over = Story().started().trained(Role.SEARCH, None).ended()
    assert facts(over).headline == 'No searched loss could be scored: none of 1 was trained to its end.'


def test_verdict_waits_for_fresh_seeds_that_are_to_come() -> None:
    story = (
        Story().started(budget={**BUDGET, 'confirm_seeds': 5}).trained(Role.BASELINE, 0.1).trained(Role.SEARCH, 0.2)
    )
    assert facts(story).headline.startswith('There is no verdict yet: at the end of the search')
    assert facts(story.ended()).headline.startswith('Not confirmed: ')


@pytest.mark.parametrize('journal', JOURNALS, ids=lambda path: path.stem)
def test_journals_of_all_versions_have_facts_in_types_of_json(journal: Path) -> None:
    record = read_journal(journal)
    found = facts_of(record, 2e9)
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert len(told['tables']['trials']) == len(record.history)
    settled = [trial for trial in record.history if trial.state is not State.RUNNING]
    assert len(told['tables']['progress']) == len(settled)


def test_version_1_knows_neither_speed_nor_sessions() -> None:
    found = facts_of(read_journal(JOURNALS[0]), 2e9)
    assert {row['per_minute'] for row in rows(found, 'yields')} == {None}
    assert {row['stage'] for row in rows(found, 'stages')} == {'not told apart'}
    assert not rows(found, 'sessions') and not rows(found, 'workers')
