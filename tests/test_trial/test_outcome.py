"""What an outcome may be, and trials as JSON."""

from __future__ import annotations

import json
import math

import pytest

from mmautoloss.trial import Outcome, Role, State, Trial, outcome_from_json, outcome_to_json
from tests.test_trial.conftest import GENOME


@pytest.mark.parametrize(
    ('state', 'score', 'error'),
    [
        pytest.param(State.RUNNING, None, 'cannot be "running"', id='running'),
        pytest.param(State.COMPLETE, None, 'has a score unless it failed', id='complete, no score'),
        pytest.param(State.EQUIVALENT, None, 'has a score unless', id='equivalent, no score'),
        pytest.param(State.FAILED, 0.5, 'has a score unless it failed', id='failed, score'),
        pytest.param(State.COMPLETE, math.nan, 'must be finite', id='nan'),
        pytest.param(State.COMPLETE, -math.inf, 'must be finite', id='inf'),
    ],
)
def test_outcome_refuses(state: State, score: float | None, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        Outcome(state, score)


def test_stopped_without_a_score_needs_a_reason() -> None:
    with pytest.raises(
        ValueError, match=r"begins with 'no score at the rung' .* but got 'slow' without a score there"
    ):
        Outcome(State.STOPPED, reason='slow')


OUTCOMES = [
    Outcome(State.COMPLETE, 0.1 + 0.2, {'toy/score': 0.1 + 0.2, 'toy/error': 0.7}, 1.25),
    Outcome(State.EQUIVALENT, -3.0, reason='trial 2'),
    Outcome(State.STOPPED, rung=0.1),
    Outcome(State.STOPPED, reason='no score at the rung: nothing'),
    Outcome(State.FAILED, reason='line one\nline "two" \u00e4'),
]


@pytest.mark.parametrize(
    'outcome', OUTCOMES, ids=lambda outcome: f'{outcome.state.value} {outcome.reason[:8]}'.strip()
)
def test_outcome_survives_json(outcome: Outcome) -> None:
    text = json.dumps(outcome_to_json(outcome), allow_nan=False)
    assert outcome_from_json(json.loads(text)) == outcome


TRIALS = [
    Trial(0, Role.BASELINE, seed=3, origin='hand-made'),
    Trial(
        5,
        Role.FINALIST,
        seed=1,
        genome=GENOME,
        weights={'cls': 1 / 3, 'box': 1e-9},
        parent=2,
        origin='repeat',
        repeats=2,
        fingerprint='1.0e+00 | 2.0e+00',
        funnel={'accepted': 1, 'low gain': 7},
        settled_before=4,
    ),
]


@pytest.mark.parametrize('trial', TRIALS, ids=lambda trial: trial.role.value)
def test_trial_survives_json(trial: Trial) -> None:
    assert Trial.from_json(json.loads(json.dumps(trial.to_json(), allow_nan=False))) == trial


def test_trial_without_outcome_is_running() -> None:
    trial = TRIALS[1]
    assert (trial.state, trial.score) == (State.RUNNING, None)
    settled = trial.settle(OUTCOMES[0])
    assert (settled.state, settled.score) == (State.COMPLETE, 0.1 + 0.2)
    assert trial.outcome is None, 'a trial is never changed'
