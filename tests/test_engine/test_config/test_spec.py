"""Settings of a search that cannot work: one error, with expectation, value and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from mmautoloss.engine import load_search_config, spec_of
from mmautoloss.errors import SetupError
from mmautoloss.strategy import RegularizedEvolution
from mmautoloss.testing.toy_searches import toy_config, write_toy

EPOCHS = {'type': 'EpochBasedTrainLoop', 'max_epochs': 2}
WRONG = [
    pytest.param({'rule': 'bigger'}, "rule must be one of greater, less, but got 'bigger'", id='rule'),
    pytest.param(
        {'strategy': {'type': 'Annealing'}},
        "one of RegularizedEvolution, RandomSearch, CMAES, Reinforce, but got 'Annealing'",
        id='strategy',
    ),
    pytest.param({'strategy.speed': 3}, 'strategy RegularizedEvolution has no setting speed', id='option'),
    pytest.param({'budget.trials': 3}, 'budget has no setting trials; there are max_trials', id='budget key'),
    pytest.param({'budget.max_trials': -1}, 'max_trials must not be negative', id='budget value'),
    pytest.param(
        {'budget.max_trials': '3'}, "budget.max_trials must be a whole number, but got '3'", id='budget type'
    ),
    pytest.param({'screen.bar': 0.5}, 'screen has no setting bar; there are eta', id='screen key'),
    pytest.param({'screen.samples': 0}, 'at least 1, .* but got 0, 48 and 2', id='samples'),
    pytest.param({'screen.digits': -1}, 'or more, but got 2, 48 and -1', id='digits'),
    pytest.param({'screen.balance': 'norm'}, "gradient, none, but got 'norm'", id='balance'),
    pytest.param(
        {'screen.engine': 'gpu'},
        "engine must be one of fast, plain, untested, static, none, but got 'gpu'",
        id='engine',
    ),
    pytest.param({'screen.optimizer': 'lbfgs'}, "normalized, sgd, adam, but got 'lbfgs'", id='optimizer'),
    pytest.param({'execute.gpus': 3}, 'execute has no setting gpus; there are .*workers', id='execute'),
    pytest.param(
        {'execute.cache': 'lots'},
        r"execute.cache must be a number of bytes or a text such as '2 GiB' \(.*TiB\), but got 'lots'",
        id='cache',
    ),
    pytest.param({'execute.cache': '2 GX'}, "execute.cache must be .*, but got '2 GX'", id='unit of cache'),
    pytest.param(
        {'execute.cache': -1}, 'execute.cache must be a number of bytes .*, but got -1', id='cache below zero'
    ),
    pytest.param({'proxy.rung': {'keep': 0}}, 'rung.keep must be a share between 0 and 1, but got 0', id='rung'),
    pytest.param({'proxy.rung': {'bar': 0}}, 'proxy.rung has no setting bar; there are at, keep', id='rung key'),
    pytest.param({'proxy.rung': {'at': '1'}}, "proxy.rung has a value of a wrong type.*'at': '1'", id='rung type'),
    pytest.param({'proxy.rung': {'at': 8}}, 'rung.at must be before the end, but got 8 of 8', id='rung at the end'),
    pytest.param(
        {'proxy': {'schedule': EPOCHS, 'rung': {'at': 500}}},
        'a number of iterations only where proxy.schedule has max_iters, but got 500. Give a share',
        id='rung in epochs',
    ),
    pytest.param({'proxy': {}}, 'proxy needs a schedule, such as', id='schedule'),
    pytest.param({'base_config': '/no/such.py'}, '/no/such.py does not exist', id='base'),
    pytest.param({'branches': {}}, "branches must be 'all', a list", id='no branch'),
    pytest.param(
        {'branches.cls.path': 'head.lss_cls'},
        r"The branch 'cls' has no loss at 'head.lss_cls'. Losses of this model: head.loss_cls, head.loss_box",
        id='path',
    ),
    pytest.param({'branches.cls.inputs': 'logits'}, "one of softmax.*'logits'", id='inputs'),
    pytest.param({'branches.cls.kind': 'x'}, 'needs the keys path and inputs', id='branch key'),
    pytest.param({'seeds': [{'cls': 'ce', 'box': 'giou'}]}, 'known losses for inputs "delta" are l1', id='known name'),
    pytest.param({'seeds': [{'cls': 'ce', 'box': 'l11'}]}, "seeds, branch 'box'.*l11", id='known typo'),
    pytest.param({'seeds': [{'cls': 'ce'}]}, r'must name each branch \(cls, box\)', id='known branch'),
    pytest.param({'seeds': [{'cls': 'ce', 'box': 'abs(p -'}]}, "seeds, branch 'box'", id='syntax'),
    pytest.param({'tempo': 3}, 'train_cfg has no setting tempo', id='unknown setting'),
]


@pytest.mark.parametrize(('changes', 'error'), WRONG)
def test_wrong_setting(tmp_path: Path, changes: dict, error: str) -> None:
    with pytest.raises(SetupError, match=error):
        spec_of(toy_config(tmp_path, changes))
    assert not (tmp_path / 'work').exists(), 'nothing is written before the settings are read'


@pytest.mark.parametrize('key', ['metric', 'branches', 'proxy', 'base_config'])
def test_missing_setting(tmp_path: Path, key: str) -> None:
    cfg = toy_config(tmp_path)
    del cfg.train_cfg[key]
    with pytest.raises(SetupError, match=f'needs {key}'):
        spec_of(cfg)


@pytest.mark.parametrize('key', ['val_dataloader', 'val_evaluator'])
def test_nothing_to_score_with(tmp_path: Path, key: str) -> None:
    with pytest.raises(SetupError, match='needs val_dataloader, val_cfg and val_evaluator'):
        spec_of(toy_config(tmp_path, base={key: None}))


def test_settings_reach_the_spec(tmp_path: Path) -> None:
    changes = {'rule': 'less', 'screen.balance': 'none', 'seed': 7, 'budget.max_seconds': 9.5}
    spec = spec_of(toy_config(tmp_path, changes))
    assert isinstance(spec.strategy, RegularizedEvolution) and spec.strategy.vary == 'one'
    assert (spec.proxy.greater, spec.screen.balance, spec.screen.samples, spec.execute.workers) == (
        False,
        'none',
        2,
        1,
    )
    assert (spec.search.seed, spec.search.budget.max_seconds) == (7, 9.5)
    assert [str(tree) for tree in spec.search.known[0].values()] == ['-y * log(p)', 'abs(p - y)']
    assert spec.base.model.head.loss_cls.type == 'ToyCrossEntropy'


def test_rung_reaches_workers_and_planner(tmp_path: Path) -> None:
    spec = spec_of(toy_config(tmp_path, {'proxy.rung': {'at': 3, 'keep': 0.75}}))
    assert spec.proxy.rung == 3 and (spec.search.rung.keep, spec.search.rung.watch) == (0.75, False)
    plain = spec_of(toy_config(tmp_path))
    assert (plain.proxy.rung, plain.search.rung) == (None, None)
    assert plain.header != spec.header and 'rung' not in plain.header['proxy']


def test_share_of_epochs_can_be_a_rung(tmp_path: Path) -> None:
    assert spec_of(toy_config(tmp_path, {'proxy': {'schedule': EPOCHS, 'rung': {'at': 0.5}}})).proxy.rung == 0.5


def test_memory_for_samples_is_shared_by_the_workers(tmp_path: Path) -> None:
    assert spec_of(toy_config(tmp_path, {'execute.cache': '3 MiB', 'execute.workers': 3})).proxy.cache == 2**20
    assert spec_of(toy_config(tmp_path)).proxy.cache == 2**30
    assert spec_of(toy_config(tmp_path, {'execute.cache': '1 TiB'})).proxy.cache == 2**40
    shared = {'execute': {'workers': 2, 'gpus_per_candidate': 2, 'cache': 8000}}
    assert spec_of(toy_config(tmp_path, shared)).proxy.cache == 2000


@pytest.mark.parametrize(
    ('changes', 'base', 'same'),
    [
        pytest.param({'execute.cache': 0}, {}, True, id='cache'),
        pytest.param({'budget.max_trials': 99, 'execute.workers': 4}, {}, True, id='budget'),
        pytest.param({'screen.eta': 0.4}, {}, False, id='screen'),
        pytest.param({'screen.engine': 'fast'}, {}, True, id='engine by default'),
        pytest.param({'screen.engine': 'plain'}, {}, False, id='engine'),
        pytest.param({'seed': 1}, {}, False, id='seed'),
        pytest.param({}, {'optim_wrapper.optimizer.lr': 0.2}, False, id='optimiser'),
        pytest.param({}, {'model.head.loss_box.loss_weight': 2.0}, False, id='model'),
    ],
)
def test_header_tells_one_search_from_another(tmp_path: Path, changes: dict, base: dict, same: bool) -> None:
    first = spec_of(toy_config(tmp_path / 'a')).header
    assert (spec_of(toy_config(tmp_path / 'b', changes, base)).header == first) == same


def test_journals_from_before_there_were_engines_go_on_with_the_plain_one(tmp_path: Path) -> None:
    spec = spec_of(toy_config(tmp_path, {'screen.engine': 'plain'}))
    assert 'engine' not in spec.header['screen']
    assert spec_of(toy_config(tmp_path / 'b')).header['screen']['engine'] == 'fast'


def test_search_config_from_the_command_line(tmp_path: Path) -> None:
    path = str(write_toy(tmp_path))
    cfg = load_search_config(path, 'out', {'optim_wrapper.optimizer.lr': 0.3}, budget__max_trials=9, seed=None)
    assert (cfg.work_dir, cfg.train_cfg.budget.max_trials, cfg.train_cfg.seed) == ('out', 9, 0)
    assert spec_of(cfg).base.optim_wrapper.optimizer.lr == 0.3, 'options hold for the base too'


@pytest.mark.parametrize(
    ('name', 'error'),
    [('nothing.py', 'There is no config'), ('toy.py', 'is no search config: its train_cfg needs')],
)
def test_no_search_config(tmp_path: Path, name: str, error: str) -> None:
    write_toy(tmp_path)
    with pytest.raises(SetupError, match=error):
        load_search_config(str(tmp_path / name))


def test_base_config_stays_as_it_was(tmp_path: Path) -> None:
    spec_of(toy_config(tmp_path))
    base = Config.fromfile(tmp_path / 'toy.py')
    assert base.train_cfg.type == 'IterBasedTrainLoop'
    assert base.model.head.loss_box == {'type': 'ToyL1', 'loss_weight': 0.5}
