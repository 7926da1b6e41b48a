"""Skips metrics that heads compute in a training step only to log them; a proxy training logs nothing."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn


def _no_share(pred: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Replaces the accuracy of a classification."""
    return pred.new_full((1,), math.nan)


def _no_accuracy(*args: Any, **kwargs: Any) -> tuple[None, float, int]:
    """Replaces mmpose's accuracies: that of each keypoint, their mean, the number of valid keypoints."""
    return None, math.nan, 0


_MMDET, _MMSEG, _MMPOSE = 'mmdet.models.roi_heads.bbox_heads', 'mmseg.models.decode_heads', 'mmpose.models.heads'

ONLY_LOGGED: Mapping[tuple[str, str], Callable[..., Any]] = {
    **{(f'{_MMDET}.{name}', 'accuracy'): _no_share for name in ('bbox_head', 'dii_head', 'sabl_head')},
    **{(f'{_MMSEG}.{name}', 'accuracy'): _no_share for name in ('decode_head', 'ddr_head', 'pid_head', 'point_head')},
    **{
        (f'{_MMPOSE}.heatmap_heads.{name}', 'pose_pck_accuracy'): _no_accuracy
        for name in ('heatmap_head', 'cpm_head', 'mspn_head')
    },
    **{
        (f'{_MMPOSE}.coord_cls_heads.{name}', 'simcc_pck_accuracy'): _no_accuracy
        for name in ('simcc_head', 'rtmcc_head', 'rtmw_head')
    },
    **{
        (f'{_MMPOSE}.regression_heads.{name}', 'keypoint_pck_accuracy'): _no_accuracy
        for name in ('regression_head', 'rle_head', 'dsnt_head', 'integral_regression_head')
    },
}
"""Functions whose results heads only log, as (calling module, name there), with their replacements.

The heads have no setting for it except mmpose's ``compute_acc``. The functions draw no random numbers and have no side
effects, and MMEngine sums only entries with ``loss`` in their name, so the weights are the same without them. The logged
value is NaN.
"""


@contextmanager
def nothing_logged(model: nn.Module) -> Iterator[None]:
    """Replaces ``ONLY_LOGGED`` in the modules that are imported, and restores the functions afterwards."""
    replaced = []
    settings = getattr(model, 'train_cfg', None)
    settings = settings if isinstance(settings, dict) and type(model).__module__.startswith('mmpose.') else {}
    before = settings.get('compute_acc', _ABSENT)
    try:
        settings['compute_acc'] = False
        for (module, name), stand_in in ONLY_LOGGED.items():
            original = getattr(sys.modules.get(module), name, None)
            if original is not None:
                replaced.append((module, name, original))
                setattr(sys.modules[module], name, stand_in)
        yield
    finally:
        for module, name, original in replaced:
            setattr(sys.modules[module], name, original)
        if before is _ABSENT:
            del settings['compute_acc']
        else:
            settings['compute_acc'] = before


_ABSENT = object()
