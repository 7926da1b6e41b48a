"""The examples of extensions run a search of the toy, and what they register keeps the contracts."""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.config import Config

from mmautoloss.branches import Branch
from mmautoloss.engine.config.losses import with_custom_modules
from mmautoloss.errors import JournalError
from mmautoloss.execute import ExecuteSettings, Executor
from mmautoloss.expr import Genome
from mmautoloss.proxy import ProxySettings
from mmautoloss.strategy import Strategy, build_strategy
from mmautoloss.testing.executor_suite import ExecutorSuite
from mmautoloss.testing.forked import ForkedProgram, run_forked
from mmautoloss.testing.strategy_suite import StrategySuite
from mmautoloss.testing.toy_searches import run_toy, toy_config
from mmautoloss.trial import History, Role, State
from tests.isolation import ROOT


def search(folder: Path, example: str, changes: Mapping[str, Any]) -> History:
    """A toy search whose config imports an example."""
    imports = {'imports': ['mmautoloss.testing.toy', f'examples.{example}'], 'allow_failed_imports': False}
    return run_toy(toy_config(folder, changes, {'custom_imports': imports}))


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command in a process that knows nothing of the examples."""
    return run_forked(['-m', 'mmautoloss', *arguments], ROOT, os.environ)


@pytest.mark.parametrize('path', sorted((ROOT / 'examples').glob('*.py')), ids=lambda path: path.name)
def test_examples_are_short_and_say_what_they_are(path: Path) -> None:
    text = path.read_text(encoding='utf-8')
    assert len(text.splitlines()) < 75
    assert text.startswith('"""')


def test_a_search_draws_an_own_operator_and_goes_on_and_replays(tmp_path: Path) -> None:
    seeds = [{'cls': 'y * softplus(-log(p))', 'box': 'l1'}]
    changes = {'seeds': seeds, 'budget.max_trials': 1, 'budget.finalists': 1}
    history = search(tmp_path, 'primitive', changes)
    known = history.of_role(Role.KNOWN)[0]
    assert known.state is State.COMPLETE and 'softplus' in known.genome['cls'].nodes
    header = json.loads((tmp_path / 'work/journal.jsonl').read_text().splitlines()[0])
    assert header['primitives']['softplus']['drawn'] is True
    grown = search(tmp_path, 'primitive', {**changes, 'budget.max_trials': 2, 'resume': True})
    assert [trial.genome for trial in grown][: len(history)] == [trial.genome for trial in history]
    done = command('replay', str(tmp_path / 'work'))
    assert done.returncode == 0 and 'all are equal' in done.stdout, done.stdout + done.stderr


def test_found_losses_with_an_own_operator_take_its_module_along() -> None:
    importlib.import_module('examples.primitive')
    named = {'custom_imports': {'imports': ['examples.primitive'], 'allow_failed_imports': False}}
    branches = (Branch('cls', 'head.loss_cls', 'softmax'),)

    def imported(text: str, **given: Any) -> list[str] | None:
        cfg = with_custom_modules(Config(given), named, branches, Genome.from_text({'cls': text}))
        return cfg.get('custom_imports', {}).get('imports')

    assert imported('y * log(p)') is None
    assert imported('y * softplus(p)') == ['examples.primitive']
    assert imported('y * softplus(p)', custom_imports={'imports': 'mine'}) == ['mine', 'examples.primitive']


def test_a_journal_with_an_own_operator_is_read_without_its_module(tmp_path: Path) -> None:
    seeds = [{'cls': 'y * softplus(-log(p))', 'box': 'l1'}]
    search(tmp_path, 'primitive', {'seeds': seeds, 'budget.max_trials': 1, 'budget.finalist_repeats': 0})
    code = (
        'from mmautoloss.trial import read_history; from mmautoloss.expr import to_latex; import torch\n'
        'from mmautoloss.losses import SearchedLoss\n'
        f'tree = read_history({str(tmp_path / "work/journal.jsonl")!r})[1].of_role("known")[0].genome["cls"]\n'
        'print(to_latex(tree)); SearchedLoss(tree)(torch.zeros(1, 2), torch.zeros(1).long())'
    )
    (tmp_path / 'later.py').write_text(code)
    done = run_forked([str(tmp_path / 'later.py')], ROOT, os.environ)
    assert r'\operatorname{softplus}\left(-\log' in done.stdout
    assert "ExpressionError: The operator 'softplus' is of a user: import the module" in done.stderr


def test_a_search_with_an_own_operator_is_not_continued_without_it(tmp_path: Path) -> None:
    search(tmp_path, 'primitive', {'seeds': [], 'strategy.initial': 1, 'budget.max_trials': 0})
    code = (
        'from mmautoloss.testing.toy_searches import toy_config, run_toy; from pathlib import Path\n'
        f'run_toy(toy_config(Path({str(tmp_path)!r}), '
        "{'seeds': [], 'strategy.initial': 1, 'budget.max_trials': 1, 'resume': True}))"
    )
    (tmp_path / 'later.py').write_text(code)
    done = run_forked([str(tmp_path / 'later.py')], ROOT, os.environ)
    assert JournalError.__name__ in done.stderr and 'primitives was' in done.stderr


