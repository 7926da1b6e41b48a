"""A file that is appended line by line and loses no line if the disk fails or its folder is deleted."""

from __future__ import annotations

import os
import shutil
import tempfile
from io import FileIO
from pathlib import Path

from mmautoloss.errors import JournalError


class AppendedFile:
    """A file of lines that is open for appending; a line is on the disk when ``append`` returns.

    Args:
        path: The file; created if absent.
        size: Number of valid bytes; anything after them, such as a line that a crash left incomplete, is truncated.

    Raises:
        OSError: The file cannot be opened.
    """

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self._size = size
        self._moved_message = ''
        self._file = path.open('a+b', buffering=0)
        self._file.truncate(size)
        sync_folder(path.parent)

    def append(self, line: bytes) -> None:
        """Writes a line.

        Raises:
            JournalError: The disk rejected the line, and the file is unchanged; or the file is no longer at its path,
                and a copy with the line is elsewhere.
        """
        if not self._moved_message and not self._is_in_place():
            self._move(line)
        else:
            self._write(line)
        if self._moved_message:
            raise JournalError(self._moved_message)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _write(self, line: bytes) -> None:
        try:
            _write_all(self._file.fileno(), line)
        except OSError as error:
            self._truncate()
            raise JournalError(
                f'{self.path} cannot be written: {error.strerror} ({_free(self.path)}). '
                'What was written before is whole: free space, then continue with --resume.'
            ) from error
        except BaseException:  # such as a KeyboardInterrupt in the middle of a line
            self._truncate()
            raise
        self._size += len(line)

    def _truncate(self) -> None:
        """Removes an incomplete line; if even that fails, the next reader removes it."""
        try:
            os.ftruncate(self._file.fileno(), self._size)
        except OSError:
            return

    def _is_in_place(self) -> bool:
        try:
            return os.path.samestat(os.stat(self.path), os.fstat(self._file.fileno()))
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise JournalError(
                f'{self.path} cannot be reached: {error.strerror}. When it can again, continue with --resume.'
            ) from error

    def _move(self, line: bytes) -> None:
        """Rewrites the whole file, at its old path if that is free, else in a new folder."""
        content = _read_all(self._file.fileno(), self._size) + line
        event = 'was replaced' if self.path.exists() else 'was deleted'
        path, file = _rewrite(self.path, content)
        self._file.close()
        self._file, self._size = file, len(content)
        option = f'--work-dir {path.parent} and ' if path != self.path else ''
        self._moved_message = (
            f'{self.path} {event} while the search was running. All that it held is now in {path}: '
            f'continue with {option}--resume.'
        )
        self.path = path


def _rewrite(path: Path, content: bytes) -> tuple[Path, FileIO]:
    """Writes the content of a lost file to a folder that accepts it; its path and the file, open for appending.

    Raises:
        JournalError: No folder accepts it.
    """
    folder = path.parent
    for make_folder in (
        lambda: folder,
        lambda: _new_folder(folder.parent, folder.name),
        lambda: _new_folder(None, folder.name),
    ):
        try:
            target = make_folder() / path.name
            return target, _create(target, content)
        except OSError as error:
            cause = error.strerror
    raise JournalError(f'{path} was deleted while the search was running, and cannot be written again: {cause}.')


def _new_folder(parent: Path | None, name: str) -> Path:
    return Path(tempfile.mkdtemp(prefix=f'{name}-', dir=parent))


def _create(path: Path, content: bytes) -> FileIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.open('xb').close()  # never overwrites the file of another search
    file = path.open('a+b', buffering=0)
    try:
        _write_all(file.fileno(), content)
        sync_folder(path.parent)
    except OSError:
        file.close()
        path.unlink()
        raise
    return file


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    os.fsync(descriptor)


def _read_all(descriptor: int, size: int) -> bytes:
    parts, position = [], 0
    while position < size and (part := os.pread(descriptor, size - position, position)):
        parts.append(part)
        position += len(part)
    return b''.join(parts)


def sync_folder(folder: Path) -> None:
    """Flushes the entries of a folder to the disk, on systems that support it."""
    if os.name != 'posix':
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _free(path: Path) -> str:
    try:
        return f'{shutil.disk_usage(path.parent).free / 2**20:.0f} MiB are free there'
    except OSError as error:
        return f'its folder cannot be reached: {error.strerror}'
