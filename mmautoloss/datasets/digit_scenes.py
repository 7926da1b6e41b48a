"""The embedded data set on disk: generated once, with the same bytes in every process."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from filelock import FileLock

from mmautoloss.datasets.annotation import CocoTable
from mmautoloss.datasets.scene import render_scene
from mmautoloss.datasets.settings import VERSION, SceneSettings, default_root
from mmautoloss.datasets.source import SPLITS, DigitPool, load_pools
from mmautoloss.errors import SetupError

MARKER = 'digit_scenes.json'


def ensure_digit_scenes(
    root: str | Path | None = None,
    *,
    size: int = 96,
    train: int = 600,
    search_val: int = 150,
    val: int = 300,
    test: int = 100,
    seed: int = 0,
) -> Path:
    """Generates the digit scenes if they are absent, else returns at once.

    Any number of processes may call it together: one creates the folder, the others wait. A process
    that is killed leaves only a hidden folder, which the next call removes.

    Args:
        root: Folder of the data set; :func:`default_root` by default.
        size: Side of the images in pixels.
        train: Number of training scenes.
        search_val: Number of scenes that score the candidates of a search.
        val: Number of scenes that a search never sees.
        test: Number of further unseen scenes.
        seed: Seed of everything drawn.

    Returns:
        The absolute folder: ``{split}/*.png``, ``labels/{split}/*.png``,
        ``annotations/{split}.json`` for the splits train, search_val, val and test.

    Raises:
        SetupError: The settings make no sense, or ``root`` holds something else.
    """
    settings = SceneSettings(size, train, search_val, val, test, seed)
    folder = Path(root).expanduser() if root else default_root(settings)
    folder = folder.absolute()
    if not is_complete(folder, settings):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.parent / f'.{folder.name}.lock'):
            if not is_complete(folder, settings):  # another process may have made it meanwhile
                make(folder, settings)
    return folder


def is_complete(folder: Path, settings: SceneSettings) -> bool:
    """Whether the folder holds all of these scenes.

    Raises:
        SetupError: The folder holds scenes of other settings, or other files.
    """
    marker = folder / MARKER
    if marker.is_file():
        text = marker.read_text(encoding='utf-8')
        if text != settings.marker():
            raise SetupError(
                f'expected digit scenes of {settings} and version {VERSION} in {folder}, found '
                f'{" ".join(text.split())}; name another folder, or remove this one'
            )
        return all(has_split(folder, split, getattr(settings, split)) for split in SPLITS)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SetupError(
            f'expected digit scenes or an empty place at {folder}, found something without '
            f'{MARKER}; name another folder, or remove this one'
        )
    return False


def has_split(folder: Path, split: str, count: int) -> bool:
    """Whether a split has its annotations and as many pictures and label maps as it should."""
    pictures = [folder / split, folder / 'labels' / split]
    return (folder / 'annotations' / f'{split}.json').is_file() and all(
        part.is_dir() and sum(1 for _ in part.glob('*.png')) == count for part in pictures
    )


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Waits until no other process holds the lock file; the system releases it when its owner dies."""
    with FileLock(path):
        yield


def make(folder: Path, settings: SceneSettings) -> None:
    """Writes all splits to a folder beside ``folder`` and renames it at the end; needs the lock."""
    prefix = f'.{folder.name}.part-'
    for abandoned in folder.parent.glob(f'{prefix}*'):
        shutil.rmtree(abandoned)
    part = Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent))
    part.chmod(0o755)  # mkdtemp denies access to all others
    pools = load_pools(settings.seed)
    for split in SPLITS:
        write_split(part, split, pools[split], settings)
    (part / MARKER).write_text(settings.marker(), encoding='utf-8')
    if folder.exists():  # empty, or scenes with files missing: see is_complete
        folder.rename(Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent)) / 'old')
    part.rename(folder)
    for abandoned in folder.parent.glob(f'{prefix}*'):
        shutil.rmtree(abandoned)


def write_split(root: Path, split: str, pool: DigitPool, settings: SceneSettings) -> None:
    """Writes the pictures, label maps and annotations of one split.

    Every scene has its own generator, derived from seed, split and index, so that a longer split
    begins with the scenes of a shorter one.
    """
    pictures, labels, annotations = root / split, root / 'labels' / split, root / 'annotations'
    for part in (pictures, labels, annotations):
        part.mkdir(parents=True, exist_ok=True)
    table = CocoTable()
    for index in range(getattr(settings, split)):
        rng = np.random.default_rng([settings.seed, SPLITS.index(split), index])
        scene = render_scene(pool, settings.size, rng)
        name = f'{index + 1:06d}.png'
        write_png(pictures / name, scene.image)
        write_png(labels / name, scene.label_map())
        table.add(name, scene)
    text = json.dumps(table.content, separators=(',', ':'))
    (annotations / f'{split}.json').write_text(text, encoding='utf-8')


def write_png(path: Path, image: np.ndarray) -> None:
    """Writes an image; unlike ``cv2.imwrite``, a failure is an error."""
    success, data = cv2.imencode('.png', image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    assert success, 'cv2 cannot encode PNG'
    path.write_bytes(data.tobytes())
