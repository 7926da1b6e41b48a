"""``mmautoloss export``: every format of a search that is over, as its reader takes it."""

from __future__ import annotations

import ast
import json
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip('mmengine')

from latex2mathml.converter import convert
from mmengine.config import Config
from mmengine.registry import MODELS

from mmautoloss.__main__ import main
from mmautoloss.cli.export import FORMATS
from mmautoloss.expr import Genome, parse
from mmautoloss.found import read_found, read_result
from mmautoloss.losses import INPUT_KINDS, SearchedLoss
from mmautoloss.trial import Outcome, Role, State, Trial
from mmautoloss.trial.journal import Journal
from tests.isolation import ROOT

BRANCHES = {
    'rpn_cls': {'path': 'rpn_head.loss_cls', 'inputs': 'sigmoid'},
    'roi cls': {'path': 'roi_head.bbox_head.loss_cls', 'inputs': 'softmax'},
    'roi_box': {'path': 'roi_head.bbox_head.loss_bbox', 'inputs': 'area'},
}
TEXTS = {
    'rpn_cls': '-(y * log(p) + (1 - y) * log(1 - p))',
    'roi cls': '1 * -y * log(p) + sqrt(mean_c(maxpool(p)))',
    'roi_box': '1 - i / u',
}
WEIGHTS = {'rpn_cls': 0.1 + 0.2, 'roi cls': 1.0, 'roi_box': 2.5}
FASTER_RCNN = ROOT / 'configs' / 'digits' / 'faster_rcnn.py'


