"""Cards of losses that searches of this project have found: their origin, strengths and weaknesses.

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
    """The losses of a card compared with others, seed by seed, on images that the search has not seen.

    Attributes:
        set: Name of the data set.
        network: Name of the network.
        metric: Key of the metric.
        begin: Where the trainings with the losses began: ``scratch``, or late in a training or from a trained model, as in
            the rows of results.
        iterations: Length of the trainings.
        seeds: Number of trainings with the losses of the card, and with the others.
        against: The other losses.
        mean: Mean score of the losses of the card.
        other: Mean score of the other losses.
        low: Lower end of the 95 % interval of the difference.
        high: Its upper end.
        word: ``better`` or ``worse`` if the interval excludes zero, else ``no difference``.
    """

    set: str
    network: str
    metric: str
    begin: str
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
    """The losses of one trial, one per branch, and the facts about them.

    Attributes:
        name: Name of the card; ``NAME.BRANCH`` is the loss of one branch.
        summary: Purpose of the losses.
        losses: As in ``best_losses.json``: name, path, inputs, expression and weight of each.
        origin: The search that found them, as in ``best_losses.json``.
        journal: Journal of that search, in this repository.
        command: Command that started it.
        measured: Every comparison on images that the search has not seen.
        notes: Further advice for users.
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
        """The card from the fields of a file."""
        lists = {key: tuple(fields[key]) for key in ('losses', 'notes')}
        return cls(**{**fields, **lists, 'measured': tuple(Measured(**entry) for entry in fields['measured'])})

    def expressions(self) -> dict[str, tuple[str, str]]:
        """Kind of input and expression by branch."""
        return {loss['name']: (loss['inputs'], loss['expression']) for loss in self.losses}


@cache
def cards() -> dict[str, Card]:
    """All cards by name."""
    paths = sorted(files('mmautoloss.losses').joinpath('shipped').iterdir(), key=lambda path: path.name)
    texts = [path.read_text(encoding='utf-8') for path in paths if path.name.endswith('.json')]
    return {card.name: card for card in map(Card.from_json, map(json.loads, texts))}


def shipped() -> dict[str, tuple[str, str]]:
    """Kind of input and expression of every loss of every card, by ``NAME.BRANCH``."""
    return {f'{card.name}.{branch}': loss for card in cards().values() for branch, loss in card.expressions().items()}
