"""Values and formulas as the page shows them."""

from __future__ import annotations

import base64
from functools import lru_cache
from xml.etree import ElementTree

from markupsafe import Markup

from mmautoloss.report.figures import Picture

_LONG = 20_000
"""Characters of LaTeX beyond which a formula is shown as text alone."""

_NAMESPACE = 'http://www.w3.org/1998/Math/MathML'
_TALL = ('mfrac', 'msup', 'msqrt')
"""What brackets must be as high as."""


def cell(value: object, form: str = '') -> str:
    """A value of a table.

    Args:
        value: The value; None shows as a dash.
        form: Format of numbers; without one whole numbers stand as they are and others with four digits.
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
    """A formula as MathML; '' where it is too long to be set.

    Args:
        latex: What ``expr.to_latex`` writes.
    """
    from latex2mathml.converter import convert

    if len(latex) > _LONG:
        return Markup('')
    root = ElementTree.fromstring(convert(latex, display='block').replace(f' xmlns="{_NAMESPACE}"', ''))
    for row in root.iter('mrow'):
        brackets = [each for each in row if each.get('fence')]
        if all(row.find(f'.//{tag}') is None for tag in _TALL):  # a hat alone would make them tower over all else
            for each in brackets:
                each.set('stretchy', 'false')
    return Markup(ElementTree.tostring(root, encoding='unicode'))


def embedded(picture: Picture) -> str:
    """A picture as an address that holds its content."""
    return f'data:image/{picture.kind};base64,{base64.b64encode(picture.content).decode()}'
