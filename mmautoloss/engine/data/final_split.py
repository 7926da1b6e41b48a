"""The split on which losses are finally judged: the test set of a plain config, or its validation set."""

from __future__ import annotations

from typing import Any

from mmengine.config import Config

from mmautoloss.proxy import plain_config


def final_split_of(base: Config) -> str:
    """``'test'`` if a plain config has a test set other than the validation set, with ground truth; else ``'val'``."""
    test, val = _data_set(base, 'test'), _data_set(base, 'val')
    return 'test' if test not in (None, val) and _scores(base.get('test_evaluator')) else 'val'


def with_final_split(base: Config) -> dict[str, Any]:
    """A plain config whose validation scores the final split."""
    config = plain_config(base)
    if final_split_of(base) == 'test':
        loop = config.get('val_cfg') or {'type': 'ValLoop'}
        config |= {'val_cfg': loop, **{f'val_{part}': config[f'test_{part}'] for part in ('dataloader', 'evaluator')}}
    return config


def _data_set(cfg: Config, split: str) -> dict[str, Any] | None:
    loader = cfg.get(f'{split}_dataloader')
    data = plain_config(loader['dataset']) if loader else None
    return {key: value for key, value in data.items() if key != 'pipeline'} if data else None  # the same images


def _scores(evaluator: Any) -> bool:
    """Whether an evaluator computes scores; with ``format_only`` it writes files for a server."""
    metrics = evaluator if isinstance(evaluator, (list, tuple)) else [evaluator or {}]
    return not any(metric.get('format_only') for metric in metrics)
