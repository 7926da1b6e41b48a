"""A small data set on disk as users have one: frames of 720p as JPEG files with a COCO json, and a search config for it."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from mmautoloss.datasets.annotation import CLASSES, CocoTable
from mmautoloss.datasets.scene import render_scene
from mmautoloss.datasets.source import load_pools

WIDTH, HEIGHT = 1280, 720
"""Pixels of a picture."""

_SCENE = 96

CONFIG = """\
_base_ = {base!r}

data_root = {root!r}
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', scale=(128, 72), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs'),
]
val_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(128, 72), keep_ratio=True),
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'instances'),
    ),
]
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='CocoDataset',
        data_root=data_root,
        ann_file='train.json',
        data_prefix=dict(img='train/'),
        metainfo=dict(classes={classes!r}),
        filter_cfg=dict(filter_empty_gt=True),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=10,
    dataset=dict(
        _delete_=True,
        type='CocoDataset',
        data_root=data_root,
        ann_file='val.json',
        data_prefix=dict(img='val/'),
        metainfo=dict(classes={classes!r}),
        test_mode=True,
        pipeline=val_pipeline,
    ),
)
test_dataloader = val_dataloader
"""


def write_photos(folder: Path, base: Path, train: int, val: int) -> Path:
    """Writes the pictures, their annotations, and a search config on top of that of digit scenes.

    Args:
        folder: Where; made if absent.
        base: The search config of Faster R-CNN on digit scenes.
        train: Number of pictures to train on.
        val: Number of pictures to score on.

    Returns:
        The search config.
    """
    pools, noise = load_pools(seed=0), np.random.default_rng(0).normal(0, 6, (HEIGHT, WIDTH, 3)).astype(np.float32)
    for split, name, count in (('train', 'train', train), ('search_val', 'val', val)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        table = CocoTable()
        for index in range(count):
            rng = np.random.default_rng([index, len(name)])
            scene = render_scene(pools[split], _SCENE, rng)
            table.add(f'{index:06d}.jpg', scene)
            cv2.imwrite(str(folder / name / f'{index:06d}.jpg'), _photo(scene.image, np.roll(noise, 31 * index)))
        (folder / f'{name}.json').write_text(json.dumps(_enlarged(table.content)))
    config = folder / 'photos_search.py'
    config.write_text(CONFIG.format(base=str(base), root=f'{folder}/', classes=tuple(CLASSES)))
    return config


def _photo(image: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """A scene at the size of a picture, with the noise of a camera, which makes decoding what it is."""
    large = cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.clip(large + noise, 0, 255).astype(np.uint8)


def _enlarged(content: dict) -> dict:
    """Annotations for the enlarged pictures; only boxes are read."""
    wide, high = WIDTH / _SCENE, HEIGHT / _SCENE
    images = [{**image, 'width': WIDTH, 'height': HEIGHT} for image in content['images']]
    annotations = [
        {
            **{key: each[key] for key in ('id', 'image_id', 'category_id', 'iscrowd')},
            'bbox': [value * scale for value, scale in zip(each['bbox'], (wide, high, wide, high), strict=True)],
            'area': each['area'] * wide * high,
        }
        for each in content['annotations']
    ]
    return {**content, 'images': images, 'annotations': annotations}
