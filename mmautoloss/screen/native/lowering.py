"""An expression as numbers that compiled code reads."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mmautoloss.expr import Program, Tree
from mmautoloss.expr.logarithms import LOG_NOT_P, LOG_P
from mmautoloss.expr.tree import is_number
from mmautoloss.losses import InputKind
from mmautoloss.losses.call_inputs import evaluated
from mmautoloss.screen.native.operators import CODES


class Lowered(NamedTuple):
    """A program over a table of rows: the inputs, in the order of their kind, then constants, logarithms and results.

    Attributes:
        code: Steps (S, 4), int32: operator, row written, rows read (twice the same where it reads one).
        first: First step that depends on the prediction; those before are computed once.
        root: Row of the expression's value.
        live: Which rows depend on the prediction (rows,), uint8.
        logarithms: Rows of ``log(p)`` and ``log(1 - p)`` that come from the raw prediction (2,), int32; -1 where not read.
        constants: Value by row.
    """

    code: np.ndarray
    first: int
    root: int
    live: np.ndarray
    logarithms: np.ndarray
    constants: dict[int, float]

    @property
    def pools(self) -> bool:
        """Whether an element depends on its neighbours."""
        return bool((self.code[:, 0] >= CODES['maxpool']).any())


def lower(tree: Tree, kind: InputKind) -> Lowered | None:
    """The program of a tree over the inputs of a kind; None where an operator is not known to the compiled code."""
    rows = {name: row for row, name in enumerate(kind.names)}
    live = [name in kind.from_prediction for name in kind.names]
    constants: dict[int, float] = {}
    logarithms = dict.fromkeys((LOG_P, LOG_NOT_P), -1)
    row_of: list[int] = []
    once: list[tuple[int, int, int, int]] = []
    always: list[tuple[int, int, int, int]] = []
    for node, operands in Program(evaluated(tree, kind)).steps:
        if node in rows:
            row_of.append(rows[node])
            continue
        row_of.append(len(live))
        if is_number(node):
            constants[len(live)] = float(node)
            live.append(False)
            continue
        if node in logarithms:
            logarithms[node] = len(live)
            live.append(True)
            continue
        if node not in CODES:
            return None
        read = [row_of[operand] for operand in operands]
        depends = any(live[row] for row in read)
        (always if depends else once).append((CODES[node], len(live), read[0], read[-1]))
        live.append(depends)
    code = np.array([*once, *always], dtype=np.int32).reshape(-1, 4)
    rows_of_logarithms = np.array([*logarithms.values()], dtype=np.int32)
    return Lowered(code, len(once), row_of[-1], np.array(live, dtype=np.uint8), rows_of_logarithms, constants)
