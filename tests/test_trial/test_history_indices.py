"""A history with indices answers as one that looks at all trials does."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mmautoloss.expr import Genome
from mmautoloss.trial import History, Outcome, Role, State, Trial
from tests.test_trial.plain_history import PlainHistory

GENOMES = [Genome.from_text({'a': a, 'b': b}) for a in ('p', 'p * y', 'log(p)') for b in ('y', '-y', '(p - y) ** 2')]
ROLES = [Role.SEARCH] * 10 + [Role.FINALIST] * 6 + [Role.LONGER] * 4 + [Role.KNOWN, Role.BASELINE] * 2 + [Role.CONFIRM]
STATES = [State.COMPLETE] * 5 + [State.EQUIVALENT] * 3 + [State.FAILED]
FINGERPRINTS = ['', '', '0', '1', '5', 'a', 'b', 'c']

ROLES_ASKED = [
    (Role.BASELINE,),
    (Role.KNOWN, Role.SEARCH),
    (Role.SEARCH, Role.KNOWN),
    (Role.FINALIST, Role.SEARCH, Role.BASELINE),
    (),
]

QUESTIONS: dict[str, Callable[[Any], object]] = {
    'running': lambda h: h.running(),
    'settled': lambda h: h.settled(),
    'latest': lambda h: [h.latest_settled(count) for count in (0, 1, 3, 100)],
    'population': lambda h: h.population(),
    'distinct': lambda h: h.distinct_population(),
    'roles': lambda h: [h.of_role(*roles) for roles in ROLES_ASKED],
    'n_proxies': lambda h: h.n_proxies(),
    'baseline_scores': lambda h: h.baseline_scores(),
    'scores_of': lambda h: [h.scores_of(number) for number in range(-1, len(h) + 3)],
    'repeats_of': lambda h: [h.repeats_of(number) for number in range(-1, len(h) + 3)],
    'longer': lambda h: [h.longer(number, times) for number in range(len(h) + 1) for times in (1, 3)],
    'same_loss': lambda h: [h.same_loss(fingerprint) for fingerprint in FINGERPRINTS],
    'failed_loss': lambda h: [h.failed_loss(fingerprint) for fingerprint in FINGERPRINTS],
    'best_found': lambda h: [h.best_found(count) for count in (0, 1, 3, -1, 1000)],
    'best_known': lambda h: [h.best_known(count) for count in (0, 1, 3, 1000)],
    'estimates': lambda h: [h.estimate(trial.number) for trial in h.population()],
    'due': lambda h: [(h if isinstance(h, PlainHistory) else h.estimates).due(seeds) for seeds in (1, 2, 3, 5)],
    'n_candidates': lambda h: h.n_candidates(),
    'ranking': lambda h: [h.ranking(count) for count in (1, 3, 1000)],
    'winner': lambda h: h.winner(),
    'confirmed': lambda h: h.confirmed(),
    'funnel': lambda h: list(h.funnel().items()),
    'trials': lambda h: (list(h), len(h)),
}


def random_trial(rng: random.Random, number: int) -> Trial:
    return Trial(
        number,
        rng.choice(ROLES),
        seed=rng.randrange(3),
        genome=rng.choice(GENOMES),
        times=rng.choice([1, 3]),
        repeats=rng.choice([None, rng.randrange(number + 2)]),
        fingerprint=rng.choice(FINGERPRINTS),
        funnel={name: rng.randrange(3) for name in rng.sample(['accepted', 'low gain', 'x'], rng.randrange(3))},
    )


def random_outcome(rng: random.Random) -> Outcome:
    state = rng.choice(STATES)
    if state is State.FAILED:
        return Outcome(state, reason=rng.choice(['not finite: a loss', 'worker died: 1', 'trial 0', 'Traceback']))
    reason = f'trial {rng.randrange(9)}' if state is State.EQUIVALENT and rng.random() < 0.7 else ''
    return Outcome(state, rng.randrange(-3, 4) / 4, reason=reason)


def grow(rng: random.Random, steps: int) -> Iterator[tuple[History, PlainHistory]]:
    """Both histories, trial by trial and outcome by outcome, with trials that settle out of order."""
    fast, plain = History(), PlainHistory()
    for _ in range(steps):
        running = plain.running()
        if running and rng.random() < 0.55:
            event = ('settle', rng.choice(running).number, random_outcome(rng))
        else:
            event = ('add', random_trial(rng, len(plain)))
        for history in (fast, plain):
            getattr(history, event[0])(*event[1:])
        yield fast, plain


@pytest.mark.parametrize('seed', range(20))
def test_answers_are_those_of_the_plain_history(seed: int) -> None:
    """2,000 histories; in each, questions are asked now and then, so that an index is built at any time."""
    rng = random.Random(seed)
    for _ in range(100):
        often = rng.choice([0.02, 0.3, 1.0])
        for fast, plain in grow(rng, rng.randrange(1, 30)):
            for name, ask in QUESTIONS.items():
                if rng.random() < often:
                    assert ask(fast) == ask(plain), name
        for name, ask in QUESTIONS.items():
            assert ask(fast) == ask(plain), name


def test_long_history_read_at_once() -> None:
    """As after a resume: hundreds of trials before the first question, then one by one."""
    for step, (fast, plain) in enumerate(grow(random.Random(7), 700)):
        if step > 600:
            for name in ('distinct', 'best_found', 'winner', 'same_loss'):
                assert QUESTIONS[name](fast) == QUESTIONS[name](plain), name


def test_trial_that_comes_with_its_outcome() -> None:
    rng = random.Random(3)
    fast, plain = History(), PlainHistory()
    for number in range(200):
        trial = random_trial(rng, number).settle(random_outcome(rng))
        fast.add(trial)
        plain.add(trial)
    for name, ask in QUESTIONS.items():
        assert ask(fast) == ask(plain), name


def test_answers_are_copies(make_trial: Callable[..., Trial]) -> None:
    history = History()
    history.add(make_trial(0, funnel={'accepted': 1}))
    history.settle(0, Outcome(State.COMPLETE, 0.5))
    history.add(make_trial(1))
    for ask in (history.running, history.settled, history.population, history.distinct_population):
        ask().clear()
        assert len(ask()) == 1
    history.of_role(Role.SEARCH).clear()
    history.funnel().clear()
    assert len(history.of_role(Role.SEARCH)) == 2 and history.funnel()['accepted'] == 1


class Counted(dict):
    """A dict that counts how often someone goes through all of it."""

    rounds = 0

    def __iter__(self) -> Iterator[Any]:
        Counted.rounds += 1
        return super().__iter__()

    def values(self) -> Any:
        Counted.rounds += 1
        return super().values()


def test_no_question_goes_through_all_trials(make_trial: Callable[..., Trial]) -> None:
    history = History()
    for ask in QUESTIONS.values():
        ask(history)
    history._trials = Counted(history._trials)
    for number in range(50):
        history.add(make_trial(number, fingerprint=str(number % 7), repeats=number // 2))
        history.settle(number, Outcome(State.COMPLETE, 0.5))
        for name in QUESTIONS.keys() - {'trials'}:
            QUESTIONS[name](history)
    assert Counted.rounds == 0
