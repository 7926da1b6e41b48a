"""Class references in configs: names in the classic style, objects in the new style."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from mmengine.config import Config
from mmengine.config.lazy import LazyAttr, LazyObject


def plain_config(cfg: Config | Mapping[str, Any]) -> dict[str, Any]:
    """Settings as plain dicts and lists, with lazy imports resolved, so that they can be sent to other processes.

    ``Config.to_dict`` instead turns classes into text that some libraries do not accept, such as ``mmcv.ops.RoIAlign``.

    Raises:
        ImportError: An import of the config fails.
    """
    kept = cfg.to_dict() if isinstance(cfg, Config) else cfg  # a Config also holds the names that its file imports
    values = {key: _plain(cfg[key]) for key in kept}
    return {key: value for key, value in values.items() if not isinstance(value, ModuleType)}


def _plain(node: Any) -> Any:
    if isinstance(node, (LazyObject, LazyAttr)):
        return node.build()
    if isinstance(node, dict):
        return {key: _plain(value) for key, value in node.items()}
    return type(node)(_plain(value) for value in node) if type(node) in (list, tuple) else node


def type_name(kind: Any) -> str:
    """The bare name of a ``type``, which is a class or text with or without a scope; '' for None."""
    return kind.rpartition('.')[2] if isinstance(kind, str) else getattr(kind, '__name__', '')


def spelled(node: Any) -> Any:
    """Plain settings with the bare names of classes and functions, as in the classic style."""
    if isinstance(node, dict):
        return {key: spelled(value) for key, value in node.items()}
    if isinstance(node, (list, tuple)):
        return type(node)(spelled(value) for value in node)
    return type_name(node) or node if callable(node) else node
