"""The table with which the page of results begins: late found losses against all rivals with the same treatment."""

from __future__ import annotations

import json
from typing import Any

import pytest
from scipy.stats import t

from mmautoloss.losses import cards
from mmautoloss.losses.named_sums import expression_of
from mmautoloss.report import ResultRow
from mmautoloss.report.statistics import paired_difference
from tests.isolation import ROOT

SEEDS = range(100, 110)
WINNERS = {'{"decode": "found-7"}'}


def rows(loss: str, mean: float, begin: str = 'late0.9', step: float = 0.001, **kwargs: Any) -> list[ResultRow]:
    """Ten seeds whose scores alternate around a mean; hand-made losses have no expression."""
    expression = '' if loss == 'ce' else f'{{"decode": "{loss}"}}'
    row = ResultRow(
        'segmentation', 'camvid', 'n', 'BF1', loss, expression, '', 0, 'test', begin, 400, 40, '388:ab', 0.0
    )
    return [
        row._replace(seed=seed, value=mean + step * (-1) ** seed, tail=400 if begin == 'scratch' else 40, **kwargs)
        for seed in SEEDS
    ]


LATE = [*rows('ce', 0.5), *rows('dice', 0.52), *rows('found-7', 0.53, step=0.002), *rows('found-9', 0.6)]
ALONG = [*rows('ce', 0.4, 'scratch'), *rows('dice', 0.45, 'scratch'), *rows('found-7', 0.41, 'scratch')]


def full_lengths(load, filed: list[ResultRow]) -> list[Any]:
    return load('full_length').full_lengths(load('comparisons').comparisons_of(filed), WINNERS)


def lines(load, filed: list[ResultRow]) -> list[str]:
    return list(load('full_length').full_table(full_lengths(load, filed)))


def test_the_winner_of_the_search_is_compared_not_the_best_of_the_test_set(load) -> None:
    (each,) = full_lengths(load, [*LATE, *ALONG])
    assert each.winner.label == 'found 7', 'found-9 is better here, but is not what the search has chosen'
    assert [rival.label for rival in each.rivals] == ['ce, hand-made', 'dice, balanced']
    rival, difference = each.nearest
    assert rival.label == 'dice, balanced'
    assert difference.mean == pytest.approx(0.01)


def test_losses_searched_for_whole_trainings_are_compared_in_these(load) -> None:
    filed = [row._replace(set='fashion_sym40', network='resnet_w16') for row in ALONG]
    (each,) = full_lengths(load, filed)
    assert each.late is None and each.winner.label == 'found 7'
    *_, told = lines(load, filed)
    assert '| 0.400 | 0.450 (dice) | **0.410** (found 7) | - | - | - | -0.040 (' in told and told.endswith(
        '| worse than one |'
    )
    assert full_lengths(load, ALONG) == [], 'of other networks only late losses were searched at full length'


def test_the_interval_is_corrected_for_the_number_of_rivals(load) -> None:
    """Two rivals: 97.5 % each. Student's t of ten differences that are 0.01 +- 0.001 in turn, written out."""
    (each,) = full_lengths(load, [*LATE, *ALONG])
    half = t.ppf(1 - 0.05 / 4, 9) * 0.001 * (10 / 9) ** 0.5 / 10**0.5
    _, difference = each.nearest
    assert difference.low == pytest.approx(0.01 - half, rel=1e-6)
    plain = paired_difference(each.winner.values, each.rivals[1].values)
    assert difference.low < plain.low < plain.high < difference.high


def test_the_lines_of_the_table(load) -> None:
    titles, _, told = lines(load, [*ALONG, *LATE])
    assert titles.count('|') == told.count('|')
    for part in ('camvid, BF1', '| 10 |', '0.400', '0.450 (dice) | 0.410 |', '0.520 (dice) | **0.530** (found 7) |'):
        assert part in told
    assert told.endswith('| clear |')
    *_, told = lines(load, [*ALONG[:10], *LATE])
    assert '| 0.400 | - | - | 0.500 | 0.520 (dice) |' in told, 'one loss all along: none is the best'


