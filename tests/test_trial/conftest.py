"""Trials and outcomes that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmautoloss.expr import Genome
from mmautoloss.trial import Journal, Outcome, Role, State, Trial

GENOME = Genome.from_text({'cls': '-y * log(p)', 'box': 'abs(p - y)'})
HEADER = {'seed': 0, 'metric': 'toy/score'}


@pytest.fixture
def make_trial() -> Callable[..., Trial]:
    def make(number: int, role: Role = Role.SEARCH, **fields: Any) -> Trial:
        genome = None if role is Role.BASELINE else GENOME
        return Trial(number, role, **{'seed': 0, 'genome': genome, **fields})

    return make


@pytest.fixture
def open_journal(tmp_path: Path) -> Callable[..., Journal]:
    """Opens the journal of a test; those still open are closed at its end."""
    opened = []

    def make(resume: bool = False, **header: Any) -> Journal:
        journal = Journal(tmp_path / 'journal.jsonl', {**HEADER, **header}, {'torch': '2'}, resume)
        opened.append(journal)
        return journal

    yield make
    for journal in opened:
        journal.close()


def complete(score: float, **fields: Any) -> Outcome:
    return Outcome(State.COMPLETE, score, **fields)
