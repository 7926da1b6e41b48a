"""The shell launchers, with a Python and a Slurm that write down how they are called."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.isolation import ROOT

MACHINES = ('NNODES', 'NODE_RANK', 'MASTER_ADDR', 'PORT')
ECHO = '#!/bin/bash\nprintf "%s\\n" "$@"\n'
NODE = r"""#!/bin/bash
case $1 in
  -c) echo 2 ;;
  -m) shift 2; echo ray "$@" will now block | sed "s/temp-dir=[^ ]*/temp-dir=T/" ;;
  *) echo python "${@:2}" ;;
esac
"""
"""A Python of a node with Ray, which has all nodes at once."""


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
    outside = {key: value for key, value in os.environ.items() if key not in MACHINES}
    done = subprocess.run(
        ['bash', str(ROOT / 'tools' / script), *args],
        env={**outside, 'PATH': path, 'PYTHON': str(fake / 'python'), **env},
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
    (fake / 'python').write_text(NODE)
    (fake / 'sleep').write_text('#!/bin/bash\n')
    for name in ('scontrol', 'sleep'):
        (fake / name).chmod(0o755)
    env = {'GPUS': '12', 'GPUS_PER_NODE': '8', 'SLURM_JOB_NODELIST': 'n[1-2]', 'SLURM_JOB_ID': '40017'}
    lines = call(fake, 'slurm_search.sh', 'gpu', 'job', 'a.py', 'work', '--seed', '3', **env)
    assert 'srun --nodes=2' in lines and 'srun --gres=gpu:8' in lines
    assert sorted(line for line in lines if not line.startswith('srun')) == [
        'python a.py --work-dir work --workers 12 --resume --seed 3 --executor ray --ray-address n1:20017',
        'ray start --address=n1:20017 --num-cpus=32 --block will now block',
        'ray start --head --port=20017 --temp-dir=T --num-cpus=32 --include-dashboard=false --block will now block',
    ]


@pytest.mark.parametrize(
    ('gpus', 'error'), [('many', "but got 'many'"), ('08', "but got '08'"), ('0', 'must be at least 1')]
)
def test_numbers_of_slurm_are_checked(fake: Path, gpus: str, error: str) -> None:
    lines = call(fake, 'slurm_search.sh', 'gpu', 'job', 'a.py', 'work', code=2, GPUS=gpus)
    assert error in lines[0]


def test_several_machines_are_a_ray_cluster(fake: Path) -> None:
    (fake / 'python').write_text(NODE)
    machines = {'NNODES': '2', 'MASTER_ADDR': 'n1', 'PORT': '29501'}
    first = call(fake, 'dist_search.sh', 'a.py', '4', '--seed', '3', NODE_RANK='0', **machines)
    assert sorted(first) == [
        'python a.py --workers 8 --seed 3 --executor ray --ray-address n1:29501',
        'ray start --head --port=29501 --temp-dir=T --include-dashboard=false --block will now block',
    ]
    assert call(fake, 'dist_search.sh', 'a.py', '4', NODE_RANK='1', **machines) == [
        'ray start --address=n1:29501 --block will now block'
    ]


def test_a_search_that_fails_fails_its_node(fake: Path) -> None:
    (fake / 'python').write_text('#!/bin/bash\ncase $1 in -c) echo 2;; -m) sleep 1;; *) exit 3;; esac\n')
    call(fake, 'dist_search.sh', 'a.py', '4', code=3, NNODES='2', NODE_RANK='0', MASTER_ADDR='n1')


@pytest.mark.parametrize(
    ('script', 'args', 'tool'),
    [('dist_train.sh', ['a.py'], 'train.py'), ('dist_test.sh', ['a.py', 'b.pth'], 'test.py')],
)
def test_trainings_and_tests_on_several_gpus(fake: Path, script: str, args: list[str], tool: str) -> None:
    lines = call(fake, script, *args, '4', '--work-dir', 'w')
    assert lines[:3] == ['-m', 'torch.distributed.run', '--nnodes=1'] and '--nproc_per_node=4' in lines
    assert [Path(line).name for line in lines[-len(args) - 5 :]] == [
        tool,
        *args,
        '--launcher',
        'pytorch',
        '--work-dir',
        'w',
    ]
    lines = call(fake, script, *args, '4', NNODES='2', NODE_RANK='1', MASTER_ADDR='n1', PORT='7000')
    assert lines[2:6] == ['--nnodes=2', '--node_rank=1', '--master_addr=n1', '--master_port=7000']


def test_a_training_under_slurm(fake: Path) -> None:
    lines = call(fake, 'slurm_train.sh', 'gpu', 'job', 'a.py', 'work', '--seed', '3', GPUS='4', SRUN_ARGS='--time=9')
    assert '--gres=gpu:4' in lines and '--ntasks=4' in lines and '--time=9' in lines
    assert lines[-7:] == ['a.py', '--work-dir', 'work', '--launcher', 'slurm', '--seed', '3']
    assert "but got '0'" in call(fake, 'slurm_train.sh', 'gpu', 'job', 'a.py', 'work', code=2, GPUS='0')[0]


@pytest.mark.parametrize(
    ('env', 'text'),
    [
        ({'NNODES': 'two'}, "must be numbers, but got 'two'"),
        ({'NNODES': '2', 'NODE_RANK': '2', 'MASTER_ADDR': 'n1'}, 'NODE_RANK must be below NNODES, 2, but got 2'),
        ({'NNODES': '2'}, 'needs MASTER_ADDR'),
        ({'NNODES': '2', 'MASTER_ADDR': 'n1'}, 'and NODE_RANK'),
        ({'MASTER_ADDR': 'n1'}, 'NNODES is not set'),
        ({'NODE_RANK': '0'}, 'NNODES is not set'),
        ({'PORT': ''}, None),
        ({'PORT': 'x'}, "and 'x'"),
    ],
)
@pytest.mark.parametrize('script', ['dist_search.sh', 'dist_train.sh'])
def test_machines_that_make_no_sense_are_an_error(fake: Path, script: str, env: dict, text: str | None) -> None:
    lines = call(fake, script, 'a.py', '2', code=2 if text else 0, **env)
    assert text is None or text in lines[0]


def test_a_node_tries_until_there_is_a_head(fake: Path) -> None:
    (fake / 'python').write_text(
        f'#!/bin/bash\nif [ -e {fake}/tried ]; then echo will now block; else touch {fake}/tried; echo no head; fi; exit 1\n'
    )
    (fake / 'sleep').write_text('#!/bin/bash\n')
    (fake / 'sleep').chmod(0o755)
    machines = {'NNODES': '2', 'NODE_RANK': '1', 'MASTER_ADDR': 'n1'}
    assert call(fake, 'dist_search.sh', 'a.py', '4', **machines) == ['no head', 'will now block']
    (fake / 'python').write_text('#!/bin/bash\nexit 1\n')
    assert 'there is no Ray head at n1:29500' in call(fake, 'dist_search.sh', 'a.py', '4', code=1, **machines)[0]
