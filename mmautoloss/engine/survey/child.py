"""A survey by another process."""

from __future__ import annotations

import json
import multiprocessing
import signal
import traceback
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from multiprocessing.connection import Connection, Pipe
from typing import Any

import torch

from mmautoloss.engine.survey.own import OwnSurvey
from mmautoloss.engine.survey.survey import Capture, Say, Survey, unsaid
from mmautoloss.errors import MMAutoLossError, SetupError
from mmautoloss.proxy import ProxyEvaluator, ProxySettings


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
        return self._ask({'task': task, 'untrained': True}, unsaid)

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
