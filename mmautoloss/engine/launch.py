"""The steps of a search: journal, checks, probes, calibration, the loop over slots, results."""

from __future__ import annotations

import contextlib
import copy
import platform
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from pprint import pformat

import mmengine
import torch

import mmautoloss
from mmautoloss.engine.export import with_losses, write_config, write_text
from mmautoloss.engine.found import found_losses, write_losses
from mmautoloss.engine.imports import Imports
from mmautoloss.engine.screening import ENGINES
from mmautoloss.engine.signals import stop_on_signals
from mmautoloss.engine.spec import SearchSpec
from mmautoloss.errors import SetupError
from mmautoloss.execute import Executor
from mmautoloss.proxy import ProxyEvaluator, capture_probes, find_losses
from mmautoloss.report import ConsoleObserver, append_results, result_rows
from mmautoloss.screen import (
    Calibration,
    Probe,
    ProbeScreen,
    calibrate,
    load_probes,
    require_calibrated,
    save_probes,
)
from mmautoloss.search import Planner, Stop, run_search
from mmautoloss.trial import History, Journal

CONFIG = 'search_config.py'
"""The whole search config, as it was resolved, in the work dir."""


def launch(spec: SearchSpec, stop: Stop | None = None) -> History:
    """Runs a search to its end and writes what it found.

    Args:
        spec: The search.
        stop: Where its end can be asked for before it comes by itself.

    Raises:
        SetupError: Something cannot work; the text says what and how to mend it.
        JournalError: The work dir holds another search.
        CalibrationError: The rejection test cannot tell good from bad here.
    """
    if spec.execute.threads:  # from here on: also probes and verdicts are rounded differently by more threads
        torch.set_num_threads(spec.execute.threads)
    observer = ConsoleObserver(spec.branches, spec.proxy.metric, spec.proxy.greater)
    stop = stop or Stop()
    journal = Journal(spec.work_dir / 'journal.jsonl', dict(spec.header), _versions(), spec.resume)
    try:
        with _writing(spec):
            write_resolved(spec)
        evaluator = build_evaluator(spec)
        observer.say('building the model and the data, validating once untrained')
        require_metric(evaluator)
        kept = evaluator.kept if spec.execute.in_driver else spec.execute.kept_by_workers
        if kept:
            observer.say(kept)
        tell_branches(spec, evaluator, observer)
        screens, calibrations = build_screens(spec, evaluator)
        observer.calibrated(calibrations, spec.test.eta)
        executor = build_executor(spec, evaluator)
        planner = Planner(spec.search, spec.strategy, screens)
        try:
            with stop_on_signals(stop):
                run_search(journal, planner, executor, observer, spec.execute, spec.execute.heartbeat, stop)
        finally:
            executor.close()
        with _writing(spec):
            finish(spec, journal.history, observer)
        return journal.history
    finally:
        journal.close()


def build_evaluator(spec: SearchSpec) -> ProxyEvaluator:
    """That of the driver; where others train it keeps no samples, since it reads only a few."""
    return ProxyEvaluator(spec.proxy if spec.execute.in_driver else replace(spec.proxy, cache=0))


def require_metric(evaluator: ProxyEvaluator) -> None:
    """Validates the untrained model on a batch, so that broken data or a misspelt metric shows before any training.

    Raises:
        SetupError: The metric is not among the results. (An untrained model that predicts nothing gives no results;
            then the baseline will tell.)
    """
    metrics = evaluator.validate_untrained()
    missing = [key for key in evaluator.settings.keys if key not in metrics]
    if metrics and missing:
        raise SetupError(
            f'metric {missing[0]!r} is not among the results of the validation: {", ".join(sorted(metrics))}.'
        )


def tell_branches(spec: SearchSpec, evaluator: ProxyEvaluator, observer: ConsoleObserver) -> None:
    """Says which losses are searched and which stay as they are."""
    searched = {branch.path for branch in spec.branches}
    for loss in find_losses(evaluator.runner.model):
        observer.say(f'{"searched" if loss.path in searched else "kept as it is"}: {loss.path} ({loss.loss})')


def build_screens(
    spec: SearchSpec, evaluator: ProxyEvaluator
) -> tuple[dict[str, ProbeScreen], dict[str, Calibration]]:
    """Probes of the search (captured once, then read from the work dir), calibrated, as screens."""
    path = spec.work_dir / 'probes.pt'
    if path.exists() and spec.resume:
        probes = load_probes(path)
    else:
        probes = capture_probes(
            evaluator.runner, spec.branches, spec.samples, spec.search.seed, spec.side, spec.proxy.keys
        )
        with _writing(spec):
            save_probes(probes, path)
    hand_made = evaluator.hand_made
    calibrations = {name: calibrate(spec.test, probe, hand_made[name]) for name, probe in probes.items()}
    require_calibrated(calibrations, spec.test)
    return make_screens(spec, probes, hand_made), calibrations


def make_screens(
    spec: SearchSpec, probes: Mapping[str, Probe], hand_made: Mapping[str, torch.nn.Module]
) -> dict[str, ProbeScreen]:
    """The screen of each branch."""
    balance = spec.balance == 'gradient'
    screen = ENGINES[spec.engine]
    return {name: screen(probe, spec.test, hand_made[name], balance) for name, probe in probes.items()}


def build_executor(spec: SearchSpec, evaluator: ProxyEvaluator) -> Executor:
    """As ``execute`` says; where others train, the driver's own model is freed."""
    if not spec.execute.in_driver:
        evaluator.close()
        torch.set_num_threads(1)  # the driver only screens, on small tensors
    return spec.execute.build(spec.proxy, evaluator)


def finish(spec: SearchSpec, history: History, observer: ConsoleObserver) -> None:
    """Writes the best losses into a copy of the base config, files the results, prints the table."""
    ranking = history.ranking(spec.search.budget.finalists)
    path = None
    if ranking:
        path = spec.work_dir / 'best_config.py'
        best = ranking[0]
        write_losses(spec.work_dir / 'best_losses.json', found_losses(spec.branches, best))
        write_config(with_losses(spec.base, spec.branches, best.genome, best.weights), path)
    if spec.results:
        append_results(spec.results, result_rows(history, ranking, spec.describe, spec.proxy))
    observer.table(history, ranking, path)


def write_resolved(spec: SearchSpec) -> None:
    """Writes the search config into the work dir, for ``replay``."""
    settings = copy.deepcopy(dict(spec.proxy.config))
    settings['train_cfg']['base_config'] = str(Path(settings['train_cfg']['base_config']).absolute())
    # not by MMEngine's own writer: it sorts keys, and branches are bred in the order in which they are named
    imports = Imports(settings)
    marked = imports.mark(settings)
    lines = [f'{key} = {pformat(value, width=119, sort_dicts=False)}' for key, value in marked.items()]
    write_text(spec.work_dir / CONFIG, imports.fill('\n'.join(lines) + '\n'))


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
        'mmautoloss': mmautoloss.__version__,
        'python': platform.python_version(),
        'torch': torch.__version__,
        'mmengine': mmengine.__version__,
        'threads': str(torch.get_num_threads()),
    }
