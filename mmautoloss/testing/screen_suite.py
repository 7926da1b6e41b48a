"""Conformance tests of screens; inherit the suite in a test and define how to build yours.

Example:
    .. code-block:: python

        class TestMine(ScreenSuite):
            def build(self):
                return MyScreen(input_kind('delta'))
"""

from __future__ import annotations

import random

import numpy as np
import torch

from mmautoloss.expr import Tree, canonical, parse, random_tree
from mmautoloss.screen import REASONS, Screen, Verdict

DIGITS = 2

TWINS = {
    'p': [
        ('abs(p - y)', 'abs(y - p)'),
        ('(p - y) ** 2', '(p - y) * (p - y)'),
        ('abs(p - y) + (p - y) ** 2 + tanh(p) * y', 'y * tanh(p) + ((y - p) ** 2 + abs(p - y))'),
        ('abs(p - y) * exp(p) * y', 'y * (exp(p) * abs(p - y))'),
        ('p', 'p + 0'),
    ],
    'i': [
        ('1 - i / u', '2 - i / u'),
        ('(e - u) / e + i * u * e', 'e * (u * i) + (e - u) / e'),
        ('abs(u - i) * exp(i) * e', 'e * (exp(i) * abs(i - u))'),
    ],
}
"""Pairs of expressions with one canonical form, by a name that they read; most are rounded differently."""


class ScreenSuite:
    """Tests of the contract of ``Screen``; run by pytest in a class that inherits it.

    Attributes:
        trees: Number of random expressions that are judged.
    """

    trees = 40

    def build(self) -> Screen:
        """A new screen, the same at each call."""
        raise NotImplementedError

    def twins(self, screen: Screen) -> list[tuple[Tree, Tree]]:
        """Pairs of expressions with one canonical form, of the names that the screen's expressions read."""
        pairs = next(pairs for name, pairs in TWINS.items() if name in screen.kind.names)
        return [(parse(one), parse(other)) for one, other in pairs]

    def sample(self, screen: Screen) -> list[Tree]:
        """Random expressions, and some that are no losses."""
        rng = random.Random(7)
        names = screen.kind.names
        trees = [random_tree(rng, names, depth) for depth in (1, 2, 3, 4) for _ in range(self.trees // 4)]
        return [*trees, parse(names[0]), parse(names[1]), *(tree for pair in self.twins(screen) for tree in pair)]

    def test_verdict_never_changes(self) -> None:
        """Neither after other expressions, nor by repetition, nor in another instance."""
        screen, other = self.build(), self.build()
        trees = self.sample(screen)
        verdicts = [screen.judge(tree) for tree in trees]
        assert [other.judge(tree) for tree in reversed(trees)] == verdicts[::-1]
        assert [screen.judge(tree) for tree in trees] == verdicts
        for tree, verdict in list(zip(trees, verdicts, strict=True))[::9]:
            assert self.build().judge(tree) == verdict, f'{tree!s} alone'

    def test_reasons_are_known_and_some_pass(self) -> None:
        screen = self.build()
        reasons = [screen.judge(tree).reason for tree in self.sample(screen)]
        assert set(reasons) <= set(REASONS)
        assert len(set(reasons)) > 1, 'what reads no prediction is no loss'

    def test_equal_canonical_forms_share_a_verdict(self) -> None:
        screen = self.build()
        for one, other in self.twins(screen):
            form = screen.kind.from_prediction
            assert canonical(one, form) == canonical(other, form)
            assert screen.judge(one) == self.build().judge(other)
            assert screen.judge(one) == screen.judge(other)

    def test_verdict_of_a_tree_is_that_of_its_canonical_form(self) -> None:
        screen = self.build()
        for tree in self.sample(screen):
            form = canonical(tree, screen.kind.from_prediction)
            if form is not None:
                assert screen.judge(tree) == screen.judge(form), str(tree)

    def test_trees_are_left_alone(self) -> None:
        screen = self.build()
        trees = self.sample(screen)
        texts = [str(tree) for tree in trees]
        for tree in trees:
            screen.judge(tree)
        assert [str(tree) for tree in trees] == texts
        assert trees == self.sample(screen)

    def test_global_random_is_left_alone(self) -> None:
        states = self._random_states()
        screen = self.build()
        for tree in self.sample(screen):
            screen.fingerprint(screen.judge(tree), DIGITS)
        screen.hand_made_fingerprint(DIGITS)
        assert self._random_states() == states

    def test_global_random_is_not_asked(self) -> None:
        screen, trees = self.build(), self.sample(self.build())
        verdicts = []
        for seed in (1, 2):
            torch.manual_seed(seed)
            np.random.seed(seed)
            random.seed(seed)
            verdicts.append([self.build().judge(tree) for tree in trees[:6]])
        assert verdicts[0] == verdicts[1] == [screen.judge(tree) for tree in trees[:6]]

    def test_fingerprints(self) -> None:
        """They are texts, and all or none of those of accepted expressions are ''."""
        screen = self.build()
        accepted = [verdict for tree in self.sample(screen) if (verdict := screen.judge(tree)).accepted]
        assert accepted
        fingerprints = [screen.fingerprint(verdict, DIGITS) for verdict in accepted]
        assert all(isinstance(text, str) for text in fingerprints)
        assert all(fingerprints) or not any(fingerprints)
        assert fingerprints == [self.build().fingerprint(verdict, DIGITS) for verdict in accepted]
        assert isinstance(screen.hand_made_fingerprint(DIGITS), str)
        if not any(fingerprints):
            assert screen.hand_made_fingerprint(DIGITS) == '', 'it could be compared with nothing'

    def test_what_is_trained_in_spite_of_the_verdict_is_weighed_too(self) -> None:
        """As known losses are; the verdict on accepted expressions stays the same."""
        screen = self.build()
        for number, tree in enumerate(self.sample(screen)):
            verdict, weighed = screen.judge(tree), screen.weigh(tree)
            assert weighed == verdict if verdict.accepted else weighed.reason == verdict.reason, str(tree)
            assert 0 < weighed.weight < float('inf')
            assert number % 9 or self.build().weigh(tree) == weighed

    def test_what_is_not_finite_has_no_fingerprint(self) -> None:
        screen = self.build()
        for number in (float('nan'), float('inf')):
            assert screen.fingerprint(Verdict('accepted', 0.9, (1.0, number), 1.0), DIGITS) == ''

    def test_weights_are_positive(self) -> None:
        screen = self.build()
        accepted = [verdict for tree in self.sample(screen) if (verdict := screen.judge(tree)).accepted]
        assert all(0 < verdict.weight < float('inf') for verdict in accepted)

    @staticmethod
    def _random_states() -> list[object]:
        return [random.getstate(), repr(np.random.get_state()), torch.get_rng_state().tolist()]
