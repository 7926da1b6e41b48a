"""The content of a journal, event by event."""

from __future__ import annotations

from collections import Counter
from typing import Any

from mmautoloss.errors import JournalError
from mmautoloss.trial.history import History
from mmautoloss.trial.line import VERSION
from mmautoloss.trial.pulse import Pulse
from mmautoloss.trial.session import Session
from mmautoloss.trial.trial import Outcome, Trial, outcome_from_json


class NewerVersion(JournalError):
    """A journal in a newer version of the format."""


class Record:
    """The content of a journal.

    Attributes:
        header: The first event: what is searched, and ``version`` and ``info`` of the first start.
        history: The trials.
        sessions: The runs of the search, oldest first; version 1 recorded none.
        pulses: What the workers did at the last heartbeat of the last session.
        beat_time: Time of that heartbeat, in Unix seconds; None if there was none.
        elapsed: Seconds of search, over all sessions.
        last_time: Time of the last event, in Unix seconds; None in version 1.
        settled_time: Time at which each trial settled, in Unix seconds, by number; trials of version 1 are missing.
        settled_elapsed: Seconds of search after which each trial settled, by number.
        proposal_seconds: Seconds that the search took to propose each trial, by number: from the last event before it other
            than a heartbeat. Nearly all of that is drawing and screening. Trials of version 1 are missing.
    """

    def __init__(self) -> None:
        self.header: dict[str, Any] = {}
        self.history = History()
        self.sessions: list[Session] = []
        self.pulses: tuple[Pulse, ...] = ()
        self.beat_time: float | None = None
        self.elapsed = 0.0
        self.last_time: float | None = None
        self.settled_time: dict[int, float] = {}
        self.settled_elapsed: dict[int, float] = {}
        self.proposal_seconds: dict[int, float] = {}
        self._last_work_time: float | None = None  # time of the last event other than a heartbeat
        self._deaths: Counter[int] = Counter()

    @property
    def ended(self) -> str | None:
        """Why the last session ended; None if it runs or died."""
        return self.sessions[-1].reason if self.sessions else None

    def attempts(self, number: int) -> int:
        """Number of sessions that died during the training of this trial."""
        return self._deaths[number]

    def apply(self, event: dict[str, Any], trusted: bool = False) -> None:
        """Applies an event after the first; one that does not fit changes nothing.

        Args:
            event: The event; its entries are removed.
            trusted: Whether the event is certainly as it was written.

        Raises:
            ValueError: The event does not fit the ones before it; missing or wrong values raise other errors.
        """
        kind, time = event.pop('event'), event.pop('time', None)
        handler = _HANDLERS.get(kind)
        if handler is None:
            raise ValueError(f'unknown event {kind!r}')
        handler(self, event, time, trusted)
        if time is not None:
            self.last_time = time
            if kind != 'beat':
                self._last_work_time = time
            if self.sessions:
                self.sessions[-1].last = time

    def settle(self, number: int, outcome: Outcome, elapsed: float, time: float | None) -> None:
        """Applies the outcome of a trial, after ``elapsed`` seconds of search, at ``time`` in Unix seconds."""
        self.history.settle(number, outcome)
        self.elapsed = self.settled_elapsed[number] = elapsed
        if time is not None:
            self.settled_time[number] = time

    def close_last_session(self) -> None:
        """Marks the last session as died, unless it recorded its end."""
        if not self.sessions or self.sessions[-1].ended:
            return
        session = self.sessions[-1]
        session.died = True
        if session.isolated:
            return
        # Unfinished trials restart in order of number before any new trial, so the first ones were in training.
        self._deaths.update(trial.number for trial in self.history.running()[: session.slots])

    def _started(self, event: dict[str, Any], time: float, trusted: bool) -> None:
        require_version(event.pop('version'))
        session = Session(began=time, **event)
        self.close_last_session()
        self.sessions.append(session)
        self.pulses, self.beat_time = (), None

    def _proposed(self, event: dict[str, Any], time: float | None, trusted: bool) -> None:
        trial = Trial.from_json(event, trusted)
        self.history.add(trial)
        if time is not None and self._last_work_time is not None:
            self.proposal_seconds[trial.number] = max(0.0, time - self._last_work_time)

    def _settled(self, event: dict[str, Any], time: float | None, trusted: bool) -> None:
        number, elapsed = event.pop('number'), event.pop('elapsed')
        self.settle(number, outcome_from_json(event), elapsed, time)

    def _beat(self, event: dict[str, Any], time: float, trusted: bool) -> None:
        pulses = tuple(Pulse.from_json(pulse) for pulse in event['pulses'])
        self.pulses, self.elapsed, self.beat_time = pulses, event['elapsed'], time

    def _ended(self, event: dict[str, Any], time: float, trusted: bool) -> None:
        if not self.sessions:
            raise ValueError('a session ended that never began')
        self.sessions[-1].reason = event['reason']


_HANDLERS = {
    'started': Record._started,
    'proposed': Record._proposed,
    'settled': Record._settled,
    'beat': Record._beat,
    'ended': Record._ended,
}


def require_version(version: object) -> None:
    """Refuses a version of the format that cannot be read.

    Raises:
        NewerVersion: The version is newer than the known ones.
        ValueError: It is not a version.
    """
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ValueError(f'there is no version {version!r}')
    if version > VERSION:
        raise NewerVersion(
            f'it is written in version {version} of the format, and here version 1 to {VERSION} are known; '
            'use the mmautoloss that wrote it, or a later one'
        )
