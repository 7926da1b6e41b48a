"""How a library of Python writes the operators."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

from mmautoloss.expr.primitives import EPS


class Style(NamedTuple):
    """How a library writes the operators.

    Attributes:
        calls: Template of each operator that is a call, such as ``'np.exp({0})'``.
        number: Template of a constant that stands beside constants only: ``{value}`` or ``{float}``, which is never whole,
            and the name of a tensor, ``{like}``.
        number_in_call: The same inside a call.
        spread: Template of a constant in the shape of ``{like}``.
        divides: Whether ``a * (1 / b)`` may be written as ``a / b``, which rounds once less.
        eps: What protects a quotient; '' for nothing.
        cuts: Whether shared and long parts become statements of their own.
        imports: Imports, by the operator that needs them, '' for all.
        helpers: Definitions of the functions that ``calls`` names and the library lacks, by operator.
        needs: The helper that another one calls.
    """

    calls: Mapping[str, str]
    number: str = '{value}'
    number_in_call: str = '{value}'
    spread: str = '{value}'
    divides: bool = True
    eps: str = 'EPS'
    cuts: bool = True
    imports: Mapping[str, str] = {}
    helpers: Mapping[str, str] = {}
    needs: Mapping[str, str] = {}

    def head(self, operators: Collection[str], body: str) -> str:
        """The top of a file: imports, the constant EPS where it is read, and helpers.

        Args:
            operators: Those in use.
            body: What follows.
        """
        operators = {*operators, *(self.needs[name] for name in operators if name in self.needs)}
        imports = [text for name, text in self.imports.items() if not name or name in operators]
        helpers = [text for name, text in self.helpers.items() if name in operators]
        eps = f'\nEPS = {EPS}\n' if re.search(r'\bEPS\b', ''.join([*helpers, body])) else ''
        return '\n\n'.join(['\n'.join(imports) + '\n' + eps, *helpers])
