"""The folder of the trunks: trainings that are saved and continued, in files from which no code is run."""

from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path
from typing import Any

import torch

from mmautoloss.compat import allow_mmengine_checkpoints
from mmautoloss.errors import SetupError
from mmautoloss.trial import Saved

_KEPT = 2
"""Trunks that stay in memory, those that were used last."""


class Trunks:
    """Saves and loads the states of trainings.

    Args:
        folder: Where their files lie.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._loaded: dict[Saved, dict[str, Any]] = {}

    def save(self, name: str, checkpoint: dict[str, Any]) -> Saved:
        """Writes a checkpoint of MMEngine; the file appears only when it is complete and can be read again.

        Raises:
            SetupError: It cannot be written, or contains objects that could not be loaded without running code.
        """
        path = self.folder / name
        part = path.with_name(f'.{os.getpid()}.{name}')
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            torch.save(checkpoint, part)
            _load(part)
            saved = Saved(name, checkpoint['meta']['iter'], sha256_of(part))
            part.replace(path)
        except OSError as error:
            raise SetupError(
                f'The trunk {path} cannot be written: {error.strerror}. Free space, then --resume.'
            ) from None
        finally:
            part.unlink(missing_ok=True)
        return saved

    def load(self, saved: Saved) -> dict[str, Any]:
        """The checkpoint of a trunk, whose tensors must not be changed.

        Raises:
            SetupError: The file is missing or another one than was saved.
        """
        if saved not in self._loaded:
            self._verify(saved)
            while len(self._loaded) >= _KEPT:
                self._loaded.pop(next(iter(self._loaded)))
            self._loaded[saved] = _load(self.folder / saved.name)
        self._loaded[saved] = checkpoint = self._loaded.pop(saved)  # the last to be dropped
        return checkpoint

    def _verify(self, saved: Saved) -> None:
        path = self.folder / saved.name
        if not path.is_file():
            raise SetupError(
                f'The trunk {path} is missing, which candidates continue. Bring the file back, or begin the search anew.'
            )
        found = sha256_of(path)
        if found != saved.sha256:
            raise SetupError(
                f'The trunk {path} is not the one of this search: its SHA-256 begins with {found[:12]}, that in the '
                f'journal with {saved.sha256[:12]}. Bring that file back, or begin the search anew.'
            )


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open('rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def _load(path: Path) -> dict[str, Any]:
    allow_mmengine_checkpoints()
    try:
        return torch.load(path, map_location='cpu', weights_only=True)
    except pickle.UnpicklingError as error:
        raise SetupError(
            f'The training cannot be saved for its candidates, since a hook keeps objects in its checkpoint that cannot '
            f'be read without running code ({_first_line(error)}). Take the hook out of the search config.'
        ) from None


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if 'Unsupported' in line or 'GLOBAL' in line]
    return lines[0] if lines else str(error).splitlines()[0]
