"""Expressions compiled to functions of tensors."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from mmautoloss.errors import ExpressionError
from mmautoloss.expr.masked import MASKED
from mmautoloss.expr.primitives import PRIMITIVES
from mmautoloss.expr.tree import Tree, arity, is_number


class Step(NamedTuple):
    """An operator and the indices of its operands, or a leaf (no operands)."""

    node: str
    operands: tuple[int, ...]


class Program:
    """A compiled expression: a list of steps, one for every distinct sub-expression.

    Calling it with named tensors of one shape (N, C, H, W) returns the tensor at the root, of the
    same shape. Half precision is converted to float32 and autocast is disabled, since ``exp`` and
    ``inv`` overflow in half precision; float64 stays float64. NaN and Inf show in the result.

    Raises:
        ExpressionError: An input of the expression is missing, or shapes differ.

    Example:
        >>> from mmautoloss.expr.parsing import parse
        >>> program = compile_tree(parse('(p - y) ** 2 + (p - y)'))
        >>> len(program.steps)  # p, y, -y, p - y (shared), square, sum
        6
        >>> program({'p': torch.full((1, 1, 1, 1), 3.), 'y': torch.ones(1, 1, 1, 1)}).item()
        6.0
    """

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.inputs = tree.inputs
        self.steps = _share(tree)

    def __call__(self, inputs: Mapping[str, Tensor], valid: Tensor | None = None) -> Tensor:
        """Evaluates the expression.

        Args:
            inputs: Tensors (N, C, H, W) by name.
            valid: Mask of the valid elements, bool and broadcastable to the inputs; None if all are valid. Invalid
                elements are 0 in the result, and their inputs, even NaN, change neither value nor gradient.
        """
        tensors = {name: _mask(_at_least_float32(inputs[name]), valid) for name in self._check(inputs)}
        reference = next(iter(tensors.values()))
        with torch.autocast(reference.device.type, enabled=False):
            values: list[Tensor] = []
            for node, operands in self.steps:
                if valid is not None and node in MASKED:
                    # 0 at invalid elements, so that their gradient, which may be 0 * Inf, enters no sum
                    values.append(_mask(MASKED[node](values[operands[0]], valid), valid))
                elif operands:
                    values.append(PRIMITIVES[node].function(*(values[index] for index in operands)))
                elif is_number(node):
                    values.append(reference.new_tensor(float(node)).expand(reference.shape))
                else:
                    values.append(tensors[node])
            return _mask(values[-1], valid)

    def _check(self, inputs: Mapping[str, Tensor]) -> tuple[str, ...]:
        missing = [name for name in self.inputs if name not in inputs]
        if missing:
            raise ExpressionError(
                f'The expression {str(self.tree)!r} reads {", ".join(missing)}, but there is only {", ".join(inputs)}.'
            )
        shapes = {name: tuple(inputs[name].shape) for name in inputs}
        if len(set(shapes.values())) != 1 or len(next(iter(shapes.values()))) != 4:
            raise ExpressionError(f'All inputs must have one shape (N, C, H, W), but got {shapes}.')
        return self.inputs or tuple(inputs)[:1]


@lru_cache(maxsize=4096)
def compile_tree(tree: Tree) -> Program:
    """The program of a tree; cached, since a search compiles the same trees repeatedly."""
    return Program(tree)


def _share(tree: Tree) -> tuple[Step, ...]:
    """Steps in order of evaluation; equal sub-expressions share one step."""
    index_of: dict[Step, int] = {}
    stack: list[int] = []
    for node in reversed(tree.nodes):
        operands = tuple(stack.pop() for _ in range(arity(node)))
        stack.append(index_of.setdefault(Step(node, operands), len(index_of)))
    return tuple(index_of)


def _mask(tensor: Tensor, valid: Tensor | None) -> Tensor:
    """The tensor with 0 at invalid elements."""
    return tensor if valid is None else torch.where(valid, tensor, 0)


def _at_least_float32(tensor: Tensor) -> Tensor:
    return tensor if tensor.dtype == torch.float64 else tensor.float()
