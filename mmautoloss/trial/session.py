"""One run of a search: from its start, or a resume, to its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Session:
    """One process that ran the search, as the journal records it.

    Attributes:
        began: Start, in Unix seconds.
        host: Name of the machine.
        pid: Process ID on that machine.
        slots: Number of trials that ran at the same time.
        isolated: Whether trials ran in other processes, so that they cannot have killed this one.
        heartbeat: Seconds between two heartbeats.
        budget: Limits of the search.
        info: Further facts, such as versions.
        last: Time of its last event, in Unix seconds.
        reason: Why it ended: ``done``, ``interrupted``, or the text of an error. None while it runs, and if it
            was killed.
        died: Whether it is known to be over without a reason, such as when another session began.
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
