"""The shell launchers, with a Python and a Slurm that write down how they are called."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.isolation import ROOT

ECHO = '#!/bin/bash\nprintf "%s\\n" "$@"\n'


@pytest.fixture
def fake(tmp_path: Path) -> Path:
    """A folder with programs that print their arguments."""
    for name in ('python', 'srun'):
        program = tmp_path / name
        program.write_text(ECHO)
        program.chmod(0o755)
    return tmp_path


def call(fake: Path, script: str, *args: str, code: int = 0, **env: str) -> list[str]:
    """Runs a launcher; gives the lines that it prints."""
    path = f'{fake}{os.pathsep}{os.environ["PATH"]}'
    done = subprocess.run(
        ['bash', str(ROOT / 'tools' / script), *args],
        env={**os.environ, 'PATH': path, 'PYTHON': str(fake / 'python'), **env},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == code, done.stderr
    return (done.stdout if code == 0 else done.stderr).splitlines()


def test_a_worker_a_gpu(fake: Path) -> None:
    lines = call(fake, 'dist_search.sh', 'configs/a.py', '4', '--resume', '--cfg-options', 'a=1')
    assert Path(lines[0]).samefile(ROOT / 'tools/search.py')
    assert lines[1:] == ['configs/a.py', '--workers', '4', '--resume', '--cfg-options', 'a=1']


@pytest.mark.parametrize('args', [[], ['a.py'], ['a.py', 'four'], ['a.py', '0'], ['a.py', '--resume']])
def test_misuse_is_told(fake: Path, args: list[str]) -> None:
    assert 'usage: bash tools/dist_search.sh CONFIG GPUS' in call(fake, 'dist_search.sh', *args, code=2)[-1]


def test_one_node_of_slurm(fake: Path) -> None:
    lines = call(
        fake, 'slurm_search.sh', 'gpu', 'job', 'a.py', 'work', '--seed', '3', GPUS='4', SRUN_ARGS='--time=9 -x n1'
    )
    assert lines[:4] == ['-p', 'gpu', '--job-name=job', '--nodes=1']
    assert '--gres=gpu:4' in lines and '--cpus-per-task=16' in lines and '--time=9' in lines
    search = lines[lines.index(str(fake / 'python')) + 2 :]
    assert search == ['a.py', '--work-dir', 'work', '--workers', '4', '--resume', '--seed', '3']


def test_several_nodes_of_slurm_are_a_ray_cluster(fake: Path) -> None:
    """The script that each node runs is then run as the first node and as another one."""
    folder = fake / 'run'
    folder.mkdir()
    (fake / 'srun').write_text(
        '#!/bin/bash\nwhile [ "$1" != bash ]; do echo "srun $1"; shift; done\n'
        'SLURM_PROCID=0 "$@"; SLURM_PROCID=1 "$@"\n'
    )
    (fake / 'scontrol').write_text('#!/bin/bash\nprintf "n1\\nn2\\n"\n')
    (fake / 'python').write_text(
        '#!/bin/bash\ncase $1 in -c) echo 2;; -m) shift 2; echo ray "$@";; *) echo python "${@:2}";; esac\n'
    )
    (fake / 'sleep').write_text('#!/bin/bash\n')
    for name in ('scontrol', 'sleep'):
        (fake / name).chmod(0o755)
    env = {'GPUS': '12', 'GPUS_PER_NODE': '8', 'SLURM_JOB_NODELIST': 'n[1-2]'}
    lines = call(fake, 'slurm_search.sh', 'gpu', 'job', 'a.py', 'work', '--seed', '3', **env)
    assert 'srun --nodes=2' in lines and 'srun --gres=gpu:8' in lines
    assert [line for line in lines if not line.startswith('srun')] == [
        'ray start --head --port=6379 --include-dashboard=false',
        'python a.py --work-dir work --workers 12 --resume --seed 3 --executor ray --ray-address n1:6379',
        'ray stop',
        'ray start --address=n1:6379 --block',
    ]


@pytest.mark.parametrize(('gpus', 'error'), [('many', "but got 'many'"), ('0', 'must be at least 1')])
def test_numbers_of_slurm_are_checked(fake: Path, gpus: str, error: str) -> None:
    lines = call(fake, 'slurm_search.sh', 'gpu', 'job', 'a.py', 'work', code=2, GPUS=gpus)
    assert error in lines[0]
