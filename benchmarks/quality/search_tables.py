"""Markdown tables of searches: from packed journals, and from the rows of ``correlate`` and ``strategy_choices.py``."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean

from ablation_summary import Summary, summaries_of
from arm_journals import read_arms
from arms import TITLES

from mmautoloss.report.correlation import Correlation, Pair, kendall

TASKS = {'skewed': 'skewed noise', 'strays': 'wrong labels', 'rare': 'rare classes'}
"""What a table calls the tasks whose truth is known."""


def line(*cells: str) -> str:
    """A row of a table."""
    return re.sub(r' +', ' ', f'| {" | ".join(cells)} |')


def search_table(folder: Path) -> Iterator[str]:
    """A row an arm of the searches on a set, and one of the hand-made losses; no line where there is no search.

    Args:
        folder: With a folder an arm, and in it one a seed.
    """
    summaries = summaries_of(read_arms(folder))
    if not summaries:
        return
    yield line('arm', 'seeds', 'expressions drawn', 'failed', f'best {_metric(summaries)}', 'mean of the five best')
    yield line(*['---'] * 6)
    for each in summaries:
        title = TITLES.get(each.arm, f'`{each.arm}`')
        drawn = f'{mean(each.explored):,.0f}'.replace(',', ' ')
        yield line(title, str(len(each.best)), drawn, _lost(each), _scores(each.best), _mean(each.best_five))
    yield line('hand-made', '', '', '', _mean([score for each in summaries for score in each.baseline]), '')


def _metric(summaries: Sequence[Summary]) -> str:
    return summaries[0].metric.rpartition('/')[2]


def _lost(summary: Summary) -> str:
    """``1 of 24, 6 stopped``: means over searches."""
    text = f'{_count(summary.failed)} of {_count(summary.trained)}'
    return f'{text}, {_count(summary.stopped)} stopped' if any(summary.stopped) else text


def _count(counts: Sequence[int]) -> str:
    return f'{mean(counts):.1f}'.removesuffix('.0')


def _scores(scores: Sequence[float | None]) -> str:
    """Their mean, and each of them in brackets."""
    each = ', '.join('none' if score is None else f'{score:.3f}' for score in scores)
    return f'{_mean(scores)} ({each})' if len(scores) > 1 else _mean(scores)


def _mean(scores: Sequence[float | None]) -> str:
    known = [score for score in scores if score is not None]
    return f'{mean(known):.3f}' if known else '-'


def correlate_table(correlations: Mapping[str, Correlation]) -> Iterator[str]:
    """A row a search and length; no line where there is none."""
    if not correlations:
        return
    yield line(
        *('search', 'times', 'candidates', "Kendall's tau (95 %)", 'of those that work (how many)', 'best few kept'),
        *('hand-made, long', 'of those above it in the search, still above'),
    )
    yield line(*['---'] * 8)
    for name, found in correlations.items():
        search = name.removesuffix(f', {found.times:g} times')
        candidates = f'{len(found.pairs)}, {found.failed} failed' if found.failed else str(len(found.pairs))
        kept = '-' if found.best_kept is None else f'{round(found.best_kept * found.few)} of {found.few}'
        yield line(
            search, f'{found.times:g}', candidates, tau_text(found), _tau_of_working(found), kept, *_by_hand(found)
        )


def tau_text(found: Correlation) -> str:
    """Kendall's tau with its interval; a dash where it is not known."""
    if found.tau is None:
        return '-'
    interval = '' if found.tau_range is None else ' ({:.2f} to {:.2f})'.format(*found.tau_range)
    return f'{found.tau:.2f}{interval}'


def _tau_of_working(found: Correlation) -> str:
    kept = working(found.pairs)
    tau = kendall(kept)
    return '-' if tau is None else f'{tau:.2f} ({len(kept)})'


def working(pairs: Sequence[Pair]) -> list[Pair]:
    """Those whose long score is at least half of the best one; none where the scores are errors, below zero."""
    scored = [pair for pair in pairs if pair.long is not None]
    best = max((pair.long for pair in scored), default=0.0)
    return [pair for pair in scored if pair.long >= best / 2] if best > 0 else []


def _by_hand(found: Correlation) -> tuple[str, str]:
    if found.hand_made is None:
        return '', ''
    if found.hand_made.long is None:
        return 'failed', ''
    return f'{found.hand_made.long:.3f}', f'{found.stay_above} of {found.above}'


def strategy_table(path: Path) -> Iterator[str]:
    """A row a setting of ``strategy_choices.py``, with the shares of each task; no line where there is no file."""
    if not path.exists():
        return
    shares: dict[str, dict[str, list[float]]] = {}
    with path.open(newline='', encoding='utf-8') as file:
        for row in csv.DictReader(file):
            shares.setdefault(row['setting'], {}).setdefault(row['task'], []).append(float(row['share']))
    tasks = list(dict.fromkeys(task for of_tasks in shares.values() for task in of_tasks))
    yield line('setting', *(TASKS.get(task, task) for task in tasks))
    yield line(*['---'] * (1 + len(tasks)))
    for setting, of_tasks in shares.items():
        yield line(f'`{setting}`' if '=' in setting else setting, *(_shares(of_tasks.get(task, [])) for task in tasks))


def _shares(shares: Sequence[float]) -> str:
    return f'{mean(shares):.2f} ({", ".join(f"{share:.2f}" for share in shares)})' if shares else '-'
