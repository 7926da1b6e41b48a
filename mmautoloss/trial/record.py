"""What a journal says, event by event."""

from __future__ import annotations

from collections import Counter
from typing import Any

from mmautoloss.errors import JournalError
from mmautoloss.trial.history import History
from mmautoloss.trial.line import VERSION
from mmautoloss.trial.pulse import Pulse
from mmautoloss.trial.session import Session
from mmautoloss.trial.trial import Trial, outcome_from_json


class NewerVersion(JournalError):
    """A journal of a version that is not known yet."""


class Record:
    """All that a journal says.

    Attributes:
        header: The first event: what is searched, and ``version`` and ``info`` of the first start.
        history: The trials.
        sessions: The runs of the search, oldest first; of version 1 none are known.
        pulses: What the workers did at the last beat of the last session.
        beat_time: When that was, in Unix seconds; None where there was none.
        elapsed: Seconds of search, over all sessions.
        last_time: When the last event was written, in Unix seconds; None in version 1.
        settled_time: When each trial settled, in Unix seconds, by number; trials of version 1 are missing.
        settled_elapsed: How many seconds of search each trial settled after, by number.
        proposal_seconds: How long the search took to propose each trial, by number: from the event before it, signs of life
            apart, to the proposal. Nearly all of it is drawing and screening. Trials of version 1 are missing.
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
        self._turned: float | None = None  # when the search last turned to something else
        self._deaths: Counter[int] = Counter()

    @property
    def ended(self) -> str | None:
        """Why the last session ended; None where it runs or died."""
        return self.sessions[-1].reason if self.sessions else None

    def attempts(self, number: int) -> int:
        """How many sessions died while this trial was trained."""
        return self._deaths[number]

    def apply(self, event: dict[str, Any], trusted: bool = False) -> None:
        """Takes in an event after the first; one that does not fit changes nothing.

        Args:
            event: The event; it is used up.
            trusted: Whether it is certainly as it was written.

        Raises:
            ValueError: It does not fit what was there before; other errors tell of missing or wrong values.
        """
        kind, time = event.pop('event'), event.pop('time', None)
        read = _READERS.get(kind)
        if read is None:
            raise ValueError(f'unknown event {kind!r}')
        read(self, event, time, trusted)
        if time is not None:
            self.last_time = time
            if kind != 'beat':
                self._turned = time
            if self.sessions:
                self.sessions[-1].last = time

    def bury(self) -> None:
        """Notes that the last session is over: without an end of its own, it died."""
        if not self.sessions or self.sessions[-1].ended:
            return
        session = self.sessions[-1]
        session.died = True
        if session.isolated:
            return
        # Unfinished trials are begun again by number before any new one, so the first few were in training.
        self._deaths.update(trial.number for trial in self.history.running()[: session.slots])

    def _started(self, event: dict[str, Any], time: float, trusted: bool) -> None:
        require_version(event.pop('version'))
        session = Session(began=time, **event)
        self.bury()
        self.sessions.append(session)
        self.pulses, self.beat_time = (), None

    def _proposed(self, event: dict[str, Any], time: float | None, trusted: bool) -> None:
        trial = Trial.from_json(event, trusted)
        self.history.add(trial)
        if time is not None and self._turned is not None:
            self.proposal_seconds[trial.number] = max(0.0, time - self._turned)

    def _settled(self, event: dict[str, Any], time: float | None, trusted: bool) -> None:
        number, elapsed = event.pop('number'), event.pop('elapsed')
        self.history.settle(number, outcome_from_json(event))
        self.elapsed = self.settled_elapsed[number] = elapsed
        if time is not None:
            self.settled_time[number] = time

    def _beat(self, event: dict[str, Any], time: float, trusted: bool) -> None:
        pulses = tuple(Pulse.from_json(pulse) for pulse in event['pulses'])
        self.pulses, self.elapsed, self.beat_time = pulses, event['elapsed'], time

    def _ended(self, event: dict[str, Any], time: float, trusted: bool) -> None:
        if not self.sessions:
            raise ValueError('a session ended that never began')
        self.sessions[-1].reason = event['reason']


_READERS = {
    'started': Record._started,
    'proposed': Record._proposed,
    'settled': Record._settled,
    'beat': Record._beat,
    'ended': Record._ended,
}


def require_version(version: object) -> None:
    """Refuses a version of the format that cannot be read.

    Raises:
        NewerVersion: It is a later one.
        ValueError: It is none.
    """
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ValueError(f'there is no version {version!r}')
    if version > VERSION:
        raise NewerVersion(
            f'it is written in version {version} of the format, and here version 1 to {VERSION} are known; '
            'use the mmautoloss that wrote it, or a later one'
        )
