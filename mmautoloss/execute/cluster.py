"""Reaching a Ray cluster and its room; what needs Ray is handed the library."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from mmautoloss.errors import SetupError

_OBJECTS = 100 << 20
"""Bytes of shared memory of a cluster that is started here; settings are all that lies there."""


def connect(ray: ModuleType, address: str | None, cpus: int) -> bool:
    """Connects to a cluster, or starts one with so many CPUs; False where this process is connected already.

    Raises:
        SetupError: The cluster cannot be reached, or this process is connected to another.
    """
    if ray.is_initialized():
        there = ray.get_runtime_context().gcs_address
        if address not in (None, 'auto', there):
            raise SetupError(f'This process is connected to the Ray cluster {there}, so it cannot use {address}.')
        return False
    address = address or os.environ.get('RAY_ADDRESS') or 'local'
    options: dict[str, Any] = {'log_to_driver': False, 'logging_level': 'error'}
    if address == 'local':
        options |= {'num_cpus': cpus, 'include_dashboard': False, 'object_store_memory': _OBJECTS}
    else:
        _require_answer(address)
        options |= _luggage()
    try:
        with _same_signals():
            ray.init(address, **options)
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        raise SetupError(f'Ray cannot be used at {address!r}: {describe(error)}') from None
    return True


def _require_answer(address: str) -> None:
    """Where nobody listens, Ray itself would try for minutes."""
    host, _, port = address.rpartition(':')
    if not host or '/' in host or not port.isdigit():
        return  # "auto", ray://..., or nonsense: Ray says what is wrong
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        raise SetupError(
            f'No Ray cluster answers at {address} ({error}). Start one there (ray start --head --port={port}), '
            'or leave the address out to use this machine.'
        ) from None


def _luggage() -> Mapping[str, Any]:
    """This package, for the nodes: all must run the same version. A submitted job says itself what it takes along."""
    if 'RAY_JOB_CONFIG_JSON_ENV_VAR' in os.environ:
        return {}
    package = Path(__file__).parents[1]
    return {'runtime_env': {'py_modules': [str(package)], 'excludes': ['**/__pycache__']}}


@contextlib.contextmanager
def _same_signals() -> Iterator[None]:
    """Ray takes SIGTERM over, which is the search's to deal with."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def shares(nodes: Sequence[Mapping[str, float]], workers: int, threads: int | None, gpus: float) -> tuple[int, float]:
    """CPUs and GPUs of each actor.

    Raises:
        SetupError: The nodes have no room for so many actors.
    """
    gpus = gpus if any(node.get('GPU') for node in nodes) else 0.0
    most = int(sum(node.get('CPU', 0) for node in nodes)) // workers
    for cpus in [threads] if threads else range(max(1, most), 0, -1):
        if _room(nodes, cpus, gpus) >= workers:
            return cpus, gpus
    has = ', '.join(f'{node.get("CPU", 0):g} CPUs and {node.get("GPU", 0):g} GPUs' for node in nodes)
    raise SetupError(
        f'{workers} workers with {threads or 1} CPU(s) and {gpus:g} GPU(s) each do not fit into the Ray cluster. Its '
        f'nodes have: {has}. Ask for fewer workers or threads or a smaller share of a GPU, or add nodes.'
    )


def _room(nodes: Sequence[Mapping[str, float]], cpus: int, gpus: float) -> int:
    """How many actors fit into the nodes."""
    room = 0
    for node in nodes:
        by_cpus = int(node.get('CPU', 0) / cpus)
        # a share lies on one GPU: of 0.4 each two fit, whatever the number of GPUs
        room += min(by_cpus, int(node.get('GPU', 0)) * int(1 / gpus + 1e-9)) if gpus else by_cpus
    return room


def describe(error: BaseException) -> str:
    """What happened, without Ray's list of what could have been the cause."""
    cause = getattr(error, 'cause', None) or error
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()] or ['no reason given']
    text = lines[-1].partition(' Some common causes')[0]
    return f'{type(cause).__name__}: {text}'
