"""Searches whose candidates continue a trunk."""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip('mmengine')

from mmengine.config import Config
from mmengine.runner import Runner

from mmautoloss.engine import load_planner, replay
from mmautoloss.errors import JournalError, SetupError
from mmautoloss.report import read_results
from mmautoloss.report.trunk_cost import trunk_cost_of
from mmautoloss.screen import load_probes
from mmautoloss.testing.killed_searches import run_to_next_event
from mmautoloss.testing.plain_training import GivenWeightsHook
from mmautoloss.testing.toy_searches import run_toy, toy_config
from mmautoloss.trial import History, Outcome, Role, Saved, Scale, State, Trial, read_events
from tests.test_search.conftest import Search, score_by_number
from tests.test_search.processes import LIMIT
from tests.test_search.processes import read_events as trial_events

SAVED = Saved('seed_3.pth', 90, '0' * 64)
SMALL = {'budget.max_trials': 2, 'budget.finalists': 1, 'budget.allocation': 'equal'}


def trunk_config(folder: Path, begin: Any = 'trunk', **changes: Any) -> Config:
    dotted = {key.replace('__', '.'): value for key, value in changes.items()}
    return toy_config(folder, {**SMALL, 'proxy': {'begin': begin}, **dotted}, {'model.plain': True})


@pytest.fixture(scope='module')
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, History]:
    cfg = trunk_config(tmp_path_factory.mktemp('trunk'))
    return cfg, run_toy(cfg)


def test_rows_say_that_losses_began_late(tmp_path: Path) -> None:
    rows = tmp_path / 'rows.csv'
    run_toy(trunk_config(tmp_path, {'at': 0.8, 'rate': 'scheduled'}, budget__max_trials=0, results=str(rows)))
    found = {(row.network, row.begin, row.iterations, row.tail) for row in read_results(rows)}
    assert found == {('mlp', 'late0.8_scheduled', 20, 4)}


class TrunkSearch(Search):
    """A search without models in which trunks are trained."""

    def planner(self, **budget: Any):
        planner = super().planner(**budget)
        planner.settings = replace(planner.settings, trunk=True, plain=True)
        return planner


def trunk_outcome(trial: Trial) -> Outcome:
    outcome = score_by_number(trial)
    return (
        replace(outcome, saved=replace(SAVED, name=f'seed_{trial.seed}.pth')) if trial.role is Role.TRUNK else outcome
    )


@pytest.mark.parametrize('slots', [1, 2, 3])
def test_each_trial_continues_the_trunk_of_its_seed(tmp_path: Path, slots: int) -> None:
    search = TrunkSearch(tmp_path)
    search.run(trunk_outcome, duration=lambda trial: 9.0 if trial.role is Role.TRUNK else 1.0, slots=slots)
    history = search.history
    trunks = {trial.seed: trial.number for trial in history.of_role(Role.TRUNK)}
    assert len(trunks) == len(history.of_role(Role.TRUNK)) == 3, 'one for each of the seeds 3, 4, 5'
    for trial in history:
        if trial.role in (Role.TRUNK, Role.PLAIN):
            assert trial.begin is None
        else:
            assert trial.begin is not None and trial.begin.name == f'seed_{trial.seed}.pth'
            assert trunks[trial.seed] < trial.number
    assert [trial.seed for trial in history.of_role(Role.PLAIN)] == [3, 4], 'as the hand-made losses after a trunk'
    assert len(history.of_role(Role.FINALIST)) == 4


def test_workers_go_on_while_a_trunk_is_trained(tmp_path: Path) -> None:
    search = TrunkSearch(tmp_path)
    events = search.run(trunk_outcome, duration=lambda trial: 9.0 if trial.role is Role.TRUNK else 1.0, slots=2)
    assert events[:4] == ['+0 trunk', '-0', '+1 baseline', '-1'] or events[0] == '+0 trunk'
    begun = [event.split()[1] for event in events if event.startswith('+')]
    assert begun[:4] == ['trunk', 'baseline', 'trunk', 'plain'], (
        'the second trunk does not keep the other slot waiting'
    )


def test_failed_trunk_ends_the_search_and_is_trained_again_on_resume(tmp_path: Path) -> None:
    search = TrunkSearch(tmp_path)
    with pytest.raises(SetupError, match='hand-made losses could not be trained'):
        search.run(lambda trial: Outcome(State.FAILED, reason='not finite: loss_cls is nan'))
    assert [trial.role for trial in search.history] == [Role.TRUNK]
    search.run(trunk_outcome, resume=True)
    assert [trial.seed for trial in search.history.of_role(Role.TRUNK)] == [3, 3, 4, 5]


def test_later_trunk_that_fails_takes_its_trials_with_it(tmp_path: Path) -> None:
    """The search does not end there, nor does it train that trunk for ever."""

    def outcome(trial: Trial) -> Outcome:
        failed = trial.role is Role.TRUNK and trial.seed == 5  # of finalists alone
        return Outcome(State.FAILED, reason='not finite: loss is nan') if failed else trunk_outcome(trial)

    search = TrunkSearch(tmp_path)
    search.run(outcome, slots=2)
    trials = [trial for trial in search.history if trial.seed == 5]
    assert [trial.role for trial in trials] == [Role.TRUNK, *[Role.FINALIST] * (len(trials) - 1)] and len(trials) > 1
    assert {trial.state for trial in trials} == {State.FAILED}
    assert search.run(outcome, resume=True) == []


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='kills as Linux does')
def test_killed_after_every_third_event_it_is_the_unbroken_search(
    finished: tuple[Config, History], tmp_path: Path
) -> None:
    unbroken, work = Path(finished[0].work_dir), tmp_path / 'broken'
    sessions, code = 0, -signal.SIGKILL
    while code == -signal.SIGKILL and sessions < 100:
        code = run_to_next_event(unbroken.parent / 'toy_search.py', work, LIMIT, events=3)
        sessions += 1
    assert code == 0 and sessions > 3
    assert trial_events(work) == trial_events(unbroken), 'also the checksums of the trunks'
    for name in ('best_config.py', 'best_losses.json'):
        assert (work / name).read_text() == (unbroken / name).read_text()


