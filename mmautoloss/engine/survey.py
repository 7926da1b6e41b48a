"""What the model of a search shows before any trial: whether it validates, which losses it has, its probes.

Where workers train on GPUs, another process looks at it, which then ends: a process that has used a GPU keeps a part of it,
and one whose compute mode is exclusive would have no place for its worker.
"""

from __future__ import annotations

import json
import multiprocessing
import signal
import traceback
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

import torch

from mmautoloss.branches import find_losses
from mmautoloss.engine.config.writing import written
from mmautoloss.errors import MMAutoLossError, SetupError
from mmautoloss.execute import ExecuteSettings
from mmautoloss.execute.devices import visible_gpus
from mmautoloss.execute.gpu_checks import describe_gpus
from mmautoloss.proxy import (
    Begin,
    Evaluator,
    ProxyEvaluator,
    ProxySettings,
    Trunks,
    capture_probes,
    evaluators_by_task,
    hooks_of,
    require_fitting,
    require_metric,
    untrained_value,
)
from mmautoloss.screen import save_probes
from mmautoloss.trial import Saved

Say = Callable[[str], None]


@dataclass(frozen=True)
class Capture:
    """Which probes are captured.

    Attributes:
        path: The file into which they are saved.
        samples: Number of images.
        seed: Seed of weights and augmentation.
        side: Approximate largest side of a map, in pixels.
        saved: The saved training that candidates continue, as JSON; None for the initial weights.
    """

    path: str
    samples: int
    seed: int
    side: int
    saved: dict[str, Any] | None = None


class Survey(ABC):
    """Looks at the model and the data of each task; '' is that of a search of one.

    Attributes:
        elsewhere: Whether another process does, so that this one may not build the model on its device.
    """

    elsewhere = False

    @abstractmethod
    def look(self, say: Say) -> None:
        """Names the GPUs that are visible.

        Raises:
            SetupError: Torch has no code for one.
        """

    @abstractmethod
    def check(self, task: str, say: Say, others: Sequence[str] = ()) -> None:
        """Builds all, and validates once untrained, so that errors show before any training.

        Args:
            task: The task.
            say: Takes lines for the user.
            others: Further metrics that are wanted.

        Raises:
            SetupError: Something cannot be built, or gives no score.
        """

    @abstractmethod
    def untrained(self, task: str) -> float | None:
        """The value of the metric without training, once the task is checked; None where there is none to compare with."""

    @abstractmethod
    def capture(self, task: str, capture: Capture, say: Say) -> None:
        """Captures the probes, and saves them.

        Raises:
            SetupError: A loss cannot be recorded.
        """

    def close(self) -> None:  # noqa: B027 (in this process the evaluator belongs to the caller)
        """Ends the process, if there is one."""


@contextmanager
def survey_of(evaluator: Evaluator, execute: ExecuteSettings) -> Iterator[Survey]:
    """A survey by this process, or by another one where workers train on GPUs.

    Args:
        evaluator: The evaluator of this process, which another process copies.
        execute: Where trials are trained.
    """
    parts = evaluators_by_task(evaluator)
    elsewhere = not execute.in_driver and bool(visible_gpus())
    survey = ChildSurvey({task: part.settings for task, part in parts.items()}) if elsewhere else OwnSurvey(parts)
    try:
        yield survey
    finally:
        survey.close()


class OwnSurvey(Survey):
    """A survey by this process.

    Args:
        evaluators: The evaluators by task.
    """

    def __init__(self, evaluators: Mapping[str, ProxyEvaluator]) -> None:
        self._evaluators = evaluators
        self._first: dict[str, Mapping[str, float]] = {}

    def look(self, say: Say) -> None:
        """Names the GPUs that are visible."""
        for line in describe_gpus():
            say(line)

    def check(self, task: str, say: Say, others: Sequence[str] = ()) -> None:
        """Builds all, and validates once untrained."""
        evaluator = self._evaluators[task]
        settings = evaluator.settings
        if settings.checkpoint:
            require_fitting(evaluator.runner.bare_model, settings.checkpoint)
        self._first[task] = require_metric(evaluator, others)
        if evaluator.kept:
            say(evaluator.kept)
        gone = hooks_of(settings.config).gone
        if gone:
            say(f'hooks that candidates are trained without, since they only write or draw: {", ".join(gone)}')
        searched = {branch.path for branch in settings.branches}
        for loss in find_losses(evaluator.runner.model):
            say(f'{"searched" if loss.path in searched else "kept as it is"}: {loss.path} ({loss.loss})')

    def untrained(self, task: str) -> float | None:
        """The value of the metric without training; None for one of several tasks, whose scores are gains."""
        return None if task else untrained_value(self._evaluators[task], self._first[task])

    def capture(self, task: str, capture: Capture, say: Say) -> None:
        """Captures the probes, and saves them."""
        evaluator = self._evaluators[task]
        settings, saved = evaluator.settings, Saved.from_json(capture.saved)
        begin = Begin(Trunks(settings.trunk.folder).load(saved)) if settings.trunk and saved else None
        probes = capture_probes(
            evaluator.runner,
            settings.branches,
            capture.samples,
            capture.seed,
            capture.side,
            settings.keys,
            begin,
            say,
        )
        path = Path(capture.path)
        with written(path.parent):
            save_probes(probes, path)


