"""Sections of settings in a config: known keys, types of values, plain types for a journal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmautoloss.checks import WrongTypeError, nearest
from mmautoloss.errors import SetupError


def only(name: str, given: Mapping[str, Any], **defaults: Any) -> dict[str, Any]:
    """The defaults, updated by the given settings.

    Raises:
        SetupError: The settings are no dict, or one is unknown.
    """
    require_dict(name, given)
    unknown = set(given) - set(defaults)
    if unknown:
        hint = nearest(sorted(unknown)[0], defaults)
        raise SetupError(f'{name} has no setting {", ".join(sorted(unknown))}; there are {", ".join(defaults)}{hint}.')
    return {**defaults, **given}


def require_dict(name: str, value: Any) -> None:
    """Checks that a setting is a dict.

    Raises:
        SetupError: It is not.
    """
    if not isinstance(value, Mapping):
        raise WrongTypeError(f'{name} must be a dict, but got {value!r}.')


def build(name: str, cls: type[Any], options: Mapping[str, Any]) -> Any:
    """A frozen dataclass of settings from a section of a config.

    Raises:
        SetupError: A setting is unknown or has an invalid value.
    """
    options = only(name, options, **{key: field.default for key, field in cls.__dataclass_fields__.items()})
    try:
        return cls(**options)
    except WrongTypeError as error:
        raise SetupError(str(error) if str(error).startswith(f'{name}.') else f'{name}.{error}') from None
    except TypeError as error:  # such as a text where a number is compared
        raise SetupError(f'{name} has a value of a wrong type: {error}. Got {dict(options)}.') from None


def as_json(value: Any) -> Any:
    """Nested settings in JSON types."""
    if isinstance(value, Mapping):
        return {key: as_json(item) for key, item in value.items()}
    return [as_json(item) for item in value] if isinstance(value, (list, tuple)) else value
