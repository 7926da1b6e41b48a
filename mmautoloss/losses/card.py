"""Losses that searches of this project have found, each with a card: where it comes from, what it beats, where it fails.

The files in ``shipped`` are written by ``benchmarks/quality/cards.py`` from journals and results in ``docs/results``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Measured:
    """The losses of a card against others, on images that the search has not seen, seed by seed.

    Attributes:
        set: Name of the data set.
        network: Name of the network.
        metric: Key of the metric.
        iterations: Length of the trainings.
        seeds: Trainings of each.
        against: The other losses.
        mean: Mean score of the found ones.
        other: Mean score of the others.
        low: Lower end of the 95 % interval of the difference.
        high: Its upper end.
        word: ``better``, ``worse`` or ``no difference``: by whether the interval excludes zero.
    """

    set: str
    network: str
    metric: str
    iterations: int
    seeds: int
    against: str
    mean: float
    other: float
    low: float
    high: float
    word: str

    def __str__(self) -> str:
        difference = f'{self.mean - self.other:+.3f} ({self.low:+.3f} to {self.high:+.3f})'
        return f'{self.mean:.3f} against {self.other:.3f} of {self.against}: {difference}, {self.word}'


@dataclass(frozen=True)
class Card:
    """Losses of one trial, one a branch, and what is known of them.

    Attributes:
        name: By which they are called; ``NAME.BRANCH`` is the loss of one branch.
        summary: What they are for.
        losses: As in ``best_losses.json``: name, path, inputs, expression and weight of each.
        origin: The search that found them, as in ``best_losses.json``.
        journal: Its journal, in this repository.
        command: How it was started.
        measured: Every comparison on images that the search has not seen.
        notes: What else to know before using them.
    """

    name: str
    summary: str
    losses: tuple[Mapping[str, Any], ...]
    origin: Mapping[str, Any]
    journal: str
    command: str
    measured: tuple[Measured, ...]
    notes: tuple[str, ...]

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Card:
        """The card of a file."""
        lists = {key: tuple(fields[key]) for key in ('losses', 'notes')}
        return cls(**{**fields, **lists, 'measured': tuple(Measured(**each) for each in fields['measured'])})

    def expressions(self) -> dict[str, tuple[str, str]]:
        """Kind of input and expression by branch."""
        return {loss['name']: (loss['inputs'], loss['expression']) for loss in self.losses}


@cache
def cards() -> dict[str, Card]:
    """All cards by name."""
    found = sorted(files('mmautoloss.losses').joinpath('shipped').iterdir(), key=lambda path: path.name)
    texts = [path.read_text(encoding='utf-8') for path in found if path.name.endswith('.json')]
    return {card.name: card for card in map(Card.from_json, map(json.loads, texts))}


def shipped() -> dict[str, tuple[str, str]]:
    """Kind of input and expression of every loss of every card, by ``NAME.BRANCH``."""
    return {f'{card.name}.{branch}': loss for card in cards().values() for branch, loss in card.expressions().items()}
