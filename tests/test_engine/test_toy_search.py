"""A whole search of the toy: what it prints, what it leaves behind, what its result is worth."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from mmautoloss.engine import build_search, load_search_config
from mmautoloss.errors import CalibrationError, JournalError, SetupError
from mmautoloss.execute import ExecuteSettings, Executor
from mmautoloss.found.read import read_found
from mmautoloss.proxy import ProxyEvaluator, ProxySettings
from mmautoloss.proxy.runner import ProxyRunner
from mmautoloss.report import read_results
from mmautoloss.report.verdict import verdict_of
from mmautoloss.testing.toy_searches import run_toy, toy_config
from mmautoloss.trial import History, Role, State, read_history
from tests.test_engine.test_config.test_losses import differences
from tests.test_search.processes import read_events


class Finished:
    """A search that has run, with two results files appended to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cfg = toy_config(folder, {'results': str(folder / 'results.csv')})
        self.work = Path(self.cfg.work_dir)
        self.history: History = run_toy(self.cfg)


@pytest.fixture(scope='module')
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return Finished(tmp_path_factory.mktemp('toy'))


def test_every_stage_was_run(finished: Finished) -> None:
    history = finished.history
    counts = {role.value: len(history.of_role(role)) for role in Role}
    assert (counts['baseline'], counts['known'], counts['finalist']) == (2, 1, 2)
    assert history.n_proxies() == 4 and history.running() == []
    assert all(trial.state is not State.FAILED for trial in history)


def test_known_formulas_are_the_hand_made_losses(finished: Finished) -> None:
    (known,) = finished.history.of_role(Role.KNOWN)
    assert known.state is State.EQUIVALENT and known.outcome.reason == 'trial 0'


def test_result_differs_from_the_base_in_the_losses_only(finished: Finished) -> None:
    base = Config.fromfile(finished.folder / 'toy.py').to_dict()
    best = Config.fromfile(finished.work / 'best_config.py').to_dict()
    assert differences(base, best) == ['model.head.loss_box', 'model.head.loss_cls']
    winner = finished.history.ranking(2)[0]
    head = best['model']['head']
    found = {name: head[f'loss_{name}']['expression'] for name in ('cls', 'box')}
    assert found == winner.genome.to_text()
    assert head['loss_cls']['loss_weight'] == winner.weights['cls']


def test_found_losses_say_where_they_come_from(finished: Finished) -> None:
    winner = finished.history.ranking(2)[0]
    found = read_found(finished.work / 'best_losses.json')
    assert found == read_found(finished.work, winner.number), 'the file alone says as much as the work dir'
    assert (found.origin.trial, found.origin.metric) == (winner.number, 'toy/score')
    assert found.origin.scores == tuple(finished.history.scores_of(winner.number))


def test_result_trains_in_a_plain_runner(finished: Finished, tmp_path: Path) -> None:
    cfg = Config.fromfile(finished.work / 'best_config.py')
    cfg.work_dir = str(tmp_path)
    cfg.experiment_name = 'toy-best'
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert runner.iter == 20
    metrics = runner.val_loop.run()
    assert metrics['toy/score'] > 0.5


def test_rows_of_results(finished: Finished) -> None:
    rows = read_results(finished.folder / 'results.csv')
    hand_made = [row for row in rows if row.loss == 'hand-made']
    found = [row for row in rows if row.loss.startswith('found-')]
    assert [row.seed for row in hand_made] == [0, 1] and len(found) == 4
    assert [row.value for row in hand_made] == finished.history.baseline_scores()
    assert {(row.task, row.set, row.network) for row in rows} == {('toy', 'vectors', 'mlp')}
    assert all(set(json.loads(row.expression)) == {'cls', 'box'} for row in found)


