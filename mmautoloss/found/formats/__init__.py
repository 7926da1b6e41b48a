"""Export of found losses as text, one module per format.

A format is a module of this package with one function, listed by name in ``cli.export.FORMATS``:

- ``write(found: Found, options: Options) -> str`` returns the whole text, which ends with a line break.

How an *expression* is written in another language is a form of ``mmautoloss.expr``; a format adds the data of its branch and
its search.
"""

from mmautoloss.found.formats.shared import Options

__all__ = ['Options']
