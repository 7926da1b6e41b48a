"""Values in several tasks, and how they become one score."""

from __future__ import annotations

import json
import random
from pathlib import Path
from statistics import fmean, stdev

import pytest

from mmautoloss.trial import (
    History,
    Outcome,
    Role,
    State,
    Trial,
    Unit,
    Yardstick,
    outcome_from_json,
    outcome_to_json,
    unit_of,
)
from mmautoloss.trial.line import parse_line, seal

JOURNALS = Path(__file__).parent / 'journals'
UNITS = {'cnn': Unit(0.5, 0.125), 'mlp': Unit(-2.0, 0.5)}


def of_tasks(**values: float) -> Outcome:
    return Outcome(State.COMPLETE, 0.0, tasks=values)


def test_gain_is_the_mean_over_tasks_in_units_of_noise_and_least_the_worst() -> None:
    values = {'cnn': 0.75, 'mlp': -2.5}  # 2 above and 1 below
    assert Yardstick('gain', UNITS).gains(values) == {'cnn': 2.0, 'mlp': -1.0}
    assert Yardstick('gain', UNITS).score(values) == 0.5
    assert Yardstick('least', UNITS).score(values) == -1.0


def test_a_unit_is_the_standard_deviation_but_never_nothing() -> None:
    values = [0.61, 0.64, 0.70]
    assert unit_of(values) == Unit(fmean(values), stdev(values))
    assert unit_of([0.5, 0.5, 0.5]) == Unit(0.5, 0.0005), 'a thousandth of the mean'
    assert unit_of([-0.0, 0.0]) == Unit(0.0, 0.001)
    for noise in (0.0, -1.0, float('nan'), float('inf')):
        with pytest.raises(ValueError, match='noise above 0'):
            Unit(0.5, noise)
    with pytest.raises(ValueError, match='gain or least'):
        Yardstick('sum', UNITS)


@pytest.mark.parametrize('aggregate', ['gain', 'least'])
def test_scores_do_not_depend_on_the_scales_of_the_metrics(aggregate: str) -> None:
    rng = random.Random(0)
    for _ in range(200):
        hand_made = {task: [rng.gauss(0.5, 0.1) for _ in range(4)] for task in 'ab'}
        values = {task: rng.gauss(0.5, 0.2) for task in 'ab'}
        scale = {task: (rng.uniform(0.5, 100), rng.gauss(0, 10)) for task in 'ab'}
        plain = Yardstick(aggregate, {task: unit_of(each) for task, each in hand_made.items()})
        other = Yardstick(
            aggregate, {task: unit_of([scale[task][0] * v + scale[task][1] for v in hand_made[task]]) for task in 'ab'}
        )
        moved = {task: scale[task][0] * value + scale[task][1] for task, value in values.items()}
        assert other.score(moved) == pytest.approx(plain.score(values), rel=1e-6, abs=1e-6)


def test_hand_made_losses_have_their_scores_once_the_yardstick_is_fixed() -> None:
    history, values = History(), [(0.5, 7.0), (0.6, 9.0), (0.7, 8.0)]
    for seed, (cnn, mlp) in enumerate(values):
        history.add(Trial(seed, Role.BASELINE, seed, repeats=0 if seed else None))
        history.settle(seed, of_tasks(cnn=cnn, mlp=mlp))
    assert history.baseline_scores() == [0.0] * 3 and history.yardstick is None
    yardstick = Yardstick('gain', {'cnn': unit_of([v[0] for v in values]), 'mlp': unit_of([v[1] for v in values])})
    history.add(Trial(3, Role.SEARCH, 0, yardstick=yardstick))
    assert history.baseline_scores() == pytest.approx([-1.0, 0.5, 0.5])
    assert [trial.score for trial in history.settled()] == history.baseline_scores()
    assert history[1].required_outcome.metrics['gain'] == history[1].score
    history.settle(3, of_tasks(cnn=0.6, mlp=8.0).measured(yardstick))
    history.add(Trial(4, Role.SEARCH, 1, repeats=3, yardstick=yardstick))
    history.settle(4, of_tasks(cnn=0.7, mlp=9.0).measured(yardstick))
    # 0 and 1 by themselves; against the hand-made losses with their seeds 1 and 0.5 better
    assert history.estimate(3) == pytest.approx(-1.0 + 0.75)


def test_a_later_yardstick_changes_nothing() -> None:
    history = History()
    history.add(Trial(0, Role.BASELINE, 0))
    history.settle(0, of_tasks(cnn=0.75, mlp=-2.0))
    first = Yardstick('gain', UNITS)
    history.add(Trial(1, Role.SEARCH, 0, yardstick=first))
    history.add(Trial(2, Role.SEARCH, 0, yardstick=Yardstick('gain', {'cnn': Unit(0, 1), 'mlp': Unit(0, 1)})))
    assert history.yardstick is first and history.baseline_scores() == [1.0]


def test_trials_and_outcomes_of_several_tasks_are_read_as_they_were_written() -> None:
    weights = {'cnn/cls': 0.5, 'mlp/cls': 2.0}
    trial = Trial(4, Role.SEARCH, 1, weights=weights, yardstick=Yardstick('least', UNITS))
    assert Trial.from_json(json.loads(json.dumps(trial.to_json()))) == trial
    assert trial.of_task('mlp').weights == {'cls': 2.0}
    outcome = of_tasks(cnn=0.5, mlp=1 / 3)
    assert outcome_from_json(json.loads(json.dumps(outcome_to_json(outcome)))) == outcome


@pytest.mark.parametrize('journal', ['version4_confirmed', 'version4_trunk', 'version4_tasks', 'version4_relay'])
def test_a_journal_is_written_as_before_byte_for_byte(journal: str) -> None:
    lines = (JOURNALS / f'{journal}.jsonl').read_bytes().splitlines(keepends=True)
    written = 0
    for line in lines:
        event = parse_line(line.rstrip(b'\n'))
        kind, time = event.pop('event'), event.pop('time')
        if kind == 'proposed':
            content = Trial.from_json(event).to_json()
        elif kind == 'settled':
            place = {'number': event.pop('number'), 'elapsed': event.pop('elapsed')}
            content = {**place, **outcome_to_json(outcome_from_json(event))}
        else:
            continue
        assert seal({'event': kind, 'time': time, **content}) == line
        written += 1
    assert written > 10
