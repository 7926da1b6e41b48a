"""A trial: one candidate, which is trained or settled otherwise."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache
from typing import Any

from mmautoloss.expr import Genome
from mmautoloss.trial.saved import Saved
from mmautoloss.trial.yardstick import Yardstick

SAME = 'trial '
"""Start of the reason of a trial that was not trained, since another trial has the same loss."""

OWN_FAULT = ('not finite', 'The validation gave no')
"""Starts of the reasons of failures that a loss causes: numbers that are not finite, a network that predicts nothing."""

AT_RUNG = 'at the rung'
"""End of the reason of a trial that failed at the rung."""

UNSCORED = f'no score {AT_RUNG}'
"""Start of the reason of a trial that was stopped without a score at the rung."""


class State(str, Enum):
    """The state of a trial."""

    RUNNING = 'running'
    COMPLETE = 'complete'
    EQUIVALENT = 'equivalent'
    STOPPED = 'stopped'
    FAILED = 'failed'


class Role(str, Enum):
    """The purpose of a trial.

    A trunk is the training with the hand-made losses that candidates continue, ``plain`` the hand-made losses from begin to
    end, ``longer`` a stage of the funnel over lengths, ``confirm`` a training whose seed has chosen nothing, and ``leg`` a
    candidate of a relay, which trains one generation and begins from the weights that the best of the one before left.
    """

    BASELINE = 'baseline'
    KNOWN = 'known'
    SEARCH = 'search'
    FINALIST = 'finalist'
    TRUNK = 'trunk'
    PLAIN = 'plain'
    LONGER = 'longer'
    CONFIRM = 'confirm'
    LEG = 'leg'


CANDIDATE_ROLES = (Role.KNOWN, Role.SEARCH, Role.LEG)
"""Roles of candidates, known losses and those of a relay among them."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of a trial.

    Attributes:
        state: Complete, equivalent, stopped (at the rung) or failed.
        score: Monitored metric, higher is better; None exactly if the trial failed or was stopped.
        metrics: All values of the validation, as the evaluator names them.
        seconds: Time spent on training and validation.
        reason: Why it failed or had no score at the rung, or which trial is the same loss; '' otherwise. For a failed
            training it begins with ``not finite:``, ``time limit:``, ``worker died:``, ``worker hung:`` or, for an
            exception in the user's model, data or metric, ``Traceback``.
        stages: Seconds by stage: ``build`` (if a model was built), ``train``, ``rung``, ``validate``.
        worker: Name of the worker that measured it, if any.
        attempts: Number of workers used: one that dies is replaced, and the trial is measured again.
        rung: Its score at the rung, higher is better; None if there was no rung, or no score there.
        leak: What differed when its training was restarted in the same process, and the consequence; '' if nothing did,
            or if it was not restarted.
        saved: The training that it saved for others to continue, if it is a trunk or a leg.
        tasks: Its values by task, higher is better, in a search of several tasks; without a yardstick its score is 0.
    """

    state: State
    score: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    reason: str = ''
    stages: Mapping[str, float] = field(default_factory=dict)
    worker: str = ''
    attempts: int = 1
    rung: float | None = None
    leak: str = ''
    saved: Saved | None = None
    tasks: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.state is State.RUNNING:
            raise ValueError('An outcome cannot be "running".')
        if (self.score is None) != (self.state in (State.FAILED, State.STOPPED)):
            raise ValueError(
                f'A trial has a score unless it failed or was stopped, but got {self.state} with {self.score}.'
            )
        if self.state is State.STOPPED and self.rung is None and not self.reason.startswith((UNSCORED, SAME)):
            raise ValueError(
                f'A trial is stopped by its score at the rung, or its reason begins with {UNSCORED!r} or {SAME!r}, '
                f'but got {self.reason!r} without a score there.'
            )
        if not all(math.isfinite(score) for score in (self.score, self.rung) if score is not None):
            raise ValueError(f'A score must be finite, but got {self.score}, at the rung {self.rung}.')

    def measured(self, yardstick: Yardstick) -> Outcome:
        """The same outcome with the score of its values by task, which is also among its metrics."""
        score = yardstick.score(self.tasks)
        return replace(self, score=score, metrics={yardstick.label: score, **self.metrics})


@dataclass(frozen=True)
class Trial:
    """A candidate, its origin and its outcome.

    Attributes:
        number: Position in the search, from 0.
        role: Its purpose.
        seed: Seed of its initial weights and its data order.
        genome: The expressions, or None for the hand-made losses.
        weights: Factor of each branch's loss, by branch; in a search of several tasks by ``TASK/BRANCH``.
        parent: Number of the trial it was bred from, if any.
        origin: How it was bred, such as ``random`` or ``insert(rpn_cls)``.
        repeats: Number of the trial that it trains again with another seed, if any.
        fingerprint: Gradient fingerprint of the genome; equal ones are the same loss. '' if not computed.
        funnel: Number of expressions drawn for it, by verdict.
        settled_before: Number of trials that were settled when it was bred.
        bar: Threshold at the rung: with a lower score or none it is stopped; None if it is never stopped.
        times: Length of its training as a multiple of that of a candidate.
        begin: The saved training that it continues; None if it begins as its config says.
        yardstick: What makes one score of its values in several tasks; None for one task, and for the trainings of the
            hand-made losses by which it is fixed.
        outcome: Its outcome, or None while it runs.
    """

    number: int
    role: Role
    seed: int
    genome: Genome | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    parent: int | None = None
    origin: str = ''
    repeats: int | None = None
    fingerprint: str = ''
    funnel: Mapping[str, int] = field(default_factory=dict)
    settled_before: int = 0
    bar: float | None = None
    times: float = 1
    begin: Saved | None = None
    yardstick: Yardstick | None = None
    outcome: Outcome | None = None

    @property
    def state(self) -> State:
        """Its state."""
        return self.outcome.state if self.outcome else State.RUNNING

    @property
    def score(self) -> float | None:
        """Its score, if it has one."""
        return self.outcome.score if self.outcome else None

    @property
    def required_outcome(self) -> Outcome:
        """Its outcome, for callers that know that it is settled."""
        if self.outcome is None:
            raise ValueError(f'Trial {self.number} is not settled.')
        return self.outcome

    @property
    def required_score(self) -> float:
        """Its score, for callers that know that it has one."""
        score = self.score
        if score is None:
            raise ValueError(f'Trial {self.number} has no score.')
        return score

    @property
    def required_genome(self) -> Genome:
        """Its expressions, for callers that know that its losses are not the hand-made ones."""
        if self.genome is None:
            raise ValueError(f'Trial {self.number} has the hand-made losses, not expressions.')
        return self.genome

    @property
    def was_spared(self) -> bool:
        """Whether it was settled without training, since another trial has the same loss."""
        outcome = self.outcome
        return outcome is not None and (outcome.state is State.EQUIVALENT or outcome.reason.startswith(SAME))

    @property
    def twin(self) -> int | None:
        """The number of the trial with the same loss whose score it has; None where it is no such trial."""
        number = self.required_outcome.reason.removeprefix(SAME) if self.state is State.EQUIVALENT else ''
        return int(number) if number.isdecimal() else None

    @property
    def measures_again(self) -> bool:
        """Whether it trains an earlier candidate with another seed in the search: a training, but no new loss."""
        return self.role is Role.SEARCH and self.repeats is not None

    @property
    def failed_by_itself(self) -> bool:
        """Whether its losses caused its failure, so that it would fail again.

        A trial that was ended by a time limit, a dead worker or an exception may succeed another time.
        """
        return self.state is State.FAILED and self.required_outcome.reason.startswith(OWN_FAULT)

    def of_task(self, task: str) -> Trial:
        """The trial with the weights of one task of several."""
        start = f'{task}/'
        own = {name.removeprefix(start): weight for name, weight in self.weights.items() if name.startswith(start)}
        return replace(self, weights=own)

    def settle(self, outcome: Outcome) -> Trial:
        """The same trial with an outcome."""
        settled = object.__new__(Trial)  # ``replace`` takes several times as long, and long journals have many trials
        settled.__dict__.update(self.__dict__, outcome=outcome)
        return settled

    def to_json(self) -> dict[str, Any]:
        """The trial without its outcome, in types of JSON."""
        return {
            'number': self.number,
            'role': self.role.value,
            'seed': self.seed,
            'genome': self.genome.to_text() if self.genome else None,
            'weights': dict(self.weights),
            'parent': self.parent,
            'origin': self.origin,
            'repeats': self.repeats,
            'fingerprint': self.fingerprint,
            'funnel': dict(self.funnel),
            'settled_before': self.settled_before,
            'bar': self.bar,
            **({'times': self.times} if self.times != 1 else {}),
            **({'begin': self.begin.to_json()} if self.begin else {}),
            **({'yardstick': self.yardstick.to_json()} if self.yardstick else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], trusted: bool = False) -> Trial:
        """The trial that ``to_json`` wrote.

        Args:
            data: The trial in types of JSON.
            trusted: Whether the expressions are certainly as they were written, so that they need not be parsed now.
        """
        read_genome = Genome.from_trusted_text if trusted else Genome.from_text
        genome = read_genome(data['genome']) if data['genome'] else None
        begin, yardstick = Saved.from_json(data.get('begin')), Yardstick.from_json(data.get('yardstick'))
        role = _member(Role, data['role'])
        return cls(**{**data, 'role': role, 'genome': genome, 'begin': begin, 'yardstick': yardstick})


def outcome_to_json(outcome: Outcome) -> dict[str, Any]:
    """An outcome in types of JSON."""
    return {
        'state': outcome.state.value,
        'score': outcome.score,
        'metrics': dict(outcome.metrics),
        'seconds': outcome.seconds,
        'reason': outcome.reason,
        'stages': dict(outcome.stages),
        'worker': outcome.worker,
        'attempts': outcome.attempts,
        'rung': outcome.rung,
        **({'leak': outcome.leak} if outcome.leak else {}),
        **({'saved': outcome.saved.to_json()} if outcome.saved else {}),
        **({'tasks': dict(outcome.tasks)} if outcome.tasks else {}),
    }


def outcome_from_json(data: Mapping[str, Any]) -> Outcome:
    """The outcome that ``outcome_to_json`` wrote, also in earlier versions, which had fewer fields."""
    saved = Saved.from_json(data.get('saved'))
    return Outcome(**{**data, 'state': _member(State, data['state']), 'saved': saved})


@cache
def _member(kind: type[Enum], value: str) -> Enum:
    """The member with a value, cached since long journals repeat the same few."""
    return kind(value)
