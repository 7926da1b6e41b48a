"""Import lines for the classes and functions in settings that are written to a file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import torch

from mmautoloss.errors import SetupError

_PLACEHOLDER = re.compile(r"'<(\w+)>'")
_LITERALS = (type(None), bool, int, float, complex, str, bytes)


class Imports:
    """Names for imported objects: ``mark`` the settings, write them, then ``fill`` the text.

    Args:
        taken: Names that the file uses otherwise.
    """

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)
        self._names: dict[tuple[str, str], str] = {}  # by module and name there

    def mark(self, node: Any) -> Any:
        """The settings with placeholders for classes and functions.

        Raises:
            SetupError: A value has no name by which a file could import it.
        """
        if isinstance(node, dict):
            return {key: self.mark(value) for key, value in node.items()}
        if isinstance(node, (list, tuple, set)):
            return type(node)(self.mark(value) for value in node)
        if isinstance(node, _LITERALS):
            return node
        module, name = _address(node)
        if (module, name) not in self._names:
            self._names[module, name] = self._free(name)
        return f'<{self._names[module, name]}>'

    def fill(self, text: str) -> str:
        """The text with names in place of the placeholders, below the lines that import them."""
        names = set(self._names.values())
        text = _PLACEHOLDER.sub(lambda match: match[1] if match[1] in names else match[0], text)
        lines: dict[str, list[str]] = {}
        for (module, name), local in sorted(self._names.items()):
            lines.setdefault(module, []).append(name if local == name else f'{name} as {local}')
        imports = [f'from {module} import {", ".join(imported)}' for module, imported in lines.items()]
        return '\n'.join([*imports, '', text]) if imports else text

    def _free(self, name: str) -> str:
        local, number = name, 2
        while local in self._taken:
            local, number = f'{name}_{number}', number + 1
        self._taken.add(local)
        return local


def _address(value: Any) -> tuple[str, str]:
    if isinstance(value, torch.dtype):
        return 'torch', str(value).removeprefix('torch.')
    module, name = getattr(value, '__module__', None), getattr(value, '__qualname__', '')
    if not module or not name.isidentifier():
        raise SetupError(
            f'The config holds {value!r}, which cannot be written to a file: use numbers, texts, classes and functions '
            'of a module.'
        )
    return module, name
