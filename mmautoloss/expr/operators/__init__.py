"""The built-in operators: one table of what each of them is.

Each is one record: its value, its derivative, its bounds, what it is on a number and where some elements do not count, and
how other languages write it. Evaluation, algebra, fast losses and exported code read these records. Only the compiled screen
has loops of its own (``screen.native.operators``), since its compiler reads no tables; a test holds them to the records.
"""

from mmautoloss.expr.operators.arithmetic import ABS, ADD, MUL, NEG, SQUARE
from mmautoloss.expr.operators.functions import ATAN, ERF, EXP, SIN, TANH
from mmautoloss.expr.operators.means import MEAN_C, MEAN_NHW
from mmautoloss.expr.operators.pools import MAXPOOL, MINPOOL
from mmautoloss.expr.operators.protected import INV, LOG, SQRT
from mmautoloss.expr.operators.record import EPS, Operator, Primitive, Spelling, Spellings

__all__ = ['EPS', 'LOOKING_AROUND', 'OPERATORS', 'Operator', 'Primitive', 'Spelling', 'Spellings']

OPERATORS: dict[str, Operator] = {
    operator.primitive.name: operator
    for operator in (
        *(ADD, MUL, NEG, ABS, SQUARE),
        *(EXP, TANH, SIN, ERF, ATAN),
        *(INV, LOG, SQRT),
        *(MEAN_NHW, MEAN_C, MAXPOOL, MINPOOL),
    )
}
"""All, by name; exported code has its helpers in this order."""

LOOKING_AROUND: tuple[str, ...] = tuple(name for name, operator in OPERATORS.items() if operator.masked)
"""Those of which an element's value depends on other elements."""
