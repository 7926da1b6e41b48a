"""Trunks that other commands than a search keep in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmengine')

from mmengine.config import Config

from mmautoloss.engine import spec_of
from mmautoloss.engine.training.late_start import begun_settings
from mmautoloss.testing.toy_searches import toy_config


def folder_of(folder: Path, base: dict[str, Any]) -> str:
    """Where trunks are kept."""
    spec = spec_of(toy_config(folder, {'proxy': {'begin': 'trunk'}}, base))
    plain = Config.fromfile(folder / 'toy.py')
    return begun_settings(spec.proxy, spec.training.begin, plain, Path('work')).trunk.folder


def test_trunks_of_other_hooks_are_others(tmp_path: Path) -> None:
    ema = {'type': 'EMAHook'}
    places: dict[str, dict[str, Any]] = {
        'none': {},
        'writes': {'default_hooks.checkpoint': {'type': 'CheckpointHook', 'interval': 1}},
        'default': {'default_hooks.ema': ema},
        'other': {'default_hooks.ema': {**ema, 'momentum': 0.5}},
        'custom': {'custom_hooks': [ema]},
    }
    found = {name: folder_of(tmp_path / name, base) for name, base in places.items()}
    assert found['none'] == found['writes']
    assert len(set(found.values())) == 4
