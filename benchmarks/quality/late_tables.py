"""The tables of ``benchmarks/late.py``: titles, rows, and what they mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from agreement import Tau, noise_of, tau_between_seeds
from late_gain import Gain, best, gain_of
from recorded import Condition, RecordedTable
from selection import Draw, draws_of, regret_of, worth_of
from selection_rules import Rule, Stage, rules_of
from tables import print_table

from mmautoloss.report.result_row import CHECKPOINT

FEW = (1, 3, 6, 12)
"""How many of the best are kept, in the table of regrets."""

POOL = 0.5
"""The share of the recorded losses that a simulated search meets."""


class Section(NamedTuple):
    """One table with what must be known to read it."""

    title: str
    text: str
    titles: tuple[str, ...]
    rows: list[tuple[str, ...]]

    def show(self) -> None:
        """Prints it."""
        print(f'\n{self.title}\n{self.text}\n')
        print_table(self.titles, self.rows, left=self.titles[:1])


def sections(table: RecordedTable, draws: int, budget: int | None = None) -> Iterator[Section]:
    """All tables, one after the other.

    Args:
        table: What was recorded.
        draws: Samples of the bootstrap, and searches of each rule.
        budget: Iterations of a search where all rules have the same; None: those of the funnel.
    """
    yield _agreement(table, draws)
    yield from (_regret(table, target) for target in (table.full, table.late))
    yield _gains(table, draws)
    yield _same_losses(table, draws)
    yield _same_iterations(table, draws, _funnel_cost(table) if budget is None else budget)
    yield _noise(table)


def _targets(table: RecordedTable) -> list[Condition]:
    """All along, late, and from a checkpoint."""
    checkpoints = [each for each in table.conditions if each.begin.startswith(CHECKPOINT)]
    return [table.full, table.late, *checkpoints]


def _agreement(table: RecordedTable, draws: int) -> Section:
    works = table.works(table.scores[table.full].mean(axis=1))
    working = f'all along, the {works.sum()} that work'
    rows = []
    for one in table.conditions:
        taus = [tau_between_seeds(table.scores[one], table.scores[target], draws) for target in _targets(table)]
        taus.append(tau_between_seeds(table.scores[one][works], table.scores[table.full][works], draws))
        rows.append((table.label(one), *map(_tau, taus)))
    return Section(
        "Kendall's tau between a training with one seed and another with another seed (95 %)",
        'All along with all along is the ceiling of what one training can know of another, late with late its own noise. '
        'Those\nthat work have at least 75 % of the best mean all along.',
        ('training', *(table.label(target) for target in _targets(table)), working),
        rows,
    )


def _tau(tau: Tau) -> str:
    return '-' if tau.value is None else f'{tau.value:.2f} ({tau.low:.2f} to {tau.high:.2f})'


def _regret(table: RecordedTable, target: Condition) -> Section:
    rows = []
    for one in table.conditions:
        for seeds in (1, 2):
            rule = Rule(table.label(one), tuple(Stage(one, None, seed) for seed in range(seeds)))
            regrets = (regret_of(table, rule, target, few) for few in FEW)
            rows.append((rule.name, str(seeds), *('-' if each is None else f'{each:.4f}' for each in regrets)))
    return Section(
        f'Regret {_where(table, target)}: the best loss of all minus the best of the few that were chosen',
        'The few are chosen by one training, or the mean of two seeds, and judged by one training that chose nothing; -: '
        'there\nis none. The best of all is so by chance in part: the same training with another seed has a regret, too.',
        ('chosen by', 'seeds', *(f'best {few}' for few in FEW)),
        rows,
    )


def _where(table: RecordedTable, target: Condition) -> str:
    return 'all along' if target == table.full else f'in the tail alone ({table.label(target)})'


def main_gain(table: RecordedTable, draws: int) -> Gain | None:
    """The gain of the losses that work all along."""
    return gain_of(table, table.full, table.works, draws)


def _gains(table: RecordedTable, draws: int) -> Section:
    late = table.label(table.late)
    named = {
        'work all along (75 % of the best)': main_gain(table, draws),
        f'work {late} (75 % of the best)': gain_of(table, table.late, table.works, draws),
        'best 10 all along': gain_of(table, table.full, best(10), draws),
        f'best 10 {late}': gain_of(table, table.late, best(10), draws),
    }
    rows = [(name, *_gain(gain)) for name, gain in named.items()]
    if table.hand_made:
        gains = table.judged_hand_made(table.late) - table.judged_hand_made(table.full)
        above = f'{np.mean(gains > 0):.2f}'
        rows.append(('hand-made', '1', f'{gains.mean():+.4f}', '-', f'{np.median(gains):+.4f}', above))
    return Section(
        f'Gain of the tail alone: {late} minus the same loss all along',
        'One seed chooses the losses, the others tell the gain, in turns. That of the hand-made losses, which train alike '
        'before,\nis what the schedule of the learning rate alone does.',
        ('losses', 'count', 'mean gain', '95 %', 'median', 'share above 0'),
        rows,
    )


def _gain(gain: Gain | None) -> tuple[str, ...]:
    if gain is None:
        return ('0', '-', '-', '-', '-')
    interval = f'{gain.low:+.4f} to {gain.high:+.4f}'
    return f'{gain.losses:.4g}', f'{gain.mean:+.4f}', interval, f'{gain.median:+.4f}', f'{gain.above:.2f}'


def _same_losses(table: RecordedTable, draws: int) -> Section:
    pool = draws_of(table, POOL, draws)
    count = len(pool[0].losses)
    met = [(rule, max(1, round(rule.share * count))) for rule in rules_of(table)]
    return Section(
        f'Rules on the same losses: {draws} searches, each with {count} random losses of {len(table.losses)}',
        'Regret and hits of the best three are against all losses of the search, by a training that chose nothing.',
        *_rules(table, met, pool),
    )


def _same_iterations(table: RecordedTable, draws: int, budget: int) -> Section:
    pool = draws_of(table, 1.0, draws)
    count = len(table.losses)
    met = [(rule, rule.affordable(budget, count)) for rule in rules_of(table) if rule.share == 1]
    return Section(
        f'Rules for {budget} iterations ({budget / table.full.iterations:.3g} N): {draws} searches, each with as many '
        'random losses as these pay for',
        'Regret and hits of the best three are against all recorded losses, of which a cheap rule has no more.',
        *_rules(table, [(rule, losses) for rule, losses in met if losses], pool),
    )


def _funnel_cost(table: RecordedTable) -> int:
    """Iterations of the dearest rule with several stages on its share of the losses."""
    return max(rule.cost(round(POOL * len(table.losses))) for rule in rules_of(table) if _is_funnel(rule))


def _is_funnel(rule: Rule) -> bool:
    return any(stage.keep is not None for stage in rule.stages)


def _rules(
    table: RecordedTable, met: Sequence[tuple[Rule, int]], draws: Sequence[Draw]
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The titles and rows of rules, each with its number of losses."""
    titles = ('rule', 'losses', 'iterations', 'all along', 'regret', 'top 3')
    rows = []
    for rule, losses in met:
        cells = chain.from_iterable(_worth(table, rule, target, draws, losses) for target in (table.full, table.late))
        rows.append((rule.name, str(losses), str(rule.cost(losses)), *cells))
    return (*titles, table.label(table.late), 'regret', 'top 3'), rows


