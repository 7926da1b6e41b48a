"""What the rows of docs/results/results.csv say of each test set: means, spreads and paired differences of all losses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import permutations
from math import isnan
from pathlib import Path
from statistics import mean, stdev

from mmautoloss.errors import SetupError
from mmautoloss.losses import ZOO
from mmautoloss.losses.card import Card, cards
from mmautoloss.losses.named_sums import expression_of, kinds_by_name
from mmautoloss.report.result_row import USUAL, ResultRow, Setting
from mmautoloss.report.result_table import is_greater
from mmautoloss.report.statistics import LEAST_SEEDS, Difference, paired_difference

ROOT = Path(__file__).resolve().parents[2]
TRANSFER, EARLIER_CARDS = ROOT / 'configs/transfer', ROOT / 'docs/results/earlier_cards'


@dataclass(frozen=True)
class Loss:
    """One loss in one comparison.

    Attributes:
        label: Its short name, which no other loss of the comparison has.
        kind: ``hand-made`` (the reference), ``known`` or ``found``.
        balanced: Whether it is a known loss with the weight that a found one gets, not the one of the hand-made loss.
        values: The metric by seed.
        row: Its name in the rows.
        expression: Its expressions by branch as JSON; '' for hand-made losses.
        weights: Its weights by branch as JSON; '' for hand-made losses, and where they are not known.
    """

    label: str
    kind: str
    balanced: bool
    values: Mapping[int, float]
    row: str
    expression: str
    weights: str

    @property
    def mean(self) -> float:
        return mean(self.values.values())

    @property
    def spread(self) -> float | None:
        """Standard deviation over seeds; None of one seed."""
        return stdev(self.values.values()) if len(self.values) > 1 else None

    def against(self, other: Loss) -> Difference | None:
        """The paired difference to another loss; None for too few seeds."""
        return paired_difference(self.values, other.values)


@dataclass(frozen=True)
class Comparison:
    """All losses that trained one network for as long on one set, from the same beginning.

    Attributes:
        setting: What all rows have in common.
        losses: The hand-made one first, then the known and the found ones, best mean first.
    """

    setting: Setting
    losses: tuple[Loss, ...]

    @property
    def set(self) -> str:
        """Name of the data set."""
        return self.setting.set

    @property
    def network(self) -> str:
        """Name of the network."""
        return self.setting.network

    @property
    def metric(self) -> str:
        """Key of the metric."""
        return self.setting.metric

    @property
    def name(self) -> str:
        """What tells it from other comparisons of the split: ``SET NETWORK BEGIN METRIC ITERATIONS``."""
        return f'{self.set} {self.network} {self.setting.begin} {self.metric} {self.setting.iterations}'

    @property
    def greater(self) -> bool:
        """Whether a higher value is better."""
        return is_greater(self.metric)

    @property
    def hand_made(self) -> Loss | None:
        """The loss that the config of the network has; None where it is not among the rows."""
        return next((loss for loss in self.losses if loss.kind == 'hand-made'), None)

    @property
    def best_by_hand(self) -> Loss | None:
        """The best of the losses that were not found, one with enough seeds if there is any.

        It is chosen by the values it is then compared with, which flatters it, never the found losses.
        """
        by_hand = [loss for loss in self.losses if loss.kind != 'found']
        return min(
            by_hand, key=lambda loss: (len(loss.values) < LEAST_SEEDS, _place(loss, self.greater)), default=None
        )


def comparisons_of(rows: Iterable[ResultRow], split: str = 'test') -> list[Comparison]:
    """One comparison a set, network, beginning, metric and length, set by set, else in the order of the rows.

    Trainings that failed are left out.

    Raises:
        SetupError: Trainings of one comparison have seen different images, so that their scores cannot be compared.
    """
    groups: dict[Setting, list[ResultRow]] = {}
    for row in rows:
        if row.split == split and not isnan(row.value):
            groups.setdefault(row.setting, []).append(row)
    for setting, group in groups.items():
        require_same_images((row.images for row in group), f'{setting.set}, {setting.network}')
    sets = list(dict.fromkeys(setting.set for setting in groups))
    ordered = sorted(groups.items(), key=lambda group: sets.index(group[0].set))
    return [Comparison(setting, _losses(group, is_greater(setting.metric))) for setting, group in ordered]


def require_same_images(images: Iterable[str], name: str) -> None:
    """Checks that trainings saw the same images, as far as their rows say.

    Raises:
        SetupError: They did not.
    """
    seen = sorted({*images} - {''})
    if len(seen) > 1:
        raise SetupError(
            f'Compared trainings must have seen the same images, but those of {name} have seen {", ".join(seen)}. Give the '
            'rows of one of them another set or network.'
        )


def split_transfer(comparisons: Sequence[Comparison]) -> tuple[list[Comparison], list[Comparison]]:
    """Comparisons on the networks that were searched on, and on those of the configs in ``configs/transfer``."""
    carried = {path.stem for path in TRANSFER.glob('*.py')}
    searched = [each for each in comparisons if each.network not in carried]
    return searched, [each for each in comparisons if each.network in carried]


def _losses(rows: Sequence[ResultRow], greater: bool) -> tuple[Loss, ...]:
    values: dict[tuple[str, str, str], dict[int, float]] = {}
    for row in rows:
        values.setdefault(row.identity, {})[row.seed] = row.value
    reference = next((key for key in values if not key[1]), None)  # others of the same kind are alternatives to it
    losses: list[Loss] = []
    for (loss, expression, weights), by_seed in values.items():
        numbered = re.match(r'found-\d', loss)
        card = '' if numbered else card_of(expression)
        kind = 'found' if card or numbered else 'known'
        kind = 'hand-made' if (loss, expression, weights) == reference else kind
        balanced = kind == 'known' and bool(expression) and not loss.endswith(USUAL)
        label = _label(card or (loss if numbered else sum_of(expression)) or loss, kind, balanced)
        label = _distinct(label, [each.label for each in losses])
        losses.append(Loss(label, kind, balanced, by_seed, loss, expression, weights))
    kinds = ('hand-made', 'known', 'found')
    return tuple(sorted(losses, key=lambda loss: (kinds.index(loss.kind), _place(loss, greater))))


def card_of(expression: str) -> str:
    """The name of the card whose losses these all are, found by a search; '' if there is none."""
    losses = json.loads(expression) if expression else {}
    names = {carded().get(text, '') for text in losses.values()}
    return names.pop() if len(names) == 1 else ''


def sum_of(expression: str) -> str:
    """The sum of two known losses that a single expression is, such as ``ce + dice``; '' if it is none."""
    losses = json.loads(expression) if expression else {}
    return sums().get(next(iter(losses.values())), '') if len(losses) == 1 else ''


@cache
def carded() -> dict[str, str]:
    """The names of cards by the expressions of their losses, but for known losses, which some of their branches have.

    Earlier cards, of losses found in short trainings, are no longer shipped, but their rows are there.
    """
    known = {loss.expression for loss in ZOO.values()}
    earlier = (
        Card.from_json(json.loads(path.read_text(encoding='utf-8'))) for path in sorted(EARLIER_CARDS.iterdir())
    )
    named = [(card.name, text) for card in (*earlier, *cards().values()) for _, text in card.expressions().values()]
    return {text: name for name, text in named if text not in known}


@cache
def sums() -> dict[str, str]:
    """The sums of two known losses, by their expressions."""
    pairs = permutations(ZOO, 2)
    return {expression_of(f'{a} + {b}', kind): f'{a} + {b}' for a, b in pairs for kind in kinds_by_name(f'{a} + {b}')}


def _place(loss: Loss, greater: bool) -> float:
    return -loss.mean if greater else loss.mean


def _label(loss: str, kind: str, balanced: bool) -> str:
    """``dice`` for ``dice+dice, usual weight``: equal names are one, and it is the other weight that is named."""
    if kind == 'found':
        return loss.replace('-', ' ')
    name = loss.removesuffix(f', {USUAL}')
    parts = name.split('+')
    name = parts[0] if len(set(parts)) == 1 else name
    return f'{name}, hand-made' if kind == 'hand-made' else f'{name}, balanced' if balanced else name


def _distinct(label: str, taken: Sequence[str]) -> str:
    """Two searches may have a ``found 54`` each."""
    count = sum(re.sub(r' \(\d+\)$', '', each) == label for each in taken)
    return f'{label} ({count + 1})' if count else label
