"""Pictures that are held back: neither trained on, nor those that score the training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.runner import Runner

from mmautoloss.checks import WrongTypeError, require_whole
from mmautoloss.engine.data.datasets import LOADERS, data_sets
from mmautoloss.engine.data.locations import share_images
from mmautoloss.errors import SetupError, in_setup
from mmautoloss.proxy.global_random import kept_random_states

_KEYS = ('dataset', 'batch_size', 'collate_fn')


class HeldBack:
    """Batches of pictures that are held back, each a function of a seed and its number, so that resumes see the same.

    Args:
        dataloader: Config with ``dataset``, ``batch_size`` and, if needed, ``collate_fn``, as of any loader of MMEngine.
        seed: Seed of the choice.

    Raises:
        SetupError: It is no such config.
    """

    def __init__(self, dataloader: Mapping[str, Any], seed: int = 0) -> None:
        if not isinstance(dataloader, Mapping) or not {'dataset', 'batch_size'} <= set(dataloader) <= set(_KEYS):
            raise WrongTypeError(
                f'dataloader must be a dict with dataset, batch_size and, if needed, collate_fn, but got {dataloader!r}.'
            )
        require_whole('dataloader.batch_size', dataloader['batch_size'], 1)
        require_whole('seed', seed)
        self.config, self.seed = dict(dataloader), seed
        self._dataset: Any = None
        self._collate: Any = None

    def require_apart(self, cfg: Mapping[str, Any]) -> None:
        """Checks that a training uses none of these pictures, as far as its settings tell.

        Raises:
            SetupError: A loader reads them as well.
        """
        for loader in LOADERS:
            for other in data_sets(cfg, [loader]):
                if any(share_images(own, other) for own in data_sets({loader: self.config}, [loader])):
                    raise SetupError(
                        f'The pictures of the hook are those of {loader} as well, but weights of losses must be judged on '
                        'pictures that neither train the network nor score it: hold others back, such as the last ones '
                        'of the training set, with indices in both data sets.'
                    )

    def build(self) -> None:
        """Builds the data set.

        Raises:
            SetupError: It cannot be built, or has no pictures.
        """
        plain = {'num_workers': 0, 'sampler': {'type': 'DefaultSampler', 'shuffle': False}}
        with kept_random_states():  # samplers and data sets draw random numbers, of which the training keeps no trace
            loader = in_setup(lambda: Runner.build_dataloader({**plain, **self.config}))
        if not len(loader.dataset):
            raise SetupError(
                'The data set of the hook has no pictures; look at its ann_file, data_prefix and indices.'
            )
        self._dataset, self._collate = loader.dataset, loader.collate_fn

    def batch(self, number: int) -> Any:
        """A batch of random pictures, without repetition."""
        generator = torch.Generator().manual_seed((self.seed << 32) + number)
        chosen = torch.randperm(len(self._dataset), generator=generator)[: self.config['batch_size']]
        return self._collate([self._dataset[index] for index in chosen.tolist()])