@pytest.fixture(scope='module')
def work_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search for a metric of which less is better; trial 2 repeats trial 1, the best."""
    folder = tmp_path_factory.mktemp('export') / 'search'
    journal = Journal(folder / 'journal.jsonl', {'branches': BRANCHES, 'metric': 'NME', 'rule': 'less'}, {})
    plain = dict.fromkeys(TEXTS, 'p') | {'roi_box': 'i'}
    journal.propose(Trial(0, Role.BASELINE, 0))
    for number, (texts, role) in enumerate([(plain, Role.SEARCH), (TEXTS, Role.SEARCH), (TEXTS, Role.FINALIST)], 1):
        repeats = 2 if role is Role.FINALIST else None
        genome = Genome.from_text(texts)
        journal.propose(Trial(number, role, number, genome, WEIGHTS, repeats=repeats, fingerprint=f'f{number}'))
    for number, score in enumerate((-0.5, -0.4, -0.2, -0.3)):
        journal.settle(number, Outcome(State.COMPLETE, score, {}, 1.0, ''), 1.0)
    journal.close()
    return folder


def export(capsys: pytest.CaptureFixture[str], result: Path | str, *arguments: str) -> str:
    assert main(['export', str(result), *arguments]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize('name', FORMATS)
def test_every_format_says_where_the_losses_come_from(work_dir, capsys, name):
    text = export(capsys, work_dir, '--format', name)
    if name == 'json':
        assert {entry['origin']['trial'] for entry in json.loads(text)} == {2}
    else:
        assert 'as trial 2, seed 2' in text and '0.2000, 0.3000' in text and '0.5000' in text
    assert text.endswith('\n') and not text.endswith('\n\n')


def test_config_works_when_pasted_below_its_base(work_dir, capsys, tmp_path):
    text = export(capsys, work_dir, '--format', 'config')
    (tmp_path / 'new.py').write_text(f'_base_ = {str(FASTER_RCNN)!r}\n{text}')
    model = Config.fromfile(tmp_path / 'new.py').model
    head = model.roi_head.bbox_head
    assert head.reg_decoded_bbox is True
    places = {'rpn_cls': model.rpn_head.loss_cls, 'roi cls': head.loss_cls, 'roi_box': head.loss_bbox}
    for name, config in places.items():
        loss = MODELS.build(config)
        assert isinstance(loss, SearchedLoss)
        assert loss.expression == str(parse(TEXTS[name])) and loss.loss_weight == WEIGHTS[name]
        assert loss.kind.name == BRANCHES[name]['inputs']
    assert model.rpn_head.loss_cls.use_sigmoid is True  # the head sizes its output by it
    assert model.rpn_head.loss_bbox.type == 'L1Loss'  # as it was


def test_lines_of_a_config_are_literals_with_a_comment_each(work_dir, capsys):
    text = export(capsys, work_dir, '--format', 'config')
    for statement in ast.parse(text).body[:3]:
        config = {entry.arg: ast.literal_eval(entry.value) for entry in statement.value.keywords}
        assert isinstance(MODELS.build(config), SearchedLoss)
        place = text.splitlines()[: statement.lineno - 1][-2:]
        assert any(line.startswith('# model.') for line in place)
    assert text.count('reg_decoded_bbox=True') == 2  # said, and set


def test_a_long_expression_is_broken_in_a_config(capsys):
    expression = ' + '.join(f'{k} * abs(p - y)' for k in range(20))
    text = export(capsys, expression, '--inputs', 'delta', '--format', 'config')
    assert max(map(len, text.splitlines())) <= 119
    config = {entry.arg: ast.literal_eval(entry.value) for entry in ast.parse(text).body[0].value.keywords}
    assert config['expression'] == str(parse(expression))


def test_lazy_config(work_dir, capsys, tmp_path):
    (tmp_path / 'base.py').write_text(
        "from torch import nn\nloss = dict(type=nn.L1Loss, reduction='sum')\n"
        'model = dict(type=nn.Module, rpn_head=dict(loss_cls=loss), roi_head=dict(bbox_head=dict(loss_bbox=loss)))\n'
    )
    text = export(capsys, work_dir, '--format', 'config', '--lazy', '--branch', 'rpn_cls', 'roi_box')
    start = 'from mmengine.config import read_base\nwith read_base():\n    from .base import *\n'
    (tmp_path / 'new.py').write_text(start + text)
    model = Config.fromfile(tmp_path / 'new.py').model
    built = [MODELS.build(loss) for loss in (model.rpn_head.loss_cls, model.roi_head.bbox_head.loss_bbox)]
    assert [loss.expression for loss in built] == [TEXTS['rpn_cls'], TEXTS['roi_box']]
    assert 'reduction' not in model.rpn_head.loss_cls


def test_python_gives_the_loss_that_its_docstring_promises(work_dir, capsys):
    scope: dict = {}
    exec(export(capsys, work_dir, '--format', 'python'), scope)
    logits, labels = torch.randn(7, 3, dtype=torch.float64), torch.arange(7) % 3
    p, y = logits.softmax(1).numpy()[:, :, None, None], np.eye(3)[labels][:, :, None, None]
    assert 'the loss is 1.0 * o.sum() / M' in scope['roi_cls'].__doc__
    wanted = SearchedLoss(TEXTS['roi cls'], inputs='softmax')(logits, labels).item()
    assert scope['roi_cls'](p, y).sum() / 7 == pytest.approx(wanted, rel=1e-9)
    assert 'the loss is 2.5 * o.sum() / M' in scope['roi_box'].__doc__


@pytest.mark.parametrize('name', ['python', 'torch'])
def test_code_needs_nothing_of_this_package_and_is_formatted(work_dir, tmp_path, name):
    out = tmp_path / 'losses' / 'code.py'
    assert main(['export', str(work_dir), '--format', name, '-o', str(out)]) == 0
    code = 'import sys, code\nassert not any(name.startswith("mmautoloss") for name in sys.modules)'
    subprocess.run([sys.executable, '-c', code], cwd=out.parent, check=True)
    assert max(map(len, out.read_text().splitlines())) <= 119
    ruff = Path(sys.executable).with_name('ruff')
    if not ruff.exists():
        pytest.skip('ruff is not installed')
    for command in (['format', '--check'], ['check']):
        subprocess.run([ruff, *command, '--isolated', out], check=True, capture_output=True)


def test_an_expression_may_be_longer_than_a_name_of_a_file(capsys):
    text = ' + '.join(['abs(p - y)'] * 30)
    assert export(capsys, text, '--inputs', 'delta', '--format', 'python')
    assert main(['export', text, '--format', 'python']) == 2
    assert 'RESULT must be' in capsys.readouterr().err


@pytest.mark.parametrize('inputs', INPUT_KINDS)
@pytest.mark.parametrize('name', ['python', 'torch'])
def test_code_of_every_kind_is_formatted(tmp_path, name, inputs):
    ruff = Path(sys.executable).with_name('ruff')
    if not ruff.exists():
        pytest.skip('ruff is not installed')
    x, z = INPUT_KINDS[inputs].names[:2]
    for number, text in enumerate((f'{x} * {z}', f'mean_nhw({x}) / mean_c(minpool({z})) + 1e20 * erf({x}) * exp(1)')):
        out = str(tmp_path / f'{number}.py')
        assert main(['export', text, '--inputs', inputs, '--format', name, '-o', out]) == 0
    subprocess.run([ruff, 'format', '--check', '--isolated', tmp_path], check=True, capture_output=True)


def test_latex_is_well_formed(work_dir, capsys):
    text = export(capsys, work_dir, '--format', 'latex', '--simplify')
    body = '\n'.join(line for line in text.splitlines() if not line.startswith('%'))
    assert body.count('{') == body.count('}') and body.count('$') % 2 == 0
    start, end = body.index(r'\begin{align*}'), body.index(r'\end{align*}') + len(r'\end{align*}')
    assert convert(body[start:end]).count('<mtr>') == 3 + body.count(r'\nabla') // 2
    for words in (
        r'\hat{y}$ is the softmax',
        '$I$ is',
        r'\varepsilon = 10^{-12}',
        'mean}_{c}$ is',
        'maxpool}$ is',
        '$0.3$ for',
    ):
        assert words in ' '.join(body.split())
    for formula in body[end:].split('$')[1::2]:
        convert(formula)


def test_sympy_reads_every_line(work_dir, capsys):
    import sympy

    for flags in ([], ['--ideal']):
        text = export(capsys, work_dir, '--format', 'sympy', *flags)
        lines = [line for line in text.splitlines() if line and not line.startswith('#')]
        read = [sympy.sympify(line) for line in lines]
        assert [{str(x) for x in each.free_symbols} for each in read] == [{'p', 'y'}, {'p', 'y'}, {'i', 'u'}]
        assert ('sign(' in lines[0]) is not bool(flags)
    assert 'positive' in text


def test_json_is_read_back_with_its_origin(work_dir, capsys, tmp_path):
    text = export(capsys, work_dir, '--format', 'json', '--simplify')
    (tmp_path / 'found.json').write_text(text)
    assert read_found(tmp_path / 'found.json') == read_found(work_dir)
    assert read_result(tmp_path / 'found.json') == read_result(work_dir)
    first = json.loads(text)[0]
    assert first['tree'] == list(parse(TEXTS['rpn_cls']).nodes) and first['nodes'] == len(first['tree'])
    assert first['origin']['fingerprint'] == 'f2' and first['origin']['scores'] == [0.2, 0.3]
    again = export(capsys, tmp_path / 'found.json', '--format', 'json', '--simplify')
    assert again == text


def test_simplify(capsys):
    text = export(capsys, '1 * abs(p + -y)', '--inputs', 'delta', '--format', 'python', '--simplify')
    assert 'Shorter, with the same gradient: abs(p - y)' in text
    text = export(capsys, 'sqrt((p - y) ** 2)', '--inputs', 'delta', '--format', 'latex', '--simplify')
    assert 'has another gradient, and is not shown' in text and r'\nabla' not in text
    assert 'gradient' not in export(capsys, '1 * abs(p + -y)', '--inputs', 'delta', '--format', 'python')


def test_a_known_loss_and_another_trial(work_dir, capsys):
    assert "inputs='area'" in export(capsys, 'giou', '--format', 'config')
    assert '1 - i / u + 2 * (' in export(capsys, 'iou + 2 * giou', '--format', 'config')
    assert '\np\n' in export(capsys, work_dir, '--format', 'sympy', '--trial', '1')
    assert '-y * log(p)' in export(capsys, '-y * log(p)', '--inputs', 'softmax', '--format', 'config')


ERRORS = {
    'no file': (['nowhere'], 'RESULT must be a work dir'),
    'no kind': (['dice'], "'dice' needs --inputs, one of softmax, sigmoid, mask"),
    'no common kind': (['ce + l1'], "No kind of input has all losses of 'ce + l1'"),
    'kind of a sum': (['bce + dice'], "'bce + dice' needs --inputs, one of sigmoid, mask"),
    'other kind': (['giou', '--inputs', 'softmax'], 'known losses for inputs "softmax" are'),
    'no such kind': (['p', '--inputs', 'pixel'], 'Inputs must be one of'),
    'no expression': (['log(p', '--inputs', 'softmax'], 'Cannot read'),
    'trial by hand': (['ce', '--trial', '3'], '--trial chooses from a journal'),
    'no trial': (['{work_dir}', '--trial', '0'], 'no searched trial 0'),
    'no branch': (['{work_dir}', '--branch', 'cls'], "no found loss 'cls'; there are rpn_cls, roi cls, roi_box"),
    'tree': (['{other}'], 'the "tree" of \'a\' is not its "expression"'),
    'empty': (['{empty}'], 'holds no losses'),
    'out is a folder': (['ce', '--inputs', 'softmax', '-o', '{folder}'], 'it is a folder. Name another file.'),
    'out below a file': (
        ['ce', '--inputs', 'softmax', '-o', '{empty}/a.py'],
        '--out must be a file that can be written',
    ),
}


@pytest.mark.parametrize(('arguments', 'error'), ERRORS.values(), ids=ERRORS)
def test_one_clear_error(work_dir, tmp_path, capsys, arguments, error):
    entry = {'name': 'a', 'path': '', 'inputs': 'delta', 'expression': 'p', 'weight': 1, 'tree': ['y']}
    (tmp_path / 'other.json').write_text(json.dumps([entry]))
    (tmp_path / 'empty.json').write_text('[]')
    places = {
        'work_dir': work_dir,
        'other': tmp_path / 'other.json',
        'empty': tmp_path / 'empty.json',
        'folder': tmp_path,
    }
    assert main(['export', *(each.format(**places) for each in arguments), '--format', 'json']) == 2
    assert error in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {'other.json', 'empty.json'}


CODE = 'a\n"""\nimport os\n'
HOSTILE = {
    'path': ({'path': 'x=__import__("os").getcwd(), y'}, "path must be that of a module, as 'rpn_head.loss_cls'"),
    'path of lines': ({'path': CODE}, 'path must be'),
    'path that ends a line': ({'path': 'head.loss\n'}, 'path must be'),
    'no path': ({'path': None}, 'path must be'),
    'name': ({'name': CODE}, 'The name of a loss must be text on one line'),
    'no name': ({'name': ''}, 'The name of a loss must be'),
    'weight of text': ({'weight': '__import__("os")'}, "The loss 'a': weight must be a finite number"),
    'weight nan': ({'weight': float('nan')}, 'but got nan'),
    'weight true': ({'weight': True}, 'but got True'),
    'weight too large': ({'weight': 10**400}, 'weight must be a finite number'),
    'inputs': ({'inputs': CODE}, 'Inputs must be one of'),
    'metric': ({'origin': {'metric': CODE}}, 'The metric of an origin must be text on one line'),
    'version': ({'origin': {'version': 'a\u2028b'}}, 'The version of an origin'),
    'fingerprint': ({'origin': {'fingerprint': 3}}, 'The fingerprint of an origin'),
    'trial': ({'origin': {'trial': CODE}}, 'The trial of an origin must be a number'),
    'scores': ({'origin': {'scores': ['a']}}, 'The scores of an origin must be numbers'),
}


