"""The hand-made losses, with several seeds."""

from __future__ import annotations

from collections.abc import Mapping

from mmautoloss.screen import Screen
from mmautoloss.search.settings import SearchSettings
from mmautoloss.search.stages.breeder import joined
from mmautoloss.search.stages.stage import Stage
from mmautoloss.trial import History, Role, Trial


class HandMade(Stage):
    """Trains the hand-made losses, and again with other seeds.

    Args:
        settings: Settings of the search.
        screens: Screens by branch, for their fingerprint.
    """

    role = Role.BASELINE

    def __init__(self, settings: SearchSettings, screens: Mapping[str, Screen]) -> None:
        super().__init__(settings)
        self._screens = screens

    def is_due(self, history: History, elapsed: float) -> bool:
        """Until as many have begun as the budget says."""
        return len(self.begun(history)) <= self.settings.budget.baseline_repeats

    def begins(self, history: History) -> tuple[int, float]:
        """The trunk of the next seed."""
        return self.settings.seed + len(self.begun(history)), 1

    def make(self, history: History) -> Trial:
        """The hand-made losses with the next seed."""
        earlier = self.begun(history)
        fingerprints = [screen.hand_made_fingerprint(self.settings.digits) for screen in self._screens.values()]
        return self.trial(
            history,
            seed_offset=len(earlier),
            repeats=earlier[0].number if earlier else None,
            origin='hand-made',
            # only the first has the seed of the candidates, so only its score may be reused for an equal loss
            fingerprint='' if earlier else joined(fingerprints),
        )
