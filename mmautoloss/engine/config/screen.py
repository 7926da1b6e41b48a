"""The settings of ``screen`` in a config, and in the header of a journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mmautoloss.engine.config.sections import as_json, build
from mmautoloss.screen import RejectionTest, ScreenSettings

_BESIDE_TEST = frozenset(ScreenSettings.__dataclass_fields__) - {'test'}


def read_screen(settings: Mapping[str, Any]) -> ScreenSettings:
    """Reads the section of a config, which also has the settings of the rejection test.

    Raises:
        SetupError: A setting is unknown or has an invalid value.
    """
    checked = ScreenSettings(**{key: value for key, value in settings.items() if key in _BESIDE_TEST})
    test = {key: value for key, value in settings.items() if key not in _BESIDE_TEST}
    return replace(checked, test=build('screen', RejectionTest, test))


def screen_header(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings for the header of a journal; older journals, of which all had the plain engine, do not name it."""
    engine = settings.get('engine', ScreenSettings.engine)
    others = {key: value for key, value in as_json(settings).items() if key != 'engine'}
    return others if engine == 'plain' else {**others, 'engine': engine}
