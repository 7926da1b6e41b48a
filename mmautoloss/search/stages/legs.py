"""The candidates of a relay, generation by generation."""

from __future__ import annotations

import random
from collections import Counter

from mmautoloss.search.relay import Relay, seen_by_strategy
from mmautoloss.search.settings import SearchSettings
from mmautoloss.search.stages.breeder import MAX_DUPLICATES, Breeder
from mmautoloss.search.stages.stage import Stage
from mmautoloss.trial import History, Role, Trial


class Legs(Stage):
    """Trains candidates from the weights that the best of the generation before left.

    Args:
        settings: Settings of the search.
        relay: The generations.
        breeder: Breeds candidates.
    """

    role = Role.LEG

    def __init__(self, settings: SearchSettings, relay: Relay, breeder: Breeder) -> None:
        super().__init__(settings)
        self._relay = relay
        self._breeder = breeder

    def is_due(self, history: History, elapsed: float) -> bool:
        """Until all generations have begun, or the time of the budget is spent."""
        begun = len(history.of_role(self.role))
        return begun < self._relay.trainings and not self.settings.budget.is_out_of_time(elapsed)

    def make(self, history: History) -> Trial | None:
        """The next candidate; None while the generation before is not settled."""
        if len(self._relay.current(history)) == self._relay.candidates:
            return None
        rng, funnel = random.Random(f'{self.settings.seed}/{len(history)}'), Counter[str]()
        seen, rivals = seen_by_strategy(history, self._relay), {leg.genome for leg in self._relay.current(history)}
        with self._breeder.drawing.breeding():
            for _ in range(MAX_DUPLICATES):
                proposal = self._breeder.breed(seen, rng, funnel)
                if proposal.genome not in rivals:  # else the same training, bit for bit
                    break
        fields = self._breeder.fields(proposal, funnel)
        generation = f'generation {len(self._relay.complete(history)) + 1}'
        if proposal.origin != generation:
            fields['origin'] = f'{generation}, {proposal.origin}'
        return self.trial(history, **fields, begin=self._relay.begin(history))
