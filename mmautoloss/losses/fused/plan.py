"""The plan of a fused evaluation: the instructions of an expression, their order and shapes."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch

from mmautoloss.expr.elapsed import ELAPSED
from mmautoloss.expr.tree import Tree
from mmautoloss.losses.fused.lowering import Instruction, Value, lower
from mmautoloss.losses.inputs.logarithms import AT_LABEL


class Stage(NamedTuple):
    """Instructions that can be computed in one pass over blocks of positions.

    Attributes:
        order: Indices of the instructions, in order of evaluation.
        roots: Instructions whose values are needed: the operands of means over all positions or, last, the root.
        means: The means that this pass computes, one per root; empty in the last stage.
    """

    order: tuple[int, ...]
    roots: tuple[int, ...]
    means: tuple[int, ...]


class Plan(NamedTuple):
    """Instructions, and the passes over blocks in which they are computed.

    Attributes:
        instructions: All, in an order in which they can be computed at once.
        root: The value to be summed.
        stages: One for each level of nested means over all positions, and one more.
        everything: All instructions except constants, in order.
        numbers: The constants, None for the others.
        names: Names of the tensors that are read.
        widest: One of them with the shape over which the root is summed; '' if all are read in the channel of the label.
    """

    instructions: tuple[Instruction, ...]
    root: Value
    stages: tuple[Stage, ...]
    everything: tuple[int, ...]
    numbers: tuple[float | None, ...]
    names: tuple[str, ...]
    widest: str


@lru_cache(maxsize=1024)
def plan_of(tree: Tree, prediction: frozenset[str], one_hot: bool, dtype: torch.dtype) -> Plan | None:
    """The plan of an expression.

    Args:
        tree: The expression, of probabilities as ``read_logarithms`` gives it.
        prediction: Names of the inputs that depend on the prediction; logarithms of probabilities always do.
        one_hot: Whether ``p`` are probabilities of exclusive classes and ``y`` is one-hot.
        dtype: Precision, in which constants are computed beforehand.

    Returns:
        The plan, or None: a pool reads neighbours, the derivative of a custom operator is unknown, a mean over the channels
        of a value that is the same at all positions is not worth a special case, and an expression without prediction has
        no gradient.

    Example:
        >>> from mmautoloss.expr.parsing import parse
        >>> plan = plan_of(parse('p - mean_nhw(p)'), frozenset('p'), False, torch.float32)
        >>> [len(stage.order) for stage in plan.stages]  # p for the mean; p and the difference
        [1, 2]
    """
    lowered = lower(tree, prediction, one_hot, dtype)
    if lowered is None:
        return None
    instructions, root = lowered
    numbers = tuple(instruction.number for instruction in instructions)
    names = tuple(instruction.node for instruction in instructions if instruction.is_input)
    wide = (name for name in names if name not in (*AT_LABEL.values(), ELAPSED))
    widest = 'label' if root.sparse else next(wide, '')
    everything = tuple(index for index, number in enumerate(numbers) if number is None)
    return Plan(instructions, root, _stages(instructions, root.index), everything, numbers, names, widest)


def _stages(instructions: tuple[Instruction, ...], root: int) -> tuple[Stage, ...]:
    means = [index for index, instruction in enumerate(instructions) if instruction.node == 'mean_nhw']
    levels = sorted({instructions[index].level for index in means})
    groups = [tuple(index for index in means if instructions[index].level == level) for level in levels]
    stages = []
    for group in groups:
        roots = tuple(instructions[index].operands[0] for index in group)
        stages.append(Stage(_order(instructions, roots), roots, group))
    return (*stages, Stage(_order(instructions, (root,)), (root,), ()))


def _order(instructions: tuple[Instruction, ...], roots: tuple[int, ...]) -> tuple[int, ...]:
    """The instructions that the roots need, given the means over all positions."""
    needed, stack = set(), list(roots)
    while stack:
        index = stack.pop()
        if index in needed or instructions[index].node in ('mean_nhw', 'number'):
            continue
        needed.add(index)
        stack.extend(instructions[index].operands)
    return tuple(sorted(needed))
