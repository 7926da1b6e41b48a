"""Labels of result rows, from ``describe``."""

from __future__ import annotations

from dataclasses import dataclass, fields

from mmautoloss.errors import SetupError


@dataclass(frozen=True)
class Description:
    """The settings of ``describe``: free text that labels result rows.

    Attributes:
        task: Name of the task, such as ``detection``.
        set: Name of the data set.
        network: Name of the network.
        split: The split on which candidates are scored.
        hand_made: Names of the hand-made losses, joined by ``+``.

    Raises:
        SetupError: A value is not text.
    """

    task: str = ''
    set: str = ''
    network: str = ''
    split: str = 'search_val'
    hand_made: str = 'hand-made'

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, str):
                raise SetupError(f'describe.{field.name} must be text, but got {value!r}.')
