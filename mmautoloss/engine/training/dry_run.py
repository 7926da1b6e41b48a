"""What a search will take, from a few iterations: days and memory, before anything is written."""

from __future__ import annotations

import resource
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import torch

from mmautoloss.engine.config.spec import SearchSpec
from mmautoloss.errors import in_task
from mmautoloss.execute import ExecuteSettings
from mmautoloss.proxy import ProxySettings, Speed, evaluator_of, evaluators_by_task, measure_speed, require_metric
from mmautoloss.report import Lengths, span, work_left
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
        leg: Seconds of a candidate of one of several generations, with its validation; None where there are none.
    """

    speeds: Mapping[str, Speed]
    candidate: float
    counts: Mapping[str, int]
    seconds: float
    workers: int
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
        else:
            yield f'memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB of this process, on the CPU'
        part = '' if self.leg is None else f', a candidate of a generation and its validation: {span(self.leg)}'
        yield f'a training and its validation: {span(self.candidate)}{part}'
        counts = ', '.join(f'{count} {kind}' for kind, count in self.counts.items() if count)
        yield f'trainings: {counts}'
        workers = 'one worker' if self.workers == 1 else f'{self.workers} workers'
        yield f'with {workers} about {span(self.seconds)}; drawing candidates and computing the metric come on top'


def dry_run(spec: SearchSpec) -> DryRun:
    """Builds everything, trains for a few iterations, and estimates the search; only a temporary folder is written.

    Args:
        spec: The search.

    Raises:
        SetupError: The search cannot work; the message says why, and how to correct it.
    """
    return estimate(spec, speeds_of(spec.proxy, spec.execute))


def speeds_of(settings: ProxySettings, execute: ExecuteSettings) -> dict[str, Speed]:
    """Speed of a training by task, '' for one task; only a temporary folder is written.

    Args:
        settings: How a candidate is evaluated.
        execute: Where; one process with its number of threads is measured.

    Raises:
        SetupError: Something cannot be built.
    """
    if execute.threads:
        torch.set_num_threads(execute.threads)
    speeds = {}
    with tempfile.TemporaryDirectory() as folder:
        evaluator = evaluator_of(settings.everywhere(work_dir=folder, trials=''))
        try:
            for task, part in evaluators_by_task(evaluator).items():
                with in_task(task):
                    require_metric(part)
                    speeds[task] = measure_speed(part)
        finally:
            evaluator.close()
    return speeds


def estimate(spec: SearchSpec, speeds: Mapping[str, Speed]) -> DryRun:
    """What a search takes with trainings of these speeds.

    Args:
        spec: The search.
        speeds: Speed of a training by task; '' for a search of one.
    """
    share = trunk_share(spec.proxy)
    candidate = sum(speed.seconds(1 - share) for speed in speeds.values())
    whole = sum(speed.seconds() for speed in speeds.values())
    trunk = sum(speed.iteration * speed.iterations * share for speed in speeds.values())
    record = Record()
    record.header = dict(spec.header)
    workers = spec.execute.workers
    record.sessions.append(Session(0.0, '', 0, workers, 0.0, asdict(spec.search.budget)))
    relay = spec.search.relay
    leg = sum(speed.seconds(1 / relay.generations) for speed in speeds.values()) if relay else None
    planned = Lengths.planned(trunk / candidate, whole / candidate, (leg or candidate) / candidate)
    left = work_left(record, 0.0, planned)
    if left is None:
        raise ValueError('A budget of a search has max_trials.')
    seconds = (left.candidates + left.others) * candidate / workers
    return DryRun(speeds, candidate, left.counts, seconds, workers, leg)


def trunk_share(settings: ProxySettings) -> float:
    """The share of a training that candidates leave to the trunk; 0 where there is none."""
    if not settings.trunk:
        return 0.0
    length = settings.schedule.get('max_iters') or settings.schedule['max_epochs']
    return settings.trunk.steps / length


def _short(seconds: float) -> str:
    return f'{seconds:.2g} s' if seconds >= 0.1 else f'{1000 * seconds:.0f} ms'
