"""The training of a candidate: its length, its schedule, where it begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from mmautoloss.checks import require_whole
from mmautoloss.engine.config.begin import BestBegin, CheckpointBegin, TrunkBegin, read_begin
from mmautoloss.engine.config.held_rate import falling_rate, hold_rate
from mmautoloss.engine.config.sections import as_json, require_dict
from mmautoloss.engine.config.train_length import read_length
from mmautoloss.errors import SetupError
from mmautoloss.proxy import Leg, Trunk, plain_config, sha256_of


class CandidateTraining(NamedTuple):
    """The training of a candidate.

    Attributes:
        schedule: Its ``train_cfg``; with a trunk, that of trunk and rest together.
        schedulers: ``param_scheduler`` in place of that of the search config; None for that one.
        trunk: The trunk that candidates continue, if there is one.
        checkpoint: The trained model with which they begin; '' for none.
        begin: What the config says of its beginning; None for a training from scratch.
        relay: What it says of the generations of a relay, whose other trainings are from scratch.
        leg: The legs of a relay.
        header: What a journal must know of it beside the settings; empty for a training from scratch.
    """

    schedule: dict[str, Any]
    schedulers: Any = None
    trunk: Trunk | None = None
    checkpoint: str = ''
    begin: TrunkBegin | CheckpointBegin | None = None
    relay: BestBegin | None = None
    leg: Leg | None = None
    header: Mapping[str, Any] = {}

    @property
    def iterations(self) -> int | None:
        """Iterations of a candidate, after its trunk; None where its length is given in epochs."""
        iterations = self.schedule.get('max_iters')
        return iterations and iterations - (self.trunk.steps if self.trunk else 0)


def read_candidate_training(proxy: Mapping[str, Any], cfg: Config, base: Config, work_dir: Path) -> CandidateTraining:
    """Reads ``schedule`` and ``begin`` of the section ``proxy``.

    Args:
        proxy: The section.
        cfg: The search config.
        base: The plain config, whose length is the default after a trunk or checkpoint.
        work_dir: Work dir of the search.

    Raises:
        SetupError: A value cannot work.
    """
    given = proxy['schedule']
    if given is not None:
        require_dict('proxy.schedule', given)
        for key in ('max_iters', 'max_epochs'):
            if given.get(key) is not None:
                require_whole(f'proxy.schedule.{key}', given[key], 1)
    begin = read_begin(proxy['begin'])
    if begin is None and not given:
        raise SetupError("proxy needs a schedule, such as dict(type='IterBasedTrainLoop', max_iters=100).")
    if begin is None:
        return CandidateTraining(dict(given))
    if isinstance(begin, BestBegin):
        return _in_legs(begin, dict(given or plain_config(base).get('train_cfg') or {}), cfg, work_dir)
    if cfg.get('load_from') and isinstance(begin, CheckpointBegin):
        raise SetupError('Candidates begin with proxy.begin.checkpoint, so leave load_from out of the search config.')
    return training_from(begin, cfg, base, work_dir, given)


def training_from(
    begin: TrunkBegin | CheckpointBegin,
    cfg: Config,
    base: Config,
    work_dir: Path,
    given: Mapping[str, Any] | None = None,
) -> CandidateTraining:
    """The training of candidates that begin at a trunk or a checkpoint.

    Args:
        begin: Where.
        cfg: The config of their training.
        base: The plain config, whose length is the default.
        work_dir: Where trunks are saved, in the folder ``trunks``.
        given: A ``train_cfg`` in place of that of ``base``.
    """
    schedule = dict(given or plain_config(base).get('train_cfg') or {})
    if isinstance(begin, TrunkBegin):
        return _after_trunk(begin, schedule, cfg, work_dir)
    return _after_checkpoint(begin, schedule, bool(given))


def _after_trunk(begin: TrunkBegin, schedule: dict[str, Any], cfg: Config, work_dir: Path) -> CandidateTraining:
    config, length = plain_config(cfg), read_length(schedule)
    steps = length.step(begin.at)
    if not length.by_epoch:  # gradients that are being accumulated are not saved
        steps = max(1, steps - steps % _accumulative_counts(cfg))
    begin = replace(begin, at=steps / length.steps)
    held = hold_rate(config.get('param_scheduler'), schedule, begin.at) if begin.rate == 'held' else None
    trunk = Trunk(steps, str(work_dir / 'trunks'), begin.optimizer == 'keep')
    return CandidateTraining(schedule, held, trunk, begin=begin, header={'schedule': as_json(schedule)})


def _in_legs(begin: BestBegin, schedule: dict[str, Any], cfg: Config, work_dir: Path) -> CandidateTraining:
    length, parts = read_length(schedule), begin.generations
    counts = 1 if length.by_epoch else _accumulative_counts(cfg)
    if length.steps % (parts * counts):
        of = f', in whole optimiser steps of {counts} iterations,' * (counts > 1)
        raise SetupError(
            f'proxy.begin.generations must divide the length of the training{of} but {length.key}={length.steps} is not '
            f'{parts} equal parts: choose another number, or another length in proxy.schedule.'
        )
    leg = Leg(length.steps // parts, str(work_dir / 'relay'), begin.optimizer == 'keep')
    header = {'schedule': as_json(schedule), 'generations': parts}
    return CandidateTraining(schedule, relay=begin, leg=leg, header=header)


def _accumulative_counts(cfg: Config) -> int:
    return (plain_config(cfg).get('optim_wrapper') or {}).get('accumulative_counts') or 1


def _after_checkpoint(begin: CheckpointBegin, schedule: dict[str, Any], given: bool) -> CandidateTraining:
    length = read_length(schedule)
    if not given:
        length = length._replace(steps=max(1, round(begin.length * length.steps)))
        schedule[length.key] = length.steps
    schedulers = None if begin.rate is None else [falling_rate(length, 0, begin.rate)]
    path = Path(begin.checkpoint).absolute()
    header = {'schedule': as_json(schedule), 'sha256': sha256_of(path)}
    return CandidateTraining(schedule, schedulers, checkpoint=str(path), begin=begin, header=header)
