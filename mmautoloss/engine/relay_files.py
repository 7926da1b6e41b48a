"""The saved trainings of a relay, of which few are kept."""

from __future__ import annotations

from pathlib import Path

from mmautoloss.proxy import leg_name
from mmautoloss.search import Observer, Planner, Relay
from mmautoloss.trial import History, Trial


class RelayFiles(Observer):
    """Deletes the saved trainings from which no trial will begin, once the journal has what makes them superfluous.

    What stays is where the present generation begins and the best of it so far, at the end the trained network. Besides
    these there are only those of trainings that have just ended, at most one a worker.

    Args:
        folder: The folder of the saved trainings.
        relay: The generations.
    """

    def __init__(self, folder: Path, relay: Relay) -> None:
        self._folder = folder
        self._relay = relay

    def begin(self, history: History, planner: Planner) -> None:
        """Deletes what an earlier session has left, such as a training that it did not settle."""
        self._clean(history, set())

    def settled(self, trial: Trial, history: History) -> None:
        """Deletes this one, unless it is the best so far, or those that it replaces."""
        if trial.outcome and trial.outcome.saved:
            self._clean(history, {leg_name(other.number) for other in history.running()})

    def _clean(self, history: History, running: set[str]) -> None:
        kept = {saved.name for saved in self._relay.kept(history)} | running
        for path in self._folder.glob('*'):
            if path.name.removeprefix('.') not in kept:
                path.unlink(missing_ok=True)
