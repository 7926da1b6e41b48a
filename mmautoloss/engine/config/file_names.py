"""The folder and name of a config as variables in its text: ``'{{ fileDirname }}/data'``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config

_VARIABLE = re.compile(r'\{\{\s*(fileDirname|fileBasename|fileBasenameNoExtension|fileExtname)\s*\}\}')
_ESCAPED = {'\\': r'\\', "'": r'\'', '"': r'\"', '\n': r'\n', '\r': r'\r', '\t': r'\t'}


@contextmanager
def any_file_name() -> Iterator[None]:
    """Lets MMEngine read configs whose path has any characters, such as a quotation mark.

    MMEngine inserts the path without escapes, although the text of a config has it between quotation marks.
    """
    before = Config.__dict__['_substitute_predefined_vars']
    Config._substitute_predefined_vars = staticmethod(_substitute)
    try:
        yield
    finally:
        Config._substitute_predefined_vars = before


def _substitute(filename: str, temp_config_name: str) -> None:
    path = Path(filename)
    names = {
        'fileDirname': str(path.parent),
        'fileBasename': path.name,
        'fileBasenameNoExtension': path.stem,
        'fileExtname': path.suffix,
    }
    text = path.read_text(encoding='utf-8')
    text = _VARIABLE.sub(lambda match: _escape(names[match[1]]), text)
    Path(temp_config_name).write_text(text, encoding='utf-8')


def _escape(name: str) -> str:
    return ''.join(_ESCAPED.get(sign, sign) for sign in name)
