"""A search of two toy tasks: what it trains, what it writes, and what it refuses."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from mmengine.config import Config

from mmautoloss.engine import load_planner, load_spec, replay, spec_of, write_report
from mmautoloss.errors import SetupError
from mmautoloss.execute.ray_actor import TrialActor
from mmautoloss.found.read import read_found
from mmautoloss.proxy import ProxyEvaluator, evaluator_of
from mmautoloss.report.status import status_of
from mmautoloss.testing.toy_searches import changed, run_toy, tasks_config, toy_config
from mmautoloss.testing.toy_trials import GOOD
from mmautoloss.trial import (
    History,
    Outcome,
    Role,
    State,
    Trial,
    Unit,
    Yardstick,
    outcome_from_json,
    read_events,
    read_journal,
)
from tests.isolation import one_thread

__all__ = ['one_thread']

TASKS = ('near', 'far')
PLAIN = {'screen.engine': 'plain', 'screen.steps': 8}  # nothing is compiled
WEIGHTS = {'near/cls': 0.5, 'near/box': 1.0, 'far/cls': 0.75, 'far/box': 0.25}


class Finished:
    """A search of two tasks that has run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        changes = {**PLAIN, 'budget.max_trials': 2, 'budget.confirm_seeds': 5, 'results': str(folder / 'rows.csv')}
        self.cfg = tasks_config(folder, changes)
        self.work = Path(self.cfg.work_dir)
        self.history: History = run_toy(self.cfg)
        self.record = read_journal(self.work / 'journal.jsonl')


@pytest.fixture(scope='module')
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return Finished(tmp_path_factory.mktemp('tasks'))


def test_every_trial_has_a_value_in_each_task_and_one_score(finished: Finished) -> None:
    history = finished.history
    assert {trial.state for trial in history} <= {State.COMPLETE, State.EQUIVALENT}
    assert {trial.role for trial in history} == {
        *(Role.BASELINE, Role.KNOWN, Role.SEARCH, Role.FINALIST, Role.CONFIRM),
    }
    for trial in history:
        outcome = trial.required_outcome
        assert tuple(outcome.tasks) == TASKS
        assert trial.score == history.yardstick.score(outcome.tasks)
        if trial.state is State.COMPLETE:
            assert outcome.metrics['near/toy/score'] == outcome.tasks['near']
            assert outcome.metrics['far/toy/error'] == -outcome.tasks['far'], 'which is better lower'
    assert fmean(history.baseline_scores()) == pytest.approx(0, abs=1e-9)
    assert history.confirmations(history.winner().number), 'the verdict is by fresh seeds'


def test_weights_are_those_of_each_task(finished: Finished) -> None:
    winner = finished.history.winner()
    assert set(winner.weights) == set(WEIGHTS)
    assert winner.weights['near/box'] != winner.weights['far/box']
    for task in TASKS:
        head = Config.fromfile(finished.work / f'best_config_{task}.py').model.head
        found = read_found(finished.work / f'best_losses_{task}.json')
        for loss in found.losses:
            assert head[f'loss_{loss.name}'].loss_weight == loss.weight == winner.weights[f'{task}/{loss.name}']
            assert head[f'loss_{loss.name}'].expression == loss.expression == str(winner.genome[loss.name])
    far = Config.fromfile(finished.work / 'best_config_far.py')
    assert far.train_dataloader.batch_size == 8, 'each in its own plain config'
    with pytest.raises(SetupError, match='TASK being near or far'):
        read_found(finished.work)


def test_values_are_those_of_searches_of_each_task_alone(finished: Finished, tmp_path: Path) -> None:
    first = finished.history[0].required_outcome
    for task in TASKS:
        spec = spec_of(_with_work(finished.folder / task / 'toy_search.py', tmp_path))
        alone = ProxyEvaluator(spec.proxy).evaluate(Trial(0, Role.BASELINE, 0))
        assert alone.score == first.tasks[task], 'to the last bit'


def _with_work(path: Path, folder: Path) -> Config:
    cfg = Config.fromfile(path)
    cfg.work_dir = str(folder)
    return cfg


def test_proposals_are_found_again(finished: Finished) -> None:
    planner = load_planner(finished.work, finished.record.header, Path(finished.cfg.filename))
    events = read_events(finished.work / 'journal.jsonl')
    again = list(replay(events, planner))
    assert len(again) == len(finished.history)
    assert [each for each in again if each.differences] == []


def test_resolved_config_is_the_same_search(finished: Finished) -> None:
    again = load_spec(finished.work)
    assert again.header == spec_of(finished.cfg).header
    assert [Path(path).is_absolute() for path in again.proxy.config['train_cfg']['tasks'].values()] == [True, True]


