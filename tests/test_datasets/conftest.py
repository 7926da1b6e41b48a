"""A small set of digit scenes, made once for all tests of this folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask

from mmautoloss.datasets import SPLITS, ensure_digit_scenes

SMALL = {'size': 64, 'train': 12, 'search_val': 4, 'val': 6, 'test': 3, 'seed': 3}


@pytest.fixture(scope='session')
def small() -> dict[str, int]:
    """Settings of the small set."""
    return SMALL


@pytest.fixture(scope='session')
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ensure_digit_scenes(tmp_path_factory.mktemp('data') / 'scenes', **SMALL)


@pytest.fixture(scope='session')
def tables(scenes: Path) -> dict[str, dict[str, Any]]:
    """Content of the json file of each split."""
    return {split: json.loads((scenes / 'annotations' / f'{split}.json').read_text()) for split in SPLITS}


@pytest.fixture(scope='session')
def pictures(
    scenes: Path, tables: dict[str, dict[str, Any]]
) -> list[tuple[np.ndarray, np.ndarray, list[tuple[dict[str, Any], np.ndarray]]]]:
    """Image, label map and (annotation, mask) pairs of every scene of every split."""
    found = []
    for split, table in tables.items():
        for entry in table['images']:
            image = cv2.imread(str(scenes / split / entry['file_name']))
            labels = cv2.imread(str(scenes / 'labels' / split / entry['file_name']), -1)
            instances = [
                (item, coco_mask.decode(item['segmentation']).astype(bool))
                for item in table['annotations']
                if item['image_id'] == entry['id']
            ]
            found.append((image, labels, instances))
    return found
