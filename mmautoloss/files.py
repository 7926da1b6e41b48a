"""Atomic writing of files."""

from __future__ import annotations

from pathlib import Path

from mmautoloss.errors import SetupError


def write_output(path: Path, text: str) -> None:
    """Writes the output file of a command, and creates its folder.

    Raises:
        SetupError: The file cannot be written.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError('it is a folder')
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    except OSError as error:
        raise SetupError(
            f'--out must be a file that can be written, but {path} is not: {error.strerror or error}. Name another file.'
        ) from None


def write_text(path: Path, text: str) -> None:
    """Writes a text file atomically: it appears only when it is complete."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Writes a file atomically: it appears only when it is complete."""
    part = path.with_name(f'.{path.name}')
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
