"""Connection to a Ray cluster, and its free resources; the library is passed as an argument."""

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
"""Bytes of the object store of a cluster that is started here; it holds settings only."""


def connect(ray: ModuleType, address: str | None, cpus: int) -> bool:
    """Connects to a cluster, or starts one with ``cpus`` CPUs; returns False if this process is connected already.

    Raises:
        SetupError: The cluster cannot be reached, or this process is connected to another.
    """
    if ray.is_initialized():
        connected = ray.get_runtime_context().gcs_address
        if address not in (None, 'auto', connected):
            raise SetupError(f'This process is connected to the Ray cluster {connected}, so it cannot use {address}.')
        return False
    address = address or os.environ.get('RAY_ADDRESS') or 'local'
    options: dict[str, Any] = {'log_to_driver': False, 'logging_level': 'error'}
    if address == 'local':
        options |= {'num_cpus': cpus, 'include_dashboard': False, 'object_store_memory': _OBJECTS}
    else:
        _require_answer(address)
        options |= _runtime_env()
    try:
        with _same_signals():
            ray.init(address, **options)
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        raise SetupError(f'Ray cannot be used at {address!r}: {describe(error)}') from None
    return True


def _require_answer(address: str) -> None:
    """Checks that a port is open; without a server, Ray itself would retry for minutes."""
    host, _, port = address.rpartition(':')
    if not host or '/' in host or not port.isdigit():
        return  # "auto", ray://..., or an invalid address, which Ray reports
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        raise SetupError(
            f'No Ray cluster answers at {address} ({error}). Start one there (ray start --head --port={port}), '
            'or leave the address out to use this machine.'
        ) from None


def _runtime_env() -> Mapping[str, Any]:
    """Ships this package to the nodes, which must all run the same version; a submitted job has its own environment."""
    if 'RAY_JOB_CONFIG_JSON_ENV_VAR' in os.environ:
        return {}
    package = Path(__file__).parents[1]
    return {'runtime_env': {'py_modules': [str(package)], 'excludes': ['**/__pycache__']}}


@contextlib.contextmanager
def _same_signals() -> Iterator[None]:
    """Restores the handler of SIGTERM, which Ray replaces but the search needs."""
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
        SetupError: The nodes have too few resources for the actors.
    """
    gpus = gpus if any(node.get('GPU') for node in nodes) else 0.0
    max_cpus = int(sum(node.get('CPU', 0) for node in nodes)) // workers
    for cpus in [threads] if threads else range(max(1, max_cpus), 0, -1):
        if _capacity(nodes, cpus, gpus) >= workers:
            return cpus, gpus
    resources = ', '.join(f'{node.get("CPU", 0):g} CPUs and {node.get("GPU", 0):g} GPUs' for node in nodes)
    raise SetupError(
        f'{workers} workers with {threads or 1} CPU(s) and {gpus:g} GPU(s) each do not fit into the Ray cluster. Its '
        f'nodes have: {resources}. Ask for fewer workers or threads or a smaller share of a GPU, or add nodes.'
    )


def _capacity(nodes: Sequence[Mapping[str, float]], cpus: int, gpus: float) -> int:
    """Number of actors that fit on the nodes."""
    capacity = 0
    for node in nodes:
        by_cpus = int(node.get('CPU', 0) / cpus)
        # a fraction is of a single GPU: with 0.4 each, two actors fit on one GPU
        capacity += min(by_cpus, int(node.get('GPU', 0)) * int(1 / gpus + 1e-9)) if gpus else by_cpus
    return capacity


def describe(error: BaseException) -> str:
    """Type and message of an error, without Ray's list of common causes."""
    cause = getattr(error, 'cause', None) or error
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()] or ['no reason given']
    text = lines[-1].partition(' Some common causes')[0]
    return f'{type(cause).__name__}: {text}'
