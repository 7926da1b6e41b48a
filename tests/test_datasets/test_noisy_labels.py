"""Labels that are wrong on purpose: how many, which, and only in trainings."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmengine', reason='data sets of MMEngine')

from mmengine.config import Config
from mmengine.dataset import BaseDataset, RepeatDataset
from mmengine.registry import DATASETS

from mmautoloss.datasets.noisy_labels import NoisyLabels
from mmautoloss.engine.data import images_of, require_right_labels
from mmautoloss.errors import SetupError
from tests.isolation import ROOT

CLASSES, SIZE = 5, 2000


class Labels(BaseDataset):
    """Samples with a label each."""

    METAINFO = {'classes': tuple('abcde')}

    def __init__(self, label: Any = None, **kwargs: Any) -> None:
        self.given = label
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict[str, Any]]:
        return [
            {'gt_label': n % CLASSES if self.given is None else self.given, 'img_path': f'{n}.png'}
            for n in range(SIZE)
        ]


def labels(dataset: Any) -> list[int]:
    return [dataset[index]['gt_label'] for index in range(len(dataset))]


def moves(dataset: NoisyLabels) -> Counter:
    """How many labels are how many classes away from the right one."""
    return Counter((label - n) % CLASSES for n, label in enumerate(labels(dataset)))


def test_symmetric_noise_goes_to_all_others_alike() -> None:
    found = moves(NoisyLabels(Labels(), 0.4))
    assert found[0] == pytest.approx(0.6 * SIZE, abs=80)  # 3.5 standard deviations
    for shift in range(1, CLASSES):
        assert found[shift] == pytest.approx(0.1 * SIZE, abs=50)


def test_noise_by_pairs_goes_to_the_next_class() -> None:
    found = moves(NoisyLabels(Labels(), 0.3, 'pairs'))
    assert set(found) == {0, 1}
    assert found[1] == pytest.approx(0.3 * SIZE, abs=75)


@pytest.mark.parametrize('kind', ['symmetric', 'pairs'])
def test_none_and_all(kind: str) -> None:
    assert moves(NoisyLabels(Labels(), 0.0, kind)) == {0: SIZE}
    assert moves(NoisyLabels(Labels(), 1.0, kind))[0] == 0


def test_seed_and_position_alone_decide() -> None:
    one = labels(NoisyLabels(Labels(), 0.4, seed=3))
    dataset = NoisyLabels(Labels(), 0.4, seed=3)
    assert [dataset[index]['gt_label'] for index in reversed(range(SIZE))][::-1] == one
    assert [dataset.get_data_info(index)['gt_label'] for index in range(SIZE)] == one
    assert [dataset.get_cat_ids(index) for index in range(SIZE)] == [[label] for label in one]
    assert labels(NoisyLabels(Labels(), 0.4, seed=4)) != one
    assert labels(NoisyLabels(Labels(indices=100), 0.4, seed=3)) == one[:100]


class Broken(Labels):
    """Every third sample cannot be read, and another is drawn instead."""

    def prepare_data(self, idx: int) -> Any:
        return None if idx % 3 == 0 else super().prepare_data(idx)


def test_repeated_and_redrawn_samples_keep_their_labels() -> None:
    one = labels(NoisyLabels(Labels(), 0.4))
    assert labels(NoisyLabels(RepeatDataset(Labels(), times=2), 0.4)) == one * 2
    redrawn = NoisyLabels(Broken(test_mode=False, max_refetch=100), 0.4)
    samples = [redrawn[index] for index in range(300)]
    assert any(sample['sample_idx'] != index for index, sample in enumerate(samples))
    assert all(sample['gt_label'] == one[sample['sample_idx']] for sample in samples)


def test_another_process_has_the_same_labels() -> None:
    code = (
        'from mmautoloss.datasets.noisy_labels import NoisyLabels\n'
        'noisy = object.__new__(NoisyLabels)\n'
        'noisy.dataset = type("D", (), {"get_data_info": lambda self, n: {"gt_label": n % 5}})()\n'
        'noisy.rate, noisy.kind, noisy.seed, noisy.classes = 0.4, "symmetric", 0, 5\n'
        'print(*(noisy.label(n) for n in range(50)))\n'
    )
    done = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert [int(word) for word in done.stdout.split()] == labels(NoisyLabels(Labels(indices=50), 0.4))


def test_built_by_its_name_and_of_the_same_images() -> None:
    dataset = {'type': Labels, 'indices': 10}
    noisy = {'type': 'mmautoloss.NoisyLabels', 'dataset': dataset, 'rate': 1.0, 'kind': 'pairs'}
    built = DATASETS.build(dict(noisy))
    assert labels(built) == [1, 2, 3, 4, 0] * 2 and built.metainfo['classes'] == tuple('abcde')
    cfgs = [Config({'train_dataloader': {'dataset': one}, 'default_scope': 'mmengine'}) for one in (dataset, noisy)]
    assert images_of(cfgs[0]) == images_of(cfgs[1])


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'rate': 1.2}, r'rate must be .*1, but got 1.2'),
        ({'rate': -0.1}, 'rate must not be negative'),
        ({'rate': '0.4'}, 'rate must be a number'),
        ({'kind': 'asymmetric'}, "one of symmetric, pairs, but got 'asymmetric'"),
        ({'seed': 0.5}, 'seed must be a whole number'),
        ({'dataset': Labels(test_mode=True)}, 'is for trainings'),
        ({'dataset': Labels(metainfo={'classes': ('a',)})}, 'at least two classes, but got 1'),
        ({'dataset': Labels(label=[1, 2])}, r'one whole number gt_label a sample, but got \[1, 2\]'),
        ({'dataset': Labels(pipeline=[lambda sample: 'x'])}, 'samples with gt_label and sample_idx after the pipeline'),
        ({'dataset': [1, 2]}, 'a data set with get_data_info, but got list'),
    ],
)  # fmt: skip
def test_nonsense_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SetupError, match=message):
        NoisyLabels(**{'dataset': Labels(), 'rate': 0.4, **settings})[0]


@pytest.mark.parametrize('loader', ['val_dataloader', 'test_dataloader'])
def test_what_scores_has_right_labels(loader: str) -> None:
    noisy = {'type': 'mmautoloss.NoisyLabels', 'rate': 0.4, 'dataset': {'type': 'CustomDataset'}}
    require_right_labels({'train_dataloader': {'dataset': noisy}, loader: {'dataset': noisy['dataset']}})
    for dataset in (noisy, {'type': 'ConcatDataset', 'datasets': [noisy]}, noisy | {'type': NoisyLabels}):
        with pytest.raises(SetupError, match=f'{loader} has NoisyLabels'):
            require_right_labels({loader: {'dataset': dataset}})


def test_packed_samples_of_mmpretrain(tmp_path: Path) -> None:
    pytest.importorskip('mmpretrain.datasets', reason='its CustomDataset', exc_type=ImportError)
    import cv2
    import numpy as np

    for n in range(3):
        cv2.imwrite(str(tmp_path / f'{n}.png'), np.full((4, 4), n, np.uint8))
    (tmp_path / 'list.txt').write_text('0.png 0\n1.png 1\n2.png 2\n')
    inner = {
        'type': 'mmpretrain.CustomDataset',
        'data_root': str(tmp_path),
        'ann_file': 'list.txt',
        'metainfo': {'classes': list('abc')},
        'pipeline': [{'type': 'LoadImageFromFile'}, {'type': 'mmpretrain.PackInputs'}],
    }
    dataset = DATASETS.build({'type': 'mmautoloss.NoisyLabels', 'dataset': inner, 'rate': 1.0, 'kind': 'pairs'})
    assert [dataset[n]['data_samples'].gt_label.tolist() for n in range(3)] == [[1], [2], [0]]
    assert dataset[1]['inputs'][0, 0, 0] == 1
