"""Figures of found losses: curves beside those of the hand-made losses, expression trees, and ancestry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from mmautoloss.branches import Branch
from mmautoloss.engine.illustration.hand_made import HandMade, hand_made_losses
from mmautoloss.expr import Tree
from mmautoloss.expr.elapsed import reads_elapsed
from mmautoloss.report.facts.ancestry import ancestry_of
from mmautoloss.report.facts.curves import NOT_DRAWN, OVER_CELLS, TARGETS, Curve, Loss, curve_of, found_loss
from mmautoloss.report.facts.surface import box_lines, surface_of
from mmautoloss.report.figures import Figure
from mmautoloss.report.figures.ancestry import draw_ancestry
from mmautoloss.report.figures.curves import EARLIER, STAGES, draw_curves
from mmautoloss.report.figures.surface import draw_lines, draw_surfaces
from mmautoloss.report.figures.tree import draw_tree
from mmautoloss.report.tasks import hand_made_scores
from mmautoloss.trial import Record, Trial, scale_of

Facts = TypeVar('Facts')


def portraits_of(record: Record, trial: Trial, config: Path | None) -> tuple[Figure, ...]:
    """The figures of the losses of a trial: of each branch its curves and its tree, and the ancestry of the trial.

    Names are ``trial35_rpn_cls_curves``, ``trial35_rpn_cls_tree``, of decoded boxes ``trial35_roi_box_surface``, and last
    ``trial35_ancestry``.

    Args:
        record: The contents of the journal.
        trial: A trial with expressions; of hand-made losses there are no figures.
        config: The search config, which is run, or the work dir that has it, for the hand-made losses. If they
            cannot be built, curves are drawn without them, and captions say why.
    """
    if trial.genome is None:
        return ()
    branches = [Branch(name, **entry) for name, entry in record.header['branches'].items()]
    tasks = record.header.get('tasks')
    trial = trial.of_task(next(iter(tasks))) if tasks else trial  # the model that is drawn is that of the first task
    hand_made = hand_made_losses(config, branches)
    stem = f'trial{trial.number}'
    figures = [figure for branch in branches for figure in _of_branch(stem, branch, trial, hand_made[branch.name])]
    scale = scale_of(record.header)
    line = ancestry_of(record.history, trial, scale)
    baseline = [scale.sign * score for score in hand_made_scores(record.history)]
    return (*figures, draw_ancestry(f'{stem}_ancestry', 'Ancestry', line, baseline))


def _of_branch(stem: str, branch: Branch, trial: Trial, hand_made: HandMade) -> tuple[Figure, ...]:
    tree, name = trial.required_genome[branch.name], f'{stem}_{branch.name}'
    tree_figure = draw_tree(f'{name}_tree', f'{branch.name}: expression', tree)
    if branch.inputs in NOT_DRAWN:
        return (tree_figure,)
    losses = _losses(branch, trial, hand_made)
    title, caption = f'{branch.name}: loss and gradient', _caption(branch.inputs, tree, hand_made)
    if branch.inputs != 'area':
        curves = _apply(losses, lambda loss: _curves(loss, branch.inputs, hand_made.classes))
        return draw_curves(f'{name}_curves', title, caption, branch.inputs, curves), tree_figure
    lines = _apply(losses, box_lines)
    at_end = ' The surface is that of the end.' if reads_elapsed(tree) else ''
    surfaces = _apply({key: loss for key, loss in losses.items() if key not in EARLIER}, surface_of)
    return (
        draw_lines(f'{name}_curves', title, caption, lines),
        draw_surfaces(f'{name}_surface', f'{branch.name}: loss over shift and scale', caption + at_end, surfaces),
        tree_figure,
    )


def _losses(branch: Branch, trial: Trial, hand_made: HandMade) -> dict[str, Loss]:
    """The compared losses; a found one that reads the elapsed share of the training at its beginning, middle and end."""
    tree, weight = trial.required_genome[branch.name], trial.weights.get(branch.name, 1.0)
    shares = STAGES if reads_elapsed(tree) else {'found': 1.0}
    found = {name: found_loss(tree, branch.inputs, weight, share) for name, share in shares.items()}
    return found if hand_made.loss is None else {'hand-made': hand_made.loss, **found}


def _apply(losses: dict[str, Loss], function: Callable[[Loss], Facts]) -> dict[str, Facts]:
    return {name: function(loss) for name, loss in losses.items()}


def _curves(loss: Loss, inputs: str, classes: int) -> tuple[Curve, ...]:
    return tuple(curve_of(loss, inputs, y, classes=classes) for y in TARGETS)


def _caption(inputs: str, tree: Tree, hand_made: HandMade) -> str:
    """The compared losses, and assumptions about formulas that read more than one prediction."""
    parts = [
        f'Found loss and {hand_made.name}.' if hand_made.loss else f'Without the hand-made loss: {hand_made.reason}.'
    ]
    if inputs == 'softmax':
        parts.append(
            f'Of {hand_made.classes} classes one has the probability p, and the others share the rest evenly.'
        )
    if reads_elapsed(tree):
        parts.append('t is the elapsed share of the training.')
    if OVER_CELLS & set(tree.nodes):
        parts.append('Means over pixels and pools see one cell, or a map that is the same everywhere.')
    if 'mean_c' in tree.nodes and inputs not in ('softmax', 'area'):
        parts.append('The mean over channels sees one channel.')
    return ' '.join(parts)
