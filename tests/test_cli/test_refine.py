"""``mmautoloss refine``: searches of the toy that tune numbers of given losses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip('mmengine')

from mmengine.config import Config

from mmautoloss.__main__ import main
from mmautoloss.expr import Template, parse
from mmautoloss.testing.toy_searches import write_toy
from mmautoloss.trial import Role, read_history

LOSSES = ['cls=ce + 0.5 * mse', 'box={a=2, 0..9} * abs(p - y) + (p - y) ** 2']
LONG = ' + '.join(['q'] * 99)
FIRST = {'cls': '-y * log(p) + 0.5 * (p - y) ** 2', 'box': '2 * abs(p - y) + (p - y) ** 2'}


@pytest.fixture(scope='module')
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('refine')
    return write_toy(folder, {'budget.finalists': 1, 'strategy.number_rate': 0.2})


@pytest.fixture(scope='module')
def refined(config: Path) -> Path:
    """The work dir of a search of the numbers of ``LOSSES``."""
    work_dir = config.parent / 'first'
    command = ['refine', *LOSSES, '--config', str(config), '--trials', '4', '--work-dir', str(work_dir), '--seed', '5']
    assert main(command) == 0
    return work_dir


def test_the_loss_is_trained_first_and_then_with_other_numbers(refined: Path) -> None:
    header, history = read_history(refined / 'journal.jsonl')
    (known,) = history.of_role(Role.KNOWN)
    assert known.genome.to_text() == FIRST and known.number < min(t.number for t in history.of_role(Role.SEARCH))
    assert history.n_proxies() == 4 and header['seed'] == 5
    family = header['strategy']['family']
    numbers = set()
    for trial in history.of_role(Role.SEARCH):
        (first,) = Template.of(parse(FIRST['cls'])).read(trial.genome['cls'])
        (second,) = Template.parse(family['box']).read(trial.genome['box'])
        assert 0 <= second <= 9
        numbers.add((first, second))
    assert len(numbers) == len(history.of_role(Role.SEARCH)) >= 3


def test_proposals_are_replayed(refined: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['replay', str(refined)]) == 0
    assert 'all are equal' in capsys.readouterr().out


def test_found_losses_are_refined_with_the_config_of_their_search(
    refined: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(['refine', f'{refined}/', '--trials', '2']) == 0
    best = json.loads((refined / 'best_losses.json').read_text())
    again = refined.with_name('first_refined')
    (known,) = read_history(again / 'journal.jsonl')[1].of_role(Role.KNOWN)
    assert known.genome.to_text() == {loss['name']: loss['expression'] for loss in best}
    lines = capsys.readouterr().out.split('to paste where the fresh seeds above call it better:')[1]
    (tmp_path / 'lines.py').write_text(lines)
    model = Config.fromfile(tmp_path / 'lines.py').model
    tuned = json.loads((again / 'best_losses.json').read_text())
    assert {model.head.loss_cls.expression, model.head.loss_box.expression} == {each['expression'] for each in tuned}


def test_it_goes_on_with_resume(config: Path, refined: Path) -> None:
    before = len(read_history(refined / 'journal.jsonl')[1].of_role(Role.SEARCH))
    command = ['refine', *LOSSES, '--config', str(config), '--work-dir', str(refined), '--seed', '5']
    assert main([*command, '--trials', '5']) == 2, 'a finished search is not overwritten'
    assert main([*command, '--trials', '5', '--resume']) == 0
    assert len(read_history(refined / 'journal.jsonl')[1].of_role(Role.SEARCH)) > before


@pytest.mark.parametrize(
    ('words', 'error'),
    [
        pytest.param(['ce'], 'Name the search on which', id='no config'),
        pytest.param(['cls=ce', 'box=l1', '--config', '{}'], 'no number to tune in cls', id='no number'),
        pytest.param(['cls=gce', '--config', '{}'], 'one for each branch', id='a branch is missing'),
        pytest.param(['gce', '--config', '{}'], "branch 'box': The known losses for", id='of another kind'),
        pytest.param(['cls=gce', 'box=l1', '--config', '{}', '--trial', '3'], '--trial chooses from', id='trial'),
        pytest.param([LONG, '--config', '{}'], "strategy.family, branch 'cls'", id='longer than a name of a file'),
        pytest.param(['cls=gce', 'box=l1', '--config', '{}', '--sigma', '0'], 'sigma must be positive', id='sigma'),
    ],
)
def test_errors(words: list[str], error: str, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['refine', *(word.format(config) for word in words)]) == 2
    assert error in capsys.readouterr().err
