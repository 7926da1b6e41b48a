"""The fast screen keeps the contract of screens, and gives the verdicts of the plain one."""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mmautoloss.errors import SetupError
from mmautoloss.expr import Tree, mutate, parse, random_tree
from mmautoloss.screen import FastScreen, Probe, ProbeScreen, RejectionTest, Sample, Screen
from mmautoloss.screen.native import race
from mmautoloss.screen.native.compiler import cache_folder
from mmautoloss.testing.screen_suite import ScreenSuite
from tests.isolation import ROOT
from tests.test_screen.test_native.conftest import CALLS, loss_by_hand, make_calls

QUICK = RejectionTest(steps=30, lr=0.2, eta=0.5, early=0)


def fast_screen(calls: str, balance: bool = True) -> Screen:
    return FastScreen(make_calls(calls), QUICK, loss_by_hand(calls), balance)


class TestDeltas(ScreenSuite):
    def build(self) -> Screen:
        return fast_screen('delta')


class TestAreas(ScreenSuite):
    def build(self) -> Screen:
        return fast_screen('area')


class TestScores(ScreenSuite):
    def build(self) -> Screen:
        return fast_screen('softmax')


class TestMapsWithoutBalance(ScreenSuite):
    def build(self) -> Screen:
        return fast_screen('softmax maps', balance=False)


class TestHeatMaps(ScreenSuite):
    def build(self) -> Screen:
        return fast_screen('heatmap')


class TestPartsOfMasks(ScreenSuite):
    """So large that parts are looked at first."""

    def build(self) -> Screen:
        return FastScreen(make_calls('mask', side=40), QUICK, loss_by_hand('mask'))


def candidates(names: tuple[str, ...], known: Tree, count: int) -> list[Tree]:
    """Half of them fresh graphs, half of them a few mutations away from the hand-made loss."""
    rng = random.Random(4)
    trees = [random_tree(rng, names, 3) for _ in range(count // 2)]
    while len(trees) < count:
        tree = known
        for _ in range(rng.randint(1, 3)):
            tree, _ = mutate(tree, rng, names, 40)
        trees.append(tree)
    return trees


@pytest.mark.slow
@pytest.mark.parametrize('calls', CALLS)
def test_verdicts_are_those_of_the_plain_screen(calls: str) -> None:
    """At least 98 % of what the plain one accepts, 99.5 % of what it rejects; ``speed/screening.py`` has thousands."""
    probe, known = make_calls(calls), loss_by_hand(calls)
    plain, fast = (screen(probe, QUICK, known) for screen in (ProbeScreen, FastScreen))
    count = {'softmax maps': 80, 'delta': 240}.get(calls, 140)  # maps take long; of deltas few are accepted
    trees = candidates(probe.kind.names, known.graph.tree, count)
    verdicts = [(plain.judge(tree), fast.judge(tree)) for tree in trees]
    kept = [found.accepted for wanted, found in verdicts if wanted.accepted]
    refused = [not found.accepted for wanted, found in verdicts if not wanted.accepted]
    assert len(kept) > 4 and sum(kept) >= 0.98 * len(kept) - 1
    assert sum(refused) >= 0.995 * len(refused) - 1
    for wanted, found in verdicts:
        if wanted.accepted and found.accepted:
            assert found.weight == pytest.approx(wanted.weight, rel=1e-3)
            assert found.signature == pytest.approx(wanted.signature, rel=1e-2, abs=1e-3)


@pytest.mark.parametrize('calls', CALLS)
def test_hand_made_losses_pass_and_are_recognised(calls: str) -> None:
    screen, known = fast_screen(calls), loss_by_hand(calls)
    verdict = screen.judge(known.graph.tree)
    assert verdict.accepted and verdict.weight == pytest.approx(1.0, rel=1e-3)
    assert screen.fingerprint(verdict, 2) == screen.hand_made_fingerprint(2)
    assert not screen.judge(parse(f'-({known.graph.tree})')).accepted


@pytest.mark.parametrize('calls', CALLS)
def test_known_losses_that_fail_the_test_have_the_weight_of_the_plain_screen(calls: str) -> None:
    probe, known = make_calls(calls), loss_by_hand(calls)
    plain, fast = (screen(probe, QUICK, known) for screen in (ProbeScreen, FastScreen))
    first = probe.kind.names[0]
    for text in (f'-3 * ({known.graph.tree})', f'{first} ** 2', f'{first} * {probe.kind.names[1]} ** 2 * 7'):
        one, other = (screen.weigh(parse(text)) for screen in (plain, fast))
        assert not (one.accepted or other.accepted) and one.weight != 1.0
        assert one.weight == pytest.approx(other.weight, rel=1e-3)
        assert one.signature == pytest.approx(other.signature, rel=1e-2, abs=1e-3)


def test_operators_that_are_not_compiled_are_judged_by_the_plain_screen() -> None:
    screen = fast_screen('delta')
    verdict = screen.judge(parse('erf(abs(p - y))'))
    assert verdict == ProbeScreen(screen.probe, QUICK, loss_by_hand('delta')).judge(parse('erf(abs(p - y))'))


def test_parts_are_only_taken_where_the_metric_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(race, 'TIERS', (race.Tier(256, 0.3, 0.2, 0.1),))
    probe = make_calls('softmax maps', side=24)
    known = loss_by_hand('softmax maps')
    assert FastScreen(probe, QUICK, known)._race._tiers
    assert not FastScreen(replace(probe, metric='BF1'), QUICK, known)._race._tiers


def test_a_part_alone_does_not_accept(monkeypatch: pytest.MonkeyPatch) -> None:
    """What passes on a part, since a heavy tail is missing there, is looked at on all."""
    monkeypatch.setattr(race, 'MIN_RATIO', 1e9)  # nothing is confirmed
    whole: list[float] = []
    screen = FastScreen(make_calls('mask', side=40), QUICK, loss_by_hand('mask'))
    last = screen._race._last.scattered
    gain_at = last.gain_at
    monkeypatch.setattr(last, 'gain_at', lambda share: whole.append(share) or gain_at(share))
    assert screen.judge(loss_by_hand('mask').graph.tree).accepted
    assert len(set(whole)) > 1


def test_without_numba_there_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith('mmautoloss.screen.native')]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, 'numba', None)
    with pytest.raises(SetupError, match=r"pip install numba, or set screen.engine='plain'"):
        fast_screen('delta')


