"""The losses of a search in the model of another config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmautoloss.engine.branches import build_model
from mmautoloss.engine.data import check_files
from mmautoloss.engine.export import load_base
from mmautoloss.engine.found import found_losses
from mmautoloss.engine.given import places_of
from mmautoloss.engine.leak import require_unseen
from mmautoloss.engine.placing import match
from mmautoloss.engine.spec import SearchSpec
from mmautoloss.trial import Trial


class Transfer:
    """A config that the search was not about, and the places of its losses there.

    A loss goes where its path is the same, or the same but for numbers: one RoI loss goes to all stages of a cascade.

    Args:
        spec: The search.
        base: A plain config; its training, its validation and its hand-made losses count.
        options: Settings of it to replace, by dotted name.
        mapping: Names of searched losses, by path or name of a loss in the other model, where the paths differ.
        describe: ``network``, ``set``, ``hand_made``, ... of the rows, instead of what the search says; the network is
            otherwise named after the config, its hand-made losses after their classes.

    Raises:
        SetupError: The config cannot be read or has no place for these losses, or its validation data scored the search.
    """

    def __init__(
        self,
        spec: SearchSpec,
        base: Path,
        options: Mapping[str, Any],
        mapping: Mapping[str, str],
        describe: Mapping[str, str],
    ) -> None:
        cfg = load_base(str(base), options)
        check_files(cfg)
        require_unseen(spec.proxy.config, cfg)
        self._branches, self._mapping = spec.branches, mapping
        self._places = places_of(build_model(cfg), () if mapping else spec.branches)
        own = {'network': base.stem, 'hand_made': '+'.join(place.loss for place in self._places)}
        self._spec = replace(spec, base=cfg, describe={**spec.describe, **own, **describe})

    def move(self, trials: Sequence[Trial]) -> tuple[SearchSpec, list[Trial]]:
        """The search as if it had been about the other config, and trials of it with their losses placed there.

        Args:
            trials: Trials with a genome; their losses keep their weights.
        """
        moved = [match(found_losses(self._branches, trial), self._places, self._mapping) for trial in trials]
        branches = moved[0][0]
        spec = replace(self._spec, proxy=replace(self._spec.proxy, branches=branches))
        return spec, [
            replace(trial, genome=genome, weights=weights)
            for trial, (_, genome, weights) in zip(trials, moved, strict=True)
        ]
