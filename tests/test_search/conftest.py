"""A search without models: screens that accept all, outcomes from a table."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmautoloss.execute import Limits
from mmautoloss.expr import Genome, Tree
from mmautoloss.losses import input_kind
from mmautoloss.screen import ACCEPTED, Screen, Verdict
from mmautoloss.search import Budget, Planner, SearchSettings, Stop, run_search
from mmautoloss.strategy import RandomSearch, Strategy
from mmautoloss.testing.virtual_executor import Recorder, VirtualExecutor
from mmautoloss.trial import Journal, Outcome, State, Trial

BRANCHES = {'cls': ('p', 'y'), 'box': ('p', 'y')}
KNOWN = Genome.from_text({'cls': '-y * log(p)', 'box': 'abs(p - y)'})
FAILED = Outcome(State.FAILED, reason='no luck')


class EasyScreen(Screen):
    """Accepts all, or none; the fingerprint is the text of the expression, or one for all."""

    def __init__(self, accepts: bool = True, one_loss: bool = False) -> None:
        self.kind = input_kind('delta')
        self.accepts = accepts
        self.one_loss = one_loss
        self._texts: dict[float, str] = {}

    def judge(self, tree: Tree) -> Verdict:
        number = int(hashlib.sha256(str(tree).encode()).hexdigest()[:8], 16)
        norms = (1.0,) if self.one_loss else (float(number),)
        return Verdict(ACCEPTED if self.accepts else 'low gain', 0.9, norms, weight=number % 7 + 1)

    def fingerprint(self, verdict: Verdict, digits: int) -> str:
        return repr(verdict.signature)


def score_by_number(trial: Trial) -> Outcome:
    """Scores that rise and fall with number and seed."""
    return Outcome(State.COMPLETE, (trial.number * 37 % 11 + trial.seed * 5 % 7) / 18)


class Search:
    """A search in a folder that may be run again to go on."""

    def __init__(self, folder: Path, screen: Screen | None = None, **settings: Any) -> None:
        self.path = folder / 'journal.jsonl'
        self.screen = screen or EasyScreen()
        self.settings = SearchSettings(**{'seed': 3, 'known': (KNOWN,), **settings})
        self.strategy: Strategy = RandomSearch(BRANCHES)
        self.recorder = Recorder()

    def planner(self, **budget: Any) -> Planner:
        counts = {'max_trials': 3, 'baseline_repeats': 1, 'finalists': 2, 'finalist_repeats': 2, 'confirm_seeds': 0}
        settings = replace(self.settings, budget=Budget(**{**counts, **budget}))
        return Planner(settings, self.strategy, dict.fromkeys(BRANCHES, self.screen))

    def run(
        self,
        outcome: Callable[[Trial], Outcome] = score_by_number,
        duration: Callable[[Trial], float] = lambda trial: 1.0,
        slots: int = 1,
        resume: bool = False,
        stop: Stop | None = None,
        limits: Limits | None = None,
        **budget: Any,
    ) -> list[str]:
        """Runs to the end; gives the events of this run."""
        journal = Journal(self.path, {'seed': self.settings.seed}, {}, resume)
        self.recorder, self.history = Recorder(), journal.history
        try:
            executor = VirtualExecutor(outcome, duration, slots)
            run_search(journal, self.planner(**budget), executor, self.recorder, limits, stop=stop)
        finally:
            journal.close()
        return self.recorder.events


@pytest.fixture
def search(tmp_path: Path) -> Search:
    return Search(tmp_path)


@pytest.fixture
def make_search(tmp_path: Path) -> Callable[..., Search]:
    return lambda **options: Search(tmp_path, **options)
