"""Conformance tests of executors; inherit the suite in a test and define how to build yours.

Example:
    .. code-block:: python

        class TestMine(ExecutorSuite):
            def build(self, settings, slots):
                return MyExecutor(settings, workers=slots)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
import torch

from mmautoloss.execute import Executor
from mmautoloss.expr import Genome
from mmautoloss.proxy import ProxyEvaluator, ProxySettings, Trunk
from mmautoloss.testing.toy_trials import (
    BAD,
    BROKEN,
    FAULTY,
    GOOD,
    INFINITE,
    Watch,
    comparable,
    finish,
    make_trial,
    toy_settings,
)
from mmautoloss.trial import Outcome, Pulse, Role, State, Trial

PATIENCE = 300.0
"""Time limit in seconds, also for a busy machine."""


@dataclass(frozen=True)
class FaultTrial:
    """A bad trial beside good ones, on all slots at once.

    Attributes:
        bad: Outcome of the bad trial.
        others: Outcomes of the others.
        watch: The pulses meanwhile.
    """

    bad: Outcome
    others: list[Outcome]
    watch: Watch


class ExecutorSuite:
    """Tests of the contract of ``Executor``; run by pytest in a class that inherits it.

    All tests of a class share one executor, which the last one closes.

    Attributes:
        slots: Number of slots to build; at least 2 if the executor can have them.
        isolated: Whether the executor claims that a search survives a trial that kills its process.
        concurrent: Whether ``submit`` returns before the trial is measured.
        trains: Whether trials are really trained; if not, fewer values of their outcomes are tested.
    """

    slots = 2
    isolated = True
    concurrent = True
    trains = True

    def build(self, settings: ProxySettings, slots: int) -> Executor:
        """A new executor with so many slots and at least one retry."""
        raise NotImplementedError

    @pytest.fixture(scope='class')
    @classmethod
    def settings(cls, tmp_path_factory: pytest.TempPathFactory) -> ProxySettings:
        """The toy; a loss with tanh is slow, and kills its process if the executor is isolated."""
        faults = {'slow': 0.4, 'where': FAULTY, **({'die_at': 5} if cls.isolated else {})}
        folder = tmp_path_factory.mktemp('executor')
        return replace(toy_settings(folder, **faults), trunk=Trunk(steps=4, folder=str(folder / 'trunks')))

    @pytest.fixture(scope='class')
    @classmethod
    def executor(cls, settings: ProxySettings) -> Iterator[Executor]:
        """The executor of the class."""
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # sums depend on the number of threads
        executor = cls().build(settings, cls.slots)
        yield executor
        executor.close()
        torch.set_num_threads(threads)

    @pytest.fixture(scope='class')
    @classmethod
    def ordeal(cls, executor: Executor) -> FaultTrial:
        """Run once per class, since it costs an isolated executor two workers."""
        trials = [make_trial(BAD, 90), *(make_trial(GOOD, 91 + k) for k in range(cls.slots - 1))]
        with Watch(executor) as watch:
            futures = [executor.submit(trial) for trial in trials]
            watch.seen += executor.pulses()
            bad, *others = finish(executor, futures)
        return FaultTrial(bad, others, watch)

    def measure(self, executor: Executor, *trials: Trial, limit: float | None = None) -> list[Outcome]:
        """Outcomes of trials that are submitted at once."""
        return finish(executor, [executor.submit(trial, limit) for trial in trials])

    def test_claims(self, executor: Executor) -> None:
        assert executor.slots == self.slots
        assert executor.isolated is self.isolated

    def test_same_trial_same_outcome_on_any_worker_and_again(
        self, executor: Executor, settings: ProxySettings
    ) -> None:
        """Bit for bit; trials between them, with other losses and seeds, have no effect."""
        kinds = [(GOOD, 0), (None, 0), (None, 3), (GOOD, 0)]
        rounds = [
            self.measure(executor, *(make_trial(genome, 10 * k + slot, seed) for slot in range(self.slots)))
            for k, (genome, seed) in enumerate(kinds)
        ]
        outcomes = [[comparable(outcome) for outcome in results] for results in rounds]
        assert all(results == [results[0]] * self.slots for results in outcomes)
        assert outcomes[0] == outcomes[3]
        assert all(results[0].state is State.COMPLETE for results in outcomes)
        if self.trains:
            evaluator = ProxyEvaluator(settings)
            expected = [comparable(evaluator.evaluate(make_trial(genome, 0, seed))) for genome, seed in kinds]
            evaluator.close()
            assert [results[0] for results in outcomes] == expected
            assert len({results[0].score for results in outcomes}) == 3, 'the trials differ'

    def test_trunk_is_continued_by_any_worker(self, executor: Executor, settings: ProxySettings) -> None:
        """Hand-made losses after a trunk of hand-made losses are the training without it, bit for bit."""
        if not self.trains:
            pytest.skip('trains nothing')
        [whole] = self.measure(executor, make_trial(None, 30, 5))
        [trunk] = self.measure(executor, replace(make_trial(None, 31, 5), role=Role.TRUNK))
        assert trunk.saved is not None and (trunk.saved.name, trunk.saved.iterations) == ('seed_5.pth', 4)
        assert trunk.score != whole.score
        late = [replace(make_trial(None, 32 + slot, 5), begin=trunk.saved) for slot in range(self.slots)]
        assert [outcome.score for outcome in self.measure(executor, *late)] == [whole.score] * self.slots
        [other] = self.measure(executor, replace(make_trial(GOOD, 39, 5), begin=trunk.saved))
        assert other.state is State.COMPLETE and other.score != whole.score

    def test_outcome_tells_who_and_how_long(self, executor: Executor) -> None:
        [outcome] = self.measure(executor, make_trial(GOOD, 1))
        assert outcome.attempts == 1
        if self.trains:
            assert outcome.worker in {pulse.worker for pulse in executor.pulses()}
            assert {'train', 'validate'} <= set(outcome.stages)
            assert 0 < outcome.stages['train'] <= outcome.seconds

    def test_submit_beyond_the_slots_is_refused(self, executor: Executor) -> None:
        if not self.concurrent:
            pytest.skip('is never busy')
        futures = [executor.submit(make_trial(GOOD, number)) for number in range(self.slots)]
        with pytest.raises(RuntimeError):
            executor.submit(make_trial(GOOD, self.slots))
        assert [outcome.state for outcome in finish(executor, futures)] == [State.COMPLETE] * self.slots
        assert self.measure(executor, make_trial(GOOD, 9))[0].state is State.COMPLETE, 'the slots are free again'

    @pytest.mark.parametrize(
        ('genome', 'reason'),
        [pytest.param(INFINITE, 'not finite: ', id='not finite'), pytest.param(BROKEN, 'Traceback', id='exception')],
    )
    def test_failing_trial_is_an_outcome_and_the_next_works(
        self, executor: Executor, genome: Genome, reason: str
    ) -> None:
        [failed] = self.measure(executor, make_trial(genome, 1))
        assert failed.state is State.FAILED and failed.reason.startswith(reason)
        assert failed.attempts == 1, 'it would fail on any worker'
        assert self.measure(executor, make_trial(GOOD, 2))[0].state is State.COMPLETE

    def test_time_limit_fails_the_trial_alone(self, executor: Executor) -> None:
        [late] = self.measure(executor, make_trial(GOOD, 1), limit=1e-5)
        assert late.state is State.FAILED and late.reason.startswith('time limit: ')
        assert late.attempts == 1, 'it would take as long again'
        assert self.measure(executor, make_trial(GOOD, 2), limit=PATIENCE)[0].state is State.COMPLETE

    def test_dying_worker_takes_its_own_trial_alone(self, ordeal: FaultTrial, executor: Executor) -> None:
        if self.isolated:
            assert ordeal.bad.state is State.FAILED and ordeal.bad.reason.startswith('worker died: ')
            assert ordeal.bad.attempts > 1, 'another worker tried it, too'
        else:
            assert ordeal.bad.state is State.COMPLETE
        again = self.measure(executor, *(make_trial(GOOD, number) for number in range(self.slots)))
        assert all(outcome.attempts == 1 for outcome in ordeal.others)
        assert len({comparable(outcome).score for outcome in [*ordeal.others, *again]}) == 1
        assert all(outcome.state is State.COMPLETE for outcome in again), 'the slot of the dead one is used again'

    def test_pulses_tell_who_does_what(self, ordeal: FaultTrial) -> None:
        seen = ordeal.watch.seen
        assert ordeal.watch.error is None, 'pulses may be asked for from any thread'
        assert len({pulse.worker for pulse in seen}) == self.slots
        assert {(pulse.trial, pulse.phase) for pulse in seen} >= {(90, 'train')}
        assert {pulse.phase for pulse in seen} <= {'start', 'idle', 'build', 'train', 'validate', 'prove'}
        assert len({pulse.worker for pulse in seen if pulse.trial == 90}) == 1
        assert all(pulse.silent >= 0 and Pulse.from_json(pulse.to_json()) == pulse for pulse in seen)
        if self.trains:
            assert max(pulse.step for pulse in seen if pulse.trial == 90) > 0
            assert all(':' in pulse.where for pulse in seen if pulse.phase == 'train')

    def test_pulses_of_idle_workers_have_no_trial(self, executor: Executor) -> None:
        self.measure(executor, make_trial(GOOD, 1))
        assert all(pulse.trial is None for pulse in executor.pulses())

    def test_close_ends_everything_and_may_be_called_again(self, executor: Executor) -> None:
        """The last test that uses the shared executor."""
        for number in range(self.slots):
            executor.submit(make_trial(GOOD, number))  # abandoned
        executor.close()
        executor.close()
        if self.isolated:
            assert not executor.pulses()
            with pytest.raises(RuntimeError):
                executor.submit(make_trial(GOOD, 1))
