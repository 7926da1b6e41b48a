"""Choices of an action in each period of a training, and what each has gained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from mmautoloss.errors import SetupError


class Table:
    """Mean rewards of actions by position in the training.

    Args:
        positions: Number of parts of the training that are told apart.
        actions: Number of actions.
    """

    def __init__(self, positions: int, actions: int) -> None:
        self.sums = [[0.0] * actions for _ in range(positions)]
        self.counts = [[0] * actions for _ in range(positions)]

    def add(self, position: int, action: int, reward: float) -> None:
        """Adds what a period has gained."""
        self.sums[position][action] += reward
        self.counts[position][action] += 1

    def probabilities(self, position: int, temperature: float) -> list[float]:
        """The softmax of mean rewards, in units of their deviation; what was never tried has their mean.

        Args:
            position: The part of the training.
            temperature: Divisor of the rewards; large for nearly uniform choices.
        """
        pairs = zip(self.sums[position], self.counts[position], strict=True)
        means = torch.tensor([total / count if count else torch.nan for total, count in pairs], dtype=torch.float64)
        means = means.where(means.isfinite(), means.nanmean() if bool(means.isfinite().any()) else 0.0)
        spread = means.std(correction=0)
        standard = (means - means.mean()) / spread if spread > 0 else torch.zeros_like(means)
        return (standard / temperature).softmax(dim=0).tolist()

    def state(self) -> dict[str, Any]:
        """The table in plain types."""
        return {'sums': [[*row] for row in self.sums], 'counts': [[*row] for row in self.counts]}

    def load(self, state: Mapping[str, Any]) -> None:
        """Takes over a table of the same size.

        Raises:
            SetupError: It has another size.
        """
        for key, own in (('sums', self.sums), ('counts', self.counts)):
            rows = state.get(key)
            if not isinstance(rows, Sequence) or [len(row) for row in rows] != [len(row) for row in own]:
                raise SetupError(
                    f'A table for {len(own)} positions and {len(own[0])} actions is needed, but this has other sizes; '
                    'it must come from a training with the same actions and positions.'
                )
        self.sums = [[float(value) for value in row] for row in state['sums']]
        self.counts = [[int(value) for value in row] for row in state['counts']]


def draw(probabilities: Sequence[float], seed: int, period: int) -> int:
    """An action, a function of the seed and the number of the period."""
    generator = torch.Generator().manual_seed((seed << 32) + period)
    return int(torch.multinomial(torch.tensor(probabilities, dtype=torch.float64), 1, generator=generator))
