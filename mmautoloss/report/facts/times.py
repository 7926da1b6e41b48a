"""The time spent by stage, by session and by worker."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone

from mmautoloss.report.facts.table import Table
from mmautoloss.report.status import SessionFacts
from mmautoloss.trial import Record, Trial

STAGES = ('stage', 'by', 'hours', 'share', 'trainings')
SESSIONS = ('began', 'hours', 'host', 'pid', 'slots', 'settled', 'busy_hours', 'busy_share', 'end')
WORKERS = ('worker', 'trials', 'hours', 'first', 'last')
DRIVER, WORKER = 'driver', 'workers'
WAITING, OTHER, SCREENING, SETUP = 'waiting', 'not told apart', 'drawing and screening', 'set-up'


def stages_of(record: Record) -> Table:
    """Hours by stage.

    Returns:
        ``by``: ``workers`` or ``driver``. The ``share`` of a stage of the workers is relative to slots times hours of the
        sessions; time outside of trainings is ``waiting`` for the next candidate or for a process to start. The driver
        draws and screens while the workers train; its share is relative to the hours of search. Stages that the journal
        does not record are left out.
    """
    outcomes = [trial.required_outcome for trial in record.history.settled()]
    trained = [outcome for outcome in outcomes if outcome.seconds or outcome.stages]
    names = dict.fromkeys(name for outcome in trained for name in outcome.stages)
    spent = {name: _hours(outcome.stages.get(name, 0.0) for outcome in trained) for name in names}
    count = {name: sum(name in outcome.stages for outcome in trained) for name in names}
    other = _hours(outcome.seconds for outcome in trained if not outcome.stages)
    if other:
        spent[OTHER], count[OTHER] = other, sum(not outcome.stages for outcome in trained)
    capacity = _hours(session.slots * max(0.0, session.last - session.began) for session in record.sessions)
    if capacity > sum(spent.values()):
        spent[WAITING] = capacity - sum(spent.values())
    total = sum(spent.values())
    rows = [(name, WORKER, hours, hours / total if total else 0.0, count.get(name)) for name, hours in spent.items()]
    return Table(STAGES, (*_driver(record), *rows))


def sessions_of(record: Record, sessions: Sequence[SessionFacts]) -> Table:
    """The sessions of a search; ``busy_share`` is the share of the slots' time spent training."""
    return Table(SESSIONS, tuple(_session(record, session) for session in sessions))


def workers_of(record: Record) -> Table:
    """Trials settled by each worker, ``first`` to ``last`` by number; empty for old journals, which record no workers."""
    groups: dict[str, list[Trial]] = {}
    for trial in record.history.settled():
        worker = trial.required_outcome.worker
        if worker:
            groups.setdefault(worker, []).append(trial)
    rows = (
        (name, len(group), _hours(t.required_outcome.seconds for t in group), group[0].number, group[-1].number)
        for name, group in sorted(groups.items())
    )
    return Table(WORKERS, tuple(rows))


def _driver(record: Record) -> list[tuple]:
    rows = []
    began = record.header.get('time')
    if began is not None and record.sessions:
        rows.append((SETUP, max(0.0, record.sessions[0].began - began) / 3600, 1))
    drawing = [record.proposal_seconds[t.number] for t in record.history if t.number in record.proposal_seconds]
    if drawing:
        rows.append((SCREENING, _hours(drawing), len(drawing)))
    total = record.elapsed / 3600
    return [(name, DRIVER, hours, hours / total if total else 0.0, None) for name, hours, _ in rows]


def _session(record: Record, facts: SessionFacts) -> tuple:
    end = facts.began + facts.seconds
    settled = [n for n, time in record.settled_time.items() if facts.began <= time <= end]
    busy = _hours(record.history[number].required_outcome.seconds for number in settled)
    hours = facts.seconds / 3600
    share = min(1.0, busy / (facts.slots * hours)) if hours else None
    ended = 'running' if facts.ended is None else (facts.ended.splitlines() or [''])[0]
    began = datetime.fromtimestamp(facts.began, timezone.utc).strftime('%Y-%m-%d %H:%M UTC')
    return began, hours, facts.host, facts.pid, facts.slots, len(settled), busy, share, ended


def _hours(seconds: Iterable[float]) -> float:
    """The sum of these seconds in hours."""
    return sum(seconds) / 3600
