"""A search of the toy in generations, each from the weights that the best candidate of the one before left."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config

from mmautoloss.__main__ import main
from mmautoloss.engine import search_run, spec_of, tuning_of
from mmautoloss.engine.relay_files import RelayFiles
from mmautoloss.engine.reproduction import load_spec
from mmautoloss.errors import JournalError, SetupError
from mmautoloss.testing.killed_searches import run_to_next_event
from mmautoloss.testing.known_truths import truth_config
from mmautoloss.testing.toy_searches import run_toy, tasks_config, toy_config, write_toy
from mmautoloss.trial import History, Role, Trial, read_history

FAMILY = {'cls': '-y * (1 - {a=0.5} * p) * log(p)', 'box': 'abs(p - y) + {b=0.5} * (p - y) ** 2'}
STRATEGY = {'type': 'Reinforce', 'family': FAMILY, 'samples': 3}
BUDGET = {'baseline_repeats': 1, 'confirm_seeds': 5}
CHANGES = {'proxy': {'begin': {'generations': 5}}, 'strategy': STRATEGY, 'seeds': [], 'budget': BUDGET}


def relay_config(folder: Path, **changes: Any) -> Config:
    dotted = {key.replace('__', '.'): value for key, value in changes.items()}
    return toy_config(folder, {**copy.deepcopy(CHANGES), **dotted})


@pytest.fixture(scope='module')
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cfg = relay_config(tmp_path_factory.mktemp('relay'), report=True)
    seen: list[int] = []

    class Watched(RelayFiles):
        """Counts the files after each trial."""

        def settled(self, trial: Trial, history: History) -> None:
            super().settled(trial, history)
            seen.append(len(list(self._folder.glob('*'))))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_run, 'RelayFiles', Watched)
        run_toy(cfg)
    assert max(seen) == 2, 'where the generation begins, and the best of it so far'
    return Path(cfg.work_dir)


@pytest.fixture(scope='module')
def history(finished: Path) -> History:
    return read_history(finished / 'journal.jsonl')[1]


def test_the_journal_has_name_and_checksum_of_the_weights(finished: Path, history: History) -> None:
    legs = history.of_role(Role.LEG)
    assert len(legs) == 15 and [leg.begin.iterations for leg in legs[3::3]] == [4, 8, 12, 16]
    (file,) = (finished / 'relay').iterdir()
    best = max(legs[12:], key=lambda leg: leg.score)
    assert file.name == f'leg_{best.number}.pth' and best.outcome.saved.iterations == 20
    assert hashlib.sha256(file.read_bytes()).hexdigest() == best.outcome.saved.sha256
    weights = torch.load(file, weights_only=True)['state_dict']
    assert 'head.cls.weight' in weights, 'a checkpoint of MMEngine'


def test_it_is_replayed_and_shown(finished: Path, history: History, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['replay', str(finished)]) == 0
    assert 'all are equal' in capsys.readouterr().out
    assert main(['status', '--json', str(finished)]) == 0
    status = json.loads(capsys.readouterr().out)
    (end,) = history.of_role(Role.SEARCH)
    assert status['best']['trial'] == end.number and status['trials']['leg']['settled'] == 15
    assert sum(status['pace']['left'].values()) == 0
    rows = json.loads((finished / 'report' / 'relay.json').read_text())
    assert [row['iterations'] for row in rows] == [4, 8, 12, 16, 20]
    assert [row['from_trial'] for row in rows[1:]] == [row['trial'] for row in rows[:-1]]
    page = (finished / 'report.html').read_text()
    assert '--resume' in page and '--max-trials' not in page
    assert 'id="relay"' in page and '5 of 5 generations of 3: after 20 iterations its network scores' in page
    assert str(end.genome['cls']) in (finished / 'best_losses.json').read_text()


@pytest.mark.parametrize('by_epoch', [False, True], ids=['iterations', 'epochs'])
def test_legs_with_one_loss_are_the_training_with_it(tmp_path: Path, by_epoch: bool) -> None:
    """Data order, dropout, momenta and schedule go on, so that the relay is the whole training, bit for bit."""
    steps = (
        {'type': 'EpochBasedTrainLoop', 'max_epochs': 4}
        if by_epoch
        else {'type': 'IterBasedTrainLoop', 'max_iters': 20}
    )
    still = {**STRATEGY, 'sigma': 1e-12, 'lr': 1e-12, 'samples': 2}
    proxy = {'begin': {'generations': 4}, 'schedule': steps}
    changes = {'proxy': proxy, 'strategy': still, 'budget': {'baseline_repeats': 0, 'confirm_seeds': 0}}
    base = {'train_dataloader.sampler': {'type': 'DefaultSampler', 'shuffle': True}} if by_epoch else {}
    found = run_toy(toy_config(tmp_path, {**CHANGES, **changes}, base))
    (end,) = found.of_role(Role.SEARCH)
    legs = found.of_role(Role.LEG)
    assert {leg.genome for leg in legs} == {end.genome} and legs[-1].score == end.score
    assert legs[0].score != end.score


def test_new_momenta_are_another_training(tmp_path: Path, history: History) -> None:
    found = run_toy(
        relay_config(tmp_path, proxy={'begin': {'generations': 5, 'optimizer': 'new'}}, budget__confirm_seeds=0)
    )
    pairs = list(zip(found.of_role(Role.LEG), history.of_role(Role.LEG), strict=True))
    assert [one.score for one, _ in pairs[:3]] == [other.score for _, other in pairs[:3]]
    assert all(one.score != other.score for one, other in pairs[3:6])


@pytest.mark.parametrize('seed', [0, 1])
def test_the_mean_moves_to_the_known_truth(tmp_path: Path, seed: int) -> None:
    """Wrong labels far outside: a number in the logarithm bounds the loss, which cross-entropy (0) is not."""
    family = '-y * log(p + {t=0.2, 0..5})'
    strategy = {'type': 'Reinforce', 'family': family, 'samples': 6, 'sigma': 1.0, 'lr': 0.5}
    proxy = {'begin': {'generations': 10}}
    budget = {'baseline_repeats': 2, 'confirm_seeds': 0}
    changes = {'proxy': proxy, 'strategy': strategy, 'seeds': [], 'budget': budget, 'seed': seed}
    cfg = truth_config(tmp_path, 'strays', changes)
    found = run_toy(cfg)
    (end,) = found.of_role(Role.SEARCH)
    (moved,) = load_spec(Path(cfg.work_dir)).strategy.numbers.read(end.genome)
    assert 0.2 + 0.2 * moved > 0.6
    assert end.score > max(found.baseline_scores()) + 0.1
    assert found.of_role(Role.LEG)[-1].score > max(found.baseline_scores()) + 0.1


@pytest.mark.slow
def test_two_workers_train_the_same_relay(tmp_path: Path, history: History) -> None:
    cfg = relay_config(tmp_path, execute__workers=2)
    found = run_toy(cfg)
    fields = ('number', 'role', 'genome', 'begin', 'score')
    assert [[getattr(t, name) for name in fields] for t in found] == [
        [getattr(t, name) for name in fields] for t in history
    ]
    assert len(list((Path(cfg.work_dir) / 'relay').iterdir())) == 1


@pytest.mark.slow
def test_killed_at_every_fifth_event_it_is_the_same_search(tmp_path: Path, finished: Path, history: History) -> None:
    """Beginnings and ends of legs in turn."""
    config, work = write_toy(tmp_path, CHANGES), tmp_path / 'work'
    codes: list[int | None] = []
    while codes[-1:] != [0] and len(codes) < 50:
        codes.append(run_to_next_event(config, work, 300, events=5))
    assert 8 < len(codes) < 50
    resumed = read_history(work / 'journal.jsonl')[1]
    assert [trial.to_json() for trial in resumed] == [trial.to_json() for trial in history]
    assert [trial.score for trial in resumed] == [trial.score for trial in history]
    assert [path.name for path in (work / 'relay').iterdir()] == [path.name for path in (finished / 'relay').iterdir()]


@pytest.mark.parametrize('harm', ['missing', 'damaged'])
def test_weights_of_another_file_are_refused_on_resume(tmp_path: Path, finished: Path, harm: str) -> None:
    cfg = relay_config(tmp_path)
    work = Path(cfg.work_dir)
    work.mkdir()
    lines = (finished / 'journal.jsonl').read_bytes().splitlines(keepends=True)
    ends = [number for number, line in enumerate(lines) if b'"saved":{"name":"leg_' in line]
    (work / 'journal.jsonl').write_bytes(b''.join(lines[: ends[-1] + 1]))
    (work / 'probes.pt').write_bytes((finished / 'probes.pt').read_bytes())
    (file,) = (finished / 'relay').iterdir()
    (work / 'relay').mkdir()
    if harm == 'damaged':
        (work / 'relay' / file.name).write_bytes(file.read_bytes()[:-40] + bytes(40))
    before = (work / 'journal.jsonl').read_bytes()
    cfg.train_cfg.resume = True
    error = 'cannot be read: .*Bring the file' if harm == 'missing' else 'SHA-256 begins with .* Bring that file'
    with pytest.raises(SetupError, match=error):
        run_toy(cfg)
    assert (work / 'journal.jsonl').read_bytes() == before
    (work / 'relay' / file.name).write_bytes(file.read_bytes())
    assert run_toy(cfg).winner() is not None


def test_searches_with_other_generations_do_not_meet(tmp_path: Path, finished: Path) -> None:
    cfg = relay_config(tmp_path, proxy={'begin': {'generations': 4}}, resume=True)
    cfg.work_dir = str(finished)
    with pytest.raises(JournalError, match='proxy'):
        run_toy(cfg)


REFUSED = {
    'parts': ({'proxy': {'begin': {'generations': 6}}}, 'must divide the length .*max_iters=20 is not 6 equal'),
    'one': ({'proxy': {'begin': {'generations': 1}}}, 'generations must be at least 2'),
    'optimizer': ({'proxy': {'begin': {'generations': 5, 'optimizer': 'old'}}}, "one of keep, new, but got 'old'"),
    'samples': (
        {'proxy': {'begin': {'generations': 5, 'candidates': 4}}},
        'must be 3, from which the strategy learns',
    ),
    'rung': ({'proxy': {'begin': 'best', 'rung': {'at': 0.5}}}, 'leave proxy.rung out'),
    'seeds': ({'budget.candidate_seeds': 2}, 'once: leave budget.candidate_seeds out'),
    'finalists': ({'budget.finalists': 3}, 'ends with one loss: leave budget.finalists out'),
    'funnel': ({'budget.funnel': {}}, 'leave budget.funnel out'),
    'trials': ({'budget.max_trials': 9}, 'generations times candidates trainings: leave budget.max_trials out'),
    'progress': ({'progress': True}, 'leave progress=True out'),
    'ray': ({'execute.executor': 'ray'}, 'processes of this machine: leave execute.executor out'),
}


@pytest.mark.parametrize('name', REFUSED)
def test_what_makes_no_sense_is_refused(tmp_path: Path, name: str) -> None:
    changes, error = REFUSED[name]
    with pytest.raises(SetupError, match=error):
        run_toy(toy_config(tmp_path, {**copy.deepcopy(CHANGES), **changes}))


def test_losses_of_a_relay_are_tuned_in_whole_trainings(tmp_path: Path) -> None:
    steps = {'type': 'IterBasedTrainLoop', 'max_iters': 20}
    cfg = relay_config(tmp_path, budget__max_trials=4, proxy={'begin': 'best', 'schedule': steps})
    spec = spec_of(tuning_of(cfg, FAMILY, 0.3))
    assert spec.search.relay is None and spec.training.iterations == 20 and spec.search.budget.max_trials == 4
    with pytest.raises(SetupError, match=r'tuned in whole trainings.*add the train_cfg'):
        tuning_of(relay_config(tmp_path / 'other'), FAMILY, 0.3)


def test_a_task_is_no_relay(tmp_path: Path) -> None:
    cfg = tasks_config(tmp_path)
    cfg.train_cfg.proxy = {'begin': 'best'}
    with pytest.raises(SetupError, match='has no tasks: leave tasks out'):
        run_toy(cfg)
