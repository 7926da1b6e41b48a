"""Comparison on images that no search has seen."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from mmautoloss.engine import compare, compare_and_print, load_search_config, spec_of, with_usual_weight
from mmautoloss.engine.training.comparison import _filed
from mmautoloss.engine.training.filed_trainings import FailedTrainings
from mmautoloss.errors import SetupError
from mmautoloss.expr import Genome
from mmautoloss.report import ResultRow, append_results, read_results
from mmautoloss.testing.toy_searches import BASE, toy_config
from mmautoloss.trial import Role, Trial
from tests.isolation import ROOT

FOUND = Trial(
    7, Role.SEARCH, 0, Genome.from_text({'cls': '-y * log(p)', 'box': '(p - y) ** 2'}), {'cls': 1.0, 'box': 0.5}
)
KNOWN = Trial(
    2, Role.KNOWN, 0, Genome.from_text({'cls': '(p - y) ** 2', 'box': 'abs(p - y)'}), {'cls': 2.0, 'box': 1.0}
)


def toy_spec(folder: Path, **base):
    cfg = toy_config(folder, {'results': str(folder / 'rows.csv')}, base)
    return spec_of(cfg)


def test_every_loss_is_trained_with_every_seed_as_the_base_config_says(tmp_path):
    rows = compare(toy_spec(tmp_path), [FOUND], [KNOWN], [100, 101], split='val')

    assert [(row.loss, row.seed) for row in rows] == [
        ('hand-made', 100),
        ('mse+l1', 100),
        ('found-7', 100),
        ('hand-made', 101),
        ('mse+l1', 101),
        ('found-7', 101),
    ]
    assert {(row.split, row.iterations) for row in rows} == {('val', 20)}  # the base's schedule, not the proxy's 8
    assert {(row.begin, row.tail, row.images) for row in rows} == {('scratch', 20, '32')}
    assert rows == read_results(tmp_path / 'rows.csv')
    assert len({row.value for row in rows[:3]}) == 3


def test_what_the_file_has_is_not_trained_again(tmp_path):
    first = compare(toy_spec(tmp_path), [FOUND], [KNOWN], [100], split='val')
    again = compare(toy_spec(tmp_path), [FOUND], [KNOWN], [100, 101], split='val')

    assert [row.seed for row in again] == [101] * 3
    assert read_results(tmp_path / 'rows.csv') == first + again


def test_a_loss_that_is_named_twice_is_trained_once(tmp_path):
    rows = compare(toy_spec(tmp_path), [FOUND, FOUND], [KNOWN, KNOWN], [100])
    assert [row.loss for row in rows] == ['hand-made', 'mse+l1', 'found-7']
    assert read_results(tmp_path / 'rows.csv') == rows


def test_a_table_has_no_rows_of_other_images(tmp_path, capsys):
    """The seed would else have two scores, of which the later one would win."""
    (row,) = compare(toy_spec(tmp_path), [], [], [100])
    append_results(tmp_path / 'rows.csv', [row._replace(images='9:0123abcd', value=row.value / 2)])
    compare_and_print(toy_spec(tmp_path), [], [], [100])
    assert f'{row.value:.4f}' in capsys.readouterr().out


def test_another_weight_is_another_training(tmp_path):
    spec = toy_spec(tmp_path)
    lighter = replace(FOUND, weights={'cls': 0.96, 'box': 0.38})
    rows = [*compare(spec, [FOUND], [], [100]), *compare(spec, [lighter], [], [100])]
    assert [(row.loss, row.weights) for row in rows] == [
        ('hand-made', ''),
        ('found-7', '{"cls": 1.0, "box": 0.5}'),
        ('found-7', '{"cls": 0.96, "box": 0.38}'),
    ]
    assert rows[1].expression == rows[2].expression and rows[1].value != rows[2].value


def test_of_a_file_without_weights_only_the_hand_made_losses_are_known(tmp_path):
    first = compare(toy_spec(tmp_path), [FOUND], [], [100])
    path = tmp_path / 'rows.csv'
    columns = [field for field in ResultRow._fields if field not in ('weights', 'begin', 'tail', 'images')]
    with path.open('w', newline='') as file:
        csv.writer(file).writerows([columns, *([getattr(row, name) for name in columns] for row in first)])
    again = compare(toy_spec(tmp_path), [FOUND], [], [100])
    assert again == [first[1]], 'trained with known weights'
    unsaid = {'weights': '', 'begin': '', 'images': ''}
    assert read_results(path) == [first[0]._replace(**unsaid), first[1]._replace(**unsaid), first[1]]
    assert compare(toy_spec(tmp_path), [FOUND], [], [100]) == []


def test_a_failed_training_is_an_error_with_its_reason(tmp_path):
    spec = toy_spec(tmp_path, **{'model.faults.fail_at': 2})
    with pytest.raises(
        SetupError, match=r'3 of 3 trainings of the comparison failed(.|\n)*the toy fails in iteration 2'
    ):
        compare(spec, [FOUND], [KNOWN], [100], split='val')


def test_one_training_has_a_row_for_each_metric(tmp_path):
    spec = toy_spec(tmp_path)
    rows = compare(spec, [FOUND], [], [100], metrics=['toy/score', 'toy/error'])
    assert [(row.loss, row.metric) for row in rows] == [
        (loss, metric) for loss in ('hand-made', 'found-7') for metric in ('toy/score', 'toy/error')
    ]
    assert [row.value for row in rows[::2]] == pytest.approx([1 - row.value for row in rows[1::2]])
    assert compare(spec, [FOUND], [], [100]) == [], 'the metric of the search is there'


def test_only_rows_that_are_missing_are_added(tmp_path):
    spec = toy_spec(tmp_path)
    first = compare(spec, [], [], [100])
    again = compare(spec, [], [], [100], metrics=['toy/score', 'toy/error', 'toy/score+toy/error'])
    assert [row.metric for row in again] == ['toy/error', 'toy/score+toy/error']
    assert again[0].value == pytest.approx(1 - first[0].value), 'the same training again'
    assert read_results(tmp_path / 'rows.csv') == first + again


def test_a_metric_that_is_none_is_an_error_before_any_training(tmp_path):
    with pytest.raises(SetupError, match=r"metric 'toy/eror' is not among the results .* toy/error, toy/score"):
        compare(toy_spec(tmp_path), [], [], [100], metrics=['toy/score', 'toy/eror'])
    assert not (tmp_path / 'rows.csv').exists()


def test_each_metric_has_its_table_also_where_trainings_failed(tmp_path, capsys):
    spec = toy_spec(tmp_path)
    overflows = replace(FOUND, number=8, weights={'cls': 1e38, 'box': 1e38})
    with pytest.raises(FailedTrainings, match='1 of 3 trainings of the comparison failed'):
        compare_and_print(spec, [FOUND, overflows], [], [100], metrics=['toy/score', 'toy/error'])
    told = ' '.join(capsys.readouterr().out.split())
    for metric, order in (('toy/score', ''), ('toy/error', ', lower is better')):
        assert f'vectors, mlp, {metric} on val, 20 iterations{order} ┏' in told
    assert len(read_results(tmp_path / 'rows.csv')) == 4


def test_rows_say_where_trainings_began(tmp_path):
    late = toy_config(
        tmp_path, {'results': str(tmp_path / 'rows.csv'), 'proxy': {'begin': {'at': 0.75, 'optimizer': 'new'}}}
    )
    rows = [*compare(toy_spec(tmp_path), [FOUND], [], [100]), *compare(spec_of(late), [FOUND], [], [100])]
    assert [(row.network, row.begin, row.iterations, row.tail) for row in rows] == [
        *[('mlp', 'scratch', 20, 20)] * 2,
        *[('mlp', 'late0.75_new', 20, 5)] * 2,
    ]
    assert rows[1].value != rows[3].value
    assert compare(spec_of(late), [FOUND], [], [100]) == []


def test_rows_tell_checkpoints_and_their_rates_apart(tmp_path, capsys):
    """Of another checkpoint, or with another rate, nothing has been trained yet."""
    trunk = {'results': str(tmp_path / 'rows.csv'), 'proxy': {'begin': {'at': 0.75}}}
    compare(spec_of(toy_config(tmp_path, trunk)), [], [], [0, 1])
    assert '-- 1 of 2 trunks; the others take about' in capsys.readouterr().out
    rows = []
    paths = sorted((tmp_path / 'work').rglob('seed_*.pth'))
    for path, rate in ((paths[0], 0.5), (paths[1], 0.5), (paths[1], 1.0), (paths[1], None)):
        begin = {'begin': {'checkpoint': str(path), 'length': 0.5, 'rate': rate}}
        spec = spec_of(toy_config(tmp_path, {**trunk, 'proxy': begin}))
        rows += compare(spec, [], [], [100])
        assert compare(spec, [], [], [100]) == []
    first, second, *others = [row.begin for row in rows]
    assert first != second
    assert others == [f'{second}_rate1', f'{second}_scheduled']
    assert len({row.value for row in rows}) == 4


@pytest.mark.parametrize('entry', ['mse', 'cls=mse,box=mse', 'cls=(p - y) ** 2,box=mse'])
def test_other_losses_take_the_weights_of_the_hand_made_ones(tmp_path, entry):
    spec = toy_spec(tmp_path)
    also = with_usual_weight(entry, spec)
    assert (also.genome.to_text(), also.weights) == (
        dict.fromkeys(('cls', 'box'), '(p - y) ** 2'),
        {'cls': 1.0, 'box': 0.5},
    )
    rows = compare(spec, [], [also, KNOWN], [100], split='val')
    assert [row.loss for row in rows] == ['hand-made', 'mse+mse, usual weight', 'mse+l1']


def test_other_losses_may_be_weighted_sums(tmp_path):
    also = with_usual_weight('cls=0.5 * mse + ce,box=l1', toy_spec(tmp_path))
    assert also.genome.to_text() == {'cls': '0.5 * (p - y) ** 2 + -y * log(p)', 'box': 'abs(p - y)'}


def with_test_set(**scored) -> dict:
    """Changes of the toy's plain config that give it a test set."""
    loader = {**BASE['val_dataloader'], 'dataset': {'type': 'ToyScenes', 'length': 16, **scored}}
    return {'test_dataloader': loader, 'test_evaluator': {'type': 'ToyMetric'}, 'test_cfg': {'type': 'TestLoop'}}


