"""Wrong inputs of the first hour: one sentence each, with what may be meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mmautoloss.__main__ import main
from mmautoloss.testing.toy_searches import write_toy

WRONG = {
    'metric': (['--cfg-options', 'train_cfg.metric=toy/scroe'], 'toy/score (did you mean toy/score?).'),
    'seed': (['--seed', '-1'], 'seed must not be negative, but got -1.'),
    'setting': (['--cfg-options', 'train_cfg.buget.max_trials=3'], '(did you mean budget?).'),
    'type of a setting': (
        ['--cfg-options', 'train_cfg.screen.eta=high'],
        "error: screen.eta must be a number, but got 'high'.",
    ),
    'section of a section': (
        ['--cfg-options', "train_cfg.budget.funnel=['a','b']"],
        "error: budget.funnel must be a dict with stages, rivals, but got ['a', 'b'].",
    ),
    'strategy': (
        ['--cfg-options', 'train_cfg.strategy.dept=3'],
        'strategy RegularizedEvolution has no setting dept; there are initial',
    ),
    'length': (
        ['--cfg-options', 'train_cfg.proxy.schedule.max_iters=0'],
        'proxy.schedule.max_iters must be at least 1, but got 0.',
    ),
    'list': (
        ['--cfg-options', 'custom_hooks.type=Foo'],
        '--cfg-options custom_hooks.type: no such place in the config',
    ),
    'imports': (
        ['--cfg-options', 'custom_imports=abc'],
        "custom_imports must be such as dict(imports=['my_package.my_module'])",
    ),
    'module': (['--cfg-options', 'custom_imports.imports=nosuchmodule'], 'custom_imports: ImportError: '),
    'learning rate': (
        ['--cfg-options', 'optim_wrapper.optimizer.lr=fast'],
        'optim_wrapper cannot be built: TypeError: ',
    ),
    'optimizer': (
        ['--cfg-options', 'optim_wrapper.optimizer.type=SDG'],
        'Correct it (did you mean SGD?), or name its module',
    ),
    'seeds': (['--cfg-options', "train_cfg.seeds=['diec']"], 'there are: p, y, t) in the expression'),
    'budget': (['--max-trials', '-3'], 'max_trials must not be negative, but got -3.'),
    'config': (['--cfg-options', 'train_cfg.base_config=nope.py'], 'nope.py does not exist.'),
}


@pytest.mark.parametrize('name', WRONG)
def test_wrong_input_is_one_sentence_and_status_2(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, text = WRONG[name]
    lists: dict[str, Any] = {'custom_hooks': [{'type': 'EMAHook'}]}
    config = write_toy(tmp_path, {'budget.max_trials': 1}, lists)
    assert main(['search', str(config), '--work-dir', str(tmp_path / 'work'), *arguments]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith('mmautoloss search: error: ') and text in said, said


def test_no_trials_are_what_was_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changes = {'budget.max_trials': 0, 'budget.baseline_repeats': 0, 'seeds': (), 'report': False}
    assert main(['search', str(write_toy(tmp_path, changes)), '--work-dir', str(tmp_path / 'work')]) == 0
    text = capsys.readouterr().out
    assert 'budget.max_trials=0 trains the hand-made and known losses alone' in text
    assert 'could be' not in text and '--resume --max-trials 100 searches' in text