def test_compiled_code_is_kept_by_its_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert str(cache_folder()).startswith(f'{tmp_path}/mmautoloss/native-')


def test_folder_for_compiled_code_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """When the screen is imported, and it is no error. ``test_compile_cache.py`` has what is said otherwise: nothing."""
    (tmp_path / 'file').write_text('')
    found = subprocess.run(
        [sys.executable, '-c', 'import mmautoloss.screen.native.compiler'],
        cwd=ROOT,
        env={'XDG_CACHE_HOME': str(tmp_path / 'file'), 'PATH': '', 'PYTHONPATH': str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert 'Compiled code cannot be kept' in found.stderr


def test_ignored_areas_may_fill_whole_tiles() -> None:
    """As the bonnet of a car in street scenes does."""
    probe = make_calls('softmax maps', side=48)
    for sample in probe.samples:
        sample.target[:, :17] = -1
    screen = FastScreen(probe, QUICK, loss_by_hand('softmax maps'))
    assert screen._race._tiers, 'large enough for parts'
    verdicts = [screen.judge(parse(text)) for text in ('-y * log(p)', '-maxpool(y) * log(p)', 'y * log(p)')]
    assert verdicts[0].accepted and not verdicts[2].accepted


def test_rows_may_be_single_numbers() -> None:
    """As of a centre-ness: predictions (M,)."""
    generator = torch.Generator().manual_seed(0)
    samples = tuple(
        Sample(torch.randn(9000, generator=generator), torch.rand(9000, generator=generator).round(), None, 9000.0)
        for _ in range(2)
    )
    probe = Probe('sigmoid', 'sigmoid_recall', samples, {})
    screen = FastScreen(probe, QUICK, loss_by_hand('sigmoid'))
    assert screen._race._tiers and screen.judge(loss_by_hand('sigmoid').graph.tree).accepted


def test_probe_in_which_nothing_counts() -> None:
    probe = make_calls('softmax maps')
    for sample in probe.samples:
        sample.target[:] = -1
    fast, plain = (screen(probe, QUICK, loss_by_hand('softmax maps')) for screen in (FastScreen, ProbeScreen))
    assert fast.judge(parse('-y * log(p)')) == plain.judge(parse('-y * log(p)'))
    assert not fast.judge(parse('-y * log(p)')).accepted
