"""A settled trial in one line of a given width."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import mean

from rich.text import Text

from mmautoloss.losses import name_of
from mmautoloss.report.labels import label_of
from mmautoloss.report.live.columns import cut, cut_formulas
from mmautoloss.report.live.full_lines import failure_of, leads, log_of, rung_of, values_of, word_of
from mmautoloss.report.tasks import awaits_yardstick, is_measured
from mmautoloss.report.words import short_span
from mmautoloss.trial import History, Role, Scale, State, Trial

_SCORE, _DIFFERENCE, _TIME = 8, 9, 8
"""Columns of the numbers."""


def short_line(
    trial: Trial, history: History, sign: int, width: int, scales: Mapping[str, Scale], work_dir: Path | None
) -> Text:
    """The line: number, role, score, its difference from the hand-made losses, time, and what is new in its losses.

    Args:
        trial: A settled trial.
        history: All trials.
        sign: 1 where higher values of the metric are better, else -1.
        width: Columns that the line may have.
        scales: The metric of each task; none in a search of one.
        work_dir: Has the logs of failed trials; None if unknown.
    """
    head = f'{trial.number:4d} {word_of(trial):8s} '
    result, style = _result(trial, history, sign, work_dir)
    result += values_of(trial, scales) if trial.state is State.COMPLETE else ''
    losses = _losses(trial, history, width - len(head) - len(result) - 2)
    parts, room = [], width
    for text, look in ((head, ''), (result, style), ('  ' + losses if losses else '', 'dim' * (trial.genome is None))):
        parts.append((cut(text, room), look))
        room = max(0, room - len(text))
    return Text.assemble(*parts)


def _result(trial: Trial, history: History, sign: int, work_dir: Path | None) -> tuple[str, str]:
    """The outcome, and its style."""
    seconds = f'{short_span(trial.required_outcome.seconds):>{_TIME}}'
    if trial.state is State.FAILED:
        spared = f' as {trial.required_outcome.reason}'
        return f'failed{spared if trial.was_spared else f"{log_of(trial, work_dir)}: {failure_of(trial)}"}', 'red'
    if trial.state is State.STOPPED:
        return f'stopped: {rung_of(trial, sign)} at the rung {seconds.strip()}', 'yellow'
    if not is_measured(trial):  # the first hand-made losses of several tasks, before there is a score
        return f'{"":{_SCORE + _DIFFERENCE + 1}}{seconds}', 'default'
    reference = _reference(trial, history)
    score, difference = f'{sign * trial.required_score:{_SCORE}.4f}', ''
    if reference is not None:
        difference = f'{sign * (trial.required_score - reference):+.4f}'
    return f'{score}{difference:>{_DIFFERENCE}} {seconds}', 'bold green' if leads(trial, history) else 'default'


def _reference(trial: Trial, history: History) -> float | None:
    """The score of the hand-made losses with the same seed in a training of the same kind; without it the mean of theirs.

    Seeds often differ by more than losses, so the same seed is the fairer comparison. None where there is none: a leg is a
    part of a training, and goes on from others.
    """
    baseline = history.of_role(Role.BASELINE)
    if trial.genome is None or trial.role is Role.LEG or not baseline:
        return None
    number = baseline[0].number
    if trial.role is Role.LONGER:
        runs = history.longer(number, trial.times)
    elif trial.role is Role.CONFIRM:
        runs = list(history.confirmations(number, trial.times).values())
    else:
        runs = [] if awaits_yardstick(history) else list(baseline)
    scores = {run.seed: run.score for run in runs if run.score is not None}
    return scores.get(trial.seed, mean(scores.values()) if scores else None)


def _losses(trial: Trial, history: History, width: int) -> str:
    """What is new in its losses; nothing of a failed one, which has the reason there."""
    if trial.state is State.FAILED:
        return ''
    if trial.genome is None:
        return cut(f'hand-made losses, seed {trial.seed}', width)
    earlier = _earlier(trial.repeats, history)
    if earlier and earlier.genome == trial.genome:  # in a comparison, the number is that of a trial of the search
        return cut(f'{label_of(earlier)} again, seed {trial.seed}', width)
    texts = trial.genome.to_text()
    names = {name_of(tree) for tree in trial.genome.values()}
    if trial.role is Role.KNOWN and None not in names:
        return cut(' + '.join(sorted(map(str, names))), width)
    parent = _earlier(trial.parent, history) if trial.repeats is None else None
    if parent is None or parent.genome is None:
        return cut_formulas(texts, width)
    before = parent.genome.to_text()
    changed = {branch: text for branch, text in texts.items() if before.get(branch) != text}
    start = f'of {trial.parent}  '
    return start + cut_formulas(changed, width - len(start)) if changed else cut(f'a copy of {trial.parent}', width)


def _earlier(number: int | None, history: History) -> Trial | None:
    return history[number] if number is not None and number < len(history) else None
