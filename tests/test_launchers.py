"""The shell launchers, with a Python and a Slurm that write down how they are called."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmautoloss.testing.toy_searches import write_toy
from mmautoloss.trial import read_journal
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
    outside = {key: value for key, value in os.environ.items() if key not in (*MACHINES, 'SLURM_JOB_ID')}
    done = subprocess.run(
        ['bash', str(ROOT / 'tools' / script), *args],
        env={**outside, 'PATH': path, 'PYTHON': str(fake / 'python'), **env},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == code, done.stderr
    return (done.stdout if code == 0 else done.stderr).splitlines()


NODES = (
    '#!/bin/bash\nwhile [ "$1" != bash ]; do echo "srun $1"; shift; done\nSLURM_PROCID=0 "$@" && SLURM_PROCID=1 "$@"\n'
)
"""An ``srun`` that runs what each of two nodes runs."""


@pytest.fixture
def nodes(fake: Path) -> Path:
    """Two nodes of Slurm with Ray."""
    for name, text in (
        ('srun', NODES),
        ('scontrol', '#!/bin/bash\nprintf "n1\\nn2\\n"\n'),
        ('python', NODE),
        ('sleep', '#!/bin/bash\n'),
    ):
        (fake / name).write_text(text)
        (fake / name).chmod(0o755)
    return fake


ALLOCATION = {'GPUS': '12', 'GPUS_PER_NODE': '8', 'SLURM_JOB_NODELIST': 'n[1-2]', 'SLURM_JOB_ID': '40017'}


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


def test_several_nodes_of_slurm_are_a_ray_cluster(nodes: Path) -> None:
    """The script that each node runs is then run as the first node and as another one."""
    lines = call(nodes, 'slurm_search.sh', 'gpu', 'job', 'a.py', 'work', '--seed', '3', **ALLOCATION)
    assert 'srun --nodes=2' in lines and 'srun --gres=gpu:8' in lines
    assert sorted(line for line in lines if not line.startswith('srun')) == [
        'python a.py --work-dir work --workers 12 --resume --seed 3 --executor ray --ray-address n1:20017',
        'ray start --address=n1:20017 --num-cpus=32 --block will now block',
        'ray start --head --port=20017 --temp-dir=T --num-cpus=32 --include-dashboard=false --block will now block',
    ]


def test_the_port_of_a_job_can_be_given(nodes: Path) -> None:
    lines = call(nodes, 'slurm_search.sh', 'gpu', 'job', 'a.py', 'work', PORT='7001', CPUS_PER_GPU='2', **ALLOCATION)
    assert any(line.startswith('ray start --address=n1:7001 --num-cpus=16') for line in lines)
    assert any(line.endswith('--ray-address n1:7001') for line in lines)


def test_a_node_that_cannot_ask_slurm_fails_the_job(nodes: Path) -> None:
    (nodes / 'scontrol').write_text('#!/bin/bash\nexit 1\n')
    call(nodes, 'slurm_search.sh', 'gpu', 'job', 'a.py', 'work', code=1, **ALLOCATION)


def test_each_job_has_a_folder_of_its_own_and_leaves_none(nodes: Path, tmp_path: Path) -> None:
    folder = tmp_path / 'tmp'
    folder.mkdir()
    (nodes / 'python').write_text(
        f'#!/bin/bash\ncase $1 in -c) echo 2;; -m) ls {folder} >>{tmp_path}/seen; echo will now block;; esac\n'
    )
    for _ in range(2):
        call(nodes, 'slurm_search.sh', 'gpu', 'job', 'a.py', 'work', TMPDIR=str(folder), **ALLOCATION)
    seen = {line for line in (tmp_path / 'seen').read_text().splitlines() if line.startswith('mmautoloss_ray_')}
    assert len(seen) == 2 and not [*folder.glob('mmautoloss_ray_*')]


def test_a_job_whose_time_is_up_is_queued_again_if_wanted(nodes: Path) -> None:
    args = ('slurm_search.sh', 'gpu', 'job', 'a.py', 'work')
    job = {'GPUS': '4', 'SLURM_JOB_ID': '40017'}
    (nodes / 'scontrol').write_text(f'#!/bin/bash\necho "$@" >>{nodes}/asked\n')
    for status, requeue, asked in ((130, '0', False), (1, '1', False), (0, '1', False), (130, '1', True)):
        (nodes / 'srun').write_text(f'#!/bin/bash\nexit {status}\n')
        call(nodes, *args, code=status, REQUEUE=requeue, **job)
        assert (nodes / 'asked').exists() == asked
    assert (nodes / 'asked').read_text() == 'requeue 40017\n'
    assert 'REQUEUE=1 is for a batch job' in call(nodes, *args, code=2, REQUEUE='1')[0]


SBATCH = """#!/bin/bash
export SLURM_JOB_ID=7
until bash "$@"; do
  status=$?
  [ -e $FAKE/again ] || exit $status
  rm $FAKE/again
done
"""
SRUN = """#!/bin/bash
while [ "$1" != "$PYTHON" ]; do shift; done
"$@" & search=$!
if [ ! -e $FAKE/told ]; then
  until grep -q '"settled"' $FAKE/work/journal.jsonl 2>/dev/null; do sleep 0.1; done
  touch $FAKE/told
  kill -TERM $search
fi
wait $search
"""
"""A batch job that is queued again if it asks for that, and a step that is told once to end, in the middle of a search."""


@pytest.mark.slow
def test_a_search_goes_on_in_the_same_job(fake: Path) -> None:
    """A real search of the toy, whose time is up after its first trial."""
    config = write_toy(fake, base={'model.faults': {'slow': 0.1}})
    (fake / 'job').write_text(f'bash {ROOT}/tools/slurm_search.sh gpu job {config} {fake}/work\n')
    scontrol = f'#!/bin/bash\n[ "$*" = "requeue 7" ] && touch {fake}/again\n'
    for name, text in (('sbatch', SBATCH), ('srun', SRUN), ('scontrol', scontrol)):
        (fake / name).write_text(text)
        (fake / name).chmod(0o755)
    env = {'PYTHON': sys.executable, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1', 'FAKE': str(fake)}
    path = f'{fake}{os.pathsep}{os.environ["PATH"]}'
    done = subprocess.run(
        ['sbatch', str(fake / 'job')],
        env={**os.environ, **env, 'PATH': path, 'GPUS': '1', 'REQUEUE': '1'},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    record = read_journal(fake / 'work/journal.jsonl')
    assert len(record.sessions) == 2
    assert not record.history.running() and (fake / 'work/best_config.py').exists()


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