class ChildSurvey(Survey):
    """A survey by another process, which begins with the first question.

    Args:
        settings: How candidates are evaluated, by task.
    """

    elsewhere = True

    def __init__(self, settings: Mapping[str, ProxySettings]) -> None:
        self._settings = settings
        self._process: multiprocessing.process.BaseProcess | None = None
        self._link: Connection | None = None

    def look(self, say: Say) -> None:
        """Has the GPUs named."""
        self._ask({'look': True}, say)

    def check(self, task: str, say: Say, others: Sequence[str] = ()) -> None:
        """Has all built, and validated once untrained."""
        self._ask({'task': task, 'others': list(others)}, say)

    def untrained(self, task: str) -> float | None:
        """Has the untrained model validated."""
        return self._ask({'task': task, 'untrained': True}, _unsaid)

    def capture(self, task: str, capture: Capture, say: Say) -> None:
        """Has the probes captured and saved."""
        self._ask({'task': task, 'capture': asdict(capture)}, say)

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None and self._link is not None:
            self._process.kill()
            self._process.join()
            self._link.close()
        self._process = self._link = None

    def _ask(self, question: Mapping[str, Any], say: Say) -> Any:
        link = self._link or self._start()
        try:
            link.send_bytes(json.dumps(question).encode())
            while 'done' not in (answer := json.loads(link.recv_bytes())):
                if 'error' in answer:
                    raise SetupError(answer['error'])
                say(answer['say'])
            return answer['done']
        except (EOFError, OSError):
            raise SetupError(
                f'The process that looks at the model before the search has died: {self._exit()}'
            ) from None

    def _exit(self) -> str:
        if self._process is None:
            return 'it was never started.'
        self._process.join(10)
        return f'exit code {self._process.exitcode}, see its messages above.'

    def _start(self) -> Connection:
        own, link = Pipe()
        arguments = (link, self._settings, torch.get_num_threads())
        process = multiprocessing.get_context('spawn').Process(target=serve, args=arguments, name='survey')
        process.start()  # may fail, and then there is nothing to close
        link.close()  # so that this end breaks when the process ends
        self._process, self._link = process, own
        return own


def serve(link: Connection, settings: Mapping[str, ProxySettings], threads: int) -> None:
    """Answers questions until the link breaks.

    Args:
        link: Takes questions and answers, as JSON.
        settings: How candidates are evaluated, by task.
        threads: CPU threads, on which the rounding of probes depends.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole process group; the search handles it
    warnings.filterwarnings('ignore', message='Multi-processing start method')
    torch.set_num_threads(threads)

    def send(**message: Any) -> None:
        try:
            link.send_bytes(json.dumps(message).encode())
        except OSError:
            raise SystemExit from None  # the search has ended

    survey = OwnSurvey({task: ProxyEvaluator(part) for task, part in settings.items()})
    while True:
        try:
            question = json.loads(link.recv_bytes())
        except (EOFError, OSError):
            return
        try:
            send(done=_answer(survey, question, lambda text: send(say=text)))
        except MMAutoLossError as error:
            send(error=str(error))
        except Exception:  # of the user's model, data or metric
            send(error=f'The model, the data or the metric fails before any training:\n{traceback.format_exc()}')


def _unsaid(line: str) -> None:
    """Where there is nothing to say."""


def _answer(survey: Survey, question: Mapping[str, Any], say: Say) -> float | None:
    if 'untrained' in question:
        return survey.untrained(question['task'])
    if 'look' in question:
        survey.look(say)
    elif 'capture' in question:
        survey.capture(question['task'], Capture(**question['capture']), say)
    else:
        survey.check(question['task'], say, question['others'])
    return None
