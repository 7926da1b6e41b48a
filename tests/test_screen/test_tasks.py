"""The screen of several tasks: what passes in all, with a weight in each."""

from __future__ import annotations

import pytest

from mmautoloss.expr import parse
from mmautoloss.screen import ProbeScreen, RejectionTest, TasksScreen, Verdict, join_tasks
from mmautoloss.screen.screen import Screen
from tests.test_screen.conftest import hand_made, make_probe

TREES = [parse(text) for text in ('-y * log(p)', '(p - y) ** 2', 'abs(p - y) * p', 'p * y', 'p', 'exp(p) * y')]


@pytest.fixture(scope='module')
def parts() -> dict[str, Screen]:
    test = RejectionTest(steps=20, lr=0.5)
    return {
        task: ProbeScreen(make_probe('softmax', seed), test, hand_made('softmax'))
        for task, seed in (('cnn', 1), ('mlp', 2))
    }


def test_accepted_is_what_all_accept(parts: dict[str, Screen]) -> None:
    screen = TasksScreen(parts)
    for tree in TREES:
        own = {task: part.judge(tree) for task, part in parts.items()}
        assert screen.judge(tree).accepted == all(verdict.accepted for verdict in own.values())
        weighed = screen.weigh(tree)
        assert weighed.weights('cls') == {f'{task}/cls': part.weigh(tree).weight for task, part in parts.items()}
        assert weighed.accepted == screen.judge(tree).accepted


def test_one_rejection_suffices_and_spares_the_others() -> None:
    class Counting(Screen):
        def __init__(self, reason: str, print_: str) -> None:
            self.kind, self.reason, self.print_, self.asked = None, reason, print_, 0

        def judge(self, tree: object) -> Verdict:
            self.asked += 1
            return Verdict(self.reason, 0.5, (1.0,), 3.0)

        def fingerprint(self, verdict: Verdict, digits: int) -> str:
            return self.print_

    first, second = Counting('low gain', 'a'), Counting('accepted', 'b')
    screen = TasksScreen({'one': first, 'two': second})
    assert screen.judge(TREES[0]).reason == 'low gain' and second.asked == 0
    verdict = screen.weigh(TREES[0])
    assert (verdict.reason, verdict.gain) == ('low gain', 0.5)
    assert screen.fingerprint(verdict, 2) == 'a & b', 'the same loss only where it is so in both'
    second.print_ = ''
    assert screen.fingerprint(verdict, 2) == '' == screen.hand_made_fingerprint(2)


def test_screens_of_one_task_stay_as_they_are(parts: dict[str, Screen]) -> None:
    assert join_tasks({'': {'cls': parts['cnn']}}) == {'cls': parts['cnn']}
    joined = join_tasks({task: {'cls': part} for task, part in parts.items()})
    assert joined['cls'].screens == parts
