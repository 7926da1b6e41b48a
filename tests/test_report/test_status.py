"""The facts of ``mmautoloss status``, from journals told event by event; numbers are worked out by hand."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

import pytest

pytest.importorskip('mmengine')

from mmautoloss.expr import Genome
from mmautoloss.report.status import Failure, Score, Status, status_of
from mmautoloss.trial import Outcome, Pulse, Record, Role, State, Trial, outcome_to_json, read_journal
from tests.isolation import ROOT

VERSION_1 = ROOT / 'tests' / 'test_trial' / 'journals' / 'version1.jsonl'
BUDGET = {'max_trials': 10, 'max_seconds': None, 'baseline_repeats': 1, 'finalists': 2, 'finalist_repeats': 3}
TEXTS = {'cls': '-y * log(p)', 'box': 'abs(p - y)'}
BEGAN = 1000.0


class Story:
    """A record that grows; a session begins at ``BEGAN`` and search and clock run alike."""

    def __init__(self, **header: Any) -> None:
        self.record = Record()
        self.record.header = {'event': 'search', 'version': 2, 'metric': 'toy/score', 'rule': 'greater', **header}

    def started(self, time: float = BEGAN, **session: Any) -> Story:
        known = {'version': 2, 'host': 'node', 'pid': 7, 'slots': 2, 'heartbeat': 10.0, 'budget': BUDGET, 'info': {}}
        return self._tell('started', time, **{**known, **session})

    def proposed(self, role: Role, **trial: Any) -> Story:
        genome = None if role is Role.BASELINE else Genome.from_text(TEXTS)
        number = len(self.record.history)
        time = self.record.last_time or BEGAN
        return self._tell('proposed', time, **Trial(number, role, 0, genome, **trial).to_json())

    def settled(self, number: int, elapsed: float, score: float | None = 0.5, **outcome: Any) -> Story:
        state = outcome.pop('state', State.FAILED if score is None else State.COMPLETE)
        told = outcome_to_json(Outcome(state, score, **outcome))
        return self._tell('settled', BEGAN + elapsed, number=number, elapsed=elapsed, **told)

    def trained(self, role: Role, elapsed: float, score: float | None = 0.5, **outcome: Any) -> Story:
        """A trial from beginning to end."""
        repeats = outcome.pop('repeats', None)
        self.proposed(role, repeats=repeats)
        return self.settled(len(self.record.history) - 1, elapsed, score, **outcome)

    def beat(self, elapsed: float, *pulses: Pulse) -> Story:
        return self._tell('beat', BEGAN + elapsed, elapsed=elapsed, pulses=[pulse.to_json() for pulse in pulses])

    def ended(self, reason: str, time: float) -> Story:
        return self._tell('ended', time, reason=reason)

    def at(self, elapsed: float, lives: bool | None = None) -> Status:
        return status_of(self.record, BEGAN + elapsed, lives)

    def _tell(self, kind: str, time: float, **event: Any) -> Story:
        self.record.apply({'event': kind, 'time': time, **event})
        return self


@pytest.fixture
def story() -> Story:
    return Story().started()


@pytest.mark.parametrize('lives', [True, None])
def test_runs_while_it_is_heard(story: Story, lives: bool | None) -> None:
    assert story.beat(5).at(34.9, lives).state == 'running'


DEATHS = {
    'silent': (None, 'nothing was heard of it for more than 3 heartbeats of 10 s'),
    'silent, but there': (True, 'though process 7 on node is there'),
    'gone': (False, 'process 7 on node is gone'),
}


@pytest.mark.parametrize(('lives', 'why'), DEATHS.values(), ids=DEATHS)
def test_is_dead_without_an_end(story: Story, lives: bool | None, why: str) -> None:
    status = story.beat(5).at(35, lives)
    assert status.state == 'died' and why in status.why
    assert status.sessions[-1].ended == 'died' and status.end is None


def test_is_dead_as_soon_as_its_process_is_gone(story: Story) -> None:
    assert story.beat(5).at(6, lives=False).state == 'died'


@pytest.mark.parametrize(
    ('reason', 'state', 'why'),
    [('done', 'finished', ''), ('interrupted', 'interrupted', ''), ('no disk\nat all', 'error', 'no disk\nat all')],
)
def test_end_is_told_by_the_journal(story: Story, reason: str, state: str, why: str) -> None:
    status = story.ended(reason, BEGAN + 7).at(1e6, lives=False)
    assert (status.state, status.why, status.sessions[0].ended) == (state, why, reason)


def test_before_the_first_session() -> None:
    assert Story().at(0).state == 'not begun'


def test_sessions_and_time_of_search_without_the_pause(story: Story) -> None:
    story.trained(Role.BASELINE, 100).started(5000, pid=8, slots=1)
    status = status_of(story.record, 5020)
    assert status.state == 'running' and status.elapsed == 120 and status.silent == 20
    assert [(each.ended, each.pid, each.slots, each.seconds) for each in status.sessions] == [
        ('died', 7, 2, 100),
        (None, 8, 1, 0),
    ]


def test_trials_by_role_and_state(story: Story) -> None:
    story.trained(Role.BASELINE, 1).trained(Role.SEARCH, 2, None, reason='not finite: x')
    story.trained(Role.SEARCH, 3, state=State.EQUIVALENT).trained(Role.SEARCH, 4).proposed(Role.SEARCH)
    status = story.at(5)
    counts = {'running': 1, 'settled': 3, 'complete': 1, 'equivalent': 1, 'stopped': 0, 'failed': 1}
    assert status.trials['search'] == counts
    assert status.trials['baseline']['settled'] == 1 and status.trials['finalist']['settled'] == 0


def test_stopped_ones_are_trainings(story: Story) -> None:
    story.trained(Role.BASELINE, 1, seconds=4.0).trained(Role.SEARCH, 2, seconds=4.0)
    story.trained(Role.SEARCH, 3, None, state=State.STOPPED, rung=0.1, seconds=1.0)
    story.trained(Role.SEARCH, 4, None, state=State.STOPPED, rung=0.1, reason='trial 2')
    status = story.at(5)
    assert status.trials['search']['stopped'] == 2 and status.failures == ()
    assert (status.pace.trained, status.pace.left['candidate'], status.pace.seconds) == (3, 8, 4.0)
    assert status.best.trial == 1


def test_a_loss_that_failed_before_fails_for_the_same_cause_and_costs_nothing(story: Story) -> None:
    story.trained(Role.BASELINE, 1, seconds=4.0)
    for number, reason in ((1, 'not finite: loss 7'), (2, 'trial 1')):
        story.proposed(Role.SEARCH, fingerprint='a').settled(number, 2, None, reason=reason)
    status = story.at(5)
    assert status.trials['search']['failed'] == 2 and status.pace.trained == 2
    assert [(each.reason, each.trials) for each in status.failures] == [('not finite: loss #', (1, 2))]


def test_failures_of_one_kind_are_one_line(story: Story) -> None:
    reasons = ('worker died: pid 12', 'Traceback\nRuntimeError: 3 at 0xaf', '', 'Traceback\nRuntimeError: 41 at 0x0')
    for reason in reasons:
        story.trained(Role.SEARCH, 1, None, reason=reason)
    assert story.at(5).failures == (
        Failure('RuntimeError: # at #', 2, (1, 3), 'trials/00003/log.txt'),
        Failure('worker died: pid #', 1, (0,), 'trials/00000/log.txt'),
        Failure('no reason given', 1, (2,), 'trials/00002/log.txt'),
    )


def test_funnel_most_frequent_first(story: Story) -> None:
    story.proposed(Role.SEARCH, funnel={'accepted': 1, 'low gain': 5}).proposed(Role.SEARCH, funnel={'accepted': 1})
    assert list(story.at(1).funnel.items()) == [('low gain', 5), ('accepted', 2)]


def test_workers_as_last_heard(story: Story) -> None:
    pulse = Pulse('local-0', 3, 'train', 17, 2.5, 'node:9 GPU 1')
    status = story.beat(12, pulse).at(20)
    assert status.workers == (pulse,) and status.beat == 8
    assert story.started(2000).at(1000).workers == ()


def test_best_beside_the_baseline(story: Story) -> None:
    story.trained(Role.BASELINE, 1, 0.2).trained(Role.BASELINE, 2, 0.4).trained(Role.SEARCH, 3, 0.9)
    story.trained(Role.SEARCH, 4, 0.8).trained(Role.FINALIST, 5, 0.1, repeats=2).trained(
        Role.FINALIST, 6, 0.6, repeats=3
    )
    status = story.at(7)
    assert status.baseline == Score(0, (0.2, 0.4), pytest.approx(0.3), pytest.approx(0.02**0.5), {})
    assert status.best == Score(3, (0.8, 0.6), pytest.approx(0.7), pytest.approx(0.02**0.5), TEXTS)


def test_a_metric_that_is_to_be_small_is_shown_as_it_is() -> None:
    story = Story(rule='less', metric=['a', 'b']).started().trained(Role.BASELINE, 1, -0.5)
    status = story.trained(Role.SEARCH, 2, -0.2).trained(Role.SEARCH, 3, -0.4).at(4)
    assert (status.metric, status.greater) == ('a+b', False)
    assert (status.baseline.scores, status.best.scores, status.best.trial) == ((0.5,), (0.2,), 1)
    assert status.best.spread is None


def test_nothing_scored_yet(story: Story) -> None:
    status = story.proposed(Role.BASELINE).at(1)
    assert (status.baseline, status.best, status.end, status.pace.per_hour, status.pace.seconds) == (None,) * 5
    assert status.pace.left == {'baseline': 2, 'candidate': 10, 'finalist': 6, 'confirmation': 0}


def test_trainings_an_hour_over_all_and_lately(story: Story) -> None:
    """Five trainings took 1000 s each, 20 more 50 s each; equivalent trials cost nothing."""
    for elapsed in (*range(1000, 5001, 1000), *range(5050, 6001, 50)):
        story.trained(Role.SEARCH, elapsed).trained(Role.SEARCH, elapsed, state=State.EQUIVALENT)
    pace = story.at(6000).pace
    assert pace.trained == 25
    assert pace.per_hour == pytest.approx(25 / 6000 * 3600)
    assert pace.per_hour_last_20 == pytest.approx(20 / 1000 * 3600)
    assert pace.per_hour_last_hour == 23  # those after second 2400


def test_median_seconds_by_stage(story: Story) -> None:
    for train in (1.0, 2.0, 9.0):
        story.trained(Role.SEARCH, 9, seconds=train + 1, stages={'train': train, 'validate': 1.0})
    story.trained(Role.SEARCH, 9, seconds=15.0, stages={'build': 4.0, 'train': 10.0, 'validate': 1.0})
    story.trained(Role.SEARCH, 9, None, seconds=500.0, stages={'train': 500.0})
    pace = story.at(9).pace
    assert pace.stages == {'train': 5.5, 'validate': 1.0, 'build': 4.0} and pace.seconds == 6.5


def test_end_by_the_budget(story: Story) -> None:
    """Six trainings in 60 s; left are 5 candidates, two of which run, and 2 finalists thrice."""
    for number in range(6):
        story.trained(Role.BASELINE if number < 2 else Role.SEARCH, 10 * (number + 1))
    story.trained(Role.SEARCH, 60, state=State.EQUIVALENT).trained(Role.SEARCH, 60, None)
    story.proposed(Role.SEARCH).proposed(Role.SEARCH)
    status = story.at(60)
    assert status.pace.left == {'baseline': 0, 'candidate': 5, 'finalist': 6, 'confirmation': 0}
    assert status.pace.per_hour_last_20 == pytest.approx(7 / 60 * 3600)
    assert status.pace.seconds_left == pytest.approx(11 * 60 / 7)
    assert status.end == pytest.approx(BEGAN + 60 + 11 * 60 / 7)


def test_end_by_a_limit_in_seconds() -> None:
    story = Story().started(budget={**BUDGET, 'max_seconds': 100, 'max_trials': 1000})
    story.trained(Role.BASELINE, 10).trained(Role.BASELINE, 20).trained(Role.SEARCH, 30).trained(Role.SEARCH, 40)
    assert story.at(40).pace.seconds_left == pytest.approx(60 + 6 * 10)
    assert story.at(100).pace.left['candidate'] == 998, 'it is dead, and its time of search stands still'
    story.beat(100)
    assert story.at(101).pace.left == {'baseline': 0, 'candidate': 0, 'finalist': 6, 'confirmation': 0}


def test_finalists_that_are_left(story: Story) -> None:
    for score in range(10):
        story.trained(Role.SEARCH, 10, score / 10)
    story.trained(Role.FINALIST, 11, repeats=9).trained(Role.FINALIST, 12, None, repeats=9)
    story.proposed(Role.FINALIST, repeats=8)
    assert story.at(13).pace.left['finalist'] == 4


def test_known_losses_are_trained_beyond_the_budget() -> None:
    story = Story(seeds=['ce', 'focal']).started(budget={**BUDGET, 'max_trials': 0})
    assert story.at(0).pace.left['candidate'] == 2


def test_nothing_is_left_of_what_is_done(story: Story) -> None:
    status = story.trained(Role.BASELINE, 10).ended('done', BEGAN + 10).at(99)
    assert set(status.pace.left.values()) == {0} and status.pace.seconds_left == 0 and status.elapsed == 10


def test_version_1_does_not_tell() -> None:
    status = status_of(read_journal(VERSION_1), 1e9)
    assert (status.state, status.version) == ('unknown', 1)
    unknown = (status.silent, status.sessions, status.workers, status.beat, status.end)
    assert unknown == (None,) * 5 and status.pace.left is None
    assert status.pace.trained > 3 and status.pace.per_hour > 0 and status.pace.stages == {}


def test_json_has_every_fact(story: Story) -> None:
    story.trained(Role.BASELINE, 1).trained(Role.SEARCH, 2).beat(3, Pulse('local-0'))
    status = story.at(4)
    told = json.loads(json.dumps(status.to_json()))
    assert list(told) == [field.name for field in fields(Status)]
    assert told['best']['expressions'] == TEXTS and told['workers'] == [Pulse('local-0').to_json()]
    assert told['pace'] == asdict(status.pace)
