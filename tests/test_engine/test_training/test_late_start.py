"""Which trainings share a trunk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmautoloss.engine import spec_of
from mmautoloss.engine.config.spec import SearchSpec
from mmautoloss.engine.training.late_start import begun_settings
from mmautoloss.proxy import plain_config
from mmautoloss.testing.toy_searches import toy_config


def trunk_of(spec: SearchSpec) -> str:
    plain = replace(spec.proxy, config=plain_config(spec.base))
    settings = begun_settings(plain, spec.training.begin, Config(dict(plain.config)), Path('compare'))
    assert settings.trunk is not None
    return settings.trunk.folder


def test_what_changes_a_training_changes_its_trunk(tmp_path: Path) -> None:
    """Also a hook of ``default_hooks``, if it does not only write."""

    def spec(**base: Any) -> SearchSpec:
        return spec_of(toy_config(tmp_path, {'proxy.begin': {'at': 0.75}}, base))

    plain = trunk_of(spec())
    assert trunk_of(spec(**{'default_hooks.logger': {'type': 'LoggerHook', 'interval': 7}})) == plain
    others = [
        trunk_of(spec(**changed))
        for changed in (
            {'default_hooks.ema': {'type': 'EMAHook', 'momentum': 0.1}},
            {'default_hooks.ema': {'type': 'EMAHook', 'momentum': 0.2}},
            {'custom_hooks': [{'type': 'EMAHook'}]},
            {'auto_scale_lr': {'enable': True, 'base_batch_size': 16}},
        )
    ]
    assert len({plain, *others}) == 5
