"""What a search will take, from a few iterations: days and memory, before anything is written."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import torch

from mmautoloss.engine.config.spec import SearchSpec
from mmautoloss.errors import MMAutoLossError, TrainingError, in_task
from mmautoloss.execute import ExecuteSettings, device_lines
from mmautoloss.execute.worker_process import describe_error
from mmautoloss.proxy import (
    ProxyEvaluator,
    ProxySettings,
    Speed,
    evaluator_of,
    evaluators_by_task,
    measure_speed,
    require_metric,
    share_batch,
)
from mmautoloss.report import Lengths, seconds_of, span, work_left
from mmautoloss.trial import Record, Session


@dataclass(frozen=True)
class DryRun:
    """The estimate for a search.

    Attributes:
        speeds: Speed of a training, by task; of a search of one task under ''.
        candidate: Seconds of a candidate's training and validation.
        counts: Number of trainings by kind, as many as there can be.
        seconds: Seconds of all trainings, with the workers of the search.
        workers: Number of workers.
        ranks: Number of processes that train a candidate together.
        ends: Seconds after which no candidate begins, if that is before all are trained; None if it is not.
        leg: Seconds of a candidate of one of several generations, with its validation; None where there are none.
    """

    speeds: Mapping[str, Speed]
    candidate: float
    counts: Mapping[str, int]
    seconds: float
    workers: int
    ranks: int = 1
    ends: float | None = None
    leg: float | None = None

    def lines(self) -> Iterator[str]:
        """The estimate as text."""
        for task, speed in self.speeds.items():
            yield (
                f'{f"task {task}: " if task else ""}an iteration {_short(speed.iteration)}, {speed.iterations} in a whole '
                f'training; a batch of the validation {_short(speed.batch)}, {speed.batches} of them'
            )
        memory = [speed.memory for speed in self.speeds.values() if speed.memory is not None]
        if memory:
            yield f'memory: {max(memory) / 2**30:.1f} GiB of {torch.cuda.get_device_name()}'
        elif sys.platform != 'win32':  # which has no such module
            import resource

            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == 'darwin' else 1024)
            yield f'memory: {peak / 2**30:.1f} GiB of this process, on the CPU'
        part = '' if self.leg is None else f', a candidate of a generation and its validation: {span(self.leg)}'
        yield f'a training and its validation: {span(self.candidate)}{part}'
        counts = ', '.join(f'{count} {kind}' for kind, count in self.counts.items() if count)
        yield f'trainings: {counts or "none"}'
        if self.ends is not None:
            yield f'not all candidates: none begins after {span(self.ends)} (budget.max_seconds)'
        workers = 'one worker' if self.workers == 1 else f'{self.workers} workers'
        more = f', the exchange of gradients among {self.ranks} processes' if self.ranks > 1 else ''
        yield f'with {workers} about {span(self.seconds)}; drawing candidates and computing the metric{more} come on top'


def dry_run(spec: SearchSpec) -> DryRun:
    """Builds everything, trains for a few iterations, and estimates the search; only a temporary folder is written.

    Args:
        spec: The search.

    Raises:
        SetupError: The search cannot work; the message says why, and how to correct it.
        TrainingError: The training fails.
    """
    return estimate(spec, speeds_of(spec.proxy, spec.execute))


def speeds_of(settings: ProxySettings, execute: ExecuteSettings, metrics: Sequence[str] = ()) -> dict[str, Speed]:
    """Speed of a training by task, '' for one task; only a temporary folder is written.

    Args:
        settings: How a candidate is evaluated.
        execute: Where; one process with its number of threads and its share of the batch is measured.
        metrics: Further metrics that are wanted.

    Raises:
        SetupError: Something cannot be built, or the devices are too few.
        TrainingError: The training fails.
    """
    device_lines(execute)
    if execute.threads_each:
        torch.set_num_threads(execute.threads_each)
    speeds = {}
    with tempfile.TemporaryDirectory() as folder:
        evaluator = evaluator_of(settings.everywhere(work_dir=folder, trials=''))
        try:
            for task, part in evaluators_by_task(evaluator).items():
                with in_task(task):
                    require_metric(part, metrics)
                    speeds[task] = _speed_of(part, execute.ranks)
        finally:
            evaluator.close()
    return speeds


def _speed_of(evaluator: ProxyEvaluator, ranks: int) -> Speed:
    """The speed where several processes train together: each has an equal part of each batch, and of the validation."""
    one = _of_one_process(evaluator, ranks)
    try:
        speed = measure_speed(one)
    except MMAutoLossError:
        raise
    except Exception as error:  # of the user's model, or of a device, such as for lack of memory
        raise TrainingError(f'The training fails in its first iterations: {describe_error(error)}') from error
    finally:
        if one is not evaluator:
            one.close()
    by_epoch = not evaluator.settings.schedule.get('max_iters')
    return replace(
        speed,
        iterations=-(-speed.iterations // ranks) if by_epoch else speed.iterations,
        batches=-(-speed.batches // ranks),
    )


def _of_one_process(evaluator: ProxyEvaluator, ranks: int) -> ProxyEvaluator:
    if ranks == 1:
        return evaluator
    settings = evaluator.settings
    loader = settings.config['train_dataloader']
    share = {**loader, 'batch_size': share_batch(loader, ranks)}
    evaluator.close()
    return ProxyEvaluator(replace(settings, config={**settings.config, 'train_dataloader': share}))


def estimate(spec: SearchSpec, speeds: Mapping[str, Speed]) -> DryRun:
    """What a search takes with trainings of these speeds.

    Args:
        spec: The search.
        speeds: Speed of a training by task; '' for a search of one.
    """
    share = spec.proxy.trunk_share
    candidate = sum(speed.seconds(1 - share) for speed in speeds.values())
    whole = sum(speed.seconds() for speed in speeds.values())
    trunk = sum(speed.iteration * speed.iterations * share for speed in speeds.values())
    record = Record()
    record.header = dict(spec.header)
    workers = spec.execute.workers
    record.sessions.append(Session(0.0, '', 0, workers, 0.0, asdict(spec.search.budget)))
    leg = _leg(spec, speeds)
    lengths = Lengths.planned(trunk / candidate, whole / candidate, (leg or candidate) / candidate)
    left, limit, per_hour = work_left(record, 0.0, lengths), spec.search.budget.max_seconds, 3600 * workers / candidate
    seconds, all_of_it = seconds_of(left, per_hour, limit, 0.0), seconds_of(left, per_hour, None, 0.0)
    if left is None or seconds is None:
        raise ValueError('A budget of a search has max_trials.')
    ends = limit if seconds != all_of_it else None
    return DryRun(speeds, candidate, left.counts, seconds, workers, spec.execute.ranks, ends, leg)


def _leg(spec: SearchSpec, speeds: Mapping[str, Speed]) -> float | None:
    """Seconds of a leg of a relay, which has a validation of its own; None where there is no relay."""
    relay = spec.search.relay
    return sum(speed.seconds(1 / relay.generations) for speed in speeds.values()) if relay else None


def _short(seconds: float) -> str:
    return f'{seconds:.2g} s' if seconds >= 0.1 else f'{1000 * seconds:.0f} ms'
