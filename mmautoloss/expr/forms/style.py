"""The spelling of the operators in a Python library."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from mmautoloss.expr.operators import EPS, OPERATORS, Spelling


class Style(NamedTuple):
    """The spelling of the operators in a library.

    Attributes:
        calls: Template of each operator that is a call, such as ``'np.exp({0})'``.
        number: Template of a constant whose sibling operands are all constants, with ``{value}`` or ``{float}``, which has
            a decimal point or exponent, and the name of a tensor, ``{like}``.
        number_in_call: The same inside a call.
        spread: Template of a constant in the shape of ``{like}``.
        elapsed: Template of ``t``, the elapsed share of the training, in the shape of ``{like}``; '' for a symbol.
        divides: Whether ``a * (1 / b)`` may be written as ``a / b``, which rounds only once.
        eps: Number that is added to a divisor; '' for none.
        cuts: Whether shared and long parts become separate statements.
        imports: Imports, by the operator that needs them; '' for all.
        helpers: Definitions of the functions that ``calls`` names and the library lacks, by operator.
        needs: The helper that another one calls.

    ``Style.of`` takes the fields of single operators from the table of operators.
    """

    calls: Mapping[str, str]
    number: str = '{value}'
    number_in_call: str = '{value}'
    spread: str = '{value}'
    elapsed: str = ''
    divides: bool = True
    eps: str = 'EPS'
    cuts: bool = True
    imports: Mapping[str, str] = {}
    helpers: Mapping[str, str] = {}
    needs: Mapping[str, str] = {}

    @classmethod
    def of(cls, language: str, imports: str = '', **settings: Any) -> Style:
        """The style of a language.

        Args:
            language: A field of ``Spellings``.
            imports: Imports that all code needs.
            settings: Other fields of the style.
        """
        spellings: dict[str, Spelling] = {
            name: getattr(operator.spellings, language)
            for name, operator in OPERATORS.items()
            if operator.spellings is not None
        }
        return cls(
            calls={name: spelling.call for name, spelling in spellings.items()},
            helpers={name: spelling.helper for name, spelling in spellings.items() if spelling.helper},
            needs={name: spelling.needs for name, spelling in spellings.items() if spelling.needs},
            imports={name: spelling.imports for name, spelling in spellings.items() if spelling.imports}
            | ({'': imports} if imports else {}),
            **settings,
        )

    def head(self, operators: Collection[str], body: str) -> str:
        """The head of a file: imports, the constant EPS if it is used, and helpers.

        Args:
            operators: The operators in use.
            body: The code that follows.
        """
        operators = {*operators, *(self.needs[name] for name in operators if name in self.needs)}
        imports = [text for name, text in self.imports.items() if not name or name in operators]
        helpers = [text for name, text in self.helpers.items() if name in operators]
        eps = f'\nEPS = {EPS}\n' if re.search(r'\bEPS\b', ''.join([*helpers, body])) else ''
        return '\n\n'.join(['\n'.join(imports) + '\n' + eps, *helpers])
