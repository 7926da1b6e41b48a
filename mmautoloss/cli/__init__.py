"""The commands of ``python -m mmautoloss``, one module a command.

A command is a module of this package with two functions, listed by name in ``COMMANDS``:

- ``add_parser(subparsers)`` describes its arguments and sets ``parser.set_defaults(run=run)``;
- ``run(args) -> int`` does the work and returns the exit status. Whatever is slow to import, or
  may be missing, is imported inside ``run``, so that ``--help`` answers at once on any machine.
"""

from __future__ import annotations

COMMANDS = (
    *('doctor', 'branches', 'zoo', 'split', 'config'),
    *('search', 'refine', 'status', 'report', 'replay', 'apply', 'export'),
    *('train', 'test', 'mixture', 'evaluate', 'compare', 'transfer', 'rungs', 'correlate'),
)