def _worth(table: RecordedTable, rule: Rule, target: Condition, draws: Sequence[Draw], losses: int) -> tuple[str, ...]:
    worth = worth_of(table, rule, target, draws, losses)
    return ('-',) * 3 if worth is None else (f'{worth.score:.4f}', f'{worth.regret:.4f}', f'{worth.top:.2f}')


def _noise(table: RecordedTable) -> Section:
    rows = []
    for condition in table.conditions:
        scores = table.scores[condition]
        for name, kept in (('all', scores), ('that work', scores[table.works(scores.mean(axis=1))])):
            failed = np.isinf(kept).any(axis=1).sum()
            tau = tau_between_seeds(kept, kept, draws=1).value
            cells = (*_noise_cells(kept), str(failed), '-' if tau is None else f'{tau:.2f}')
            rows.append((table.label(condition), name, *cells))
    return Section(
        'Noise: standard deviations of seeds and of losses, and what a single score says',
        'One-way random effects of the losses that never failed; share: of the losses in the variance of one training. '
        'Those that\nwork have at least 75 % of the best mean of the condition; tau counts the failed ones as worst.',
        ('training', 'losses', 'count', 'mean', 'sd of losses', 'sd of seeds', 'share', 'failed', 'tau of two seeds'),
        rows,
    )


def _noise_cells(scores: np.ndarray) -> tuple[str, ...]:
    noise = noise_of(scores)
    if noise is None:
        return ('-',) * 5
    share = '-' if noise.share is None else f'{noise.share:.2f}'
    return str(noise.losses), f'{noise.mean:.4f}', f'{noise.of_losses:.4f}', f'{noise.of_seeds:.4f}', share