def test_page_status_and_rows_have_a_column_a_task(finished: Finished) -> None:
    page = write_report(finished.work, config=Path(finished.cfg.filename)).read_text()
    assert '<th scope="col" class="number">task near</th>' in page or 'task near' in page
    assert '# task far, in head.loss_cls' in page and 'best_losses' not in page.split('<pre>')[0]
    status = status_of(finished.record, 0.0)
    assert status.metric == 'gain' and status.greater
    hand_made = [trial.required_outcome.tasks for trial in finished.history.of_role(Role.BASELINE)]
    assert status.baseline.tasks == {
        'near': pytest.approx(fmean(values['near'] for values in hand_made)),
        'far': pytest.approx(-fmean(values['far'] for values in hand_made)),
    }
    rows = (finished.folder / 'rows.csv').read_text().splitlines()
    assert len(rows) == 1 + 5 * 2 and all(',gain,' in row for row in rows[1:])


def test_other_tasks_are_another_search(finished: Finished) -> None:
    header = finished.record.header
    assert header['metric'] == 'gain' and set(header['tasks']) == set(TASKS)
    assert header['tasks']['far']['metric'] == 'toy/error' and header['tasks']['far']['rule'] == 'less'
    assert header['tasks']['near']['config'] != header['tasks']['far']['config']


def settings_of(folder: Path, changes: dict[str, Any] | None = None, **faults: Any) -> Any:
    other = {f'model.faults.{name}': value for name, value in faults.items()}
    return spec_of(tasks_config(folder, changes, other)).proxy


def test_a_task_that_fails_is_a_failed_trial_with_its_name(tmp_path: Path) -> None:
    evaluator = evaluator_of(settings_of(tmp_path, fail_at=3))
    outcome = evaluator.evaluate(Trial(0, Role.SEARCH, 0, GOOD, WEIGHTS))
    assert outcome.state is State.FAILED and outcome.score is None and not outcome.tasks
    assert outcome.reason.startswith('Traceback') and outcome.reason.endswith('(task far)')
    assert 'near/toy/score' in outcome.metrics, 'what was measured is not lost'


def test_a_loss_that_is_not_finite_fails_by_itself(tmp_path: Path) -> None:
    evaluator = evaluator_of(settings_of(tmp_path, nan_at=3))
    trial = Trial(0, Role.SEARCH, 0, GOOD, WEIGHTS)
    settled = trial.settle(evaluator.evaluate(trial))
    assert settled.failed_by_itself and settled.required_outcome.reason.endswith('(task far)')


def test_time_limit_is_that_of_all_tasks(tmp_path: Path) -> None:
    evaluator = evaluator_of(settings_of(tmp_path, slow=0.05))
    trial = Trial(0, Role.SEARCH, 0, GOOD, WEIGHTS)
    assert evaluator.evaluate(trial).score is not None
    assert evaluator.evaluate(trial, 0.2).reason.startswith('time limit:')


