"""A search config as a Runner that is ready to search."""

from __future__ import annotations

from mmengine.config import Config
from mmengine.runner import Runner

from mmautoloss.engine.read import in_setup


def build_search(cfg: Config) -> Runner:
    """Builds the Runner of a search config, with its search and its optimiser, which is not used.

    Raises:
        SetupError: Something cannot be built, as where a type is misspelt. What only trainings need is built when the
            search begins.
    """
    return in_setup(lambda: _built(cfg))


def _built(cfg: Config) -> Runner:
    runner = Runner.from_cfg(cfg)
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    return runner
