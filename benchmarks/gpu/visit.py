"""What a machine with a GPU says of this project, in at most eight minutes and without a network.

Each step is a process with a time limit of its own, so that one that hangs or crashes does not cost the others. Their
results are lines of JSON in a file; a step that fails is a line with its reason, and the exit status is then 1, after all
steps. What the steps print stands beside that file.

    bash benchmarks/gpu.sh [--wheels FOLDER] [--data FOLDER] [--out FILE] [STEP ...]
    python benchmarks/gpu/visit.py --device cpu          # the same steps with smaller numbers

This module needs nothing but Python: the first step installs the rest.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from machine import device_name

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 470.0
"""Of all steps together."""

SLACK = {'cuda': 1.0, 'cpu': 3.0}
"""By what all limits are multiplied."""


class Step(NamedTuple):
    """A step.

    Attributes:
        module: The module of this folder whose ``run`` yields its rows.
        limit: Seconds that it may take on a GPU.
        options: Further arguments of ``run``.
    """

    module: str
    limit: float
    options: dict[str, Any] = {}


STEPS = {
    'machine': Step('machine', 20),
    'operators': Step('cuda_operators', 20),
    'killed_worker': Step('killed_worker', 40),
    'out_of_memory': Step('exhaustion', 25),
    'data_parallel': Step('data_parallel', 50),
    'memory': Step('growth', 45),
    'search_2': Step('searches', 75, {'workers': 2}),
    'search_4': Step('searches', 75, {'workers': 4}),
    'losses': Step('losses_on_device', 120),
}
"""In the order in which they run: first what is most likely to be wrong on a new machine, last what takes longest."""


class Visit(NamedTuple):
    """What the steps share.

    Attributes:
        device: ``'cuda'`` or ``'cpu'``.
        data: Folder of the blood cells (``bccd``); '' for the digits, which are drawn.
        folder: For files that nobody needs afterwards.
        seconds: The time limit of the step.
    """

    device: str
    data: str
    folder: Path
    seconds: float


def main() -> None:
    args = parse_args()
    if args.only:
        run_here(args)
        return
    began, failed = time.monotonic(), False
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text('')
    device, slack = device_name(args.device), args.slack or SLACK[args.device]
    with tempfile.TemporaryDirectory() as folder:
        env = environment(args, Path(folder))
        steps = {'install': Step('', 90), **STEPS} if args.wheels else STEPS
        for name in args.steps or steps:
            left = max(0.0, slack * SECONDS - (time.monotonic() - began))
            row = run_step(name, min(slack * steps[name].limit, left), args, Path(folder), env)
            failed |= 'failed' in row
            append(args.out, {'step': name, 'device': device, **row})
    print(args.out.read_text(), end='')
    sys.exit(failed)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('steps', nargs='*', metavar='STEP', help=f'some of {", ".join(STEPS)}; all by default')
    parser.add_argument('--device', choices=('cuda', 'cpu'), default='cuda', help='where everything runs (cuda)')
    parser.add_argument('--wheels', type=Path, help='folder of the wheels that are installed first')
    parser.add_argument('--data', default='', metavar='FOLDER', help='the blood cells (bccd) to search on, not digits')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/gpu.jsonl'), help='the results')
    parser.add_argument('--slack', type=float, help='by what time limits are multiplied (1; on the CPU 3)')
    parser.add_argument('--only', help=argparse.SUPPRESS)  # a step, in the process that it has
    parser.add_argument('--folder', type=Path, help=argparse.SUPPRESS)
    parser.add_argument('--limit', type=float, default=0.0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    unknown = [step for step in args.steps if step not in STEPS]
    if unknown:
        parser.error(f'there is no step {", ".join(unknown)}: choose from {", ".join(STEPS)}')
    return args


def environment(args: argparse.Namespace, folder: Path) -> dict[str, str]:
    """The environment of the steps: installed wheels, this project, the modules of the other benchmarks."""
    paths = [folder / 'site', ROOT, ROOT / 'benchmarks/speed', os.environ.get('PYTHONPATH', '')]
    hidden = {'CUDA_VISIBLE_DEVICES': ''} if args.device == 'cpu' else {}
    data = {'MMAUTOLOSS_DATA': str(folder / 'data')}
    return {**os.environ, **hidden, **data, 'PYTHONPATH': os.pathsep.join(filter(None, map(str, paths)))}


def run_step(
    name: str, limit: float, args: argparse.Namespace, folder: Path, env: dict[str, str]
) -> dict[str, float | str]:
    """Runs a step, or the installation, in processes of its own; gives how long it took and why it failed, if it did."""
    began, log = time.monotonic(), args.out.with_suffix(f'.{name}.log')
    with log.open('w') as file, contextlib.suppress(subprocess.TimeoutExpired):
        process = subprocess.Popen(
            install(args, folder) if name == 'install' else again(name, limit, args, folder),
            cwd=ROOT,
            env=env,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            process.wait(limit)
        finally:
            with contextlib.suppress(ProcessLookupError):  # what it has started, too
                os.killpg(process.pid, signal.SIGKILL)
    seconds = {'seconds': round(time.monotonic() - began, 1)}
    if process.returncode is None:
        process.wait()
        return {**seconds, 'failed': f'time limit of {limit:.0f} s'}
    if process.returncode:
        lines = [line.strip() for line in log.read_text(errors='replace').splitlines() if line.strip()]
        return {**seconds, 'failed': lines[-1][:300] if lines else f'exit status {process.returncode}'}
    return seconds


def install(args: argparse.Namespace, folder: Path) -> list[str]:
    wheels = sorted(map(str, args.wheels.glob('*.whl'))) or [str(args.wheels / '*.whl')]
    pip = [sys.executable, '-m', 'pip', 'install', '-q', '--no-index', '--no-deps', '--no-compile', '--no-cache-dir']
    return [*pip, '--target', str(folder / 'site'), *wheels]


def again(name: str, limit: float, args: argparse.Namespace, folder: Path) -> list[str]:
    given = ['--device', args.device, '--data', args.data, '--out', str(args.out.absolute())]
    return [sys.executable, __file__, *given, '--only', name, '--folder', str(folder), '--limit', str(limit)]


def run_here(args: argparse.Namespace) -> None:
    """A step, in this process; its rows are written as they come, so that one that hangs has those before."""
    name, step = args.only, STEPS[args.only]
    require_device(args.device)
    device, folder = device_name(args.device), args.folder / name
    folder.mkdir()
    rows: Iterator[dict[str, Any]] = importlib.import_module(step.module).run(
        Visit(args.device, args.data, folder, args.limit), **step.options
    )
    for row in rows:
        append(args.out, {'step': name, 'device': device, **row})


def require_device(device: str) -> None:
    """A step that means a GPU must not run on the CPU unnoticed."""
    import torch

    if device == 'cuda' and not torch.cuda.is_available():
        sys.exit(f'torch {torch.__version__} sees no GPU; --device cpu runs the same steps on the CPU')


def append(path: Path, row: dict[str, Any]) -> None:
    with path.open('a') as file:
        file.write(json.dumps(row) + '\n')


if __name__ == '__main__':
    main()
