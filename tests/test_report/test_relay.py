"""What reports say of a relay, from the journal of one."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from mmautoloss.report.facts.facts import facts_of
from mmautoloss.report.facts.relay import COLUMNS, relay_table
from mmautoloss.report.figures.relay import draw_relay
from mmautoloss.report.live.short_lines import short_line
from mmautoloss.report.pace import pace_of
from mmautoloss.report.relay import relay_text
from mmautoloss.report.remaining_work import Lengths, work_left
from mmautoloss.report.verdict import verdict_of
from mmautoloss.search import relay_of
from mmautoloss.trial import SAME, Outcome, Record, Role, Scale, State, read_journal
from mmautoloss.trial.read import Reader
from tests.isolation import ROOT

JOURNAL = ROOT / 'tests/test_trial/journals/version4_relay.jsonl'
SCALE = Scale('toy/score', True)


def record_until(role: Role, count: int) -> Record:
    """The journal up to the end of so many trials of a role."""
    reader, settled = Reader(), 0
    for line in JOURNAL.read_bytes().splitlines(keepends=True):
        reader.read(line.rstrip(b'\n'))
        if b'"event":"settled"' in line:
            settled = sum(trial.outcome is not None for trial in reader.record.history.of_role(role))
        if settled == count:
            break
    return reader.record


@pytest.fixture(scope='module')
def record() -> Record:
    return read_journal(JOURNAL)


def test_the_network_stands_beside_whole_trainings(record: Record) -> None:
    text = relay_text(record.history, record.header, SCALE)
    assert text.startswith(
        'Relay, 5 of 5 generations of 3: after 20 iterations its network scores 0.8392 (relay/leg_14.pth)'
    )
    assert 'hand-made losses 0.8567 +- 0.0506 (2 seeds)' in text and 'too high on average' in text
    half = record_until(Role.LEG, 7)
    text = relay_text(half.history, half.header, SCALE)
    assert text.startswith(
        'Relay, 2 of 5 generations of 3: after 8 iterations its network scores 0.7103 (relay/leg_5.pth)'
    )
    begun = record_until(Role.LEG, 2)
    assert relay_text(begun.history, begun.header, SCALE) == ''


def test_a_search_without_a_relay_says_nothing_of_it() -> None:
    plain = read_journal(JOURNAL.with_name('version4_confirmed.jsonl'))
    assert relay_text(plain.history, plain.header, SCALE) == ''
    table = relay_table(plain.history, plain.header, SCALE)
    assert not table.rows and draw_relay(table, [0.5], SCALE) is None


def test_the_table_of_generations(record: Record) -> None:
    table = relay_table(record.history, record.header, Scale('toy/error', False))
    rows = table.to_json()
    assert table.columns == COLUMNS and [row['generation'] for row in rows] == [1, 2, 3, 4, 5]
    assert [row['trial'] for row in rows] == [3, 5, 9, 11, 14]
    assert [row['from_trial'] for row in rows] == [None, 3, 5, 9, 11]
    assert rows[0]['best'] == -record.history[3].score > rows[0]['least'] * 1.01
    drawn = draw_relay(table, record.history.baseline_scores(), SCALE)
    assert drawn is not None and drawn.name == 'relay' and '<svg' in drawn.svg


def test_facts_have_it_and_legs_are_no_candidates_of_the_ranking(record: Record) -> None:
    facts = facts_of(record, now=record.last_time or 0.0)
    assert facts.doubts[0].startswith('Relay, 5 of 5') and not any('chosen among' in doubt for doubt in facts.doubts)
    assert [trial.number for trial in facts.ranking] == [17]
    text = verdict_of(record_until(Role.SEARCH, 1).history, facts.ranking).text
    assert text.startswith(
        'Not confirmed: the losses that the relay ends with score 0.0261 worse than the hand-made ones.'
    )


def test_a_relay_that_ends_where_it_began_has_found_nothing() -> None:
    history = record_until(Role.LEG, 15).history
    end = replace(history[14], number=17, role=Role.SEARCH, outcome=None, begin=None)
    history.add(end)
    history.settle(17, Outcome(State.EQUIVALENT, 0.82, reason=f'{SAME}0'))
    verdict = verdict_of(history, [])
    assert verdict.word == 'nothing' and verdict.text.startswith(
        'The relay ends with the same losses as those of trial 0'
    )


def test_legs_to_come_count_by_their_length() -> None:
    record = record_until(Role.LEG, 7)
    lengths = Lengths([trial for trial in record.history.settled()])
    left = work_left(record, 10.0, lengths)
    assert dict(left.counts) == {'baseline': 0, 'candidate': 9, 'finalist': 0, 'confirmation': 10}
    whole, leg = (
        sorted(trial.outcome.seconds for trial in record.history.of_role(role) if trial.outcome)
        for role in (Role.BASELINE, Role.LEG)
    )
    assert lengths.seconds == pytest.approx(sum(whole) / 2)
    assert left.candidates == pytest.approx(8 * leg[3] / lengths.seconds + 1)
    assert left.others == 10
    assert pace_of(record, 10.0).seconds_left > 0


def test_before_the_first_leg_each_is_its_part_of_a_training() -> None:
    record = record_until(Role.BASELINE, 2)
    record.header['seeds'] = ['ce']  # a known loss is a whole training, which comes on top
    record.sessions[-1].budget['max_trials'] += 1
    left = work_left(record, 10.0, Lengths(record.history.settled(), relay_of(record.header)))
    assert left.counts['candidate'] == 17 and left.candidates == pytest.approx(15 / 5 + 2)
    each = max(record.settled_elapsed.values()) / 2  # of the trainings so far
    assert pace_of(record, 10.0).seconds_left == pytest.approx((left.candidates + left.others) * each)


def test_known_losses_of_a_relay_are_whole_trainings_whether_trained_or_not() -> None:
    record = record_until(Role.BASELINE, 2)
    record.header = {**record.header, 'seeds': ['ce', 'focal']}
    record.sessions[-1].budget['max_trials'] = 18
    assert work_left(record, 10.0, Lengths([], relay_of(record.header))).candidates == pytest.approx(3 + 15 * 0.2)
    record.history.add(replace(record.history[0], number=2, role=Role.KNOWN, outcome=None))
    record.history.settle(2, Outcome(State.EQUIVALENT, 0.82, reason=f'{SAME}0'))
    left = work_left(record, 10.0, Lengths([], relay_of(record.header)))
    assert left.counts['candidate'] == 17 and left.candidates == pytest.approx(2 + 15 * 0.2)


def test_legs_are_counted_with_the_candidates_and_are_not_compared_with_whole_trainings(record: Record) -> None:
    facts = facts_of(record, now=record.last_time or 0.0)
    counts = {row['outcome']: row['count'] for row in facts.tables['funnel'].to_json() if row['of'] == 'candidates'}
    assert counts['all'] == 16 and facts.tables['yields'].to_json()[0]['first'] == 2
    assert any('after parts of one training and whole ones' in doubt for doubt in facts.doubts)
    leg, end = record.history.of_role(Role.LEG)[0], record.history.of_role(Role.SEARCH)[0]
    lines = [str(short_line(trial, record.history, 1, 120, {}, None)) for trial in (leg, end)]
    assert not re.search(r'leg +0\.\d{4} +[+-]', lines[0]) and re.search(r'search +0\.\d{4} +[+-]', lines[1])


def test_legs_that_fail_are_told(record: Record) -> None:
    record = record_until(Role.BASELINE, 2)
    for number in range(2, 5):
        record.history.add(replace(record.history[0], number=number, role=Role.LEG, outcome=None))
        record.history.settle(number, Outcome(State.FAILED, reason='not finite: a weight'))
        record.settled_elapsed[number] = 1.0
    facts = facts_of(record, now=record.last_time or 0.0)
    assert '3 of 3 trained candidates failed; the reasons stand below.' in facts.doubts
