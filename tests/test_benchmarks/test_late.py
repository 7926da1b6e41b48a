"""Rules of selection replayed on made-up tables, of which it is known what they must say."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau

pytest.importorskip('mmengine')

from mmautoloss.errors import SetupError
from tests.isolation import ROOT

HEADER = 'task,set,network,metric,loss,expression,weights,seed,split,begin,iterations,tail,images,value\n'
SHORT, MIDDLE, FULL = ('scratch', 70, 70), ('scratch', 210, 210), ('scratch', 700, 700)
LATE, TRAINED = ('late0.9', 700, 70), ('from_checkpoint_1a2b3c4d', 70, 70)
CONDITIONS = (SHORT, MIDDLE, FULL, LATE, TRAINED)
COUNT = 60


def rows_of(scores: Mapping[tuple, np.ndarray], metric: str = 'BF1', hand_made: float | None = 0.5) -> list[list]:
    """The rows of a file: scores of shape (losses, seeds) by condition."""
    rows = []
    for (begin, iterations, tail), column in scores.items():
        by_hand = [] if hand_made is None else [('hand-made', '', '', [hand_made] * column.shape[1])]
        losses = [(f'mutant-{place}', f'{{"cls": "p * {place}"}}', '1', each) for place, each in enumerate(column)]
        for loss, expression, weights, values in by_hand + losses:
            for seed, value in enumerate(values):
                begun = ('test', begin, iterations, tail, '8:ab', value)
                rows.append(['segmentation', 'toy', 'net', metric, loss, expression, weights, seed, *begun])
    return rows


def write(path: Path, rows: list[list]) -> Path:
    with path.open('w', newline='') as file:
        file.write(HEADER)
        csv.writer(file, lineterminator='\n').writerows(rows)
    return path


def made_up(noise: Mapping[tuple, float], seeds: int = 2, count: int = COUNT) -> dict[tuple, np.ndarray]:
    """Scores that are the truth and noise, or, where the noise is infinite, noise alone."""
    rng = np.random.default_rng(0)
    truth = np.linspace(0.1, 0.9, count)[:, None]
    drawn = {each: rng.normal(size=(count, seeds)) for each in CONDITIONS}
    return {
        each: 0.5 + drawn[each] if noise.get(each, 0.0) == np.inf else truth + noise.get(each, 0.0) * drawn[each]
        for each in CONDITIONS
    }


@pytest.fixture
def table(load, tmp_path: Path):
    """Makes a table of scores by way of its file."""

    def make(scores: Mapping[tuple, np.ndarray], **options):
        return load('recorded_rows').read_recorded(write(tmp_path / 'made.csv', rows_of(scores, **options)))

    return make


def run(load, monkeypatch: pytest.MonkeyPatch, capsys, *options: str) -> tuple[int, str]:
    late = load('late_replay')
    monkeypatch.setattr(late, 'QUICK_DRAWS', 40)
    monkeypatch.setattr(sys, 'argv', ['late.py', '--quick', *options])
    status = late.main()
    return status, capsys.readouterr().out


def test_the_last_line_says_what_is_known(load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """Short trainings are noise, late ones the truth with a little noise, plus a gain that is the same for all."""
    scores = made_up({SHORT: np.inf, FULL: 0.02})
    scores[LATE] = scores[FULL] + 0.0375
    path, figure = write(tmp_path / 'a.csv', rows_of(scores)), tmp_path / 'figures/late.png'
    status, out = run(load, monkeypatch, capsys, '--table', str(path), '--figure', str(figure))
    found = json.loads(out.splitlines()[-1])
    assert status == 0 and list(found) == ['tau_short', 'tau_late', 'tail_gain']
    assert abs(found['tau_short']) < 0.2 and found['tau_late'] > 0.85 and found['tail_gain'] == 0.0375
    assert figure.stat().st_size > 5000
    for title in ("Kendall's tau", 'Regret all along', 'Gain of the tail', 'Rules on the same', 'Rules for', 'Noise'):
        assert f'\n{title}' in out
    again = run(load, monkeypatch, capsys, '--table', str(path))
    assert again == (status, out), 'the same table gives the same numbers'


def test_without_a_table_it_says_how_to_make_one(load, tmp_path: Path, monkeypatch, capsys) -> None:
    late = load('late_replay')
    monkeypatch.setattr(late, 'RECORDED', tmp_path / 'none')
    monkeypatch.setattr(sys, 'argv', ['late.py'])
    with pytest.raises(SystemExit) as end:
        late.main()
    assert end.value.code == 2 and 'benchmarks/quality/record.py configs/' in capsys.readouterr().err


def test_the_table_of_camvid_comes_first(load, tmp_path: Path, capsys) -> None:
    for name in ('bccd', 'camvid'):
        (tmp_path / f'{name}.csv').touch()
    assert load('late_replay').find_table(tmp_path).name == 'camvid.csv'
    assert 'bccd.csv' in capsys.readouterr().out


def test_tau_is_that_of_scipy_between_seeds(load, table) -> None:
    agreement, made = load('agreement'), table(made_up({FULL: 0.2, SHORT: 0.2}, seeds=3))
    short, full = made.scores[made.shorter[0]], made.scores[made.full]
    pairs = [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]
    tau = agreement.tau_between_seeds(short, full, draws=500)
    assert tau.value == pytest.approx(np.mean([kendalltau(short[:, s], full[:, r]).statistic for s, r in pairs]))
    assert tau.low < tau.value < tau.high
    assert agreement.tau_between_seeds(np.ones((9, 2)), full[:9]).value is None


def test_samples_of_the_bootstrap_have_scipys_tau(load) -> None:
    """Also where losses are drawn twice, have equal scores or failed."""
    agreement, rng = load('agreement'), np.random.default_rng(0)
    one, other = rng.integers(0, 5, 12), rng.integers(0, 5, 12)
    weights = agreement.resampled(12, 20)
    taus = [
        kendalltau(np.repeat(one, counts), np.repeat(other, counts), method='asymptotic').statistic
        for counts in weights
    ]
    assert agreement._weighted_tau(one, other, weights) == pytest.approx(taus)
    failed = np.array([[-np.inf] * 2, [-np.inf] * 2, [0.2] * 2, [0.3] * 2])
    assert agreement.tau_between_seeds(failed, failed, draws=50).value == pytest.approx(1)


def test_failed_trainings_are_worst_and_never_picked(load, table) -> None:
    """The best losses fail late; so they are ranked last there, and their whole trainings do not help them."""
    scores = made_up({})
    scores[LATE][-5:] = np.nan
    made = table(scores)
    selection, rules = load('selection'), load('selection_rules')
    assert (made.scores[made.late][-5:] == -np.inf).all() and (made.judged(made.late)[-5:] == 0).all()
    draws = selection.draws_of(made, 1.0, 10)
    for stages in ((rules.Stage(made.late),), (rules.Stage(made.full), rules.Stage(made.late, 12))):
        rule = rules.Rule('late', stages)
        left = rule.rank(made, draws[0].losses, draws[0].seeds)
        assert left[0] == COUNT - 6 and not set(left) & set(range(COUNT - 5, COUNT))
        assert selection.worth_of(made, rule, made.late, draws, COUNT) == pytest.approx((scores[LATE][-6, 0], 0, 1))
    assert load('agreement').tau_between_seeds(made.scores[made.late], made.scores[made.full], 50).value < 0.9


def test_nothing_is_picked_where_everything_failed(load, table) -> None:
    scores = made_up({})
    scores[SHORT][:] = np.nan
    made = table(scores)
    selection, rules = load('selection'), load('selection_rules')
    rule = rules.Rule('short', (rules.Stage(made.shorter[0]),))
    worth = selection.worth_of(made, rule, made.full, selection.draws_of(made, 0.5, 20), 30)
    assert worth.score == pytest.approx(0.1) and worth.top == 0
    assert selection.regret_of(made, rule, made.full, 3) == pytest.approx(0.8)


def test_no_regret_where_the_order_is_right(load, table) -> None:
    made = table(made_up({SHORT: np.inf}))
    selection, rules = load('selection'), load('selection_rules')
    regret = {
        (condition, few): selection.regret_of(made, rules.Rule('', (rules.Stage(condition),)), made.full, few)
        for condition in made.conditions
        for few in (1, 3, COUNT)
    }
    short = made.shorter[0]
    assert regret[short, 1] >= regret[short, 3] >= regret[short, COUNT] == 0 and regret[short, 1] > 0.02
    assert all(value == 0 for (condition, _), value in regret.items() if condition != short)


def test_what_chose_does_not_judge(load, table) -> None:
    """All scores are noise: the pick is a loss like any other, though it was the best of many when it was chosen."""
    made = table(made_up(dict.fromkeys(CONDITIONS, np.inf), count=200))
    selection, rules = load('selection'), load('selection_rules')
    draws = selection.draws_of(made, 0.5, 400)
    rule = rules.Rule('', (rules.Stage(made.full),))
    chosen = made.scores[made.full].max()
    assert chosen > 3 and selection.worth_of(made, rule, made.full, draws, 100).score < 1.7
    twice = rules.Rule('', (rules.Stage(made.late), rules.Stage(made.late, None, 1)))
    assert selection.worth_of(made, twice, made.late, draws, 100) is None
    assert selection.regret_of(made, twice, made.late, 1) is None
    assert selection.worth_of(made, twice, made.full, draws, 100) is not None


def test_a_third_seed_judges_two(load, table) -> None:
    made = table(made_up({LATE: 0.1}, seeds=3))
    selection, rules = load('selection'), load('selection_rules')
    twice = rules.Rule('', (rules.Stage(made.late), rules.Stage(made.late, None, 1)))
    assert 0 < selection.regret_of(made, twice, made.late, 1) < 0.4
    order = (2, 0, 1)
    mean = made.scores[made.late][:, [2, 0]].mean(axis=1)
    assert list(twice.rank(made, np.arange(COUNT), order)) == list(np.argsort(-mean))
    few = rules.Rule('', (rules.Stage(made.late), rules.Stage(made.late, 6, 1)))
    best = np.argsort(-made.scores[made.late][:, 2])[:6]
    assert list(few.rank(made, np.arange(COUNT), order)) == sorted(best, key=lambda place: -mean[place])


def test_trunks_cost_once_a_seed(load, table) -> None:
    rules, made = load('selection_rules'), table(made_up({}))
    short, middle, full, late = *made.shorter, made.full, made.late
    funnel = rules.Rule('', (rules.Stage(short), rules.Stage(middle, 12), rules.Stage(full, 4)))
    assert funnel.cost(50) == 50 * 70 + 12 * 210 + 4 * 700 and funnel.cost(3) == 3 * (70 + 210 + 700)
    twice = rules.Rule('', (rules.Stage(late), rules.Stage(late, 3, 1)))
    assert twice.cost(50) == 2 * 630 + 53 * 70
    assert rules.Rule('', ()).cost(50) == 0
    assert funnel.affordable(funnel.cost(20), 60) == funnel.affordable(funnel.cost(20) + 69, 60) == 20
    assert funnel.affordable(100, 60) == 0 and funnel.affordable(10**6, 60) == 60
    with pytest.raises(SetupError, match='twice'):
        rules.Rule('', (rules.Stage(late), rules.Stage(late, 3)))


def test_luck_is_no_gain(load, table) -> None:
    """The best losses all along were lucky, and so would lose late; another seed tells that they do not."""
    made = table(made_up({FULL: 0.3, LATE: 0.3}, seeds=2, count=400))
    gains = load('late_gain')
    gain = gains.gain_of(made, made.full, gains.best(10), 200)
    difference = made.scores[made.late] - made.scores[made.full]
    lucky = np.argsort(-made.scores[made.full], axis=0)[:10]
    assert np.take_along_axis(difference, lucky, axis=0).mean() < -0.3
    assert gain.losses == 10 and gain.low < 0 < gain.high and abs(gain.mean) < 0.2


def test_gains_of_losses_that_work(load, table) -> None:
    """Half of them gain 0.1, the others lose 0.05; those below three quarters of the best are not meant."""
    scores = made_up({})
    scores[LATE] = scores[FULL] + np.where(np.arange(COUNT) % 2, 0.1, -0.05)[:, None]
    scores[LATE][scores[FULL] < 0.5] = 0
    made = table(scores)
    gain = load('late_tables').main_gain(made, 200)
    assert gain.losses == (scores[FULL][:, 0] >= 0.75 * 0.9).sum()
    assert gain.mean == pytest.approx(0.025, abs=0.01) and gain.above == pytest.approx(0.5, abs=0.05)


def test_noise_by_mean_squares(load) -> None:
    """Within losses the variance is 2; their means, 1 and 5, have 8, of which 1 is noise."""
    noise = load('agreement').noise_of(np.array([[0.0, 2.0], [4.0, 6.0], [-np.inf, 9.0]]))
    assert noise == pytest.approx((2, 3, 7**0.5, 2**0.5, 7 / 9))
    assert load('agreement').noise_of(np.array([[0.0, 2.0]])) is None


def test_a_seed_that_ranks_nothing_has_no_part_in_tau(load) -> None:
    """All losses failed with it in one of the conditions."""
    scores = np.array([[float(place), float(place + place % 2)] for place in range(8)])
    failed = np.column_stack([scores[:, 0], np.full(8, -np.inf)])
    tau = load('agreement').tau_between_seeds(failed, scores, 50)
    assert tau.value == pytest.approx(kendalltau(scores[:, 0], scores[:, 1]).statistic)
    assert tau.low <= tau.value <= tau.high


def test_what_is_not_complete_is_left_out(load, tmp_path: Path) -> None:
    """A loss without a seed, a seed and a kind of training that few have, a line that is just written."""
    rows = rows_of(made_up({}, seeds=3, count=10))
    rows = [row for row in rows if row[7] < 2 or row[4] == 'mutant-1']
    rows = [row for row in rows if row[9] != TRAINED[0] or row[4] == 'mutant-2']
    rows.remove(next(row for row in rows if row[4] == 'mutant-3' and row[9] == 'late0.9'))
    path = write(tmp_path / 'growing.csv', rows)
    path.write_text(path.read_text() + 'segmentation,toy')
    made = load('recorded_rows').read_recorded(path)
    assert len(made.losses) == 9 and made.seeds == (0, 1) and made.hand_made[made.late].tolist() == [0.5, 0.5]
    assert [made.label(each) for each in made.conditions] == ['0.1 N', '0.3 N', 'all along', 'late0.9']
    assert made.left_out == (
        '1 loss without all trainings; from_checkpoint_1a2b3c4d 70, which few losses have; seed 2, which few losses have'
    )


def test_metrics_are_chosen_and_errors_turned(load, tmp_path: Path) -> None:
    scores, read = made_up({}), load('recorded_rows').read_recorded
    rows = [*rows_of(scores, 'mIoU'), *rows_of(scores, 'seg/BF1'), *rows_of(scores, 'NME')]
    path = write(tmp_path / 'several.csv', rows)
    assert read(path).title.startswith('toy, seg/BF1') and read(path, 'mIoU').title.startswith('toy, mIoU')
    errors = read(path, 'NME')
    assert errors.scores[errors.full].max() == -0.1
    works = errors.works(errors.scores[errors.full][:, 0])
    assert works.sum() == (scores[FULL][:, 0] <= 0.1 / 0.75).sum()
    with pytest.raises(SetupError, match='must be one of mIoU, seg/BF1, NME'):
        read(path, 'AP')


@pytest.mark.parametrize(
    ('spoil', 'message'),
    [
        (lambda rows: rows.append([*rows[5][:-1], 0.123]), 'one training twice'),
        (lambda rows: rows[3].__setitem__(2, 'other'), 'one set, network and split'),
        (lambda rows: rows[3].__setitem__(-1, 'good'), 'line 5 must have numbers'),
        (lambda rows: rows[3].pop(), 'must have 14 values a row, but line 5'),
        (lambda rows: rows.__delitem__(slice(None)), 'no rows yet'),
        (lambda rows: rows.__delitem__(slice(4, None)), 'needs 4 losses with 2 seeds'),
        (lambda rows: [row.__setitem__(9, 'early') for row in rows if row[9] == 'late0.9'], 'and late ones'),
    ],
)
def test_other_files_are_refused(load, tmp_path: Path, spoil, message: str) -> None:
    rows = rows_of(made_up({}, count=6))
    spoil(rows)
    with pytest.raises(SetupError, match=message):
        load('recorded_rows').read_recorded(write(tmp_path / 'spoilt.csv', rows))


def test_trainings_on_other_images_are_not_mixed(load, tmp_path: Path) -> None:
    rows = rows_of(made_up({}))
    unsaid = [[*row[:-2], '', row[-1]] if row[7] else row for row in rows]
    assert load('recorded_rows').read_recorded(write(tmp_path / 'a.csv', unsaid)).seeds == (0, 1)
    others = [[*row[:-2], '8:cd', row[-1]] if row[7] else row for row in rows]
    with pytest.raises(SetupError, match=r'must have seen the same images, but those of .* have seen 8:ab, 8:cd'):
        load('recorded_rows').read_recorded(write(tmp_path / 'a.csv', others))


def test_the_page_of_the_recorded_table_says_what_is_printed(load, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    page = (ROOT / 'docs/results/recorded/README.md').read_text(encoding='utf-8')
    status, out = run(load, monkeypatch, capsys, '--quick', '--metric', 'BIoU')
    found = json.loads(out.splitlines()[-1])
    assert status == 0 and '47 losses' in out and '47 losses' in page
    for key, words in (('tau_short', 'a tenth with whole ones'), ('tau_late', 'late trainings with whole ones')):
        (row,) = (line for line in page.splitlines() if line.startswith('|') and words in line)
        assert row.split('|')[3].strip().startswith(f'{found[key]:.2f} (')
    (row,) = (line for line in page.splitlines() if line.startswith('| mean gain of a late loss'))
    assert row.split('|')[3].strip().startswith(f'{found["tail_gain"]:+.3f} (')
