"""The visit of a machine with a GPU, on the CPU: its cheap steps, and what becomes of those that fail."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from tests.isolation import ROOT


@pytest.fixture
def visit(tmp_path: Path) -> SimpleNamespace:
    for name in ('mmdet', 'mmseg', 'mmpose'):
        pytest.importorskip(f'{name}.models.losses', exc_type=ImportError)
    return SimpleNamespace(device='cpu', data='', folder=tmp_path, seconds=60.0)


def test_operators_are_compared_with_those_of_the_cpu(load, visit) -> None:
    rows = [*load('cuda_operators').run(visit)]
    assert rows == [{'operator': 'nms', 'error': 0.0}, {'operator': 'RoIAlign', 'error': 0.0}]


def test_operators_that_differ_fail(load, visit, monkeypatch: pytest.MonkeyPatch) -> None:
    operators = load('cuda_operators')
    monkeypatch.setattr(operators, 'kept_boxes', lambda device, calls=[3, 2]: [torch.ones(calls.pop())])
    with pytest.raises(RuntimeError, match='nms differs from the CPU by inf'):
        [*operators.run(visit)]


def test_a_lack_of_memory_is_survived(load, visit) -> None:
    (row,) = load('exhaustion').run(visit)
    assert row['process_goes_on'] and row['next_is_the_same'] and 'alloc' in row['reason']


def test_data_parallel_training_is_plain_training(load, visit) -> None:
    assert [*load('data_parallel').run(visit)] == [{'backend': 'gloo', 'steps': 5, 'error': 0.0}]


def test_losses_have_a_row_for_each_precision(load, visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's compiler is out of the way: it is tested where it is used."""
    monkeypatch.setattr(torch, 'compile', lambda function, **options: function)
    losses = load('losses_on_device')
    monkeypatch.setattr(losses, 'SECONDS', 0.0)
    rows = [*losses.run(visit, scale=16)]
    assert [row['precision'] for row in rows] == ['single', 'mixed'] * 9
    assert not [row for row in rows if 'differs' in row]


def test_a_loss_that_differs_fails_after_all_rows(load, visit, monkeypatch: pytest.MonkeyPatch) -> None:
    losses = load('losses_on_device')

    def measure(case, seconds, tolerance):
        raise AssertionError(f'{case.loss} differs')

    monkeypatch.setattr(losses, 'measure', measure)
    iterator = losses.run(visit, scale=16)
    assert all(next(iterator)['differs'] for _ in range(18))
    with pytest.raises(AssertionError, match='l1 differs'):
        next(iterator)


def call(out: Path, *args: str) -> tuple[int, list[dict]]:
    """The script, on a machine without a GPU; its status and its lines."""
    env = {**os.environ, 'CUDA_VISIBLE_DEVICES': '', 'OMP_NUM_THREADS': '1'}
    done = subprocess.run(['bash', 'benchmarks/gpu.sh', '--out', str(out), *args], cwd=ROOT, env=env, timeout=600)
    return done.returncode, [json.loads(line) for line in out.read_text().splitlines()]


@pytest.mark.slow
def test_each_step_has_its_rows_and_a_line_of_its_end(tmp_path: Path) -> None:
    status, rows = call(tmp_path / 'out.jsonl', '--device', 'cpu', '--slack', '20', 'machine', 'operators')
    assert status == 0
    assert [(row['step'], 'seconds' in row) for row in rows] == [
        ('machine', False),
        ('machine', True),
        ('operators', False),
        ('operators', False),
        ('operators', True),
    ]
    assert rows[0]['torch'] == torch.__version__ and rows[0]['device'] == rows[-1]['device'] != ''


def test_a_step_that_fails_or_hangs_does_not_cost_the_others(tmp_path: Path) -> None:
    """Wheels that are not there, and steps that need longer than they may."""
    wheels = tmp_path / 'none'
    wheels.mkdir()
    status, rows = call(tmp_path / 'out.jsonl', '--device', 'cpu', '--slack', '0.001', '--wheels', str(wheels))
    assert status == 1
    steps = ['install', 'machine', 'operators', 'killed_worker', 'out_of_memory', 'data_parallel', 'memory']
    assert [row['step'] for row in rows] == [*steps, 'search_2', 'search_4', 'losses']
    assert all(row['failed'].startswith('time limit') for row in rows[1:])


@pytest.mark.skipif(torch.cuda.is_available(), reason='is about a machine without a GPU')
@pytest.mark.slow
def test_without_a_gpu_nothing_runs_on_the_cpu_unnoticed(tmp_path: Path) -> None:
    status, rows = call(tmp_path / 'out.jsonl', '--slack', '20', 'operators')
    assert status == 1 and len(rows) == 1
    assert rows[0]['failed'] == f'torch {torch.__version__} sees no GPU; --device cpu runs the same steps on the CPU'
