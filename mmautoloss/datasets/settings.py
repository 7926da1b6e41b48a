"""The settings of the digit scenes, and their default folder."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from mmautoloss.datasets.source import SPLITS
from mmautoloss.errors import SetupError
from mmautoloss.user_cache import cache_root

# Raise it whenever a pixel or an annotation changes: it is part of the name of the default folder.
VERSION = 1


@dataclass(frozen=True)
class SceneSettings:
    """Settings that determine every byte of the data set.

    Attributes:
        size: Side of the square images in pixels.
        train: Number of training scenes.
        search_val: Number of scenes that score the candidates of a search.
        val: Number of scenes that a search never sees, for the final table.
        test: Number of further unseen scenes.
        seed: Seed of everything drawn.
    """

    size: int = 96
    train: int = 600
    search_val: int = 150
    val: int = 300
    test: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        if self.size < 48:
            raise SetupError(
                f'digit scenes need images of at least 48 pixels a side, got size={self.size}: '
                'smaller digits cannot be told apart; pass size=48 or more'
            )
        for split in SPLITS:
            if getattr(self, split) < 1:
                raise SetupError(
                    f'every split of the digit scenes needs at least 1 scene, got '
                    f'{split}={getattr(self, split)}; pass {split}=1 or more'
                )
        if self.seed < 0:
            raise SetupError(f'the seed must be 0 or more, got seed={self.seed}; pass seed=0')

    def folder(self) -> str:
        """A folder name that differs whenever the settings or the version differ."""
        counts = '-'.join(str(getattr(self, split)) for split in SPLITS)
        return f'digit_scenes-v{VERSION}-{self.size}px-{counts}-seed{self.seed}'

    def marker(self) -> str:
        """Text of the file that records the settings of a folder."""
        return json.dumps({'version': VERSION, **asdict(self)}, indent=2) + '\n'


def default_root(settings: SceneSettings | None = None) -> Path:
    """The default folder of the data set.

    Returns:
        A folder in ``$MMAUTOLOSS_DATA``, else in ``mmautoloss`` of the user's cache
        (``$XDG_CACHE_HOME`` or ``~/.cache``), named by the settings.
    """
    parent = os.environ.get('MMAUTOLOSS_DATA') or cache_root()
    return Path(parent).expanduser() / (settings or SceneSettings()).folder()
