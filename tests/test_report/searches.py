"""Searches told event by event, for pages: of any length, and with whatever a page may meet."""

from __future__ import annotations

import random
from typing import Any

from mmautoloss.expr import Genome, random_tree
from mmautoloss.trial import SAME, Outcome, Record, Role, State, Trial, outcome_to_json

BEGAN = 1000.0
BUDGET = {'max_trials': 10, 'max_seconds': None, 'baseline_repeats': 2, 'finalists': 2, 'finalist_repeats': 1}
TEXTS = {'cls': '-y * log(p)', 'box': 'abs(p - y)'}
BRANCHES = {
    'cls': {'path': 'head.loss_cls', 'inputs': 'softmax'},
    'box': {'path': 'head.loss_box', 'inputs': 'delta'},
}


class Story:
    """A record that grows by whole trials; a session begins at ``BEGAN``, and search and clock run alike."""

    def __init__(self, **header: Any) -> None:
        self.record = Record()
        known = {'version': 3, 'metric': 'toy/score', 'rule': 'greater', 'branches': BRANCHES, 'time': BEGAN - 2.0}
        self.record.header = {'event': 'search', **known, **header}
        self.clock = 0.0

    def started(self, **session: Any) -> Story:
        known = {'version': 3, 'host': 'node', 'pid': 7, 'slots': 2, 'heartbeat': 10.0, 'budget': BUDGET, 'info': {}}
        return self._tell('started', **{**known, **session})

    def ended(self, reason: str = 'done') -> Story:
        return self._tell('ended', reason=reason)

    def proposed(self, role: Role, seconds: float = 0.0, texts: dict[str, str] | None = None, **trial: Any) -> Story:
        """A trial begins after so many seconds of drawing."""
        self.clock += seconds
        hand_made = role in (Role.BASELINE, Role.TRUNK, Role.PLAIN) or (role is Role.CONFIRM and trial['repeats'] == 0)
        genome = None if hand_made else Genome.from_text(texts or TEXTS)
        weights = {} if genome is None else dict.fromkeys(genome, 1.5)
        proposed = Trial(len(self.record.history), role, trial.pop('seed', 0), genome, weights=weights, **trial)
        return self._tell('proposed', **proposed.to_json())

    def settled(self, score: float | None, seconds: float = 4.0, **outcome: Any) -> Story:
        """The last trial is over, after so many seconds."""
        self.clock += seconds
        state = outcome.pop('state', State.FAILED if score is None else State.COMPLETE)
        known = {
            'seconds': seconds,
            'stages': {'train': 0.75 * seconds, 'validate': 0.25 * seconds},
            'worker': 'local-0',
        }
        told = outcome_to_json(Outcome(state, score, **{**known, **outcome}))
        return self._tell('settled', number=len(self.record.history) - 1, elapsed=self.clock, **told)

    def trained(self, role: Role, score: float | None, **fields: Any) -> Story:
        """A trial from beginning to end."""
        outcome = {key: fields.pop(key) for key in ('reason', 'rung', 'state') if key in fields}
        return self.proposed(role, **fields).settled(score, **outcome)

    def _tell(self, kind: str, **event: Any) -> Story:
        self.record.apply({'event': kind, 'time': BEGAN + self.clock, **event})
        return self


def search(**header: Any) -> Story:
    """Three hand-made trainings, a known loss, twelve candidates of all fates, two finalists, an end."""
    story = Story(**header).started()
    for number, score in enumerate((0.30, 0.32, 0.28)):
        story.trained(Role.BASELINE, score, repeats=0 if number else None)
    story.trained(Role.KNOWN, 0.35, origin='known', fingerprint='known')
    for number in range(8):
        texts = {**TEXTS, 'cls': f'{number + 2} * p' + ' * exp(p)' * (number % 3)}
        funnel = {'no target': 9 * number, 'accepted': 1}
        story.trained(Role.SEARCH, 0.25 + 0.02 * number, texts=texts, funnel=funnel, seconds=0.5, parent=3, origin='x')
    story.trained(Role.SEARCH, 0.35, state=State.EQUIVALENT, reason=f'{SAME}3', funnel={'accepted': 1})
    story.trained(Role.SEARCH, None, state=State.STOPPED, rung=0.1, funnel={'accepted': 1})
    story.trained(Role.SEARCH, None, reason='not finite: loss_cls is nan', funnel={'accepted': 1})
    story.trained(Role.SEARCH, None, reason='Traceback\n  ...\nRuntimeError: no <b>boxes</b>', funnel={'accepted': 1})
    story.trained(Role.FINALIST, 0.37, repeats=11, texts={**TEXTS, 'cls': '9 * p * exp(p)'})
    return story.trained(Role.FINALIST, 0.36, repeats=10, texts={**TEXTS, 'cls': '8 * p'}).ended()


def confirmed_search(**header: Any) -> Story:
    """The same, with the hand-made losses, the known one and the winner trained with five fresh seeds each."""
    story = search(**header).started()
    for seed, noise in enumerate((-0.02, 0.01, 0.0, -0.01, 0.02)):
        for repeats, score in ((0, 0.31), (3, 0.35), (11, 0.36)):
            texts = {**TEXTS, 'cls': '9 * p * exp(p)'} if repeats == 11 else TEXTS
            wobble = noise + 0.001 * (seed * repeats % 3)
            story.trained(Role.CONFIRM, score + wobble, texts=texts, repeats=repeats, seed=1000 + seed)
    return story.ended()


def long_search(count: int, depth: int = 5) -> Record:
    """A search of many trials, half of them equal to earlier ones, with random expressions and scores."""
    rng = random.Random(0)
    story = Story().started()
    for _ in range(3):
        story.trained(Role.BASELINE, rng.gauss(0.3, 0.02))
    for number in range(3, count):
        texts = {name: str(random_tree(rng, ('p', 'y'), depth)) for name in TEXTS}
        told = {'texts': texts, 'funnel': {'no target': rng.randrange(5000), 'accepted': 1}, 'seconds': 0.1}
        fate = rng.random()
        if fate < 0.5 and number > 3:
            story.trained(Role.SEARCH, 0.3, state=State.EQUIVALENT, reason=f'{SAME}3', **told)
        elif fate < 0.6:
            story.trained(
                Role.SEARCH, None, reason=f'Traceback\nRuntimeError: {rng.choice("abcdef")} {number}', **told
            )
        else:
            story.trained(Role.SEARCH, rng.gauss(0.25, 0.05), **told)
    return story.ended().record