def test_replay(finished: tuple[Config, History]) -> None:
    work = Path(finished[0].work_dir)
    events = read_events(work / 'journal.jsonl')
    planner = load_planner(work, events[0], work.parent / 'toy_search.py')
    replayed = list(replay(events, planner))
    assert len(replayed) == len(finished[1]) and not any(result.differences for result in replayed)


def test_probes_are_those_of_the_model_after_the_trunk(finished: tuple[Config, History], tmp_path: Path) -> None:
    work = Path(finished[0].work_dir)
    late, early = (
        load_probes(path / 'probes.pt')['cls'].samples[0].pred for path in (work, scratch(tmp_path, finished[0]))
    )
    weights = torch.load(work / 'trunks' / 'seed_0.pth', weights_only=True)['state_dict']
    assert not torch.equal(late, early)
    assert late.std() > 2 * early.std(), 'the predictions of a trained model'
    assert weights['head.cls.weight'].shape == (4, 16)


def scratch(folder: Path, cfg: Config) -> Path:
    """The work dir of the same search from scratch."""
    plain = toy_config(folder, {**SMALL, 'budget.max_trials': 1}, {'model.plain': True})
    run_toy(plain)
    return Path(plain.work_dir)


def test_best_config_trains_to_the_weights_of_the_candidate(finished: tuple[Config, History], tmp_path: Path) -> None:
    """The hook in a plain Runner does in one training what the search did in two."""
    from mmautoloss.engine import spec_of
    from mmautoloss.proxy import ProxyEvaluator

    cfg, history = finished
    winner = history.winner()
    evaluator = ProxyEvaluator(replace(spec_of(cfg).proxy, prove=False))
    outcome = evaluator.evaluate(replace(winner, outcome=None))
    assert outcome.score == winner.score
    trained = {name: weight.clone() for name, weight in evaluator.runner.bare_model.state_dict().items()}
    initial = evaluator.runner.initial_state(winner.seed)
    evaluator.close()
    best = Config.fromfile(Path(cfg.work_dir) / 'best_config.py')
    best.merge_from_dict({'work_dir': str(tmp_path), 'experiment_name': tmp_path.name, 'randomness': {'seed': 0}})
    runner = Runner.from_cfg(best)
    runner.register_hook(GivenWeightsHook(initial))
    runner.train()
    for name, weight in runner.model.state_dict().items():
        assert torch.equal(weight, trained[name]), name


@pytest.mark.parametrize('harm', ['missing', 'damaged'])
def test_trunk_of_another_file_is_refused_on_resume(tmp_path: Path, harm: str) -> None:
    cfg = trunk_config(tmp_path, seeds=[], budget__max_trials=0)
    run_toy(cfg)
    path = Path(cfg.work_dir) / 'trunks' / 'seed_0.pth'
    before = (Path(cfg.work_dir) / 'journal.jsonl').read_bytes()
    data = path.read_bytes()
    path.unlink() if harm == 'missing' else path.write_bytes(data[:-40] + bytes(40))
    cfg.train_cfg.resume = True
    with pytest.raises(SetupError, match='cannot be read' if harm == 'missing' else 'not the training that this'):
        run_toy(cfg)
    assert (Path(cfg.work_dir) / 'journal.jsonl').read_bytes() == before
    path.write_bytes(data)
    run_toy(cfg)


def test_searches_with_other_beginnings_do_not_meet(tmp_path: Path) -> None:
    cfg = trunk_config(tmp_path, seeds=[], budget__max_trials=0)
    run_toy(cfg)
    for begin in ('scratch', {'at': 0.5}, {'rate': 'scheduled'}):
        other = trunk_config(tmp_path, begin, seeds=[], budget__max_trials=0, resume=True)
        if begin == 'scratch':
            other.train_cfg.proxy.schedule = {'type': 'IterBasedTrainLoop', 'max_iters': 20}
        with pytest.raises(JournalError, match='proxy'):
            run_toy(other)


def cost(late: list[float], plain: list[float]) -> str:
    history = History()
    for role, scores in ((Role.BASELINE, late), (Role.PLAIN, plain)):
        for seed, score in enumerate(scores):
            number = len(history)
            history.add(Trial(number, role, seed))
            history.settle(number, Outcome(State.COMPLETE, score))
    found = trunk_cost_of(history, Scale('mAP', True))
    return found.text if found else ''


def test_cost_of_a_trunk() -> None:
    assert cost([0.46, 0.46, 0.47], [0.49, 0.50, 0.50]).startswith(
        'Hand-made losses score 0.4633 after a trunk and 0.4967 when trained as the config says (3 seeds): the trunk costs '
        '0.0333, more than the noise (0.0097)'
    )
    assert cost([0.46, 0.50], [0.49, 0.50]).endswith('the trunk costs nothing that shows.'), 'two seeds say little'
    assert cost([0.56, 0.55, 0.57], [0.49, 0.50, 0.50]).endswith('the trunk is a gain.')
    assert cost([0.5, 0.5], [0.5, 0.5]).endswith('the trunk costs nothing that shows.')
    assert cost([0.5, 0.4], [0.5]) == '', 'not until all are trained'
