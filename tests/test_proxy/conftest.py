"""Toy trials and the settings by which they are measured."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmengine')

from torch import nn

from mmautoloss.engine import spec_of
from mmautoloss.expr import Genome
from mmautoloss.proxy import ProxyEvaluator, ProxySettings
from mmautoloss.testing.toy_searches import toy_config
from mmautoloss.trial import Role, Trial
from tests.isolation import one_thread

__all__ = ['one_thread']

SQUARE = Genome.from_text({'cls': '-y * log(p)', 'box': '(p - y) ** 2'})
SINK = Genome.from_text({'cls': '(p - y) ** 2', 'box': 'abs(p - y)'})
EXP = Genome.from_text({'cls': '-y * log(exp(p))', 'box': 'abs(p - y)'})


def searched(genome: Genome, seed: int = 0, number: int = 0) -> Trial:
    return Trial(number, Role.SEARCH, seed, genome, dict.fromkeys(genome, 0.75))


def baseline(seed: int = 0) -> Trial:
    return Trial(0, Role.BASELINE, seed)


def digest(model: nn.Module) -> str:
    """Text that tells all weights and buffers of a model, bit by bit."""
    state = model.state_dict()
    content = b''.join(tensor.cpu().contiguous().numpy().tobytes() for tensor in state.values())
    return hashlib.sha256(content).hexdigest()


def toy_settings(folder: Path, base: dict | None = None, **changes: Any) -> ProxySettings:
    dotted = {key.replace('__', '.'): value for key, value in changes.items()}
    return spec_of(toy_config(folder, dotted, base)).proxy


@pytest.fixture
def make_evaluator(tmp_path: Path) -> Iterator[Callable[..., ProxyEvaluator]]:
    """Builds evaluators of the toy; faults and the like by keyword."""
    made = []

    def make(base: dict | None = None, **changes: Any) -> ProxyEvaluator:
        made.append(ProxyEvaluator(toy_settings(tmp_path, base, **changes)))
        return made[-1]

    yield make
    for evaluator in made:
        evaluator.close()
