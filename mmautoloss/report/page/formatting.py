"""Format of values and formulas on the page."""

from __future__ import annotations

import base64
from functools import lru_cache
from xml.etree import ElementTree

from markupsafe import Markup

from mmautoloss.report.figures import Picture

_MAX_LATEX = 20_000
"""Maximum length of a LaTeX formula; a longer one is shown only as text."""

_NAMESPACE = 'http://www.w3.org/1998/Math/MathML'
_TALL = ('mfrac', 'msup', 'msqrt')
"""Elements to whose height brackets must stretch."""


def cell(value: object, form: str = '') -> str:
    """The text of a value in a table.

    Args:
        value: The value; None is shown as a dash.
        form: Format of numbers; by default integers are shown in full and others with four digits.
    """
    if value is None or value == '':
        return '–'
    if isinstance(value, bool):
        return 'yes' if value else 'no'
    if isinstance(value, int) and not form:
        return f'{value:,}'.replace(',', '\u202f') if abs(value) >= 10_000 else str(value)
    return format(value, form or '.4g') if isinstance(value, int | float) else str(value)


@lru_cache(maxsize=256)
def maths(latex: str) -> Markup:
    """A formula as MathML; '' where it is too long.

    Args:
        latex: Output of ``expr.to_latex``.
    """
    from latex2mathml.converter import convert

    if len(latex) > _MAX_LATEX:
        return Markup('')
    root = ElementTree.fromstring(convert(latex, display='block').replace(f' xmlns="{_NAMESPACE}"', ''))
    for row in root.iter('mrow'):
        brackets = [element for element in row if element.get('fence')]
        if all(row.find(f'.//{tag}') is None for tag in _TALL):  # a hat alone would make the brackets too high
            for bracket in brackets:
                bracket.set('stretchy', 'false')
    return Markup(ElementTree.tostring(root, encoding='unicode'))


def embedded(picture: Picture) -> str:
    """A picture as a data URL."""
    return f'data:image/{picture.kind};base64,{base64.b64encode(picture.content).decode()}'
