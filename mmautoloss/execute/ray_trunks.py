"""Trunks on their way between the work dir of a search and the actors of a cluster."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from mmautoloss.proxy import ProxySettings, read_trunk, write_trunk
from mmautoloss.trial import Outcome, Saved, Trial


class RayTrunks:
    """Puts the trunks of trials into the object store of Ray, once each, and writes those that actors send.

    Args:
        ray: The library.
        settings: How a candidate is evaluated.
    """

    def __init__(self, ray: ModuleType, settings: ProxySettings) -> None:
        self._ray = ray
        self._folder = Path(settings.trunk.folder) if settings.trunk else Path()
        self._references: dict[Saved, Any] = {}

    def reference(self, trial: Trial) -> Any:
        """The file of the trunk that a trial continues, as an argument of a remote call; empty for none.

        Raises:
            SetupError: It cannot be read.
        """
        saved = trial.begin
        if saved is None:
            return b''
        if saved not in self._references:
            self._references[saved] = self._ray.put(read_trunk(self._folder, saved))
        return self._references[saved]

    def write(self, outcome: Outcome, data: bytes) -> None:
        """Writes the trunk that an outcome has saved."""
        if outcome.saved and data:
            write_trunk(self._folder / outcome.saved.name, data)
