"""The default screen of a search: a compiled version of the plain screen, much faster (docs/performance.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmautoloss.errors import SetupError
from mmautoloss.expr import Tree
from mmautoloss.screen.probe import Objective, Probe
from mmautoloss.screen.rejection import RejectionTest
from mmautoloss.screen.screen import ACCEPTED, ProbeScreen, Verdict, reason_of_gain

if TYPE_CHECKING:
    from mmautoloss.screen.native.lowering import Lowered


class FastScreen(ProbeScreen):
    """The tests of ``ProbeScreen`` in compiled code, on parts of the probe where these give a clear verdict.

    The gain is that of the step and the part at which the verdict was clear. A rejected expression gets no weight and
    signature, except from ``weigh``. The plain screen judges expressions with operators that are not compiled (``sin``,
    ``erf``, ``atan``, those of users) and kinds of input without a known activation. ``test.early`` is not used; the
    screen has its own early checks (``native/race.py``).

    As in every screen, the verdict on an expression depends on the expression alone.

    Args:
        probe: See ``ProbeScreen``.
        test: See ``ProbeScreen``.
        hand_made: See ``ProbeScreen``.
        balance: See ``ProbeScreen``.

    Raises:
        SetupError: numba is not installed.
    """

    def __init__(self, probe: Probe, test: RejectionTest, hand_made: Objective | None, balance: bool = True) -> None:
        super().__init__(probe, test, hand_made, balance)
        try:
            from mmautoloss.screen.native.compile_cache import ensure_compiled
            from mmautoloss.screen.native.fingerprints import SampleGradients
            from mmautoloss.screen.native.race import Race
        except ModuleNotFoundError as error:
            if error.name not in ('numba', 'llvmlite'):
                raise
            raise SetupError(
                f"screen.engine='fast' needs {error.name}, which is not installed: pip install numba, "
                "or set screen.engine='plain'."
            ) from None
        ensure_compiled()
        self._race = None
        if self.kind.activation and len(self._joined.pred) and len(self._joined.rows(self.kind).pred):
            self._race = Race(probe, test, self._joined)
            self._gradients, self._compared_gradients = (SampleGradients(p) for p in (probe, self._compared))

    def _try(self, tree: Tree) -> Verdict:
        program = self._program(tree)
        if self._race is None or program is None:
            return super()._try(tree)
        gain = self._race.gain(program)
        if gain is None:
            return Verdict('zero gradient')
        reason = reason_of_gain(gain, self.test.eta)
        if reason != ACCEPTED:
            return Verdict(reason, None if reason == 'not finite' else gain)
        weighed = self._weighed(tree)  # may not be finite at predictions outside of the tested parts
        return weighed._replace(gain=gain) if weighed.accepted else weighed

    def _norms(self, tree: Tree) -> tuple[float, ...]:
        program = self._program(tree)
        return super()._norms(tree) if program is None else self._gradients.norms(program)

    def _signature(self, tree: Tree) -> tuple[float, ...]:
        program = self._program(tree)
        return super()._signature(tree) if program is None else self._compared_gradients.signature(program)

    def _program(self, tree: Tree) -> Lowered | None:
        """The program for the compiled code; None where the plain screen judges."""
        from mmautoloss.screen.native.lowering import lower

        return lower(tree, self.kind) if self._race else None
