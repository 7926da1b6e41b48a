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
        searched = all(trial.role in (Role.LONGER, Role.TRUNK) for trial in history.running())
        return searched and self.make(history) is not None

    def make(self, history: History) -> Trial | None:
        """The next training of the last round; None where all have begun."""
        rounds = funnel_rounds(history, self.settings.budget.funnel)
        due = rounds[-1].due() if rounds else None
        return None if due is None else self._again(history, *due, rounds[-1].stage.times)

    def _again(self, history: History, first: Trial, offset: int, times: float) -> Trial:
        return self.trial(
            history,
            seed_offset=offset,
            genome=first.genome,
            weights=first.weights,
            parent=first.number,
            origin='repeat' if first.role is Role.SEARCH else first.origin,
            repeats=first.number,
            fingerprint=first.fingerprint,
            times=times,
        )
