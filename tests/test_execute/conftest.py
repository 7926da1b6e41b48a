"""Settings of the toy for executors; a loss with ``exp`` takes its process down."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip('mmengine')

from mmautoloss.engine import spec_of
from mmautoloss.expr import Genome
from mmautoloss.proxy import ProxySettings
from mmautoloss.testing.toy_searches import toy_config
from mmautoloss.trial import Role, Trial

GOOD = Genome.from_text({'cls': '-y * log(p)', 'box': '(p - y) ** 2'})
DEADLY = Genome.from_text({'cls': '-y * log(exp(p))', 'box': 'abs(p - y)'})


@pytest.fixture(scope='session')
def settings(tmp_path_factory: pytest.TempPathFactory) -> ProxySettings:
    folder: Path = tmp_path_factory.mktemp('execute')
    faults = {'model.faults': {'die_at': 2, 'where': 'exp('}}
    return spec_of(toy_config(folder, base=faults)).proxy


def searched(genome: Genome, number: int = 1) -> Trial:
    return Trial(number, Role.SEARCH, 0, genome, {'cls': 1 / 3, 'box': 0.5})


def baseline(seed: int = 0) -> Trial:
    return Trial(0, Role.BASELINE, seed)
