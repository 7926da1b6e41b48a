"""Where the time went: by stage, by session, by worker."""

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
        ``by``: who spent them. ``workers`` have ``share`` of the time that they were there (slots times hours of the
        sessions): what no training accounts for is ``waiting``, for the next candidate or for a process to start. The
        ``driver`` draws and screens while they train, as a share of the hours of search. Stages that the journal does
        not know are left out.
    """
    outcomes = [trial.required_outcome for trial in record.history.settled()]
    trained = [each for each in outcomes if each.seconds or each.stages]
    names = dict.fromkeys(name for each in trained for name in each.stages)
    spent = {name: _sum(each.stages.get(name, 0.0) for each in trained) for name in names}
    count = {name: sum(name in each.stages for each in trained) for name in names}
    other = _sum(each.seconds for each in trained if not each.stages)
    if other:
        spent[OTHER], count[OTHER] = other, sum(not each.stages for each in trained)
    capacity = _sum(session.slots * max(0.0, session.last - session.began) for session in record.sessions)
    if capacity > sum(spent.values()):
        spent[WAITING] = capacity - sum(spent.values())
    whole = sum(spent.values())
    rows = [(name, WORKER, hours, hours / whole if whole else 0.0, count.get(name)) for name, hours in spent.items()]
    return Table(STAGES, (*_driver(record), *rows))


def sessions_of(record: Record, sessions: Sequence[SessionFacts]) -> Table:
    """The runs of a search; ``busy_share`` is the part of the time in which its slots trained."""
    return Table(SESSIONS, tuple(_session(record, each) for each in sessions))


def workers_of(record: Record) -> Table:
    """What each worker settled; ``first`` and ``last`` are numbers of trials. None are known of old journals."""
    groups: dict[str, list[Trial]] = {}
    for trial in record.history.settled():
        worker = trial.required_outcome.worker
        if worker:
            groups.setdefault(worker, []).append(trial)
    rows = (
        (name, len(group), _sum(t.required_outcome.seconds for t in group), group[0].number, group[-1].number)
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
        rows.append((SCREENING, _sum(drawing), len(drawing)))
    whole = record.elapsed / 3600
    return [(name, DRIVER, hours, hours / whole if whole else 0.0, None) for name, hours, _ in rows]


def _session(record: Record, facts: SessionFacts) -> tuple:
    end = facts.began + facts.seconds
    settled = [n for n, time in record.settled_time.items() if facts.began <= time <= end]
    busy = _sum(record.history[number].required_outcome.seconds for number in settled)
    hours = facts.seconds / 3600
    share = min(1.0, busy / (facts.slots * hours)) if hours else None
    ended = 'running' if facts.ended is None else (facts.ended.splitlines() or [''])[0]
    began = datetime.fromtimestamp(facts.began, timezone.utc).strftime('%Y-%m-%d %H:%M UTC')
    return began, hours, facts.host, facts.pid, facts.slots, len(settled), busy, share, ended


def _sum(seconds: Iterable[float]) -> float:
    """Hours."""
    return sum(seconds) / 3600
