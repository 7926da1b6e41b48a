"""The loss that a relay ends with, trained from the beginning."""

from __future__ import annotations

from collections import Counter

from mmautoloss.search.relay import Relay, seen_by_strategy
from mmautoloss.search.settings import SearchSettings
from mmautoloss.search.stages.breeder import Breeder
from mmautoloss.search.stages.stage import Stage
from mmautoloss.strategy import Proposal, Strategy
from mmautoloss.trial import History, Role, Trial


class Conclusion(Stage):
    """Trains what the relay has come to as the hand-made losses are trained, so that both can be compared.

    That is the loss that the strategy concludes with, or, where it has no opinion, the one of the last winner.

    Args:
        settings: Settings of the search.
        relay: The generations.
        strategy: Its strategy.
        breeder: Weighs losses.
    """

    role = Role.SEARCH

    def __init__(self, settings: SearchSettings, relay: Relay, strategy: Strategy, breeder: Breeder) -> None:
        super().__init__(settings)
        self._relay = relay
        self._strategy = strategy
        self._breeder = breeder

    def is_due(self, history: History, elapsed: float) -> bool:
        """Once all legs have settled, of which at least one generation has a score, until it has begun."""
        legs, begun = history.of_role(Role.LEG), history.of_role(self.role)
        is_begun = bool(begun) and begun[-1].number > legs[-1].number
        return bool(legs) and not is_begun and self.runs_alone(history) and self._relay.begin(history) is not None

    def make(self, history: History) -> Trial:
        """The training."""
        return self.trial(history, **self._breeder.fields(self._proposal(history), Counter()))

    def _proposal(self, history: History) -> Proposal:
        genome = self._strategy.conclude(seen_by_strategy(history, self._relay))
        if genome is not None:
            return Proposal(genome, None, 'conclusion')
        winner = next(winner for winner in reversed(self._relay.winners(history)) if winner)
        return Proposal(winner.required_genome, winner.number, 'last winner')
