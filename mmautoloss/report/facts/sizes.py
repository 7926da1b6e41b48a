"""Scores by size of the expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean

from mmautoloss.expr import Genome
from mmautoloss.report.facts.table import Table
from mmautoloss.trial import History, Role, Scale, State, Trial

COLUMNS = ('trial', 'role', 'nodes', 'score', 'front', 'mean', 'seeds')


def sizes_of(history: History, scale: Scale) -> Table:
    """All candidates that were trained to the end.

    Returns:
        ``nodes`` in the expressions of all branches; ``score`` with the seed that all candidates share; ``front``, whether
        the candidate is on the Pareto front of few nodes and good scores; ``mean`` over ``seeds`` trainings.
    """
    trials = [trial for trial in history.of_role(Role.KNOWN, Role.SEARCH) if trial.state is State.COMPLETE]
    nodes = {trial.number: nodes_of(trial.required_genome) for trial in trials}
    front = _front(trials, nodes)
    return Table(
        COLUMNS, tuple(_row(trial, nodes[trial.number], trial.number in front, history, scale) for trial in trials)
    )


def _row(trial: Trial, nodes: int, front: bool, history: History, scale: Scale) -> tuple:
    scores = history.scores_of(trial.number)
    columns = (trial.number, trial.role.value, nodes, scale.shown(trial.score), front)
    return *columns, scale.shown(mean(scores)), len(scores)


def nodes_of(genome: Genome) -> int:
    """Number of nodes in the expressions of all branches."""
    return sum(tree.size for tree in genome.values())


def _front(trials: Sequence[Trial], nodes: Mapping[int, int]) -> set[int]:
    best, numbers = None, set()
    for trial in sorted(trials, key=lambda trial: (nodes[trial.number], -trial.required_score, trial.number)):
        if best is None or trial.required_score > best:
            best = trial.required_score
            numbers.add(trial.number)
    return numbers
