"""Configs of MMEngine's new style, classes in place of names, do what those of the classic style do."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmautoloss import evaluate
from mmautoloss.__main__ import main
from mmautoloss.engine import compare, load_base, load_search_config, spec_of, write_config
from mmautoloss.engine.config.imports import Imports
from mmautoloss.errors import SetupError
from mmautoloss.losses import SearchedLoss
from mmautoloss.proxy import plain_config, spelled, type_name
from mmautoloss.report import read_results
from mmautoloss.testing import toy
from mmautoloss.testing.toy_searches import BASE, SEARCH, run_toy, write_toy
from mmautoloss.trial import Role, read_events
from tests.isolation import ROOT
from tests.test_engine.test_config.test_losses import differences

PLAIN = """
from torch.optim import SGD
from torch.utils.data import default_collate
from mmengine.config import read_base
from mmengine.dataset import DefaultSampler, InfiniteSampler
from mmengine.optim import LinearLR, OptimWrapper
from mmengine.runner import IterBasedTrainLoop, ValLoop
from mmautoloss.testing.toy import ToyCrossEntropy, ToyDetector, ToyHead, ToyL1, ToyMetric, ToyScenes

with read_base():
    from .shared import *

model = dict(
    type=ToyDetector,
    head=dict(
        type=ToyHead,
        loss_cls=dict(type=ToyCrossEntropy, loss_weight=1.0),
        loss_box=dict(type=ToyL1, loss_weight=0.5),
    ),
)
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    sampler=dict(type=InfiniteSampler, shuffle=True),
    collate_fn=dict(type=default_collate),
    dataset=dict(type=ToyScenes, length=32, seed=1),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type=DefaultSampler, shuffle=False),
    collate_fn=dict(type=default_collate),
    dataset=dict(type=ToyScenes, length=16, seed=2),
)
val_evaluator = dict(type=ToyMetric)
train_cfg = dict(type=IterBasedTrainLoop, max_iters=20, val_interval=20)
val_cfg = dict(type=ValLoop)
optim_wrapper = dict(type=OptimWrapper, optimizer=dict(type=SGD, lr=0.1, momentum=0.9))
param_scheduler = [dict(type=LinearLR, start_factor=0.5, by_epoch=False, begin=0, end=5)]
"""

SEARCHING = """
from mmengine.config import read_base
from mmengine.runner import IterBasedTrainLoop
from mmautoloss.engine import SearchLoop
from mmautoloss.strategy import RegularizedEvolution

with read_base():
    from .toy import *

train_cfg = dict(
    {settings},
    type=SearchLoop,
    base_config='toy.py',
    proxy=dict(schedule=dict(type=IterBasedTrainLoop, max_iters=8)),
    strategy=dict(type=RegularizedEvolution, initial=1, fresh_rate=0.0, vary='one'),
)
"""


def write_new(folder: Path, changes: dict[str, Any] | None = None) -> Path:
    """The toy's configs in the new style; returns that of the search."""
    folder.mkdir(parents=True, exist_ok=True)
    shared = {key: BASE[key] for key in ('default_hooks', 'log_level')}
    (folder / 'shared.py').write_text('\n'.join(f'{key} = {value!r}' for key, value in shared.items()) + '\n')
    (folder / 'toy.py').write_text(PLAIN)
    settings = {key: value for key, value in SEARCH.items() if key not in ('type', 'proxy', 'strategy')}
    (folder / 'toy_search.py').write_text(SEARCHING.format(settings={**settings, **(changes or {})}))
    return folder / 'toy_search.py'


