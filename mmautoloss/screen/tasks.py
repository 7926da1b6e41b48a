"""The screen of a branch in several tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mmautoloss.expr import Tree
from mmautoloss.screen.screen import Screen, Verdict


class TasksScreen(Screen):
    """Accepts what the screen of every task accepts.

    Args:
        screens: The screens of one branch, by task; of one kind of input.
    """

    def __init__(self, screens: Mapping[str, Screen]) -> None:
        self.screens = screens
        self.kind = next(iter(screens.values())).kind

    def judge(self, tree: Tree) -> Verdict:
        """The verdict of the first task that rejects, which later ones are spared; else that of all."""
        verdicts = {}
        for task, screen in self.screens.items():
            verdicts[task] = screen.judge(tree)
            if not verdicts[task].accepted:
                return verdicts[task]
        return _joined(verdicts)

    def weigh(self, tree: Tree) -> Verdict:
        """The verdict of all tasks, with the weight in each."""
        return _joined({task: screen.weigh(tree) for task, screen in self.screens.items()})

    def fingerprint(self, verdict: Verdict, digits: int) -> str:
        """The fingerprints in all tasks; only losses that are equal in each are the same."""
        return self._joined(lambda task, screen: screen.fingerprint(verdict.tasks[task], digits))

    def hand_made_fingerprint(self, digits: int) -> str:
        """Those of the hand-made losses in all tasks."""
        return self._joined(lambda task, screen: screen.hand_made_fingerprint(digits))

    def _joined(self, fingerprint: Callable[[str, Screen], str]) -> str:
        """'' where the fingerprint in any task is unknown."""
        texts = [fingerprint(task, screen) for task, screen in self.screens.items()]
        return ' & '.join(texts) if all(texts) else ''


def join_tasks(screens: Mapping[str, Mapping[str, Screen]]) -> Mapping[str, Screen]:
    """The screens by branch, from those by task and branch; those of one task as they are."""
    first, *others = screens.values()
    if not others:
        return first
    return {branch: TasksScreen({task: own[branch] for task, own in screens.items()}) for branch in first}


def _joined(verdicts: Mapping[str, Verdict]) -> Verdict:
    """The first verdict that rejects, with the least gain, and the verdicts of all tasks."""
    first = next((verdict for verdict in verdicts.values() if not verdict.accepted), next(iter(verdicts.values())))
    gains = [verdict.gain for verdict in verdicts.values() if verdict.gain is not None]
    return Verdict(first.reason, min(gains, default=None), tasks=verdicts)
