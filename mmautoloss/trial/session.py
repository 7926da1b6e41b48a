"""One run of a search: from its start, or a resume, to its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Session:
    """What a journal knows of one process that drove the search.

    Attributes:
        began: When, in Unix seconds.
        host: Name of the machine.
        pid: Its process there.
        slots: How many trials ran at the same time.
        isolated: Whether they ran in other processes, so that its death is none of their doing.
        heartbeat: Seconds between two signs of life.
        budget: What it was to do at most.
        info: What else is worth knowing, such as versions.
        last: When it last wrote anything.
        reason: Why it ended: ``done``, ``interrupted``, or the text of an error. None while it runs, and for ever where
            it was killed.
        died: Whether another one began, or this one is over for sure, without any reason.
    """

    began: float
    host: str
    pid: int
    slots: int
    heartbeat: float
    budget: Mapping[str, Any] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)
    isolated: bool = False
    last: float = 0.0
    reason: str | None = None
    died: bool = False

    @property
    def ended(self) -> bool:
        """Whether it is known to be over."""
        return self.died or self.reason is not None
