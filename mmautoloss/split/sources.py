"""Training sets as files that can be split in two: a COCO json, a list of names or of labels, a folder of images."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

from mmautoloss.errors import SetupError
from mmautoloss.split.holdout import Item

IMAGES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp')


class Source(ABC):
    """A training set.

    Attributes:
        items: Its images, in their order.
        suffix: Suffix of files with the content of ``text``.
        repeats: Number of repeated names, which are left out.
    """

    items: list[Item]
    suffix = '.txt'
    repeats = 0

    @abstractmethod
    def text(self, indices: Collection[int]) -> str:
        """The content of a file with only these images."""

    def objects(self, indices: Collection[int]) -> Counter[str]:
        """Objects by category in these images; empty where the file has none."""
        return Counter()


class CocoSource(Source):
    """A COCO json of instances or keypoints.

    Raises:
        SetupError: The file is not such a json.
    """

    suffix = '.json'

    def __init__(self, path: Path) -> None:
        try:
            self._data = json.loads(path.read_text(encoding='utf-8'))
            names = {category['id']: category['name'] for category in self._data['categories']}
            self._labels: dict[Any, list[str]] = {image['id']: [] for image in self._data['images']}
            for annotation in self._data['annotations']:
                self._labels[annotation['image_id']].append(names[annotation['category_id']])
            self.items = [
                Item(image['file_name'], frozenset(self._labels[image['id']])) for image in self._data['images']
            ]
        except (ValueError, KeyError, TypeError) as error:
            raise SetupError(
                f'{path} must be a COCO json with images, annotations and categories that fit each other, '
                f'but got {type(error).__name__}: {error}.'
            ) from None

    def text(self, indices: Collection[int]) -> str:
        """The same json with these images and their annotations; everything else stays."""
        images = [self._data['images'][index] for index in indices]
        kept = {image['id'] for image in images}
        annotations = [entry for entry in self._data['annotations'] if entry['image_id'] in kept]
        return json.dumps({**self._data, 'images': images, 'annotations': annotations})

    def objects(self, indices: Collection[int]) -> Counter[str]:
        """Annotations by category; 0 where a category has none."""
        counts = Counter({category['name']: 0 for category in self._data['categories']})
        for index in indices:
            counts.update(self._labels[self._data['images'][index]['id']])
        return counts


_LABELLED = re.compile(rf'(.*(?:{"|".join(map(re.escape, IMAGES))}))\s+(\d+)', re.IGNORECASE)
"""A line ``path label`` of a classifier's list."""


class ListSource(Source):
    """Lines of a list, such as VOC's ``ImageSets/Main/train.txt``; blank ones and repeated ones are left out.

    Where all lines are ``path label``, as mmpretrain's ``CustomDataset`` reads them, the labels are the categories.

    Raises:
        SetupError: The file is not a text in UTF-8.
    """

    def __init__(self, path: Path) -> None:
        try:
            lines = path.read_text(encoding='utf-8').splitlines()
        except UnicodeDecodeError as error:
            raise SetupError(f'{path} must be a list in UTF-8, but {error}: save it so.') from None
        given = [line.strip() for line in lines if line.strip()]
        self._lines = list(dict.fromkeys(given))
        self.repeats = len(given) - len(self._lines)
        matches = [_LABELLED.fullmatch(line) for line in self._lines]
        self._labelled = bool(matches) and all(matches)
        self.items = (
            [Item(match[1], frozenset({match[2]})) for match in matches if match]
            if self._labelled
            else [Item(line) for line in self._lines]
        )

    def text(self, indices: Collection[int]) -> str:
        """The lines of these images."""
        return ''.join(f'{self._lines[index]}\n' for index in indices)

    def objects(self, indices: Collection[int]) -> Counter[str]:
        """Images by label; 0 where a label has none."""
        labels = {label for item in self.items for label in item.labels}
        counts = Counter(dict.fromkeys(sorted(labels, key=int), 0))
        counts.update(label for index in indices for label in self.items[index].labels)
        return counts


class IdentitySource(ListSource):
    """Lines ``path identity``, whose identities are held out as a whole and numbered from 0 on in each part.

    So mmdet's ``ReIDDataset`` wants them: its sampler of triplets takes identities for positions.

    Raises:
        SetupError: The file is not a list of such lines.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        if not self._labelled:
            raise SetupError(f"{path} must be a list of lines 'path identity' for --identities, a number each.")
        self._names = [item.name for item in self.items]
        self._identities = [int(next(iter(item.labels))) for item in self.items]
        self.items = [Item(str(identity)) for identity in self._identities]  # images of one name are held out together

    def text(self, indices: Collection[int]) -> str:
        """The lines of these images, with their new numbers."""
        kept = sorted({self._identities[index] for index in indices})
        numbers = {identity: number for number, identity in enumerate(kept)}
        return ''.join(f'{self._names[index]} {numbers[self._identities[index]]}\n' for index in indices)

    def objects(self, indices: Collection[int]) -> Counter[str]:
        """The number of identities."""
        return Counter({'identities': len({self._identities[index] for index in indices})})


class FolderSource(ListSource):
    """Images below a folder, named by their path in it without suffix, as in lists of mmseg and VOC.

    Raises:
        SetupError: There are no images, or two differ in their suffix only.
    """

    def __init__(self, path: Path) -> None:
        files = sorted(file for file in path.rglob('*') if file.suffix.lower() in IMAGES)
        names = [file.relative_to(path).with_suffix('').as_posix() for file in files]
        if not names:
            raise SetupError(f'{path} has no images ({", ".join(IMAGES)}).')
        duplicates = [name for name, occurrences in Counter(names).items() if occurrences > 1]
        if duplicates:
            raise SetupError(f'{path} has several images {duplicates[0]!r} that differ in their suffix only.')
        self._lines = names
        self.items = [Item(name) for name in names]


def read_source(path: Path, identities: bool = False) -> Source:
    """Reads a training set of one of the three kinds.

    Args:
        path: The file or folder.
        identities: Whether the labels of a list are identities, which are held out as a whole.

    Raises:
        SetupError: The path does not exist, or is of no kind.
    """
    if path.is_dir() and not identities:
        return FolderSource(path)
    if not path.is_file():
        raise SetupError(f'There is no {path}: give a COCO json, a list (.txt) or a folder of images.')
    kinds: dict[str, type[CocoSource] | type[ListSource]] = (
        {'.txt': IdentitySource} if identities else {'.json': CocoSource, '.txt': ListSource}
    )
    if path.suffix not in kinds:
        raise SetupError(f'{path} must be a COCO json, a list (.txt) or a folder of images.')
    return kinds[path.suffix](path)
