"""The choice of the next trial: a pure function of the history, so that a resumed search needs nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mmautoloss.screen import Screen
from mmautoloss.search.draw_progress import DrawProgress
from mmautoloss.search.settings import SearchSettings
from mmautoloss.search.stages import (
    Breeder,
    Completion,
    Conclusion,
    Confirmation,
    Finalists,
    HandMade,
    KnownLosses,
    Legs,
    Longer,
    PlainTrainings,
    Promotion,
    SearchedLosses,
    Stage,
    Trunks,
    Yardsticks,
)
from mmautoloss.strategy import Strategy
from mmautoloss.trial import History, Trial


class Planner:
    """Chooses the next trial.

    Stages: the hand-made losses and their repeats, known losses, search, in which good candidates may get further seeds
    before new ones are bred, after all of these have settled, the best few again with other seeds, or, with a funnel, for
    longer, and at last what is compared, with fresh seeds. The first that is due proposes the next trial. In a search with
    trunks each trial continues the trunk of its seed and length, which is trained before. In a relay the candidates are legs
    of one training, and what they come to is then trained from the beginning. In a search of several tasks the
    hand-made losses first fix the yardstick of all scores.

    Args:
        settings: Settings of the search.
        strategy: Breeds candidates.
        screens: Screens of expressions, by branch; read only when a trial is made.

    Attributes:
        watch: Called before each drawn expression; may raise to abort the drawing.
        drawing: Progress of the drawing.
    """

    def __init__(self, settings: SearchSettings, strategy: Strategy, screens: Mapping[str, Screen]) -> None:
        self.strategy = strategy
        self.screens = screens
        self.watch: Callable[[], None] = lambda: None
        self.drawing = DrawProgress()
        self.settings = settings

    @property
    def settings(self) -> SearchSettings:
        """Settings of the search; new ones apply from the next trial on."""
        return self._settings

    @settings.setter
    def settings(self, settings: SearchSettings) -> None:
        self._settings = settings
        breeder = Breeder(settings, self.strategy, self.screens, self.drawing, lambda: self.watch())
        self.stages: tuple[Stage, ...] = (
            HandMade(settings, self.screens),
            PlainTrainings(settings),
            KnownLosses(settings, breeder),
            *self._of_candidates(settings, breeder),
            Longer(settings) if settings.budget.funnel else Finalists(settings),
            Confirmation(settings),
        )
        self._trunks = Trunks(settings, self.stages) if settings.trunk else None
        self._yardsticks = Yardsticks(settings.aggregate, self.stages) if settings.aggregate else None

    def _of_candidates(self, settings: SearchSettings, breeder: Breeder) -> tuple[Stage, ...]:
        if settings.relay:
            legs = Legs(settings, settings.relay, breeder)
            return legs, Conclusion(settings, settings.relay, self.strategy, breeder)
        return Promotion(settings), SearchedLosses(settings, breeder), Completion(settings)

    def next(self, history: History, elapsed: float) -> Trial | None:
        """The next trial, without outcome; None while there is none to start, as running trials may still decide which.

        Args:
            history: All trials so far.
            elapsed: Seconds of search so far.
        """
        if self._trunks:
            return self._trunks.next(history, elapsed)
        if self._yardsticks:
            return self._yardsticks.next(history, elapsed)
        stage = next((stage for stage in self.stages if stage.is_due(history, elapsed)), None)
        return stage.make(history) if stage else None
