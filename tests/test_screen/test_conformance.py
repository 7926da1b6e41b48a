"""Both screens keep the contract, of every kind of row."""

from __future__ import annotations

import pytest

from mmautoloss.expr import parse
from mmautoloss.losses import input_kind
from mmautoloss.screen import OpenScreen, ProbeScreen, RejectionTest, Screen, UntestedScreen
from mmautoloss.testing.screen_suite import ScreenSuite
from tests.test_screen.conftest import hand_made, make_probe


def probe_screen(inputs: str, balance: bool = True) -> Screen:
    probe = make_probe(inputs, rows=8, samples=2)
    return ProbeScreen(probe, RejectionTest(steps=20, lr=0.1, eta=0.3), hand_made(inputs), balance)


class TestOpenScreen(ScreenSuite):
    def build(self) -> Screen:
        return OpenScreen(input_kind('delta'))


class TestOpenScreenOfAreas(ScreenSuite):
    def build(self) -> Screen:
        return OpenScreen(input_kind('area'))


def test_an_open_screen_may_accept_everything() -> None:
    verdicts = [OpenScreen(input_kind('delta'), static).judge(parse('y ** 2')) for static in (True, False)]
    assert [verdict.accepted for verdict in verdicts] == [False, True]


class TestProbeScreenOfDeltas(ScreenSuite):
    def build(self) -> Screen:
        return probe_screen('delta')

    @pytest.mark.parametrize('digits', [1, 2, 4])
    def test_fingerprint_of_the_hand_made_loss_is_known(self, digits: int) -> None:
        assert self.build().hand_made_fingerprint(digits)


class TestProbeScreenOfScores(ScreenSuite):
    def build(self) -> Screen:
        return probe_screen('softmax')


class TestProbeScreenOfAreas(ScreenSuite):
    def build(self) -> Screen:
        return probe_screen('area')


class TestProbeScreenWithoutBalance(ScreenSuite):
    def build(self) -> Screen:
        return probe_screen('sigmoid', balance=False)


class TestUntestedScreen(ScreenSuite):
    def build(self) -> Screen:
        return untested_screen('delta')


def untested_screen(inputs: str) -> Screen:
    probe = make_probe(inputs, rows=8, samples=2)
    return UntestedScreen(probe, RejectionTest(steps=20, lr=0.1, eta=0.3), hand_made(inputs))


@pytest.mark.parametrize('text', ['abs(p - y)', '-abs(p - y)', '3 * (p - y) ** 2', 'p * y', 'y ** 2', '0 * p + y'])
def test_an_untested_screen_leaves_out_the_test_alone(text: str) -> None:
    """Weights and fingerprints are those of the whole screen, and what has no gradient is turned down all the same."""
    whole, untested = probe_screen('delta'), untested_screen('delta')
    expected, verdict = whole.judge(parse(text)), untested.judge(parse(text))
    assert verdict.accepted == (expected.reason in ('accepted', 'low gain'))
    if verdict.accepted:
        assert verdict.weight == expected.weight
        assert untested.fingerprint(verdict, 2) == whole.fingerprint(expected, 2) != ''


def test_an_untested_screen_accepts_what_the_test_refuses() -> None:
    assert probe_screen('delta').judge(parse('-abs(p - y)')).reason == 'low gain'
    assert untested_screen('delta').judge(parse('-abs(p - y)')).accepted
