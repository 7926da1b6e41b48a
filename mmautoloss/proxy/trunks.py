"""The folder of trunks or legs: trainings that are saved and continued, in files from which no code is run."""

from __future__ import annotations

import hashlib
import io
import pickle
from pathlib import Path
from typing import Any

import torch

from mmautoloss.compat import allow_mmengine_checkpoints
from mmautoloss.errors import SetupError
from mmautoloss.files import write_bytes
from mmautoloss.trial import Saved

_KEPT = 2
"""Saved trainings that stay in memory, those that were used last."""


class Trunks:
    """Saves and loads the states of trainings.

    Args:
        folder: Where their files lie; '' on a machine that has no such folder, where they are sent and received.
    """

    def __init__(self, folder: str | Path = '') -> None:
        self.folder = Path(folder) if folder else None
        self._loaded: dict[Saved, dict[str, Any]] = {}
        self._unsent = b''

    def save(self, name: str, checkpoint: dict[str, Any]) -> Saved:
        """Saves a checkpoint of MMEngine; a file appears only when it is complete.

        Raises:
            SetupError: It cannot be written, or contains objects that could not be loaded without running code.
        """
        data = _loadable(checkpoint)
        saved = Saved(name, checkpoint['meta']['iter'], hashlib.sha256(data).hexdigest())
        if self.folder:
            write_trunk(self.folder / name, data)
        else:
            self._unsent = data
        return saved

    def find(self, seed: int) -> Saved | None:
        """The trunk of a seed in the folder, if there is one."""
        path = (self.folder or Path()) / trunk_name(seed)
        if not path.is_file():
            return None
        data = path.read_bytes()
        return Saved(path.name, load_trunk(data)['meta']['iter'], hashlib.sha256(data).hexdigest())

    def take_unsent(self) -> bytes:
        """What was saved last without a folder, once; empty if there is nothing."""
        data, self._unsent = self._unsent, b''
        return data

    def receive(self, saved: Saved, data: bytes) -> None:
        """Takes a trunk from another machine."""
        if data and saved not in self._loaded:
            _verify(saved, data)
            self._keep(saved, data)

    def load(self, saved: Saved) -> dict[str, Any]:
        """The checkpoint of a trunk, whose tensors must not be changed.

        Raises:
            SetupError: The file is missing or another one than was saved.
        """
        if saved not in self._loaded:
            self._keep(saved, self.read(saved))
        self._loaded[saved] = checkpoint = self._loaded.pop(saved)  # the last to be dropped
        return checkpoint

    def read(self, saved: Saved) -> bytes:
        """The file of a trunk, checked.

        Raises:
            SetupError: The file is missing or another one than was saved.
        """
        data = read_trunk(self.folder or Path(), saved)
        _verify(saved, data)
        return data

    def _keep(self, saved: Saved, data: bytes) -> None:
        while len(self._loaded) >= _KEPT:
            self._loaded.pop(next(iter(self._loaded)))
        self._loaded[saved] = load_trunk(data)


def trunk_name(seed: int, times: float = 1) -> str:
    """The file name of the trunk of a seed, for trainings that are several times as long."""
    return f'seed_{seed}.pth' if times == 1 else f'seed_{seed}_{times:g}x.pth'


def write_trunk(path: Path, data: bytes) -> None:
    """Writes the file of a trunk atomically.

    Raises:
        SetupError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, data)
    except OSError as error:
        raise SetupError(
            f'The saved training {path} cannot be written: {error.strerror}. Free space, then --resume.'
        ) from None


def save_trunk(path: Path, checkpoint: dict[str, Any]) -> None:
    """Writes a checkpoint atomically.

    Raises:
        SetupError: It cannot be written, or contains objects that could not be loaded without running code.
    """
    write_trunk(path, _loadable(checkpoint))


def read_trunk(folder: Path, saved: Saved) -> bytes:
    """The file of a trunk.

    Raises:
        SetupError: It is missing or cannot be read.
    """
    path = folder / saved.name
    try:
        return path.read_bytes()
    except OSError as error:
        raise SetupError(
            f'The saved training {path}, which candidates continue, cannot be read: {error.strerror}. Bring the file back, '
            'or begin the search anew.'
        ) from None


def _loadable(checkpoint: dict[str, Any]) -> bytes:
    """The file of a checkpoint, once it is known that it can be loaded."""
    file = io.BytesIO()
    torch.save(checkpoint, file)
    data = file.getvalue()
    load_trunk(data)
    return data


def _verify(saved: Saved, data: bytes) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != saved.sha256:
        raise SetupError(
            f'{saved.name} in the work dir is not the training that this search has saved: its SHA-256 begins with '
            f'{found[:12]}, that in the journal with {saved.sha256[:12]}. Bring that file back, or begin the search anew.'
        )


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open('rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def load_trunk(data: bytes) -> dict[str, Any]:
    """The checkpoint in the file of a saved training.

    Raises:
        SetupError: It contains objects that cannot be loaded without running code.
    """
    allow_mmengine_checkpoints()
    try:
        return torch.load(io.BytesIO(data), map_location='cpu', weights_only=True)
    except pickle.UnpicklingError as error:
        raise SetupError(
            'The training cannot be saved for its candidates, since a hook keeps objects in its checkpoint that cannot '
            f'be read without running code ({_first_line(error)}). Take the hook out of the search config.'
        ) from None


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if 'Unsupported' in line or 'GLOBAL' in line]
    return lines[0] if lines else str(error).splitlines()[0]
