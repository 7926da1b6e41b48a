"""Which settings of the rejection test tell good losses from poor ones? Judged on losses that were trained unseen by it.

    python benchmarks/quality/ablation.py run CONFIG --out POOL --arms untested --max-trials 96 --seeds 0
    python benchmarks/quality/screen_choices.py CONFIG POOL/untested/0/journal.jsonl [--cfg-options data_root=...]

The first command searches without the test, so that all kinds of losses are trained, mutants of known ones above all. The
second judges them, as they were trained, by the test with one setting changed at a time, and some with two. Good are those
that score at least 0.9 times as much as the hand-made losses, poor those that failed or score less than half.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import torch
from arm_journals import read_record
from mmengine.config import DictAction
from tables import print_table, write_rows

from mmautoloss.engine import load_search_config, spec_of
from mmautoloss.engine.config.spec import SearchSpec
from mmautoloss.engine.search_run import build_evaluator
from mmautoloss.proxy import Begin, ProxyEvaluator, Trunks, capture_probes
from mmautoloss.trial import History, Role, State, Trial

VARIED = {
    'eta': (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
    'steps': (10, 20, 40, 100, 200),
    'lr': (0.05, 0.1, 0.2, 0.4),
    'samples': (2, 5, 10, 20),
    'start': ('scattered', 'captured'),
    'optimizer': ('normalized', 'adam', 'sgd'),
}
TOGETHER = ({'steps': 100, 'eta': 0.4}, {'steps': 100, 'eta': 0.6})
SETTINGS: dict[str, dict[str, Any]] = {
    ', '.join(f'{key}={value}' for key, value in changes.items()): changes
    for changes in [*({key: value} for key, values in VARIED.items() for value in values), *TOGETHER]
}
"""Changes of ``screen`` by name."""


class Judgement(NamedTuple):
    """How a setting judges.

    Attributes:
        setting: Its name and value.
        kept: Share of the good losses that it accepts.
        refused: Share of the poor ones that it rejects.
        between: Share of the others that it accepts.
        milliseconds: Mean time of a verdict on one branch.
    """

    setting: str
    kept: float
    refused: float
    between: float
    milliseconds: float


def trained(history: History) -> tuple[list[Trial], list[Trial], list[Trial]]:
    """Candidates that were trained, by what came of them: good, poor, and between."""
    bar = mean(history.baseline_scores())
    if bar <= 0:
        raise SystemExit(
            'Good and poor are told by shares of the hand-made score, so the metric must be one to be raised.'
        )
    candidates = [t for t in history.settled() if t.role is Role.SEARCH and not t.was_spared]
    good = [t for t in candidates if t.state is State.COMPLETE and t.score >= 0.9 * bar]
    poor = [t for t in candidates if t.state is not State.COMPLETE or t.score < 0.5 * bar]
    return good, poor, [t for t in candidates if t not in good and t not in poor]


def judge(
    spec: SearchSpec, evaluator: ProxyEvaluator, groups: Sequence[Sequence[Trial]], begin: Begin | None = None
) -> tuple[list[float], float]:
    """The accepted share of each group, and seconds a verdict."""
    screen = spec.screen
    probes = capture_probes(
        evaluator.runner, spec.branches, screen.samples, spec.search.seed, screen.side, spec.proxy.keys, begin
    )
    screens = spec.screen.build(probes, evaluator.hand_made)
    begin = time.perf_counter()
    accepted = [
        [all([screens[name].judge(tree).accepted for name, tree in trial.genome.items()]) for trial in group]
        for group in groups
    ]
    seconds = time.perf_counter() - begin
    verdicts = sum(map(len, groups)) * len(spec.branches)
    return [mean(each) if each else float('nan') for each in accepted], seconds / verdicts


def trunk_of(journal: Path) -> Begin | None:
    """The trunk of a search that began at one; it lies in the work dir of the journal."""
    trunks = [trial for trial in read_record(journal).history.of_role(Role.TRUNK) if trial.score is not None]
    saved = trunks[0].required_outcome.saved if trunks else None
    return Begin(Trunks(journal.parent / 'trunks').load(saved)) if saved else None


def judgements(args: argparse.Namespace, groups: Sequence[Sequence[Trial]]) -> Iterator[Judgement]:
    """The chosen ones of ``SETTINGS`` one after the other, all else as in the config."""
    with tempfile.TemporaryDirectory() as folder:
        evaluator = build_evaluator(_spec(args, folder, {}))
        begin = trunk_of(args.journal)
        torch.set_num_threads(1)
        for setting in args.settings:
            (kept, poor, between), seconds = judge(_spec(args, folder, SETTINGS[setting]), evaluator, groups, begin)
            yield Judgement(setting, kept, 1 - poor, between, 1000 * seconds)


def _spec(args: argparse.Namespace, folder: str, screen: Mapping[str, object]) -> SearchSpec:
    given = {f'screen__{key}': value for key, value in screen.items()}
    return spec_of(load_search_config(args.config, folder, args.cfg_options, **given))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='the search config')
    parser.add_argument('journal', type=Path, help='journal of its search without the test, also packed')
    parser.add_argument('--settings', nargs='+', choices=SETTINGS, default=list(SETTINGS), metavar='SETTING')
    parser.add_argument('--csv', type=Path, help='a row a setting')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={}, metavar='K=V')
    args = parser.parse_args()
    groups = trained(read_record(args.journal).history)
    print('{} good, {} poor, {} between'.format(*map(len, groups)), flush=True)
    printed, filed = [], []
    for each in judgements(args, groups):
        filed.append((each.setting, *(round(number, 4) for number in each[1:])))
        if args.csv:  # after each, since all of it takes long
            write_rows(args.csv, Judgement._fields, filed)
        printed.append((each.setting, *(f'{number:.2f}' for number in each[1:])))
    print_table(('setting', 'good kept', 'poor refused', 'between kept', 'ms a verdict'), printed, left=('setting',))


if __name__ == '__main__':
    main()
