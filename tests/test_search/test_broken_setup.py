"""A search ends early where nothing that follows would mean anything, and when it is asked to."""

from __future__ import annotations

import resource
import shutil
import signal
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from mmautoloss.errors import JournalError, SetupError
from mmautoloss.execute import Limits
from mmautoloss.search import Stop
from mmautoloss.search.broken_setup import kind_of, require_working
from mmautoloss.search.heartbeat import Heartbeat
from mmautoloss.trial import Journal, Outcome, Role, State, Trial, read_history, read_journal
from tests.test_search.conftest import Search, score_by_number

OOM = 'Traceback\nRuntimeError: out of memory, tried to allocate 12.50 MiB at 0x7f'


def failed(*reasons: str) -> list[Trial]:
    return [
        Trial(number, Role.SEARCH, 0, outcome=Outcome(State.FAILED, reason=reason))
        for number, reason in enumerate(reasons)
    ]


def broken_from(number: int, reason: str = OOM) -> Callable[[Trial], Outcome]:
    """Outcomes of a machine on which everything fails from some trial on."""

    def outcome(trial: Trial) -> Outcome:
        if trial.number < number:
            return score_by_number(trial)
        return Outcome(State.FAILED, reason=f'{reason} {trial.number}')

    return outcome


@pytest.mark.parametrize(
    'reasons',
    [
        pytest.param([OOM, OOM], id='too few'),
        pytest.param([OOM, OOM, 'KeyError: 3'], id='different'),
        pytest.param(['not finite: a'] * 3, id='the fault of the losses'),
        pytest.param(["The validation gave no 'coco/bbox_mAP', only: nothing."] * 3, id='nothing predicted'),
        pytest.param(['KeyError: 1', OOM, OOM], id='only the last count'),
    ],
)
def test_failures_that_say_nothing_of_the_set_up(reasons: list[str]) -> None:
    require_working(failed(*reasons), 3)
    require_working(failed(*[OOM] * 9), 0)


def test_failures_alike_end_the_search_with_their_cause() -> None:
    with pytest.raises(SetupError, match=r'The last 3 trials failed alike(.|\n)*allocate 7.5 MiB'):
        require_working(failed('KeyError', OOM, OOM, OOM.replace('12.50', '7.5')), 3)
    success = [Trial(9, Role.SEARCH, 0, outcome=Outcome(State.COMPLETE, 1.0))]
    require_working([*failed(OOM, OOM), *success, *failed(OOM, OOM)], 3)
    assert kind_of('') == '' and kind_of('a\nb 12 ') == 'b #'


def test_broken_machine_ends_the_search_after_a_few_trials(search: Search) -> None:
    """And goes on once it is mended."""
    with pytest.raises(SetupError, match='The last 4 trials failed alike'):
        search.run(broken_from(5), slots=2, max_trials=30, max_failures=4)
    _, history = read_history(search.path)
    states = [trial.state for trial in history.settled()]
    assert states.count(State.FAILED) == 4
    assert 'The last 4 trials failed alike' in read_journal(search.path).ended
    search.run(score_by_number, slots=2, max_trials=30, max_failures=4, resume=True)
    assert search.history.running() == [] and search.history.n_proxies() == 30


def test_equivalents_between_failures_do_not_hide_them(make_search: Callable[..., Search]) -> None:
    search = make_search()
    search.screen.fingerprint = lambda verdict, digits: str(int(verdict.signature[0]) % 3)
    with pytest.raises(SetupError, match='The last 3 trials failed alike'):
        search.run(broken_from(5), max_trials=60, max_failures=3)


def test_stop_finishes_what_runs(search: Search) -> None:
    stop = Stop()

    def outcome(trial: Trial) -> Outcome:
        if trial.number == 4:
            stop.request()
        return score_by_number(trial)

    events = search.run(outcome, slots=2, max_trials=30, stop=stop)
    assert events[-1].startswith('-') and search.history.running() == []
    assert len(search.history) <= 7
    assert read_journal(search.path).ended == 'interrupted'
    rest = search.run(slots=2, max_trials=30, resume=True)
    assert len(rest) > 20 and read_journal(search.path).ended == 'done'


