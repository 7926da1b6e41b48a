"""Losses that heads call in the last epochs alone, once a hook of their library has switched them on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mmautoloss.branches import Branch, late_switch
from mmautoloss.errors import SetupError
from mmautoloss.proxy.runner import ProxyRunner


@contextmanager
def called_late(runner: ProxyRunner, branches: tuple[Branch, ...]) -> Iterator[None]:
    """Lets the heads of a model call the losses that they would call late.

    Args:
        runner: A Runner after ``reset``.
        branches: The branches whose losses are to be called.

    Raises:
        SetupError: No hook switches such a loss on before the training ends.
    """
    late = [(branch, switch) for branch in branches if (switch := late_switch(runner.bare_model, branch.path))]
    for branch, (_, name) in late:
        _require_switch(runner, branch, name)
    for _, (head, name) in late:
        setattr(head, name, True)
    try:
        yield
    finally:
        for _, (head, name) in late:
            setattr(head, name, False)


def _require_switch(runner: ProxyRunner, branch: Branch, name: str) -> None:
    epochs = runner.cfg.train_cfg.get('max_epochs', 0)
    if any(_switches(hook, epochs) for hook in runner.hooks):
        return
    raise SetupError(
        f'The loss at {branch.path!r} is called once a hook has set {name} of its head, but no hook does so in a training '
        f'of {epochs} epochs: let num_last_epochs of {" or ".join(_SWITCHING)} in custom_hooks be less, or leave this '
        'branch out.'
    )


def _switches(hook: Any, epochs: int) -> bool:
    return _SWITCHING.get(type(hook).__name__, lambda hook, epochs: False)(hook, epochs)


_SWITCHING: Mapping[str, Callable[[Any, int], bool]] = {
    'YOLOXModeSwitchHook': lambda hook, epochs: hook.num_last_epochs >= 0 and epochs > 0,
    # it switches at one epoch, which a short training may not have
    'YOLOXPoseModeSwitchHook': lambda hook, epochs: 0 <= hook.num_last_epochs < epochs,
}
"""Whether hooks of the libraries switch losses on in a training of some epochs."""
