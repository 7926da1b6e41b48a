"""``mmautoloss doctor``: the facts, the verdicts on them, and the page."""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import types
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mmautoloss import __main__ as program
from mmautoloss.cli import doctor
from mmautoloss.cli.doctor import checks
from mmautoloss.cli.doctor.environment import (
    DEEP_IMPORTS,
    PACKAGES,
    Check,
    Environment,
    Package,
    attempt,
    attempt_import,
    probe_package,
)
from mmautoloss.cli.doctor.page import build_page, render_plain, show
from mmautoloss.cli.doctor.tasks import MENDS, NEEDS, TaskVerdict, find_mend, judge
from mmautoloss.errors import SetupError
from tests.isolation import ROOT, empty_allow_list, run_without

CHECKS = ('mmengine checkpoint', 'mmcv._ext', 'mmcv.ops.nms', 'CUDA', 'mmcv with CUDA')

HEALTHY = Environment(
    python='3.11.7',
    platform='Linux',
    packages=tuple(Package(name, 'ok', '1.0', (name,)) for name in PACKAGES),
    checks=tuple(Check(name, 'ok') for name in (*CHECKS, *DEEP_IMPORTS)),
)


def change(environment: Environment, *facts: Package | Check) -> Environment:
    """The environment with some of its facts replaced by others of the same name."""
    new = {fact.name: fact for fact in facts}
    return replace(
        environment,
        packages=tuple(new.get(each.name, each) for each in environment.packages),
        checks=tuple(new.get(each.name, each) for each in environment.checks),
    )


def judge_by_task(environment: Environment) -> dict[str, TaskVerdict]:
    return {verdict.task: verdict for verdict in judge(environment)}


class TestVerdict:
    def test_everything_works_where_nothing_is_wrong(self) -> None:
        assert [verdict.works for verdict in judge(HEALTHY)] == [True] * len(NEEDS)

    def test_every_need_is_looked_at(self) -> None:
        """A need with another name than its fact would never be found wanting."""
        names = {fact.name for fact in (*HEALTHY.packages, *HEALTHY.checks)}
        assert {need for needs in NEEDS.values() for need in needs} <= names

    def test_absent_mmcv_stops_the_models_only(self) -> None:
        verdicts = judge_by_task(change(HEALTHY, Package('mmcv', 'absent')))
        assert verdicts['detection'] == TaskVerdict('detection', False, 'mmcv is not installed', MENDS['mmcv'])
        assert not verdicts['pose'].works
        assert verdicts['digits data set'].works

    def test_the_most_basic_fault_is_named(self) -> None:
        broken = Check('mmdet.models', 'failed', "ModuleNotFoundError: No module named 'mmengine'")
        verdicts = judge_by_task(change(HEALTHY, broken, Package('mmengine', 'absent')))
        assert verdicts['detection'].reason == 'mmengine is not installed'
        assert 'pip install mmengine' in verdicts['detection'].mend

    def test_refused_version_names_the_version_to_install(self) -> None:
        error = 'AssertionError: MMCV==2.2.0 is used but incompatible. Please install mmcv>=2.0'
        verdicts = judge_by_task(change(HEALTHY, Package('mmseg', 'broken', error=error)))
        assert error in verdicts['segmentation'].reason
        assert '"mmcv<2.2.0"' in verdicts['segmentation'].mend
        assert verdicts['detection'].works

    def test_gpu_with_cpu_operators_does_not_work(self) -> None:
        verdicts = judge_by_task(change(HEALTHY, Check('mmcv with CUDA', 'failed', 'without')))
        assert 'FORCE_CUDA=1' in verdicts['detection'].mend

    def test_notes_stop_nothing(self) -> None:
        notes = [Check(name, 'note', 'with a reservation') for name in CHECKS]
        assert all(verdict.works for verdict in judge(change(HEALTHY, *notes)))

    @pytest.mark.parametrize(
        ('need', 'reason', 'mend'),
        [
            ('mmpose.models', "ModuleNotFoundError: No module named 'chumpy'", 'install chumpy'),
            ('mmpretrain', "ModuleNotFoundError: No module named 'lazy_importer'", 'importlib-metadata<9'),
            ('mmpretrain', "ModuleNotFoundError: No module named 'modelindex'", 'install model-index'),
            ('mmdet.models', "ModuleNotFoundError: No module named 'sklearn.x'", 'scikit-learn'),
            ('mmdet.models', "ModuleNotFoundError: No module named 'mmcv._ext'", 'MMCV_WITH_OPS'),
            ('mmcv._ext', 'ImportError: _ext.so: undefined symbol: _ZN3c10', 'another torch'),
            ('mmpose.models', 'ValueError: numpy.dtype size changed', 'numpy<2'),
            ('mmseg.models', 'ValueError: anything', 'mmsegmentation'),
            ('novel', 'ValueError: anything', 'pip install --force-reinstall novel'),
        ],
    )
    def test_mend_fits_the_error(self, need: str, reason: str, mend: str) -> None:
        assert mend in find_mend(need, reason)


