"""How many expressions are screened a minute, and are the verdicts the same?

(a) The published protocol, run plainly: each expression is descended in PyTorch to the last step, one after the other,
without static test and without memory. (b) The screen of a search, ``FastScreen``. Both judge the same expressions in turns,
half of them fresh graphs, half of them mutations of accepted ones, on probes of each kind at the size of real training. The
seconds of the two halves are then weighted as a search draws them: at the published rates, until one is accepted. So nearly
all are fresh graphs, since few of these are.

    python benchmarks/speed/screening.py [--quick] [--probes work_dirs/.../probes.pt] [--plot FILE.png]

The last line is one JSON object: ``ratio`` (seconds of (a) over seconds of (b), the same number of expressions for each
probe), ``ratio_fresh`` and ``ratio_chain`` (that of each half), ``kept`` (share of what (a) accepts that (b) accepts too),
``refused`` (share of what (a) rejects that (b) rejects too), both unweighted, and ``growth_mb`` (growth of the process while
(b) explores a million expressions, with ``--quick`` seventy thousand).
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from statistics import fmean as mean
from typing import NamedTuple

import torch
from candidates import chain, fresh
from memory import MB, resident
from probes import KNOWN, KNOWN_OF_INPUTS, made_up_probes

from mmautoloss.expr import Tree, parse
from mmautoloss.losses import SearchedLoss, plain_loss
from mmautoloss.screen import FastScreen, Probe, RejectionTest, load_probes

FRESH_RATE = 0.5 / 0.9
"""Of children that are not copies, how many are drawn afresh, as published; the others are mutants."""


class Judged(NamedTuple):
    """An expression, judged by both.

    Attributes:
        drawn: ``fresh`` or ``chain``.
        tree: The expression.
        plain: Whether (a) accepts it.
        fast: Whether (b) does.
        plain_seconds: What (a) took.
        fast_seconds: What (b) took.
    """

    drawn: str
    tree: Tree
    plain: bool
    fast: bool
    plain_seconds: float
    fast_seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true', help='under 50 s on two cores')
    parser.add_argument('--probes', type=Path, help='probes.pt of a real search, instead of the made-up ones')
    parser.add_argument('--seconds', type=float, default=600.0, help='how long (a) may take for one probe')
    parser.add_argument('--plot', type=Path, help='draws the gains against the steps into this file')
    options = parser.parse_args()
    torch.set_num_threads(2)
    probes = load_probes(options.probes) if options.probes else made_up_probes()
    seconds = 20 / len(probes) if options.quick else options.seconds
    growth, chances = explore(probes, 70_000 if options.quick else 1_000_000)
    results = [compare(name, probe, seconds, chances[name]) for name, probe in probes.items()]
    if options.plot:
        from screening_plot import plot_gains

        trees = {name: [row.tree for row in result.rows] for name, result in zip(probes, results, strict=True)}
        plot_gains(trees, probes, options.plot)
    rows = [row for result in results for row in result.rows]
    ratios = {'ratio': sum(result.plain for result in results) / sum(result.fast for result in results)}
    for drawn in ('fresh', 'chain'):
        ratios[f'ratio_{drawn}'] = ratio_of(drawn, results)
    found = {key: round(value, 1) for key, value in ratios.items()}
    print(json.dumps({**found, **agreement(rows), 'growth_mb': round(growth, 1)}))


def ratio_of(drawn: str, results: list[Compared]) -> float:
    """Seconds of (a) over seconds of (b) for one way of drawing, the same number of expressions for each probe."""
    plain, fast = (
        sum(mean([getattr(row, key) for row in result.rows if row.drawn == drawn]) for result in results)
        for key in ('plain_seconds', 'fast_seconds')
    )
    return plain / fast


class Compared(NamedTuple):
    """A probe.

    Attributes:
        rows: All that was judged.
        plain: Seconds of (a) for an expression as a search draws it.
        fast: Seconds of (b).
    """

    rows: list[Judged]
    plain: float
    fast: float


def compare(name: str, probe: Probe, seconds: float, chance: float) -> Compared:
    """Judges expressions in turns, for some seconds of (a); as many fresh ones as mutants.

    Args:
        name: Name of the probe.
        probe: The probe.
        seconds: How long (a) may take.
        chance: Share of fresh graphs that are accepted.
    """
    test = RejectionTest(early=0)
    screen = warm(name, probe, test)
    sample = test.sample(probe)
    streams = {'fresh': fresh(probe.kind.names, 0), 'chain': mutants(name, probe, screen)}
    judge('warm', parse(hand_made(name, probe)), probe, test, sample, screen)  # torch loads much at its first call
    rows: list[Judged] = []
    while sum(row.plain_seconds for row in rows) < seconds:
        rows += [judge(drawn, next(stream), probe, test, sample, screen) for drawn, stream in streams.items()]
    halves = [[row for row in rows if row.drawn == drawn] for drawn in streams]
    for drawn, half in zip(streams, halves, strict=True):
        report(f'{name}, {drawn}', half)
    draws = FRESH_RATE / chance, (1 - FRESH_RATE) / max(mean([row.fast for row in halves[1]]), 1 / len(rows))
    plain, fast = (
        sum(count * mean([getattr(row, key) for row in half]) for count, half in zip(draws, halves, strict=True))
        / sum(draws)
        for key in ('plain_seconds', 'fast_seconds')
    )
    print(
        f'{name}: {draws[0] / sum(draws):.1%} of what a search draws are fresh; ratio {plain / fast:.0f}', flush=True
    )
    return Compared(rows, plain, fast)


def judge(drawn: str, tree: Tree, probe: Probe, test: RejectionTest, sample, screen: FastScreen) -> Judged:
    """Judges one expression by both."""
    began = time.perf_counter()
    fast = screen.judge(tree).accepted
    middle = time.perf_counter()
    plain = test.gain(plain_loss(tree, probe.inputs), probe, sample) >= test.eta
    return Judged(drawn, tree, plain, fast, time.perf_counter() - middle, middle - began)


def warm(name: str, probe: Probe, test: RejectionTest) -> FastScreen:
    """A screen whose code is compiled, and that remembers nothing."""
    known = SearchedLoss(hand_made(name, probe), inputs=probe.inputs)
    FastScreen(probe, test, known).judge(known.graph.tree)
    return FastScreen(probe, test, known)


def mutants(name: str, probe: Probe, screen: FastScreen) -> Iterator[Tree]:
    """Mutants of what the screen accepts (it remembers its verdicts: asking again costs next to nothing)."""
    return chain(probe.kind.names, hand_made(name, probe), lambda tree: screen.judge(tree).accepted, 0)


def hand_made(name: str, probe: Probe) -> str:
    return KNOWN.get(name, KNOWN_OF_INPUTS[probe.inputs])


def explore(probes: Mapping[str, Probe], count: int) -> tuple[float, dict[str, float]]:
    """Explores fresh graphs, shared out over the probes.

    Returns:
        Megabytes by which the process grows, and the share that is accepted, by probe.
    """
    screens = {name: warm(name, probe, RejectionTest(early=0)) for name, probe in probes.items()}
    for name, screen in screens.items():  # the tables take their size
        for tree in [*islice(fresh(screen.kind.names, 1), 2000), *islice(mutants(name, screen.probe, screen), 20)]:
            screen.judge(tree)
    gc.collect()
    before, began = resident(), time.perf_counter()
    each = count // len(screens)
    accepted = {
        name: sum(screen.judge(tree).accepted for tree in islice(fresh(screen.kind.names, 2), each))
        for name, screen in screens.items()
    }
    rate = 60 * each * len(screens) / (time.perf_counter() - began)
    gc.collect()
    growth = (resident() - before) / MB
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    total = each * len(screens)
    print(f'{total} fresh graphs: {rate:,.0f} a minute, drawn and judged; growth {growth:.1f} MB, peak {peak:.0f} MB')
    return growth, {name: (found + 1) / (each + 1) for name, found in accepted.items()}


def agreement(rows: list[Judged]) -> dict[str, float]:
    """The shares of (a)'s verdicts that (b) shares."""
    kept = [row.fast for row in rows if row.plain]
    refused = [not row.fast for row in rows if not row.plain]
    return {'kept': round(mean(kept), 4) if kept else 1.0, 'refused': round(mean(refused), 4) if refused else 1.0}


def report(title: str, rows: list[Judged]) -> None:
    """A line of numbers, and the expressions on which the two disagree."""
    plain, fast = (sum(getattr(row, key) for row in rows) for key in ('plain_seconds', 'fast_seconds'))
    found = agreement(rows)
    print(
        f'{title}: {len(rows)} expressions, {sum(row.plain for row in rows)} accepted by (a); a minute '
        f'{60 * len(rows) / plain:,.0f} (a), {60 * len(rows) / fast:,.0f} (b), ratio {plain / fast:.0f}; '
        f'kept {found["kept"]:.2%}, refused {found["refused"]:.2%}'
    )
    for row in rows:
        if row.plain != row.fast:
            print(f'    {"lost" if row.plain else "let through"}: {row.tree}')


if __name__ == '__main__':
    main()
