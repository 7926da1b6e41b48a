"""The translation of the steps of a program into the instructions of a plan.

Values have the smallest shape that holds them: constants are numbers, what follows from the elapsed share of the training
alone is a scalar, means over all positions are (1, C, 1, 1), means over the channels (N, 1, H, W). With ``y`` one-hot, a
value that is 0 wherever ``y`` is 0 is *sparse*: only its part in the channel of the label is computed, (N, 1, H, W). So
``-y * log(p)`` takes one logarithm per pixel and not one per class.

Example:
    >>> from mmautoloss.expr.parsing import parse
    >>> instructions, root = lower(parse('-y * log(p)'), frozenset('p'), True, torch.float32)
    >>> [instruction.node for instruction in instructions], root.sparse
    (['number', 'number', 'p_label', 'log', 'mul'], True)
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch

from mmautoloss.expr.bounds import gradients_of, values_of
from mmautoloss.expr.elapsed import ELAPSED
from mmautoloss.expr.logarithms import LOGARITHMS
from mmautoloss.expr.operators import OPERATORS
from mmautoloss.expr.program import compile_tree
from mmautoloss.expr.tree import Tree, is_number
from mmautoloss.losses.inputs.logarithms import AT_LABEL

_ACTIVE = LOGARITHMS | frozenset(AT_LABEL.values())
_DERIVED = frozenset(name for name, operator in OPERATORS.items() if operator.derivatives)
_ZERO_AT_ZERO = frozenset(name for name in _DERIVED if OPERATORS[name].keeps_zero)
_KNOWN = _DERIVED | {'mean_nhw', 'mean_c'}
"""Operators that a plan may have: no pools, which read neighbours, and no custom operators."""


class Instruction(NamedTuple):
    """One operation on earlier values.

    Attributes:
        node: An operator; an input; or ``sub``, ``rsub`` (the second operand minus the first), ``at`` (the channel of the
            label), ``spread`` (back to all channels, 0 elsewhere) and ``share`` (the mean over the channels of a value
            that is 0 in all but one).
        operands: Indices of instructions.
        number: The value of a constant.
        active: Whether it depends on the prediction.
        level: Depth of nested means over all positions below it.
        wide: Whether it can differ from position to position.
        uniform: Whether it is a scalar that follows from the elapsed share of the training alone.
    """

    node: str
    operands: tuple[int, ...] = ()
    number: float | None = None
    active: bool = False
    level: int = 0
    wide: bool = True
    uniform: bool = False

    @property
    def is_input(self) -> bool:
        """Whether it is an input, not an operator or a number."""
        return not self.operands and self.number is None


class Value(NamedTuple):
    """The value of an instruction; if sparse, only that in the channel of the label; all other channels are 0."""

    index: int  # type: ignore[assignment]  # hides a method of tuples that is not used
    sparse: bool = False


class _RefusedError(Exception):
    """There is no plan for this expression."""


def lower(
    tree: Tree, prediction: frozenset[str], one_hot: bool, dtype: torch.dtype
) -> tuple[tuple[Instruction, ...], Value] | None:
    """The instructions of an expression and its root, or None; see ``plan_of``."""
    lowering = _Lowering(tree, prediction, one_hot, dtype)
    try:
        root = lowering.value(len(lowering.steps) - 1)
    except (_RefusedError, RecursionError):  # hundreds of operators deep
        return None
    instructions = tuple(lowering.order)
    return (instructions, root) if instructions[root.index].active else None


class _Lowering:
    """The state of one translation: indices by instruction, values by step."""

    def __init__(self, tree: Tree, prediction: frozenset[str], one_hot: bool, dtype: torch.dtype) -> None:
        self.steps = compile_tree(tree).steps
        self.prediction, self.one_hot, self.dtype = prediction, one_hot, dtype
        self.indices: dict[Instruction, int] = {}
        self.order: list[Instruction] = []
        self.values: dict[int, Value] = {}
        self.at_label: dict[int, int] = {}
        self.bounds = values_of(self.steps) if one_hot else []
        self.gradients = gradients_of(self.steps, self.bounds) if one_hot else []

    def value(self, step: int) -> Value:
        """The value of a step, as narrow as it can be."""
        if step not in self.values:
            self.values[step] = self._value(step)
        return self.values[step]

    def _value(self, step: int) -> Value:
        node, operands = self.steps[step]
        if operands and node not in _KNOWN:
            raise _RefusedError
        if is_number(node):
            return Value(self._constant(float(node)))
        if not operands:
            return Value(self._constant(1.0), sparse=True) if self._is_label(node) else Value(self._input(node))
        if node == 'mul' and self.one_hot:
            sparse = self._sparse_product(step, *operands)
            if sparse:
                return sparse
        node, operands = self._difference(node, operands)
        values = [self.value(operand) for operand in operands]
        if any(value.sparse for value in values):
            return self._on_sparse(node, values)
        return Value(self._emit(node, *(value.index for value in values)))

    def at(self, step: int) -> int:
        """The value of a step in the channel of the label, (N, 1, H, W)."""
        if step not in self.at_label:
            self.at_label[step] = self._at(step)
        return self.at_label[step]

    def _at(self, step: int) -> int:
        node, operands = self.steps[step]
        if operands and node not in _KNOWN:
            raise _RefusedError
        if operands and node not in ('mean_c', 'mean_nhw'):
            node, operands = self._difference(node, operands)
            return self._emit(node, *(self.at(operand) for operand in operands))
        if node in AT_LABEL:
            return self._input(AT_LABEL[node])
        value = self.value(step)
        one_channel = value.sparse or node == 'mean_c' or self._is_scalar(value.index)
        return value.index if one_channel else self._emit('at', value.index)

    def _sparse_product(self, step: int, *operands: int) -> Value | None:
        """The sparse product with a sparse factor; None if the other factor or the incoming gradient may be Inf or NaN."""
        if not math.isfinite(self.gradients[step]):
            return None
        for factor, other in (operands, operands[::-1]):
            if self.value(factor).sparse and self.bounds[other].finite:
                index = self.value(factor).index
                one = self._get(index).number == 1
                return Value(self.at(other) if one else self._emit('mul', index, self.at(other)), sparse=True)
        return None

    def _on_sparse(self, node: str, values: list[Value]) -> Value:
        all_sparse = all(value.sparse for value in values)
        if all_sparse and (node in _ZERO_AT_ZERO or node in ('add', 'sub')):
            return Value(self._emit(node, *(value.index for value in values)), sparse=True)
        if node == 'mean_c' and self._get(values[0].index).number is None:
            return Value(self._emit('share', values[0].index))
        return Value(self._emit(node, *(self._spread(value) for value in values)))

    def _spread(self, value: Value) -> int:
        if not value.sparse:
            return value.index
        if not self._is_scalar(value.index):
            return self._emit('spread', value.index)
        one_hot = self._input('y')
        return one_hot if self._get(value.index).number == 1 else self._emit('mul', one_hot, value.index)

    def _difference(self, node: str, operands: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
        """Rewrites ``a + -b`` as ``a - b``, which is the same to the last bit."""
        if node == 'add':
            for first, second in (operands, operands[::-1]):
                if self.steps[second].node == 'neg':
                    return 'sub', (first, self.steps[second].operands[0])
        return node, operands

    def _emit(self, node: str, *operands: int) -> int:
        parts = [self._get(operand) for operand in operands]
        numbers = [part.number for part in parts if part.number is not None]
        if len(numbers) == len(parts) and node not in ('at', 'spread', 'share'):
            return self._constant(self._fold(node, numbers))
        if node in ('mean_nhw', 'mean_c') and not parts[0].wide:
            if node == 'mean_c' and not parts[0].uniform:
                raise _RefusedError
            return operands[0]
        if len(parts) == 2 and parts[0].number is not None:  # tensors first
            node, operands = {'sub': 'rsub'}.get(node, node), operands[::-1]
        active, wide = any(part.active for part in parts), any(part.wide for part in parts)
        level = max(part.level for part in parts)
        uniform = all(self._is_scalar(operand) for operand in operands)
        if node == 'mean_nhw':
            return self._add(Instruction(node, operands, None, active, level + 1, wide=False))
        return self._add(Instruction(node, operands, None, active, level, wide or node == 'at', uniform))

    def _fold(self, node: str, numbers: list[float]) -> float:
        """Folds constants into one, which rounds and overflows as tensors do."""
        if node in ('mean_nhw', 'mean_c'):
            return numbers[0]
        function = torch.sub if node == 'sub' else OPERATORS[node].primitive.function
        return function(*(torch.tensor(number, dtype=self.dtype) for number in numbers)).item()

    def _constant(self, number: float) -> int:
        number = torch.tensor(number, dtype=self.dtype).item()
        return self._add(Instruction('number', (), number, wide=False))

    def _input(self, name: str) -> int:
        if name == ELAPSED:
            return self._add(Instruction(name, wide=False, uniform=True))
        return self._add(Instruction(name, (), None, name in self.prediction or name in _ACTIVE))

    def _add(self, instruction: Instruction) -> int:
        index = self.indices.setdefault(instruction, len(self.indices))
        if index == len(self.order):
            self.order.append(instruction)
        return index

    def _get(self, index: int) -> Instruction:
        return self.order[index]

    def _is_scalar(self, index: int) -> bool:
        return self._get(index).number is not None or self._get(index).uniform

    def _is_label(self, node: str) -> bool:
        return self.one_hot and node == 'y'
