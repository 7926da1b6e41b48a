"""Conversion of an expression to a numeric program for the compiled code."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mmautoloss.expr import Program, Tree
from mmautoloss.expr.elapsed import ELAPSED
from mmautoloss.expr.logarithms import LOG_NOT_P, LOG_P
from mmautoloss.expr.tree import is_number
from mmautoloss.losses import InputKind
from mmautoloss.losses.call_inputs import evaluated
from mmautoloss.screen.native.operators import CODES


class Lowered(NamedTuple):
    """A program over a table of rows: the inputs, in the order of their kind, then constants, logarithms,
    the elapsed share of the training and results.

    Attributes:
        code: Steps (S, 4), int32: operator, row written, two rows read (the same row twice for unary operators).
        first: First step that depends on the prediction; earlier steps are computed once.
        root: Row of the expression's value.
        live: Which rows depend on the prediction (rows,), uint8.
        logarithms: Rows of ``log(p)`` and ``log(1 - p)`` computed from the raw prediction (2,), int32; -1 where not read.
        constants: Value by row.
        elapsed: Row of the elapsed share of the training; -1 if it is not read. It changes in the course of a descent, so
            that earlier steps are then computed in each step.
    """

    code: np.ndarray
    first: int
    root: int
    live: np.ndarray
    logarithms: np.ndarray
    constants: dict[int, float]
    elapsed: int = -1

    @property
    def reads_elapsed(self) -> bool:
        """Whether the program reads the elapsed share of the training."""
        return self.elapsed >= 0

    @property
    def pools(self) -> bool:
        """Whether the program contains pools, so that an element depends on its neighbours."""
        return bool((self.code[:, 0] >= CODES['maxpool']).any())


def lower(tree: Tree, kind: InputKind) -> Lowered | None:
    """The program of a tree over the inputs of a kind; None where an operator is not available in compiled code."""
    rows = {name: row for row, name in enumerate(kind.names)}
    live = [name in kind.from_prediction for name in kind.names]
    constants: dict[int, float] = {}
    logarithms = dict.fromkeys((LOG_P, LOG_NOT_P), -1)
    elapsed = -1
    step_rows: list[int] = []
    constant_steps: list[tuple[int, int, int, int]] = []
    repeated_steps: list[tuple[int, int, int, int]] = []
    for node, operands in Program(evaluated(tree, kind)).steps:
        if node in rows:
            step_rows.append(rows[node])
            continue
        step_rows.append(len(live))
        if is_number(node):
            constants[len(live)] = float(node)
            live.append(False)
            continue
        if node == ELAPSED:
            elapsed = len(live)
            live.append(False)
            continue
        if node in logarithms:
            logarithms[node] = len(live)
            live.append(True)
            continue
        if node not in CODES:
            return None
        operand_rows = [step_rows[operand] for operand in operands]
        is_live = any(live[row] for row in operand_rows)
        (repeated_steps if is_live else constant_steps).append(
            (CODES[node], len(live), operand_rows[0], operand_rows[-1])
        )
        live.append(is_live)
    code = np.array([*constant_steps, *repeated_steps], dtype=np.int32).reshape(-1, 4)
    logarithm_rows = np.array([*logarithms.values()], dtype=np.int32)
    alive = np.array(live, dtype=np.uint8)
    return Lowered(code, len(constant_steps), step_rows[-1], alive, logarithm_rows, constants, elapsed)
