"""Every config that the project ships: it loads, its model builds, and a search config searches that very model."""

from __future__ import annotations

import copy
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip('mmcv.ops')

from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.utils import import_modules_from_strings

from mmautoloss.branches import check_branches
from mmautoloss.engine import SearchSpec, spec_of
from mmautoloss.engine.config.read import is_search
from mmautoloss.engine.data.leak import require_unseen
from tests.isolation import ROOT

CONFIGS = ROOT / 'configs'
BESIDES = ('data_preprocessor', 'train_cfg', 'test_cfg')
ALL = [str(path.relative_to(CONFIGS)) for path in sorted(CONFIGS.rglob('*.py')) if '_base_' not in path.parts]


def load(name: str) -> Config:
    """A config with its imports; skips where the library of its scope is not installed."""
    try:
        cfg = Config.fromfile(CONFIGS / name, import_custom_modules=False)
    except PackageNotFoundError as error:  # of a base such as 'mmdet::...'
        pytest.skip(str(error))
    pytest.importorskip(cfg.default_scope)
    if cfg.get('custom_imports'):
        import_modules_from_strings(**cfg.custom_imports)
    return cfg


def whole_model(cfg: Config) -> dict[str, Any]:
    """What the Runner builds: some libraries keep the preprocessor beside the model."""
    model = copy.deepcopy(cfg.model)
    if cfg.get('data_preprocessor'):
        model.setdefault('data_preprocessor', copy.deepcopy(cfg.data_preprocessor))
    return model


def network(model: dict[str, Any]) -> dict[str, Any]:
    """The modules of a model. A proxy may crop, assign and test otherwise than its base, and on one GPU needs no SyncBN."""
    return single({key: value for key, value in model.items() if key not in BESIDES})


def single(node: Any) -> Any:
    """A part of a model's config, with each norm as on one GPU."""
    if isinstance(node, dict):
        kept = {key: single(value) for key, value in node.items()}
        return {**kept, 'type': 'BN'} if kept.get('type') == 'SyncBN' else kept
    return [single(item) for item in node] if isinstance(node, (list, tuple)) else node


def memory_of(model: dict[str, Any]) -> torch.device:
    """Where weights may do without memory; EfficientNet and mmpretrain's ResNet ask a tensor for its numbers."""
    asks = 'EfficientNet' in repr(model) or model['type'] in ('ImageClassifier', 'BaseReID')
    return torch.device('cpu' if asks else 'meta')


BUILT: dict[str, torch.nn.Module] = {}


def build(cfg: Config) -> torch.nn.Module:
    """The model without memory for its weights, which here are of no interest; configs of one model share it."""
    init_default_scope(cfg.default_scope)
    model = whole_model(cfg)
    described = repr(model)
    if described not in BUILT:
        with memory_of(model):
            BUILT[described] = MODELS.build(model)
    return BUILT[described]


def spec(cfg: Config, monkeypatch: pytest.MonkeyPatch) -> SearchSpec:
    """The search as its settings describe it, whether or not the data are on this machine."""
    monkeypatch.setattr('mmautoloss.engine.config.spec.check_files', lambda cfg: None)
    cfg.work_dir = 'work_dirs/none'
    if isinstance(begin := cfg.train_cfg.proxy.get('begin'), dict) and 'checkpoint' in begin:
        begin.checkpoint = __file__  # any file: it is read when the search begins
    with memory_of(cfg.model):  # it builds the model, too
        return spec_of(cfg)


def test_there_are_plain_and_search_configs() -> None:
    assert {'digits/faster_rcnn.py', 'digits/faster_rcnn_search.py'} < set(ALL)


@pytest.mark.parametrize('name', ALL)
def test_model_builds_and_search_fits_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cfg = load(name)
    assert is_search(cfg) == ('_search' in Path(name).stem), 'the name of a search config says so'
    model = build(cfg)
    assert sum(weight.numel() for weight in model.parameters()) > 0
    if not is_search(cfg):
        return
    base = (CONFIGS / name).parent / cfg.train_cfg.base_config
    assert base.is_file() and CONFIGS in base.parents
    search = spec(cfg, monkeypatch)
    assert network(search.base.model) == network(cfg.model), 'found losses go into the base: one network'
    check_branches(model, search.branches)
    require_unseen(search.proxy.config, search.base)
    assert set(cfg.train_cfg.describe) >= {'task', 'set', 'network', 'hand_made', 'split'}
    assert len(cfg.train_cfg.describe.hand_made.split('+')) == len(search.branches)
