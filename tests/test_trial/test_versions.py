"""A journal that was written once loads for ever: files of earlier programs, and what they say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mmautoloss.errors import JournalError
from mmautoloss.search import Budget, Relay, relay_of
from mmautoloss.trial import Journal, Outcome, Record, Role, State, read_events, read_history, read_journal
from mmautoloss.trial.line import VERSION, seal

JOURNALS = Path(__file__).parent / 'journals'
VERSIONS = (1, 2, 3)

ROLES = ['baseline'] * 3 + ['known'] + ['search'] * 7 + ['finalist'] * 5
SCORES = [5, 7, 9, 6, 10, 14, None, 11, 10, 8, 12, 3, 7, 11, None, None]  # in eighteenths
TEXTS = {
    3: {'cls': '-y * log(p)', 'box': 'abs(p - y)'},
    7: {'cls': 'maxpool(log(mean_c(p)))', 'box': 'maxpool(--p)'},
    8: {'cls': 'exp(-(1 / p))', 'box': 'mean_nhw(-tanh(y))'},
    9: {'cls': 'mean_c(p * 1) + log(tanh(1))', 'box': 'abs(1 / sqrt(y))'},
    15: {'cls': 'mean_nhw(maxpool(mean_c(p ** 2)))', 'box': 'tanh(sqrt(y * p))'},
}


def copied(version: int, folder: Path) -> Path:
    return Path(shutil.copy(JOURNALS / f'version{version}.jsonl', folder / 'journal.jsonl'))


@pytest.fixture(scope='module', params=VERSIONS)
def record(request: pytest.FixtureRequest) -> Record:
    return read_journal(JOURNALS / f'version{request.param}.jsonl')


def test_trials(record: Record) -> None:
    history = record.history
    assert [trial.number for trial in history] == list(range(16))
    assert [trial.role.value for trial in history] == ROLES
    assert [trial.seed for trial in history] == [8, 9, 10, *[8] * 8, 9, 9, 9, 10, 10]
    states = {6: State.FAILED, 8: State.EQUIVALENT, 14: State.RUNNING, 15: State.RUNNING}
    assert [trial.state for trial in history] == [states.get(number, State.COMPLETE) for number in range(16)]
    assert [trial.score and round(trial.score * 18) for trial in history] == SCORES
    assert history[5].score == 14 / 18, 'to the last bit'


def test_what_was_trained(record: Record) -> None:
    history = record.history
    assert [trial.number for trial in history if trial.genome is None] == [0, 1, 2]
    assert {number: history[number].genome.to_text() for number in TEXTS} == TEXTS
    assert {number: history[number].genome['cls'].size for number in TEXTS} == {3: 5, 7: 4, 8: 4, 9: 8, 15: 5}
    assert history[8].genome == history[4].genome and history[15].genome == history[10].genome
    assert history[9].weights == {'cls': 7 / 3, 'box': 2 / 3}
    assert (history[9].parent, history[9].origin, history[14].repeats) == (5, 'fresh(cls) fresh(box)', 5)
    assert [trial.settled_before for trial in history] == [0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 11, 12, 13, 14]


def test_outcomes(record: Record) -> None:
    history = record.history
    assert history[5].outcome.metrics == {'toy/score': 14 / 18, 'toy/error': 1 - 14 / 18}
    assert (history[5].outcome.seconds, history[8].outcome.reason) == (3, 'trial 4')
    assert history[6].outcome.reason == 'Traceback (most recent call last):\n  ZeroDivisionError: 5 \u03a9 "q"'


def test_what_follows_from_them(record: Record) -> None:
    history = record.history
    assert [trial.number for trial in history.settled()] == [0, 1, 2, 3, 4, 5, 6, 8, 9, 7, 10, 12, 11, 13]
    assert [trial.number for trial in history.ranking(3)] == [7, 10, 5]
    assert history.winner().number == 7 and history.scores_of(5) == [14 / 18, 3 / 18]
    assert [trial.number for trial in history.distinct_population()] == [3, 4, 5, 7, 9, 10]
    assert (record.elapsed, history.n_proxies()) == (48.75 if record.header['version'] == 1 else 50.5, 7)


def test_version_1_knows_no_sessions() -> None:
    record = read_journal(JOURNALS / 'version1.jsonl')
    assert (record.header['version'], record.header['seed']) == (1, 8)
    assert (record.sessions, record.pulses, record.ended, record.last_time) == ([], (), None, None)
    outcome = record.history[5].outcome
    assert (outcome.stages, outcome.worker, outcome.attempts) == ({}, '', 1)
    assert record.history.funnel() == {'accepted': 12, 'low gain': 2}


def test_version_2_knows_its_sessions() -> None:
    record = read_journal(JOURNALS / 'version2.jsonl')
    assert [record.header[key] for key in ('version', 'seed', 'metric', 'rule')] == [2, 8, 'toy/score', 'greater']
    first, last = record.sessions
    assert (first.host, first.pid, first.slots, first.heartbeat) == ('node7', 4711, 2, 30.0)
    assert (first.began, first.last, first.died, first.reason) == (1767225604.25, 1767225634.0, True, None)
    assert (last.pid, last.reason, last.died, last.last) == (4800, 'interrupted', False, 1767225680.75)
    assert last.budget == {'max_trials': 7, 'max_seconds': None} and last.info['torch'] == '2.1.2'
    assert [record.attempts(number) for number in (4, 5, 6, 7, 14)] == [0, 1, 1, 0, 0]
    assert [(p.worker, p.trial, p.phase, p.step) for p in record.pulses] == [
        ('local-0', 14, 'validate', 4),
        ('local-1', 15, 'train', 9),
    ]
    assert (record.beat_time, record.last_time) == (1767225678.625, 1767225680.75)
    assert (record.settled_time[0], record.settled_elapsed[0]) == (1767225608.5, 3.25)
    outcome = record.history[6].outcome
    assert (outcome.stages['train'], outcome.worker, outcome.attempts) == (0.75, 'local-0', 2)


def test_earlier_versions_know_no_rung() -> None:
    for version in (1, 2):
        history = read_journal(JOURNALS / f'version{version}.jsonl').history
        assert {trial.bar for trial in history} == {None} and not history.rung_scores()
        assert all(trial.outcome.rung is None for trial in history.settled())


def test_version_3_knows_rungs() -> None:
    history = read_journal(JOURNALS / 'version3.jsonl').history
    assert {trial.number: trial.bar for trial in history if trial.bar is not None} == {7: 0.125, 10: 0.25}
    assert history[5].outcome.rung == 7 / 18 and history[6].outcome.rung is None
    assert history.rung_scores() == [score / 36 for score in (6, 8, 10, 11, 12, 14)], 'of candidates'


def test_version_3_knows_a_trial_that_was_stopped() -> None:
    history = read_journal(JOURNALS / 'version3_stopped.jsonl').history
    stopped = history[3]
    assert (stopped.state, stopped.score, stopped.outcome.rung, stopped.bar) == (State.STOPPED, None, 0.1875, 0.25)
    assert stopped.outcome.stages == {'build': 0.125, 'train': 0.5, 'rung': 0.125}
    assert [trial.number for trial in history.population()] == [1, 2]
    assert history.n_proxies() == 3 and history.winner().number == 2 and len(history.rung_scores()) == 3


def test_version_3_knows_a_trial_that_was_stopped_without_a_score() -> None:
    history = read_journal(JOURNALS / 'version3_unscored.jsonl').history
    stopped = history[3]
    assert (stopped.state, stopped.score, stopped.outcome.rung, stopped.bar) == (State.STOPPED, None, None, 0.25)
    assert stopped.outcome.reason.startswith('no score at the rung: The validation gave no') and not stopped.was_spared
    assert history.n_proxies() == 3 and history.winner().number == 2 and len(history.rung_scores()) == 2


def test_version_3_knows_what_a_training_left_behind() -> None:
    history = read_journal(JOURNALS / 'version3_leak.jsonl').history
    assert history[0].outcome.leak.startswith(
        'begun again, the training was not the same: model.head.calls: 0, then 8.'
    )
    assert [trial.outcome.leak for trial in history if trial.number] == [''] * 3


def test_earlier_versions_know_one_length_and_no_trunk() -> None:
    for version in VERSIONS:
        history = read_journal(JOURNALS / f'version{version}.jsonl').history
        assert {(trial.times, trial.begin) for trial in history} == {(1, None)}
        assert all(trial.outcome.saved is None for trial in history.settled())


def test_version_4_knows_fresh_seeds() -> None:
    history = read_journal(JOURNALS / 'version4_confirmed.jsonl').history
    assert history.confirmed().number == 2 and history.scores_of(2) == [0.75]
    scores = [[trial.score for trial in history.confirmations(number).values()] for number in range(3)]
    assert scores[0] == [0.25 + seed / 64 for seed in range(5)] and [*history.confirmations(2)] == [*range(1008, 1013)]
    assert scores[2][1] == 0.5 + 1 / 64 + 2 / 128


def test_version_4_knows_trunks_and_lengths() -> None:
    record = read_journal(JOURNALS / 'version4_trunk.jsonl')
    history = record.history
    assert {trial.role for trial in history} == set(Role) - {Role.FINALIST, Role.LEG} and len(history) == 41
    trunks = {(trial.seed, trial.times): trial for trial in history.of_role(Role.TRUNK)}
    assert [*trunks] == [(0, 1), (1, 1), (0, 2), (0, 3), (1, 3), *((seed, 3) for seed in range(1000, 1005))]
    assert trunks[0, 3].outcome.saved.name == 'seed_0_3x.pth' and trunks[0, 3].outcome.saved.iterations == 54
    begun = [trial for trial in history if trial.role not in (Role.TRUNK, Role.PLAIN)]
    assert all(trial.begin == trunks[trial.seed, trial.times].outcome.saved for trial in begun)
    assert [trial.score for trial in history.longer(9, 3)] == [trial.score for trial in (history[22], history[25])]
    assert history.confirmed() == history.winner() == history[9] and len(history.confirmations(9, 3)) == 5
    funnel = Budget.recorded(record.sessions[0].budget).funnel
    assert [(stage.times, stage.keep, stage.seeds) for stage in funnel.stages] == [(2, 3, 1), (3, 2, 2)]


def test_version_4_knows_several_tasks() -> None:
    history = read_journal(JOURNALS / 'version4_tasks.jsonl').history
    assert history.yardstick.to_json() == {
        'aggregate': 'gain',
        'units': {
            'near': [0.7370536824067434, 0.03191295063172772],
            'far': [-0.37425434589385986, 0.007472155135799055],
        },
    }
    assert [round(score, 4) for score in history.baseline_scores()] == [-0.7320, 1.1223, -0.3903]
    assert (history[6].score, history[6].outcome.tasks['far']) == (-0.550206121726124, -0.37508508563041687)
    assert history[6].of_task('far').weights == {'cls': 1.0, 'box': 0.5}


def test_version_4_knows_relays() -> None:
    record = read_journal(JOURNALS / 'version4_relay.jsonl')
    history, relay = record.history, relay_of(record.header)
    assert relay == Relay(5, 3) and [len(part) for part in relay.complete(history)] == [3] * 5
    winners = relay.winners(history)
    assert [winner.number for winner in winners] == [3, 5, 9, 11, 14]
    for leg in history.of_role(Role.LEG)[3:]:
        assert leg.begin == winners[(leg.number - 5) // 3].outcome.saved
    assert [trial.number for trial in history.of_role(Role.SEARCH)] == [17] and history.winner().number == 17
    assert [saved.name for saved in relay.kept(history)] == ['leg_14.pth']


def test_version_4_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    lines = (JOURNALS / 'version4_trunk.jsonl').read_bytes().splitlines(keepends=True)
    path = tmp_path / 'journal.jsonl'
    path.write_bytes(b''.join(lines[:-2]))
    whole = list(read_history(JOURNALS / 'version4_trunk.jsonl')[1])
    journal = Journal(path, {'seed': 0}, {}, resume=True)
    journal.begin(1, 30.0, {})
    journal.settle(40, whole[40].outcome, 60.0)
    journal.close()
    assert list(read_history(path)[1]) == whole


@pytest.mark.parametrize('version', VERSIONS)
def test_it_goes_on(version: int, tmp_path: Path) -> None:
    path = copied(version, tmp_path)
    before = path.read_bytes()
    known = list(read_history(path)[1])
    journal = Journal(path, {'seed': 8}, {'torch': 'later'}, resume=True)
    journal.begin(1, 30.0, {})
    journal.settle(14, Outcome(State.COMPLETE, 0.25), 60.0)
    journal.propose(known[3].__class__(16, Role.FINALIST, seed=9, genome=known[5].genome, repeats=5))
    journal.close()
    assert path.read_bytes().startswith(before), 'what was written stays'
    record = read_journal(path)
    assert list(record.history)[:14] == known[:14] and record.history[16].genome == known[5].genome
    assert record.sessions[-1].info == {'torch': 'later'} and record.header['version'] == version
    last = [event for event in read_events(path) if event['event'] == 'started'][-1]
    assert last['version'] == VERSION, 'which earlier programs refuse'


def test_continued_version_1_needs_checksums_from_there_on(tmp_path: Path) -> None:
    path = copied(1, tmp_path)
    settled = {'event': 'settled', 'number': 14, 'elapsed': 60.0, 'state': 'complete', 'score': 0.5}
    plain = json.dumps(settled) + '\n'
    path.write_text(path.read_text() + plain)
    assert read_journal(path).history[14].score == 0.5
    Journal(path, {'seed': 8}, {}, resume=True).close()
    journal = Journal(path, {'seed': 8}, {}, resume=True)
    journal.begin(1, 30.0, {})
    journal.close()
    path.write_text(path.read_text() + plain.replace('14', '15'))
    with pytest.raises(JournalError, match='line 34 is damaged: its checksum is missing'):
        read_journal(path)


def test_expressions_of_version_1_are_read_at_once(tmp_path: Path) -> None:
    """Nothing else would find them to be damaged."""
    path = copied(1, tmp_path)
    path.write_text(path.read_text().replace('maxpool(--p)', 'maxpool(--p', 1))
    with pytest.raises(JournalError, match=r'line 15 is damaged: Cannot read the expression'):
        read_journal(path)


LATER = {
    'header': seal({'event': 'search', 'time': 1.0, 'version': VERSION + 1, 'purpose': 'new'}),
    'session': seal({'event': 'started', 'time': 1.0, 'version': VERSION + 1, 'shape': 'new'}),
}


@pytest.mark.parametrize(('where', 'line'), [('header', 1), ('session', 39)])
def test_later_version_is_told(tmp_path: Path, where: str, line: int) -> None:
    path = copied(2, tmp_path)
    content = b'' if where == 'header' else path.read_bytes()
    path.write_bytes(content + LATER[where] + seal({'event': 'novelty', 'time': 2.0}))
    with pytest.raises(
        JournalError, match=rf'line {line}: .*version {VERSION + 1} .*version 1 to {VERSION} are known'
    ):
        read_journal(path)
    with pytest.raises(JournalError, match=f'version {VERSION + 1}'):
        Journal(path, {'seed': 8}, {}, resume=True)


def test_unknown_event_is_told_with_the_version(tmp_path: Path) -> None:
    path = copied(2, tmp_path)
    path.write_bytes(path.read_bytes() + seal({'event': 'novelty', 'time': 2.0}))
    with pytest.raises(JournalError, match=r"line 39 .*unknown event 'novelty'"):
        read_journal(path)
