"""The value of the metric without training."""

from __future__ import annotations

from math import nan
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip('mmengine')

from mmautoloss.proxy import ProxySettings, untrained_value


def value(first: dict[str, float], whole: dict[str, Any], greater: bool = True, **settings: Any) -> float | None:
    given = {
        'config': {},
        'metric': 'x',
        'branches': (),
        'schedule': {},
        'invalid_stop': None,
        'work_dir': '',
        **settings,
    }
    evaluator: Any = SimpleNamespace(
        settings=ProxySettings(greater=greater, **given), validate_untrained=lambda whole: wholes[0]
    )
    wholes = [whole]
    return untrained_value(evaluator, first)


def test_it_is_that_of_all_images_unless_a_few_tell_that_there_is_nothing() -> None:
    assert value({'x': 0.3}, {'x': 0.2}) == 0.2
    assert value({'x': 0.0}, {'x': 0.2}) == 0.0
    assert value({'x': 0.0}, {'x': 0.2}, greater=False) == 0.2
    assert value({'x': 0.3, 'y': 0.3}, {'x': 0.2, 'y': 0.4}, metric='x+y') == pytest.approx(0.3)


@pytest.mark.parametrize('whole', [{'x': nan}, {'y': 0.2}, {}])
def test_none_where_the_metric_gives_none(whole: dict[str, float]) -> None:
    assert value({'x': nan}, whole) is None


def test_none_of_a_trained_model() -> None:
    assert value({'x': 0.3}, {'x': 0.2}, checkpoint='trained.pth') is None
    assert value({'x': 0.3}, {'x': 0.2}, config={'load_from': 'trained.pth'}) is None
    assert value({}, {'x': 0.2}) is None
