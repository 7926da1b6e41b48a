"""Both screens keep the contract, of every kind of row."""

from __future__ import annotations

import pytest

from mmautoloss.expr import parse
from mmautoloss.losses import input_kind
from mmautoloss.screen import OpenScreen, ProbeScreen, RejectionTest, Screen
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
