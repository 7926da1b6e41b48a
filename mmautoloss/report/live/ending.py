"""The last four lines of a search: what was found, by how much, how to use it, what to do next."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mmautoloss.report.confirmation import Confirmation
from mmautoloss.report.live.columns import cut_formulas
from mmautoloss.report.verdict import Verdict
from mmautoloss.trial import Scale, Trial

_PROGRAM = 'python -m mmautoloss'
_OUTCOMES = {
    'better': 'better than the hand-made losses',
    'worse': 'worse than the hand-made losses',
    'even': 'not shown to differ from the hand-made losses',
}
_AGAINST = {'better': 'also better than', 'worse': 'but worse than', 'even': 'not shown to differ from'}


class Paths(NamedTuple):
    """The files of a search.

    Attributes:
        work_dir: Its work dir; None if unknown.
        configs: The configs with the best losses, one a task.
        page: Its page; None if there is none.
    """

    work_dir: Path | None
    configs: tuple[Path, ...]
    page: Path | None = None


@dataclass(frozen=True)
class Ending:
    """What a search has come to.

    Attributes:
        verdict: The verdict.
        confirmation: The trainings with fresh seeds; None where there are none.
        best: The best found losses; None if none has a score.
        scale: The metric.
        paths: The files of the search.
        fell: Whether the search has longer trainings, in which no found loss holds.
        stopped: Whether it ended before it was done.
        no_trials: Whether it was to train no candidates.
        no_time: Whether its time was over before it trained any.
    """

    verdict: Verdict
    confirmation: Confirmation | None
    best: Trial | None
    scale: Scale
    paths: Paths
    fell: bool = False
    stopped: bool = False
    no_trials: bool = False
    no_time: bool = False

    def lines(self, width: int) -> dict[str, str]:
        """The lines by their titles; formulas are cut to the width, paths and commands never."""
        return {'found': self._found(width), 'gain': self._gain(), 'use': self._use(), 'next': self._next()}

    def _found(self, width: int) -> str:
        if self.best is None and self.no_trials:
            return 'nothing, as was asked for: budget.max_trials=0 trains the hand-made and known losses alone'
        if self.best is None:
            return self.verdict.text if not self.stopped else 'nothing yet: no searched loss has a score'
        start = f'trial {self.best.number}  '
        return start + cut_formulas(self.best.required_genome.to_text(), width - len(start))

    def _gain(self) -> str:
        verdict, fresh = self.verdict, self.confirmation
        if verdict.word in _OUTCOMES and fresh and fresh.hand_made and verdict.gain is not None:
            seeds = len(fresh.winner.scores.keys() & fresh.hand_made.scores.keys())  # in pairs
            against = f'; {_AGAINST[verdict.over_rival]} {verdict.rival}' if verdict.over_rival in _AGAINST else ''
            direction = '' if self.scale.greater else ', positive is better'
            return (
                f'{verdict.gain:+.4f} {self.scale.metric}{direction} '
                f'(95 % interval {verdict.low:+.4f} to {verdict.high:+.4f}, {seeds} fresh seeds): '
                f'{_OUTCOMES[verdict.word]}{against}'
            )
        if self.best is None:
            return 'none'
        if self.stopped and verdict.word == 'unconfirmed' and verdict.gain is not None:
            return f'{verdict.gain:+.4f} so far, by the scores that choose, which are too high on average'
        return verdict.text

    def _use(self) -> str:
        configs = self.paths.configs
        if not configs:
            return 'your config as it is'
        if self.verdict.word == 'worse':
            return f'your config as it is; {", ".join(map(_near, configs))} has the losses that were found'
        which = 'the best losses of the short trainings' if self.fell else 'ready to train'
        paste = (
            f'; to paste: {_PROGRAM} export {self._folder} --format config'
            if self._folder and len(configs) == 1
            else ''
        )
        return f'{", ".join(map(_near, configs))}: {which}{paste}'

    def _next(self) -> str:
        page = f'; report: {_near(self.paths.page)}' if self.paths.page else ''
        return ('the same command with --resume goes on' if self.stopped else self._advice()) + page

    def _advice(self) -> str:
        word = self.verdict.word
        if self.best is None and self.no_trials:
            return 'the same command with --resume --max-trials 100 searches'
        if self.best is None and self.no_time:
            return 'the same command with --resume and a larger --max-seconds'
        if self.best is None:
            return f'{_PROGRAM} status {self._folder} says why'
        if word == 'worse':
            return 'longer trainings, or more candidates (budget.max_trials)'
        if word == 'better' and len(self.paths.configs) == 1 and self.paths.work_dir:
            config = _near(self.paths.work_dir / 'search_config.py')
            return f'on unseen images: {_PROGRAM} compare {config} --work-dir {self._folder} --results results.csv'
        if word == 'better':
            return 'on unseen images: train these configs and your own, with new seeds'
        if word == 'unconfirmed':
            return 'a verdict: the same command with --resume --cfg-options train_cfg.budget.confirm_seeds=5'
        return 'longer trainings, more scoring images, or more budget.confirm_seeds'

    @property
    def _folder(self) -> str:
        return _near(self.paths.work_dir) if self.paths.work_dir else ''


def _near(path: Path) -> str:
    """A path as a shell reads it, from the current folder where it lies below it."""
    path = path.absolute()
    return shlex.quote(str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path))
