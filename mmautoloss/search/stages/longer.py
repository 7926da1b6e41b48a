"""The best found losses in longer trainings, beside the hand-made and the known ones."""

from __future__ import annotations

from mmautoloss.search.rounds import funnel_rounds
from mmautoloss.search.stages.stage import Stage
from mmautoloss.trial import History, Role, Trial


class Longer(Stage):
    """Trains the losses of a funnel, length by length; each round begins once the one before has settled."""

    role = Role.LONGER

    def is_due(self, history: History, elapsed: float) -> bool:
        """Once all candidates have settled, until all trainings of the round have begun."""
        return self.runs_alone(history) and self.make(history) is not None

    def make(self, history: History) -> Trial | None:
        """The next training of the last round; None where all have begun."""
        rounds = funnel_rounds(history, self.settings.budget.funnel)
        due = rounds[-1].due() if rounds else None
        if due is None:
            return None
        first, offset = due
        origin = 'repeat' if first.role is Role.SEARCH else first.origin
        return self.again(history, first, origin, offset, rounds[-1].stage.times)
