"""Objects that annotators overlooked on purpose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmdet')

from mmengine.config import Config
from mmengine.registry import DATASETS, TRANSFORMS, init_default_scope

from mmautoloss.datasets.missing_instances import MissingInstances
from mmautoloss.errors import SetupError

CONFIGS = Path(__file__).parents[2] / 'configs'


def sample(index: int, count: int = 40) -> dict[str, Any]:
    return {'sample_idx': index, 'img_path': f'{index}.png', 'instances': [{'bbox_label': n} for n in range(count)]}


def left(index: int, **settings: Any) -> list[int]:
    transform = TRANSFORMS.build({'type': 'mmautoloss.MissingInstances', **settings})
    return [each['bbox_label'] for each in transform(sample(index))['instances']]


def test_the_share_is_missing_always_the_same_by_seed_and_image() -> None:
    counts = [len(left(index, rate=0.4)) for index in range(200)]
    assert sum(counts) / (200 * 40) == pytest.approx(0.6, abs=0.02)
    assert left(3, rate=0.4) == left(3, rate=0.4)
    assert len({tuple(left(index, rate=0.4)) for index in range(20)}) == 20
    assert left(3, rate=0.4) != left(3, rate=0.4, seed=1)


def test_what_is_missing_at_a_low_rate_is_missing_at_a_higher_one() -> None:
    assert set(left(5, rate=0.6)) < set(left(5, rate=0.2))


def test_none_and_all() -> None:
    assert left(0, rate=0) == list(range(40))
    assert left(0, rate=1) == []


def test_the_sample_of_the_data_set_stays_as_it_is() -> None:
    given = sample(0)
    MissingInstances(0.5)(given)
    assert given == sample(0)


def test_digits_are_missing_from_the_training_of_the_shipped_config_and_from_no_score(
    scenes: Path, tables: dict[str, dict[str, Any]]
) -> None:
    config = Config.fromfile(CONFIGS / 'digits' / 'faster_rcnn_incomplete.py')
    init_default_scope('mmdet')
    shares = {}
    for split, loader in (('train', config.train_dataloader), ('search_val', config.val_dataloader)):
        data = DATASETS.build({**loader.dataset, 'data_root': str(scenes), 'filter_cfg': None})
        samples = [data[index]['data_samples'] for index in range(len(data))]
        objects = [len(each.gt_instances) if split == 'train' else len(each.instances) for each in samples]
        shares[split] = sum(objects) / len(tables[split]['annotations'])
    assert shares['train'] == pytest.approx(0.6, abs=0.15)
    assert shares['search_val'] == 1.0


@pytest.mark.parametrize(
    ('settings', 'message'),
    [({'rate': 1.2}, 'rate'), ({'rate': '0.4'}, 'rate'), ({'rate': 0.4, 'seed': -1}, 'seed')],
)
def test_settings_without_a_meaning_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SetupError, match=message):
        MissingInstances(**settings)


@pytest.mark.parametrize('results', [{'sample_idx': 0}, {'instances': []}, {'sample_idx': 0, 'instances': {}}])
def test_samples_without_objects_are_refused(results: dict[str, Any]) -> None:
    with pytest.raises(SetupError, match='needs a list of instances'):
        MissingInstances(0.4)(results)
