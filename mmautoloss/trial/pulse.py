"""The state of a worker at a heartbeat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

RETIRED = 'retired'
"""Phase of a worker that is no longer used, since its device failed again and again."""


@dataclass(frozen=True)
class Pulse:
    """The last report of a worker.

    Attributes:
        worker: Name of the worker, such as ``local-0``; ``driver`` where trials run in the process of the search.
        trial: Number of the trial that it measures, or None.
        phase: ``start`` (imports), ``idle``, ``build``, ``train``, ``rung``, ``validate``, ``retired``.
        step: Iterations completed in the phase.
        silent: Seconds since its last report.
        where: Host, process and device, such as ``node7:4711 GPU 2``; of one that is retired also the reason.
    """

    worker: str
    trial: int | None = None
    phase: str = 'idle'
    step: int = 0
    silent: float = 0.0
    where: str = ''

    def to_json(self) -> dict[str, Any]:
        """The pulse in types of JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Pulse:
        """The pulse that ``to_json`` wrote."""
        return cls(**data)
