"""The steps of a search: journal, checks, probes, calibration, the loop over slots, results."""

from __future__ import annotations

import platform
from dataclasses import asdict, replace
from pathlib import Path

import mmengine
import torch
from mmengine.visualization import Visualizer

from mmautoloss.engine.config.best import best_config
from mmautoloss.engine.config.resolved import write_resolved
from mmautoloss.engine.config.spec import SearchSpec
from mmautoloss.engine.config.writing import write_config, written
from mmautoloss.engine.dashboard import Dashboard
from mmautoloss.engine.illustration.search_page import write_report
from mmautoloss.engine.relay_files import RelayFiles
from mmautoloss.engine.screens import Screens
from mmautoloss.engine.signals import stop_on_signals
from mmautoloss.engine.survey import Survey, survey_of
from mmautoloss.engine.training import conditions_of
from mmautoloss.engine.trial_files import TrialFiles
from mmautoloss.errors import in_task
from mmautoloss.execute import build_executor, device_lines
from mmautoloss.found import write_losses
from mmautoloss.found.read import read_found
from mmautoloss.proxy import (
    Evaluator,
    Trunks,
    evaluator_of,
    evaluators_by_task,
    one_at_a_time,
)
from mmautoloss.report import ConsoleObserver, append_results, result_rows
from mmautoloss.report.learning import UNTRAINED, untrained_of
from mmautoloss.search import Observer, Observers, Planner, Stop, best_losses, run_search
from mmautoloss.trial import History, Journal, Record, Role, Trial
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
    info = _versions()
    journal = Journal(spec.work_dir / 'journal.jsonl', dict(spec.header), info, spec.resume)
    proxy, record = spec.proxy, journal.record
    observer = ConsoleObserver(
        spec.branches, proxy.metric, proxy.greater, work_dir=spec.work_dir, record=record, verbose=spec.verbose
    )
    try:
        for line in [*filter(None, [journal.soft_lock]), *device_lines(spec.execute)]:
            observer.say(line)
        with written(spec.work_dir):
            write_resolved(spec)
            files = TrialFiles(spec.work_dir)
        spec = replace(spec, proxy=spec.proxy.everywhere(trials=str(files.folder), pictures=spec.execute.pictures))
        evaluator = build_evaluator(spec)
        screens = Screens(spec, evaluator, journal.history, observer)
        with survey_of(evaluator, spec.execute) as survey:
            look_at_models(survey, evaluator, observer, record, info)
            require_saved(spec, journal.history)
            if not spec.proxy.trunk:
                screens.build(survey)
        if not spec.execute.in_driver and spec.execute.kept_by_workers:
            observer.say(spec.execute.kept_by_workers)
        executor = build_executor(spec.execute, spec.proxy, evaluator)
        planner = Planner(spec.search, spec.strategy, screens)
        observers: list[Observer] = [files, observer, *relay_files(spec)]
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
        with written(spec.work_dir):
            ranking, configs = finish(spec, journal.history)
        for line in executor.retired():
            observer.retired(line)
        page = None
        try:
            page = tell_report(spec, observer) if spec.report else None
        finally:  # also where somebody does not wait for the page
            observer.table(journal.history, ranking, configs, asdict(spec.search.budget), stop.requested, page)
        return journal.history
    finally:
        journal.close()


def build_evaluator(spec: SearchSpec) -> Evaluator:
    """The evaluator of the driver; if workers train, it caches no samples, since it reads only a few."""
    return evaluator_of(spec.proxy if spec.execute.in_driver else spec.proxy.everywhere(cache=0))


def look_at_models(
    survey: Survey, evaluator: Evaluator, observer: ConsoleObserver, record: Record, info: dict[str, str]
) -> None:
    """Builds and validates the model of each task once, so that errors show before any training.

    Raises:
        SetupError: Something cannot be built, or gives no score.
    """
    survey.look(observer.say)
    for task in evaluators_by_task(evaluator):
        observer.say(f'building the model and the data{_of(task)}, validating once untrained')
        with in_task(task):
            survey.check(task, observer.say)
            note_untrained(survey, task, record, info)


def note_untrained(survey: Survey, task: str, record: Record, info: dict[str, str]) -> None:
    """Adds the value of the metric without training to the facts of a session, unless one before has measured it."""
    if task or untrained_of(record) is not None:
        return  # images may be many, and scores of several tasks are gains
    value = survey.untrained(task)
    if value is not None:
        info[UNTRAINED] = repr(value)


def _of(task: str) -> str:
    return f' of task {task}' if task else ''


def require_saved(spec: SearchSpec, history: History) -> None:
    """Requires the saved trainings from which trials of a search that is continued begin.

    Raises:
        SetupError: One is missing, or is another file than was saved.
    """
    trunks = [trial.outcome.saved for trial in history.of_role(Role.TRUNK) if trial.outcome]
    for saved in spec.search.relay.kept(history) if spec.search.relay else trunks:
        if saved:
            Trunks(spec.proxy.saved_folder).read(saved)  # its content is loaded where it is continued


def relay_files(spec: SearchSpec) -> list[Observer]:
    """What keeps the saved trainings of a relay few; nothing in any other search."""
    relay = spec.search.relay
    return [RelayFiles(Path(spec.proxy.saved_folder), relay)] if relay else []


def finish(spec: SearchSpec, history: History) -> tuple[list[Trial], list[Path]]:
    """Writes the best losses into a copy of the base config, and appends the results to their file.

    Returns:
        The best trials, best first, and the configs with the best, one a task.
    """
    budget = spec.search.budget
    ranking = best_losses(history, budget.funnel, max(1, budget.finalists))
    configs = [write_best(spec, ranking[0], task) for task in spec.tasks or ('',)] if ranking else []
    if spec.results:
        conditions = conditions_of(spec.training.begin, spec.proxy)
        append_results(spec.results, result_rows(history, ranking, spec.describe, spec.proxy, conditions))
    return ranking, configs


def write_best(spec: SearchSpec, best: Trial, task: str) -> Path:
    """Writes the best losses for a task as JSON and as a config, whose path it returns; '' is that of a search of one."""
    found = read_found(spec.work_dir / 'journal.jsonl', best.number, task)
    end = f'_{task}' if task else ''
    write_losses(spec.work_dir / f'best_losses{end}.json', found.losses, found.origin)
    path = spec.work_dir / f'best_config{end}.py'
    write_config(best_config(spec.tasks[task], best.of_task(task)) if task else best_config(spec, best), path)
    return path


def tell_report(spec: SearchSpec, observer: ConsoleObserver) -> Path | None:
    """Writes the page of the search; an error there must not lose other results."""
    try:
        return write_report(spec.work_dir)
    except Exception as error:  # any error: the search is over, and all its results are written
        command = f'python -m mmautoloss report {spec.work_dir}'
        observer.say(f'the page of the search could not be written ({error!r}); to try again: {command}')
        return None


def _versions() -> dict[str, str]:
    return {
        'mmautoloss': VERSION,
        'python': platform.python_version(),
        'torch': torch.__version__,
        'mmengine': mmengine.__version__,
        'threads': str(torch.get_num_threads()),
    }
