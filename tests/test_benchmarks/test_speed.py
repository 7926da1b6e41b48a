"""The benchmarks, at a size at which they only show that they measure what they say."""

from __future__ import annotations

import contextlib
import csv
import gzip
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, TextIO

import pytest
import torch

pytest.importorskip('mmengine')

from mmautoloss.expr import parse
from mmautoloss.testing.toy_searches import write_toy
from mmautoloss.trial import Role, read_history
from mmautoloss.trial.line import parse_lines, seal
from tests.isolation import ROOT


def test_simulated_workers_wait_for_the_driver_alone(load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scaling = load('scaling')
    monkeypatch.setattr(scaling, 'WORKERS', 8)
    busy, milliseconds = scaling.simulate(tmp_path, trials=60)
    assert 0.9 < busy <= 1.0 and 0 < milliseconds < 1000
    _, history = read_history(tmp_path / 'journal.jsonl')
    assert history.n_proxies() == 60 and len(history.of_role(Role.FINALIST)) == 5


def test_a_slow_driver_shows(load, tmp_path: Path) -> None:
    """Workers that take a millisecond are mostly idle."""
    simulation = load('simulation')
    executor = simulation.ChargedExecutor(simulation.made_up, lambda trial: 0.001, slots=8)
    simulation.search(tmp_path / 'journal.jsonl', executor, 60)
    assert executor.busy / (8 * executor.span) < 0.9


def test_growth_and_reading_are_measured(load, tmp_path: Path) -> None:
    soak = load('soak')
    grown = soak.soak_driver(tmp_path, 200)
    assert grown.managed == 0 and grown.threads <= 0
    assert soak.time_journal(tmp_path, 300) > 0
    assert soak.soak_proxies(soak.toy(tmp_path), 20).managed == 0


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As the benchmark has it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.slow
@pytest.mark.usefixtures('one_thread')
def test_cost_of_a_proxy_is_that_of_the_same_training(load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip('mmdet')
    proxy = load('proxy')
    base = ROOT / 'configs/digits/faster_rcnn_short_search.py'
    config = str(proxy.write_photos(tmp_path / 'photos', base, train=4, val=2))
    monkeypatch.setattr(proxy, 'time_fresh', lambda *args: 100.0)
    # raises where weights or scores differ
    ratios = proxy.measure(config, None, tmp_path, iterations=2, rounds=1)
    assert 0 < ratios.ratio_cached < 3 and 0 < ratios.ratio_plain < 3 and ratios.ratio_fresh_process > 1


def test_another_training_shows(load) -> None:
    proxy = load('proxy')
    one = proxy.Measured(1.0, 1.0, {'x/mAP': 0.5}, {'w': torch.zeros(2)})
    proxy.require_agreement({'plain': one, 'ours': one})
    for other in (one._replace(metrics={'x/mAP': 0.6}), one._replace(state={'w': torch.ones(2)})):
        with pytest.raises(RuntimeError, match='ours differs from the plain Runner'):
            proxy.require_agreement({'plain': one, 'ours': other})
    assert proxy.over([one._replace(seconds=seconds) for seconds in (1.0, 3.0, 2.0)], [one] * 3) == 2.0


@pytest.fixture
def loss_cost(load, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark of losses, with torch's compiler out of the way: it is tested where it is used."""
    for name in ('mmdet', 'mmseg', 'mmpose'):
        pytest.importorskip(f'{name}.models.losses', exc_type=ImportError)
    monkeypatch.setattr(torch, 'compile', lambda function, **options: function)
    return load('loss_cost')


def test_formulas_are_the_losses_that_they_are_timed_against(loss_cost) -> None:
    """Values and gradients are compared, and all six losses have a row."""
    torch.manual_seed(0)
    rows = [loss_cost.measure(case(torch.device('cpu'), scale=8), seconds=0) for case in loss_cost.CASES]
    assert {row.loss for row in rows} == {'ce', 'bce', 'l1', 'giou', 'dice', 'mse'}
    assert all(row.eager > 0 and row.compiled > 0 and row.memory >= 0 for row in rows)


def test_another_loss_is_refused(loss_cost) -> None:
    case = loss_cost.CASES[1](torch.device('cpu'), scale=8)._replace(settings={'loss_weight': 1.01})
    with pytest.raises(AssertionError, match='ce, 64 RoIs x 81, eager: the value differs from the library by'):
        loss_cost.measure(case, seconds=0)


def test_the_memory_of_a_loss_is_what_it_keeps(loss_cost) -> None:
    """Of p * y * y the prediction is an argument; y is kept, and a product that depends on p."""
    case = loss_cost.CASES[1](torch.device('cpu'), scale=8)
    factor = torch.ones_like(case.pred)
    kept = factor.numel() * factor.element_size()
    assert loss_cost.needed(lambda pred: (pred * factor).sum(), case) == kept
    assert loss_cost.needed(lambda pred: (pred * factor).exp().sum(), case) == 2 * kept


@pytest.fixture
def kept_features(load, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark of kept features; the store that it sets is gone afterwards."""
    for name in ('mmdet', 'mmseg'):
        pytest.importorskip(f'{name}.models.losses', exc_type=ImportError)
    benchmark = load('kept_features')
    monkeypatch.setattr(benchmark.efficientnet_lite, '_kept', None)
    return benchmark


@pytest.mark.usefixtures('one_thread')
def test_kept_features_are_timed_beside_the_same_iterations(kept_features) -> None:
    row = kept_features.measure(4, (32, 32), images=8)
    assert row.frozen == 4 and row.ratio > 0 and row.ratio_new > 0
    assert row.bytes == 4 * (24 * 16**2 + 40 * 8**2), 'of layer 2 and of the last that is frozen, at strides 2 and 4'


def test_features_of_other_weights_are_refused(kept_features) -> None:
    kept_features.efficientnet_lite._kept = kept_features.KeptFeatures(2**20)
    plain, keeping = (kept_features.build(2, keep) for keep in (False, True))
    with pytest.raises(AssertionError, match='not close'):
        kept_features.compare(plain, keeping, kept_features.made_up((32, 32), 2)[0])


def test_screens_are_timed_on_the_same_expressions(load, capsys: pytest.CaptureFixture) -> None:
    screening, probes = load('screening'), load('probes')
    probe = probes.made_up_probes()['box_deltas']
    result = screening.compare('box_deltas', probe, seconds=1.0, chance=0.001)
    drawn = [row.drawn for row in result.rows]
    assert drawn.count('fresh') == drawn.count('chain') >= 1
    assert result.plain > result.fast > 0
    assert screening.agreement(result.rows)['refused'] > 0.9
    assert 'box_deltas, chain' in capsys.readouterr().out


def test_disagreement_of_screens_shows(load, capsys: pytest.CaptureFixture) -> None:
    screening = load('screening')
    row = screening.Judged('fresh', parse('p * y'), plain=True, fast=True, plain_seconds=1.0, fast_seconds=0.1)
    rows = [row, row._replace(fast=False), row._replace(plain=False), row._replace(plain=False, fast=False)]
    assert screening.agreement(rows) == {'kept': 0.5, 'refused': 0.5}
    screening.report('x', rows)
    found = capsys.readouterr().out
    assert 'lost: p * y' in found and 'let through: p * y' in found


def test_exploring_tells_what_is_accepted(load, monkeypatch: pytest.MonkeyPatch) -> None:
    screening, probes = load('screening'), load('probes')
    probe = {'box_areas': probes.made_up_probes()['box_areas']}
    sizes = iter([0, 30 * screening.MB])
    monkeypatch.setattr(screening, 'resident', lambda: next(sizes))
    growth, chances = screening.explore(probe, 300)
    assert growth == 30 and 0 < chances['box_areas'] < 0.2


def test_curves_of_gains_are_drawn(load, tmp_path: Path) -> None:
    plot, probes = load('screening_plot'), load('probes')
    trees = [parse(text) for text in ('abs(p - y)', '-abs(p - y)', 'p', 'tanh((p - y) ** 2)', 'p * y')]
    made = {'box_deltas': probes.made_up_probes()['box_deltas']}
    found = plot.curves(made['box_deltas'], trees)
    assert len(found.accepted) >= 1 and len(found.rejected) >= 1
    assert [share[-1] for share in found.share_right(0.6)] == [1, 1]
    plot.plot_gains({'box_deltas': trees}, made, tmp_path / 'gains.png')
    assert (tmp_path / 'gains.png').stat().st_size > 5000


def test_a_packed_journal_says_all_but_where_it_was_made(load, tmp_path: Path, monkeypatch) -> None:
    pack = load('packed_journals')
    reason = f'File "/home/me/lib/python3.11/site-packages/mmdet/a.py"\nFile "{ROOT}/mmautoloss/b.py"'
    events = [
        {'event': 'started', 'host': 'mine', 'pid': 7, 'slots': 2},
        {'event': 'beat', 'pulses': [], 'elapsed': 1.0},
        {'event': 'settled', 'number': 0, 'reason': reason},
    ]
    (tmp_path / 'a/b').mkdir(parents=True)
    journal = tmp_path / 'a/b/journal.jsonl'
    journal.write_bytes(b''.join(map(seal, events)) + b'{"event":"sett')
    monkeypatch.setattr(sys, 'argv', ['pack.py', str(tmp_path / 'a'), str(tmp_path / 'out')])
    pack.main()
    packed = tmp_path / 'out/b/journal.jsonl.gz'
    first = packed.read_bytes()
    told = [event for event, sealed in parse_lines(gzip.decompress(first).splitlines()) if sealed]
    assert told == [
        {'event': 'started', 'host': 'host', 'pid': 0, 'slots': 2},
        {'event': 'settled', 'number': 0, 'reason': 'File "mmdet/a.py"\nFile "mmautoloss/b.py"'},
    ]
    pack.main()
    assert packed.read_bytes() == first
    journal.write_bytes(journal.read_bytes().replace(b'"number":0', b'"number":1'))
    with pytest.raises(SystemExit):  # it does not seal what was altered
        pack.main()
    assert packed.read_bytes() == first
    monkeypatch.setattr(sys, 'argv', ['pack.py', str(tmp_path / 'out'), str(tmp_path / 'none')])
    with pytest.raises(SystemExit):
        pack.main()


def test_no_machine_is_named_in_what_is_packed(load, tmp_path: Path) -> None:
    reasons = [
        'time limit: more than 69 s (validate, iteration 4, node7.lab:10637)',
        'RuntimeError: node7.lab refused process 4711, see /home/me/my data/x and C:\\Users\\me\\code\\own.py',
        'File "/usr/lib/python3.11/json/decoder.py", line 3; a / b, coco/bbox_mAP, ~/runs/7/log.txt, gpu3:99',
    ]
    told = [
        'time limit: more than 69 s (validate, iteration 4, host:0)',
        'RuntimeError: host refused process 0, see my data/x and own.py',
        'File "decoder.py", line 3; a / b, coco/bbox_mAP, log.txt, host:0',
    ]
    pulse = {'worker': 'local-0', 'where': 'gpu3:12 GPU 1'}
    events = [
        {'event': 'started', 'host': 'node7.lab', 'pid': 7},
        {'event': 'beat', 'pulses': [pulse], 'elapsed': 1.0},
        *({'event': 'settled', 'reason': reason} for reason in reasons),
    ]
    journal, packed, again = (tmp_path / name for name in ('journal.jsonl', 'a.jsonl.gz', 'b.jsonl.gz'))
    journal.write_bytes(b''.join(map(seal, events)))
    load('packed_journals').pack(journal, packed)
    load('packed_journals').pack(packed, again)
    assert again.read_bytes() == packed.read_bytes()
    found = [event for event, _ in parse_lines(gzip.decompress(packed.read_bytes()).splitlines())]
    assert [event.get('reason') for event in found] == [None, *told]


def test_journals_of_results_name_no_machine() -> None:
    packed = sorted((ROOT / 'docs/results').rglob('*.jsonl.gz'))
    assert len(packed) > 40
    for path in packed:
        for event, sealed in parse_lines(gzip.decompress(path.read_bytes()).splitlines()):
            assert sealed and event['event'] != 'beat', path
            assert event['event'] != 'started' or (event['host'], event['pid']) == ('host', 0), path
            reason = event.get('reason') or ''
            assert not re.search(r'(?<!host):\d{3,}|[\s"(]/\w|site-packages', reason), (path, reason)


def run_here(command: list[str], stdout: TextIO, **options: Any) -> SimpleNamespace:
    """A command of Python in this process, where all libraries are already imported."""
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(stdout), pytest.raises(SystemExit) as ended:
        patch.setattr(sys, 'argv', command[1:])
        runpy.run_path(command[1], run_name='__main__')
    return SimpleNamespace(returncode=ended.value.code)


@pytest.mark.slow
def test_an_ablation_searches_once_an_arm_and_reads_its_journals(load, tmp_path: Path, monkeypatch, capsys) -> None:
    config, out = write_toy(tmp_path / 'config'), tmp_path / 'toy'
    ablation = load('ablation')
    monkeypatch.setattr(ablation, 'subprocess', SimpleNamespace(run=run_here, STDOUT=subprocess.STDOUT))
    monkeypatch.setattr(
        sys, 'argv', ['ablation.py', 'run', str(config), '--out', str(out), '--arms', 'random', 'ours']
    )
    sys.argv += ['--seeds', '3', '--max-trials', '2', '--workers', '1']
    assert ablation.main() == 0
    headers = {arm: read_history(out / arm / '3' / 'journal.jsonl')[0] for arm in ('random', 'ours')}
    assert headers['random']['screen']['engine'] == 'none' and headers['random']['strategy'] == {
        'type': 'RandomSearch'
    }
    assert headers['ours']['screen']['engine'] == 'fast' and headers['ours']['seeds'] == []

    plain, packed = out / 'ours' / '3' / 'journal.jsonl', out / 'ours' / '3' / 'journal.jsonl.gz'
    load('packed_journals').pack(plain, packed)
    plain.unlink()
    table, figure = tmp_path / 'best.csv', tmp_path / 'best.png'
    monkeypatch.setattr(sys, 'argv', ['ablation.py', 'show', str(out), '--csv', str(table), '--plot', str(figure)])
    capsys.readouterr()
    assert ablation.main() == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [line[:3] for line in lines] == [['toy', 'random', '1'], ['toy', 'ours', '1']]
    explored = {line[1]: int(line[3]) for line in lines}
    assert explored['random'] == 4 < explored['ours'], 'two branches of two candidates, and what was rejected'
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert [(row['arm'], row['training']) for row in rows] == [
        (arm, n) for arm in ('random', 'ours') for n in ('1', '2')
    ]
    assert figure.stat().st_size > 5000


@pytest.mark.slow
@pytest.mark.parametrize(('task', 'trials'), [('skewed', 4), ('strays', 8), ('rare', 50)])
def test_a_search_finds_what_is_known_to_be_right(load, tmp_path: Path, task: str, trials: int) -> None:
    """Within some trials more than seed 0 needs; the benchmark gives each task what it needs with any seed."""
    found = load('known_truth').search(task, 0, tmp_path, {'budget.max_trials': trials})
    assert found.usual + 0.08 < found.right, 'the task tells the two apart'
    assert found.found > found.right - 0.02
