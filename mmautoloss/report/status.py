"""The status of a running or finished search, from its journal alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from statistics import mean, stdev
from typing import Any

from mmautoloss.report.confirmation import Confirmation, Fresh, confirmation_of
from mmautoloss.report.learning import learning_text
from mmautoloss.report.lengths import Length, lengths_of
from mmautoloss.report.pace import Pace, pace_of
from mmautoloss.report.tasks import hand_made_scores, task_means, task_scales
from mmautoloss.report.verdict import verdict_of
from mmautoloss.search import funnel_rounds, holding, read_funnel
from mmautoloss.search.broken_setup import kind_of
from mmautoloss.trial import History, Pulse, Record, Role, Scale, Session, State, Trial, log_name, scale_of

_PATIENCE = 3
"""Heartbeats without any event after which a search is considered dead."""


@dataclass(frozen=True)
class Failure:
    """Trials that failed for the same reason.

    Attributes:
        reason: The common part of their reasons; ``#`` stands for a number.
        count: Number of trials.
        trials: Their numbers.
        log: Log file of the latest of them, in the work dir; it does not exist where the machine that trained it does not
            share the work dir, and in searches of earlier versions.
    """

    reason: str
    count: int
    trials: tuple[int, ...]
    log: str


@dataclass(frozen=True)
class SessionFacts:
    """One session of the search.

    Attributes:
        began: Start, in Unix seconds.
        seconds: Time from its start to its last event.
        host: Name of the machine.
        pid: Process id on that machine.
        slots: Number of trials that ran at the same time.
        ended: ``done``, ``interrupted``, the text of an error, or ``died``; None while it runs.
    """

    began: float
    seconds: float
    host: str
    pid: int
    slots: int
    ended: str | None


@dataclass(frozen=True)
class Score:
    """A loss and its scores, as the metric reports them.

    Attributes:
        trial: Number of its first trial.
        scores: One score for each seed.
        mean: Mean of the scores.
        spread: Standard deviation of the scores; None for a single one.
        expressions: Expressions by branch; empty for the hand-made losses.
        fresh: Whether the seeds are fresh ones, which chose nothing.
        tasks: Mean value in each task, as its metric reports it; empty in a search of one.
    """

    trial: int
    scores: tuple[float, ...]
    mean: float
    spread: float | None
    expressions: Mapping[str, str]
    fresh: bool = False
    tasks: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class FreshScores:
    """The scores that the verdict compares; None where there are none yet.

    Attributes:
        hand_made: Those of the hand-made losses.
        rival: Those of the best known loss.
        winner: Those of the best found losses.
    """

    hand_made: Score | None = None
    rival: Score | None = None
    winner: Score | None = None


@dataclass(frozen=True)
class Status:
    """Everything that ``mmautoloss status`` shows; the keys of ``--json``.

    Attributes:
        state: ``running``, ``finished``, ``interrupted``, ``error``, ``died``, ``not begun`` (there was no session yet) or
            ``unknown`` (the journal is of version 1, which does not record it).
        why: Reason for the state: the text of the error, or the sign that the search is dead.
        now: Time of the status, in Unix seconds.
        version: Version of the journal's first line.
        metric: Key of the monitored value; several are joined by +.
        greater: Whether a higher value is better.
        elapsed: Seconds of search, over all sessions.
        silent: Seconds since the last event; None where unknown.
        sessions: The sessions of the search, oldest first; None where unknown.
        trials: Counts by role and state; ``settled`` counts the complete, equivalent, stopped and failed ones.
        failures: Reasons of failed trials, most frequent first.
        funnel: Drawn expressions by verdict, most frequent first.
        workers: The last report of each worker; None where unknown.
        beat: Seconds since the last report of the workers; None where there was none.
        pace: Speed and remaining trainings.
        end: Expected end, in Unix seconds; None where the search does not run or the end is unknown.
        baseline: The hand-made losses, before fresh seeds; None where they have no score yet.
        best: The best found losses, by the scores that chose them; None where none has a score yet.
        lengths: The stages of ``budget.funnel`` that have begun; empty without it.
        fresh: The same losses and the best known one with fresh seeds, which the verdict compares.
        verdict: The verdict in words.
        learning: A warning where the hand-made losses have learnt next to nothing; '' otherwise.
    """

    state: str
    why: str
    now: float
    version: int
    metric: str
    greater: bool
    elapsed: float
    silent: float | None
    sessions: tuple[SessionFacts, ...] | None
    trials: Mapping[str, Mapping[str, int]]
    failures: tuple[Failure, ...]
    funnel: Mapping[str, int]
    workers: tuple[Pulse, ...] | None
    beat: float | None
    pace: Pace
    end: float | None
    baseline: Score | None
    best: Score | None
    lengths: tuple[Length, ...]
    fresh: FreshScores
    verdict: str
    learning: str = ''

    def to_json(self) -> dict[str, Any]:
        """The attributes as JSON types."""
        return asdict(self)


def status_of(record: Record, now: float, lives: bool | None = None) -> Status:
    """The status of a search.

    Args:
        record: The content of its journal.
        now: The present time, in Unix seconds.
        lives: Whether the process of the last session is alive; None where this machine cannot tell.
    """
    header, history, sessions = record.header, record.history, record.sessions
    state, why = _state(record, now, lives)
    elapsed = record.elapsed + (max(0.0, now - _anchor(record)) if state == 'running' else 0.0)
    pace = pace_of(record, elapsed)
    scale, scales = scale_of(header), task_scales(header)
    budget = sessions[-1].budget if sessions else {}
    funnel, lengths = read_funnel(budget.get('funnel')), lengths_of(history, budget, scale)
    held = holding(funnel_rounds(history, funnel))
    baselines, winner = history.of_role(Role.BASELINE), held[0] if held else history.winner()
    return Status(
        state=state,
        why=why,
        now=now,
        version=header['version'],
        metric=scale.metric,
        greater=scale.greater,
        elapsed=elapsed,
        silent=None if record.last_time is None else max(0.0, now - record.last_time),
        sessions=tuple(_session(session, state) for session in sessions) or None,
        trials={role.value: _count(history, role) for role in Role},
        failures=_failures(history),
        funnel=dict(history.funnel().most_common()),
        workers=record.pulses if sessions else None,
        beat=None if record.beat_time is None else max(0.0, now - record.beat_time),
        pace=pace,
        end=now + pace.seconds_left if state == 'running' and pace.seconds_left is not None else None,
        baseline=_score(baselines[0], baselines, scale.sign, scales) if hand_made_scores(history) else None,
        best=_score(winner, [winner, *history.repeats_of(winner.number)], scale.sign, scales) if winner else None,
        lengths=lengths,
        fresh=_fresh_scores(confirmation_of(history), history, scale.sign, scales),
        verdict=verdict_of(history, [winner] if winner else [], lengths if funnel else None, scale.sign).text,
        learning=learning_text(record),
    )


def _state(record: Record, now: float, lives: bool | None) -> tuple[str, str]:
    if not record.sessions:
        return _without_sessions(record)
    session = record.sessions[-1]
    if session.reason is not None:
        known = {'done': 'finished', 'interrupted': 'interrupted'}
        return known.get(session.reason, 'error'), '' if session.reason in known else session.reason
    process, silent = f'process {session.pid} on {session.host}', now - session.last
    if lives is False:
        return 'died', f'{process} is gone'
    if silent < _PATIENCE * session.heartbeat:
        return 'running', ''
    hint = f', though {process} is there: it hangs, or is another program by now' if lives else ''
    return 'died', f'nothing was heard of it for more than {_PATIENCE} heartbeats of {session.heartbeat:g} s{hint}'


def _without_sessions(record: Record) -> tuple[str, str]:
    if record.header['version'] > 1:
        return 'not begun', 'it is being set up, or that failed'
    return 'unknown', 'a journal of version 1 knows neither times nor workers'


def _anchor(record: Record) -> float:
    """Time of the last event that gives the elapsed seconds of search; a new session continues the count."""
    settled = record.history.latest_settled(1)
    times = [record.settled_time.get(trial.number, 0.0) for trial in settled]
    return max([record.sessions[-1].began, record.beat_time or 0.0, *times])


def _session(session: Session, state: str) -> SessionFacts:
    dead = session.reason is None and (session.died or state == 'died')
    return SessionFacts(
        began=session.began,
        seconds=max(0.0, session.last - session.began),
        host=session.host,
        pid=session.pid,
        slots=session.slots,
        ended='died' if dead else session.reason,
    )


def _count(history: History, role: Role) -> dict[str, int]:
    states = [trial.state for trial in history.of_role(role)]
    counts = {state.value: states.count(state) for state in State}
    return {**counts, 'settled': len(states) - counts['running']}


def _failures(history: History) -> tuple[Failure, ...]:
    groups: dict[str, list[int]] = {}
    for trial in history.settled():
        if trial.state is State.FAILED:
            trained = (trial.was_spared and history.failed_loss(trial.fingerprint)) or trial
            groups.setdefault(kind_of(trained.required_outcome.reason) or 'no reason given', []).append(trial.number)
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[1]))
    return tuple(Failure(reason, len(numbers), tuple(numbers), log_name(numbers[-1])) for reason, numbers in ordered)


def _fresh_scores(
    confirmation: Confirmation | None, history: History, sign: int, scales: Mapping[str, Scale]
) -> FreshScores:
    if confirmation is None:
        return FreshScores()
    all_ = (confirmation.hand_made, confirmation.rival, confirmation.winner)
    return FreshScores(*(_fresh_score(fresh, history, sign, scales) for fresh in all_))


def _fresh_score(fresh: Fresh | None, history: History, sign: int, scales: Mapping[str, Scale]) -> Score | None:
    if fresh is None:
        return None
    score = _score(fresh.trial, history.confirmations(fresh.trial.number, fresh.times).values(), sign, scales)
    return replace(score, fresh=True) if score else None


def _score(trial: Trial, runs: Iterable[Trial], sign: int, scales: Mapping[str, Scale]) -> Score | None:
    """The scores of a trial's losses in some trainings, of which the failed ones are left out."""
    scored = [run for run in runs if run.score is not None]
    if not scored:
        return None
    reported = tuple(sign * run.required_score for run in scored)
    spread = stdev(reported) if len(reported) > 1 else None
    texts = trial.genome.to_text() if trial.genome else {}
    return Score(trial.number, reported, mean(reported), spread, texts, tasks=task_means(scored, scales))
