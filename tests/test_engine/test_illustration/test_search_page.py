"""The page that a search leaves in its work dir, of a real search of the toy."""

from __future__ import annotations

import csv
import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip('mmengine')

from mmautoloss.__main__ import main
from mmautoloss.engine import load_search_config
from mmautoloss.engine.illustration.search_page import write_report
from mmautoloss.errors import JournalError, SetupError
from mmautoloss.testing.toy_searches import run_toy, toy_config
from mmautoloss.trial import read_history
from tests.browser import browser, opened, overflow
from tests.isolation import ROOT


@pytest.fixture(scope='module')
def work_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished search; none of the tests writes into it."""
    cfg = toy_config(tmp_path_factory.mktemp('toy'), {'budget.max_trials': 6, 'report': True})
    run_toy(cfg)
    return Path(cfg.work_dir)


@pytest.fixture
def copy(work_dir: Path, tmp_path: Path) -> Path:
    """The search without its page."""
    copied = tmp_path / 'work dir'
    shutil.copytree(work_dir, copied, ignore=shutil.ignore_patterns('report*', 'proxy'))
    return copied


def test_search_leaves_its_page_with_the_tables(work_dir: Path) -> None:
    html = (work_dir / 'report.html').read_text(encoding='utf-8')
    assert 'Losses of mlp on vectors, for toy/score' in html and 'Search finished' in html
    tables = {path.name for path in (work_dir / 'report').iterdir()}
    assert {f'{name}.{kind}' for name in ('progress_trials', 'trials', 'funnel') for kind in ('csv', 'json')} <= tables
    _, history = read_history(work_dir / 'journal.jsonl')
    with (work_dir / 'report' / 'trials.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    assert [row['score'] for row in rows] == ['' if t.score is None else str(t.score) for t in history]
    assert json.loads((work_dir / 'report' / 'trials.json').read_text())[3]['cls'] == str(history[3].genome['cls'])


@pytest.mark.parametrize('width', [1280, 390])
def test_page_of_a_real_search_fetches_nothing_and_nothing_overflows(work_dir: Path, width: int) -> None:
    page = work_dir / 'report.html'
    with browser() as running, opened(running, page, width) as seen:
        assert overflow(seen.page) == [] and seen.errors == []
        assert seen.requests == [page.absolute().as_uri()]


def test_command_writes_the_page_anywhere(copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(['report', str(copy), '-o', str(tmp_path / 'new' / 'page.html')]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / 'new' / 'page.html')
    html = (tmp_path / 'new' / 'page.html').read_text(encoding='utf-8')
    assert 'href="page/trials.csv"' in html and (tmp_path / 'new' / 'page' / 'trials.csv').is_file()
    assert f'--work-dir &#39;{copy}&#39; --resume' in html
    assert not (copy / 'report.html').exists()


def test_json_has_all_facts_and_writes_nothing(copy: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(['report', str(copy / 'journal.jsonl'), '--json']) == 0
    told = json.loads(capsys.readouterr().out)
    assert told['status']['state'] == 'finished' and told['describe']['network'] == 'mlp'
    assert told['finalists'][0]['losses'][0]['branch'] == 'cls' and told['tables']['trials'][0]['role'] == 'baseline'
    assert not (copy / 'report.html').exists()


def test_tool_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, 'tools/report.py', '/no/such'], cwd=ROOT, capture_output=True, text=True, timeout=120,
        env={'PYTHONPATH': str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 2 and 'There is no search in /no/such' in done.stderr


def test_journal_alone_has_a_page(copy: Path, tmp_path: Path) -> None:
    (tmp_path / 'alone').mkdir()
    shutil.copy(copy / 'journal.jsonl', tmp_path / 'alone')
    html = write_report(tmp_path / 'alone').read_text(encoding='utf-8')
    assert 'Losses for toy/score' in html and 'mmautoloss search' not in html


def test_search_is_not_lost_with_its_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def fail(work_dir: Path) -> Path:
        raise RuntimeError('no fonts')

    # the package has a function of the module's name
    monkeypatch.setattr(importlib.import_module('mmautoloss.engine.search_run'), 'write_report', fail)
    cfg = toy_config(tmp_path, {'budget.max_trials': 1, 'report': True})
    history = run_toy(cfg)
    assert history.settled() and (Path(cfg.work_dir) / 'best_config.py').is_file()
    assert "could not be written (RuntimeError('no fonts'))" in ' '.join(capsys.readouterr().out.split())


def test_drawing_that_fails_is_told_on_the_page(copy: Path) -> None:
    def fail(*_: object) -> list:
        raise RuntimeError('<no> network')

    html = write_report(copy, draw_portraits=fail, draw_pictures=fail).read_text(encoding='utf-8')
    assert 'Predictions could not be drawn: RuntimeError: &lt;no&gt; network' in html
    assert 'Trial ' in html and html.count('RuntimeError: &lt;no&gt; network') == 3  # both finalists, and the best


def test_page_that_cannot_be_written_or_read(copy: Path, tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    with pytest.raises(SetupError, match='cannot be written'):
        write_report(copy, tmp_path / 'file' / 'page.html')
    with pytest.raises(JournalError, match='There is no search'):
        write_report(tmp_path)
    with pytest.raises(SystemExit):
        main(['report', str(copy), '-o', str(copy / 'journal.jsonl')])


def test_page_marks_what_each_step_changed(work_dir: Path) -> None:
    html = (work_dir / 'report.html').read_text(encoding='utf-8')
    assert 'How it came about' in html
    _, history = read_history(work_dir / 'journal.jsonl')
    best = history.ranking(1)[0]
    assert best.parent is not None, 'the toy breeds from its seed'
    assert '<del>' in html and '<ins>' in html


def test_options_of_a_search_hold_when_its_resolved_config_is_used(work_dir: Path, tmp_path: Path) -> None:
    """As in the commands that the page prints: the data of the base are where the search was told."""
    text = (work_dir / 'search_config.py').read_text()
    text = text.replace("'report': True,", "'report': True, 'options': {'log_level': 'INFO'},")
    (tmp_path / 'search.py').write_text(text)
    cfg = load_search_config(str(tmp_path / 'search.py'), options={'randomness.seed': 1})
    assert cfg.train_cfg.options == {'log_level': 'INFO', 'randomness.seed': 1}
