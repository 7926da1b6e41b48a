"""What of a config and a schedule a training depends on, as text, so that saved ones are not taken for others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmautoloss.proxy.config_hooks import hooks_of
from mmautoloss.proxy.objects import plain_config, spelled
from mmautoloss.proxy.trunk import Trunk

_DETERMINING = (
    *('model', 'data_preprocessor', 'train_dataloader', 'optim_wrapper', 'param_scheduler', 'auto_scale_lr'),
    *('custom_hooks', 'load_from', 'randomness'),
)
"""Keys of a config on which the weights of a training depend."""


def training_text(config: Mapping[str, Any], schedule: Any, schedulers: Any, trunk: Trunk | None) -> str:
    """The settings on which the weights of a training depend, but for its losses and its seed.

    Args:
        config: The config.
        schedule: ``train_cfg``.
        schedulers: ``param_scheduler`` in place of that of the config.
        trunk: The trunk that is continued.
    """
    plain = spelled(plain_config(config))
    text = repr([plain.get(key) for key in _DETERMINING])
    text += repr((schedule, schedulers, trunk and trunk.steps))
    if kept := hooks_of(config).kept:
        text += repr(spelled(kept))
    return text