class Pair:
    """The same search in both styles."""

    def __init__(self, folder: Path) -> None:
        self.folders = {'classic': folder / 'classic', 'new': folder / 'new'}
        write_toy(self.folders['classic'])
        write_new(self.folders['new'])
        for each in self.folders.values():
            run_toy(load_search_config(str(each / 'toy_search.py'), str(each / 'work')))

    def events(self, style: str) -> list[dict[str, Any]]:
        """The journal without what differs from run to run, the versions and sessions."""
        varying = ('time', 'crc', 'elapsed', 'seconds', 'stages', 'worker', 'info', 'id')
        events = read_events(self.folders[style] / 'work' / 'journal.jsonl')
        kept = [{key: value for key, value in event.items() if key not in varying} for event in events]
        return [event for event in kept if event['event'] in ('search', 'proposed', 'settled')]


@pytest.fixture(scope='module')
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return Pair(tmp_path_factory.mktemp('styles'))


def test_search_gives_the_same_journal(pair: Pair) -> None:
    classic, new = pair.events('classic'), pair.events('new')
    assert [event['event'] for event in new].count('settled') == 14
    assert new == classic, 'also its header, so that either style continues a search of the other'


def test_what_is_written_is_read_again(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    work = pair.folders['new'] / 'work'
    for name in ('best_config.py', 'search_config.py'):
        assert 'from mmautoloss.testing.toy import Toy' in (work / name).read_text()
    base, best = (
        plain_config(Config.fromfile(path)) for path in (pair.folders['new'] / 'toy.py', work / 'best_config.py')
    )
    assert differences(base, best) == ['model.head.loss_box', 'model.head.loss_cls']
    assert best['model']['type'] is toy.ToyDetector
    assert main(['replay', str(work)]) == 0
    assert 'all are equal to the journal' in capsys.readouterr().out


def test_result_trains_in_a_plain_runner(pair: Pair, tmp_path: Path) -> None:
    metrics = []
    for style, folder in pair.folders.items():
        cfg = Config.fromfile(folder / 'work' / 'best_config.py')
        cfg.work_dir, cfg.experiment_name, cfg.randomness = str(tmp_path / style), f'best-{style}', {'seed': 0}
        runner = Runner.from_cfg(cfg)
        runner.train()
        assert isinstance(runner.model.head.loss_cls, SearchedLoss)
        metrics.append(runner.val_loop.run())
    assert metrics[0] == metrics[1]


def test_evaluate_and_apply(pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new, classic = (str(pair.folders[style] / 'toy.py') for style in ('new', 'classic'))
    losses = {'head_cls': 'focal_softmax'}
    expected = evaluate(classic, losses, 1)
    for config in (new, Config.fromfile(new), plain_config(Config.fromfile(new))):
        result = evaluate(config, losses, 1)
        assert (result.metrics, result.losses) == (expected.metrics, expected.losses)
    assert main(['apply', new, 'head_cls=focal_softmax', '-o', str(tmp_path / 'out.py')]) == 0
    applied = evaluate(tmp_path / 'out.py', seed=1)
    assert applied.metrics == expected.metrics and applied.losses == expected.losses
    assert main(['branches', new]) == 0
    assert 'ToyCrossEntropy' in capsys.readouterr().out


def test_search_on_a_worker_process(tmp_path: Path) -> None:
    changes = {
        'execute': {'isolate': True, 'threads': 1},
        'budget': {'max_trials': 1, 'finalists': 1, 'confirm_seeds': 0},
    }
    history = run_toy(load_search_config(str(write_new(tmp_path, changes)), str(tmp_path / 'work')))
    assert history.of_role(Role.SEARCH) and all(trial.outcome.score is not None for trial in history)


def test_comparison_trains_as_the_base_says(pair: Pair, tmp_path: Path) -> None:
    values = []
    for style, folder in pair.folders.items():
        results = tmp_path / f'{style}.csv'
        cfg = load_search_config(str(folder / 'toy_search.py'), str(folder / 'work'), results=str(results))
        threads = torch.get_num_threads()
        compare(spec_of(cfg), [], [], [100], 'val')
        torch.set_num_threads(threads)
        values.append([row.value for row in read_results(results)])
    assert values[0] == values[1] and len(values[0]) == 1


def test_classes_of_this_package_stand_in_a_config(tmp_path: Path) -> None:
    write_new(tmp_path)
    text = PLAIN.replace('import ToyCrossEntropy, ', 'import ').replace(
        'dict(type=ToyCrossEntropy, loss_weight=1.0)',
        "dict(type=SearchedLoss, expression='-y * log(p)', inputs='softmax')",
    )
    (tmp_path / 'toy.py').write_text('from mmautoloss.losses import SearchedLoss\n' + text)
    assert evaluate(tmp_path / 'toy.py').losses == {'head_cls': '-y * log(p)', 'head_box': 'ToyL1'}


def test_names_that_clash_are_imported_under_others() -> None:
    other = type('ToyScenes', (), {'__module__': 'elsewhere'})
    settings = {'a': toy.ToyScenes, 'b': [other, toy.ToyScenes], 'ToyScenes_2': torch.float32, 'text': '<x>'}
    imports = Imports(settings)
    assert imports.fill(f'settings = {imports.mark(settings)!r}').splitlines() == [
        'from elsewhere import ToyScenes as ToyScenes_3',
        'from mmautoloss.testing.toy import ToyScenes',
        'from torch import float32',
        '',
        "settings = {'a': ToyScenes, 'b': [ToyScenes_3, ToyScenes], 'ToyScenes_2': float32, 'text': '<x>'}",
    ]


def test_what_has_no_name_cannot_be_written(tmp_path: Path) -> None:
    cfg = Config({'model': {'type': toy.ToyDetector, 'fill': object()}})
    with pytest.raises(SetupError, match='which cannot be written to a file'):
        write_config(cfg, tmp_path / 'a.py')
    assert not (tmp_path / 'a.py').exists()


def test_classic_settings_are_as_they_were() -> None:
    cfg = Config({'a': {'type': 'mmdet.ResNet', 'b': [1, ({'c': None},)]}, 'd': 'x'})
    assert plain_config(cfg) == cfg.to_dict() == spelled(plain_config(cfg))
    assert repr(spelled(plain_config(cfg))) == repr(cfg.to_dict()), 'or the digests of older journals would change'
    assert [type_name(kind) for kind in ('mmdet.ResNet', 'SGD', torch.optim.SGD, None)] == ['ResNet', 'SGD', 'SGD', '']


def test_missing_library_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_new(tmp_path)
    monkeypatch.setitem(sys.modules, 'mmautoloss.testing.toy', None)
    with pytest.raises(SetupError, match=r'toy\.py needs what is not installed'):
        evaluate(tmp_path / 'toy.py')


def test_shipped_example_is_the_classic_one() -> None:
    pytest.importorskip('mmdet')
    pytest.importorskip('mmcv.ops')
    folder = ROOT / 'configs' / 'digits'
    plain = {}
    for name in ('faster_rcnn', 'faster_rcnn_lazy', 'faster_rcnn_short_search', 'faster_rcnn_lazy_search'):
        settings = spelled(plain_config(Config.fromfile(folder / f'{name}.py')))
        for key in ('custom_imports', 'assigner', 'sampler', 'search'):
            settings.pop(key, None)
        settings['model']['backbone']['norm_cfg']['type'] = 'BN'
        settings['train_cfg'].pop('base_config', None)
        settings['train_cfg']['type'] = type_name(settings['train_cfg']['type'])
        plain[name] = json.dumps(settings, sort_keys=True)
    assert plain['faster_rcnn_lazy'] == plain['faster_rcnn']
    assert plain['faster_rcnn_lazy_search'] == plain['faster_rcnn_short_search']


def test_custom_imports_are_imported(tmp_path: Path) -> None:
    """MMEngine does so in the classic style only; operators of users have no class that a config could name."""
    write_new(tmp_path)
    with (tmp_path / 'toy.py').open('a') as file:
        file.write("custom_imports = dict(imports=['this_is_not_there'], allow_failed_imports=False)\n")
    with pytest.raises(SetupError, match='this_is_not_there'):
        load_base(str(tmp_path / 'toy.py'), {})
