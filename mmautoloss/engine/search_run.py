"""The steps of a search: journal, checks, probes, calibration, the loop over slots, results."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Iterator
from dataclasses import replace

import mmengine
import torch
from mmengine.visualization import Visualizer

from mmautoloss.branches import find_losses
from mmautoloss.engine.config.losses import with_custom_modules, with_losses
from mmautoloss.engine.config.resolved import write_resolved
from mmautoloss.engine.config.spec import SearchSpec
from mmautoloss.engine.config.writing import write_config
from mmautoloss.engine.dashboard import Dashboard
from mmautoloss.engine.illustration.search_page import write_report
from mmautoloss.engine.signals import stop_on_signals
from mmautoloss.engine.trial_files import TrialFiles
from mmautoloss.errors import SetupError
from mmautoloss.execute import build_executor
from mmautoloss.found import write_losses
from mmautoloss.found.read import read_found
from mmautoloss.proxy import ProxyEvaluator, capture_probes, one_at_a_time, require_metric
from mmautoloss.report import ConsoleObserver, append_results, result_rows
from mmautoloss.screen import (
    Calibration,
    Screen,
    calibrate,
    load_probes,
    require_calibrated,
    save_probes,
)
from mmautoloss.search import Observers, Planner, Stop, run_search
from mmautoloss.trial import History, Journal
from mmautoloss.version import VERSION


@one_at_a_time
def launch(spec: SearchSpec, stop: Stop | None = None, visualizer: Visualizer | None = None) -> History:
    """Runs a search and writes its results; trainings in other threads wait until then.

    Args:
        spec: The search.
        stop: Requests an early end.
        visualizer: A visualiser whose backends log the search.

    Raises:
        SetupError: The search cannot work; the message says why, and how to correct it.
        JournalError: The work dir has another search.
        CalibrationError: The rejection test cannot tell good losses from bad ones here.
    """
    if spec.execute.threads:  # first, since the rounding of probes and verdicts depends on it as well
        torch.set_num_threads(spec.execute.threads)
    stop = stop or Stop()
    journal = Journal(spec.work_dir / 'journal.jsonl', dict(spec.header), _versions(), spec.resume)
    proxy, record = spec.proxy, journal.record
    observer = ConsoleObserver(spec.branches, proxy.metric, proxy.greater, work_dir=spec.work_dir, record=record)
    try:
        with _writing(spec):
            write_resolved(spec)
            files = TrialFiles(spec.work_dir)
        spec = replace(spec, proxy=replace(spec.proxy, trials=str(files.folder), pictures=spec.execute.pictures))
        evaluator = build_evaluator(spec)
        observer.say('building the model and the data, validating once untrained')
        require_metric(evaluator)
        kept = evaluator.kept if spec.execute.in_driver else spec.execute.kept_by_workers
        if kept:
            observer.say(kept)
        tell_branches(spec, evaluator, observer)
        screens, calibrations = build_screens(spec, evaluator)
        observer.calibrated(calibrations, spec.screen.test.eta)
        executor = build_executor(spec.execute, spec.proxy, evaluator)
        planner = Planner(spec.search, spec.strategy, screens)
        observers = [files, observer]
        if visualizer is not None:
            observers.append(Dashboard(visualizer, spec.proxy.metric, spec.proxy.greater, observer.say))
        try:
            with stop_on_signals(stop):
                run_search(
                    journal,
                    planner,
                    executor,
                    Observers(observers),
                    spec.execute,
                    spec.execute.heartbeat,
                    stop,
                )
        finally:
            executor.close()
        with _writing(spec):
            finish(spec, journal.history, observer)
        if spec.report:
            tell_report(spec, observer)
        return journal.history
    finally:
        journal.close()


def build_evaluator(spec: SearchSpec) -> ProxyEvaluator:
    """The evaluator of the driver; if workers train, it caches no samples, since it reads only a few."""
    return ProxyEvaluator(spec.proxy if spec.execute.in_driver else replace(spec.proxy, cache=0))


def tell_branches(spec: SearchSpec, evaluator: ProxyEvaluator, observer: ConsoleObserver) -> None:
    """Prints which losses are searched and which stay as they are."""
    searched = {branch.path for branch in spec.branches}
    for loss in find_losses(evaluator.runner.model):
        observer.say(f'{"searched" if loss.path in searched else "kept as it is"}: {loss.path} ({loss.loss})')


def build_screens(spec: SearchSpec, evaluator: ProxyEvaluator) -> tuple[dict[str, Screen], dict[str, Calibration]]:
    """The calibrated screens of a search; its probes are captured once, then read from the work dir."""
    path = spec.work_dir / 'probes.pt'
    if path.exists() and spec.resume:
        probes = load_probes(path)
    else:
        probes = capture_probes(
            evaluator.runner, spec.branches, spec.screen.samples, spec.search.seed, spec.screen.side, spec.proxy.keys
        )
        with _writing(spec):
            save_probes(probes, path)
    hand_made = evaluator.hand_made
    calibrations = {name: calibrate(spec.screen.test, probe, hand_made[name]) for name, probe in probes.items()}
    require_calibrated(calibrations, spec.screen.test)
    return spec.screen.build(probes, hand_made), calibrations


def finish(spec: SearchSpec, history: History, observer: ConsoleObserver) -> None:
    """Writes the best losses into a copy of the base config, appends the results to their file, prints the tables."""
    ranking = history.ranking(max(1, spec.search.budget.finalists))
    path = None
    if ranking:
        path = spec.work_dir / 'best_config.py'
        best = ranking[0]
        found = read_found(spec.work_dir / 'journal.jsonl', best.number)
        write_losses(spec.work_dir / 'best_losses.json', found.losses, found.origin)
        config = with_losses(spec.base, spec.branches, best.required_genome, best.weights)
        write_config(with_custom_modules(config, spec.proxy.config, spec.branches, best.required_genome), path)
    if spec.results:
        append_results(spec.results, result_rows(history, ranking, spec.describe, spec.proxy))
    observer.table(history, ranking, path)


def tell_report(spec: SearchSpec, observer: ConsoleObserver) -> None:
    """Writes the page of the search; an error there must not lose other results."""
    try:
        observer.say(f'the page of the search: {write_report(spec.work_dir)}')
    except Exception as error:  # any error: the search is over, and all its results are written
        command = f'python -m mmautoloss report {spec.work_dir}'
        observer.say(f'the page of the search could not be written ({error!r}); to try again: {command}')


@contextlib.contextmanager
def _writing(spec: SearchSpec) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SetupError(
            f'{error.filename2 or error.filename or spec.work_dir} cannot be written: {error.strerror}. '
            'The journal is whole: free space or make it writable, then go on with --resume.'
        ) from error


def _versions() -> dict[str, str]:
    return {
        'mmautoloss': VERSION,
        'python': platform.python_version(),
        'torch': torch.__version__,
        'mmengine': mmengine.__version__,
        'threads': str(torch.get_num_threads()),
    }
