"""The configs that come with the package: in a wheel within it, as ``mim`` lays them out, else beside it."""

from __future__ import annotations

import ast
import contextlib
from difflib import get_close_matches
from pathlib import Path

from mmautoloss.checks import nearest
from mmautoloss.errors import SetupError

_PACKAGE = Path(__file__).parents[2]


def shipped_folder() -> Path:
    """The folder of the configs.

    Raises:
        SetupError: There is none, as where only the package was copied.
    """
    folders = [_PACKAGE / '.mim/configs', _PACKAGE.with_name('configs')]
    for folder in folders:
        if folder.is_dir():
            return folder
    raise SetupError(
        f'This installation has no configs: there is neither {folders[0]} nor {folders[1]}. Install it anew.'
    )


def shipped_configs() -> dict[str, str]:
    """The first line of the docstring of each config, by its path below ``configs``."""
    folder = shipped_folder()
    paths = [path for path in sorted(folder.rglob('*.py')) if '_base_' not in path.parts]
    return {str(path.relative_to(folder)): _summary(path) for path in paths}


def _summary(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text(encoding='utf-8'))) or '').partition('\n')[0]


def local_or_shipped(path: str | Path) -> Path:
    """A file as it is named, or else the shipped config of that name; a name without either stays as it is."""
    path = Path(path)
    if path.is_file() or path.parts[:1] != ('configs',):
        return path
    try:
        shipped = shipped_folder().joinpath(*path.parts[1:])
    except SetupError:
        return path
    return shipped if shipped.is_file() else path


def nearest_config(path: str | Path) -> str:
    """A question after the config that may be meant, which lies beside this one or is shipped; '' where none is near."""
    names = [str(each) for each in Path(path).parent.glob('*.py')]
    with contextlib.suppress(SetupError):
        names += [str(Path('configs', each.relative_to(shipped_folder()))) for each in shipped_folder().rglob('*.py')]
    stems = get_close_matches(Path(path).stem, {Path(name).stem for name in names}, n=1)
    return nearest(path, [name for name in names if Path(name).stem in stems])


def require_shipped(name: str) -> Path:
    """A shipped config by its path below ``configs``, with or without its ending.

    Raises:
        SetupError: There is none of that name.
    """
    folder, below = shipped_folder(), name.removeprefix('configs/').removesuffix('.py')
    path = folder / f'{below}.py'
    if not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
        stem = Path(below).name
        near = [each for each in shipped_configs() if stem and stem in each]
        hint = nearest_config(Path('configs', f'{below}.py'))
        raise SetupError(
            f'There is no shipped config {name!r}; '
            + (f'similar are {", ".join(near)}.' if near else f'`mmautoloss config` lists all{hint}.')
        )
    return path
