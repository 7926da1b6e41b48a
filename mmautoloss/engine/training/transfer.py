"""The losses of a search in the model of another config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from mmautoloss.engine.config.branches import build_model
from mmautoloss.engine.config.read import is_search, read_config
from mmautoloss.engine.config.spec import SearchSpec
from mmautoloss.engine.config.train_test import require
from mmautoloss.engine.data.datasets import apply_options, data_sets
from mmautoloss.engine.data.final_split import final_split_of
from mmautoloss.engine.data.locations import root_of
from mmautoloss.errors import SetupError, in_setup
from mmautoloss.found import found_losses, losses_of_model, match, unplaced
from mmautoloss.trial import Trial

DESCRIBED = ('task', 'set', 'network', 'hand_made')
"""Columns of rows that ``describe`` can set."""

_NEEDS = ('train_dataloader', 'train_cfg', 'optim_wrapper')


class TransferTrials(NamedTuple):
    """Trials in another model.

    Attributes:
        spec: The search with the other config as its base.
        trials: The trials with losses and weights for the branches of that config.
        left_out: Names of searched losses that have no place there.
    """

    spec: SearchSpec
    trials: list[Trial]
    left_out: tuple[str, ...]


class Transfer:
    """A config other than that of the search, and the places of the searched losses there.

    A loss goes where its path is the same, or the same but for numbers: one RoI loss goes to all stages of a cascade.

    Args:
        spec: The search.
        base: A plain config; its training, its test or validation (``final_split_of``) and its hand-made losses are used.
        options: Settings of the config to replace, by dotted name.
        mapping: Names of searched losses, by path or name of a loss in the other model, where the paths differ.
        describe: ``network``, ``set``, ``hand_made``, ... of the rows, instead of those of the search; by default the
            network is named after the config, its hand-made losses after their classes.

    Raises:
        SetupError: The config cannot be read or trained, or has no place for these losses; or rows would be taken for
            those of another training.
    """

    def __init__(
        self,
        spec: SearchSpec,
        base: Path,
        options: Mapping[str, Any],
        mapping: Mapping[str, str],
        describe: Mapping[str, str],
    ) -> None:
        cfg = read_config(str(base))
        if is_search(cfg):
            raise SetupError(f'CONFIG must be a plain config, but {base} is that of a search; name its base_config.')
        in_setup(lambda: apply_options(cfg, options))
        split = final_split_of(cfg)
        needs = (*_NEEDS, *(f'{split}_{part}' for part in ('dataloader', 'evaluator', 'cfg')))
        require(cfg, str(base), 'trained with other losses', needs, ('train', split))
        _require_described(spec.base, cfg, options, describe)
        self._branches, self._mapping = spec.branches, mapping
        self._places = losses_of_model(build_model(cfg), () if mapping else spec.branches)
        own = {'network': base.stem, 'hand_made': '+'.join(place.loss for place in self._places)}
        self._spec = replace(spec, base=cfg, describe=replace(spec.describe, **{**own, **describe}))

    def move(self, trials: Sequence[Trial]) -> TransferTrials:
        """Places the losses of trials.

        Args:
            trials: Trials with a genome, at least one.

        Raises:
            SetupError: None of the losses has a place, or one does not fit there.
        """
        searched = [found_losses(self._branches, trial) for trial in trials]
        moved = [match(losses, self._places, self._mapping) for losses in searched]
        return TransferTrials(
            replace(self._spec, proxy=replace(self._spec.proxy, branches=moved[0][0])),
            [
                replace(trial, genome=genome, weights=weights)
                for trial, (_, genome, weights) in zip(trials, moved, strict=True)
            ],
            tuple(loss.name for loss in unplaced(searched[0], self._places, self._mapping)),
        )


def _require_described(base: Config, other: Config, options: Mapping[str, Any], describe: Mapping[str, str]) -> None:
    """Requires descriptions of all differences, since trainings whose rows have equal descriptions are not repeated."""
    unknown = set(describe) - set(DESCRIBED)
    if unknown:
        raise SetupError(f'Rows are described by {", ".join(DESCRIBED)}, but got {", ".join(sorted(unknown))}.')
    changed = [key for key in options if key != 'data_root']
    if changed and 'network' not in describe:
        raise SetupError(
            f'The rows would not show that {", ".join(changed)} was changed: say how this variant is called, with '
            '--describe network=NAME.'
        )
    ours, theirs = (_roots(cfg) for cfg in (base, other))
    if ours != theirs and 'set' not in describe:
        raise SetupError(
            f'CONFIG reads its data from {", ".join(theirs)}, the search from {", ".join(ours)}: say how the data of CONFIG '
            'are called, with --describe set=NAME; the name of before, if they have only moved.'
        )


def _roots(cfg: Config) -> list[str]:
    """The roots of the data on which a plain config is trained and judged."""
    loaders = ('train_dataloader', f'{final_split_of(cfg)}_dataloader')
    return sorted({root_of(dataset) for dataset in data_sets(cfg, loaders)})
