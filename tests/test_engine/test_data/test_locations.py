"""Where data sets lie; which of them share images, ``test_leak.py`` has."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip('mmengine')

from mmautoloss.engine.data.locations import root_of


def test_the_root_or_the_folder_of_the_files_or_the_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'coco/annotations').mkdir(parents=True)
    (tmp_path / 'camvid/img/val').mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    coco = {'type': 'mmdet.CocoDataset', 'ann_file': 'annotations/val.json'}
    assert root_of({**coco, 'data_root': 'coco/'}) == str(tmp_path / 'coco')
    assert root_of({**coco, 'ann_file': 'coco/annotations/val.json'}) == str(tmp_path / 'coco/annotations')
    assert root_of({'data_prefix': {'img_path': f'{tmp_path}/camvid/img/val'}}) == str(tmp_path / 'camvid/img')
    assert root_of(coco) == 'CocoDataset', 'made by itself'
