"""Which hooks of a config train candidates."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip('mmengine')

from mmengine.config import Config
from mmengine.hooks import CheckpointHook, EMAHook

from mmautoloss.errors import SetupError
from mmautoloss.proxy import hooks_of


def hooks(**settings: Any) -> Any:
    return hooks_of(Config(settings, format_python_code=False))


def test_what_may_change_a_training_stays() -> None:
    ema, scheduler = {'type': 'EMAHook'}, {'type': 'EarlyStoppingHook', 'monitor': 'x'}
    found = hooks(default_hooks={'ema': ema, 'param_scheduler': scheduler, 'sampler_seed': None})
    assert found.default['ema'] == ema and found.default['param_scheduler'] == scheduler
    assert found.default['sampler_seed']['type'] == 'DistSamplerSeedHook'
    assert found.kept == [ema] and found.gone == ()


def test_what_only_writes_or_draws_goes_and_is_named() -> None:
    pytest.importorskip('mmseg.engine')
    found = hooks(
        default_scope='mmseg',
        default_hooks={
            'timer': {'type': 'IterTimerHook'},
            'logger': {'type': 'LoggerHook', 'interval': 5},
            'checkpoint': {'type': CheckpointHook},
            'visualization': {'type': 'SegVisualizationHook'},
            'param_scheduler': {'type': 'ParamSchedulerHook'},
        },
        custom_hooks=[{'type': 'ProfilerHook'}, {'type': EMAHook}],
    )
    assert found.gone == (
        'default_hooks.timer (IterTimerHook)',
        'default_hooks.logger (LoggerHook)',
        'default_hooks.checkpoint (CheckpointHook)',
        'default_hooks.visualization (SegVisualizationHook)',
        'custom_hooks (ProfilerHook)',
    )
    assert found.default['checkpoint'] is found.default['logger'] is None and 'visualization' not in found.default
    assert found.custom == [{'type': EMAHook}] and found.kept == []


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'default_hooks': [{'type': 'EMAHook'}]}, 'default_hooks must be a dict of hooks by name'),
        ({'default_hooks': {'ema': 'EMAHook'}}, r"default_hooks\.ema must be a hook such as .*, but got 'EMAHook'"),
        ({'custom_hooks': {'type': 'EMAHook'}}, 'custom_hooks must be a list of hooks'),
        ({'custom_hooks': [{'priority': 3}]}, r'custom_hooks\[0\] must be a hook'),
    ],
)
def test_what_is_no_hook_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SetupError, match=message):
        hooks(**settings)
