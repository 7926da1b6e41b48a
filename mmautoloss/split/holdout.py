"""Which images of a training set are held out for scoring."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from mmautoloss.errors import SetupError


class Item(NamedTuple):
    """An image of a data set.

    Attributes:
        name: Its file name, or its line in a list, without a label.
        labels: Names of the categories that occur in it.
    """

    name: str
    labels: frozenset[str] = frozenset()


def hold_out(
    items: Sequence[Item], count: int, *, seed: int = 0, group: str | None = None, tail: bool = False
) -> list[int]:
    """Chooses images for scoring; the others remain for training.

    Groups are never split. Rare categories are served first, so that each has its share on both sides: at least one
    group on each side if it occurs in two.

    Args:
        items: The images, in their order.
        count: Number of images to hold out; fewer if the groups do not add up to it.
        seed: Seed of the choice.
        group: Regular expression; images whose names have the same match (or first capture group) are a group, such as
            the frames of a video. None makes every name a group of its own.
        tail: Takes the last groups instead of random ones, for sets that are ordered in time.

    Returns:
        Ascending positions of the images held out.

    Raises:
        SetupError: There are too few images, or one has no group.

    Example:
        >>> hold_out([Item('a1'), Item('a2'), Item('b1'), Item('b2')], 2, group='^.', tail=True)
        [2, 3]
    """
    if not 0 < count < len(items):
        raise SetupError(f'Of {len(items)} images at least 1 and not all can be held out, but got {count}.')
    groups = _groups(items, group)
    if len(groups) < 2:
        raise SetupError('All images are one group, so none can be held out: choose another --group, or more images.')
    chosen = _last(groups, count) if tail else list(_Draw(items, groups, count, seed).chosen)
    if not chosen:
        raise SetupError(f'None can be held out: {_reason(groups, count, tail)}.')
    return sorted(index for members in chosen for index in members)


Group = tuple[int, ...]
"""Positions of the images of a group."""


def _groups(items: Sequence[Item], pattern: str | None) -> list[Group]:
    groups: dict[str, list[int]] = {}
    for index, item in enumerate(items):
        groups.setdefault(item.name if pattern is None else _group_name(pattern, item.name), []).append(index)
    return [tuple(members) for members in groups.values()]


def _group_name(pattern: str, name: str) -> str:
    try:
        match = re.search(pattern, name)
    except re.error as error:
        raise SetupError(f'--group must be a regular expression, but got {pattern!r}: {error}.') from None
    if match is None:
        raise SetupError(f'--group {pattern!r} finds nothing in {name!r}, so that image has no group.')
    return match[1] if match.re.groups else match[0]


def _reason(groups: Sequence[Group], count: int, tail: bool) -> str:
    """Why no group can be held out, and what helps."""
    if tail:
        return f'the last group has {len(groups[-1])} images, more than {count}; raise --share or --count'
    if min(map(len, groups)) > count:
        return f'every group has more than {count} images; raise --share or --count'
    larger = ', a larger --share or --count' if max(map(len, groups)) > count else ''
    return (
        f'each group of at most {count} images is the only one with one of its categories (or the only one without '
        f'objects), and that has to be trained; give more images of each category{larger}, or --tail, which takes the '
        'last images whatever they show'
    )


def _last(groups: Sequence[Group], count: int) -> list[Group]:
    chosen: list[Group] = []
    for members in reversed(groups[1:]):
        if sum(map(len, chosen)) + len(members) > count:
            break
        chosen.append(members)
    return chosen


class _Draw:
    """A random choice in which rare categories are served first."""

    def __init__(self, items: Sequence[Item], groups: Sequence[Group], count: int, seed: int) -> None:
        self.chosen: dict[Group, None] = {}  # in order of choice
        self._remaining = count
        # images without objects are a category of their own
        self._labels = {
            group: Counter(label for index in group for label in items[index].labels or {''}) for group in groups
        }
        # groups that remain for training, and images held out, by category
        self._training = Counter(label for labels in self._labels.values() for label in labels)
        self._held: Counter[str] = Counter()
        order = sorted(groups)
        random.Random(seed).shuffle(order)
        images: Counter[str] = Counter()
        for labels in self._labels.values():
            images.update(labels)
        for label in sorted(images, key=lambda label: (images[label], label)):
            self._take_share(label, images[label] * count / len(items), order)
        for group in order:  # fill up with the others
            self._take(group)

    def _take_share(self, label: str, share: float, order: Sequence[Group]) -> None:
        for group in order:
            if self._held[label] >= max(1, round(share)):
                return
            if label in self._labels[group]:
                self._take(group)

    def _take(self, group: Group) -> None:
        labels = self._labels[group]
        if group in self.chosen or len(group) > self._remaining or any(self._training[label] < 2 for label in labels):
            return
        self.chosen[group] = None
        self._remaining -= len(group)
        self._held.update(labels)
        self._training.subtract(dict.fromkeys(labels, 1))
