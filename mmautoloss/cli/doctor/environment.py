"""The installed packages and whether they work: facts, without judgement or output."""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mmautoloss.cli.doctor import checks

# By import name, since forks ship the same package under another distribution's name.
PACKAGES = (
    'mmautoloss',
    'torch',
    'torchvision',
    'numpy',
    'numba',
    'cmaes',
    'mmengine',
    'mmcv',
    'mmdet',
    'mmseg',
    'mmpose',
    'mmpretrain',
    'sklearn',
    'pycocotools',
)

# ``import mmdet`` alone compares versions only; these import everything that a model, a data set
# and a metric need, and so find each missing dependency.
DEEP_IMPORTS = tuple(
    f'{package}.{part}'
    for package in ('mmdet', 'mmseg', 'mmpose', 'mmpretrain')
    for part in ('models', 'datasets', 'evaluation')
)


@dataclass(frozen=True)
class Package:
    """One package, by its import name.

    Attributes:
        name: The name that is imported.
        state: ``ok``, ``absent``, or ``broken`` where the import raises anything else.
        version: Its version, or None where it is unknown.
        distributions: The distributions that provide it; if there is more than one, they have
            overwritten each other's files.
        error: The text of the error if it is broken.
    """

    name: str
    state: Literal['ok', 'absent', 'broken']
    version: str | None = None
    distributions: tuple[str, ...] = ()
    error: str = ''


@dataclass(frozen=True)
class Check:
    """One check of the environment.

    Attributes:
        name: Its name.
        state: ``ok``, ``note`` if it works with a restriction, ``failed``, or ``absent`` if the
            package that it needs is not installed.
        detail: The result, or the text of the error.
    """

    name: str
    state: checks.State
    detail: str = ''


@dataclass(frozen=True)
class Environment:
    """All packages and checks of the doctor."""

    python: str
    platform: str
    packages: tuple[Package, ...]
    checks: tuple[Check, ...]


def examine() -> Environment:
    """Imports all packages and runs all checks; slow, since the big libraries are imported."""
    distributions = importlib.metadata.packages_distributions()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        return Environment(
            python=platform.python_version(),
            platform=platform.platform(),
            packages=tuple(probe_package(name, distributions) for name in PACKAGES),
            checks=(
                attempt('mmengine checkpoint', 'mmengine', checks.load_checkpoint),
                attempt('mmcv._ext', 'mmcv', checks.load_operators),
                attempt('mmcv.ops.nms', 'mmcv', checks.compute_nms),
                attempt('CUDA', 'torch', checks.find_cuda),
                attempt('mmcv with CUDA', 'mmcv', checks.find_mmcv_cuda),
                *(attempt_import(module) for module in DEEP_IMPORTS),
            ),
        )


def probe_package(name: str, distributions: Mapping[str, Sequence[str]]) -> Package:
    """Imports one package and returns the outcome.

    Args:
        name: The import name.
        distributions: The distributions that provide each import name.
    """
    sources = tuple(dict.fromkeys(distributions.get(name, ())))
    try:
        module = importlib.import_module(name)
    except (Exception, SystemExit) as error:
        if _is_absent(error, name) and not sources:
            return Package(name, 'absent')
        return Package(name, 'broken', _version_of(sources), sources, describe(error))
    version = getattr(module, '__version__', None) or _version_of(sources)
    return Package(name, 'ok', version, sources)


def attempt(name: str, package: str, probe: Callable[[], tuple[checks.State, str]]) -> Check:
    """Runs a probe and turns an error into a state.

    Args:
        name: The name of the check.
        package: The import name of the package that it needs.
        probe: Returns the state and the detail of the check.
    """
    try:
        return Check(name, *probe())
    except (Exception, SystemExit) as error:
        if _is_absent(error, package):
            return Check(name, 'absent', f'{package} is not installed')
        return Check(name, 'failed', describe(error))


def attempt_import(module: str) -> Check:
    """Imports a part of a library."""

    def probe() -> tuple[checks.State, str]:
        importlib.import_module(module)
        return 'ok', 'imports'

    return attempt(module, module.partition('.')[0], probe)


def describe(error: BaseException) -> str:
    """An error as one line: its type and its message."""
    return ' '.join(f'{type(error).__name__}: {error}'.split())


def _is_absent(error: BaseException, package: str) -> bool:
    """Whether the package itself is missing, not one of its dependencies."""
    return isinstance(error, ModuleNotFoundError) and error.name == package


def _version_of(distributions: Sequence[str]) -> str | None:
    """The version of the first distribution, if any."""
    return importlib.metadata.version(distributions[0]) if distributions else None
