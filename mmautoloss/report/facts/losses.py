"""The losses of a trial by branch, with the lines to paste into a config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mmautoloss.branches import Branch
from mmautoloss.expr import to_latex
from mmautoloss.losses import name_of
from mmautoloss.trial import Trial


class Loss(NamedTuple):
    """A found loss of one branch.

    Attributes:
        branch: Name of the branch.
        path: Path of the loss in the model; '' where the journal does not record it.
        inputs: Kind of input; '' where the journal does not record it.
        expression: The expression as infix text.
        latex: The expression as LaTeX.
        nodes: Size of its tree.
        weight: ``loss_weight``.
        line: The line to paste into a config under ``key``; '' where path and inputs are unknown.
        key: Position of the line in the model's config, such as ``rpn_head.loss_cls``.
        known: Name of the known loss with this expression; '' for all others.
        task: The task with this place and weight; '' in a search of one.
    """

    branch: str
    path: str
    inputs: str
    expression: str
    latex: str
    nodes: int
    weight: float
    line: str
    key: str
    known: str
    task: str = ''


def losses_of(trial: Trial, header: Mapping[str, Any]) -> tuple[Loss, ...]:
    """The losses of a trial that has a genome: one a branch, in a search of several tasks one a branch and task.

    Args:
        trial: The trial.
        header: The first event of its journal.
    """
    tasks = header.get('tasks') or {}
    if not tasks:
        return _losses(trial, header.get('branches') or {})
    return tuple(
        loss._replace(task=task)
        for task, own in tasks.items()
        for loss in _losses(trial.of_task(task), own['branches'])
    )


def _losses(trial: Trial, places: Mapping[str, Any]) -> tuple[Loss, ...]:
    return tuple(_loss(trial, name, places.get(name)) for name in trial.required_genome)


def _loss(trial: Trial, name: str, location: Mapping[str, Any] | None) -> Loss:
    tree, weight = trial.required_genome[name], trial.weights.get(name, 1.0)
    known_name = name_of(tree) or ''
    columns = (str(tree), to_latex(tree), tree.size, weight)
    if not location:
        return Loss(name, '', '', *columns, '', '', known_name)
    branch = Branch(name, **location)
    line = _line(branch, str(tree), weight)
    return Loss(name, branch.path, branch.inputs, *columns, line, branch.config_path, known_name)


def _line(branch: Branch, expression: str, weight: float) -> str:
    """A keyword argument, or a list entry where the key is a number."""
    key = branch.config_path.rpartition('.')[2]
    values = ', '.join(f'{name}={value!r}' for name, value in branch.config(expression, weight).items())
    return f'dict({values}),' if key.isdigit() else f'{key}=dict({values}),'
