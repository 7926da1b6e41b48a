"""A name in a config that nobody knows is one sentence with the name, before any training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mmautoloss.engine import build_search, evaluate
from mmautoloss.errors import SetupError
from mmautoloss.proxy import ProxyEvaluator
from mmautoloss.testing.toy_searches import BASE, changed, toy_config
from tests.isolation import ROOT

MISSPELT = {
    'val_evaluator.type': ('ToyMetrc', 'ToyMetrc is not in the mmengine::metric registry. Correct its type'),
    'val_evaluator.falt': (1, r"ToyMetric.__init__\(\) got an unexpected keyword argument 'falt'"),
    'val_cfg.type': ('ValLop', 'ValLop is not in'),
    'train_dataloader.dataset.type': ('ToyScens', 'ToyScens is not in'),
    'val_dataloader.dataset.type': ('ToyScens', 'ToyScens is not in'),
    'train_dataloader.sampler.type': ('InfinitSampler', 'InfinitSampler is not in'),
    'val_dataloader.sampler.type': ('DefaultSamplr', 'DefaultSamplr is not in'),
    'train_dataloader.collate_fn.type': ('default_colate', "collate_fn.type='default_colate' is not in the function"),
    'optim_wrapper.type': ('OptimWrapprr', 'OptimWrapprr is not in'),
    'optim_wrapper.optimizer.type': ('SDG', "optim_wrapper.optimizer.type='SDG' is not in the optimizer registry"),
    'optim_wrapper.optimizer.learning_rate': (1, r'SGD.__init__\(\) got an unexpected keyword argument'),
    'param_scheduler': ([{'type': 'LinearLRR'}], 'LinearLRR is not in'),
    'train_dataloader.dataset': ('ToyScenes', "of train_dataloader must be a dict with its type, but got 'ToyScenes'"),
    'train_dataloader.dataset.length': (0, r'of train_dataloader \(ToyScenes\) has no samples: look at its ann_file'),
    'val_dataloader.dataset.length': (0, r'of val_dataloader \(ToyScenes\) has no samples'),
    'load_from': ('/nowhere.pth', '/nowhere.pth can not be found'),
    'custom_hooks': ([{'type': 'EMAHok'}], 'EMAHok is not in'),
}
"""Settings of the toy: a wrong value, and what is said."""


@pytest.fixture(autouse=True)
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ProxyEvaluator, 'evaluate', lambda *args: pytest.fail('a training began'))


def said(error: pytest.ExceptionInfo[SetupError]) -> str:
    assert '\n' not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize('path', MISSPELT)
def test_by_evaluate(path: str) -> None:
    value, text = MISSPELT[path]
    with pytest.raises(SetupError, match=text) as error:
        evaluate(changed(BASE, {path: value}))
    said(error)


@pytest.mark.parametrize('path', MISSPELT)
def test_by_a_search(path: str, tmp_path: Path) -> None:
    value, text = MISSPELT[path]
    with pytest.raises(SetupError, match=text) as error:
        build_search(toy_config(tmp_path, {}, {path: value})).train()
    said(error)


@pytest.mark.parametrize(
    ('options', 'text'),
    [
        ({'train_dataloader.dataset.pipeline.1.type': 'LoadAnotations'}, 'LoadAnotations is not in the mmdet::transf'),
        ({'val_dataloader.dataset.ann_file': '/nowhere/val.json'}, '/nowhere/val.json'),
    ],
)
def test_by_evaluate_of_a_detector(
    options: dict[str, Any], text: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip('mmdet')
    monkeypatch.setenv('MMAUTOLOSS_DATA', str(tmp_path_factory.getbasetemp() / 'scenes'))
    small = {f'{part}_dataloader.dataset.scenes': {'size': 64, 'train': 4, 'val': 2} for part in ('train', 'val')}
    with pytest.raises(SetupError, match=text) as error:
        evaluate(ROOT / 'configs/digits/faster_rcnn.py', options={**small, **options})
    said(error)
