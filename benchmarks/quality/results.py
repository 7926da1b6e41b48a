"""The tables and figures of the pages of results (``PAGES``), made again from the rows that the tools filed.

    python benchmarks/quality/results.py tables --set camvid
    python benchmarks/quality/results.py page
    python benchmarks/quality/results.py figures

``tables`` prints, as Markdown, every comparison on a test set; ``page`` writes them into the pages, each between two
comments that name it, and with them the tables of searches, from the packed journals of ``docs/results`` and the rows of
``mmautoloss correlate`` and ``strategy_choices.py`` there. ``figures`` draws ``full_length.png`` (found losses in whole
trainings), ``held_out.png`` (other networks that were searched on), ``transfer.png`` (those of ``configs/transfer``),
``correlate.png`` (short against long trainings) and ``ablation.png`` (the search part by part).
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ablation_summary import summaries_of
from arm_journals import read_arms
from comparisons import Comparison, Loss, comparisons_of, split_transfer
from correlation_plot import plot_correlations, read_correlations
from full_length import PARTS, FullLength, full_lengths, full_table, winners_of
from search_tables import correlate_table, line, search_table, strategy_table

from mmautoloss.errors import SetupError
from mmautoloss.report.results import read_results
from mmautoloss.report.statistics import LEAST_SEEDS, Difference

DOCS = Path(__file__).resolve().parents[2] / 'docs'
PAGES = tuple(DOCS / f'{name}.md' for name in ('results', 'short_trainings', 'transfer'))


def main() -> int:
    args = _parse()
    comparisons = comparisons_of(read_results(args.csv))
    if args.command == 'tables':
        chosen = [each for each in comparisons if not args.set or each.set in args.set]
        if not chosen:
            sys.exit(f'{args.csv} has no rows of a test set{" of " + ", ".join(args.set) if args.set else ""}.')
        print('\n\n'.join('\n'.join(markdown(each)) for each in chosen))
        return 0
    if args.command == 'page':
        tables = tables_of(comparisons)
        for page in PAGES:
            page.write_text(filled(page.read_text(encoding='utf-8'), tables), encoding='utf-8')
        return 0
    from ablation_plot import plot
    from results_plot import plot_differences

    args.out.mkdir(parents=True, exist_ok=True)
    full = _full(comparisons)
    whole = {_network(each.searched) for each in full}
    _say(
        args.out / 'full_length.png', plot_differences([each.searched for each in full], args.out / 'full_length.png')
    )
    others = [each for each in comparisons if _network(each) not in whole and each.set not in PARTS]
    held_out, transfer = split_transfer(others)
    _say(args.out / 'held_out.png', plot_differences(held_out, args.out / 'held_out.png'))
    _say(args.out / 'transfer.png', plot_differences(transfer, args.out / 'transfer.png'))
    correlations = read_correlations(sorted(args.correlate.glob('*.csv')))
    _say(args.out / 'correlate.png', plot_correlations(correlations, args.out / 'correlate.png'))
    arms = [arm for folder in sorted(args.ablation.glob('*')) for arm in read_arms(folder)]
    _say(args.out / 'ablation.png', plot(summaries_of(arms), args.out / 'ablation.png'))
    return 0


def _say(path: Path, drawn: bool) -> None:
    print(path if drawn else f'{path}: no rows for it')


def _network(comparison: Comparison) -> tuple[str, str, int]:
    """What was trained, and for how long."""
    return comparison.set, comparison.network, comparison.setting.iterations


def _full(comparisons: Sequence[Comparison], folder: Path = DOCS / 'results') -> list[FullLength]:
    return full_lengths(comparisons, winners_of(sorted((folder / 'journals').glob('*.jsonl.gz'))))


def tables_of(comparisons: Sequence[Comparison], folder: Path = DOCS / 'results') -> dict[str, list[str]]:
    """The lines of all tables, by what a page calls them.

    Args:
        comparisons: Those of the rows.
        folder: Has journals in ``ablation`` and ``choices``, the rows of long trainings in ``correlate``, and those of
            ``strategy_choices.py`` in ``strategy_choices.csv``.
    """
    searches = sorted(path for study in ('ablation', 'choices') for path in (folder / study).glob('*'))
    tables = {
        **{f'table {each.name}': markdown(each) for each in comparisons if len(each.losses) > 1},
        **{f'searches {path.relative_to(folder).as_posix()}': search_table(path) for path in searches},
        'correlate': correlate_table(read_correlations(sorted((folder / 'correlate').glob('*.csv')))),
        'strategy': strategy_table(folder / 'strategy_choices.csv'),
        'full': full_table(_full(comparisons, folder)),
    }
    return {name: told for name, lines in tables.items() if (told := list(lines))}


def filled(page: str, tables: Mapping[str, Sequence[str]]) -> str:
    """A page with its tables.

    A table stands between ``<!-- table SET NETWORK BEGIN METRIC ITERATIONS -->``, ``<!-- searches FOLDER -->``,
    ``<!-- correlate -->``, ``<!-- strategy -->`` or ``<!-- full -->``, and ``<!-- end -->``.

    Raises:
        SetupError: A comment names a table that there is not.
    """

    def fill(found: re.Match[str]) -> str:
        if found[1] not in tables:
            raise SetupError(f'A page may ask for {", ".join(tables) or "no table"}, but asks for {found[1]!r}.')
        return '\n'.join([f'<!-- {found[1]} -->', *tables[found[1]], '<!-- end -->'])

    return re.sub(
        r'<!-- ((?:table|searches|correlate|strategy|full)\b[^\n]*?) -->\n.*?<!-- end -->', fill, page, flags=re.DOTALL
    )


def markdown(comparison: Comparison) -> Iterator[str]:
    """The lines of a table, the best mean of enough seeds in bold."""
    network, best = comparison.network, comparison.best_by_hand
    yield f'**{comparison.set}, {comparison.metric}** (`{network}`, {comparison.setting.length})'
    yield ''
    against = '' if best is None else f' ({_cell(best.label)})'
    titles = ('losses', 'mean', 'spread', 'seeds', 'difference to the hand-made', '95 %', 'verdict')
    yield line(*titles, f'against the best by hand{against}')
    yield line(*['---'] * 8)
    means = [loss.mean for loss in comparison.losses if len(loss.values) >= LEAST_SEEDS]
    top = (max if comparison.greater else min)(means, default=None)
    for loss in comparison.losses:
        value = f'**{loss.mean:.3f}**' if loss.mean == top else f'{loss.mean:.3f}'
        spread = '-' if loss.spread is None else f'{loss.spread:.3f}'
        yield line(_cell(loss.label), value, spread, str(len(loss.values)), *_differences(loss, comparison))


def _differences(loss: Loss, comparison: Comparison) -> tuple[str, str, str, str]:
    hand_made, best = comparison.hand_made, comparison.best_by_hand
    told = ('', '', '')
    if hand_made is not None and loss is not hand_made:
        told = _tell(loss.against(hand_made), comparison.greater)
    if best is None or loss is best:
        return (*told, '')
    difference, interval, word = _tell(loss.against(best), comparison.greater)
    return (*told, f'{difference} ({interval}), {word}' if interval else word)


def _tell(found: Difference | None, greater: bool) -> tuple[str, str, str]:
    if found is None:
        return '', '', 'few seeds'
    return _signed(found.mean), f'{_signed(found.low)} to {_signed(found.high)}', found.word(greater)


def _signed(value: float) -> str:
    """Three digits, or four where the sign, on which the verdict rests, would be that of a zero."""
    text = f'{value:+.3f}'
    return text if float(text) else f'{value:+.4f}'


def _cell(label: str) -> str:
    """Expressions are code in Markdown."""
    return f'`{label}`' if re.search(r'[*(|]', re.sub(r' \(\d+\)$', '', label)) else label


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='command', required=True)
    tables = commands.add_parser('tables', help='print the table of every test set')
    tables.add_argument('--set', nargs='+', help='some data sets instead of all')
    page = commands.add_parser('page', help='put the tables into the three pages')
    figures = commands.add_parser('figures', help='draw the figures')
    figures.add_argument('--correlate', type=Path, default=DOCS / 'results/correlate', metavar='FOLDER')
    figures.add_argument('--ablation', type=Path, default=DOCS / 'results/ablation', metavar='FOLDER')
    figures.add_argument('--out', type=Path, default=DOCS / 'figures', metavar='FOLDER')
    for each in (tables, page, figures):
        each.add_argument('--csv', type=Path, default=DOCS / 'results/results.csv', help='the rows')
    args = parser.parse_args()
    if not args.csv.exists():
        parser.error(f'--csv: there is no file {args.csv}')
    return args


if __name__ == '__main__':
    sys.exit(main())
