"""The content of the page from the facts of a search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from mmautoloss.report.facts import Facts
from mmautoloss.report.facts.ancestry import ancestry_of
from mmautoloss.report.facts.failures import example_of
from mmautoloss.report.facts.seeds import FRESH, of_one_length
from mmautoloss.report.facts.table import Table
from mmautoloss.report.figures import Figure, Picture
from mmautoloss.report.figures.funnel import draw_funnel
from mmautoloss.report.figures.lengths import draw_lengths
from mmautoloss.report.figures.operators import draw_operators
from mmautoloss.report.figures.progress import draw_progress
from mmautoloss.report.figures.relay import draw_relay
from mmautoloss.report.figures.seeds import draw_seeds
from mmautoloss.report.figures.sizes import draw_sizes
from mmautoloss.report.figures.stages import draw_stages
from mmautoloss.report.figures.yields import draw_yields
from mmautoloss.report.page.content import Finalist, Report
from mmautoloss.report.page.sheets import sheets_of
from mmautoloss.trial import History, Role


def build_report(facts: Facts, history: History, work_dir: str, made: str, folder: str) -> Report:
    """The page of a search, without portraits and pictures.

    Args:
        facts: Facts of the search.
        history: Its trials.
        work_dir: Its work dir.
        made: Human-readable time of the report.
        folder: Name of the folder for the tables, next to the page.
    """
    return Report(
        title=title_of(facts.describe, facts.scale.metric),
        work_dir=work_dir,
        made=made,
        folder=folder,
        facts=facts,
        finalists=tuple(_finalists(facts, history)),
        figures={figure.name: figure for figure in _figures(facts) if figure},
        sheets={sheet.name: sheet for sheet in sheets_of(facts)},
        failures=tuple((failure, example_of(failure, history)) for failure in facts.status.failures),
    )


def with_portraits(
    report: Report,
    portraits: Mapping[int, Sequence[Figure]],
    pictures: Mapping[int, Sequence[Picture]],
    notes: Sequence[str] = (),
) -> Report:
    """The page with drawings and pictures of finalists, by number of the trial; ``notes`` explain what is missing."""
    finalists = tuple(
        replace(
            finalist,
            portraits=tuple(portraits.get(finalist.trial, ())),
            pictures=tuple(pictures.get(finalist.trial, ())),
        )
        for finalist in report.finalists
    )
    return replace(report, finalists=finalists, notes=(*report.notes, *notes))


def title_of(describe: Mapping[str, str], metric: str) -> str:
    """The title of the page.

    Example:
        >>> title_of({'task': 'detection', 'network': 'faster_rcnn', 'set': 'digits'}, 'coco/bbox_mAP')
        'Losses of faster_rcnn on digits, for coco/bbox_mAP'
        >>> title_of({}, 'mIoU')
        'Losses for mIoU'
    """
    of = f' of {describe["network"]}' if describe.get('network') else ''
    on = f' on {describe["set"]}' if describe.get('set') else ''
    return f'Losses{of}{on}{"," * bool(of or on)} for {metric}'


def _finalists(facts: Facts, history: History) -> Iterator[Finalist]:
    summary = {row['losses']: row for row in facts.tables['finalists'].to_json()}
    seeds = facts.tables['seeds'].to_json()
    for trial in facts.ranking:
        name = f'trial {trial.number}'
        fresh = 'fresh_' if summary[name]['fresh_seeds'] else ''
        rows = of_one_length([row for row in seeds if row['losses'] == name])
        yield Finalist(
            trial=trial.number,
            origin=trial.origin if trial.parent is None else f'{trial.origin} of trial {trial.parent}',
            mean=summary[name][f'{fresh}mean'],
            spread=summary[name][f'{fresh}spread'],
            scores=tuple(row['score'] for row in rows if row['role'] == FRESH or not fresh),
            chosen_by=tuple(row['score'] for row in rows if row['chosen_by']),
            fresh=bool(fresh),
            times=rows[0]['times'] if rows else 1,
            losses=facts.losses[trial.number],
            ancestry=ancestry_of(history, trial, facts.scale),
        )


def _figures(facts: Facts) -> Iterator[Figure | None]:
    tables, scale = facts.tables, facts.scale
    yield draw_progress(tables['progress'], scale, 'trials')
    yield draw_progress(tables['progress'], scale, 'hours')
    yield draw_seeds(tables['seeds'], scale)
    yield draw_lengths(tables['lengths'], scale)
    yield draw_relay(tables['relay'], _baseline(tables['seeds']), scale)
    yield draw_sizes(tables['sizes'], _baseline(tables['seeds']), scale)
    yield draw_operators(tables['operators'])
    yield draw_funnel(tables['funnel'])
    yield draw_yields(tables['yields'])
    yield draw_stages(tables['stages'])


def _baseline(seeds: Table) -> list[float]:
    return [row['score'] for row in seeds.to_json() if row['role'] == Role.BASELINE.value]
