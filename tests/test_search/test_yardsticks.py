"""A search of several tasks without models: the hand-made losses come first, and fix the scale of all scores."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean, stdev

import pytest

from mmautoloss.errors import SetupError
from mmautoloss.search import Budget, SearchSettings
from mmautoloss.trial import Outcome, Role, State, Trial, read_history
from tests.test_search.conftest import Search

COUNTS = {'baseline_repeats': 3, 'max_trials': 8, 'confirm_seeds': 5}


def values_of(trial: Trial) -> dict[str, float]:
    return {
        'cnn': (trial.number * 37 % 11 + trial.seed * 5 % 7) / 18,
        'mlp': 100 + trial.number * 23 % 13 + trial.seed % 3,
    }


def measure(trial: Trial) -> Outcome:
    """As an evaluator of several tasks does."""
    outcome = Outcome(State.COMPLETE, 0.0, tasks=values_of(trial))
    return outcome.measured(trial.yardstick) if trial.yardstick else outcome


@pytest.mark.parametrize('slots', [1, 3])
@pytest.mark.parametrize('aggregate', ['gain', 'least'])
def test_nothing_is_scored_before_the_hand_made_losses_have_settled(
    tmp_path: Path, slots: int, aggregate: str
) -> None:
    search = Search(tmp_path, aggregate=aggregate, budget=Budget(**COUNTS))
    search.run(measure, slots=slots, **COUNTS)
    history = search.history
    hand_made = history.of_role(Role.BASELINE)
    assert [trial.number for trial in hand_made] == [0, 1, 2, 3]
    assert {trial.yardstick for trial in hand_made} == {None}
    others = [trial for trial in history if trial.role is not Role.BASELINE]
    assert min(trial.settled_before for trial in others) == 4
    assert {trial.role for trial in others} >= {Role.KNOWN, Role.SEARCH, Role.FINALIST, Role.CONFIRM}
    assert all(trial.yardstick == history.yardstick for trial in others)
    for task, unit in history.yardstick.units.items():
        values = [trial.required_outcome.tasks[task] for trial in hand_made]
        assert (unit.mean, unit.noise) == (fmean(values), stdev(values))
    assert fmean(history.baseline_scores()) == pytest.approx(0.0, abs=1e-9) or aggregate == 'least'
    for trial in history:
        assert trial.score == pytest.approx(history.yardstick.score(trial.required_outcome.tasks))
    again = read_history(search.path)[1]
    assert [trial.score for trial in again] == [trial.score for trial in history], 'also when the journal is read'


def test_more_hand_made_trainings_do_not_change_the_scale(tmp_path: Path) -> None:
    search = Search(tmp_path, aggregate='gain', budget=Budget(**COUNTS))
    search.run(measure, **COUNTS)
    before = [trial.score for trial in search.history]
    search.run(measure, resume=True, **{**COUNTS, 'baseline_repeats': 6, 'max_trials': 10})
    history = search.history
    assert [trial.score for trial in history][: len(before)] == before
    late = [trial for trial in history.of_role(Role.BASELINE) if trial.number > 3]
    assert len(late) == 3 and all(trial.yardstick == history.yardstick for trial in late)
    assert len({str(trial.yardstick) for trial in history if trial.yardstick}) == 1


def test_candidates_with_several_seeds_are_compared_in_units_of_noise(tmp_path: Path) -> None:
    search = Search(tmp_path, aggregate='gain', budget=Budget(**COUNTS))
    search.run(measure, **{**COUNTS, 'max_trials': 20, 'candidate_seeds': 3})
    history = search.history
    again = [trial for trial in history if trial.measures_again]
    assert again and all(trial.yardstick == history.yardstick for trial in again)
    hand_made = {trial.seed: trial.required_score for trial in history.of_role(Role.BASELINE)}
    for number in {trial.repeats for trial in again}:
        runs = history.estimates.runs(number)
        gain = fmean(run.required_score - hand_made[run.seed] for run in runs)
        assert history.estimate(number) == pytest.approx(hand_made[3] + gain)


def test_hand_made_losses_must_be_repeated() -> None:
    for repeats in (0, 1):
        with pytest.raises(SetupError, match=f'baseline_repeats must be at least 2, but got {repeats}'):
            SearchSettings(budget=Budget(baseline_repeats=repeats), aggregate='gain')
    SearchSettings(budget=Budget(baseline_repeats=0))
