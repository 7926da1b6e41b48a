"""The folder and name of a config, as its text may ask for them: ``'{{ fileDirname }}/data'``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config

_ASKED = re.compile(r'\{\{\s*(fileDirname|fileBasename|fileBasenameNoExtension|fileExtname)\s*\}\}')
_ESCAPED = {'\\': r'\\', "'": r'\'', '"': r'\"', '\n': r'\n', '\r': r'\r', '\t': r'\t'}


@contextmanager
def any_file_name() -> Iterator[None]:
    """Where MMEngine reads configs: their place may have any name, such as one with a quotation mark.

    MMEngine puts it as it is into the text of a config, where it stands between quotation marks of its own.
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
    text = _ASKED.sub(lambda found: _within_quotes(names[found[1]]), text)
    Path(temp_config_name).write_text(text, encoding='utf-8')


def _within_quotes(name: str) -> str:
    return ''.join(_ESCAPED.get(sign, sign) for sign in name)
