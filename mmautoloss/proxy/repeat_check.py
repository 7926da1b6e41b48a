"""The proof that a training does not begin with what an earlier one left behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmautoloss.proxy.hooks import anywhere
from mmautoloss.proxy.rung_hook import random_states
from mmautoloss.proxy.state import differences, fingerprint

ITERATIONS = 10
"""Iterations that are trained twice."""

_WEIGHTS = 'the weights after the first iterations'


class FarEnough(Exception):
    """A training has gone as far as it is to be compared."""


class BeginningHook(Hook):
    """Notes how a training begins: all state before its first iteration, and the weights after the first few.

    Args:
        ends: Whether the training ends there.

    Attributes:
        state: The state before the first iteration, by path.
        weights: The weights after ``ITERATIONS`` iterations, or after all of them; empty until then, and where equal
            trainings need not give equal weights: on a GPU without deterministic algorithms.
        complete: Whether the training has come that far.

    Raises:
        FarEnough: In ``after_train_iter``, where the training is to end.
    """

    priority = 'LOWEST'

    def __init__(self, ends: bool = False) -> None:
        self.ends = ends
        self.state: dict[str, str] = {}
        self.weights: dict[str, str] = {}
        self.complete = False

    def before_train(self, runner: Any) -> None:
        """All is built, nothing has been trained."""
        self.state = fingerprint(_parts(runner))

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Looks at the weights when it is time."""
        if runner.iter + 1 != min(ITERATIONS, runner.max_iters):
            return
        self.complete = True
        if _repeats(runner):
            self.weights = fingerprint(dict(_bare(runner).state_dict()))
        if self.ends:
            raise FarEnough


def _parts(runner: Any) -> dict[str, Any]:
    """What is compared: all that is made or brought back for a training, and the random numbers."""
    loader = runner.train_dataloader
    hooks = [hook for hook in runner.hooks if not isinstance(hook, BeginningHook)]
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
    """Whether the same training gives the same weights here."""
    kinds = {weight.device.type for weight in runner.model.parameters()}
    return kinds <= {'cpu'} or torch.are_deterministic_algorithms_enabled()


class RepeatResult(NamedTuple):
    """What came of a proof.

    Attributes:
        text: What differed, and what follows from it; '' where nothing did.
        anew: Whether each training needs a Runner of its own from now on.
        leaks: Whether not even that helps.
    """

    text: str = ''
    anew: bool = False
    leaks: bool = False


Begin = Callable[[bool], BeginningHook]
"""Begins a training once more; in a Runner that is built for it, if the argument is true."""


class RepeatCheck:
    """The proof in one process: once, after the first training that has come far enough.

    Args:
        wanted: Whether there is to be one.

    Attributes:
        pending: Whether it is still to come.
        verdict: What came of it.
    """

    def __init__(self, wanted: bool) -> None:
        self.pending = wanted
        self.verdict = RepeatResult()
        self._first: BeginningHook | None = None

    @property
    def ready(self) -> bool:
        """Whether a training was watched that has come far enough."""
        return self.pending and self._first is not None and self._first.complete

    def watch(self, runner: Runner) -> None:
        """Looks how a training begins, as long as that is needed."""
        if self.pending:
            self._first = BeginningHook()
            runner.register_hook(self._first)

    def settle(self, begin: Begin) -> None:
        """Begins the training that was watched once more."""
        if self._first is None:
            raise ValueError('No training was watched.')
        self.pending = False
        self.verdict = prove(self._first, begin)
        self._first = None


def prove(first: BeginningHook, begin: Begin) -> RepeatResult:
    """Begins the first training once more, after it has ended, and compares.

    Args:
        first: How it began.
        begin: Begins it again.
    """
    state, weights = _compared(first, begin, False)
    if not _in_any_process({**state, **weights}):
        return RepeatResult()
    own_state, own_weights = _compared(first, begin, True)
    if _in_any_process(own_weights):
        return RepeatResult(_beyond({**own_state, **own_weights}), anew=True, leaks=True)
    # what is other in each Runner, such as a time or a name, is not left over from a training
    left = {path: text for path, text in state.items() if path not in own_state}
    if not _in_any_process({**left, **weights}):
        return RepeatResult()
    return RepeatResult(
        f'{_first({**left, **weights})}. This is left over from the training before, and cannot be brought back: each '
        'trial has a Runner of its own from now on, which takes longer and is right.',
        anew=True,
    )


def _compared(first: BeginningHook, begin: Begin, own: bool) -> tuple[dict[str, str], dict[str, str]]:
    """What is other at the beginning, and what after the first iterations."""
    try:
        then = begin(own)
    except (Exception, SystemExit) as error:  # of the user's model or data, which failed nowhere the first time
        return {}, {'the first iterations': f'done, then {type(error).__name__}: {error}'}
    found = differences(first.weights, then.weights)
    return differences(first.state, then.state), dict(list(found.items())[:1]) and {_WEIGHTS: 'other ones'}


def _in_any_process(found: dict[str, str]) -> bool:
    return anywhere(bool(found))


def _first(found: dict[str, str]) -> str:
    """The first difference; those that follow are often its consequences."""
    if not found:
        return 'begun again, another process of this candidate trained otherwise'
    path, text = next(iter(found.items()))
    more = f' (and {len(found) - 1} more)' if len(found) > 1 else ''
    return f'begun again, the training was not the same: {path}: {text}{more}'


def _beyond(found: dict[str, str]) -> str:
    return (
        f'{_first(found)}, and so it was in a Runner of its own. Something is kept in a class or a module, or drawn with a '
        'seed of its own, so that scores may hang on the trials before: keep it in the model, the data set or the hook, or '
        'search with --isolate or several workers, where each trial then has a process of its own.'
    )
