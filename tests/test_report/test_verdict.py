"""When reports say "better": by fresh seeds alone."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from mmautoloss.expr import Genome
from mmautoloss.report.verdict import Verdict, verdict_of
from mmautoloss.trial import History, Outcome, Role, State, Trial

GENOME = Genome.from_text({'cls': '-y * log(p)'})
NOISE = (0.02, -0.01, 0.0, 0.015, -0.02, 0.01)


class Story:
    """The hand-made losses, a known loss and a found one, with these scores in the search, and their fresh seeds."""

    def __init__(self, hand_made: float = 0.5, known: float | None = 0.4, found: float = 0.9) -> None:
        self.history = History()
        self.tell(Role.BASELINE, hand_made)
        self.tell(Role.KNOWN, known)
        self.tell(Role.SEARCH, found)

    def tell(self, role: Role, score: float | None, **fields: float) -> None:
        number = len(self.history)
        genome = None if role is Role.BASELINE or fields.get('repeats') == 0 else GENOME
        self.history.add(Trial(number, role, fields.pop('seed', 0), genome, **fields))
        failed = Outcome(State.FAILED, reason='not finite: a loss')
        self.history.settle(number, failed if score is None else Outcome(State.COMPLETE, score))

    def fresh(self, repeats: int, scores: Sequence[float | None], first: int = 1000, **fields: float) -> Story:
        for seed, score in enumerate(scores, first):
            self.tell(Role.CONFIRM, score, repeats=repeats, seed=seed, **fields)
        return self

    @property
    def verdict(self) -> Verdict:
        return verdict_of(self.history, self.history.ranking(1))


def around(mean: float, count: int = 5, noise: float = 1.0, turn: int = 0) -> list[float]:
    return [mean + noise * NOISE[(seed + turn) % 6] for seed in range(count)]


CASES = [
    pytest.param(0.5, 0.45, 0.6, 'better', 'better', 'are better than the hand-made ones: .* They are also better than '
                 r'the best known loss, trial 1 \(ce\): \+0.1', id='better than both'),
    pytest.param(0.5, 0.6, 0.6, 'better', 'even', r'Against the best known loss, trial 1 \(ce\): .*not shown to differ',
                 id='better than the hand-made only'),
    pytest.param(0.5, 0.7, 0.6, 'better', 'worse', 'The best known loss, .* is better than they are: -0.', id='known best'),
    pytest.param(0.5, 0.3, 0.5, 'even', 'even', r'are not shown to differ .* Against the best known loss, .*\)\.$',
                 id='no second claim without the first'),
    pytest.param(0.5, 0.5, 0.4, 'worse', 'worse', 'are worse than the hand-made ones: -0.0960', id='worse'),
]  # fmt: skip


@pytest.mark.parametrize(('hand_made', 'known', 'found', 'word', 'over_rival', 'text'), CASES)
def test_verdict_is_that_of_fresh_seeds(
    hand_made: float, known: float, found: float, word: str, over_rival: str, text: str
) -> None:
    story = Story().fresh(0, around(hand_made)).fresh(1, around(known, turn=1)).fresh(2, around(found, turn=2))
    verdict = story.verdict
    assert (verdict.word, verdict.over_rival) == (word, over_rival), verdict.text
    assert re.search(text, verdict.text), verdict.text
    fresh = sum(around(found, turn=2)) / 5 - sum(around(hand_made)) / 5
    assert verdict.gain == pytest.approx(fresh), 'the scores that chose have no part in it'
    assert verdict.low <= verdict.gain <= verdict.high and f'{verdict.low:+.4f} to {verdict.high:+.4f}' in verdict.text


def test_without_fresh_seeds_nothing_is_better() -> None:
    story = Story(0.1, None, 0.9)
    for seed in range(1, 20):
        story.tell(Role.BASELINE, 0.1, repeats=0, seed=seed)
        story.tell(Role.FINALIST, 0.9, repeats=2, seed=seed)
    verdict = story.verdict
    assert (verdict.word, verdict.gain, verdict.low) == ('unconfirmed', pytest.approx(0.8), None)
    assert (
        'chosen by these scores' in verdict.text and 'budget.confirm_seeds=5 and go on with --resume' in verdict.text
    )
    assert 'are better' not in verdict.text


@pytest.mark.parametrize(
    ('scores', 'text'),
    [
        pytest.param(around(0.9, 4), 'have 4 fresh seeds in common, and fewer than 5', id='too few'),
        pytest.param([*around(0.9, 5), None], '1 of 6 trainings of the best found losses .* failed', id='one failed'),
        pytest.param([None] * 5, '5 of 5 trainings', id='all failed'),
    ],
)
def test_failures_of_the_winner_are_not_left_out_in_its_favour(scores: list, text: str) -> None:
    verdict = Story().fresh(0, around(0.5, 6)).fresh(2, scores).verdict
    assert verdict.word == 'unknown' and verdict.gain is None and re.search(text, verdict.text), verdict.text


def test_failures_of_the_others_leave_fewer_pairs() -> None:
    story = Story().fresh(0, [None, *around(0.5, 5)]).fresh(1, [None, None, *around(0.4, 4)]).fresh(2, around(0.9, 6))
    verdict = story.verdict
    assert verdict.word == 'better' and 'over 5 fresh seeds' in verdict.text
    assert verdict.over_rival == 'unknown' and 'too few fresh seeds are in common' in verdict.text
    assert Story().fresh(0, [None, None, *around(0.5, 4)]).fresh(2, around(0.9, 6)).verdict.word == 'unknown'
    assert Story().fresh(2, around(0.9)).verdict.word == 'unknown', 'the hand-made losses are still to come'


def test_training_that_was_tried_again_counts_once() -> None:
    story = Story().fresh(0, around(0.5)).fresh(2, [None]).fresh(2, around(0.9))
    assert story.verdict.word == 'better'


def test_only_trainings_of_one_length_are_compared() -> None:
    story = Story().fresh(0, around(0.1)).fresh(2, around(0.9)).fresh(0, around(0.5), times=4.0)
    assert story.verdict.gain == pytest.approx(0.8), 'the winner has none of the longer ones yet'
    assert story.fresh(2, around(0.6), times=4.0).verdict.gain == pytest.approx(0.1)


def test_nothing_found() -> None:
    assert verdict_of(History(), []) == Verdict('nothing', 'No searched loss has been trained.')
    assert Story(found=None).verdict.text == 'No searched loss could be scored: none of 1 was trained to its end.'


def test_search_that_was_stopped_while_its_first_candidate_ran_has_no_score_yet() -> None:
    history = History()
    history.add(Trial(0, Role.SEARCH, 0, Genome.from_text({'cls': '-y * log(p)'})))
    assert verdict_of(history, []).text == 'No searched loss has a score yet.'


def test_no_difference_is_neither_better_nor_worse() -> None:
    assert 'losses score the same as the hand-made ones, but' in Story(0.5, 0.4, 0.5).verdict.text
    assert 'losses score 0.1000 worse than the hand-made ones' in Story(0.5, 0.4, 0.4).verdict.text
