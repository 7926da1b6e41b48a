"""Check that no state of a training leaks into the next one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmautoloss.proxy.global_random import random_states
from mmautoloss.proxy.hooks import anywhere
from mmautoloss.proxy.interim import InterimHook
from mmautoloss.proxy.state import differences, fingerprint
from mmautoloss.proxy.trunk_hook import TrunkHook

ITERATIONS = 10
"""Number of iterations that are trained twice."""

_WEIGHTS = 'the weights after the first iterations'


class FarEnough(Exception):
    """A training has reached the iteration at which it is compared."""


class BeginningHook(Hook):
    """Records the beginning of a training: all state before its first iteration, and the weights after the first few.

    Args:
        ends: Whether the training ends there.

    Attributes:
        state: The state before the first iteration, by path.
        weights: The weights after ``ITERATIONS`` iterations, or after the last; empty until then, and on a GPU without
            deterministic algorithms, where equal trainings need not give equal weights.
        complete: Whether the training has reached that iteration.

    Raises:
        FarEnough: In ``after_train_iter``, if ``ends``.
    """

    priority = 'LOWEST'

    def __init__(self, ends: bool = False) -> None:
        self.ends = ends
        self.state: dict[str, str] = {}
        self.weights: dict[str, str] = {}
        self.complete = False
        self._begin = 0

    def before_train(self, runner: Any) -> None:
        """Records the state before the first iteration."""
        self._begin = runner.iter
        self.state = fingerprint(_parts(runner))

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Records the weights at the iteration of the comparison."""
        if runner.iter + 1 != min(self._begin + ITERATIONS, runner.max_iters):
            return
        self.complete = True
        if _repeats(runner):
            self.weights = fingerprint(dict(_bare(runner).state_dict()))
        if self.ends:
            raise FarEnough


_OBSERVERS = (BeginningHook, TrunkHook, InterimHook)
"""Hooks of one training alone, which change nothing in it."""


def _parts(runner: Any) -> dict[str, Any]:
    """The objects that are compared: all that are built or restored for a training, and the random states."""
    loader = runner.train_dataloader
    hooks = [hook for hook in runner.hooks if not isinstance(hook, _OBSERVERS)]
    return {
        'model': _bare(runner),
        'train_dataset': loader.dataset,
        'val_dataset': runner.val_dataloader.dataset,
        'sampler': loader.sampler,
        'batch_sampler': loader.batch_sampler,
        'collate_fn': loader.collate_fn,
        'val_evaluator': runner.val_evaluator,
        'optim_wrapper': runner.optim_wrapper,
        'param_schedulers': runner.param_schedulers,
        **{type(hook).__name__: hook for hook in hooks},
        'random numbers': random_states(),
    }


def _bare(runner: Any) -> torch.nn.Module:
    return runner.model.module if is_model_wrapper(runner.model) else runner.model


def _repeats(runner: Any) -> bool:
    """Whether equal trainings give equal weights on this device."""
    kinds = {weight.device.type for weight in runner.model.parameters()}
    return kinds <= {'cpu'} or torch.are_deterministic_algorithms_enabled()


class RepeatResult(NamedTuple):
    """Result of a check.

    Attributes:
        text: The differences and their consequence; '' if there are none.
        anew: Whether each training needs a new Runner from now on.
        leaks: Whether state leaks even into a new Runner.
    """

    text: str = ''
    anew: bool = False
    leaks: bool = False


Begin = Callable[[bool], BeginningHook]
"""Repeats the beginning of a training; in a new Runner if the argument is true."""


class RepeatCheck:
    """The check in one process: once, after the first training that is long enough.

    Args:
        enabled: Whether to check at all.

    Attributes:
        pending: Whether the check is still to be made.
        verdict: Its result.
    """

    def __init__(self, enabled: bool) -> None:
        self.pending = enabled
        self.verdict = RepeatResult()
        self._first: BeginningHook | None = None

    @property
    def ready(self) -> bool:
        """Whether the beginning of a training is recorded."""
        return self.pending and self._first is not None and self._first.complete

    def watch(self, runner: Runner) -> None:
        """Records the beginning of the next training, while the check is pending."""
        if self.pending:
            self._first = BeginningHook()
            runner.register_hook(self._first)

    def settle(self, begin: Begin) -> None:
        """Repeats the beginning of the recorded training and compares."""
        if self._first is None:
            raise ValueError('No training was watched.')
        self.pending = False
        self.verdict = prove(self._first, begin)
        self._first = None


def prove(first: BeginningHook, begin: Begin) -> RepeatResult:
    """Repeats the beginning of a training that has ended, and compares.

    Args:
        first: Its recorded beginning.
        begin: Repeats it.
    """
    state, weights = _compared(first, begin, False)
    if not _in_any_process({**state, **weights}):
        return RepeatResult()
    own_state, own_weights = _compared(first, begin, True)
    if _in_any_process(own_weights):
        return RepeatResult(_leak_text({**own_state, **own_weights}), anew=True, leaks=True)
    # state that differs in every Runner, such as a time or a name, is not left over from a training
    leftover = {path: text for path, text in state.items() if path not in own_state}
    if not _in_any_process({**leftover, **weights}):
        return RepeatResult()
    return RepeatResult(
        f'{_first({**leftover, **weights})}. This is left over from the training before, and cannot be brought back: each '
        'trial has a Runner of its own from now on, which takes longer and is right.',
        anew=True,
    )


def _compared(first: BeginningHook, begin: Begin, own: bool) -> tuple[dict[str, str], dict[str, str]]:
    """Differences of the state at the beginning, and of the weights after the first iterations."""
    try:
        repeated = begin(own)
    except (Exception, SystemExit) as error:  # of the user's model or data, which did not fail the first time
        return {}, {'the first iterations': f'done, then {type(error).__name__}: {error}'}
    weights = differences(first.weights, repeated.weights)
    return differences(first.state, repeated.state), {_WEIGHTS: 'other ones'} if weights else {}


def _in_any_process(changes: dict[str, str]) -> bool:
    return anywhere(bool(changes))


def _first(changes: dict[str, str]) -> str:
    """The first difference; later ones are often its consequences."""
    if not changes:
        return 'begun again, another process of this candidate trained otherwise'
    path, text = next(iter(changes.items()))
    more = f' (and {len(changes) - 1} more)' if len(changes) > 1 else ''
    return f'begun again, the training was not the same: {path}: {text}{more}'


def _leak_text(changes: dict[str, str]) -> str:
    return (
        f'{_first(changes)}, and so it was in a Runner of its own. Something is kept in a class or a module, or drawn with '
        'a seed of its own, so that scores may hang on the trials before: keep it in the model, the data set or the hook, '
        'or search with --isolate or several workers, where each trial then has a process of its own.'
    )
