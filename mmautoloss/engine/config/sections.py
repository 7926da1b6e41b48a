"""Settings as a config gives them: known keys, values of the right type, plain types for a journal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmautoloss.checks import WrongTypeError
from mmautoloss.errors import SetupError


def only(name: str, given: Mapping[str, Any], **defaults: Any) -> dict[str, Any]:
    """The given settings over the defaults.

    Raises:
        SetupError: They are no dict, or one is not known.
    """
    require_dict(name, given)
    unknown = set(given) - set(defaults)
    if unknown:
        raise SetupError(f'{name} has no setting {", ".join(sorted(unknown))}; there are {", ".join(defaults)}.')
    return {**defaults, **given}


def require_dict(name: str, value: Any) -> None:
    """Refuses what is no dict.

    Raises:
        SetupError: It is none.
    """
    if not isinstance(value, Mapping):
        raise WrongTypeError(f'{name} must be a dict, but got {value!r}.')


def build(name: str, cls: type[Any], options: Mapping[str, Any]) -> Any:
    """A frozen dataclass of settings from a section of a config.

    Raises:
        SetupError: A setting is not known, or its value cannot be.
    """
    options = only(name, options, **{key: field.default for key, field in cls.__dataclass_fields__.items()})
    try:
        return cls(**options)
    except TypeError as error:  # such as a text where a number is compared
        raise SetupError(f'{name} has a value of a wrong type: {error}. Got {dict(options)}.') from None


def plain_values(value: Any) -> Any:
    """Nested settings in the types that JSON has."""
    if isinstance(value, Mapping):
        return {key: plain_values(item) for key, item in value.items()}
    return [plain_values(item) for item in value] if isinstance(value, (list, tuple)) else value
