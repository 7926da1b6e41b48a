"""A folder that looks like the project after some searches, in which the commands of the pages are run."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

pytest.importorskip('mmdet')
pytest.importorskip('mmcv.ops')

from tests.isolation import ROOT
from tests.tables import same_tables
from tests.test_docs.pages import PAGES

__all__ = ['same_tables']

DETECTOR = {
    'rpn_cls': ('rpn_head.loss_cls', 'sigmoid', '-(y * log(p) + (1 - y) * log(1 - p))'),
    'rpn_box': ('rpn_head.loss_bbox', 'delta', 'abs(p - y)'),
    'roi_cls': ('roi_head.bbox_head.loss_cls', 'softmax', '-y * log(p)'),
    'roi_box': ('roi_head.bbox_head.loss_bbox', 'delta', '(p - y) ** 2'),
}
"""Losses for the pages that put those of a Faster R-CNN into another detector: path, inputs, expression."""


SCENES = {
    'images': [{'id': k, 'file_name': f'{k}.jpg', 'width': 64, 'height': 48} for k in range(10)],
    'annotations': [
        {'id': k, 'image_id': k, 'category_id': 1 + k % 2, 'bbox': [8, 8, 16, 16], 'area': 256, 'iscrowd': 0}
        for k in range(10)
    ],
    'categories': [{'id': 1, 'name': 'a'}, {'id': 2, 'name': 'b'}],
}
"""A training set in COCO's form, for the pages that split one: ``data/annotations/train.json``."""


@pytest.fixture(scope='session')
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The work dir of a finished search of the toy, with a rung that watches."""
    from mmautoloss.testing.toy_searches import run_toy, toy_config

    folder = tmp_path_factory.mktemp('docs')
    run_toy(toy_config(folder, {'proxy.rung': {'at': 0.5, 'watch': True}, 'budget.max_trials': 12}))
    return folder / 'work'


@pytest.fixture(scope='session')
def project(tmp_path_factory: pytest.TempPathFactory, finished: Path) -> Path:
    """The folder: links to what the project has, and a work dir for each name in the pages."""
    folder = tmp_path_factory.mktemp('project')
    for path in ROOT.iterdir():
        if not path.name.startswith('.') and path.name not in ('work_dirs', 'build', 'dist'):
            (folder / path.name).symlink_to(path)
    annotations = folder / 'data/annotations/train.json'
    annotations.parent.mkdir(parents=True)
    annotations.write_text(json.dumps(SCENES))
    names = {name for page in PAGES for name in re.findall(r'work_dirs/(\w+)', page.read_text(encoding='utf-8'))}
    for name in names:
        shutil.copytree(finished, folder / 'work_dirs' / name)
        if 'rcnn' in name:
            losses = [
                {'name': key, 'path': path, 'inputs': inputs, 'expression': text, 'weight': 1.0}
                for key, (path, inputs, text) in DETECTOR.items()
            ]
            (folder / 'work_dirs' / name / 'best_losses.json').write_text(json.dumps(losses))
    return folder
