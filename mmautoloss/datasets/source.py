"""The handwritten digits that scikit-learn ships, divided into one pool per split."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# Name of each split and its share of the handwritten digits. No handwritten digit is in two splits,
# so that a score on one split never rewards remembering another.
SHARES = {'train': 0.55, 'search_val': 0.15, 'val': 0.20, 'test': 0.10}
SPLITS = tuple(SHARES)


class DigitPool(NamedTuple):
    """Handwritten digits of one split.

    Attributes:
        strokes: Ink between 0 and 1, shape (N, 8, 8), float32.
        digits: Value of each digit, 0 to 9, shape (N,).
        sources: Row of each digit in ``sklearn.datasets.load_digits``, shape (N,).
    """

    strokes: np.ndarray
    digits: np.ndarray
    sources: np.ndarray


def load_pools(seed: int) -> dict[str, DigitPool]:
    """Distributes the 1797 handwritten digits over the splits, each class by the same shares.

    Args:
        seed: Seed of the distribution.

    Returns:
        One pool per name of :data:`SPLITS`; their ``sources`` are disjoint and cover all digits.
    """
    from sklearn.datasets import load_digits  # slow to import, needed only when scenes are made

    bunch = load_digits()
    strokes = (bunch.images / 16.0).astype(np.float32)
    dealt = deal_sources(bunch.target, seed)
    return {split: DigitPool(strokes[rows], bunch.target[rows], rows) for split, rows in dealt.items()}


def deal_sources(digits: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Divides the rows of every class by :data:`SHARES` after a seeded shuffle.

    Args:
        digits: Class of each row, shape (N,).
        seed: Seed of the shuffle.

    Returns:
        Sorted row numbers of each split.
    """
    rng = np.random.default_rng(seed)
    ends = np.cumsum(list(SHARES.values()))[:-1]
    parts: dict[str, list[np.ndarray]] = {split: [] for split in SPLITS}
    for digit in np.unique(digits):
        rows = rng.permutation(np.flatnonzero(digits == digit))
        cuts = np.round(ends * len(rows)).astype(int)
        for split, part in zip(SPLITS, np.split(rows, cuts), strict=True):
            parts[split].append(part)
    return {split: np.sort(np.concatenate(part)) for split, part in parts.items()}