class TestFacts:
    @pytest.fixture
    def module(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
        """A module that can be imported; the test writes what is in it."""
        monkeypatch.syspath_prepend(tmp_path)
        yield tmp_path / 'patient.py'
        sys.modules.pop('patient', None)

    def test_version_comes_from_the_module(self, module: Path) -> None:
        module.write_text('__version__ = "1.2"')
        found = probe_package('patient', {'patient': ['pytest', 'pytest']})
        assert found == Package('patient', 'ok', '1.2', ('pytest',))

    def test_version_comes_from_the_distribution_otherwise(self, module: Path) -> None:
        module.write_text('')
        assert probe_package('patient', {'patient': ['pytest']}).version == pytest.__version__

    def test_absent_package(self) -> None:
        assert probe_package('patient', {}) == Package('patient', 'absent')

    def test_distribution_without_its_module_is_broken(self) -> None:
        found = probe_package('patient', {'patient': ['pytest']})
        assert (found.state, found.distributions) == ('broken', ('pytest',))
        assert found.error == "ModuleNotFoundError: No module named 'patient'"

    @pytest.mark.parametrize(
        ('code', 'error'),
        [
            ('assert False, "MMCV==2.2.0"', 'AssertionError: MMCV==2.2.0'),
            ('import not_there', "ModuleNotFoundError: No module named 'not_there'"),
            ('raise SystemExit("no\\n display")', 'SystemExit: no display'),
            ('1 / 0', 'ZeroDivisionError: division by zero'),
        ],
    )
    def test_whatever_import_raises_is_told(self, module: Path, code: str, error: str) -> None:
        module.write_text(code)
        assert probe_package('patient', {}) == Package('patient', 'broken', error=error)
        assert attempt_import('patient') == Check('patient', 'failed', error)

    def test_check_of_an_absent_package(self) -> None:
        assert attempt_import('patient.x') == Check('patient.x', 'absent', 'patient is not installed')

    def test_check_that_works(self) -> None:
        assert attempt('name', 'pytest', lambda: ('note', 'text')) == Check('name', 'note', 'text')

    def test_checkpoint_loads_after_the_mend_at_least(self) -> None:
        pytest.importorskip('mmengine')
        with empty_allow_list():
            state, detail = checks.load_checkpoint()
        assert state in ('ok', 'note')
        assert 'loads' in detail

    @pytest.mark.parametrize(('kept', 'state'), [([2, 0], 'ok'), ([0, 1, 2], 'failed')])
    def test_nms_is_judged_by_its_result(self, kept: list[int], state: str, monkeypatch: pytest.MonkeyPatch) -> None:
        fake_mmcv(monkeypatch, nms=lambda *args, **kwargs: (None, torch.tensor(kept)))
        monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
        assert checks.compute_nms()[0] == state

    @pytest.mark.parametrize(
        ('build', 'gpu', 'state'),
        [
            ('12.4', True, 'ok'),
            ('not available', True, 'failed'),
            ('not available', False, 'note'),
        ],
    )
    def test_mmcv_without_cuda_matters_with_a_gpu(
        self, build: str, gpu: bool, state: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fake_mmcv(monkeypatch, get_compiling_cuda_version=lambda: build)
        monkeypatch.setattr(torch.cuda, 'is_available', lambda: gpu)
        assert checks.find_mmcv_cuda()[0] == state

    @pytest.mark.gpu
    @pytest.mark.skipif(not torch.cuda.is_available(), reason='there is no GPU')
    def test_gpus_are_named(self) -> None:
        state, detail = checks.find_cuda()
        assert state == 'ok'
        assert torch.cuda.get_device_name(0) in detail


def fake_mmcv(monkeypatch: pytest.MonkeyPatch, **functions: object) -> None:
    """Puts a ``mmcv.ops`` with the given functions in the place of the real one."""
    ops = types.ModuleType('mmcv.ops')
    vars(ops).update(functions)
    monkeypatch.setitem(sys.modules, 'mmcv', types.ModuleType('mmcv'))
    monkeypatch.setitem(sys.modules, 'mmcv.ops', ops)


class TestPage:
    def test_page_tells_versions_and_forks(self) -> None:
        fork = Package('mmengine', 'ok', '0.10.12', ('onedl-mmengine',))
        rows = build_page(change(HEALTHY, fork), ()).tables[0].rows
        assert ('mmengine', 'ok', ('0.10.12', 'onedl-mmengine')) in rows

    def test_two_distributions_of_one_package_are_advised_against(self) -> None:
        both = Package('mmengine', 'ok', '1', ('mmengine', 'onedl-mmengine'))
        advice = build_page(change(HEALTHY, both), ()).advice
        assert len(advice) == 1
        assert 'from mmengine and onedl-mmengine, which overwrite each other' in advice[0]

    def test_one_mend_for_several_tasks_is_told_once(self) -> None:
        environment = change(HEALTHY, Package('mmcv', 'absent'))
        advice = build_page(environment, judge(environment)).advice
        assert advice[1:] == ('# detection, segmentation, pose, classification', MENDS['mmcv'])

    def test_healthy_page_gives_no_advice(self) -> None:
        assert build_page(HEALTHY, judge(HEALTHY)).advice == ()

    @pytest.mark.parametrize('with_rich', [True, False])
    def test_error_is_shown_whole(
        self,
        with_rich: bool,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Brackets are not taken for markup, and the lines to copy are not broken."""
        if not with_rich:
            monkeypatch.setitem(sys.modules, 'rich', None)
            monkeypatch.setitem(sys.modules, 'rich.box', None)
        monkeypatch.setenv('COLUMNS', '60')
        environment = change(HEALTHY, Package('mmcv', 'absent'), Package('mmdet', 'broken', error='E: [red]x[/]'))
        show(build_page(environment, judge(environment)))
        text = capsys.readouterr().out
        assert 'E: [red]x[/]' in text
        assert MENDS['mmcv'] in text.splitlines()

    def test_plain_columns_are_aligned(self) -> None:
        lines = render_plain(build_page(HEALTHY, ())).splitlines()
        assert lines[0] == 'Python 3.11.7 on Linux'
        assert lines[1].index('state') == lines[2].index('ok')


class TestCommand:
    @pytest.mark.parametrize(('absent', 'status'), [('mmpose', 0), ('mmpretrain', 0), ('mmdet', 1)])
    def test_status_is_that_of_detection(
        self,
        absent: str,
        status: int,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        environment = change(HEALTHY, Package(absent, 'absent'))
        monkeypatch.setattr('mmautoloss.cli.doctor.environment.examine', lambda: environment)
        assert program.main(['doctor', '--json']) == status
        told = json.loads(capsys.readouterr().out)
        assert {'name': absent, 'state': 'absent'}.items() <= next(
            package for package in told['packages'] if package['name'] == absent
        ).items()
        assert {task['task'] for task in told['tasks']} == set(NEEDS)

    def test_greetings_of_libraries_do_not_spoil_the_json(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def examine() -> Environment:
            print('Thank you for importing us!')
            return HEALTHY

        monkeypatch.setattr('mmautoloss.cli.doctor.environment.examine', examine)
        assert program.main(['doctor', '--json']) == 0
        assert json.loads(capsys.readouterr().out)['python'] == '3.11.7'

    def test_bare_machine(self) -> None:
        """Nothing of OpenMMLab is there, and neither is rich, which comes with it."""
        blocked = ('mmengine', 'mmcv', 'mmdet', 'mmseg', 'mmpose', 'mmpretrain', 'rich')
        code = 'from mmautoloss.__main__ import main\nsys.exit(main(["doctor"]))'
        done = run_without(blocked, code)
        assert done.returncode == 1, done.stderr
        assert 'detection        does not work  mmengine' in done.stdout
        assert MENDS['mmengine'] in done.stdout.splitlines()
        assert torch.__version__ in done.stdout

    @pytest.mark.slow
    def test_this_machine(self) -> None:
        """For real: where the packages are installed, detection has to work."""
        if not all(importlib.util.find_spec(name) for name in ('mmengine', 'mmcv', 'mmdet')):
            pytest.skip('mmengine, mmcv or mmdet is not installed')
        command = [sys.executable, '-m', 'mmautoloss', 'doctor', '--json']
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
        told = json.loads(done.stdout)
        works = {task['task']: task for task in told['tasks']}
        assert works['detection']['works'], works['detection']
        assert done.returncode == 0


class TestProgram:
    def test_help_needs_no_library(self) -> None:
        done = run_without(
            ('torch', 'numpy', 'mmengine', 'rich'),
            'from mmautoloss.__main__ import main\nmain(["doctor", "--help"])',
        )
        assert done.returncode == 0, done.stderr
        assert '--json' in done.stdout

    def test_unknown_command(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as stop:
            program.main(['cure'])
        assert stop.value.code == 2
        assert "invalid choice: 'cure'" in capsys.readouterr().err

    def test_own_errors_are_told_without_a_traceback(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def run(args: argparse.Namespace) -> int:
            raise SetupError('there is no such file')

        monkeypatch.setattr(doctor, 'run', run)
        assert program.main(['doctor']) == 2
        assert capsys.readouterr().err == 'mmautoloss doctor: error: there is no such file\n'
