"""Which process makes a survey."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mmautoloss.engine.survey.child import ChildSurvey
from mmautoloss.engine.survey.own import OwnSurvey
from mmautoloss.engine.survey.survey import Survey
from mmautoloss.execute import ExecuteSettings
from mmautoloss.execute.devices import visible_gpus
from mmautoloss.proxy import Evaluator, evaluators_by_task


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
