"""Short names of the losses of a model, from their paths."""

from __future__ import annotations

import itertools
import re


def short_names(paths: list[str], classifies: bool = False) -> list[str]:
    """Short names: the last two words of each path, or all words if two losses share those.

    Args:
        paths: Paths of the losses.
        classifies: Whether the model is a classifier; its loss has the path of that of a heat map.
    """
    words = [_words(path, (*_CLASSIFIER, *_SHORT) if classifies else _SHORT) for path in paths]
    short = ['_'.join(parts[-2:]) for parts in words]
    return [name if short.count(name) == 1 else '_'.join(parts) for name, parts in zip(short, words, strict=True)]


_CLASSIFIER = (
    (r'^head\.task_heads\.(.*)\.loss_module$', r'\1'),
    (r'^(head\.)?loss_module$', 'cls'),
    (r'^head\.loss_(cls|triplet)$', r'\1'),
)
_SHORT = (
    (r'^head\.loss_module\.loss_modules\.', 'head.loss_module.'),
    (r'^head\.loss_module\.(?=\D)', ''),
    (r'^head\.loss_module', 'heatmap'),
    (r'\broi_head\.mask_head((\.\d+)?)\.loss_mask\b', r'mask\1'),
    (r'\broi_head\.mask_head\b', 'mask'),
    (r'\broi_head\.bbox_head\b', 'roi'),
    (r'^bbox_head\.', ''),
    (r'\bauxiliary_head\b', 'aux'),
    (r'\bloss_bbox\b', 'box'),
    (r'\.?\bloss_(decode|module)\b', ''),
    (r'\bloss_', ''),
    (r'_head\b', ''),
    (r'\.(\d+)\b', r'\1'),
)
"""Patterns and replacements that turn a path into words, in this order."""


def _words(path: str, patterns: tuple[tuple[str, str], ...]) -> list[str]:
    for pattern, word in patterns:
        path = re.sub(pattern, word, path)
    return [word for word, _ in itertools.groupby(path.split('.')) if word]
