"""Code of expressions in other languages, as pure functions from a tree to text.

A ``Style`` is a table of the spelling of each operator in a library. Infix text is in ``formatting``, LaTeX in ``latex``.
"""

from mmautoloss.expr.forms.numpy_form import NUMPY
from mmautoloss.expr.forms.statements import Code, write_code
from mmautoloss.expr.forms.style import Style
from mmautoloss.expr.forms.sympy_form import to_sympy
from mmautoloss.expr.forms.torch_form import MASKED_TORCH, TORCH, looks_around

__all__ = ['MASKED_TORCH', 'NUMPY', 'TORCH', 'Code', 'Style', 'looks_around', 'to_sympy', 'write_code']
