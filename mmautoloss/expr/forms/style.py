"""How a library of Python writes the operators."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from mmautoloss.expr.operators import EPS, OPERATORS, Spelling


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

    What is of a single operator comes from the table of operators (``Style.of``).
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

    @classmethod
    def of(cls, language: str, imports: str = '', **settings: Any) -> Style:
        """The style of a language, one of the fields of ``Spellings``.

        Args:
            language: Which one.
            imports: What all code needs.
            settings: The rest of the style.
        """
        spellings: dict[str, Spelling] = {
            name: getattr(operator.spellings, language)
            for name, operator in OPERATORS.items()
            if operator.spellings is not None
        }
        return cls(
            calls={name: each.call for name, each in spellings.items()},
            helpers={name: each.helper for name, each in spellings.items() if each.helper},
            needs={name: each.needs for name, each in spellings.items() if each.needs},
            imports={name: each.imports for name, each in spellings.items() if each.imports}
            | ({'': imports} if imports else {}),
            **settings,
        )

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
