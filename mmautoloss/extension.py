"""Extension of the tables of this package by modules of users.

A module that a config names in ``custom_imports`` is imported by the search and by each of its workers, and calls
``register_primitive``, ``register_kind``, ``register_metric``, ``register_strategy`` or ``register_executor``. The tables
are in the packages of their entries; all but the operators are extended by ``add``.
"""

from __future__ import annotations

import inspect
from collections.abc import MutableMapping
from typing import Any

from mmautoloss.errors import SetupError


def add(what: str, table: MutableMapping[str, Any], name: str, thing: Any) -> None:
    """Adds an entry to a table; adding the same definition again changes nothing.

    Args:
        what: Kind of the entry, for error messages.
        table: Entries by name.
        name: Name in configs; letters, digits and underscores.
        thing: A function, a class, or an instance of a class.

    Raises:
        SetupError: The name is invalid, or taken by another definition.
    """
    if not isinstance(name, str) or not name.isidentifier():
        raise SetupError(f'The name of a {what} must be a word such as "my_{what}", but got {name!r}.')
    if name in table and _origin(table[name]) != _origin(thing):
        raise SetupError(
            f'The {what} {name!r} is there already, of {_origin(table[name])[0]}: give the one of {_origin(thing)[0]} '
            'another name.'
        )
    table[name] = thing


def _origin(thing: Any) -> tuple[str, str]:
    """The file and the qualified name of a definition; a module name would not do, since a file can have two."""
    definition = thing if inspect.isclass(thing) or inspect.isroutine(thing) else type(thing)
    try:
        return inspect.getfile(definition), definition.__qualname__
    except TypeError:  # written in C
        return definition.__module__ or 'C', definition.__qualname__
