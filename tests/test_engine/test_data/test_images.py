"""What stands for the images of a training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmengine')

from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS
from torch.utils.data import Subset

from mmautoloss.engine.data import images_of
from mmautoloss.errors import SetupError
from mmautoloss.testing import toy  # noqa: F401  (registers its classes)


@DATASETS.register_module()
class NamedScenes(BaseDataset):
    """Images by name, each ``times`` times."""

    def __init__(self, names: str, times: int = 1, **settings: Any) -> None:
        self.names = names.split() * times
        super().__init__(**settings)

    def load_data_list(self) -> list[dict[str, str]]:
        return [{'img_path': f'{self.data_prefix["img"]}/{name}.png'} for name in self.names]


def images(dataset: dict[str, Any]) -> str:
    return images_of({'train_dataloader': {'dataset': dataset}})


def named(names: str, root: str | Path = '/data', folder: str = 'train', **settings: Any) -> dict[str, Any]:
    return {
        'type': 'NamedScenes',
        'names': names,
        'data_root': str(root),
        'data_prefix': {'img': folder},
        **settings,
    }


def test_number_and_digest_of_the_names() -> None:
    found = images(named('a b c'))
    assert found.startswith('3:') and len(found) == 10
    assert images(named('c a b')) == images(named('a b c', times=3)) == found, 'order and repetition do not matter'
    assert images(named('a b c', root='/moved')) == found, 'nor the place of the data'
    assert images(named('a b c', folder='val')) != found and images(named('a b d')) != found


def test_what_is_left_out_does_not_count() -> None:
    assert images(named('a b c', indices=2)) == images(named('a b'))


def test_data_sets_within_others() -> None:
    parts = [named('a b'), {'type': 'RepeatDataset', 'times': 4, 'dataset': named('a', folder='val')}]
    assert images({'type': 'ConcatDataset', 'datasets': parts}).startswith('3:')
    roots = [named('a', root='/x'), named('a', root='/y')]
    assert images({'type': 'ConcatDataset', 'datasets': roots}).startswith('2:')


def test_a_part_of_a_data_set() -> None:
    """Folds of one data set are different images."""
    whole = DATASETS.build(named('a b c'))
    folds = [images_of({'train_dataloader': {'dataset': Subset(whole, indices)}}) for indices in ([0, 1], [1, 2])]
    assert folds == [images(named('a b')), images(named('b c'))]
    made = Subset(DATASETS.build({'type': 'ToyScenes', 'length': 12}), range(5))
    assert images_of({'train_dataloader': {'dataset': made}}) == '5'


def test_the_place_of_the_data_may_be_the_current_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for root in ('.', './', str(tmp_path)):
        assert images(named('a b c', root=root)) == images(named('a b c'))


@pytest.mark.parametrize('root', ['', '/annotations'])
def test_equal_names_in_other_folders_are_other_images(root: str) -> None:
    """Without a root, or outside it, the name alone says nothing."""
    train, val = (images(named('a b c', root=root, folder=f'/data/{part}')) for part in ('train', 'val'))
    assert train != val
    assert train == images(named('c b a', root=root, folder='/data/train'))


def test_images_without_files_are_counted() -> None:
    assert images({'type': 'ToyScenes', 'length': 12}) == '12'


def test_settings_stay_as_they_are() -> None:
    dataset = named('a b')
    images(dataset)
    assert dataset == named('a b')


def test_a_data_set_that_cannot_be_built() -> None:
    with pytest.raises(SetupError, match='cannot be built'):
        images(named('a', type='NoScenes'))