def test_the_rivals_of_a_search_are_those_trained_beside_its_winner(load) -> None:
    """Another search on the network has seeds and weights of its own: its rivals and values do not count here."""
    second = [row._replace(seed=row.seed + 400, weights='{"decode": 3}') for row in rows('dice', 0.6)]
    reference = [row._replace(seed=row.seed + 400) for row in rows('ce', 0.55)]
    other = [row._replace(seed=row.seed + 400) for row in rows('found-9', 0.61, step=0.002)]
    found = load('full_length').full_lengths(
        load('comparisons').comparisons_of([*LATE[:30], *second, *reference, *other, *ALONG]),
        {*WINNERS, other[0].expression},
    )
    first, last = sorted(found, key=lambda each: each.winner.mean)
    assert [loss.label for loss in first.rivals] == ['ce, hand-made', 'dice, balanced']
    assert [loss.mean for loss in first.rivals] == pytest.approx([0.5, 0.52])
    assert [loss.mean for loss in last.rivals] == pytest.approx([0.55, 0.6])
    assert last.nearest[1].mean == pytest.approx(0.01)


def test_found_losses_of_cards_are_no_rivals(load) -> None:
    """Some branches of cards are known losses, which stay what they are; sums are called as a user calls them."""
    card = rows('p', 0.9)
    texts = [cards()['camvid_bf1_late'].losses[0]['expression'], '-y * log(p)', expression_of('ce + dice', 'softmax')]
    filed = [row._replace(expression=json.dumps({'decode': text}), loss=text) for text in texts for row in card]
    (each,) = full_lengths(load, [*LATE, *filed, *ALONG])
    assert {loss.label for loss in each.searched.losses if loss.kind == 'found'} == {
        'found 7',
        'found 9',
        'camvid_bf1_late',
    }
    assert {'-y * log(p), balanced', 'ce + dice, balanced'} < {rival.label for rival in each.rivals}


@pytest.mark.parametrize(
    ('mean', 'seeds', 'word'),
    [(0.5205, SEEDS, 'not clear'), (0.48, SEEDS, 'worse than one'), (0.6, [100, 101], 'few seeds')],
)
def test_a_loss_that_is_not_clear_says_so(load, mean: float, seeds: range, word: str) -> None:
    found = [row for row in rows('found-7', mean, step=0.02) if row.seed in seeds]
    *_, told = lines(load, [*LATE[:20], *found, *ALONG])
    assert told.endswith(f'| {word} |')


def test_a_further_search_on_a_set_has_the_same_trainings_all_along(load) -> None:
    filed = [*(row._replace(set='camvid_second') for row in LATE), *ALONG]
    (each,) = full_lengths(load, filed)
    assert (each.searched.set, each.along.set) == ('camvid_second', 'camvid')


def test_other_lengths_networks_and_early_losses_are_not_mixed(load) -> None:
    for change in ({'iterations': 800}, {'network': 'm'}, {'metric': 'mIoU'}):
        assert full_lengths(load, [*LATE, *(row._replace(**change) for row in ALONG)]) == []
    assert full_lengths(load, [*LATE[:20], *ALONG]) == [], 'no found loss'
    assert full_lengths(load, [*LATE[:20], *LATE[30:], *ALONG]) == [], 'no winner'
    assert full_lengths(load, [*LATE[20:], *ALONG]) == [], 'no rivals'
    assert lines(load, ALONG) == []


def test_winners_are_those_that_searches_have_confirmed(load) -> None:
    folder = ROOT / 'docs/results/journals'
    (winner,) = load('full_length').winners_of([folder / 'camvid_late_bf1.jsonl.gz'])
    assert winner in (ROOT / 'docs/results/results.csv').read_text().replace('""', '"')
    assert load('full_length').winners_of([folder / 'lsp_held_out.jsonl.gz']) == set(), 'one without fresh seeds'