def test_stop_breaks_off_a_long_drawing_of_expressions(make_search: Callable[..., Search]) -> None:
    stop = Stop()

    class Never(type(make_search().screen)):
        drawn = 0

        def judge(self, tree):
            self.drawn += 1
            if self.drawn == 50:
                stop.request()
            return super().judge(tree)._replace(reason='low gain')

    search = make_search(screen=Never(), known=())
    search.run(stop=stop)
    assert search.screen.drawn == 50
    assert read_journal(search.path).ended == 'interrupted'


def test_too_long_trials_fail(search: Search) -> None:
    """The limit is a multiple of the slowest baseline; the baseline itself has none."""
    search.run(
        duration=lambda trial: {0: 50.0, 3: 240.0, 4: 260.0}.get(trial.number, 10.0),
        limits=Limits(time_factor=5, time_floor=1),
    )
    states = {trial.number: trial.state for trial in search.history}
    assert states[3] is State.COMPLETE and states[4] is State.FAILED
    assert search.history[4].outcome.reason.startswith('time limit')


def test_heart_beats_while_the_search_is_busy_and_tells_its_errors() -> None:
    beaten = threading.Semaphore(0)
    heart = Heartbeat(beaten.release, 0.01)
    heart.start()
    assert all(beaten.acquire(timeout=30) for _ in range(3))
    heart.check()
    heart.stop()

    def fail() -> None:
        raise OSError('no space')

    sick = Heartbeat(fail, 0.01)
    sick.start()
    sick._thread.join(30)
    with pytest.raises(OSError, match='no space'):
        sick.check()
    sick.stop()


def test_work_dir_that_vanishes_is_written_again(search: Search) -> None:
    """And the search goes on from there."""

    def outcome(trial: Trial) -> Outcome:
        if trial.number == 4:
            shutil.rmtree(search.path.parent)
        return score_by_number(trial)

    with pytest.raises(JournalError, match=r'was deleted while the search was running(.*)continue with') as error:
        search.run(outcome, max_trials=8)
    assert str(search.path) in str(error.value)
    _, history = read_history(search.path)
    assert [trial.state for trial in history][:5] == [State.COMPLETE] * 5
    search.run(max_trials=8, resume=True)
    assert search.history.n_proxies() == 8


@pytest.mark.skipif(not hasattr(signal, 'SIGXFSZ'), reason='no limit of the size of files')
def test_full_disk_ends_the_search_and_it_goes_on(search: Search) -> None:
    """The limit of a file's size stands for the disk: a part of the line is written, then no more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def outcome(trial: Trial) -> Outcome:
        if trial.number == 4:
            resource.setrlimit(resource.RLIMIT_FSIZE, (search.path.stat().st_size + 60, hard))
        return score_by_number(trial)

    try:
        with pytest.raises(JournalError, match=r'cannot be written: File too large(.*)MiB are free'):
            search.run(outcome, max_trials=8)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [trial.number for trial in read_history(search.path)[1].running()] == [4]
    search.run(max_trials=8, resume=True)
    assert search.history.n_proxies() == 8 and search.history[4].state is State.COMPLETE


@pytest.mark.parametrize(('isolated', 'state'), [(False, State.FAILED), (True, State.COMPLETE)])
def test_trial_that_takes_the_search_down_again_and_again(search: Search, isolated: bool, state: State) -> None:
    """Where trials run in the process of the search, only the number of its deaths tells; else they tell nothing."""
    search.run(max_trials=2)
    trial = replace(search.history[3], number=len(search.history), fingerprint='')
    for attempt in range(3):
        journal = Journal(search.path, {'seed': 3}, {}, resume=True)
        journal.begin(1, 30.0, {}, isolated)
        if not attempt:
            journal.propose(trial)
        journal.close()
    search.run(max_trials=3, resume=True)
    outcome = search.history[trial.number].outcome
    assert outcome.state is state
    if not isolated:
        assert outcome.reason.startswith('worker died: the search itself died 3 times') and outcome.attempts == 3
