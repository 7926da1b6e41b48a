"""What users add to the tables of this package, from modules of their own.

A module that a config names in ``custom_imports`` is imported by the search and by each of its workers, and calls
``register_primitive``, ``register_kind``, ``register_metric``, ``register_strategy`` or ``register_executor``. The tables
themselves lie where their things are; this is how all of them are added to.
"""

from __future__ import annotations

import inspect
from collections.abc import MutableMapping
from typing import Any

from mmautoloss.errors import SetupError


def add(what: str, table: MutableMapping[str, Any], name: str, thing: Any) -> None:
    """Puts a thing into a table, once; the same definition again changes nothing.

    Args:
        what: What the thing is, for the message.
        table: Things by name.
        name: Name in configs; letters, digits and underscores.
        thing: A function, a class, or an object of a class.

    Raises:
        SetupError: The name is none, or another thing has it.
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
    """The file in which a thing is defined, and its name there: a module can be imported under two names."""
    definition = thing if inspect.isclass(thing) or inspect.isroutine(thing) else type(thing)
    try:
        return inspect.getfile(definition), definition.__qualname__
    except TypeError:  # written in C
        return definition.__module__ or 'C', definition.__qualname__
