"""``mmautoloss doctor``: what is installed, whether it works, and what to do where it does not."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from dataclasses import asdict

DESCRIPTION = """\
Prints the versions of everything that a search needs, tries the parts that often break (mmcv's
compiled operators, CUDA, loading a checkpoint) and tells which tasks work here, with one line that
repairs each that does not. The exit status is 0 if detection works, and 1 otherwise."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describes the command's arguments."""
    parser = subparsers.add_parser('doctor', help='tell what works on this machine', description=DESCRIPTION)
    parser.add_argument('--json', action='store_true', help='print the facts as JSON')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Examines the machine and prints the result.

    Args:
        args: With ``json``, whether to print JSON.

    Returns:
        0 if the core task works, 1 otherwise.
    """
    from mmautoloss.cli.doctor.environment import examine
    from mmautoloss.cli.doctor.page import build_page, show
    from mmautoloss.cli.doctor.tasks import CORE_TASK, judge

    # Some libraries print to stdout when they are imported, which would break the JSON.
    with contextlib.redirect_stdout(sys.stderr):
        environment = examine()
    verdicts = judge(environment)
    if args.json:
        tasks = [asdict(verdict) for verdict in verdicts]
        print(json.dumps({**asdict(environment), 'tasks': tasks}, indent=2))
    else:
        show(build_page(environment, verdicts))
    return 0 if all(verdict.works for verdict in verdicts if verdict.task == CORE_TASK) else 1
