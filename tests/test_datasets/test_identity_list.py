"""Lists of images with identities: which stay, and their numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmdet.datasets', reason='a data set of mmdet', exc_type=ImportError)

from mmautoloss.datasets.identity_list import IdentityList
from mmautoloss.errors import SetupError

LABELS = [7, 7, 2, 2, 40, 40, 40, 9]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / 'list.txt').write_text(''.join(f'{n}.jpg {label}\n' for n, label in enumerate(LABELS)))
    return tmp_path


def load(root: Path, **settings: Any) -> IdentityList:
    return IdentityList(
        data_root=str(root),
        ann_file='list.txt',
        data_prefix={'img_path': ''},
        pipeline=[lambda data: data],
        **settings,
    )


def test_identities_are_numbered_from_0_in_order(root: Path) -> None:
    data = load(root)
    assert [int(data.get_data_info(n)['gt_label']) for n in range(8)] == [1, 1, 0, 0, 3, 3, 3, 2]


def test_some_are_chosen(root: Path) -> None:
    data = load(root, identities=[0, 3])
    names = [Path(data.get_data_info(n)['img_path']).name for n in range(len(data))]
    assert names == ['2.jpg', '3.jpg', '4.jpg', '5.jpg', '6.jpg']
    assert [int(data.get_data_info(n)['gt_label']) for n in range(5)] == [0, 0, 1, 1, 1]


def test_triplets_are_of_the_chosen(root: Path) -> None:
    """mmdet's own list looks for the identity at a position and fails."""
    data = load(root, identities=[0, 1, 3], triplet_sampler={'num_ids': 3, 'ins_per_id': 2})
    for n in range(len(data)):
        sample = data[n]
        labels = [int(label) for label in sample['gt_label']]
        assert labels[::2] == labels[1::2] and sorted(labels[::2]) == [0, 1, 2]
        assert int(data.get_data_info(n)['gt_label']) == labels[0]


WRONG = {
    'no such identity': (
        {'identities': [0, 4]},
        'IdentityList has 4 identities, counted from 0, but identities names 4',
    ),
    'images of triplets': (
        {'triplet_sampler': {'num_ids': 2, 'ins_per_id': 2}, 'indices': 3},
        'cannot choose images by indices, since triplets are drawn from all',
    ),
    'no number': ({'identities': ['7']}, 'IdentityList.identities must be a whole number'),
}


@pytest.mark.parametrize(('settings', 'message'), WRONG.values(), ids=WRONG)
def test_what_cannot_be_chosen(root: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SetupError, match=message):
        load(root, **settings)
