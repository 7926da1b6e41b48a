"""A bad device is not a bad loss: what becomes of trials and slots where devices fail, with workers of straw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pytest
import torch

from mmautoloss.errors import SetupError
from mmautoloss.execute import Executor, Limits, SerialExecutor, WorkerSpoilt, WorkerUnprepared
from mmautoloss.execute.slot import MAX_FAULTS
from mmautoloss.proxy.aftermath import spoils_process
from mmautoloss.trial import RETIRED, Outcome, Role, State, Trial
from tests.test_execute.straw_devices import Machine

LIMIT = 60
DONE = Outcome(State.COMPLETE, 0.5)
ECC = WorkerSpoilt('Traceback ...\nRuntimeError: CUDA error: uncorrectable ECC error encountered\n')
LOST = WorkerUnprepared('SetupError: GPU 1 is not available to this worker.')


@pytest.fixture
def make() -> Iterator[Callable[..., Machine]]:
    made = []

    def build(*args, **options) -> Machine:
        made.append(Machine(*args, **options))
        return made[-1]

    yield build
    for each in made:
        each.close()


def trial(number: int) -> Trial:
    return Trial(number, Role.BASELINE, 0)


def run(executor: Executor, count: int) -> list[Outcome]:
    """Outcomes of many trials, with all slots in use, as a search has them."""
    running, outcomes, numbers = {}, {}, iter(range(count))
    number = next(numbers, None)
    while running or number is not None:
        while number is not None and len(running) < executor.slots:
            running[executor.submit(trial(number))] = number
            number = next(numbers, None)
        for future in executor.wait(running):
            outcomes[running.pop(future)] = future.result()
    return [outcomes[number] for number in range(count)]


def test_bad_device_of_three_costs_no_trial_and_is_retired(make) -> None:
    executor = make(3, lambda index, number: ECC if index == 1 else DONE)
    outcomes = run(executor, 40)
    assert all(outcome.score == 0.5 for outcome in outcomes)
    assert executor.seen[1] == MAX_FAULTS and {outcome.worker for outcome in outcomes} == {'gpu-0', 'gpu-2'}
    assert sum(outcome.attempts - 1 for outcome in outcomes) == MAX_FAULTS
    assert executor.slots == 2
    cause = 'GPU 1: failed 3 times in a row: RuntimeError: CUDA error: uncorrectable ECC error encountered'
    assert executor.retired() == [f'gpu-1 is no longer used: {cause}']
    assert [pulse.where for pulse in executor.pulses() if pulse.phase == RETIRED] == [cause]


def test_device_that_cannot_be_used_at_all(make) -> None:
    """It costs no attempt, even where there are none to spare."""
    executor = make(2, lambda index, number: LOST if index == 0 else DONE, limits=Limits(retries=0))
    assert all((outcome.score, outcome.attempts) == (0.5, 1) for outcome in run(executor, 12))
    assert executor.retired()[0].endswith(
        'GPU 0: failed 3 times in a row: SetupError: GPU 1 is not available to this worker.'
    )


def test_loss_that_spoils_every_device_is_a_failed_trial(make) -> None:
    """A quarter of all losses, some of them one after the other: the devices are sound, and none is retired."""
    executor = make(3, lambda index, number: ECC if number % 4 == 3 or 20 <= number < 30 else DONE)
    outcomes = run(executor, 60)
    for number, outcome in enumerate(outcomes):
        bad = number % 4 == 3 or 20 <= number < 30
        assert outcome.state is (State.FAILED if bad else State.COMPLETE)
        assert outcome.attempts <= 3, 'three where two such losses meet'
        assert 'ECC' in outcome.reason if bad else not outcome.reason
    assert executor.slots == 3 and not executor.retired()


def test_two_bad_devices_of_four_do_not_blame_the_loss(make) -> None:
    executor = make(4, lambda index, number: ECC if index < 2 else DONE)
    assert all(outcome.score == 0.5 for outcome in run(executor, 40))
    assert executor.slots == 2


def test_device_that_fails_now_and_then_is_kept(make) -> None:
    seen: Counter = Counter()

    def rule(index: int, number: int) -> Outcome | Exception:
        seen[index] += 1
        return ECC if index == 0 and seen[index] % 3 == 0 else DONE

    executor = make(2, rule)
    assert all(outcome.score == 0.5 for outcome in run(executor, 60))
    assert executor.slots == 2


@pytest.mark.parametrize(
    ('slots', 'failure'), [(1, LOST), (3, LOST), (1, ECC)], ids=['one lost', 'all lost', 'one bad']
)
def test_all_devices_bad_is_one_error(make, slots: int, failure: Exception) -> None:
    executor = make(slots, lambda index, number: DONE if number < 6 else failure)
    with pytest.raises(
        SetupError, match=r'No worker is left(.|\n)*--resume(.|\n)*gpu-0 is no longer used: GPU 0: failed 3'
    ):
        run(executor, 20)
    assert len(executor.retired()) == slots and not executor.slots
    with pytest.raises(SetupError, match='No worker is left'):
        executor.submit(trial(99))


def test_loss_that_spoils_the_only_device_fails_after_a_second_attempt(make) -> None:
    executor = make(1, lambda index, number: ECC if number in (3, 4) else DONE)
    outcomes = run(executor, 8)
    assert [outcome.state is State.FAILED for outcome in outcomes] == [number in (3, 4) for number in range(8)]
    assert outcomes[3].attempts == 2 and not executor.retired()


def test_first_trial_that_spoils_all_devices_fails_soon(make) -> None:
    """As of wrong labels: the search then says so, rather than trying it for long."""
    executor = make(4, lambda index, number: ECC)
    assert executor.submit(trial(0)).result(LIMIT).attempts == 4


def test_process_of_the_search_leaves_a_spoilt_device_to_another_process(make) -> None:
    class Broken:
        broken = False

        def evaluate(self, trial: Trial, limit: float | None) -> Outcome:
            self.broken = trial.number == 2
            return Outcome(State.FAILED, reason=str(ECC)) if self.broken else DONE

    machine = make(1, lambda index, number: DONE)
    executor = SerialExecutor(Broken(), lambda: machine)
    assert [outcome.worker for outcome in run(executor, 5)] == ['driver', 'driver', 'gpu-0', 'gpu-0', 'gpu-0']
    executor.close()
    assert not machine._slots[0].worker


@pytest.mark.parametrize(
    ('text', 'spoils'),
    [
        ('CUDA error: device-side assert triggered\nCUDA kernel errors might be asynchronously reported', True),
        ('CUDA error: an illegal memory access was encountered', True),
        ('CUDA error: unspecified launch failure', True),
        ('CUDA error: uncorrectable ECC error encountered', True),
        ('CUDA error: all CUDA-capable devices are busy or unavailable', True),
        ('CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm( handle, opa, opb)`', True),
        ('cuDNN error: CUDNN_STATUS_INTERNAL_ERROR', True),
        ('NCCL error in: ../torch/csrc/distributed/c10d/NCCLUtils.hpp:317, unhandled cuda error', True),
        ('Triton Error [CUDA]: an illegal memory access was encountered', True),
        ('HIP error: an illegal memory access was encountered', True),
        ('CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 79.15 GiB', False),
        ('CUDA error: out of memory', False),
        ('CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`', False),
        (
            'cuDNN error: CUDNN_STATUS_NOT_SUPPORTED. This error may appear if you passed in a non-contiguous input.',
            False,
        ),
        ('CUDA error: invalid configuration argument', False),
        ('Torch not compiled with CUDA enabled', False),
        ('the CUDA errors of this table', False),
    ],
)
def test_errors_that_spoil_a_process(text: str, spoils: bool) -> None:
    assert spoils_process(RuntimeError(text)) is spoils
    assert spoils_process(torch.OutOfMemoryError(text)) is spoils
    try:
        try:
            raise RuntimeError(text)
        except RuntimeError as error:
            raise KeyError('loss') from error
    except KeyError as outer:
        assert spoils_process(outer) is spoils
