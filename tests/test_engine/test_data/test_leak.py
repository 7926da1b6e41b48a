"""A search that would be scored on the images on which its result is judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from mmautoloss.engine import final_split_of, spec_of
from mmautoloss.engine.data.leak import require_apart, require_unseen
from mmautoloss.errors import SetupError
from mmautoloss.testing.toy_searches import toy_config

FILE = {'type': 'CocoDataset', 'data_root': 'data/', 'ann_file': 'annotations/val.json'}
FOLDERS = {'type': 'BaseSegDataset', 'data_root': 'data', 'data_prefix': {'img_path': 'img/val'}}
LABELS = {'type': 'BaseSegDataset', 'data_prefix': {'seg_map_path': 'data/ann/val', 'img_path': 'data/img/val'}}
COCO = {'type': 'CocoDataset', 'data_prefix': {'img': 'data/img/val'}}


def config(**datasets: Any) -> Config:
    return Config({f'{split}_dataloader': {'dataset': dataset} for split, dataset in datasets.items()})


@pytest.mark.parametrize(
    ('scoring', 'base'),
    [
        pytest.param(FILE, {'val': FILE, 'test': FILE}, id='file'),
        pytest.param(FILE, {'val': FILE}, id='no test data'),
        pytest.param({**FILE, 'data_root': 'data'}, {'test': {**FILE, 'indices': 9}}, id='spelled otherwise'),
        pytest.param({**FILE, 'data_root': None, 'ann_file': 'data/annotations/val.json'}, {'test': FILE}, id='root'),
        pytest.param({'type': 'RepeatDataset', 'times': 2, 'dataset': FILE}, {'test': FILE}, id='wrapper'),
        pytest.param({**FILE, 'indices': 4}, {'test': {**FILE, 'indices': 9}}, id='both the first'),
        pytest.param(FOLDERS, {'test': FOLDERS}, id='folders'),
        pytest.param(FILE, {'test': {**FILE, 'data_root': str(Path('data').absolute())}}, id='absolute'),
        pytest.param(
            {**FILE, 'indices': 80}, {'test': {**FILE, 'indices': list(range(79, 90))}}, id='number and list'
        ),
        pytest.param({**FILE, 'indices': -3}, {'test': {**FILE, 'indices': [-3]}}, id='from the end'),
        pytest.param({**FILE, 'indices': [0, 5]}, {'test': {**FILE, 'indices': -9}}, id='end not known'),
        pytest.param(LABELS, {'test': LABELS}, id='folders without a root'),
        pytest.param(
            LABELS,
            {'test': {'data_prefix': dict(reversed(LABELS['data_prefix'].items()))}},
            id='keys in another order',
        ),
        pytest.param(FOLDERS, {'test': LABELS}, id='labels told by one'),
        pytest.param(
            LABELS,
            {'test': {'data_prefix': {'img_path': 'data/img/val', 'seg_map_path': 'other/val'}}},
            id='other labels of the same images',
        ),
        pytest.param(
            {**COCO, 'indices': 9}, {'test': {**COCO, 'ann_file': 'a.json', 'indices': -9}}, id='the whole folder'
        ),
        pytest.param({'data_prefix': 'data/img/val'}, {'test': COCO}, id='prefix is text'),
        pytest.param(
            {'type': 'Own', 'data_root': 'data/val'},
            {'test': {'type': 'Own', 'data_root': 'data/val/', 'pipeline': []}},
            id='the same root, where no file is named',
        ),
    ],
)
def test_same_data_are_refused(scoring: dict, base: dict) -> None:
    with pytest.raises(SetupError, match=r'scored on data/.*val.*mmautoloss split.*allow_leak=True'):
        require_apart(config(val=scoring), config(**base))


@pytest.mark.parametrize(
    ('scoring', 'base'),
    [
        pytest.param({**FILE, 'ann_file': 'annotations/train.json'}, {'val': FILE, 'test': FILE}, id='file'),
        # the base validates on what scores the search, and is judged on its test data
        pytest.param(FILE, {'val': FILE, 'test': {**FILE, 'ann_file': 'annotations/test.json'}}, id='test data'),
        pytest.param({**FILE, 'indices': 4}, {'test': {**FILE, 'indices': -9}}, id='first and last'),
        pytest.param(
            {**FILE, 'indices': 80}, {'test': {**FILE, 'indices': list(range(80, 90))}}, id='number and list'
        ),
        pytest.param({**FILE, 'indices': [-3, -4]}, {'test': {**FILE, 'indices': -2}}, id='from the end'),
        pytest.param(FOLDERS, {'test': {**FOLDERS, 'data_prefix': {'img_path': 'img/test'}}}, id='folders'),
        pytest.param({'type': 'ToyScenes'}, {'test': {'type': 'ToyScenes'}}, id='no files'),
        pytest.param(
            {**COCO, 'ann_file': 'train.json'},
            {'test': {**COCO, 'ann_file': 'val.json'}},
            id='two lists of one folder',
        ),
        pytest.param({'data_root': 'data', 'split': 'train'}, {'test': {'data_root': 'data'}}, id='only a root'),
        pytest.param({**FOLDERS, 'indices': 4}, {'test': {**FOLDERS, 'indices': -4}}, id='parts of a folder'),
    ],
)
def test_other_data_pass(scoring: dict, base: dict) -> None:
    require_apart(config(val=scoring), config(**base))


@pytest.mark.parametrize(
    ('base', 'judging'),
    [
        pytest.param({'val': FILE}, None, id='no test set'),
        pytest.param({'val': FILE, 'test': FILE}, None, id='the same test set'),
        pytest.param({'val': FILE, 'test': {**FILE, 'pipeline': []}}, None, id='the same images, otherwise read'),
        pytest.param({'val': FILE, 'test': FOLDERS}, 'test', id='a test set of its own'),
        pytest.param({'test': FOLDERS}, 'test', id='only a test set'),
    ],
)
def test_losses_are_judged_on_the_test_set_or_else_on_the_validation_set(base: dict, judging: str | None) -> None:
    assert final_split_of(config(**base)) == (judging or 'val')


def test_a_test_set_without_truth_judges_nothing() -> None:
    base = config(val=FILE, test=FOLDERS)
    base.test_evaluator = [{'type': 'CocoMetric', 'format_only': True}]
    assert final_split_of(base) == 'val'


def test_what_trained_or_scored_candidates_judges_no_loss() -> None:
    search = config(train=FILE, val=FOLDERS, test=COCO)
    for seen in (FILE, FOLDERS):
        with pytest.raises(SetupError, match=r'has trained or scored .* on data/.*, which val_dataloader'):
            require_unseen(search, config(val=seen))
        with pytest.raises(SetupError, match=r'which test_dataloader .* Give that config a test_dataloader'):
            require_unseen(search, config(val=COCO, test=seen))
        require_unseen(search, config(val=seen, test={**FILE, 'ann_file': 'test.json'}))


def test_link_is_the_file_itself(tmp_path: Path) -> None:
    (tmp_path / 'link').symlink_to(tmp_path / 'data')
    one, other = ({**FILE, 'data_root': str(tmp_path / name)} for name in ('data', 'link'))
    with pytest.raises(SetupError, match='allow_leak=True'):
        require_apart(config(val=one), config(test=other))


def test_search_refuses_unless_it_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('mmautoloss.engine.config.spec.check_files', lambda cfg: None)
    base = {'val_dataloader.dataset.ann_file': 'val.json'}
    with pytest.raises(SetupError, match=r'scored on val\.json'):
        spec_of(toy_config(tmp_path, base=base))
    spec = spec_of(toy_config(tmp_path, {'allow_leak': True}, base))
    assert 'allow_leak' not in spec.header, 'a search that was begun without the setting can be continued'
