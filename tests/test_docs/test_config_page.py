"""The page of settings has every key, with its default."""

from __future__ import annotations

import argparse
import ast
import inspect
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pytest
from mmengine.evaluator import BaseMetric

from mmautoloss.backbones.efficientnet_lite import EfficientNetLite
from mmautoloss.cli import search
from mmautoloss.datasets.missing_instances import MissingInstances
from mmautoloss.datasets.noisy_labels import NoisyLabels
from mmautoloss.engine import AuxiliaryScheduleHook, LossSwitchHook, LossWeightScheduleHook, MixtureHook
from mmautoloss.engine.config.begin import BestBegin, CheckpointBegin, TrunkBegin
from mmautoloss.engine.config.sections import build, only
from mmautoloss.engine.config.spec import DEFAULTS, REQUIRED
from mmautoloss.evaluation import DetectionF1, IdentityMetric, OneShotMetric
from mmautoloss.execute import ExecuteSettings
from mmautoloss.losses import INPUT_KINDS, LossMixture, SearchedLoss
from mmautoloss.losses.controller import Controller
from mmautoloss.report import Description
from mmautoloss.screen import RejectionTest, ScreenSettings
from mmautoloss.search import Budget, Funnel, FunnelStage, Rung
from mmautoloss.strategy import CMAES, RandomSearch, RegularizedEvolution, Reinforce
from tests.isolation import ROOT
from tests.test_docs.pages import PAGES, anchors, read_blocks

PAGE = ROOT / 'docs/config.md'
NEEDED = object()


def defaults_of(cls: type) -> dict[str, Any]:
    """The fields of a dataclass, or the settings of a strategy."""
    if hasattr(cls, '__dataclass_fields__'):
        return {name: field.default for name, field in cls.__dataclass_fields__.items()}
    return {name: each.default for name, each in inspect.signature(cls).parameters.items() if name != 'inputs'}


SECTIONS = {
    'train_cfg': {**dict.fromkeys(REQUIRED, NEEDED), **DEFAULTS},
    'proxy': {'schedule': None, 'begin': 'scratch', 'invalid_stop': None, 'rung': None},
    'proxy.begin trunk': defaults_of(TrunkBegin),
    'proxy.begin checkpoint': {**defaults_of(CheckpointBegin), 'checkpoint': NEEDED},
    'proxy.begin best': defaults_of(BestBegin),
    'proxy.rung': defaults_of(Rung),
    'strategy RegularizedEvolution': defaults_of(RegularizedEvolution),
    'strategy RandomSearch': defaults_of(RandomSearch),
    'strategy CMAES': defaults_of(CMAES),
    'strategy Reinforce': defaults_of(Reinforce),
    'screen': {**defaults_of(RejectionTest), **{k: v for k, v in defaults_of(ScreenSettings).items() if k != 'test'}},
    'budget': defaults_of(Budget),
    'budget.funnel': {'stages': [asdict(stage) for stage in Funnel().stages], 'rivals': Funnel.rivals},
    'budget.funnel.stages': {'times': NEEDED, 'keep': NEEDED, 'seeds': FunnelStage.seeds},
    'execute': defaults_of(ExecuteSettings),
    'describe': defaults_of(Description),
    'SearchedLoss': {
        name: NEEDED if each.default is each.empty else each.default
        for name, each in inspect.signature(SearchedLoss).parameters.items()
    },
    **{
        own.__name__: {
            name: NEEDED if each.default is each.empty else each.default
            for name, each in inspect.signature(own).parameters.items()
            if each.kind is not each.VAR_KEYWORD
        }
        for own in (LossSwitchHook, LossMixture, MixtureHook, LossWeightScheduleHook, AuxiliaryScheduleHook)
    },
    'LossMixture controller': {
        name: each.default
        for name, each in inspect.signature(Controller).parameters.items()
        if name not in ('count', 'kind')
    },
    'IdentityList': {'identities': None},
    **{
        metric.__name__: {
            name: each.default
            for name, each in inspect.signature(metric).parameters.items()
            if name not in inspect.signature(BaseMetric).parameters
        }
        for metric in (DetectionF1, IdentityMetric, OneShotMetric)
    },
    **{
        own.__name__: {
            name: NEEDED if each.default is each.empty else each.default
            for name, each in inspect.signature(own).parameters.items()
        }
        for own in (MissingInstances, NoisyLabels)
    },
    'EfficientNetLite': {
        name: each.default
        for name, each in inspect.signature(EfficientNetLite).parameters.items()
        if each.kind is not each.VAR_KEYWORD
    },
}


def table(section: str) -> dict[str, list[str]]:
    """The rows of a section by their first cell."""
    text = PAGE.read_text(encoding='utf-8').split(f'\n## {section}\n')[1].split('\n## ')[0]
    rows = [[cell.strip() for cell in line.strip('|').split(' | ')] for line in text.splitlines() if line[:3] == '| `']
    return {row[0].strip('| `'): row[1:] for row in rows}


def read_default(cell: str) -> Any:
    return NEEDED if cell == 'required' else ast.literal_eval(cell.strip('`'))


@pytest.mark.parametrize('section', SECTIONS)
def test_every_key_has_a_line_with_its_default(section: str) -> None:
    rows = table(section)
    assert {key: read_default(cells[1]) for key, cells in rows.items()} == SECTIONS[section]
    assert all(len(cells) == 3 and len(cells[2].strip(' |')) > 8 for cells in rows.values())


def test_every_kind_of_input_has_a_line_with_its_names() -> None:
    rows = table('Kinds of input')
    assert set(rows) == set(INPUT_KINDS)
    for name, cells in rows.items():
        assert all(f'`{word}`' in cells[-1] for word in INPUT_KINDS[name].names), name


def test_every_option_of_a_search_has_a_line() -> None:
    commands = argparse.ArgumentParser().add_subparsers()
    search.add_parser(commands)
    options = set(commands.choices['search']._option_string_actions) - {'-h', '--help'}
    page = PAGE.read_text(encoding='utf-8').split('## Options of mmautoloss search')[1]
    assert options == set(re.findall(r'`(--?[\w-]+)`', page))


def test_anchors_of_sections_are_there() -> None:
    assert {section.replace('.', '').replace(' ', '-').lower() for section in SECTIONS} <= anchors(PAGE)


def test_search_configs_in_pages_are_possible() -> None:
    """What a page shows as ``train_cfg`` of a search has known keys, and sections that can be built."""
    seen = 0
    for page in PAGES:
        for block in read_blocks(page):
            if block.language == 'python' and 'SearchLoop' in block.text and 'train_cfg = dict(' in block.text:
                names: dict[str, Any] = {}
                exec(compile(block.text, str(block), 'exec'), names)
                _check(names['train_cfg'])
                seen += 1
    assert seen >= 2


def _check(given: Mapping[str, Any]) -> None:
    given = {key: value for key, value in given.items() if key not in ('type', '_delete_')}
    settings = only('train_cfg', given, **dict.fromkeys(REQUIRED), **DEFAULTS)
    assert not set(REQUIRED) - set(given)
    build('budget', Budget, settings['budget'])
    build('execute', ExecuteSettings, settings['execute'])
    assert set(settings['strategy']) - {'type'} <= set(SECTIONS[f'strategy {settings["strategy"]["type"]}'])
    assert set(settings['screen']) <= set(SECTIONS['screen'])
    only('proxy', settings['proxy'], **SECTIONS['proxy'])