def test_order_of_trials_and_tasks_does_not_matter(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    trials = [Trial(0, Role.BASELINE, 0), Trial(1, Role.SEARCH, 1, GOOD, WEIGHTS), Trial(2, Role.BASELINE, 2)]
    turned = replace(settings, tasks=settings.tasks[::-1])
    forth, back = evaluator_of(settings), evaluator_of(turned)
    first: list[Outcome] = [forth.evaluate(trial) for trial in trials]
    second = [back.evaluate(trial) for trial in trials[::-1]][::-1]
    assert [dict(each.tasks) for each in first] == [dict(each.tasks) for each in second]


def test_a_longer_training_is_longer_in_each_task(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    trial = Trial(0, Role.LONGER, 0, GOOD, WEIGHTS, repeats=0, times=2)
    outcome = evaluator_of(settings).evaluate(trial)
    for task in settings.tasks:
        assert ProxyEvaluator(task).evaluate(trial.of_task(task.task)).score == outcome.tasks[task.task]
    assert outcome.tasks != evaluator_of(settings).evaluate(replace(trial, times=1)).tasks


def test_an_actor_evaluates_several_tasks(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    trial = Trial(0, Role.SEARCH, 0, GOOD, WEIGHTS, yardstick=Yardstick('least', dict.fromkeys(TASKS, Unit(0.5, 2.0))))
    text, trunk = TrialActor(settings, 1).measure(json.dumps({'trial': trial.to_json(), 'limit': None}), b'')
    answer = json.loads(text)
    outcome = outcome_from_json(answer['outcome'])
    assert not answer['spoilt'] and trunk == b''
    assert outcome.score == min((value - 0.5) / 2 for value in outcome.tasks.values())


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    'one task': ({'tasks': {'near': 'near/toy_search.py'}}, {}, 'two search configs or more'),
    'a name': ({'tasks': {'a/b': 'near/toy_search.py', 'c': 'far/toy_search.py'}}, {}, 'letters, digits'),
    'twice': ({'tasks': {'a': 'near/toy_search.py', 'b': 'near/toy_search.py'}}, {}, 'names one twice'),
    'a plain config': ({'tasks': {'a': 'near/toy_search.py', 'b': 'near/toy.py'}}, {}, 'Task b: .*of one task'),
    'no file': ({'tasks': {'a': 'near/toy_search.py', 'b': 'none.py'}}, {}, 'Task b: There is no config'),
    'another first': ({'tasks': {'a': 'far/toy_search.py', 'b': 'near/toy_search.py'}}, {}, 'first, a, without'),
    'own metric': ({'metric': 'toy/error'}, {}, 'first, near, without a change of metric'),
    'aggregate': ({'aggregate': 'sum'}, {}, "one of gain, least, but got 'sum'"),
    'repeats': ({'budget.baseline_repeats': 1}, {}, 'baseline_repeats must be at least 2'),
    'inputs': ({}, {'branches': {'cls': 'head.loss_cls'}}, 'near has cls .softmax., box .delta. and task far has cls'),
    'rung': ({}, {'proxy.rung': {'at': 0.5}}, 'proxy.rung is for searches of one task, but task far'),
    'trunk': ({}, {'proxy.begin': 'trunk'}, "begin='trunk' is for searches of one task, but task far"),
    'its setting': ({}, {'proxy.schedule': None}, 'Task far: '),
}


@pytest.mark.parametrize('case', REFUSED)
def test_what_does_not_fit_is_one_clear_error(tmp_path: Path, case: str) -> None:
    changes, far, message = REFUSED[case]
    cfg = tasks_config(tmp_path, changes)
    if far:
        path = tmp_path / 'far' / 'toy_search.py'
        other = Config.fromfile(path)
        loop = changed(other.train_cfg.to_dict(), far)
        plain = {**copy.deepcopy(other.to_dict()), 'train_cfg': loop}
        path.write_text('\n'.join(f'{key} = {value!r}' for key, value in plain.items()))
    with pytest.raises(SetupError, match=message):
        spec_of(cfg)


@pytest.mark.parametrize('key', ['custom_hooks', 'data_preprocessor', 'val_cfg'])
def test_a_section_without_effect_is_refused(tmp_path: Path, key: str) -> None:
    cfg = tasks_config(tmp_path)
    cfg[key] = {'custom_hooks': [{'type': 'EMAHook'}], 'data_preprocessor': {'type': 'BaseDataPreprocessor'}}.get(
        key, {'type': 'ValLoop', 'fp16': True}
    )
    with pytest.raises(SetupError, match=f'without a change of {key}'):
        spec_of(cfg)


def test_hand_made_losses_alone_have_values_but_no_score(tmp_path: Path) -> None:
    rows = tmp_path / 'rows.csv'
    changes = {**PLAIN, 'budget.max_trials': 0, 'seeds': [], 'results': str(rows)}
    history = run_toy(tasks_config(tmp_path, changes))
    assert len(history) == 3 and history.yardstick is None and history.baseline_scores() == [0.0] * 3
    assert all(trial.required_outcome.tasks for trial in history)
    assert len(rows.read_text().splitlines()) == 1, 'the header alone'


def test_an_unknown_metric_of_one_task_ends_before_any_training(tmp_path: Path) -> None:
    cfg = tasks_config(tmp_path, PLAIN)
    path = tmp_path / 'far' / 'toy_search.py'
    path.write_text(path.read_text().replace("'toy/error'", "'toy/errors'"))
    with pytest.raises(SetupError, match="Task far: metric 'toy/errors' is not among"):
        run_toy(cfg)
    assert len(read_journal(Path(cfg.work_dir) / 'journal.jsonl').history) == 0


def test_options_hold_for_all_tasks(tmp_path: Path) -> None:
    cfg = tasks_config(tmp_path)
    cfg.merge_from_dict({'train_cfg.proxy.schedule.max_iters': 5, 'optim_wrapper.optimizer.lr': 0.01})
    cfg.train_cfg.options = {
        'train_cfg.proxy.schedule.max_iters': 5,
        'optim_wrapper.optimizer.lr': 0.01,
        'train_cfg.budget.max_trials': 3,
    }
    for task in spec_of(cfg).proxy.tasks:
        assert task.schedule['max_iters'] == 5 and task.config['optim_wrapper']['optimizer']['lr'] == 0.01


@pytest.mark.slow
@pytest.mark.usefixtures('forked_workers')
def test_workers_measure_the_same(finished: Finished, tmp_path: Path) -> None:
    history = run_toy(tasks_config(tmp_path, {**PLAIN, 'budget.max_trials': 3, 'execute.workers': 2}))
    assert {trial.state for trial in history} <= {State.COMPLETE, State.EQUIVALENT}
    assert history.yardstick == finished.history.yardstick, 'to the last bit'
    assert {trial.required_outcome.worker for trial in history if trial.state is State.COMPLETE} == {
        'local-0',
        'local-1',
    }
    others = [trial for trial in history if trial.role is not Role.BASELINE]
    assert min(trial.settled_before for trial in others) == 3


def test_a_search_of_one_task_knows_nothing_of_tasks(tmp_path: Path) -> None:
    cfg = toy_config(tmp_path, {**PLAIN, 'budget.max_trials': 1, 'budget.finalists': 0})
    run_toy(cfg)
    journal = (Path(cfg.work_dir) / 'journal.jsonl').read_text()
    assert 'tasks' not in journal and 'yardstick' not in journal and 'aggregate' not in journal
