"""Configs as text: what is read again is what was written, in its order."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmengine')

from mmengine.config import Config

from mmautoloss.engine import config_text
from mmautoloss.proxy import plain_config

ROOT = Path(__file__).parents[3]
NAMES = sorted(
    path.relative_to(ROOT).as_posix() for path in (ROOT / 'configs').rglob('*.py') if '_lazy' not in path.stem
)


def ordered(node: Any) -> Any:
    """A value whose equality is also that of the order of its keys."""
    if isinstance(node, dict):
        return [(key, ordered(value)) for key, value in node.items()]
    if isinstance(node, (list, tuple)):
        return type(node), [ordered(value) for value in node]
    return node


def read(text: str) -> dict[str, Any]:
    space: dict[str, Any] = {}
    exec(compile(text, 'written', 'exec'), space)  # of this test alone
    return {key: value for key, value in space.items() if key != '__builtins__'}


@pytest.mark.parametrize('name', [name for name in NAMES if '_base_' not in name])
def test_shipped_configs_are_read_again_as_they_were(name: str) -> None:
    config = Config.fromfile(ROOT / name, import_custom_modules=False)
    assert ordered(read(config_text(config))) == ordered(plain_config(config))


def test_random_values_are_read_again_as_they_were() -> None:
    rng = random.Random(0)
    for _ in range(500):
        settings = {f'key{number}': value(rng, 3) for number in range(4)}
        assert ordered(read(config_text(Config(settings)))) == ordered(plain_config(Config(settings)))


KEYS = ('a', 'type', 'b1', 'not a name', 'class ', 'lambda')
TEXTS = ("it's", 'a\nb', '"', '', 'x' * 150, '<f>')


def value(rng: random.Random, depth: int) -> Any:
    kind = rng.choice(['dict', 'numbered', 'list', 'tuple', 'leaf'] if depth else ['leaf'])
    count = rng.choice([0, 1, 2, 15])
    items = [value(rng, depth - 1) for _ in range(count)] if kind != 'leaf' else []
    if kind == 'dict':
        return {f'{rng.choice(KEYS)}{number}': item for number, item in enumerate(items)}
    if kind == 'numbered':
        return dict(zip(rng.sample(range(30), count), items, strict=True))
    return {'list': items, 'tuple': tuple(items)}.get(kind, rng.choice([*TEXTS, 0, -1.5, 1e-9, True, None]))


def test_the_flip_of_a_pose_config_that_was_written_is_that_of_the_config() -> None:
    """mmpose numbers keypoints by their place, and 10 comes before 2 where keys are sorted as text."""
    pytest.importorskip('mmpose')
    from mmpose.datasets.datasets.utils import parse_pose_metainfo

    config = Config.fromfile(ROOT / 'configs/lsp/lite0_held_out.py', import_custom_modules=False)
    flips = [
        parse_pose_metainfo(each['metainfo'])['flip_indices'] for each in (config.to_dict(), read(config_text(config)))
    ]
    assert flips[0] == flips[1] == [5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6, 12, 13]