@pytest.mark.parametrize('engine', ['fast', 'plain'])
def test_a_search_reads_an_own_kind_of_input(tmp_path: Path, engine: str) -> None:
    changes = {'branches.cls.inputs': 'margin', 'seeds': [{'cls': 'abs(1 - y * p) + 1 - y * p', 'box': 'l1'}]}
    history = search(tmp_path, 'input_kind', {**changes, 'screen.engine': engine, 'budget.max_trials': 2})
    assert history.of_role(Role.KNOWN)[0].state is State.COMPLETE
    assert any(trial.state is State.COMPLETE for trial in history.of_role(Role.SEARCH))
    cfg = Config.fromfile(tmp_path / 'work/best_config.py')
    assert cfg.model.head.loss_cls.inputs == 'margin' and 'examples.input_kind' in cfg.custom_imports.imports


def test_the_margins_are_those_of_the_hinge_loss() -> None:
    importlib.import_module('examples.input_kind')
    from mmautoloss.losses import SearchedLoss, plain_loss

    pred = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    target = torch.tensor([0, 3, 1, 2, 4, 0])  # 4 is no class
    sign = torch.full((5, 4), -1.0)
    sign[range(5), [0, 3, 1, 2, 0]] = 1
    rows = pred[[0, 1, 2, 3, 5]]
    hinge = 2 * (1 - sign * rows).clamp(min=0).sum() / 5
    loss = SearchedLoss('abs(1 - y * p) + 1 - y * p', inputs='margin')
    assert torch.allclose(loss(pred, target, avg_factor=5), hinge)
    grads = [torch.autograd.grad(value, pred)[0] for value in (hinge, loss(pred, target, avg_factor=5))]
    plain = plain_loss(loss.graph.tree, 'margin')(pred, target, avg_factor=5)
    grads.append(torch.autograd.grad(plain, pred)[0])
    assert torch.allclose(grads[0], grads[1]) and torch.allclose(grads[0], grads[2])


def test_a_search_breeds_by_an_own_strategy(tmp_path: Path) -> None:
    history = search(tmp_path, 'strategy', {'strategy': {'type': 'HillClimbing', 'fresh': 0.0}})
    bred = history.of_role(Role.SEARCH)
    assert bred and all(trial.parent is not None for trial in bred)
    for trial in bred:
        best = max(history[k].score for k in range(trial.number) if history[k].role in (Role.KNOWN, Role.SEARCH))
        assert history[trial.parent].score == best


@pytest.mark.slow
def test_a_search_trains_by_an_own_executor(tmp_path: Path) -> None:
    execute = {'executor': 'command', 'options': {'command': ['nice', '-n', '1']}, 'workers': 1, 'threads': 1}
    history = search(tmp_path, 'executor', {'execute': execute, 'budget.max_trials': 2})
    assert {trial.outcome.worker for trial in history.settled() if trial.outcome.worker} == {'command-0'}
    local = search(tmp_path / 'local', 'executor', {'budget.max_trials': 2})
    assert history[0].score == local[0].score


class TestHillClimbing(StrategySuite):
    def build(self, inputs: Mapping[str, tuple[str, ...]]) -> Strategy:
        importlib.import_module('examples.strategy')
        return build_strategy({'type': 'HillClimbing'}, inputs)


class ForkedCommand(ForkedProgram):
    """What the example asks of ``subprocess.Popen``, without the imports of a new process."""

    def __init__(self, command: list[str], stdin: socket.socket, env: Mapping[str, str]) -> None:
        super().__init__(command[-1:], ROOT, env, Path(os.devnull), stdin=stdin)
        stdin.close()

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, seconds: float = 60) -> int:
        return super().wait(seconds)


@pytest.mark.slow
class TestCommandExecutor(ExecutorSuite):
    """A real command is that of ``test_a_search_trains_by_an_own_executor``."""

    @pytest.fixture(scope='class', autouse=True)
    @classmethod
    def forked(cls) -> Iterator[None]:
        module = importlib.import_module('examples.executor')
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, 'subprocess', SimpleNamespace(Popen=ForkedCommand))
            yield

    def build(self, settings: ProxySettings, slots: int) -> Executor:
        return ExecuteSettings(executor='command', workers=slots, threads=1).build(settings)


def test_commands_import_the_module_of_a_kind_or_operator(tmp_path: Path) -> None:
    changes = {'branches.cls.inputs': 'margin', 'seeds': [{'cls': 'abs(1 - y * p) + 1 - y * p', 'box': 'l1'}]}
    search(tmp_path, 'input_kind', {**changes, 'budget.max_trials': 2})
    export = ['export', str(tmp_path / 'work'), '--format', 'json']
    without = command(*export)
    assert without.returncode == 2 and '--import MODULE' in without.stderr
    done = command('--import', 'examples.input_kind', *export)
    assert done.returncode == 0 and '"margin"' in done.stdout, done.stderr
    page = command('--import', 'examples.input_kind', 'report', str(tmp_path / 'work'))
    assert page.returncode == 0 and (tmp_path / 'work/report.html').is_file(), page.stderr
    lost = command('--import', 'examples.none', *export)
    assert lost.returncode == 2 and 'examples.none' in lost.stderr


def test_code_cannot_be_written_for_an_own_operator() -> None:
    importlib.import_module('examples.primitive')
    export = ['--import', 'examples.primitive', 'export', 'y * softplus(-log(p))', '--inputs', 'softmax', '--format']
    for form in ('python', 'torch', 'sympy'):
        done = command(*export, form)
        assert done.returncode == 2 and "'softplus' is of a user" in done.stderr, done.stdout + done.stderr
    done = command(*export, 'latex')
    assert done.returncode == 0 and 'softplus' in done.stdout, done.stderr