def test_only_fresh_seeds_are_reported_where_there_are_any(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results, seeds = tmp_path / 'results.csv', [{'cls': 'ce', 'box': 'l1'}, {'cls': 'ce', 'box': 'mse'}]
    cfg = toy_config(tmp_path, {'results': str(results), 'budget.confirm_seeds': 5, 'seeds': seeds, 'verbose': True})
    history = run_toy(cfg)
    winner, rival = history.winner(), history[3]
    assert rival.state is State.COMPLETE, 'the first one equals the hand-made losses'
    fresh = {number: history.confirmations(number) for number in (0, rival.number, winner.number)}
    assert [[*runs] for runs in fresh.values()] == [[*range(1000, 1005)]] * 3
    for number, runs in fresh.items():
        assert len({run.score for run in runs.values()} | {history[number].score}) > 1, 'other seeds, other scores'
    rows = read_results(results)
    assert sorted(row.value for row in rows) == sorted(run.score for runs in fresh.values() for run in runs.values())
    assert {row.loss for row in rows} == {'hand-made', 'ce+mse', f'found-{winner.number}'}
    origin = read_found(Path(cfg.work_dir) / 'best_losses.json').origin
    assert origin.fresh and origin.scores == tuple(run.score for run in fresh[winner.number].values())
    assert origin.hand_made == tuple(run.score for run in fresh[0].values()) and 'with fresh seeds' in origin.result
    out = ' '.join(capsys.readouterr().out.split())
    assert verdict_of(history, [winner]).text.split(':')[0] in out
    assert 'toy/score with fresh seeds' in out and 'best known loss, trial 3 (ce + mse)' in out


def test_finished_search_again_adds_nothing(finished: Finished) -> None:
    before = (finished.folder / 'results.csv').read_text()
    events = read_events(finished.work)
    cfg = copy.deepcopy(finished.cfg)
    cfg.train_cfg.resume = True
    run_toy(cfg)
    assert (finished.folder / 'results.csv').read_text() == before
    assert read_events(finished.work) == events


def test_finished_search_is_not_overwritten(finished: Finished) -> None:
    with pytest.raises(JournalError, match='already holds a search'):
        run_toy(copy.deepcopy(finished.cfg))


def test_other_settings_are_another_search(finished: Finished) -> None:
    cfg = copy.deepcopy(finished.cfg)
    cfg.train_cfg.resume = True
    cfg.train_cfg.screen.eta = 0.35
    with pytest.raises(JournalError, match='belongs to another search: screen was'):
        run_toy(cfg)


def test_misspelt_metric_lists_the_keys_before_any_training(tmp_path: Path) -> None:
    cfg = toy_config(tmp_path, {'metric': 'toy/scoer'})
    with pytest.raises(SetupError, match=r"'toy/scoer' is not among .*: toy/error, toy/score"):
        run_toy(cfg)
    assert len(read_history(tmp_path / 'work' / 'journal.jsonl')[1]) == 0
    cfg.train_cfg.metric = 'toy/score'
    cfg.train_cfg.budget.max_trials = 0
    assert len(run_toy(cfg)) == 3, 'the mended search begins in the same work dir'


def test_bad_calibration_stops_the_search(tmp_path: Path) -> None:
    cfg = toy_config(tmp_path, {'screen.lr': 1e-6})
    with pytest.raises(CalibrationError, match=r'box: hand-made 0\.000'):
        run_toy(cfg)


def test_baseline_that_crashes_shows_its_traceback(tmp_path: Path) -> None:
    cfg = toy_config(tmp_path, base={'model.faults': {'fail_at': 2}})
    with pytest.raises(SetupError, match=r'hand-made losses(.|\n)*the toy fails in iteration 2'):
        run_toy(cfg)


def test_options_of_the_command_line_reach_the_result(tmp_path: Path) -> None:
    toy_config(tmp_path)
    options = {'train_dataloader.batch_size': 2}
    cfg = load_search_config(str(tmp_path / 'toy_search.py'), str(tmp_path / 'work'), options, budget__max_trials=2)
    run_toy(cfg)
    best = Config.fromfile(tmp_path / 'work' / 'best_config.py')
    assert best.train_dataloader.batch_size == 2


@pytest.mark.parametrize(
    ('execute', 'limit', 'share', 'said'),
    [
        pytest.param({}, 2**22, 2**22, 'samples are not kept in memory: ToyScenes', id='in the driver'),
        pytest.param(
            {'workers': 2}, 0, 2**21, 'samples: each process that trains, 2 in all, .* 2.0 MiB', id='workers'
        ),
        pytest.param({'isolate': True}, 0, 2**22, 'samples: each process that trains, 1 in all', id='isolated'),
        pytest.param({'workers': 2, 'cache': 0}, 0, 0, None, id='none asked for'),
    ],
)
def test_only_who_trains_keeps_samples(
    execute: dict,
    limit: int,
    share: int,
    said: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    limits, shares = [], []
    keep = ProxyRunner.keep_samples
    monkeypatch.setattr(ProxyRunner, 'keep_samples', lambda self, limit: limits.append(limit) or keep(self, limit))

    def build(self: ExecuteSettings, proxy: ProxySettings, evaluator: ProxyEvaluator) -> Executor:
        shares.append(proxy.cache)
        raise SetupError('far enough')

    monkeypatch.setattr(ExecuteSettings, 'build', build)
    with pytest.raises(SetupError, match='far enough'):
        run_toy(toy_config(tmp_path, {'execute': {'threads': 1, 'cache': '4 MiB', **execute}}))
    assert (limits, shares) == ([limit], [share])
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith('samples')]
    assert re.search(said, *lines) if said else not lines


def test_result_that_cannot_be_written_is_one_error_and_the_search_is_kept(tmp_path: Path) -> None:
    cfg = toy_config(tmp_path)
    obstacle = Path(cfg.work_dir) / 'best_config.py' / 'x'
    obstacle.mkdir(parents=True)
    with pytest.raises(SetupError, match=r'best_config\.py cannot be written: .*--resume'):
        run_toy(cfg)
    obstacle.rmdir()
    obstacle.parent.rmdir()
    cfg.train_cfg.resume = True
    before = len(read_history(Path(cfg.work_dir) / 'journal.jsonl')[1])
    assert len(run_toy(cfg)) == before and obstacle.parent.is_file()


def test_a_search_without_rejection_trains_what_comes(tmp_path: Path) -> None:
    """The parts of the published search can be left out one by one, to see what each is worth."""
    cfg = toy_config(
        tmp_path,
        {
            'seeds': [],
            'strategy': {'type': 'RandomSearch'},
            'screen.engine': 'none',
            'screen.balance': 'none',
            'screen.digits': 0,
            'proxy.invalid_stop': 0,
            'budget.finalists': 0,
            'budget.max_failures': 0,
        },
    )
    history = run_toy(cfg)
    searched = history.of_role(Role.SEARCH)
    assert len(searched) == 4 and history.funnel() == {'accepted': 8}, (
        'the first that is drawn for each branch is taken'
    )
    assert {trial.fingerprint for trial in history} == {''}
    assert all(trial.weights == {'cls': 1.0, 'box': 1.0} for trial in searched)


def test_schedules_are_those_of_a_training_not_of_the_search(tmp_path: Path) -> None:
    """MMEngine ends a scheduler that names no end with the loop, and refuses one that begins after it."""
    late = [{'type': 'CosineAnnealingLR', 'by_epoch': False, 'begin': 5, 'T_max': 3}]
    changes = {'budget.max_trials': 1, 'budget.finalists': 0, 'budget.baseline_repeats': 0}
    history = run_toy(toy_config(tmp_path, changes, {'param_scheduler': late}))
    assert len(history.baseline_scores()) == 1


def test_hooks_of_the_config_are_those_of_a_training_not_of_the_search(tmp_path: Path) -> None:
    """An average that begins later than the search has trials."""
    base = {'custom_hooks': [{'type': 'EMAHook', 'begin_iter': 6}]}
    cfg = toy_config(tmp_path, {'budget.max_trials': 1, 'budget.finalists': 0}, base)
    assert run_toy(cfg)[0].score is not None
    runner = build_search(toy_config(tmp_path / 'again', {}, base))
    assert 'EMAHook' not in [type(hook).__name__ for hook in runner.hooks]
    assert runner.hooks


def test_default_hooks_of_ones_own_train_candidates_and_those_that_write_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ema = {'type': 'EMAHook', 'begin_iter': 0, 'momentum': 0.5}
    budget = {'budget': {'max_trials': 1, 'baseline_repeats': 0, 'finalists': 0, 'confirm_seeds': 0}}
    scores = []
    for name, place in (
        ('none', {}),
        ('custom', {'custom_hooks': [ema]}),
        ('default', {'default_hooks.ema': ema, 'default_hooks.checkpoint': {'type': 'CheckpointHook', 'interval': 1}}),
    ):
        runner = build_search(toy_config(tmp_path / name, budget, place))
        assert 'EMAHook' not in [type(hook).__name__ for hook in runner.hooks]
        runner.train()
        history = read_history(runner.train_loop.spec.work_dir / 'journal.jsonl')[1]
        scores.append([trial.score for trial in history.settled()])
        text = capsys.readouterr().out
        assert ('default_hooks.checkpoint (CheckpointHook)' in text) == (name == 'default')
        assert 'EMAHook' not in text
    assert scores[1] == scores[2] != scores[0]
