"""Where workers train on GPUs, another process looks at the model, and the search itself never builds it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from mmautoloss.engine import spec_of
from mmautoloss.engine.survey import Capture, ChildSurvey, OwnSurvey, survey_of
from mmautoloss.errors import SetupError
from mmautoloss.execute import ExecuteSettings
from mmautoloss.proxy import ProxyEvaluator
from mmautoloss.screen import load_probes
from mmautoloss.testing.forked import SERVER
from mmautoloss.testing.toy_searches import run_toy, toy_config


@pytest.fixture(autouse=True)
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that begin with all imports."""
    for module in ('engine.survey.child', 'execute.local'):
        monkeypatch.setattr(f'mmautoloss.{module}.multiprocessing.get_context', lambda _: SERVER)


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes believe that there are GPUs, on which nothing runs."""
    monkeypatch.setattr('mmautoloss.engine.survey.surveyor.visible_gpus', lambda: ('0', '1'))


def test_who_looks_at_the_model(tmp_path: Path, gpus: None, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluator = ProxyEvaluator(spec_of(toy_config(tmp_path)).proxy)

    def kind(**options) -> type:
        with survey_of(evaluator, ExecuteSettings(**options)) as survey:
            return type(survey)

    assert kind(workers=2) is kind(isolate=True) is kind(executor='ray') is ChildSurvey
    assert kind() is OwnSurvey, 'it trains here anyway'
    monkeypatch.setattr('mmautoloss.engine.survey.surveyor.visible_gpus', lambda: ())
    assert kind(workers=2) is OwnSurvey


@pytest.mark.slow
def test_search_is_the_same_and_the_model_is_in_other_processes(
    tmp_path: Path, gpus: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trials(name: str) -> tuple[dict, list]:
        cfg = toy_config(tmp_path / name, {'execute.isolate': True, 'budget.max_trials': 2, 'budget.finalists': 1})
        history = run_toy(cfg)
        work = Path(cfg.work_dir)
        lines = map(json.loads, (work / 'journal.jsonl').read_text().splitlines())
        proposed = [{**line, 'time': 0, 'crc': 0} for line in lines if line['event'] == 'proposed']
        assert all(trial.score is not None for trial in history.settled())
        return load_probes(work / 'probes.pt'), [proposed, [trial.score for trial in history.settled()]]

    def refuse(evaluator: ProxyEvaluator) -> None:
        raise AssertionError('the model was built in the process of the search')

    with monkeypatch.context() as here:
        here.setattr('mmautoloss.engine.survey.surveyor.visible_gpus', lambda: ())
        own_probes, own = trials('own')
    monkeypatch.setattr(ProxyEvaluator, '_build', refuse)
    probes, found = trials('child')
    assert found == own
    for name, probe in own_probes.items():
        for mine, its in zip(probe.samples, probes[name].samples, strict=True):
            assert torch.equal(mine.pred, its.pred) and torch.equal(mine.target, its.target)


@pytest.fixture
def survey(tmp_path: Path) -> Iterator[ChildSurvey]:
    survey = ChildSurvey({'': spec_of(toy_config(tmp_path, {'metric': 'toy/scor'})).proxy})
    yield survey
    survey.close()


def test_errors_come_back(survey: ChildSurvey, tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(SetupError, match=r"metric 'toy/scor' is not among the results of the validation: toy/error"):
        survey.check('', said.append)
    with pytest.raises(SetupError, match=r'The probe needs 99 training images, but there are 32\.'):
        survey.capture('', Capture(str(tmp_path / 'probes.pt'), 99, 0, 48), said.append)
    with pytest.raises(SetupError, match=r'fails before any training:\n(.|\n)*KeyError'):
        survey.check('other', said.append)
    survey._process.kill()
    survey._process.join()
    with pytest.raises(SetupError, match='has died: exit code -9'):
        survey.check('', said.append)
