"""What an ablation shows of its searches, from a few made-up trials."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

pytest.importorskip('mmengine')

from mmautoloss.expr import Genome
from mmautoloss.trial import Journal, Outcome, Role, State, Trial

GENOME = Genome.from_text({'cls': 'p * y'})
STOPPED = Outcome(State.STOPPED, rung=0.1)
FAILED = Outcome(State.FAILED, reason='not finite: the loss')


def scores(*values: float) -> list[Outcome]:
    return [Outcome(State.COMPLETE, value) for value in values]


def write_search(folder: Path, outcomes: Iterable[Outcome], hand_made: float | None = 0.5, drawn: int = 0) -> None:
    """A journal of candidates with these outcomes; the hand-made losses still train where they have no score."""
    folder.mkdir(parents=True)
    journal = Journal(folder / 'journal.jsonl', {'seed': 0, 'metric': 'toy/score'}, {})
    journal.propose(Trial(0, Role.BASELINE, 0))
    if hand_made is not None:
        journal.settle(0, Outcome(State.COMPLETE, hand_made), elapsed=1.0)
    for number, outcome in enumerate(outcomes, 1):
        journal.propose(Trial(number, Role.SEARCH, 0, GENOME, funnel={'accepted': drawn} if drawn else {}))
        journal.settle(number, outcome, elapsed=1.0 + number)
    journal.close()


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A set of which an arm is finished, one has a seed without an end of anything, one has not begun."""
    folder = tmp_path / 'toy'
    write_search(folder / 'seeded/0', [*scores(0.1, 0.2, 0.3, 0.4, 0.5, 0.6), FAILED], drawn=300)
    write_search(folder / 'seeded/1', [*scores(0.7), STOPPED, STOPPED], hand_made=0.6)
    write_search(folder / 'random/0', [], hand_made=None)
    write_search(folder / 'old=1/0', [FAILED])
    (folder / 'ours/0').mkdir(parents=True)
    (folder / 'ours/0/journal.jsonl').touch()
    return folder


def test_what_is_not_settled_is_a_dash(load, begun: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    """The table on the screen and the figure, of searches that have just begun beside others, and alone."""
    ablation, figure = load('ablation'), tmp_path / 'ablation.png'
    monkeypatch.setattr(sys, 'argv', ['ablation.py', 'show', str(begun), '--plot', str(figure)])
    assert ablation.main() == 0
    rows = {line.split()[1]: line.split()[2:] for line in capsys.readouterr().out.splitlines()}
    assert list(rows) == ['arm', 'random', 'seeded', 'old=1']
    assert rows['random'] == ['1', '0', '0', '0.0', '0.0', 'none', '-', 'none', '-', '-']
    assert rows['seeded'][3:5] == ['0.5', '1.0'] and rows['seeded'][-1] == '0.550'
    assert figure.stat().st_size > 5000
    alone = tmp_path / 'alone'
    write_search(alone / 'random/0', [], hand_made=None)
    write_search(alone / 'random/1', [FAILED], hand_made=None)
    monkeypatch.setattr(sys, 'argv', ['ablation.py', 'show', str(alone), '--plot', str(tmp_path / 'alone.png')])
    assert ablation.main() == 0 and (tmp_path / 'alone.png').stat().st_size > 5000
