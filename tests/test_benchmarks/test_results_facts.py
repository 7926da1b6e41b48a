"""The tables and figures of the results page, from a few made-up rows."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable
from pathlib import Path
from statistics import stdev
from typing import Any

import pytest

pytest.importorskip('mmengine')

from mmautoloss.errors import SetupError
from mmautoloss.expr import Genome
from mmautoloss.report import ResultRow
from mmautoloss.trial import Role, Trial

NOISE = (0.0, 0.01, 0.02, 0.03, 0.04)
TWICE = '{"decode": "p * y", "aux": "p * y"}'


def rows_of(
    loss: str, expression: str, level: float, seeds: Iterable[int] = range(5), **other: Any
) -> list[ResultRow]:
    """The noise of a seed is the same for all losses, but for a tenth of it, which alternates."""
    row = ResultRow(
        *('segmentation', 'camvid', 'deeplabv3plus_r18w16', 'BF1', loss, expression, ''),
        *(0, 'test', 'scratch', 70, 70, '', 0.0),
    )
    level_of = {seed: level + NOISE[seed] + (0.001 if seed % 2 else -0.001) * bool(expression) for seed in seeds}
    return [row._replace(seed=seed, value=value, **other) for seed, value in level_of.items()]


def made_up() -> list[ResultRow]:
    """Two found losses, Dice with both weights and one seed of Tversky, and a few losses on another network."""
    searched = [
        *rows_of('found-7', TWICE, 0.1),
        *rows_of('dice+dice', TWICE, 0.25),
        *rows_of('dice+dice, usual weight', TWICE, 0.3),
        *rows_of('ce+ce', '', 0.2),
        *rows_of('ce+ce', TWICE, 0.2),
        *rows_of('tversky+tversky, usual weight', TWICE, 0.9, seeds=[0]),
        *rows_of('found-12', TWICE, 0.4),
        *rows_of('found-12', TWICE, 0.8, split='val'),
    ]
    carried = [
        *rows_of('ce+ce', '', 0.2, network='camvid_pspnet'),
        *rows_of('found-12', TWICE, 0.3, network='camvid_pspnet'),
    ]
    return searched + carried


def whole_trainings() -> list[ResultRow]:
    """A found loss late in a training on another network, whose losses were also trained all along."""
    late = {'network': 'lite0', 'begin': 'late0.9', 'iterations': 400, 'tail': 40}
    along = {**late, 'begin': 'scratch', 'tail': 400}
    return [
        *rows_of('ce', '', 0.2, **late),
        *rows_of('found-5', TWICE, 0.3, **late),
        *rows_of('ce', '', 0.1, **along),
    ]


@pytest.fixture
def comparison(load) -> Any:
    """That of the network that was searched on."""
    return load('comparisons').comparisons_of(made_up())[0]


def test_losses_are_grouped_named_and_ordered(comparison) -> None:
    """The hand-made one first, then known ones and found ones by mean; other splits are other rows."""
    assert [(loss.label, loss.kind, len(loss.values)) for loss in comparison.losses] == [
        ('ce, hand-made', 'hand-made', 5),
        ('tversky', 'known', 1),
        ('dice', 'known', 5),
        ('dice, balanced', 'known', 5),
        ('ce, balanced', 'known', 5),
        ('found 12', 'found', 5),
        ('found 7', 'found', 5),
    ]
    reference = comparison.losses[0]
    assert reference.mean == pytest.approx(0.22) and reference.spread == pytest.approx(stdev(NOISE))
    assert comparison.losses[1].spread is None


def test_the_best_by_hand_has_enough_seeds(comparison) -> None:
    """One lucky seed of Tversky is not it, nor is a found loss."""
    assert comparison.best_by_hand.label == 'dice'


@pytest.mark.parametrize('metric', ['NME', 'test/NME', 'NME+EPE'])
def test_lower_is_better_for_errors(load, metric: str) -> None:
    rows = [row._replace(metric=metric) for row in made_up()]
    facts, results = load('comparisons'), load('results')
    found = facts.comparisons_of(rows)[0]
    assert found.best_by_hand.label == 'ce, balanced', 'a thousandth below the hand-made loss on three of five seeds'
    assert [loss.label for loss in found.losses[-2:]] == ['found 7', 'found 12']
    table = list(results.markdown(found))
    assert [line.count('better') for line in table if line.startswith(('| found 7', '| found 12'))] == [2, 0]


def test_equal_names_are_told_apart(load) -> None:
    """The winners of two searches, and a config with other hand-made losses under the name of the same network."""
    rows = [
        *rows_of('l1', '', 0.2),
        *rows_of('giou', '', 0.3),
        *rows_of('giou, usual weight', TWICE, 0.1),
        *rows_of('found-1', TWICE, 0.3),
        *rows_of('found-1', '{"decode": "p"}', 0.2),
        *rows_of('found-1', TWICE, 0.1, weights='{"decode": 1.0, "aux": 0.4}'),
    ]
    (found,) = load('comparisons').comparisons_of(rows)
    assert found.hand_made.label == 'l1, hand-made'
    assert [loss.label for loss in found.losses[1:]] == ['giou', 'giou (2)', 'found 1', 'found 1 (2)', 'found 1 (3)']


def test_networks_of_transfer_are_those_with_a_config(load) -> None:
    facts = load('comparisons')
    searched, carried = facts.split_transfer(facts.comparisons_of(made_up()))
    assert [each.network for each in searched] == ['deeplabv3plus_r18w16']
    assert [each.network for each in carried] == ['camvid_pspnet']


def test_beginnings_and_lengths_are_comparisons_of_their_own(load) -> None:
    facts, results = load('comparisons'), load('results')
    late = [row._replace(begin='late0.9', iterations=700) for row in made_up()[:10]]
    failed = made_up()[0]._replace(loss='mutant-1', value=float('nan'))
    tables = results.tables_of(facts.comparisons_of([*made_up(), *late, failed]))
    assert [name for name in tables if name.startswith('table')] == [
        'table camvid deeplabv3plus_r18w16 scratch BF1 70',
        'table camvid camvid_pspnet scratch BF1 70',
        'table camvid deeplabv3plus_r18w16 late0.9 BF1 700',
    ]
    told = tables['table camvid deeplabv3plus_r18w16 late0.9 BF1 700'][0]
    assert told == '**camvid, BF1** (`deeplabv3plus_r18w16`, the last 70 of 700 iterations)'
    assert 'mutant' not in str(tables), 'a training that failed'


def test_a_table_has_words_and_both_differences(load, comparison) -> None:
    table = list(load('results').markdown(comparison))
    cells = {line.split(' | ')[0][2:]: [cell.strip() for cell in line.split('|')[2:-1]] for line in table[4:]}
    assert table[0] == '**camvid, BF1** (`deeplabv3plus_r18w16`, 70 iterations)'
    assert table[2].endswith('| verdict | against the best by hand (dice) |')
    assert cells['ce, hand-made'][:6] == ['0.220', '0.016', '5', '', '', '']
    assert cells['dice'][3] == '+0.100' and cells['dice'][5:] == ['better', '']
    assert cells['found 12'][0] == '**0.420**' and cells['found 12'][5] == 'better'
    assert cells['found 12'][6].startswith('+0.100 (+0.') and cells['found 12'][6].endswith('), better')
    assert cells['found 7'][3] == '-0.100' and cells['found 7'][5] == 'worse'
    assert cells['ce, balanced'][3] == '-0.0002' and cells['ce, balanced'][5] == 'no difference'
    assert cells['tversky'] == ['0.899', '-', '1', '', '', 'few seeds', 'few seeds']


def test_a_panel_keeps_what_it_has_room_for(load, comparison, monkeypatch: pytest.MonkeyPatch) -> None:
    plot = load('results_plot')
    names = ['dice', 'dice, balanced', 'ce, balanced', 'found 12', 'found 7']
    assert [loss.label for loss, _ in plot.drawn_rows(comparison)] == names, 'one seed has no interval'
    monkeypatch.setattr(plot, 'ROOM', 5)
    assert [loss.label for loss, _ in plot.drawn_rows(comparison)] == ['dice', 'found 12', 'found 7']


def test_a_known_loss_far_off_does_not_squeeze_the_found_ones(load) -> None:
    facts, plot = load('comparisons'), load('results_plot')
    rows = [*rows_of('mse', '', 0.5), *rows_of('l1, usual weight', TWICE, 0.1), *rows_of('found-1', TWICE, 0.51)]
    near = plot.limits(plot.drawn_rows(facts.comparisons_of(rows)[0]))
    assert -0.01 < near[0] < 0 and 0.01 < near[1] < 0.02
    rows = [row._replace(value=row.value - 0.3) if row.loss == 'found-1' else row for row in rows]
    assert plot.limits(plot.drawn_rows(facts.comparisons_of(rows)[0]))[0] < -0.4


def test_long_labels_are_broken_into_lines(load) -> None:
    short = load('results_plot').short
    assert short('found 103') == 'found 103'
    assert short('focal+smooth_l1+focal_softmax+smooth_l1+focal, balanced').splitlines() == [
        'focal+smooth_l1+',
        'focal_softmax+smooth_l1+',
        'focal, balanced',
    ]
    assert short('(p - y) ** 2 * (y + 0.1)') == '(p - y) ** 2 * (y + 0.1)'


def write_inputs(folder: Path) -> list[str]:
    """The files that the command reads, and its arguments for them."""
    with (folder / 'results.csv').open('w', newline='') as file:
        csv.writer(file).writerows([ResultRow._fields, *made_up(), *whole_trainings()])
    (folder / 'correlate').mkdir()
    (folder / 'correlate/camvid_bf1.csv').write_text(
        'trial,times,seed,short,long,seconds,reason\n'
        '3,10.0,0,0.1,0.2,5,\n4,10.0,0,0.2,0.3,5,\n5,10.0,0,0.3,0.25,5,\n6,10.0,0,0.4,,5,diverged\n'
    )
    return ['--csv', str(folder / 'results.csv')]


def test_figures_are_drawn(load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = load('results')
    argv = ['results.py', 'figures', *write_inputs(tmp_path), '--out', str(tmp_path / 'figures')]
    monkeypatch.setattr(sys, 'argv', [*argv, '--correlate', str(tmp_path / 'correlate')])
    monkeypatch.setattr(results, 'winners_of', lambda journals: {TWICE})
    assert results.main() == 0
    sizes = {path.name: path.stat().st_size for path in (tmp_path / 'figures').iterdir()}
    assert (
        sorted(sizes) == ['ablation.png', 'correlate.png', 'full_length.png', 'held_out.png', 'transfer.png']
        and min(sizes.values()) > 5000
    )
    found = load('correlation_plot').read_correlations([tmp_path / 'correlate/camvid_bf1.csv'])
    assert found['camvid bf1'].tau == pytest.approx(1 / 3) and found['camvid bf1'].failed == 1


def test_tables_are_printed_of_all_sets_or_some(load, tmp_path: Path, monkeypatch, capsys) -> None:
    results, given = load('results'), write_inputs(tmp_path)
    monkeypatch.setattr(sys, 'argv', ['results.py', 'tables', *given])
    assert results.main() == 0
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith('**')] == [
        '**camvid, BF1** (`deeplabv3plus_r18w16`, 70 iterations)',
        '**camvid, BF1** (`camvid_pspnet`, 70 iterations)',
        '**camvid, BF1** (`lite0`, the last 40 of 400 iterations)',
        '**camvid, BF1** (`lite0`, 400 iterations)',
    ]
    monkeypatch.setattr(sys, 'argv', ['results.py', 'tables', *given, '--set', 'lsp'])
    with pytest.raises(SystemExit, match='no rows of a test set of lsp'):
        results.main()


def test_a_figure_without_rows_is_not_written(load, tmp_path: Path, monkeypatch, capsys) -> None:
    results, given = load('results'), write_inputs(tmp_path)
    (tmp_path / 'results.csv').write_text(','.join(ResultRow._fields) + '\n')
    argv = ['results.py', 'figures', *given, '--correlate', str(tmp_path / 'none'), '--out', str(tmp_path / 'out')]
    monkeypatch.setattr(sys, 'argv', [*argv, '--ablation', str(tmp_path / 'none')])
    assert results.main() == 0
    assert capsys.readouterr().out.count('no rows for it') == 5 and not list((tmp_path / 'out').iterdir())


def test_the_cards_are_what_journals_and_rows_say(load) -> None:
    cards = load('cards')
    written = {path.name: path.read_text(encoding='utf-8') for path in cards.FOLDER.glob('*.json')}
    assert written == cards.texts(), 'make them again: python benchmarks/quality/cards.py'


def test_a_card_leaves_out_what_cannot_be_compared(load) -> None:
    """Few common seeds, a network that has no hand-made loss among its rows, or no loss by hand at all."""
    cards, facts = load('cards'), load('comparisons')
    genome = Genome.from_text({'decode': 'p * y', 'aux': 'p * y'})
    trial = Trial(12, Role.SEARCH, 0, genome, {'decode': 1.0, 'aux': 1.0})
    rows = [
        *made_up(),
        *rows_of('found-12', TWICE, 0.3, seeds=[0, 1], network='few'),
        *rows_of('ce+ce', '', 0.2, network='few'),
        *rows_of('found-12', TWICE, 0.3, network='lone'),
        *rows_of('found-12', TWICE, 0.3, network='known'),
        *rows_of('dice+dice', TWICE, 0.2, network='known'),
    ]
    measured = list(cards.measured(trial, facts.comparisons_of(rows)))
    assert [(each.network, each.against) for each in measured] == [
        ('deeplabv3plus_r18w16', 'ce, hand-made'),
        ('deeplabv3plus_r18w16', 'dice'),
        ('camvid_pspnet', 'ce, hand-made'),
        ('known', 'dice, balanced'),
    ]


def test_the_tables_of_the_pages_are_those_of_the_rows(load) -> None:
    results, facts = load('results'), load('comparisons')
    pages = [path.read_text(encoding='utf-8') for path in results.PAGES]
    comparisons = facts.comparisons_of(results.read_results(results.DOCS / 'results/results.csv'))
    tables = results.tables_of(comparisons)
    searches = [path for study in ('ablation', 'choices') for path in (results.DOCS / 'results' / study).iterdir()]
    for page in pages:
        assert page == results.filled(page, tables), 'make them again: python benchmarks/quality/results.py page'
    missing = [name for name in tables if f'<!-- {name} -->\n' not in '\n'.join(pages)]
    assert missing == [], 'give each its place: <!-- NAME --> and <!-- end -->'
    told = {name.removeprefix('searches ') for name in tables}
    assert {str(path.relative_to(results.DOCS / 'results')) for path in searches} <= told, 'a folder without searches'


@pytest.mark.parametrize('name', ['table camvid x scratch BF1 70', 'searches ablation/none', 'correlate', 'strategy'])
def test_a_page_that_asks_for_a_table_without_rows(load, tmp_path: Path, name: str) -> None:
    results = load('results')
    with pytest.raises(SetupError, match=f'may ask for no table, but asks for {name!r}'):
        results.filled(f'<!-- {name} -->\n<!-- end -->', results.tables_of([], tmp_path))


def test_trainings_on_other_images_are_not_compared(load) -> None:
    """Rows of older files do not say on which."""
    rows, hand_made = rows_of('found-7', TWICE, 0.1, images='8:ab'), rows_of('ce+ce', '', 0.2)
    (comparison,) = load('comparisons').comparisons_of([*rows, *hand_made])
    assert len(comparison.losses) == 2
    with pytest.raises(SetupError, match='those of camvid, deeplabv3plus_r18w16 have seen 8:ab, 9:cd'):
        load('comparisons').comparisons_of([*rows, *hand_made, *(row._replace(images='9:cd') for row in hand_made)])