@pytest.mark.parametrize(('change', 'error'), HOSTILE.values(), ids=HOSTILE)
def test_a_shared_file_carries_no_code(tmp_path, capsys, change, error):
    entry = {'name': 'a', 'path': 'head.loss', 'inputs': 'delta', 'expression': 'abs(p - y)', 'weight': 1.0}
    (tmp_path / 'losses.json').write_text(json.dumps([entry]))
    assert main(['export', str(tmp_path / 'losses.json'), '--format', 'config']) == 0
    (tmp_path / 'losses.json').write_text(json.dumps([entry | change]))
    capsys.readouterr()
    assert main(['export', str(tmp_path / 'losses.json'), '--format', 'config']) == 2
    printed = capsys.readouterr()
    assert error in printed.err and not printed.out


def test_help_tells_of_a_minus_sign(capsys):
    with pytest.raises(SystemExit):
        main(['export', '--help'])
    example = next(line for line in capsys.readouterr().out.splitlines() if line.startswith('  mmautoloss export'))
    assert main(shlex.split(example)[1:]) == 0
    assert r'\log' in capsys.readouterr().out


def test_a_search_without_found_losses(tmp_path, capsys):
    Journal(tmp_path / 'journal.jsonl', {'branches': BRANCHES}, {}).close()
    assert main(['export', str(tmp_path), '--format', 'python']) == 2
    assert 'has no trained losses yet' in capsys.readouterr().err


def test_unknown_format_names_the_known_ones(capsys):
    with pytest.raises(SystemExit):
        main(['export', 'ce', '--format', 'fortran'])
    printed = capsys.readouterr().err
    assert all(name in printed for name in FORMATS)
