"""Which trainings choose losses that are good in whole trainings, or in the tail alone? Rules replayed on recorded losses.

    python benchmarks/late.py [--quick] [--table docs/results/recorded/camvid.csv] [--metric BF1] [--figure late.png]

A table of ``record.py`` has the scores of many losses in short, whole and late trainings with two or more seeds. Nothing is
trained here: rules of selection are simulated on these scores.

- A training that chose never judges: another seed does, or, where a rule has used both seeds of a table with two, a
  training of another kind.
- N is the greatest length; ``0.1 N`` is a training from scratch with its own whole schedule, ``all along`` one of length N,
  ``late0.9`` the tail after a trunk of 0.9 N, whose iterations count once a seed.
- A failed training is the worst and never picked; where it judges it is worth 0, or the lowest score if that is less.
- The hand-made losses are no candidates. Metrics that are errors have a minus.

The last line is one JSON object: ``tau_short`` (Kendall's tau of the shortest trainings with all along, another seed),
``tau_late`` (that of late trainings with all along), ``tail_gain`` (mean score late minus all along of the losses that
work all along); null where it is undefined.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from agreement import tau_between_seeds
from late_tables import main_gain, sections
from recorded import RecordedTable
from recorded_rows import read_recorded

from mmautoloss.checks import require_number
from mmautoloss.errors import SetupError

RECORDED = Path(__file__).resolve().parents[2] / 'docs/results/recorded'
USUAL = 'camvid.csv'
DRAWS, QUICK_DRAWS = 2000, 300


def main() -> int:
    parser = _parser()
    args = parser.parse_args()
    try:
        if args.budget is not None:
            require_number('--budget', args.budget, above=True)
        table = read_recorded(args.table or find_table(RECORDED), args.metric)
    except SetupError as error:
        parser.exit(2, f'error: {error}\n')
    draws = QUICK_DRAWS if args.quick else DRAWS
    describe(table)
    for section in sections(table, draws, None if args.budget is None else round(args.budget * table.full.iterations)):
        section.show()
    compared = (table.shorter[0], table.late)
    taus = {each: tau_between_seeds(table.scores[each], table.scores[table.full], draws) for each in compared}
    if args.figure:
        from late_plot import plot_conditions

        plot_conditions(table, taus, args.figure)
    gain = main_gain(table, draws)
    short, late = (tau.value for tau in taus.values())
    found = {'tau_short': short, 'tau_late': late, 'tail_gain': None if gain is None else gain.mean}
    print(json.dumps({key: value if value is None else round(value, 4) for key, value in found.items()}))
    return 0


def find_table(folder: Path) -> Path:
    """The table of CamVid, or else the first one.

    Raises:
        SetupError: There is none.
    """
    tables = sorted(folder.glob('*.csv'), key=lambda path: (path.name != USUAL, path.name))
    if not tables:
        raise SetupError(
            f'There must be a recorded table, but {folder} has none. Make one: python benchmarks/quality/record.py '
            f'configs/camvid/deeplabv3plus_late_search_bf1.py --out docs/results/recorded/{USUAL}'
        )
    if len(tables) > 1:
        print(f'There are also {", ".join(path.name for path in tables[1:])} (--table).')
    return tables[0]


def describe(table: RecordedTable) -> None:
    """Prints what the table has, with the scores of the hand-made losses."""
    seeds = ', '.join(map(str, table.seeds))
    print(f'{table.title}: {len(table.losses)} losses, seeds {seeds}, N = {table.full.iterations} iterations.')
    if table.left_out:
        print(f'Left out: {table.left_out}.')
    if table.hand_made:
        told = (f'{table.hand_made[each].mean():.4f} {table.label(each)}' for each in (table.full, table.late))
        print(f'The hand-made losses have {", ".join(told)}.')


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true', help='fewer draws, under 50 s')
    parser.add_argument('--table', type=Path, help=f'a file of record.py ({USUAL} of docs/results/recorded)')
    parser.add_argument('--metric', help='its key or the last part of it (BF1, or else the first one of the table)')
    parser.add_argument(
        '--budget', type=float, help='iterations of the table of equal iterations, in N (those of the funnel)'
    )
    parser.add_argument('--figure', type=Path, help='draws short and late against whole trainings into this file')
    return parser
