"""All properties of an operator in one record: value, derivative, bounds, spelling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from mmautoloss.expr.operators.ranges import Bounds, Slopes

EPS = 1e-12
"""What protects ``inv``, ``log`` and ``sqrt``."""


class Primitive(NamedTuple):
    """An operator: its name in text, number of operands, function and LaTeX template.

    Attributes:
        name: Name in expressions; also the node in a tree.
        arity: Number of operands, 1 or 2.
        function: Maps ``arity`` tensors of one shape (N, C, H, W) to a tensor of that shape.
        latex: Template with ``{0}``, ``{1}`` for the operands.
    """

    name: str
    arity: int
    function: Callable[..., Tensor]
    latex: str


class Spelling(NamedTuple):
    """How one library writes an operator as a call.

    Attributes:
        call: Template, such as ``'np.exp({0})'``.
        helper: Definition of the function that is called, where the library has none.
        needs: The operator whose helper this one calls.
        imports: What the helper needs besides the library.
    """

    call: str
    helper: str = ''
    needs: str = ''
    imports: str = ''


class Spellings(NamedTuple):
    """How each library writes an operator; ``masked_torch`` knows ``valid``, ``ideal_sympy`` no protection."""

    numpy: Spelling
    torch: Spelling
    masked_torch: Spelling
    sympy: Spelling
    ideal_sympy: Spelling


@dataclass(frozen=True, kw_only=True)
class Operator:
    """A built-in operator.

    Attributes:
        primitive: Name, number of operands, function and LaTeX.
        bounds: From the ``Bounds`` of the operands to those of the result.
        slopes: From the ``Bounds`` of the operands to the largest absolute derivative with respect to each of them.
        derivatives: For each operand ``(gradient of the result, *operands, result)`` to the gradient of that operand, as
            torch's own backward has it, NaN and Inf included. Operands are tensors, one of two may be a number, and shapes
            only have to broadcast. None for what looks at other elements.
        on_number: The operator of one operand on a number, as float32 has it.
        masked: ``(x, valid)``, for an operator that looks at other elements: the same where only those of ``valid``, bool
            and broadcastable to x (N, C, H, W), count. What it gives for the others has no meaning.
        odd: Whether the sign of the operand can stand before the operator.
        not_negative: Whether no result is below 0.
        spellings: Calls in other languages; None where all of them have a sign for it, or a quotient.
    """

    primitive: Primitive
    bounds: Callable[..., Bounds]
    slopes: Callable[..., Slopes]
    derivatives: tuple[Callable[..., Tensor], ...] = ()
    on_number: Callable[[float], float] | None = None
    masked: Callable[[Tensor, Tensor], Tensor] | None = None
    odd: bool = False
    not_negative: bool = False
    spellings: Spellings | None = None

    @property
    def keeps_zero(self) -> bool:
        """Whether it is 0 where its one operand is."""
        return self.on_number is not None and self.on_number(0.0) == 0


def spelled(
    numpy: str | Spelling,
    torch: str | Spelling,
    sympy: str,
    masked_torch: Spelling | None = None,
    ideal_sympy: str | None = None,
) -> Spellings:
    """Spellings, of which plain calls are given as text and what is the same as another is left out."""
    numpy, torch, exact = (each if isinstance(each, Spelling) else Spelling(each) for each in (numpy, torch, sympy))
    return Spellings(numpy, torch, masked_torch or torch, exact, Spelling(ideal_sympy) if ideal_sympy else exact)
