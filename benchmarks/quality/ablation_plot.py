"""The figure of an ablation: best score over trainings and over hours, mean over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from ablation_summary import Summary
from arms import ARMS

COLOURS = (
    '#888888',
    '#b07aa1',
    '#e15759',
    '#f28e2b',
    '#edc948',
    '#4e79a7',
    '#76b7b2',
    '#59a14f',
    '#ff9da7',
    '#9c755f',
)


def plot(summaries: Sequence[Summary], path: Path) -> bool:
    """Draws two panels a set, in the format of the file's name; False, and no figure, where there is no search."""
    from matplotlib.figure import Figure

    sets = list(dict.fromkeys(each.set for each in summaries))
    if not sets:
        return False
    figure = Figure(figsize=(9, 3.2 * len(sets)), layout='constrained')
    names = sorted({each.arm for each in summaries}, key=[*ARMS, *(each.arm for each in summaries)].index)
    colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(names)}  # of an arm in all sets
    panels = figure.subplots(len(sets), 2, squeeze=False, sharey='row')
    for name, (left, right) in zip(sets, panels, strict=True):
        of_set = [each for each in summaries if each.set == name]
        for each in of_set:
            _draw(left, right, each, colours[each.arm])
        _decorate(left, right, name, of_set)
    marks = {line.get_label(): line for row in panels for line in row[0].get_lines() if line.get_label() in colours}
    figure.legend([marks[name] for name in names], names, ncols=4, loc='outside lower center', fontsize=8)
    figure.savefig(path, dpi=150)
    return True


def _draw(left: Any, right: Any, each: Summary, colour: str) -> None:
    courses = [course for course in each.over_trainings if course]
    length = min(map(len, courses), default=0)
    steps = [k for k in range(length) if all(course[k] is not None for course in courses)]
    scores = [[course[k] for course in courses] for k in steps]
    left.plot([k + 1 for k in steps], [mean(each) for each in scores], color=colour, label=each.arm)
    if len(courses) > 1:
        ends = ([min(each) for each in scores], [max(each) for each in scores])
        left.fill_between([k + 1 for k in steps], *ends, color=colour, alpha=0.12, linewidth=0)
    for course in each.over_hours:
        known = [(hours, best) for hours, best in course if best is not None]
        right.step(*zip(*known, strict=True), where='post', color=colour, alpha=0.7) if known else None


def _decorate(left: Any, right: Any, name: str, summaries: Sequence[Summary]) -> None:
    baseline = [score for each in summaries for score in each.baseline]
    for panel in (left, right):
        panel.grid(alpha=0.3)
        if baseline:
            panel.axhspan(min(baseline), max(baseline), color='black', alpha=0.08, linewidth=0)
            panel.axhline(mean(baseline), color='black', linewidth=1, linestyle='--')
    left.set_title(f'{name}: mean and range over seeds')
    left.set_ylabel(f'best {summaries[0].metric.rpartition("/")[2]}')
    left.set_xlabel('trainings')
    right.set_xlabel('hours of search, a line a seed')
