"""The warning that hand-made losses have learnt next to nothing."""

from __future__ import annotations

import csv
import io
from collections import defaultdict

import pytest

pytest.importorskip('mmengine')

from rich.console import Console

from mmautoloss.report import ConsoleObserver
from mmautoloss.report.facts import facts_of
from mmautoloss.report.learning import LEAST_SHARE, UNTRAINED, Learning, learning_of
from mmautoloss.report.live.status_page import print_status
from mmautoloss.report.status import status_of
from mmautoloss.trial import Outcome, Record, Role, Scale, State, Trial, outcome_to_json
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
    record.header = {'event': 'search', 'version': 5, 'metric': 'coco/bbox_mAP', 'rule': 'greater'}
    info = {} if untrained is None else {UNTRAINED: untrained}
    session = {'version': 5, 'host': 'n', 'pid': 1, 'slots': 1, 'heartbeat': 30.0, 'budget': {}, 'info': info}
    record.apply({'event': 'started', 'time': 0.0, **session})
    record.apply({'event': 'proposed', 'time': 1.0, **Trial(0, Role.BASELINE, 0).to_json()})
    if begun:
        outcome = outcome_to_json(Outcome(State.COMPLETE, score, seconds=1.0))
        record.apply({'event': 'settled', 'time': 2.0, 'number': 0, 'elapsed': 1.0, **outcome})
    return record


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