def test_a_test_set_of_the_base_is_what_is_scored(tmp_path):
    seeds = {'val': 2, 'test': 3}
    rows = {
        name: compare(toy_spec(tmp_path / name, **with_test_set(seed=seed)), [], [], [100])[0]
        for name, seed in seeds.items()
    }
    assert {name: row.split for name, row in rows.items()} == {'val': 'val', 'test': 'test'}
    other = {'val_dataloader.dataset.seed': 3}
    assert rows['test'].value == compare(toy_spec(tmp_path / 'other', **other), [], [], [100])[0].value
    assert rows['test'].value != rows['val'].value


def test_the_digits_are_judged_on_images_that_no_search_sees(digits):
    val, test = (digits.base[f'{split}_dataloader']['dataset'] for split in ('val', 'test'))
    comparison = _filed(digits, None, ())
    scored = comparison.settings.config['val_dataloader']['dataset']
    assert scored['ann_file'] == test.ann_file != val.ann_file
    assert comparison.describe.split == 'test'


def test_scores_of_the_test_set_are_not_filed_as_those_of_val(digits):
    with pytest.raises(SetupError, match="cannot be of the split 'val': leave out --split"):
        compare(digits, [], [], [100], split='val')


def test_a_branch_stands_once_in_a_loss_by_hand(tmp_path):
    with pytest.raises(SetupError, match="--also: 'cls' can stand once only, but got 'ce' and 'focal'"):
        with_usual_weight('cls=ce,cls=focal', toy_spec(tmp_path))


def test_a_base_without_unseen_images_is_refused(digits):
    digits.base.test_dataloader = digits.base.val_dataloader
    with pytest.raises(SetupError, match=r'scored .* on annotations/search_val\.json, which val_dataloader'):
        compare(digits, [], [], [100])
    assert not digits.results.exists()


@pytest.fixture
def digits(tmp_path):
    """The search of the smallest detector; nothing is built."""
    cfg = load_search_config(str(ROOT / 'configs/digits/faster_rcnn_short_search.py'), str(tmp_path))
    return replace(spec_of(cfg), results=tmp_path / 'rows.csv')


def test_a_loss_that_is_none_is_refused(tmp_path):
    with pytest.raises(SetupError, match=r'branch .cls.'):
        with_usual_weight('giou', toy_spec(tmp_path))
