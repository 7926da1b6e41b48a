"""A saved training that others continue: its file, checksum and length."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

_DIGEST = re.compile('[0-9a-f]{64}')


@dataclass(frozen=True)
class Saved:
    """The state of a training, in a file.

    Attributes:
        name: Name of the file, in the folder of its kind.
        iterations: Iterations after which it was saved; 0 for a model whose training is over.
        sha256: Checksum of the file, in hexadecimal digits.

    Raises:
        ValueError: A value is impossible.
    """

    name: str
    iterations: int
    sha256: str

    def __post_init__(self) -> None:
        if not self.name or self.iterations < 0 or not _DIGEST.fullmatch(self.sha256):
            raise ValueError(f'A saved training needs a name, iterations and a SHA-256, but got {self}.')

    def to_json(self) -> dict[str, Any]:
        """The fields, in types of JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Saved | None:
        """What ``to_json`` wrote; None for None."""
        return None if data is None else cls(**data)
