"""Races of finalists over seeds: who is trained again, who falls out, and that a race is a function of the history."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from mmautoloss.search.stages.race import (
    Race,
    Round,
    equal_rounds,
    halving_rounds,
    run_race,
    trainings,
)
from mmautoloss.trial import History, Outcome, Role, State, Trial


class Story:
    """Candidates with these first scores, best first, and their repeats."""

    def __init__(self, scores: tuple[float, ...], rounds: tuple[Round, ...]) -> None:
        self.history, self.rounds = History(), rounds
        for score in scores:
            self.add(Role.SEARCH, None)
            self.settle(len(self.history) - 1, score)
        self.contenders = list(self.history)

    def add(self, role: Role, repeats: int | None, seed: int = 0) -> None:
        self.history.add(Trial(len(self.history), role, seed, repeats=repeats))

    def settle(self, number: int, score: float | None) -> None:
        failed = Outcome(State.FAILED, reason='not finite: a loss')
        self.history.settle(number, failed if score is None else Outcome(State.COMPLETE, score))

    @property
    def race(self) -> Race:
        return run_race(self.history, self.contenders, self.rounds)

    def begin(self) -> int:
        trial, repeat = self.race.next
        self.add(Role.FINALIST, trial.number, repeat)
        return trial.number

    def train(self, scores: dict[int, float | None]) -> list[int]:
        """Repeats until the race is over; each loss has this score in all of them."""
        begun = []
        while self.race.next:
            begun.append(self.begin())
            self.settle(len(self.history) - 1, scores[begun[-1]])
        return begun


@pytest.mark.parametrize(('runners', 'repeats'), [(n, r) for n in range(12) for r in range(6)])
def test_a_race_never_trains_more_than_equal_repeats_do(runners: int, repeats: int) -> None:
    rounds = halving_rounds(runners, repeats)
    assert trainings(rounds) <= trainings(equal_rounds(runners, repeats)) == runners * repeats
    assert [each.runners for each in rounds] == sorted((each.runners for each in rounds), reverse=True)
    assert all(later.repeats > earlier.repeats for earlier, later in pairwise(rounds))
    if runners > 1 and repeats:
        assert rounds[0].runners == runners
    if runners > 1 and repeats > 1:
        assert rounds[-1].runners <= 3, 'the last round is between few'


@pytest.mark.parametrize(
    ('runners', 'repeats', 'rounds'),
    [
        (3, 2, [(3, 1), (2, 2)]),
        (3, 4, [(3, 2), (2, 5)]),
        (2, 3, [(2, 3)]),
        (1, 3, []),
        (8, 4, [(8, 1), (4, 4), (2, 10)]),
        (8, 1, [(8, 1)]),
    ],
)
def test_rounds_worked_out_by_hand(runners: int, repeats: int, rounds: list) -> None:
    assert list(halving_rounds(runners, repeats)) == rounds


def test_worse_half_falls_out_and_the_first_score_counts() -> None:
    story = Story((0.9, 0.8, 0.7), halving_rounds(3, 2))
    assert story.train({0: 0.1, 1: 0.6, 2: 0.8}) == [0, 1, 2, 2, 1], 'means after the first: 0.5, 0.7, 0.75'
    assert [trial.number for trial in story.race.standing] == [2, 1, 0] and story.race.left == 0


def test_lone_training_that_failed_falls_behind_all_others() -> None:
    story = Story((0.9, 0.3, 0.2), halving_rounds(3, 2))
    story.train({0: None, 1: 0.3, 2: 0.2})
    assert [trial.number for trial in story.race.standing] == [1, 2, 0]


def test_equal_allocation_trains_seed_by_seed() -> None:
    assert Story((0.9, 0.8), equal_rounds(2, 2)).train({0: 0.1, 1: 0.2}) == [0, 1, 0, 1]


def test_with_several_at_once_a_round_waits_for_its_end() -> None:
    story = Story((0.9, 0.8, 0.7), halving_rounds(3, 2))
    assert [story.begin() for _ in range(3)] == [0, 1, 2]
    assert story.race.next is None and story.race.left == 5, 'nobody knows yet who falls out'
    for number, score in ((5, 0.7), (3, 0.1)):
        story.settle(number, score)
    assert story.race.next is None and story.race.left == 3
    story.settle(4, 0.8)
    assert [story.begin() for _ in range(2)] == [1, 2] and story.race.next is None and story.race.left == 2


def test_repeats_of_an_earlier_race_count() -> None:
    """As after a resume with more candidates: who was trained again in the first session need not be once more."""
    story = Story((0.9, 0.8), equal_rounds(2, 2))
    story.train({0: 0.5, 1: 0.6})
    story.add(Role.SEARCH, None)
    story.settle(6, 0.95)
    story.contenders, story.rounds = [story.history[6], *story.contenders], halving_rounds(3, 2)
    assert story.train({6: 0.9}) == [6, 6]
    assert story.race.standing[0].number == 6


@pytest.mark.parametrize('seed', range(5))
def test_left_is_what_then_begins(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(40):
        runners, repeats = rng.randrange(1, 9), rng.randrange(4)
        rounds = rng.choice([halving_rounds, equal_rounds])(runners, repeats)
        story = Story(tuple(sorted((rng.random() for _ in range(runners)), reverse=True)), rounds)
        running: list[int] = []
        left = story.race.left
        assert left == trainings(rounds)
        while story.race.next or running:
            if story.race.next and rng.random() < 0.6:
                story.begin()
                running.append(len(story.history) - 1)
            elif running:
                story.settle(running.pop(rng.randrange(len(running))), rng.choice([None, rng.random()]))
                left -= 1
            assert story.race.left == left
        assert left == 0
