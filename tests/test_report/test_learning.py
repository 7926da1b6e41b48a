"""The warning that hand-made losses have learnt next to nothing."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from types import SimpleNamespace

import pytest

pytest.importorskip('mmengine')

from rich.console import Console

from mmautoloss.engine.search_run import note_untrained
from mmautoloss.report import ConsoleObserver
from mmautoloss.report.facts import facts_of
from mmautoloss.report.learning import LEAST_SHARE, UNTRAINED, Learning, learning_of
from mmautoloss.report.live.status_page import print_status
from mmautoloss.report.status import status_of
from mmautoloss.trial import VERSION, Outcome, Record, Role, Scale, State, Trial, outcome_to_json
from tests.isolation import ROOT


@pytest.mark.parametrize(
    ('trained', 'untrained', 'greater', 'warns'),
    [
        (0.01, None, True, True),
        (0.0, 0.0, True, True),
        (-1.0, None, True, True),
        (0.1, None, True, False),
        (0.11, 0.1, True, True),
        (0.15, 0.1, True, False),
        (11.0, 10.0, True, True),
        (75.2, 10.0, True, False),
        (0.5, 0.62, True, True),
        (0.375, 0.38, False, True),
        (0.3, 0.38, False, False),
        (0.3, None, False, False),
        (250.0, 10.0, True, False),
        (0.995, 0.99, True, False),
    ],
)
def test_share_of_what_can_be_learnt(trained: float, untrained: float | None, greater: bool, warns: bool) -> None:
    text = Learning(Scale('x', greater), trained, untrained).text
    assert bool(text) == warns
    assert not warns or ('What helps: a longer training' in text and '\n' not in text)


def test_no_shipped_config_that_was_measured_gives_a_false_alarm() -> None:
    values = defaultdict(list)
    with (ROOT / 'docs/results/results.csv').open(encoding='utf-8') as file:
        for row in csv.DictReader(file):
            if not row['expression'].strip():
                values[row['set'], row['network'], row['metric'], row['iterations']].append(float(row['value']))
    assert len(values) > 20
    for key, scores in values.items():
        learning = Learning(Scale(key[2], 'NME' not in key[2]), min(scores), None)
        assert learning.share is None or learning.share > 2 * LEAST_SHARE, key


def record_of(score: float, untrained: str | None, begun: bool = True) -> Record:
    record = Record()
    record.header = {'event': 'search', 'version': VERSION, 'metric': 'coco/bbox_mAP', 'rule': 'greater'}
    info = {} if untrained is None else {UNTRAINED: untrained}
    session = {'version': VERSION, 'host': 'n', 'pid': 1, 'slots': 1, 'heartbeat': 30.0, 'budget': {}, 'info': info}
    record.apply({'event': 'started', 'time': 0.0, **session})
    record.apply({'event': 'proposed', 'time': 1.0, **Trial(0, Role.BASELINE, 0).to_json()})
    if begun:
        outcome = outcome_to_json(Outcome(State.COMPLETE, score, seconds=1.0))
        record.apply({'event': 'settled', 'time': 2.0, 'number': 0, 'elapsed': 1.0, **outcome})
    return record


def test_values_in_per_cent_are_not_taken_for_shares() -> None:
    """Of a thousand classes chance has 0.1 per cent, and half a per cent is next to nothing."""
    assert Learning(Scale('accuracy/top1', True), 0.5, 0.1).text
    assert not Learning(Scale('accuracy/top1', True), 5.0, 0.1).text
    assert not Learning(Scale('mIoU', True), 0.5, 0.1).text


def test_a_search_with_trunks_warns_once_after_the_hand_made_losses() -> None:
    record = record_of(0.0, '0.0', begun=False)
    record.apply(
        {'event': 'settled', 'time': 2.0, 'number': 0, 'elapsed': 1.0, **outcome_to_json(Outcome(State.FAILED))}
    )
    for number, role in ((1, Role.TRUNK), (2, Role.BASELINE), (3, Role.BASELINE)):
        record.apply({'event': 'proposed', 'time': 3.0, **Trial(number, role, number).to_json()})
        outcome = outcome_to_json(Outcome(State.COMPLETE, 0.01, seconds=1.0))
        record.apply({'event': 'settled', 'time': 4.0, 'number': number, 'elapsed': 2.0, **outcome})
    console = Console(file=io.StringIO(), width=120)
    observer = ConsoleObserver((), 'coco/bbox_mAP', console=console, record=record)
    told = []
    for trial in record.history:
        observer.settled(trial, record.history)
        told.append(console.file.getvalue().count('learnt next to nothing'))
    assert told == [0, 0, 1, 1]


def test_what_a_session_before_has_measured_is_not_measured_again() -> None:
    asked: list[str] = []
    survey = SimpleNamespace(untrained=lambda task: asked.append(task) or 0.25)
    for record, told in ((record_of(0.1, None), {UNTRAINED: '0.25'}), (record_of(0.1, '0.2'), {})):
        info: dict[str, str] = {}
        note_untrained(survey, '', record, info)
        assert info == told
    note_untrained(survey, 'near', record_of(0.1, None), info)
    assert asked == [''] and info == {}


def shown(record: Record) -> tuple[str, str, str]:
    console, page = (Console(file=io.StringIO(), width=120) for _ in range(2))
    observer = ConsoleObserver((), 'coco/bbox_mAP', console=console, record=record)
    observer.settled(record.history[0], record.history)
    print_status(status_of(record, 3.0), ROOT, page)
    return console.file.getvalue(), page.file.getvalue(), ' '.join(facts_of(record, 3.0).doubts)


def test_console_status_and_report_warn() -> None:
    for text in shown(record_of(0.01, '0.0')):
        assert 'learnt next to nothing (coco/bbox_mAP 0.0100, untrained 0.0000)' in text
    for text in shown(record_of(0.1, None)):
        assert 'next to nothing' not in text
    assert learning_of(record_of(0.1, None, begun=False)) is None
